{{ config(materialized='table') }}

-- What this run has to do, found by batch and never by time: the batches that are in the set now against those
-- that the tables hold.
with admitted as (

    select batch_id
    from {{ ref('batches') }}
    where state = 'admitted'

),

processed as (

    select distinct batch_id
    from {{ ref('processed_batches') }}

)

select
    coalesce(admitted.batch_id, processed.batch_id) as batch_id,
    case
        when processed.batch_id is null then 'add'
        when admitted.batch_id is null then 'remove'
        else 'keep'
    end as step
from admitted
full outer join processed on admitted.batch_id = processed.batch_id
