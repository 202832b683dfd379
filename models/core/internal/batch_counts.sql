{{ config(meta={'region': {'table': 'touched_rows', 'columns': ['batch_id']}}) }}

-- depends_on: {{ ref('touched_rows') }}
-- Where the rows of each batch went. One scan of the batch and the state of the stored rows; a new row can turn a
-- stored one into a duplicate, so every batch of a touched row is counted again.
select
    batch_id,
    count(*) filter (where row_state = 'event') as event_rows,
    count(*) filter (where row_state = 'duplicate') as duplicate_rows,
    count(*) filter (where row_state = 'quarantined') as quarantined_rows,
    count(*) filter (where is_repeat_in_file) as repeated_rows_without_id
from {{ ref('event_rows') }}
{% if footpath.stored('batch_counts') %}
where batch_id in (select touched.batch_id from {{ ref('touched_rows') }} as touched)
{% endif %}
group by batch_id
