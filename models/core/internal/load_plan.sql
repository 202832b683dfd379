{{ config(materialized='table') }}

-- depends_on: {{ ref('built_in_full') }}
-- What this run has to do, found by batch and never by time: the batches that are in the set now against those
-- that the tables hold. A batch whose source got another definition in sources.yml is taken in again, and so is one
-- that somebody asked for (make rebuild).
with admitted as (

    select
        batch_id,
        definition
    from {{ ref('batches') }}
    where state = 'admitted'

),

processed as (

    select
        batch_id,
        definition
    from {{ ref('processed_batches') }}

)

select
    coalesce(admitted.batch_id, processed.batch_id) as batch_id,
    admitted.definition,
    case
        when admitted.batch_id is null then 'remove'
        when admitted.batch_id in (select requests.batch_id from {{ ref('rebuild_requests') }} as requests) then 'add'
        when admitted.definition = processed.definition then 'keep'
        else 'add'
    end as step
from admitted
full outer join processed on admitted.batch_id = processed.batch_id
