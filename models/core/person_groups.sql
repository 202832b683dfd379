{{ config(meta={'region': {'table': 'touched_people', 'columns': ['person_id']}}) }}

-- depends_on: {{ ref('touched_people') }}
-- The groups of a person: one row per person and group under which they did something.
{% set partial = footpath.stored('person_groups') %}

with days as (

    select
        *,
        row_number() over (
            partition by person_id
            order by last_event_at desc, last_event_order desc nulls first, last_event_key desc
        ) as place_from_end
    from {{ ref('group_person_days') }}
    where
        person_id is not null
        {% if partial %}
        and person_id in (select touched.person_id from {{ ref('touched_people') }} as touched)
        {% endif %}

)

select
    person_id,
    group_key,
    min(identity_namespace) as identity_namespace,
    min(group_id) as group_id,
    min(place_from_end) = 1 as is_latest,
    cast(sum(event_count) as bigint) as event_count,
    count(*) as active_day_count,
    min(first_event_at) as first_seen_at,
    max(last_event_at) as last_seen_at
from days
group by person_id, group_key
