{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_rows') }}
-- The alias events to look at again: those among the touched rows, and those whose previous id is the id of a
-- device that appeared or vanished.
{% set stored_aliases = footpath.stored('alias_events') %}

select event_key
from {{ ref('touched_rows') }}
{% if stored_aliases %}
union
select event_key
from {{ stored_aliases }}
where previous_device_key in (select touched.device_key from {{ ref('touched_rows') }} as touched)
{% endif %}
