{{ config(meta={'region': {'table': 'touched_regions', 'columns': ['source', 'actor_key'], 'between': 'viewed_at'}}) }}

-- depends_on: {{ ref('event_links') }}
-- depends_on: {{ ref('touched_regions') }}
-- Page views in sessions, and those of sources that make none, which have no place and no length.
with session_events as not materialized (

    select *
    from {{ ref('region_events') }}
    where session_id is not null

),

session_ends as (

    select
        session_id,
        max(event_at) as ended_at
    from session_events
    group by session_id

),

-- The order of a session's page views, on narrow rows: sorting is what costs.
ordered_pages as (

    select
        event_key,
        row_number() over session_pages as number_in_session,
        lead(event_at) over session_pages as next_view_at
    from session_events
    where event_type = 'page'
    window session_pages as (partition by session_id order by {{ footpath.event_sequence() }})

)

select
    pages.event_key,
    pages.session_id,
    pages.person_id,
    pages.source,
    pages.actor_key,
    pages.page_path,
    pages.page_url,
    ordered_pages.number_in_session,
    -- Until the next view; the last one lasts until the session's last event.
    {{ footpath.seconds_between(
        'pages.event_at', 'coalesce(ordered_pages.next_view_at, session_ends.ended_at)'
    ) }} as seconds_on_page,
    pages.event_at as viewed_at
from {{ ref('region_events') }} as pages
left join ordered_pages on pages.event_key = ordered_pages.event_key
left join session_ends on pages.session_id = session_ends.session_id
where
    pages.event_type = 'page'
    {% if not footpath.setting('include_bots') %}
    and not pages.is_bot
    {% endif %}
