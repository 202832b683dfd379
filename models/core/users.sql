{{ config(meta={'region': {'table': 'touched_people', 'columns': ['person_id']}}) }}

-- depends_on: {{ ref('touched_people') }}
-- One row per person who did something, anonymous people included. A touched person is made anew from their days
-- and sessions, which are small, not from their events.
{% set partial = footpath.stored('users') %}

with days as (

    select
        person_id,
        sum(event_count) as event_count,
        sum(session_count) as session_count,
        sum(page_view_count) as page_view_count,
        sum(conversion_count) as conversion_count,
        count(*) as active_day_count,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from {{ ref('user_days') }}
    {% if partial %}
    where person_id in (select touched.person_id from {{ ref('touched_people') }} as touched)
    {% endif %}
    group by person_id

),

person_sessions as (

    select
        *,
        row_number() over (partition by person_id order by started_at asc, session_id asc) as place,
        row_number() over (partition by person_id order by started_at desc, session_id desc) as place_from_end
    from {{ ref('sessions') }}
    {% if partial %}
    where person_id in (select touched.person_id from {{ ref('touched_people') }} as touched)
    {% endif %}

),

user_ids as (

    select
        coalesce(merged.person_id, known.user_key) as person_id,
        min(known.user_id) as user_id
    from {{ ref('known_users') }} as known
    left join {{ ref('merged_users') }} as merged on known.user_key = merged.user_key
    {% if partial %}
    where
        coalesce(merged.person_id, known.user_key)
        in (select touched.person_id from {{ ref('touched_people') }} as touched)
    {% endif %}
    group by coalesce(merged.person_id, known.user_key)

),

latest_traits as (

    select
        person_id,
        {{ footpath.json_object_of('trait', 'value') }} as traits
    from {{ ref('user_traits') }}
    where
        valid_to is null
        {% if partial %}
        and person_id in (select touched.person_id from {{ ref('touched_people') }} as touched)
        {% endif %}
    group by person_id

)

select
    days.person_id,
    user_ids.user_id,
    user_ids.person_id is not null as is_identified,
    first_session.traffic_source as first_source,
    first_session.traffic_medium as first_medium,
    first_session.traffic_campaign as first_campaign,
    first_session.channel as first_channel,
    first_session.entry_page_path as first_landing_page_path,
    last_session.traffic_source as last_source,
    last_session.traffic_medium as last_medium,
    last_session.traffic_campaign as last_campaign,
    last_session.channel as last_channel,
    last_session.entry_page_path as last_landing_page_path,
    latest_traits.traits,
    cast(days.event_count as bigint) as event_count,
    cast(days.session_count as bigint) as session_count,
    cast(days.page_view_count as bigint) as page_view_count,
    cast(days.conversion_count as bigint) as conversion_count,
    days.active_day_count,
    days.first_seen_at,
    days.last_seen_at
from days
left join user_ids on days.person_id = user_ids.person_id
left join person_sessions as first_session
    on days.person_id = first_session.person_id and first_session.place = 1
left join person_sessions as last_session
    on days.person_id = last_session.person_id and last_session.place_from_end = 1
left join latest_traits on days.person_id = latest_traits.person_id
