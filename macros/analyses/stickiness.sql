{#-
    Stickiness: in how many intervals of a range people were active. A select with one row per number of intervals, from
    1 to as many as the range has: interval_count, person_count.

        {{ footpath.stickiness('Report Viewed', interval='day', date_from='2026-03-01', date_to='2026-03-31') }}

    event        what counts; none: any event
    interval     hour, day, week or month
    date_from, date_to   the range begins with the whole interval of date_from and ends with date_to; without date_from
                 it begins with the first such event, without date_to it ends with the interval of data_until
    criterion    at_least, at_most or exactly: an interval counts when it holds so many events (criterion_value). One
                 without any event never counts.
    period_length   so many intervals count as one, from the last one backwards (the first may be shorter)
    cumulative   people active in at least so many intervals, in place of exactly so many
    timezone, week_start, people, events, data_until   see retention
-#}
{% macro stickiness(
    event=none, interval='day', date_from=none, date_to=none, criterion='at_least', criterion_value=1, cumulative=false,
    period_length=1, timezone=none, week_start=none, people=none, events=none, data_until=none
) %}
{%- do footpath.check_argument('stickiness', 'interval', interval, ['hour', 'day', 'week', 'month']) -%}
{%- do footpath.check_argument('stickiness', 'criterion', criterion, footpath.criteria().keys() | list) -%}
{%- do footpath.check_whole_numbers('stickiness', 'criterion_value', [criterion_value]) -%}
{%- do footpath.check_whole_numbers('stickiness', 'period_length', [period_length]) -%}
{%- set first = footpath.interval_of(date_from, interval, timezone, week_start) if date_from is not none else none -%}
{%- set last = footpath.interval_of(date_to, interval, timezone, week_start, is_end=true) if date_to is not none
    else footpath.interval_number(data_until or footpath.data_until(), interval, timezone, week_start) -%}
{%- set stickiness_period = 'interval_number' if period_length == 1
    else 'floor(((' ~ last ~ ') - interval_number) / ' ~ period_length ~ '.0)' -%}

with active_events as (

    {{ footpath.analysis_events([footpath.event_definition(event)], people=people, events=events) }}

),

active_intervals as (

    select
        person_id,
        period_number
    from (
        select
            person_id,
            {{ stickiness_period }} as period_number
        from (
            select
                person_id,
                {{ footpath.interval_number('event_at', interval, timezone, week_start) }} as interval_number
            from active_events
            where {{ footpath.in_range('event_at', none, date_to, timezone) }}
        ) as numbered
        where {{ footpath.between_intervals('interval_number', first, last) }}
    ) as in_periods
    group by person_id, period_number
    having count(*) {{ footpath.criteria()[criterion] }} {{ criterion_value }}

),

people_intervals as (

    select
        person_id,
        count(*) as interval_count
    from active_intervals
    group by person_id

),

counted as (

    select
        interval_count,
        count(*) as person_count
    from people_intervals
    group by interval_count

),

intervals as (

    {{ footpath.whole_numbers('1', 'cast(floor(((' ~ last ~ ') - ' ~ (
        '(' ~ first ~ ')' if first
        else '(select ' ~ footpath.interval_number('min(event_at)', interval, timezone, week_start) ~ ' from active_events)'
    ) ~ ') / ' ~ period_length ~ '.0) as integer) + 1') }}

)

select
    intervals.number as interval_count,
    cast(coalesce(sum(counted.person_count), 0) as bigint) as person_count
from intervals
left join counted on intervals.number {{ '<=' if cumulative else '=' }} counted.interval_count
group by intervals.number
{% endmacro %}


{#- How often something has to have happened: the comparison of each criterion. -#}
{% macro criteria() %}
    {% do return({'at_least': '>=', 'at_most': '<=', 'exactly': '='}) %}
{% endmacro %}
