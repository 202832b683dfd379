{{ config(meta={'region': {'table': 'touched_regions', 'columns': ['source', 'actor_key'], 'between': 'started_at'}}) }}

-- depends_on: {{ ref('event_links') }}
-- depends_on: {{ ref('touched_regions') }}
-- One row per session, made from the events of the touched regions. Where a visit came from is told by its first page
-- view.
with session_events as not materialized (

    select * from {{ ref('region_events') }}
    where session_id is not null

),

-- The order of a session's page views, on narrow rows: sorting is what costs.
ordered_pages as (

    select
        event_key,
        row_number() over session_pages as place,
        lead(event_key) over session_pages is null as is_last
    from session_events
    where event_type = 'page'
    window session_pages as (partition by session_id order by {{ footpath.event_sequence() }})

),

entry_pages as (

    select
        pages.*,
        {{ footpath.click_source('pages.page_url') }} as click_source,
        {{ footpath.referrer_source('pages.referrer_host', 'pages.page_host', 'pages.page_url') }} as referrer_source
    from session_events as pages
    inner join ordered_pages on pages.event_key = ordered_pages.event_key
    where ordered_pages.place = 1

),

entry_sources as (

    select
        *,
        {{ footpath.traffic_source('utm_source', 'utm_medium', 'click_source', 'referrer_source') }} as traffic_source
    from entry_pages

),

entry_media as (

    select
        entry_sources.*,
        categories.category as source_category,
        {{ footpath.traffic_medium(
            'utm_source', 'utm_medium', 'click_source', 'referrer_source', 'categories.category'
        ) }} as traffic_medium
    from entry_sources
    left join {{ ref('traffic_source_categories') }} as categories
        on entry_sources.traffic_source = categories.source

),

entries as (

    select
        *,
        {{ footpath.default_channel_group('traffic_source', 'traffic_medium', 'utm_campaign', 'source_category') }}
            as channel
    from entry_media

),

exits as (

    select
        pages.session_id,
        pages.page_path as exit_page_path
    from session_events as pages
    inner join ordered_pages on pages.event_key = ordered_pages.event_key
    where ordered_pages.is_last

),

-- A session is its first event's: its person, its device, its user.
firsts as (

    select
        session_id,
        source,
        actor_key,
        person_id,
        anonymous_id,
        user_id
    from session_events
    where is_session_start

),

-- Heartbeats say that somebody still looks at the page viewed last: in buckets of 10 seconds, the first one counts 5.
heartbeats as (

    select
        session_id,
        event_type,
        floor(epoch_us(event_at) / 10000000) as bucket,
        count(*) filter (where event_type = 'page') over (
            partition by session_id
            order by {{ footpath.event_sequence() }}
            rows between unbounded preceding and current row
        ) as view_number
    from session_events
    where
        source in (select measured.source from {{ ref('heartbeat_sources') }} as measured)
        and event_type in ('page', 'heartbeat')

),

measured_views as (

    select
        session_id,
        10 * (count(distinct bucket) - 1) + 5 as engaged_seconds
    from heartbeats
    where
        event_type = 'heartbeat'
        and view_number > 0
    group by session_id, view_number

),

measured as (

    select
        session_id,
        sum(engaged_seconds) as engaged_seconds
    from measured_views
    group by session_id

),

counted as (

    select
        session_id,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        count(*) as event_count,
        count(*) filter (where event_type = 'page') as page_view_count,
        count(*) filter (where event_type = 'screen') as screen_view_count,
        count(*) filter (
            where event_type not in ('page', 'screen', 'identify', 'group', 'alias', 'heartbeat')
        ) as interaction_count,
        count(distinct person_id) as person_count
    from session_events
    group by session_id

)

select
    firsts.session_id,
    firsts.source,
    firsts.actor_key,
    firsts.person_id,
    firsts.anonymous_id,
    firsts.user_id,
    entries.page_path as entry_page_path,
    exits.exit_page_path,
    entries.utm_source,
    entries.utm_medium,
    entries.utm_campaign,
    entries.referrer_host,
    entries.traffic_source,
    entries.traffic_medium,
    entries.utm_campaign as traffic_campaign,
    entries.channel,
    counted.page_view_count <= 1 and counted.interaction_count = 0 as is_bounce,
    counted.event_count,
    counted.page_view_count,
    counted.screen_view_count,
    counted.interaction_count,
    counted.person_count,
    case
        when firsts.source in (select measured_source.source from {{ ref('heartbeat_sources') }} as measured_source)
            then cast(coalesce(measured.engaged_seconds, 0) as decimal(18, 3))
        else {{ footpath.seconds_between('counted.started_at', 'counted.ended_at') }}
    end as engaged_seconds,
    {{ footpath.local_date('counted.started_at') }} as session_day,
    counted.started_at,
    counted.ended_at
from firsts
inner join counted on firsts.session_id = counted.session_id
left join entries on firsts.session_id = entries.session_id
left join exits on firsts.session_id = exits.session_id
left join measured on firsts.session_id = measured.session_id
