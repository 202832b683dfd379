{{ config(meta={'region': {'table': 'touched_rows', 'columns': ['event_key']}}) }}

-- depends_on: {{ ref('touched_rows') }}
-- The rows that could not become events. A row is judged alone, so only the rows of this run's batches matter.
select
    event_key,
    source,
    batch_id,
    file,
    line,
    quarantine_reason as reason,
    quarantine_detail as detail,
    raw
from {{ ref('staged_rows') }}
where quarantine_reason is not null
