{#-
    A select of what goes together with a conversion: one row per event (or value of `driver`) that people did between
    their first step and their last. It is association, never cause.

        {{ footpath.conversion_drivers('Signed Up', 'Subscription Started', window_seconds=14 * 86400) }}

    Everybody counts who did `start` in the range, from their first one on. Who did `target` then, at the same time or at
    most window_seconds later (edge included), is a converter, the others are droppers. The events of a converter lie between
    the start and the first such target, those of a dropper between the start and the end of the window (edge included),
    without those that are a start or target themselves. An event at the very time of the start or the target is not
    between them.

    With s of S converters and f of F droppers who did an event:
        odds_ratio         ((s + 1) (F - f + 1)) / ((S - s + 1) (f + 1))
        risk_difference    s / (s + f) - (S - s) / (S - s + F - f): how much more often those convert who did it
        risk_difference_low, risk_difference_high   its 95 % interval, by Newcombe's hybrid score method
    Null where nobody, or everybody, did it.
-#}
{% macro conversion_drivers(
    start, target, window_seconds=none, driver='event_name', date_from=none, date_to=none, timezone=none, people=none,
    events=none
) %}
{%- set start_event = footpath.event_definition(start) -%}
{%- set target_event = footpath.event_definition(target) -%}
{%- set fields = {
    'is_start': 'case when ' ~ footpath.event_condition(start_event) ~ ' then 1 else 0 end',
    'is_target': 'case when ' ~ footpath.event_condition(target_event) ~ ' then 1 else 0 end',
    'driver': 'cast(' ~ driver ~ ' as varchar)',
} -%}
with driver_events as (

    {{ footpath.analysis_events(
        fields=fields, people=people, events=events,
        narrow=footpath.is_narrow([start_event, target_event], [driver])
    ) | indent(4) }}

),

ranked_starts as (

    select
        person_id,
        event_key,
        event_at as started_at,
        row_number() over (partition by person_id order by event_at asc, event_key asc) as place
    from driver_events
    where
        is_start = 1
        and {{ footpath.in_range('event_at', date_from, date_to, timezone) }}

),

starts as (

    select
        person_id,
        event_key,
        started_at
    from ranked_starts
    where place = 1

),

targets as (

    select
        starts.person_id,
        min(events.event_at) as converted_at
    from starts
    inner join driver_events as events on starts.person_id = events.person_id
    where
        events.is_target = 1
        and events.event_at >= starts.started_at
        and events.event_key <> starts.event_key
        {%- if window_seconds is not none %}
        and events.event_at <= {{ footpath.add_seconds('starts.started_at', window_seconds) }}
        {%- endif %}
    group by starts.person_id

),

outcomes as (

    select
        starts.person_id,
        starts.started_at,
        targets.converted_at,
        case when targets.converted_at is null then 0 else 1 end as is_converter
    from starts
    left join targets on starts.person_id = targets.person_id

),

totals as (

    select
        cast(coalesce(sum(is_converter), 0) as bigint) as converter_count,
        cast(coalesce(sum(1 - is_converter), 0) as bigint) as dropper_count
    from outcomes

),

done as (

    select distinct
        outcomes.person_id,
        outcomes.is_converter,
        events.driver
    from outcomes
    inner join driver_events as events on outcomes.person_id = events.person_id
    where
        events.driver is not null
        and events.is_start = 0
        and events.is_target = 0
        and events.event_at > outcomes.started_at
        and (outcomes.converted_at is null or events.event_at < outcomes.converted_at)
        {%- if window_seconds is not none %}
        and events.event_at <= {{ footpath.add_seconds('outcomes.started_at', window_seconds) }}
        {%- endif %}

),

counted as (

    select
        driver,
        cast(sum(is_converter) as bigint) as converters_with,
        cast(sum(1 - is_converter) as bigint) as droppers_with
    from done
    group by driver

),

compared as (

    select
        counted.driver,
        counted.converters_with,
        counted.droppers_with,
        totals.converter_count,
        totals.dropper_count,
        cast(counted.converters_with as double precision) as converters_1,
        cast(counted.converters_with + counted.droppers_with as double precision) as people_1,
        cast(totals.converter_count - counted.converters_with as double precision) as converters_0,
        nullif(cast(
            totals.converter_count - counted.converters_with + totals.dropper_count - counted.droppers_with
            as double precision
        ), 0) as people_0
    from counted
    cross join totals

),

-- Wilson's score interval of each of the two rates; 1.959963984540054 standard deviations are 95 %.
intervals as (

    select
        *,
        converters_1 / people_1 as rate_1,
        converters_0 / people_0 as rate_0,
        {{ footpath.wilson_bound('converters_1', 'people_1', '-') }} as low_1,
        {{ footpath.wilson_bound('converters_1', 'people_1', '+') }} as high_1,
        {{ footpath.wilson_bound('converters_0', 'people_0', '-') }} as low_0,
        {{ footpath.wilson_bound('converters_0', 'people_0', '+') }} as high_0
    from compared

)

select
    driver,
    converters_with,
    droppers_with,
    converter_count,
    dropper_count,
    cast(converters_with + 1 as double precision) * (dropper_count - droppers_with + 1)
    / (cast(converter_count - converters_with + 1 as double precision) * (droppers_with + 1)) as odds_ratio,
    rate_1 - rate_0 as risk_difference,
    rate_1 - rate_0 - sqrt(power(rate_1 - low_1, 2) + power(high_0 - rate_0, 2)) as risk_difference_low,
    rate_1 - rate_0 + sqrt(power(high_1 - rate_1, 2) + power(rate_0 - low_0, 2)) as risk_difference_high
from intervals
{% endmacro %}


{#- A bound of Wilson's score interval (95 %) of a rate: '-' the lower one, '+' the upper one. -#}
{% macro wilson_bound(count, total, sign) -%}
    (
        {{ count }} + 1.9207294103
        {{ sign }} 1.959963984540054 * sqrt({{ count }} * ({{ total }} - {{ count }}) / {{ total }} + 0.9603647052)
    ) / ({{ total }} + 3.8414588207)
{%- endmacro %}
