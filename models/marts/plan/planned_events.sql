{{ config(enabled=footpath.setting('manifest') == 'raw') }}

-- What was planned beside what comes: every planned event, and every name of events that is not, or not any more, in
-- the plan. Empty without a plan.
with plan_events as (

    select * from {{ source('raw', 'plan_events') }}

),

names as (

    select distinct
        name,
        event_name
    from {{ source('raw', 'plan_names') }}

),

-- What came under an old name stands in events under the planned one.
seen_under_old_names as (

    select
        observed as event_name,
        source,
        count(*) as event_count,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from {{ ref('event_violations') }}
    where verdict = 'old_name'
    group by observed, source

),

seen as (

    select
        event_name,
        sources,
        event_count,
        first_seen_at,
        last_seen_at
    from {{ ref('event_catalog') }}
    where (select count(*) from plan_events) > 0
    union all
    select
        event_name,
        {{ dbt.listagg('source', "', '", 'order by source asc') | trim }} as sources,
        sum(event_count) as event_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from seen_under_old_names
    group by event_name

),

every_name as (

    select name as event_name
    from names
    union all
    select event_name
    from seen
    where event_name not in (select names.name from names)

)

select
    every_name.event_name,
    plan_events.event_name as planned_event,
    case
        when plan_events.event_name is null then 'unplanned_event'
        when plan_events.event_name <> every_name.event_name then 'old_name'
        when seen.event_name is null then 'not_seen'
        else 'planned'
    end as state,
    plan_events.description,
    plan_events.owner,
    plan_events.status,
    plan_events.category,
    plan_events.sent_when,
    plan_events.since,
    plan_events.on_violation,
    plan_events.sources as planned_sources,
    seen.sources,
    coalesce(seen.event_count, 0) as event_count,
    seen.first_seen_at,
    seen.last_seen_at
from every_name
left join names on every_name.event_name = names.name
left join plan_events on names.event_name = plan_events.event_name
left join seen on every_name.event_name = seen.event_name
