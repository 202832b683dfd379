-- What there is: every name of events, how many, of whom and since when. Events of nobody count too.
with sessions as (

    select count(*) as session_count
    from {{ ref('sessions') }}

),

counted as (

    select
        event_name,
        count(*) as event_count,
        count(case when is_bot then 1 end) as bot_event_count,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at
    from {{ ref('event_rows') }}
    where row_state = 'event'
    group by event_name

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
    from {{ ref('event_rows') }}
    where row_state = 'event'

),

sources as (

    select
        event_name,
        {{ dbt.listagg('source', "', '", 'order by source asc') | trim }} as sources
    from event_sources
    group by event_name

)

select
    counted.event_name,
    sources.sources,
    counted.event_count,
    counted.bot_event_count,
    coalesce(people.person_count, 0) as person_count,
    coalesce(people.session_count, 0) as session_count,
    cast(coalesce(people.session_count, 0) as double) / nullif(sessions.session_count, 0) as session_rate,
    counted.first_seen_at,
    counted.last_seen_at
from counted
inner join sources on counted.event_name = sources.event_name
left join people on counted.event_name = people.event_name
cross join sessions
