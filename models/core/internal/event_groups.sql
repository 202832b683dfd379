{{ config(meta={'region': {'table': 'touched_events', 'columns': ['event_key']}}) }}

-- depends_on: {{ ref('touched_events') }}
-- depends_on: {{ ref('event_links') }}
-- depends_on: {{ ref('region_events') }}
-- The group and the person of each event that carries a group, without bots. Narrow, so that the stored events are read
-- once, by their key, and never to count a group.
{% set partial = footpath.stored('event_groups') %}

select
    events.event_key,
    {{ footpath.group_key('events') }} as group_key,
    events.user_namespace as identity_namespace,
    events.group_id,
    links.person_id,
    events.event_order,
    {{ footpath.local_date('events.event_at') }} as event_day,
    events.event_at
from {{ ref('event_rows') }} as events
left join {{ ref('region_events') if partial else ref('event_links') }} as links
    on events.event_key = links.event_key
where
    events.row_state = 'event'
    and events.group_id is not null
    {% if not footpath.setting('include_bots') %}
    and not events.is_bot
    {% endif %}
    {% if partial %}
    and events.event_key in (select touched.event_key from {{ ref('touched_events') }} as touched)
    {% endif %}
