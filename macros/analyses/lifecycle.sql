{#-
    Lifecycle: how the people of each interval stand to the interval before. A select with one row per interval and
    status: interval_start (local time), status, person_count (positive). Every interval has all four:
        new           active, and their first event ever falls into the interval
        returning     active now and in the interval before
        resurrecting  active now, not in the interval before, and not new
        dormant       active in the interval before, not now
    New, returning and resurrecting add up to the people active in the interval. The interval before the range is read,
    so the first one is complete too.

        {{ footpath.lifecycle(interval='week', date_from='2026-01-05', date_to='2026-03-29') }}

    event       what counts as active; none: any event
    interval    hour, day, week or month
    date_from, date_to   whole intervals; without date_from it begins with the first activity, without date_to it ends
                with the last one or at data_until, whichever is later
    new_by      any_event       a person is new by their first event of any kind (default)
                matching_event  by their first one that matches `event`
    timezone, week_start, people, events, data_until   see retention
-#}
{% macro lifecycle(
    event=none, interval='week', date_from=none, date_to=none, new_by='any_event', timezone=none, week_start=none,
    people=none, events=none, data_until=none
) %}
{%- do footpath.check_argument('lifecycle', 'interval', interval, ['hour', 'day', 'week', 'month']) -%}
{%- do footpath.check_argument('lifecycle', 'new_by', new_by, ['any_event', 'matching_event']) -%}
{%- set definition = footpath.event_definition(event) -%}
{%- set first = footpath.interval_of(date_from, interval, timezone, week_start) if date_from is not none else none -%}
{%- set last = footpath.interval_of(date_to, interval, timezone, week_start, is_end=true) if date_to is not none else none -%}
{%- set interval_number = footpath.interval_number('event_at', interval, timezone, week_start) -%}
{%- set is_new_by_other_events = new_by == 'any_event' and definition != footpath.event_definition(none) -%}

with active_events as (

    {{ footpath.analysis_events([definition], people=people, events=events) }}

),

-- All intervals of each person: which one was their first is asked of all history.
active_intervals as (

    select distinct
        person_id,
        {{ interval_number }} as interval_number
    from active_events

),

{% if is_new_by_other_events -%}
all_events as (

    {{ footpath.analysis_events(people=people, events=events) }}

),

first_intervals as (

    select
        person_id,
        {{ footpath.interval_number('min(event_at)', interval, timezone, week_start) }} as interval_number
    from all_events
    group by person_id

),
{%- endif %}

neighbours as (

    select
        active_intervals.person_id,
        active_intervals.interval_number,
        {% if is_new_by_other_events -%}
        first_intervals.interval_number as first_interval,
        {%- else -%}
        min(active_intervals.interval_number) over (partition by active_intervals.person_id) as first_interval,
        {%- endif %}
        lag(active_intervals.interval_number) over (
            partition by active_intervals.person_id
            order by active_intervals.interval_number
        ) as previous_interval,
        lead(active_intervals.interval_number) over (
            partition by active_intervals.person_id
            order by active_intervals.interval_number
        ) as next_interval
    from active_intervals
    {%- if is_new_by_other_events %}
    inner join first_intervals on active_intervals.person_id = first_intervals.person_id
    {%- endif %}

),

statuses as (

    select
        interval_number,
        case
            when interval_number = first_interval then 'new'
            when previous_interval = interval_number - 1 then 'returning'
            else 'resurrecting'
        end as status
    from neighbours
    union all
    select
        interval_number + 1 as interval_number,
        'dormant' as status
    from neighbours
    where next_interval is null or next_interval > interval_number + 1

),

counted as (

    select
        interval_number,
        status,
        count(*) as person_count
    from statuses
    group by interval_number, status

),

intervals as (

    {{ footpath.whole_numbers(
        first or '(select min(active_intervals.interval_number) from active_intervals)',
        last or '(select ' ~ footpath.last_interval_so_far(
            'max(active_intervals.interval_number)', data_until, interval, timezone, week_start
        ) ~ ' from active_intervals)'
    ) }}

),

names as (

    select 'new' as status
    union all
    select 'returning' as status
    union all
    select 'resurrecting' as status
    union all
    select 'dormant' as status

)

select
    {{ footpath.interval_start('intervals.number', interval, timezone, week_start) }} as interval_start,
    names.status,
    coalesce(counted.person_count, 0) as person_count
from intervals
cross join names
left join counted on intervals.number = counted.interval_number and names.status = counted.status
{% endmacro %}
