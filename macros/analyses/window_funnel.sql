{#-
    The level that the windowFunnel of a column store gives each person: one row per person with an event of some step,
    with person_id and level. For comparison with such numbers; `funnel` is what footpath itself means by a funnel.

        {{ footpath.window_funnel(['view', 'cart', 'purchase'], window_seconds=3600, modes=['strict_increase']) }}

    An event may fill several steps here. Events are read in order of time, at one instant in order of the steps; each
    step remembers the last start from which it was filled. modes:
        strict_increase         the times of the steps increase
        strict_once             an event fills one step
        strict_deduplication    a repeat of a step after the first one, when it is filled, ends everything
        strict_order            an event of no step, or of one whose step before is not filled, ends everything
        deduplication           a repeat of any filled step ends the chain; a later one may begin
-#}
{% macro window_funnel(
    steps, window_seconds, modes=[], dialect='clickhouse', per='person', date_from=none, date_to=none, timezone=none,
    people=none, events=none
) -%}
{%- do footpath.check_argument('window_funnel', 'dialect', dialect, ['clickhouse', 'doris', 'duckdb-behavioral', 'starrocks']) -%}
{%- for mode in modes -%}
    {%- do footpath.check_argument(
        'window_funnel', 'a mode', mode,
        ['deduplication', 'strict_deduplication', 'strict_increase', 'strict_once', 'strict_order']
    ) -%}
{%- endfor -%}
{%- if 'strict_once' in modes -%}
    {%- if modes | reject('in', ['strict_once', 'strict_increase']) | list -%}
        {%- do exceptions.raise_compiler_error(
            'window_funnel: strict_once is given with ' ~ modes | join(', ') ~ '. Allowed beside it: strict_increase'
        ) -%}
    {%- endif -%}
with {{ footpath.funnel_entities(
    steps, window_seconds, 'ordered', 'best_chain', 'first_step',
    'strict_increase' if 'strict_increase' in modes else 'step_order', per, date_from, date_to, true, [], none,
    'first_touch', none, none, timezone, none, people, events, times=false
) }}

select
    entity as person_id,
    level
from entities
{%- else -%}
{%- set definitions = [] -%}
{%- set conditions = [] -%}
{%- for step in steps -%}
    {%- do definitions.append(footpath.event_definition(step)) -%}
    {%- do conditions.append(footpath.event_condition(definitions[-1])) -%}
{%- endfor -%}
{%- set n = steps | length -%}
{%- set strict_order = 'strict_order' in modes -%}
{%- set entity = {'person': 'person_id', 'session': 'session_id'}.get(per, per) -%}
{%- set fields = {'entity': entity} -%}
{%- for definition in definitions -%}
    {%- do fields.update({'is_' ~ loop.index: 'case when ' ~ conditions[loop.index0] ~ ' then 1 else 0 end'}) -%}
{%- endfor -%}
with found_events as (

    {{ footpath.analysis_events(
        [] if strict_order else definitions, fields, people, events, narrow=footpath.is_narrow(definitions, [entity])
    ) }}

),

-- An event once for each of its steps.
level_rows as (

    {% for step in range(1, n + 1) -%}
    select
        entity,
        event_at,
        {{ step }} as step
    from found_events
    where is_{{ step }} = 1 and entity is not null and {{ footpath.in_range('event_at', date_from, date_to, timezone) }}
    {% if not loop.last or strict_order %}union all
    {% endif %}
    {%- endfor %}
    {%- if strict_order -%}
    select
        entity,
        event_at,
        0 as step
    from found_events
    where
        {% for step in range(1, n + 1) %}is_{{ step }} = 0 and {% endfor %}entity is not null
        and {{ footpath.in_range('event_at', date_from, date_to, timezone) }}
    {%- endif %}

),

ordered_rows as (

    select
        *,
        row_number() over (partition by entity order by event_at asc, step asc) as place
    from level_rows

),

{% if 'deduplication' in modes -%}
{#- A step is filled when the last row before it of an earlier step, or of its own, is of the step before. -#}
filled_1 as (

    select
        entity,
        event_at,
        step,
        place,
        event_at as started_at
    from ordered_rows
    where step = 1

),

{% for step in range(2, n + 1) -%}
filled_{{ step }} as (

    select
        entity,
        event_at,
        step,
        place,
        case
            when step < {{ step }} then started_at
            when
                step_before = {{ step - 1 }}
                {%- if window_seconds is not none %}
                and event_at <= {{ footpath.add_seconds('started_before', window_seconds) }}
                {%- endif %}
                {%- if 'strict_increase' in modes %}
                and event_at > at_before
                {%- endif %}
                then started_before
        end as started_at
    from (
        select
            *,
            lag(step) over (partition by entity order by place) as step_before,
            lag(event_at) over (partition by entity order by place) as at_before,
            lag(started_at) over (partition by entity order by place) as started_before
        from (
            select * from filled_{{ step - 1 }}
            union all
            select
                entity,
                event_at,
                step,
                place,
                null as started_at
            from ordered_rows
            where step = {{ step }}
        ) as with_step
    ) as before

),

{% endfor -%}
filled_steps as (

    select
        entity,
        max(step) as level
    from filled_{{ n }}
    where started_at is not null
    group by entity

)
{%- else -%}
filled_1 as (

    select
        *,
        case when step = 1 then event_at end as started_1
    from ordered_rows

),

{% for step in range(2, n + 1) -%}
filled_{{ step }} as (

    select
        entity,
        event_at,
        step,
        place,
        {% for done in range(1, step) -%}
        started_{{ done }},
        {% endfor -%}
        case
            when
                step = {{ step }}
                {%- if window_seconds is not none %}
                and event_at <= {{ footpath.add_seconds('started_before', window_seconds) }}
                {%- endif %}
                {%- if 'strict_increase' in modes %}
                and event_at > at_before
                {%- endif %}
                then started_before
        end as started_{{ step }}
    from (
        select
            *,
            max(started_{{ step - 1 }}) over (partition by entity order by place) as started_before,
            max(case when started_{{ step - 1 }} is not null then event_at end) over (partition by entity order by place) as at_before
        from filled_{{ step - 1 }}
    ) as before

),

{% endfor -%}
{% if strict_order or 'strict_deduplication' in modes -%}
states as (

    select
        *,
        {% for step in range(1, n + 1) -%}
        max(started_{{ step }}) over (partition by entity order by place rows between unbounded preceding and 1 preceding) as before_{{ step }}{{ ',' if not loop.last }}
        {% endfor %}
    from filled_{{ n }}

),

ends as (

    select
        entity,
        min(place) as end_place
    from states
    where
        {% if strict_order -%}
        (before_1 is not null and (step = 0{% for step in range(2, n + 1) %} or (step = {{ step }} and before_{{ step - 1 }} is null){% endfor %}))
        {%- endif %}
        {%- if strict_order and 'strict_deduplication' in modes %}
        or {% endif %}
        {%- if 'strict_deduplication' in modes -%}
        ({% for step in range(2, n + 1) %}(step = {{ step }} and before_{{ step }} is not null){{ ' or ' if not loop.last }}{% else %}false{% endfor %})
        {%- endif %}

    group by entity

),

{% endif -%}
filled_steps as (

    select
        rows_of_entities.entity,
        max(case{% for step in range(n, 0, -1) %} when rows_of_entities.started_{{ step }} is not null then {{ step }}{% endfor %} else 0 end) as level
    from filled_{{ n }} as rows_of_entities
    {% if strict_order or 'strict_deduplication' in modes -%}
    left join ends on rows_of_entities.entity = ends.entity
    where ends.end_place is null or rows_of_entities.place < ends.end_place
    {% endif -%}
    group by rows_of_entities.entity

)
{%- endif %}

select
    entity as person_id,
    level
from filled_steps
{%- endif %}
{%- endmacro %}
