{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('touched_events') }}
-- The groups and days to count anew: where the touched rows are and were, and, because an event may have got another
-- person, where the events of the touched regions are.
{% if footpath.stored('group_person_days') %}
select
    group_key,
    {{ footpath.local_date('event_at') }} as day
from {{ ref('touched_rows') }}
where
    group_key is not null
    and event_at is not null
union
select
    group_key,
    event_day as day
from {{ ref('event_groups') }}
where event_key in (select touched.event_key from {{ ref('touched_events') }} as touched)
{% else %}
select
    group_key,
    event_day as day
from {{ ref('event_groups') }}
where false
{% endif %}
