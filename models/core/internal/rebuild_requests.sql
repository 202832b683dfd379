{{ config(meta={'region': 'append'}) }}

-- Empty when it is made: `make rebuild` writes here which batches are to be taken in again, and which time is to be
-- worked out anew. Emptied when a run has succeeded, so a run that is killed leaves the request to the next one.
select
    cast(null as varchar) as batch_id,
    cast(null as timestamp) as from_at,
    cast(null as timestamp) as to_at
where false
