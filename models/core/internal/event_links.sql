{{ config(meta={'region': {'table': 'touched_regions', 'columns': ['source', 'actor_key'], 'between': 'event_at'}}) }}

-- depends_on: {{ ref('touched_people') }}
-- depends_on: {{ ref('touched_regions') }}
-- What ties an event to its person and its session. Narrow, so that an analysis rarely needs the events themselves;
-- replaced by region, so that the events never change when somebody signs up.
select
    event_key,
    source,
    actor_key,
    device_key,
    user_key,
    person_id,
    session_id,
    event_type,
    event_name,
    is_bot,
    {% if footpath.setting('include_bots') %}true{% else %}not is_bot{% endif %} as is_counted,
    is_session_start,
    event_order,
    event_day,
    event_at
from {{ ref('region_events') }}
