{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_rows') }}
-- The days of each source that touched rows are on, or were on until now:
-- there, what is counted by day is counted again.
select distinct
    source,
    cast(event_at as date) as day
from {{ ref('touched_rows') }}
where event_at is not null
