{#-
    A select of what people do next: per person with an event in the range the name of the event that follows a pattern
    (direction backward: that comes before it), null when there is none.

        {{ footpath.next_event(['Pricing Viewed', 'Signed Up']) }}

    The pattern is events in direct succession, in the order of (event_at, event_key); backward its first event is the
    latest. It is looked for at one place, the base, and at no other: of a person's events that fit the pattern's first
    one, the first or the last in time (first_match, last_match), or the person's first or last event of all (head,
    tail). As sequenceNextNode in ClickHouse and sequence_next_node in duckdb-behavioral.
-#}
{% macro next_event(
    pattern, direction='forward', match='first_match', base=none, among=[], date_from=none, date_to=none, timezone=none,
    people=none, events=none
) %}
{%- do footpath.check_argument('next_event', 'direction', direction, ['forward', 'backward']) -%}
{%- do footpath.check_argument('next_event', 'match', match, ['first_match', 'last_match', 'head', 'tail']) -%}
{%- if pattern is string or pattern is not sequence or not pattern -%}
    {%- do exceptions.raise_compiler_error('next_event: pattern is a list of events, one at least; got ' ~ pattern) -%}
{%- endif -%}
{%- set definitions = [] -%}
{%- for definition in pattern + ([] if base is none else [base]) -%}
    {%- do definitions.append(footpath.event_definition(definition)) -%}
{%- endfor -%}
{%- set others = [] -%}
{%- for definition in among -%}
    {%- do others.append(footpath.event_definition(definition)) -%}
{%- endfor -%}
{%- set fields = {} -%}
{%- for definition in definitions -%}
    {%- do fields.update({
        'event_fits_' ~ loop.index: 'case when ' ~ footpath.event_condition(definition) ~ ' then 1 else 0 end'
    }) -%}
{%- endfor -%}
{%- set to = 'asc' if direction == 'forward' else 'desc' -%}
{%- set succession = 'partition by person_id order by event_at ' ~ to ~ ', event_key ' ~ to -%}
{%- set wanted = 'asc' if match in ('first_match', 'head') else 'desc' -%}
with pattern_events as (

    {{ footpath.analysis_events(others, fields, people, events, narrow=footpath.is_narrow(definitions)) | indent(4) }}

),

fitted as (

    select *
    from pattern_events
    where {{ footpath.in_range('event_at', date_from, date_to, timezone) }}

),

-- Each event with whether the whole pattern begins there, and with what follows it then.
succession as (

    select
        person_id,
        event_key,
        event_at,
        event_fits_1,
        {{ 1 if base is none else 'event_fits_' ~ definitions | length }} as may_be_base,
        event_fits_1
        {%- for _ in pattern[1:] %}
        * coalesce(lead(event_fits_{{ loop.index + 1 }}, {{ loop.index }}) over ({{ succession }}), 0)
        {%- endfor %} as pattern_fits,
        lead(event_name, {{ pattern | length }}) over ({{ succession }}) as next_event
    from fitted

),

ranked as (

    select
        person_id,
        {{ 'may_be_base' if match in ('head', 'tail') else 'may_be_base * event_fits_1' }} as is_base,
        pattern_fits,
        next_event,
        row_number() over (
            partition by person_id
            order by
                {% if match not in ('head', 'tail') %}may_be_base * event_fits_1 desc, {% endif -%}
                event_at {{ wanted }}, event_key {{ wanted }}
        ) as place
    from succession

)

select
    person_id,
    case when is_base = 1 and pattern_fits = 1 then next_event end as next_event
from ranked
where place = 1
{% endmacro %}
