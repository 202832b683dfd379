{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_regions') }}
-- The events of the touched regions (in a full build: all), each with its person and its session. Sessions are found on
-- narrow rows, and joined to the rest at the end: sorting is what costs.
--
-- Reads five narrow columns of the stored events to find those of the regions, and the rest of these alone.
{% set partial = footpath.stored('event_links') %}
{% set timeout = footpath.setting('session_timeout') %}
{% set max_length = footpath.setting('max_session_length') %}
{% set by_campaign = footpath.setting('split_on_campaign') %}
{% set in_order %}partition by source, actor_key order by {{ footpath.event_sequence() }}{% endset %}

with {{ 'recursive' if max_length }}
{% if partial %}
-- An actor is a device, else a user: two looks, each by one column, for which DuckDB passes over most rows while it
-- reads (not so for a join by several columns or by an expression). Materialized, so that the few that are found are
-- looked up, and not the other way round.
region_ids as materialized (

    {% for key in ['device_key', 'user_key'] %}
    select {{ footpath.row_id('events', 'event_key') }} as row_id
    from {{ ref('event_rows') }} as events
    inner join {{ ref('touched_regions') }} as touched
        on
            events.source = touched.source
            and events.{{ key }} = touched.actor_key
            and events.event_at between touched.from_at and touched.to_at
    where
        events.row_state = 'event'
        and events.{{ key }} in (select regions.actor_key from {{ ref('touched_regions') }} as regions)
        {% if key == 'user_key' %}
        and events.device_key is null
        {% endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

{% endif %}
events_in_region as {{ '' if partial else 'not' }} materialized (

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
        events.client_session_id,
        events.page_url,
        events.page_path,
        events.page_host,
        events.referrer_host,
        events.utm_source,
        events.utm_medium,
        events.utm_campaign,
        events.is_bot,
        events.makes_session
    from {{ ref('event_rows') }} as events
    where
        events.row_state = 'event'
        {% if partial %}
        and {{ footpath.row_id('events', 'event_key') }} in (select region_ids.row_id from region_ids)
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

session_events as (

    select
        event_key,
        source,
        actor_key,
        event_at,
        {% if footpath.setting('session_strategy') == 'client' %}
        client_session_id,
        {% endif %}
        {% if by_campaign %}
        utm_campaign,
        {% endif %}
        event_order
    from events_in_region
    where
        makes_session
        {% if not footpath.setting('include_bots') %}
        and not is_bot
        {% endif %}

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
    from session_events
    window actor_events as ({{ in_order }})

),

{% if footpath.setting('session_strategy') == 'client' %}
-- The session that the client named; an event without a name is in the session of the event before it, and after a
-- pause it begins one of its own.
with_key as (

    select
        *,
        case
            when client_session_id is not null then {{ footpath.client_session_key() }}
            when is_after_pause then {{ footpath.session_key() }}
        end as own_session_id
    from with_pause

),

with_session as (

    select
        *,
        last_value(own_session_id ignore nulls) over (
            {{ in_order }} rows between unbounded preceding and current row
        ) as session_id
    from with_key

),

numbered as (

    select
        event_key,
        session_id,
        row_number() over (partition by session_id order by {{ footpath.event_sequence() }}) = 1 as is_session_start
    from with_session

)

{% else %}
{% if max_length or by_campaign %}
with_block as (

    select
        *,
        {% if max_length %}
        row_number() over ({{ in_order }}) as position,
        {% endif %}
        count(*) filter (where is_after_pause) over (
            {{ in_order }} rows between unbounded preceding and current row
        ) as block_number
    from with_pause

),

{% endif %}
{% if by_campaign %}
-- Each campaign that differs from the one before it begins a session, so a session's own is the one seen last.
with_campaign as (

    select
        *,
        utm_campaign is not null
        and utm_campaign is distinct from last_value(utm_campaign ignore nulls) over (
            partition by source, actor_key, block_number
            order by {{ footpath.event_sequence() }}
            rows between unbounded preceding and 1 preceding
        ) as is_other_campaign
    from with_block

),

{% endif %}
{% if max_length %}
-- With a maximum length, where a session begins depends on where the one before began. So each event says where the
-- next session begins if one begins with it, and the sessions are what a walk from pause to pause meets.
with_next as (

    select
        *,
        least(
            min(position) over (
                partition by source, actor_key, block_number
                order by event_at
                range between interval '{{ max_length }}.000001 seconds' following and unbounded following
            )
            {% if by_campaign %}
            ,
            min(case when is_other_campaign then position end) over later_events,
            case
                when utm_campaign is null
                    then min(case when utm_campaign is not null then position end) over later_events
            end
            {% endif %}
        ) as next_position
    {% if by_campaign %}
    from with_campaign
    window
        later_events as (
            partition by source, actor_key, block_number
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
    where next_position is not null

),

starts as (

    select
        source,
        actor_key,
        position
    from with_next
    where is_after_pause
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
        starts.position is not null as is_session_start
    from with_next as events
    left join starts
        on
            events.source = starts.source
            and events.actor_key = starts.actor_key
            and events.position = starts.position

),

{% else %}
with_start as (

    select
        *,
        is_after_pause{{ ' or is_other_campaign' if by_campaign }} as is_session_start
    from {{ 'with_campaign' if by_campaign else 'with_pause' }}

),

{% endif %}
with_key as (

    select
        *,
        case when is_session_start then {{ footpath.session_key() }} end as own_session_id
    from with_start

),

numbered as (

    select
        event_key,
        is_session_start,
        last_value(own_session_id ignore nulls) over (
            {{ in_order }} rows between unbounded preceding and current row
        ) as session_id
    from with_key

)

{% endif %}
select
    events.event_key,
    events.source,
    events.actor_key,
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
    events.person_id,
    numbered.is_session_start,
    numbered.session_id,
    {{ footpath.local_date('events.event_at') }} as event_day
from with_person as events
left join numbered on events.event_key = numbered.event_key
