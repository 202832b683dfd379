-- What speaks against an event, each with what to do about it: the first thing to look at has place 1. All of it
-- follows from the counted hours, the uses and the plan, by three limits of the settings.
{% set stale_days = footpath.setting('stale_event_days') %}
{% set recent_days = footpath.setting('single_day_event_days') %}

with data_until as (

    select {{ footpath.interval_number_of_date('cast(data_until as date)', 'day') }} as last_day_number
    from {{ ref('data_until') }}

),

hours as (

    select
        event_name,
        {{ footpath.interval_number_of_date('day', 'day') }} as day_number,
        event_count + bot_event_count as event_count
    from {{ ref('event_hours') }}

),

seen as (

    select
        hours.event_name,
        sum(hours.event_count) as event_count,
        sum(
            case when hours.day_number > data_until.last_day_number - 30 then hours.event_count else 0 end
        ) as recent_event_count,
        count(distinct hours.day_number) as day_count,
        min(data_until.last_day_number) - max(hours.day_number) as days_since
    from hours
    cross join data_until
    group by hours.event_name

),

uses as (

    select
        event_name,
        count(*) as use_count
    from {{ ref('event_uses') }}
    group by event_name

),

-- What is sent under an old name stands in events under the planned one, and here under the old one.
sent_under_old_names as (

    {% if footpath.setting('manifest') == 'raw' %}
    select
        observed as event_name,
        min(expected) as planned_event,
        max({{ footpath.interval_number_of_date('cast(event_at as date)', 'day') }}) as last_sent_day_number
    from {{ ref('event_violations') }}
    where verdict = 'old_name'
    group by observed
    {% else %}
    select
        event_name,
        planned_event,
        0 as last_sent_day_number
    from {{ ref('planned_names') }}
    where false
    {% endif %}

),

named as (

    select event_name from seen
    union distinct
    select event_name from {{ ref('planned_names') }}

),

-- planned events that were never seen stand here too: another name may be meant for one
events as (

    select
        named.event_name,
        seen.event_name is not null as is_seen,
        coalesce(seen.event_count, 0) as event_count,
        cast(coalesce(seen.recent_event_count, 0) as double)
        / nullif(sum(seen.recent_event_count) over (), 0) as recent_rate,
        seen.day_count,
        seen.days_since,
        coalesce(uses.use_count, 0) > 0 as is_used,
        plans.planned_event,
        coalesce(plans.is_old_name, false) as is_old_name,
        plans.planned_event is not null and not plans.is_old_name as is_planned,
        plans.status,
        count(plans.planned_event) over () > 0 as has_plan,
        {{ footpath.plain_name('named.event_name') }} as plain_name
    from named
    left join seen on named.event_name = seen.event_name
    left join uses on named.event_name = uses.event_name
    left join {{ ref('planned_names') }} as plans on named.event_name = plans.event_name

),

-- Of names that are spelled alike the planned one stays, else the most frequent one.
alike as (

    select
        *,
        first_value(event_name) over (
            partition by plain_name
            order by is_planned desc, event_count desc, event_name asc
        ) as kept_name,
        max(is_planned) over (partition by plain_name) as is_kept_name_planned
    from events
    where not is_old_name

),

verdicts as (

    select
        event_name,
        'near_duplicate_name' as verdict,
        1 as importance,
        kept_name as other_event_name,
        case
            when is_kept_name_planned
                then 'send it as `' || kept_name || '`, and list this name under its aliases in the plan'
            else 'send it as `' || kept_name || '`'
        end as suggested_action
    from alike
    where is_seen and not is_planned and event_name <> kept_name and plain_name <> ''

    union all

    select
        event_name,
        'old_name' as verdict,
        2 as importance,
        planned_event as other_event_name,
        'send it as `' || planned_event || '`, as which it is counted by the plan' as suggested_action
    from sent_under_old_names
    where last_sent_day_number > (select data_until.last_day_number from data_until) - {{ stale_days }}

    union all

    select
        event_name,
        'planned_not_seen' as verdict,
        3 as importance,
        null as other_event_name,
        'send it, or set its status to draft or deprecated in the plan' as suggested_action
    from events
    where not is_seen and is_planned and status = 'active'

    union all

    select
        event_name,
        'single_day' as verdict,
        4 as importance,
        null as other_event_name,
        case
            when is_planned then 'find out why it came on one day only'
            else 'a trial or a mistake: leave it out of analyses, and see that it is not sent again'
        end as suggested_action
    from events
    where is_seen and day_count = 1 and days_since >= {{ recent_days }}

    union all

    select
        event_name,
        'stale' as verdict,
        5 as importance,
        null as other_event_name,
        case
            when status = 'deprecated' then 'it is gone, as planned: take it out of the plan and of what uses it'
            when is_planned then 'find out why it stopped, or set its status to deprecated in the plan'
            when is_used then 'find out why it stopped, or take it out of what uses it'
            else 'nothing sends it: leave it out of new analyses'
        end as suggested_action
    from events
    where is_seen and days_since >= {{ stale_days }}

    union all

    select
        event_name,
        'not_planned' as verdict,
        6 as importance,
        null as other_event_name,
        case when is_used then 'it is used: plan it' else 'stop sending it, or plan it' end as suggested_action
    from events
    where is_seen and has_plan and planned_event is null

    union all

    select
        event_name,
        'high_volume_unused' as verdict,
        7 as importance,
        null as other_event_name,
        'use it, send fewer of it, or stop sending it' as suggested_action
    from events
    where is_seen and not is_used and recent_rate >= {{ footpath.setting('high_volume_event_rate') }}

    union all

    select
        event_name,
        'never_used' as verdict,
        8 as importance,
        null as other_event_name,
        'stop sending it, unless somebody asks for it' as suggested_action
    from events
    where is_seen and not is_used and coalesce(recent_rate, 0) < {{ footpath.setting('high_volume_event_rate') }}

)

select
    event_name,
    verdict,
    cast(row_number() over (partition by event_name order by importance) as integer) as place,
    other_event_name,
    suggested_action
from verdicts
