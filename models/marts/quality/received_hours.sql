-- When rows came and what became of them: what anomalies of freshness, duplicates and quarantine are found in. Three
-- narrow columns of the stored rows, read once.
with received as (

    select
        source,
        {{ footpath.interval_number('available_at', 'hour') }} as hour_number,
        row_state
    from {{ ref('event_rows') }}

)

select
    source,
    {{ footpath.interval_start('hour_number', 'hour', 'UTC') }} as hour,
    count(case when row_state = 'event' then 1 end) as event_count,
    count(case when row_state = 'duplicate' then 1 end) as duplicate_count,
    count(case when row_state = 'quarantined' then 1 end) as quarantined_count
from received
group by source, hour_number
