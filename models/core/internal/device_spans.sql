{{ config(meta={'region': {'table': 'touched_devices', 'columns': ['device_key']}}) }}

-- depends_on: {{ ref('touched_devices') }}
-- depends_on: {{ ref('touched_spans') }}
{% if footpath.setting('identity_strategy') == 'last_user' %}
-- Whose a device is (strategy last_user): its last user's, from the beginning to the end. A device without an
-- identified event has one open span without a user.
{% else %}
-- Who used a device when. A span ends with the last identified event of its user, its edge included, and reaches
-- back to the end of the span before: what came before a sign-up belongs to who signed up. A device without an
-- identified event has one open span without a user.
{% endif %}
--
-- Reads the key column of the stored events once (a semi-join with the touched devices), and few columns of all that
-- these devices ever did. Changes only after touched_spans has noted what they were.
{% set partial = footpath.stored('device_spans') %}

with device_events as (

    select
        device_key,
        device_namespace,
        anonymous_id,
        event_at,
        user_key,
        user_id
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        and device_key is not null
        {% if partial %}
        and device_key in (select touched.device_key from {{ ref('touched_devices') }} as touched)
        {% endif %}

),

devices as (

    select
        device_key,
        min(device_namespace) as device_namespace,
        min(anonymous_id) as anonymous_id
    from device_events
    group by device_key

),

identified as (

    select
        device_key,
        event_at,
        user_key,
        user_id
    from device_events
    where user_key is not null
    union all
    -- An alias from a device says who uses it.
    select
        aliases.previous_device_key as device_key,
        aliases.event_at,
        aliases.user_key,
        aliases.user_id
    from {{ ref('alias_events') }} as aliases
    where
        aliases.previous_is_device
        {% if partial %}
        and aliases.previous_device_key in (select touched.device_key from {{ ref('touched_devices') }} as touched)
        {% endif %}

),

-- Two users at one instant: the smallest user id (the key decides between equal ids of two namespaces).
instants as (

    select
        device_key,
        event_at,
        arg_min(user_key, [user_id, cast(user_key as varchar)]) as user_key
    from identified
    group by device_key, event_at

),

{% if footpath.setting('identity_strategy') == 'last_user' %}
last_users as (

    select
        device_key,
        arg_max(user_key, event_at) as user_key
    from instants
    group by device_key

)

select
    devices.device_key,
    devices.device_namespace,
    devices.anonymous_id,
    last_users.user_key,
    cast(null as timestamp) as valid_from,
    cast(null as timestamp) as valid_to
from devices
left join last_users on devices.device_key = last_users.device_key
{% else %}
changes as (

    select
        *,
        coalesce(user_key <> lag(user_key) over (partition by device_key order by event_at), true) as is_change
    from instants

),

numbered as (

    select
        *,
        count(*) filter (where is_change) over (partition by device_key order by event_at) as span_number
    from changes

),

spans as (

    select
        device_key,
        span_number,
        min(user_key) as user_key,
        max(event_at) as last_identified_at
    from numbered
    group by device_key, span_number

)

select
    devices.device_key,
    devices.device_namespace,
    devices.anonymous_id,
    spans.user_key,
    lag(spans.last_identified_at) over (
        partition by devices.device_key order by spans.span_number
    ) as valid_from,
    case
        when lead(spans.span_number) over (partition by devices.device_key order by spans.span_number) is not null
            then spans.last_identified_at
    end as valid_to
from devices
left join spans on devices.device_key = spans.device_key
{% endif %}
