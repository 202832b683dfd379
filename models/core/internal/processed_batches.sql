{{ config(meta={'region': 'append'}) }}

-- Empty when it is made: the end of a run that succeeded writes here which batches the tables hold now
-- (macros/core/state.sql), so a run that was killed or failed leaves it as it was.
select
    cast(null as varchar) as batch_id,
    cast(null as varchar) as definition,
    cast(null as varchar) as settings
where false
