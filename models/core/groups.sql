{{ config(meta={'region': {'table': 'touched_groups', 'columns': ['group_key']}}) }}

-- depends_on: {{ ref('touched_groups') }}
-- One row per group. A touched group is made anew from its days and from what group calls say of it.
{% set partial = footpath.stored('groups') %}

with counted as (

    select
        group_key,
        min(identity_namespace) as identity_namespace,
        min(group_id) as group_id,
        cast(sum(event_count) as bigint) as event_count,
        count(distinct person_id) as person_count,
        count(distinct day) as active_day_count,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from {{ ref('group_person_days') }}
    {% if partial %}
    where group_key in (select touched.group_key from {{ ref('touched_groups') }} as touched)
    {% endif %}
    group by group_key

),

said as (

    select
        group_key,
        trait,
        value,
        row_number() over (
            partition by group_key, trait order by event_at desc, event_order desc nulls first, event_key desc
        ) as place_from_end
    from {{ ref('event_traits') }}
    where
        group_key is not null
        {% if partial %}
        and group_key in (select touched.group_key from {{ ref('touched_groups') }} as touched)
        {% endif %}

),

latest_traits as (

    select
        group_key,
        {{ footpath.json_object_of('trait', 'value') }} as traits
    from said
    where place_from_end = 1
    group by group_key

)

select
    counted.group_key,
    counted.identity_namespace,
    counted.group_id,
    latest_traits.traits,
    counted.event_count,
    counted.person_count,
    counted.active_day_count,
    counted.first_seen_at,
    counted.last_seen_at
from counted
left join latest_traits on counted.group_key = latest_traits.group_key
