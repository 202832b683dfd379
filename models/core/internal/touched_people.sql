{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('touched_regions') }}
-- Whose days may change: the people of the regions as the tables have them, and as they are about to be. Committed
-- before the links change, because afterwards nobody knows whose an event was.
{% set stored_links = footpath.stored('event_links') %}

{% if stored_links %}
select
    links.person_id,
    links.event_day as day
from {{ stored_links }} as links
where
    {{ footpath.touched_by(stored_links, 'links', ref('touched_regions'), ['source', 'actor_key'], 'event_at') }}
union
select
    person_id,
    event_day as day
from {{ ref('region_events') }}
{% else %}
select
    person_id,
    event_day as day
from {{ ref('region_events') }}
where false
{% endif %}
