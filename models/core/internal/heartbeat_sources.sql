{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_regions') }}
-- The sources that send heartbeats: there, engaged time is what they measured. Changes only after touched_regions has
-- noted whose sessions are measured in another way. One scan of the type of the stored events.
select distinct source
from {{ ref('event_rows') }}
where
    row_state = 'event'
    and event_type = 'heartbeat'
