-- Who comes back: of the people active in a week, how many are active exactly n weeks later. Read from the days of
-- people, not from the events.
{% set weeks = 'weeks from ' ~ footpath.setting('week_start') ~ ' in ' ~ footpath.setting('reporting_timezone') %}

with cells as (

    {{ footpath.retention(
        period='week', intervals=none, events=footpath.active_days(), timezone='UTC', data_until=footpath.local_data_until()
    ) }}

)

select
    cast(cohort_start as date) as cohort_week,
    period_number as week_number,
    cohort_size,
    person_count as returned_person_count,
    retention_rate,
    is_mature,
    {{ footpath.text_literal('recurring cohorts, calendar ' ~ weeks ~ ', returned on') }} as definition
from cells
where cohort_size > 0
