{{ config(meta={'region': {'table': 'touched_aliases', 'columns': ['event_key']}}) }}

-- depends_on: {{ ref('touched_aliases') }}
-- Alias events and what their previous id is: a device when some event has it as its anonymous id, else a user. One
-- scan of the type and of the device key of the stored events: 0.3 CPU s on 20 million.
with aliases as (

    select
        event_key,
        event_at,
        user_key,
        user_id,
        user_namespace,
        previous_id,
        {{ footpath.hash_key(["'device'", 'device_namespace', 'previous_id']) }} as previous_device_key,
        {{ footpath.hash_key(["'user'", 'user_namespace', 'previous_id']) }} as previous_user_key
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        and event_type = 'alias'
        and user_key is not null
        and previous_id is not null
        {% if footpath.stored('alias_events') %}
        and event_key in (select touched.event_key from {{ ref('touched_aliases') }} as touched)
        {% endif %}

),

devices as (

    select distinct device_key
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        and device_key in (select aliases.previous_device_key from aliases)

)

select
    aliases.*,
    devices.device_key is not null as previous_is_device
from aliases
left join devices on aliases.previous_device_key = devices.device_key
