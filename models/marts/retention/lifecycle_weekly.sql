-- Who is new, returning or resurrecting in each week, and who of the week before stayed away. Read from the days of
-- people, not from the events.
{% set weeks = 'weeks from ' ~ footpath.setting('week_start') ~ ' in ' ~ footpath.setting('reporting_timezone') %}

with statuses as (

    {{ footpath.lifecycle(
        interval='week', events=footpath.active_days(), timezone='UTC', data_until=footpath.local_data_until()
    ) }}

)

select
    cast(interval_start as date) as week,
    status,
    person_count,
    coalesce(
        {{ dbt.dateadd('day', 7, 'interval_start') | trim }} <= {{ footpath.local_data_until() }}, false
    ) as is_mature,
    {{ footpath.text_literal('any event, calendar ' ~ weeks) }} as definition
from statuses
