-- How many people are there: today, in the last 7 and in the last 30 days. A person counts in the 7 days from each of
-- their days on, or until their next day if that comes sooner; so each day of theirs enters once and leaves once, and
-- a sum over days is the number of different people.
with person_days as (

    select
        person_id,
        day,
        {{ footpath.interval_number_of_date('day', 'day') }} as day_number,
        event_count,
        session_count
    from {{ ref('user_days') }}

),

neighbours as (

    select
        day_number,
        event_count,
        session_count,
        row_number() over (partition by person_id order by day_number) as place,
        lead(day_number) over (partition by person_id order by day_number) - day_number as days_to_next
    from person_days

),

active as (

    select
        day_number,
        count(*) as active_person_count,
        count(case when place = 1 then 1 end) as new_person_count,
        sum(event_count) as event_count,
        sum(session_count) as session_count
    from neighbours
    group by day_number

),

-- Who enters a trailing window on a day and who leaves it. A person who comes again within the window leaves it once
-- and enters it once on that day.
moves as (

    {% for days in [7, 30] -%}
    select
        {{ days }} as window_days,
        day_number,
        1 as people
    from neighbours
    union all
    select
        {{ days }} as window_days,
        day_number + case when days_to_next < {{ days }} then days_to_next else {{ days }} end as day_number,
        -1 as people
    from neighbours
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

moves_of_days as (

    select
        day_number,
        sum(case when window_days = 7 then people end) as weekly_people,
        sum(case when window_days = 30 then people end) as monthly_people
    from moves
    group by day_number

),

days as (

    {{ footpath.whole_numbers(
        '(select min(person_days.day_number) from person_days)',
        '(select ' ~ footpath.last_interval_so_far(
            'max(person_days.day_number)', footpath.local_data_until(), 'day', 'UTC'
        ) ~ ' from person_days)'
    ) }}

),

counted as (

    select
        days.number as day_number,
        coalesce(active.active_person_count, 0) as active_person_count,
        coalesce(active.new_person_count, 0) as new_person_count,
        coalesce(active.event_count, 0) as event_count,
        coalesce(active.session_count, 0) as session_count,
        sum(coalesce(moves_of_days.weekly_people, 0)) over (
            order by days.number
            rows between unbounded preceding and current row
        ) as weekly_active_person_count,
        sum(coalesce(moves_of_days.monthly_people, 0)) over (
            order by days.number
            rows between unbounded preceding and current row
        ) as monthly_active_person_count
    from days
    left join active on days.number = active.day_number
    left join moves_of_days on days.number = moves_of_days.day_number

)

select
    cast({{ footpath.interval_start('day_number', 'day') }} as date) as day,
    active_person_count,
    new_person_count,
    cast(weekly_active_person_count as bigint) as weekly_active_person_count,
    cast(monthly_active_person_count as bigint) as monthly_active_person_count,
    cast(active_person_count as double) / nullif(monthly_active_person_count, 0) as stickiness,
    cast(event_count as bigint) as event_count,
    cast(session_count as bigint) as session_count,
    coalesce(
        {{ footpath.interval_start('day_number + 1', 'day') }} <= {{ footpath.local_data_until() }}, false
    ) as is_mature
from counted
