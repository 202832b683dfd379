{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_regions') }}
-- The events of the touched regions (in a full build: all), each with its person and its session.
{% set timeout = footpath.setting('session_timeout') %}
{% set max_length = footpath.setting('max_session_length') %}
{% set actor = 'source, actor_key, makes_session' %}

with {{ 'recursive' if max_length }} events_in_region as (

    select
        events.event_key,
        events.source,
        coalesce(events.device_key, events.user_key) as actor_key,
        events.device_key,
        events.user_key,
        events.event_at,
        events.event_order,
        events.event_type,
        events.event_name,
        events.anonymous_id,
        events.user_id,
        events.page_url,
        events.page_path,
        events.page_host,
        events.referrer_host,
        events.utm_source,
        events.utm_medium,
        events.utm_campaign,
        events.is_bot,
        events.client_session_id,
        events.makes_session as source_makes_sessions
    from {{ ref('event_rows') }} as events
    where
        events.row_state = 'event'
        {% if footpath.stored('event_links') %}
        and exists (
            select 1
            from {{ ref('touched_regions') }} as touched
            where
                touched.source = events.source
                and touched.actor_key = coalesce(events.device_key, events.user_key)
                and events.event_at between touched.from_at and touched.to_at
        )
        {% endif %}
        and coalesce(events.device_key, events.user_key) is not null

),

with_person as (

    select
        events.*,
        coalesce(merged.person_id, {{ footpath.owner('events', 'spans') }}, events.device_key) as person_id
    from events_in_region as events
    left join {{ ref('device_spans') }} as spans
        on
            {% if footpath.setting('identity_strategy') != 'last_user' %}
            events.user_key is null
            and {% endif -%}
            {{ footpath.in_span('events', 'spans') }}
    left join {{ ref('merged_users') }} as merged on {{ footpath.owner('events', 'spans') }} = merged.user_key

),

with_switch as (

    select
        events.*,
        events.source_makes_sessions
        {% if not footpath.setting('include_bots') %}and not events.is_bot{% endif %} as makes_session
    from with_person as events

),

-- A pause is a gap over the timeout; a gap of exactly the timeout is none.
with_pause as (

    select
        *,
        coalesce(
            event_at > {{ footpath.add_seconds('lag(event_at) over actor_events', timeout) }}
            {% if footpath.setting('split_at_midnight') %}
            or {{ footpath.local_date('event_at') }} <> {{ footpath.local_date('lag(event_at) over actor_events') }}
            {% endif %},
            true
        ) as is_after_pause
    from with_switch
    window actor_events as (partition by {{ actor }} order by {{ footpath.event_sequence() }})

),

{% if footpath.setting('session_strategy') == 'client' %}
-- The session that the client named; an event without a name is in the session of the event before it, and after a
-- pause it begins one of its own.
with_key as (

    select
        *,
        case
            when makes_session then
                last_value(
                    case
                        when client_session_id is not null then {{ footpath.client_session_key() }}
                        when is_after_pause
                            then {{ footpath.hash_key([
                                'source', 'cast(actor_key as varchar)', 'cast(event_key as varchar)'
                            ]) }}
                    end
                    ignore nulls
                ) over (
                    partition by {{ actor }}
                    order by {{ footpath.event_sequence() }}
                    rows between unbounded preceding and current row
                )
        end as session_id
    from with_pause

),

with_session as (

    select
        *,
        case
            when session_id is not null
                then row_number() over (partition by session_id order by {{ footpath.event_sequence() }}) = 1
        end as is_session_start
    from with_key

)

{% else %}
{% if max_length %}
-- With a maximum length, where a session begins depends on where the one before began. So each event says where the
-- next session begins if one begins with it, and the sessions are what a walk from pause to pause meets.
with_block as (

    select
        *,
        row_number() over (partition by {{ actor }} order by {{ footpath.event_sequence() }}) as position,
        count(*) filter (where is_after_pause) over (
            partition by {{ actor }}
            order by {{ footpath.event_sequence() }}
            rows between unbounded preceding and current row
        ) as block_number
    from with_pause

),

{% if footpath.setting('split_on_campaign') %}
with_change as (

    select
        *,
        utm_campaign is not null
        and utm_campaign is distinct from last_value(utm_campaign ignore nulls) over (
            partition by {{ actor }}, block_number
            order by position
            rows between unbounded preceding and 1 preceding
        ) as is_campaign_change
    from with_block

),

{% endif %}
with_next as (

    select
        *,
        least(
            min(position) over (
                partition by {{ actor }}, block_number
                order by event_at
                range between interval '{{ max_length }}.000001 seconds' following and unbounded following
            )
            {% if footpath.setting('split_on_campaign') %}
            ,
            min(case when is_campaign_change then position end) over later_events,
            case
                when utm_campaign is null
                    then min(case when utm_campaign is not null then position end) over later_events
            end
            {% endif %}
        ) as next_position
    {% if footpath.setting('split_on_campaign') %}
    from with_change
    window
        later_events as (
            partition by {{ actor }}, block_number
            order by position
            rows between 1 following and unbounded following
        )
    {% else %}
    from with_block
    {% endif %}

),

steps as materialized (

    select
        source,
        actor_key,
        position,
        next_position
    from with_next
    where
        makes_session
        and next_position is not null

),

starts as (

    select
        source,
        actor_key,
        position
    from with_next
    where
        makes_session
        and is_after_pause
    union all
    select
        steps.source,
        steps.actor_key,
        steps.next_position as position
    from starts
    inner join steps
        on
            starts.source = steps.source
            and starts.actor_key = steps.actor_key
            and starts.position = steps.position

),

with_start as (

    select
        events.*,
        case when events.makes_session then starts.position is not null end as is_session_start
    from with_next as events
    left join starts
        on
            events.makes_session
            and events.source = starts.source
            and events.actor_key = starts.actor_key
            and events.position = starts.position

),

{% elif footpath.setting('split_on_campaign') %}
with_block as (

    select
        *,
        count(*) filter (where is_after_pause) over (
            partition by {{ actor }}
            order by {{ footpath.event_sequence() }}
            rows between unbounded preceding and current row
        ) as block_number
    from with_pause

),

-- Each campaign that differs from the one before begins a session, so the session's own is the last one seen.
with_start as (

    select
        *,
        case
            when makes_session then
                is_after_pause
                or (
                    utm_campaign is not null
                    and utm_campaign is distinct from last_value(utm_campaign ignore nulls) over (
                        partition by {{ actor }}, block_number
                        order by {{ footpath.event_sequence() }}
                        rows between unbounded preceding and 1 preceding
                    )
                )
        end as is_session_start
    from with_block

),

{% else %}
with_start as (

    select
        *,
        case when makes_session then is_after_pause end as is_session_start
    from with_pause

),

{% endif %}
with_first_event as (

    select
        *,
        case
            when makes_session then
                last_value(case when is_session_start then event_key end ignore nulls) over (
                    partition by {{ actor }}
                    order by {{ footpath.event_sequence() }}
                    rows between unbounded preceding and current row
                )
        end as first_event_key
    from with_start

),

with_session as (

    select
        *,
        case
            when first_event_key is not null
                then {{ footpath.hash_key([
                    'source', 'cast(actor_key as varchar)', 'cast(first_event_key as varchar)'
                ]) }}
        end as session_id
    from with_first_event

)

{% endif %}
select
    event_key,
    source,
    actor_key,
    device_key,
    user_key,
    event_at,
    event_order,
    event_type,
    event_name,
    anonymous_id,
    user_id,
    page_url,
    page_path,
    page_host,
    referrer_host,
    utm_source,
    utm_medium,
    utm_campaign,
    is_bot,
    person_id,
    is_session_start,
    session_id,
    {{ footpath.local_date('event_at') }} as event_day
from with_session
