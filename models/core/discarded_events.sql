{{ config(materialized='table') }}

-- What somebody gave up of the rows in quarantine (make quarantine DISCARD=): they stay there and are counted there. As
-- many rows as were given up: small, rebuilt.
{% if footpath.setting('manifest') == 'raw' %}
select
    quarantined.event_key,
    quarantined.source,
    quarantined.batch_id,
    quarantined.file,
    quarantined.line,
    quarantined.reason,
    discards.note,
    discards.discarded_at
from {{ source('raw', 'discards') }} as discards
inner join {{ ref('quarantined_events') }} as quarantined
    on discards.batch_id = quarantined.batch_id and discards.line = quarantined.line
{% else %}
-- A project that feeds footpath from its own tables mends them there.
select
    event_key,
    source,
    batch_id,
    file,
    line,
    reason,
    cast(null as varchar) as note,
    cast(null as timestamp) as discarded_at
from {{ ref('quarantined_events') }}
where false
{% endif %}
