{{ config(materialized='table') }}

-- The devices whose spans may change: those of the touched rows, and those that a touched alias names or named.
select device_key
from {{ ref('touched_rows') }}
where device_key is not null
union
select previous_device_key as device_key
from {{ ref('touched_rows') }}
where previous_device_key is not null
