{#-
    Steps up to `funnel_events`: the events that matter, once per entity, value of the breakdown that they may belong to
    and interval of an entry, with may_start (a chain may start here) and class_number (simple funnels: the one step that
    the event may fill) or one flag per class of steps (class_1 ...) and exclusion (exclusion_1 ...). `reach` is how long a
    chain may be, in seconds. Where each entity has one value of the breakdown, that is in `breakdown_values`, and
    funnel_events has none.
-#}
{% macro funnel_events(
    funnel, per, date_from, date_to, clip_to_range, reach, breakdown, breakdown_attribution, breakdown_limit,
    entry_interval, timezone, week_start, people, events
) -%}
{%- set entity = {'person': 'person_id', 'session': 'session_id'}.get(per, per) -%}
{%- set of_entity = breakdown is not none and breakdown_attribution in ('first_touch', 'last_touch') -%}
{%- set splits = breakdown is not none and not of_entity -%}
{%- set value = none if breakdown is none else breakdown.sql if breakdown is mapping else footpath.json_member('properties', breakdown) -%}
{%- set limits = [] if per == 'person' else ['entity is not null'] -%}
{%- if date_from is not none %}{% do limits.append(footpath.in_range('event_at', date_from, none, timezone)) %}{% endif -%}
{%- if date_to is not none and (clip_to_range or reach is not none) -%}
    {%- do limits.append(footpath.in_range(
        'event_at' if clip_to_range else footpath.add_seconds('event_at', -reach), none, date_to, timezone
    )) -%}
{%- endif -%}
{%- set may_start = footpath.in_range('event_at', date_from, date_to, timezone) -%}
{%- set of_step = splits and breakdown_attribution.startswith('step_') -%}
{%- set own_class = funnel.class_of[breakdown_attribution[5:] | int - 1] if of_step else none -%}
{%- set own_mark = none if own_class is none else 'class_number' if funnel.is_simple else 'class_' ~ own_class -%}
{{ footpath.funnel_events_in_time(
    funnel, entity, value if splits else none, limits, people, events, all_events=funnel.strict
) }}

{% if breakdown is not none -%}
{% if of_entity -%}
{{ footpath.funnel_events_in_time(funnel, entity, value, limits, people, events, prefix='valued_') }}

-- The first (or last) value that an event of the funnel carries.
values_of_entities as (

    {{ footpath.value_by_place(
        'valued_events_in_time', 'entity', 'own_value', ['event_at', 'event_key'], 'desc' if breakdown_attribution == 'last_touch' else 'asc'
    ) }}

),

{% else -%}
values_of_entities as (

    select distinct
        entity,
        own_value
    from events_in_time
    where {{ footpath.funnel_is_of_class(funnel, own_class) if of_step else footpath.funnel_is_marked(funnel) }}

),

{% endif -%}
{% if breakdown_limit is not none -%}
most_frequent_values as (

    select own_value
    from (
        select
            own_value,
            row_number() over (order by count(distinct entity) desc, own_value asc) as place
        from values_of_entities
        group by own_value
    ) as placed
    where place <= {{ breakdown_limit }}

),

{% endif -%}
breakdown_values as (

    select
        entity,
        own_value,
        {% if breakdown_limit is not none -%}
        case when own_value in (select frequent.own_value from most_frequent_values as frequent) then own_value else 'Other' end as breakdown
        {% else -%}
        own_value as breakdown
        {% endif %}
    from values_of_entities

),

{% endif -%}
{% if of_step -%}
-- Each value of a person is a funnel of its own, in which the step has to carry that value.
breakdowns as (

    select distinct
        entity,
        breakdown
    from breakdown_values

),

{% endif -%}
{% if splits -%}
broken_down_events as (

    select
        events_in_time.entity,
        {{ 'breakdowns' if of_step else 'breakdown_values' }}.breakdown,
        {% for mark in funnel.marks -%}
        {% if mark == own_mark -%}
        case
            when {{ footpath.funnel_is_of_class(funnel, own_class, 'events_in_time.') }} and (own.breakdown is null or own.breakdown <> breakdowns.breakdown)
                then {{ 'null' if funnel.is_simple else 0 }}
            else events_in_time.{{ mark }}
        end as {{ mark }},
        {% else -%}
        events_in_time.{{ mark }},
        {% endif -%}
        {% endfor -%}
        events_in_time.event_at
    from events_in_time
    {% if of_step -%}
    inner join breakdowns on events_in_time.entity = breakdowns.entity
    left join breakdown_values as own
        on events_in_time.entity = own.entity and events_in_time.own_value = own.own_value
    {% else -%}
    inner join breakdown_values
        on events_in_time.entity = breakdown_values.entity and events_in_time.own_value = breakdown_values.own_value
    {% endif %}

),

{% endif -%}
{%- set found = 'broken_down_events' if splits else 'events_in_time' -%}
{% if entry_interval is not none -%}
{%- set number = footpath.interval_number('event_at', entry_interval, timezone, week_start) -%}
-- The intervals in which somebody entered: a funnel for each of them.
entries as (

    select
        entity,
        {% if splits %}breakdown,
        {% endif -%}
        {{ number }} as entry_interval
    from {{ found }}
    where {{ footpath.funnel_is_of_class(funnel, funnel.class_of[0]) }} and {{ may_start }}
    group by entity, {% if splits %}breakdown, {% endif %}{{ number }}

),

bounded_entries as (

    select
        *,
        {{ footpath.interval_start_utc('entry_interval', entry_interval, timezone, week_start) }} as from_at,
        {{ footpath.interval_start_utc('entry_interval + 1', entry_interval, timezone, week_start) }} as to_at
    from entries

),

{% endif -%}
funnel_events as (

    select
        events.entity,
        {% if splits %}events.breakdown,
        {% endif -%}
        {% if entry_interval is not none -%}
        entries.entry_interval,
        {% endif -%}
        {% for mark in funnel.marks -%}
        events.{{ mark }},
        {% endfor -%}
        case when {{ footpath.in_range('events.event_at', date_from, date_to, timezone) }}{% if entry_interval is not none %} and events.event_at < entries.to_at{% endif %} then 1 else 0 end as may_start,
        events.event_at
    from {{ found }} as events
    {% if entry_interval is not none -%}
    inner join bounded_entries as entries
        on
            events.entity = entries.entity
            {% if splits -%}
            and events.breakdown = entries.breakdown
            {% endif -%}
            and events.event_at >= entries.from_at
            {% if reach is not none -%}
            and events.event_at < {{ footpath.add_seconds('entries.to_at', reach) }}
            {% endif -%}
    {% endif -%}
    {% if of_step and funnel.is_simple and not funnel.strict -%}
    where events.class_number is not null
    {% endif %}

),
{%- endmacro %}


{#-
    Steps up to <prefix>events_in_time: the events of the funnel's steps and exclusions (or all events) within `limits`,
    with entity, event_key, event_at, what marks them and, with `value`, own_value.
-#}
{% macro funnel_events_in_time(funnel, entity, value, limits, people, events, prefix='', all_events=false) -%}
{%- set is_narrow = footpath.is_narrow(funnel.classes + funnel.exclusions, [entity] + ([] if value is none else [value])) -%}
{%- set fields = {'entity': entity} -%}
{%- set wanted = [] -%}
{%- set first_times = {} -%}
{%- set numbers = [] -%}
{%- for class in funnel.classes -%}
    {%- do numbers.append('when ' ~ footpath.event_condition(class) ~ ' then ' ~ loop.index) -%}
    {%- if not funnel.is_simple -%}
        {%- do fields.update({'class_' ~ loop.index: 'case when ' ~ footpath.event_condition(class) ~ ' then 1 else 0 end'}) -%}
    {%- endif -%}
    {%- if class.first_time in (true, 'event') -%}
        {#- the first of its name is looked for among all of that name -#}
        {%- set named = {'event': class.event} -%}
        {%- do wanted.append(named) -%}
        {%- do first_times.update({loop.index: 'named_' ~ loop.index ~ ' = 1'}) -%}
        {%- do fields.update({'named_' ~ loop.index: 'case when ' ~ footpath.event_condition(named) ~ ' then 1 else 0 end'}) -%}
    {%- else -%}
        {%- do wanted.append(class) -%}
        {%- if class.first_time == 'matching' %}{% do first_times.update({loop.index: footpath.funnel_is_of_class(funnel, loop.index)}) %}{% endif -%}
    {%- endif -%}
{%- endfor -%}
{%- if funnel.is_simple %}{% do fields.update({'class_number': 'case ' ~ numbers | join(' ') ~ ' end'}) %}{% endif -%}
{%- for exclusion in funnel.exclusions -%}
    {%- do wanted.append(exclusion) -%}
    {%- do fields.update({'exclusion_' ~ loop.index: 'case when ' ~ footpath.event_condition(exclusion) ~ ' then 1 else 0 end'}) -%}
{%- endfor -%}
{%- if value is not none %}{% do fields.update({'own_value': value if prefix else 'coalesce(' ~ value ~ ", '')"}) %}{% endif -%}
{{ prefix }}all_events as{{ ' ' ~ footpath.not_materialized() if is_narrow and events is none }} (

    {{ footpath.analysis_events([] if all_events else wanted, fields, people, events, narrow=is_narrow) }}

),

{% for class, among in first_times.items() -%}
{{ prefix }}first_of_class_{{ class }} as (

    select event_key
    from (
        select
            event_key,
            row_number() over (partition by person_id order by event_at asc, event_key asc) as place
        from {{ prefix }}all_events
        where {{ among }}
    ) as placed
    where place = 1

),

{% endfor -%}
{% if first_times -%}
{{ prefix }}marked_events as (

    select
        entity,
        event_key,
        {% if value is not none %}own_value,
        {% endif -%}
        {% for mark in funnel.marks -%}
        {% set conditions = [] -%}
        {% for class in first_times if mark in ('class_number', 'class_' ~ class) -%}
        {% do conditions.append(
            'when ' ~ footpath.funnel_is_of_class(funnel, class) ~ ' and event_key not in (select chosen.event_key from '
            ~ prefix ~ 'first_of_class_' ~ class ~ ' as chosen) then ' ~ ('null' if funnel.is_simple else '0')
        ) -%}
        {% endfor -%}
        {% if conditions %}case {{ conditions | join(' ') }} else {{ mark }} end as {% endif %}{{ mark }},
        {% endfor -%}
        event_at
    from {{ prefix }}all_events

),

{% endif -%}
{%- set conditions = limits + ([footpath.funnel_is_marked(funnel)] if first_times and not all_events else []) -%}
{{ prefix }}events_in_time as (

    select *
    from {{ prefix }}{{ 'marked' if first_times else 'all' }}_events
    {% if conditions -%}
    where {{ conditions | join(' and ') }}
    {% endif %}

),
{%- endmacro %}


{#- True for events of that class of steps. -#}
{% macro funnel_is_of_class(funnel, class, prefix='') -%}
    {{ prefix }}{{ 'class_number = ' ~ class if funnel.is_simple else 'class_' ~ class ~ ' = 1' }}
{%- endmacro %}


{#- True for events of some step or exclusion. -#}
{% macro funnel_is_marked(funnel) -%}
    {{ 'class_number is not null' if funnel.is_simple else footpath.any_flag(funnel.marks) }}
{%- endmacro %}


{% macro any_flag(flags) -%}
    ({% for flag in flags %}{{ flag }} = 1{{ ' or ' if not loop.last }}{% endfor %})
{%- endmacro %}
