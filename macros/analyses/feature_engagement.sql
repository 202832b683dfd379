{#-
    A select of how much features are used: one row per interval and feature, with

        usage_rate         the share of the people active in the interval who used it
        average_uses       uses per person who used it; average_days: days of use
        engagement_score   usage_rate x average_uses, or x average_days (measure='days')

        {{ footpath.feature_engagement(['Report Viewed', 'Alert Created'], interval='week') }}

    A feature is an event, under its name or the `name` that a mapping gives it; without `features` every name of events
    is one. Active is who has any event. Without an interval the whole range is one, and interval_start is null.
-#}
{% macro feature_engagement(
    features=none, measure='uses', interval=none, date_from=none, date_to=none, timezone=none, week_start=none,
    people=none, events=none
) %}
{%- do footpath.check_argument('feature_engagement', 'measure', measure, ['uses', 'days']) -%}
{%- do footpath.check_argument('feature_engagement', 'interval', interval, [none, 'day', 'week', 'month']) -%}
{%- set definitions = [] -%}
{%- for feature in features or [] -%}
    {%- set definition = footpath.event_definition(feature, also=['name']) -%}
    {%- if not (definition.name or definition.event) -%}
        {%- do exceptions.raise_compiler_error('feature_engagement: a feature without an event needs a name; got ' ~ feature) -%}
    {%- endif -%}
    {%- do definitions.append(definition) -%}
{%- endfor -%}
{#- A column per feature only where it has to be: names are told apart further down. -#}
{%- set is_narrow = footpath.is_narrow(definitions) -%}
{%- set fields = {} -%}
{%- if not is_narrow -%}
    {%- for definition in definitions -%}
        {%- do fields.update({
            'is_feature_' ~ loop.index: 'case when ' ~ footpath.event_condition(definition) ~ ' then 1 else 0 end'
        }) -%}
    {%- endfor -%}
{%- endif -%}
with all_events as (

    {{ footpath.analysis_events(fields=fields, people=people, events=events) | indent(4) }}

),

active_events as (

    select
        *,
        {{ '0' if interval is none else footpath.interval_number('event_at', interval, timezone, week_start) }} as interval_number,
        {{ footpath.interval_number('event_at', 'day', timezone) }} as day_number
    from all_events
    where {{ footpath.in_range('event_at', date_from, date_to, timezone) }}

),

active_people as (

    select
        interval_number,
        count(distinct person_id) as active_person_count
    from active_events
    group by interval_number

),

uses as (

    {% for definition in definitions or [none] -%}
    select
        {{ 'event_name' if definition is none else footpath.text_literal(definition.name or definition.event) }} as feature,
        interval_number,
        person_id,
        day_number,
        count(*) as use_count
    from active_events
    {% if definition is not none -%}
    where {{ footpath.event_condition(definition) if is_narrow else 'is_feature_' ~ loop.index ~ ' = 1' }}
    {% endif -%}
    group by {{ 'event_name, ' if definition is none }}interval_number, person_id, day_number
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

counted as (

    select
        feature,
        interval_number,
        count(distinct person_id) as person_count,
        cast(sum(use_count) as bigint) as use_count,
        count(*) as day_count
    from uses
    group by feature, interval_number

)

select
    counted.feature,
    {{ 'cast(null as timestamp)' if interval is none
        else footpath.interval_start('counted.interval_number', interval, timezone, week_start) }} as interval_start,
    active_people.active_person_count,
    counted.person_count,
    counted.use_count,
    counted.day_count,
    cast(counted.person_count as double precision) / active_people.active_person_count as usage_rate,
    cast(counted.use_count as double precision) / counted.person_count as average_uses,
    cast(counted.day_count as double precision) / counted.person_count as average_days,
    cast(counted.{{ 'use_count' if measure == 'uses' else 'day_count' }} as double precision)
    / active_people.active_person_count as engagement_score
from counted
inner join active_people on counted.interval_number = active_people.interval_number
{% endmacro %}
