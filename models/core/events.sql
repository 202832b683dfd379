{{ config(materialized='view') }}

-- What analysts read: each event once, with its person and its session.
select
    events.event_key,
    events.source,
    events.event_id,
    events.event_name,
    events.event_type,
    events.event_at,
    events.received_at,
    events.anonymous_id,
    events.user_id,
    links.person_id,
    links.session_id,
    events.is_bot,
    events.page_url,
    events.page_path,
    events.page_host,
    events.page_title,
    events.page_name,
    events.referrer,
    events.referrer_host,
    events.utm_source,
    events.utm_medium,
    events.utm_campaign,
    events.utm_term,
    events.utm_content,
    events.click_id_type,
    events.browser,
    events.browser_version,
    events.operating_system,
    events.device_type,
    events.locale,
    events.group_id,
    events.event_order,
    events.properties,
    events.traits,
    events.file,
    events.line
from {{ ref('event_rows') }} as events
left join {{ ref('event_links') }} as links on events.event_key = links.event_key
where events.row_state = 'event'
