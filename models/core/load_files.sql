{{ config(materialized='table') }}

-- Every version of every file that was delivered, and where its rows went. One row a version: small, rebuilt.
with discards as (

    select
        batch_id,
        count(*) as discarded_rows
    from {{ ref('discarded_events') }}
    group by batch_id

)

select
    batches.source,
    batches.file,
    batches.sha256,
    batches.batch_id,
    batches.loaded_at,
    batches.state,
    batches.raw_rows,
    case when batches.state = 'admitted' then coalesce(counts.event_rows, 0) end as event_rows,
    case when batches.state = 'admitted' then coalesce(counts.duplicate_rows, 0) end as duplicate_rows,
    case when batches.state = 'admitted' then coalesce(counts.quarantined_rows, 0) end as quarantined_rows,
    case when batches.state = 'admitted' then coalesce(discards.discarded_rows, 0) end as discarded_rows,
    case when batches.state = 'admitted' then batches.erased_rows end as erased_rows,
    case when batches.state = 'admitted' then coalesce(counts.repeated_rows_without_id, 0) end
        as repeated_rows_without_id
from {{ ref('batches') }} as batches
left join {{ ref('batch_counts') }} as counts on batches.batch_id = counts.batch_id
left join discards on batches.batch_id = discards.batch_id
