{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('event_rows') }}
-- depends_on: {{ ref('device_spans') }}
-- depends_on: {{ ref('touched_spans') }}
-- depends_on: {{ ref('touched_users') }}
-- Closed spans of one actor's time in one source, in which everything about sessions and persons is worked out anew:
-- each touched instant with all sessions that lie within the timeout of it, with those within the timeout of these,
-- and so on. Nothing outside can be joined to, or cut from, what is inside.
--
-- Reads four columns of the stored sessions (a semi-join with the touched actors), and of the links one scan of their
-- user key and one of their device key, for the few devices that changed hands.
{% set stored_links = footpath.stored('event_links') %}
{% set stored_sessions = footpath.stored('sessions') %}
{% set stored_heartbeats = footpath.stored('heartbeat_sources') %}
{% set timeout = footpath.setting('session_timeout') %}
{% set by_client = footpath.setting('session_strategy') == 'client' %}

with {% if stored_links %}
-- A device's spans cover all time: when each of them is still there, nothing changed.
changed_devices as (

    select before.device_key
    from {{ ref('touched_spans') }} as before
    where
        not exists (
            select 1
            from {{ ref('device_spans') }} as spans
            where
                spans.device_key = before.device_key
                and spans.user_key is not distinct from before.user_key
                and spans.valid_from is not distinct from before.valid_from
                and spans.valid_to is not distinct from before.valid_to
        )

),

-- Materialized, before any join with the spans, which would else take in every link.
links_of_devices as materialized (

    select
        source,
        device_key,
        event_at
    from {{ stored_links }}
    where
        device_key in (
            select changed_devices.device_key from changed_devices
            union
            select relabelled.device_key
            from {{ ref('device_spans') }} as relabelled
            where relabelled.user_key in (select touched.user_key from {{ ref('touched_users') }} as touched)
        )

),

{% endif %}
{% if stored_sessions and stored_heartbeats %}
measured as (

    select distinct source
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        and event_type = 'heartbeat'

),

{% endif %}
touched as (

    select
        source,
        actor_key,
        event_at,
        {% if by_client %}{{ footpath.client_session_key() }}{% else %}cast(null as varchar){% endif %} as session_id
    from {{ ref('touched_rows') }}
    where
        actor_key is not null
        and event_at is not null

    {% if stored_links %}
    union

    -- Events whose device has another user than before.
    select
        links.source,
        links.device_key as actor_key,
        links.event_at,
        null as session_id
    from links_of_devices as links
    inner join {{ ref('touched_spans') }} as before
        on {{ footpath.in_span('links', 'before') }}
    inner join {{ ref('device_spans') }} as spans
        on {{ footpath.in_span('links', 'spans') }}
    where spans.user_key is distinct from before.user_key

    union

    -- Events whose user is somebody else now: of that user's devices, and those that name the user.
    select
        links.source,
        links.device_key as actor_key,
        links.event_at,
        null as session_id
    from links_of_devices as links
    inner join {{ ref('device_spans') }} as spans
        on {{ footpath.in_span('links', 'spans') }}
    where spans.user_key in (select touched.user_key from {{ ref('touched_users') }} as touched)

    union

    select
        source,
        actor_key,
        event_at,
        null as session_id
    from {{ stored_links }}
    where user_key in (select touched.user_key from {{ ref('touched_users') }} as touched)
    {% endif %}

    {% if stored_sessions and stored_heartbeats %}
    union

    -- A source that sends its first heartbeat, or lost its last one, measures all its sessions in another way.
    select
        sessions.source,
        sessions.actor_key,
        sessions.started_at as event_at,
        null as session_id
    from {{ stored_sessions }} as sessions
    where
        sessions.source in (
            select coalesce(before.source, measured.source)
            from {{ stored_heartbeats }} as before
            full outer join measured on before.source = measured.source
            where before.source is null or measured.source is null
        )
    {% endif %}

),

spans as (

    select
        source,
        actor_key,
        event_at as from_at,
        event_at as to_at,
        true as is_touched
    from touched
    where session_id is null

    {% if by_client %}
    union all

    -- A session that the client named reaches from its first event to its last one, whatever lies between.
    select
        touched.source,
        touched.actor_key,
        {% if stored_sessions %}
        least(min(touched.event_at), min(sessions.started_at)) as from_at,
        greatest(max(touched.event_at), max(sessions.ended_at)) as to_at,
        {% else %}
        min(touched.event_at) as from_at,
        max(touched.event_at) as to_at,
        {% endif %}
        true as is_touched
    from touched
    {% if stored_sessions %}
    left join {{ stored_sessions }} as sessions on touched.session_id = sessions.session_id
    {% endif %}
    where touched.session_id is not null
    group by touched.source, touched.actor_key, touched.session_id
    {% endif %}

    {% if stored_sessions %}
    union all

    select
        sessions.source,
        sessions.actor_key,
        sessions.started_at as from_at,
        sessions.ended_at as to_at,
        false as is_touched
    from {{ stored_sessions }} as sessions
    where
        -- The actor alone first: DuckDB passes over the others while it reads, which it does not for two keys.
        sessions.actor_key in (select touched.actor_key from touched)
        and exists (
            select 1
            from touched
            where touched.source = sessions.source and touched.actor_key = sessions.actor_key
        )
    {% endif %}

),

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
        count(*) filter (
            where reached_at is null or from_at > {{ footpath.add_seconds('reached_at', timeout) }}
        ) over (
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
having bool_or(is_touched)

union all

-- A rebuild (make rebuild) trusts no stored session: whoever did something in its time is worked out over all time.
select distinct
    touched.source,
    touched.actor_key,
    timestamp '0001-01-01' as from_at,
    timestamp '9999-12-31' as to_at
from {{ ref('touched_rows') }} as touched
inner join {{ ref('rebuild_requests') }} as requests
    on touched.batch_id = requests.batch_id and touched.event_at between requests.from_at and requests.to_at
where touched.actor_key is not null
