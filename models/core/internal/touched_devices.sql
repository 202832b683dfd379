{{ config(materialized='table') }}

-- The devices whose users or spans may change: those of touched rows that say whose a device is, and those that a
-- touched alias names or named.
select device_key
from {{ ref('touched_rows') }}
where
    device_key is not null
    and may_move_device
union
select previous_device_key as device_key
from {{ ref('touched_rows') }}
where previous_device_key is not null
