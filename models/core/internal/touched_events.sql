{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_rows') }}
-- The events whose group, traits or person may change in this run: those of the touched rows, which are or were there,
-- and all of the touched regions. In a full build nothing is stored that could change.
{% if footpath.stored('event_traits') or footpath.stored('event_groups') %}
select event_key
from {{ ref('touched_rows') }}
union
select event_key
from {{ ref('region_events') }}
{% else %}
select event_key
from {{ ref('region_events') }}
where false
{% endif %}
