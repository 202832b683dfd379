{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('device_spans') }}
-- depends_on: {{ ref('merged_users') }}
-- depends_on: {{ ref('touched_devices') }}
-- depends_on: {{ ref('touched_users') }}
-- Closed spans of one actor's time in one source, in which everything about sessions and persons is worked out anew.
-- A touched event reaches its own instant and every session within the timeout of it; a session that reaches
-- further brings its whole span in. Nothing outside can be joined to, or cut from, what is inside.
{% set stored_links = footpath.stored('event_links') %}
{% set stored_sessions = footpath.stored('sessions') %}
{% set timeout = footpath.setting('session_timeout') %}

with points as (

    select
        source,
        actor_key,
        event_at
    from {{ ref('touched_rows') }}
    where
        actor_key is not null
        and event_at is not null

    {% if stored_links %}
    union

    -- Events that belong to somebody else now, because their device got another user or their user was merged.
    -- Read from the narrow link table: one scan of its device key, one of its user key.
    select
        links.source,
        links.actor_key,
        links.event_at
    from {{ stored_links }} as links
    inner join {{ ref('device_spans') }} as spans
        on
            links.device_key = spans.device_key
            and (spans.valid_from is null or links.event_at > spans.valid_from)
            and (spans.valid_to is null or links.event_at <= spans.valid_to)
    left join {{ ref('merged_users') }} as merged on spans.user_key = merged.user_key
    where
        links.user_key is null
        and links.device_key in (
            select devices.device_key from {{ ref('touched_devices') }} as devices
            union
            select relabelled.device_key
            from {{ ref('device_spans') }} as relabelled
            where relabelled.user_key in (select touched.user_key from {{ ref('touched_users') }} as touched)
        )
        and links.person_id <> coalesce(merged.person_id, spans.user_key, spans.device_key)

    union

    select
        links.source,
        links.actor_key,
        links.event_at
    from {{ stored_links }} as links
    left join {{ ref('merged_users') }} as merged on links.user_key = merged.user_key
    where
        links.user_key in (select touched.user_key from {{ ref('touched_users') }} as touched)
        and links.person_id <> coalesce(merged.person_id, links.user_key)
    {% endif %}

),

spans as (

    select
        points.source,
        points.actor_key,
        {% if stored_sessions %}
        min(least(points.event_at, coalesce(sessions.started_at, points.event_at))) as from_at,
        max(greatest(points.event_at, coalesce(sessions.ended_at, points.event_at))) as to_at
        {% else %}
        min(points.event_at) as from_at,
        max(points.event_at) as to_at
        {% endif %}
    from points
    {% if stored_sessions %}
    left join {{ stored_sessions }} as sessions
        on
            points.source = sessions.source
            and points.actor_key = sessions.actor_key
            and sessions.started_at <= {{ footpath.add_seconds('points.event_at', timeout) }}
            and sessions.ended_at >= {{ footpath.add_seconds('points.event_at', '-' ~ timeout) }}
    {% endif %}
    group by points.source, points.actor_key, points.event_at

),

-- Spans of one actor that overlap become one, so that no event is read twice.
ordered as (

    select
        *,
        max(to_at) over (
            partition by source, actor_key
            order by from_at asc, to_at asc
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from spans

),

numbered as (

    select
        *,
        count(*) filter (where reached_at is null or from_at > reached_at) over (
            partition by source, actor_key
            order by from_at asc, to_at asc
            rows between unbounded preceding and current row
        ) as region_number
    from ordered

)

select
    source,
    actor_key,
    min(from_at) as from_at,
    max(to_at) as to_at
from numbered
group by source, actor_key, region_number
