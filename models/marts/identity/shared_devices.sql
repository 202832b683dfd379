-- Devices on which several users signed in: a family's tablet, a till, a test machine. The strategies of identity
-- differ most here.
with users_of_devices as (

    select
        device_users.device_key,
        device_users.user_key,
        coalesce(merged.person_id, device_users.user_key) as person_id,
        device_users.event_count,
        device_users.first_identified_at,
        device_users.last_identified_at
    from {{ ref('device_users') }} as device_users
    left join {{ ref('merged_users') }} as merged on device_users.user_key = merged.user_key

),

shared as (

    select
        device_key,
        count(*) as user_count,
        count(distinct person_id) as person_count,
        cast(sum(event_count) as bigint) as identified_event_count,
        min(first_identified_at) as first_identified_at,
        max(last_identified_at) as last_identified_at
    from users_of_devices
    group by device_key
    having count(*) > 1

),

devices as (

    select
        device_key,
        min(device_namespace) as identity_namespace,
        min(anonymous_id) as anonymous_id,
        count(*) as span_count
    from {{ ref('device_spans') }}
    where device_key in (select shared.device_key from shared)
    group by device_key

)

select
    shared.device_key,
    devices.identity_namespace,
    devices.anonymous_id,
    shared.user_count,
    shared.person_count,
    devices.span_count,
    shared.identified_event_count,
    shared.first_identified_at,
    shared.last_identified_at
from shared
inner join devices on shared.device_key = devices.device_key
