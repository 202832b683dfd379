{{ config(materialized='table') }}

-- How far the data reaches: the one meaning of "now" in every model. Two columns of the stored events, read once.
select max(least(event_at, available_at)) as data_until
from {{ ref('event_rows') }}
where row_state = 'event'
