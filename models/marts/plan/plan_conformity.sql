{{ config(enabled=footpath.setting('manifest') == 'raw') }}

-- How well events follow the tracking plan: rates over the last day, week and month that the data reaches. Reads the
-- events of 30 days. Empty without a plan.
with spans as (

    select 1 as days
    union all
    select 7 as days
    union all
    select 30 as days

),

recent as (

    select
        events.event_key,
        events.event_name,
        events.source,
        coalesce({{ footpath.json_member('events.properties', 'app_version') }}, '') as app_version,
        -- the shortest span that it is in
        case
            when {{ footpath.seconds_between('events.event_at', 'data_until.data_until') }} < 86400 then 1
            when {{ footpath.seconds_between('events.event_at', 'data_until.data_until') }} < 7 * 86400 then 7
            else 30
        end as days
    from {{ ref('event_rows') }} as events
    inner join {{ ref('data_until') }} as data_until
        on
            events.event_at > {{ footpath.add_seconds('data_until.data_until', -30 * 86400) }}
            and events.event_at <= data_until.data_until
    where
        events.row_state = 'event'
        and events.source in (
            select sources.source
            from {{ source('raw', 'sources') }} as sources
            where (select count(*) from {{ source('raw', 'plan_events') }}) > 0
        )

),

events_by_span as (

    select
        recent.event_name,
        recent.source,
        recent.app_version,
        spans.days,
        count(*) as event_count
    from recent
    inner join spans on recent.days <= spans.days
    group by recent.event_name, recent.source, recent.app_version, spans.days

),

violations as (

    select
        violations.event_key,
        violations.event_name,
        violations.source,
        recent.app_version,
        violations.property,
        violations.verdict,
        recent.days
    from {{ ref('event_violations') }} as violations
    inner join recent on violations.event_key = recent.event_key

),

violations_by_span as (

    -- each rule by itself
    select
        violations.event_name,
        violations.source,
        violations.app_version,
        violations.property,
        violations.verdict,
        spans.days,
        count(*) as violation_count,
        min(violations.event_key) as sample_event_key
    from violations
    inner join spans on violations.days <= spans.days
    group by
        violations.event_name, violations.source, violations.app_version, violations.property, violations.verdict,
        spans.days

    union all

    -- events with any violation at all: the events that come as they should are the others
    select
        events_by_span.event_name,
        events_by_span.source,
        events_by_span.app_version,
        null as property,
        'any' as verdict,
        events_by_span.days,
        count(distinct violations.event_key) as violation_count,
        min(violations.event_key) as sample_event_key
    from events_by_span
    left join violations
        on
            events_by_span.event_name = violations.event_name
            and events_by_span.source = violations.source
            and events_by_span.app_version = violations.app_version
            and events_by_span.days >= violations.days
    group by events_by_span.event_name, events_by_span.source, events_by_span.app_version, events_by_span.days

),

not_seen as (

    -- what is planned, of any source or of these, and did not come
    select
        plan_names.event_name,
        plan_names.source,
        spans.days
    from {{ source('raw', 'plan_names') }} as plan_names
    inner join {{ source('raw', 'plan_events') }} as plan_events on plan_names.event_name = plan_events.event_name
    cross join spans
    where
        not plan_names.is_old_name
        and plan_events.status = 'active'
        and not exists (
            select 1
            from events_by_span
            where
                events_by_span.event_name = plan_names.event_name
                and events_by_span.days = spans.days
                and (plan_names.source is null or events_by_span.source = plan_names.source)
        )

)

select
    counted.event_name,
    counted.property,
    counted.verdict,
    counted.source,
    nullif(counted.app_version, '') as app_version,
    counted.days,
    events_by_span.event_count,
    counted.violation_count,
    cast(counted.violation_count as double) / events_by_span.event_count as violation_rate,
    counted.sample_event_key
from violations_by_span as counted
inner join events_by_span
    on
        counted.event_name = events_by_span.event_name
        and counted.source = events_by_span.source
        and counted.app_version = events_by_span.app_version
        and counted.days = events_by_span.days

union all

select
    event_name,
    null as property,
    'not_seen' as verdict,
    source,
    null as app_version,
    days,
    0 as event_count,
    0 as violation_count,
    null as violation_rate,
    null as sample_event_key
from not_seen
