-- What there is: every name of events, how many, of whom and since when, in the plan or not, what it is used for and
-- what speaks against it. Events of nobody count too.
with data_until as (

    select {{ footpath.interval_number_of_date('cast(data_until as date)', 'day') }} as last_day_number
    from {{ ref('data_until') }}

),

sessions as (

    select count(*) as session_count
    from {{ ref('sessions') }}

),

users as (

    select count(*) as person_count
    from {{ ref('users') }}

),

hours as (

    select
        event_name,
        source,
        {{ footpath.interval_number_of_date('day', 'day') }} as day_number,
        event_count + bot_event_count as event_count,
        bot_event_count,
        first_event_at,
        last_event_at
    from {{ ref('event_hours') }}

),

counted as (

    select
        hours.event_name,
        cast(sum(hours.event_count) as bigint) as event_count,
        cast(sum(hours.bot_event_count) as bigint) as bot_event_count,
        cast(sum(
            case
                when data_until.last_day_number - hours.day_number between 0 and 29 then hours.event_count else 0
            end
        ) as bigint) as last_30_days_event_count,
        cast(sum(
            case
                when data_until.last_day_number - hours.day_number between 30 and 59 then hours.event_count else 0
            end
        ) as bigint) as previous_30_days_event_count,
        -- on or before the first of the 60 days, so that both spans are whole
        min(hours.day_number) <= min(data_until.last_day_number) - 59 as is_60_days_old,
        count(distinct hours.day_number) as day_count,
        min(hours.first_event_at) as first_seen_at,
        max(hours.last_event_at) as last_seen_at
    from hours
    cross join data_until
    group by hours.event_name

),

people as (

    select
        event_name,
        count(distinct case when is_counted then person_id end) as person_count,
        count(distinct session_id) as session_count
    from {{ ref('event_links') }}
    group by event_name

),

event_sources as (

    select distinct
        event_name,
        source
    from hours

),

sources as (

    select
        event_name,
        {{ dbt.listagg('source', "', '", 'order by source asc') | trim }} as sources
    from event_sources
    group by event_name

),

properties as (

    select
        event_name,
        count(*) as property_count
    from {{ ref('event_properties') }}
    where filled_count > 0
    group by event_name

),

uses as (

    select
        event_name,
        count(*) as used_by_count
    from {{ ref('event_uses') }}
    group by event_name

),

verdicts as (

    select
        event_name,
        {{ dbt.listagg('verdict', "', '", 'order by place asc') | trim }} as verdicts,
        max(case when place = 1 then suggested_action end) as suggested_action
    from {{ ref('event_verdicts') }}
    group by event_name

),

plan as (

    select count(*) > 0 as has_plan
    from {{ ref('planned_names') }}

)

select
    counted.event_name,
    sources.sources,
    case when plan.has_plan then planned_names.event_name is not null end as is_planned,
    planned_names.owner,
    planned_names.status as plan_status,
    counted.event_count,
    counted.bot_event_count,
    cast(counted.event_count as double) / sum(counted.event_count) over () as event_rate,
    counted.last_30_days_event_count,
    counted.previous_30_days_event_count,
    case
        when counted.is_60_days_old
            then cast(counted.last_30_days_event_count as double) / nullif(counted.previous_30_days_event_count, 0) - 1
    end as event_change,
    counted.day_count,
    coalesce(people.person_count, 0) as person_count,
    cast(coalesce(people.person_count, 0) as double) / nullif(users.person_count, 0) as person_rate,
    coalesce(people.session_count, 0) as session_count,
    cast(coalesce(people.session_count, 0) as double) / nullif(sessions.session_count, 0) as session_rate,
    coalesce(properties.property_count, 0) as property_count,
    coalesce(uses.used_by_count, 0) as used_by_count,
    verdicts.verdicts,
    verdicts.suggested_action,
    counted.first_seen_at,
    counted.last_seen_at
from counted
inner join sources on counted.event_name = sources.event_name
left join people on counted.event_name = people.event_name
left join properties on counted.event_name = properties.event_name
left join uses on counted.event_name = uses.event_name
left join verdicts on counted.event_name = verdicts.event_name
left join {{ ref('planned_names') }} as planned_names on counted.event_name = planned_names.event_name
cross join sessions
cross join users
cross join plan
