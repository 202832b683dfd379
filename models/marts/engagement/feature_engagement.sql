-- How much each kind of event is used, by month. Calls that say who somebody is, and heartbeats, are no use of it.
{% set used_events -%}
    select
        event_key,
        person_id,
        session_id,
        event_name,
        event_at
    from {{ ref('event_links') }}
    where
        is_counted
        and event_type not in ('identify', 'group', 'alias', 'heartbeat')
{%- endset %}

with features as (

    {{ footpath.feature_engagement(interval='month', events=used_events) | indent(4) }}

)

select
    cast(interval_start as date) as month,
    feature as event_name,
    active_person_count,
    person_count,
    use_count,
    day_count,
    usage_rate,
    average_uses,
    average_days,
    engagement_score
from features
