{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_regions') }}
-- The events of the touched regions (in a full build: all), each with its person and its session.
with events_in_region as (

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
        coalesce(merged.person_id, events.user_key, spans.user_key, events.device_key) as person_id
    from events_in_region as events
    left join {{ ref('device_spans') }} as spans
        on
            events.user_key is null
            and events.device_key = spans.device_key
            and (spans.valid_from is null or events.event_at > spans.valid_from)
            and (spans.valid_to is null or events.event_at <= spans.valid_to)
    left join {{ ref('merged_users') }} as merged on coalesce(events.user_key, spans.user_key) = merged.user_key

),

with_switch as (

    select
        events.*,
        events.source_makes_sessions
        {% if not footpath.setting('include_bots') %}and not events.is_bot{% endif %} as makes_session
    from with_person as events

),

-- A session ends where the gap to the next event is over the timeout; a gap of exactly the timeout does not end it.
with_gap as (

    select
        *,
        case
            when makes_session then
                coalesce(
                    event_at > {{ footpath.add_seconds(
                        'lag(event_at) over (partition by source, actor_key, makes_session '
                        ~ 'order by event_at asc, event_order asc nulls last, event_key asc)',
                        footpath.setting('session_timeout')
                    ) }},
                    true
                )
        end as is_session_start
    from with_switch

),

with_first_event as (

    select
        *,
        case
            when makes_session then
                last_value(case when is_session_start then event_key end ignore nulls) over (
                    partition by source, actor_key, makes_session
                    order by event_at asc, event_order asc nulls last, event_key asc
                    rows between unbounded preceding and current row
                )
        end as first_event_key
    from with_gap

)

select
    * exclude (first_event_key, makes_session, source_makes_sessions),
    case
        when first_event_key is not null
            then {{ footpath.hash_key(['source', 'cast(actor_key as varchar)', 'cast(first_event_key as varchar)']) }}
    end as session_id,
    {{ footpath.local_date('event_at') }} as event_day
from with_first_event
