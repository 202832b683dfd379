-- Who comes back: of the people active in a week (cohort rule `recurring`), how many are active exactly n weeks later
-- (return rule `on`), by calendar weeks of the reporting time zone. A week that has not ended by data_until is
-- immature: its cells are null, not 0.
with weeks as (

    select distinct
        person_id,
        {{ footpath.week_of('day') }} as week
    from {{ ref('user_days') }}

),

data_until as (

    select {{ footpath.local_date('data_until') }} as day
    from {{ ref('data_until') }}

),

-- An event may lie some hours after data_until, in the next week.
calendar as (

    {{ footpath.every_week(
        '(select min(weeks.week) from weeks)',
        '(select greatest((select max(weeks.week) from weeks), ' ~ footpath.week_of('day') ~ ') from data_until)'
    ) }}

),

cohorts as (

    select
        week as cohort_week,
        count(*) as cohort_size
    from weeks
    group by week

),

offsets as (

    select
        cohorts.cohort_week,
        cohorts.cohort_size,
        calendar.week,
        cast(date_diff('day', cohorts.cohort_week, calendar.week) / 7 as integer) as week_number
    from cohorts
    inner join calendar on cohorts.cohort_week <= calendar.week

),

returned as (

    select
        starts.week as cohort_week,
        later.week,
        count(*) as person_count
    from weeks as starts
    inner join weeks as later on starts.person_id = later.person_id and starts.week <= later.week
    group by starts.week, later.week

),

cells as (

    select
        offsets.cohort_week,
        offsets.week_number,
        offsets.cohort_size,
        coalesce(returned.person_count, 0) as person_count,
        offsets.week + interval 7 day <= data_until.day as is_mature
    from offsets
    cross join data_until
    left join returned on offsets.cohort_week = returned.cohort_week and offsets.week = returned.week

)

select
    cohort_week,
    week_number,
    cohort_size,
    case when is_mature or week_number = 0 then person_count end as returned_person_count,
    case when is_mature or week_number = 0 then cast(person_count as double) / cohort_size end as retention_rate,
    is_mature
from cells
