{{ config(materialized='table') }}

-- depends_on: {{ ref('alias_events') }}
-- depends_on: {{ ref('device_users') }}
-- depends_on: {{ ref('touched_aliases') }}
-- depends_on: {{ ref('touched_devices') }}
-- depends_on: {{ ref('touched_rows') }}
-- The users whose merges are looked at again: those who were linked to another one by something that changed, and
-- everybody who was one component with them until now.
{% set stored_users = footpath.stored('merged_users') %}

{% if stored_users %}
with changed as (

    select user_key
    from {{ ref('touched_rows') }}
    where user_key is not null
    union
    select aliases.user_key
    from {{ ref('alias_events') }} as aliases
    where aliases.event_key in (select touched.event_key from {{ ref('touched_aliases') }} as touched)
    union
    select aliases.previous_user_key as user_key
    from {{ ref('alias_events') }} as aliases
    where aliases.event_key in (select touched.event_key from {{ ref('touched_aliases') }} as touched)
    {% if footpath.setting('identity_strategy') == 'graph' %}
    union
    select device_users.user_key
    from {{ ref('device_users') }} as device_users
    where device_users.device_key in (select touched.device_key from {{ ref('touched_devices') }} as touched)
    {% endif %}

)

select user_key
from changed
union
select user_key
from {{ stored_users }}
where
    component_id in (
        select merged.component_id
        from {{ stored_users }} as merged
        where merged.user_key in (select changed.user_key from changed)
    )
{% else %}
-- a full build looks at all of them
select user_key
from {{ ref('touched_rows') }}
where false
{% endif %}
