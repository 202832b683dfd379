{{ config(meta={'region': {'table': 'touched_people', 'columns': ['person_id', 'day']}}) }}

-- depends_on: {{ ref('touched_people') }}
-- One row per person and reporting day with activity. Reads the link table by person and day; of the events themselves
-- only the properties of those that are conversions under a condition.
{% set partial = footpath.stored('user_days') %}

with
{% if partial %}
-- Materialized, so that the few that are found are looked up, and not the other way round.
conditional_ids as materialized (

    select {{ footpath.row_id('events', 'event_key') }} as row_id
    from {{ ref('event_rows') }} as events
    inner join {{ ref('event_links') }} as links on events.event_key = links.event_key
    inner join {{ ref('conversion_events') }} as conversions on links.event_name = conversions.event_name
    where
        events.row_state = 'event'
        and links.is_counted
        and conversions.condition_property is not null
        and exists (
            select 1
            from {{ ref('touched_people') }} as touched
            where touched.person_id = links.person_id and touched.day = links.event_day
        )

),

{% endif %}
conditional_conversions as (

    select events.event_key
    from {{ ref('event_rows') }} as events
    inner join {{ ref('conversion_events') }} as conversions on events.event_name = conversions.event_name
    where
        events.row_state = 'event'
        {% if partial %}
        and {{ footpath.row_id('events', 'event_key') }} in (select conditional_ids.row_id from conditional_ids)
        {% endif %}
        and conversions.condition_property is not null
        and {{ footpath.is_conversion('events.properties', 'conversions') }}

),

active as (

    select
        links.person_id,
        links.event_day as day,
        count(*) as event_count,
        count(*) filter (where links.event_type = 'page') as page_view_count,
        count(*) filter (
            where conversions.event_name is not null
            and (conversions.condition_property is null or conditional_conversions.event_key is not null)
        ) as conversion_count,
        min(links.event_at) as first_event_at,
        max(links.event_at) as last_event_at
    from {{ ref('event_links') }} as links
    left join {{ ref('conversion_events') }} as conversions on links.event_name = conversions.event_name
    left join conditional_conversions on links.event_key = conditional_conversions.event_key
    where
        links.is_counted
        {% if partial %}
        -- The person alone first: DuckDB passes over the others while it reads, which it does not for two keys.
        and links.person_id in (select people.person_id from {{ ref('touched_people') }} as people)
        and exists (
            select 1
            from {{ ref('touched_people') }} as touched
            where touched.person_id = links.person_id and touched.day = links.event_day
        )
        {% endif %}
    group by links.person_id, links.event_day

),

started as (

    select
        sessions.person_id,
        sessions.session_day as day,
        count(*) as session_count
    from {{ ref('sessions') }} as sessions
    {% if partial %}
    where
        exists (
            select 1
            from {{ ref('touched_people') }} as touched
            where touched.person_id = sessions.person_id and touched.day = sessions.session_day
        )
    {% endif %}
    group by sessions.person_id, sessions.session_day

)

select
    active.person_id,
    active.day,
    active.event_count,
    coalesce(started.session_count, 0) as session_count,
    active.page_view_count,
    active.conversion_count,
    active.first_event_at,
    active.last_event_at
from active
left join started
    on active.person_id = started.person_id and active.day = started.day
