{{ config(meta={'region': {'table': 'touched_groups', 'columns': ['group_key', 'day']}}) }}

-- depends_on: {{ ref('touched_groups') }}
-- One row per group, person and day; the person is null for events that name nobody. Small beside the events: what
-- groups and their people sum up.
{% set partial = footpath.stored('group_person_days') %}

with placed as (

    select
        *,
        row_number() over (
            partition by group_key, person_id, event_day
            order by event_at desc, event_order desc nulls first, event_key desc
        ) as place_from_end
    from {{ ref('event_groups') }} as events
    {% if partial %}
    where
        exists (
            select 1
            from {{ ref('touched_groups') }} as touched
            where touched.group_key = events.group_key and touched.day = events.event_day
        )
    {% endif %}

)

select
    group_key,
    person_id,
    event_day as day,
    min(identity_namespace) as identity_namespace,
    min(group_id) as group_id,
    count(*) as event_count,
    min(event_at) as first_event_at,
    max(event_at) as last_event_at,
    max(event_order) filter (where place_from_end = 1) as last_event_order,
    max(event_key) filter (where place_from_end = 1) as last_event_key
from placed
group by group_key, person_id, event_day
