{{ config(meta={'region': {'table': 'touched_regions', 'columns': ['source', 'actor_key'], 'between': 'viewed_at'}}) }}

-- depends_on: {{ ref('event_links') }}
-- depends_on: {{ ref('touched_regions') }}
-- Page views in sessions, and those of sources that make none, which have no place and no length.
with session_events as (

    select
        *,
        max(event_at) over (partition by session_id) as session_ended_at
    from {{ ref('region_events') }}
    where session_id is not null or event_type = 'page'

),

views as (

    select
        *,
        row_number() over (
            partition by session_id order by event_at asc, event_order asc nulls last, event_key asc
        ) as place,
        lead(event_at) over (
            partition by session_id order by event_at asc, event_order asc nulls last, event_key asc
        ) as next_view_at
    from session_events
    where
        event_type = 'page'
        {% if not footpath.setting('include_bots') %}
        and not is_bot
        {% endif %}

)

select
    event_key,
    session_id,
    person_id,
    source,
    actor_key,
    page_path,
    page_url,
    case when session_id is not null then place end as number_in_session,
    -- Until the next view; the last one lasts until the session's last event.
    case
        when session_id is not null
            then {{ footpath.seconds_between('event_at', 'coalesce(next_view_at, session_ended_at)') }}
    end as seconds_on_page,
    event_at as viewed_at
from views
