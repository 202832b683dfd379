-- depends_on: {{ ref('merged_users') }}
-- When identifiers became one person, by reporting day and by what made them one. A sudden rise is a bug of a sender
-- more often than a success. For sign-ups two columns of the links are read whole, to tell devices that
-- were anonymous: 1.3 CPU s on 20 million events.
{% set limit = footpath.setting('max_identifiers_per_person') %}

with pairs as (

    select
        least(user_key, previous_user_key) as smaller_key,
        greatest(user_key, previous_user_key) as larger_key,
        event_at
    from {{ ref('alias_events') }}
    where
        not previous_is_device
        and user_key <> previous_user_key

),

aliases as (

    select
        smaller_key,
        larger_key,
        min(event_at) as merged_at
    from pairs
    group by smaller_key, larger_key

),

anonymous_devices as (

    select distinct device_key
    from {{ ref('event_links') }}
    where
        user_key is null
        and device_key is not null

),

sign_ups as (

    select
        device_users.device_key,
        min(device_users.first_identified_at) as merged_at
    from {{ ref('device_users') }} as device_users
    inner join anonymous_devices on device_users.device_key = anonymous_devices.device_key
    group by device_users.device_key

),

{% if footpath.setting('identity_strategy') == 'graph' %}
-- Each user of a device after its first one; links in a component over the limit are not followed.
users_of_devices as (

    select
        device_users.first_identified_at as merged_at,
        row_number() over (
            partition by device_users.device_key
            order by device_users.first_identified_at asc, device_users.user_key asc
        ) as place
    from {{ ref('device_users') }} as device_users
    inner join {{ ref('merged_users') }} as merged on device_users.user_key = merged.user_key
    where merged.identifier_count <= {{ limit }}

),

{% endif %}
all_merges as (

    select
        'alias' as kind,
        merged_at
    from aliases
    union all
    select
        'sign_up' as kind,
        merged_at
    from sign_ups
    {% if footpath.setting('identity_strategy') == 'graph' %}
    union all
    select
        'shared_device' as kind,
        merged_at
    from users_of_devices
    where place > 1
    {% endif %}

)

select
    {{ footpath.local_date('merged_at') }} as day,
    kind,
    count(*) as merge_count,
    min(merged_at) as first_merged_at,
    max(merged_at) as last_merged_at
from all_merges
group by {{ footpath.local_date('merged_at') }}, kind
