{{ config(materialized='table') }}

-- depends_on: {{ ref('device_users') }}
-- depends_on: {{ ref('touched_components') }}
-- Users who are one person, as the events say now: linked by explicit aliases, transitively; with the strategy graph
-- also by the devices that they share. The person is the one of the smallest identifier among them.
{% set partial = footpath.stored('merged_users') %}

with alias_links as (

    select
        user_key,
        user_namespace,
        user_id,
        previous_user_key,
        previous_id
    from {{ ref('alias_events') }}
    where
        not previous_is_device
        {% if partial %}
        -- both ends of a link are in one component
        and user_key in (select touched.user_key from {{ ref('touched_components') }} as touched)
        {% endif %}

),

{% if footpath.setting('identity_strategy') == 'graph' %}
users_of_devices as (

    select
        device_key,
        user_key,
        user_namespace,
        user_id,
        min(user_key) over (partition by device_key) as smallest_user_key,
        max(user_key) over (partition by device_key) as largest_user_key
    from {{ ref('device_users') }}
    {% if partial %}
    where user_key in (select touched.user_key from {{ ref('touched_components') }} as touched)
    {% endif %}

),

device_links as (

    select
        device_key,
        user_key,
        user_namespace,
        user_id,
        smallest_user_key
    from users_of_devices
    where smallest_user_key <> largest_user_key

),

{% endif %}
members as (

    select
        user_key,
        user_namespace,
        user_id
    from alias_links
    union
    select
        previous_user_key as user_key,
        user_namespace,
        previous_id as user_id
    from alias_links
    {% if footpath.setting('identity_strategy') == 'graph' %}
    union
    select
        user_key,
        user_namespace,
        user_id
    from device_links
    {% endif %}

),

links as ( -- noqa: ST03

    select
        user_key as one,
        previous_user_key as other
    from alias_links
    {% if footpath.setting('identity_strategy') == 'graph' %}
    union
    select
        user_key as one,
        smallest_user_key as other
    from device_links
    {% endif %}

),

components as (

    {{ footpath.connected_components('links') }} -- noqa: PRS

),

{% if footpath.setting('identity_strategy') == 'graph' %}
-- Users and devices of a component. Over the limit, devices with several users say nothing about who is one person:
-- a till, a family's tablet, a test account. Their events follow the timeline then.
sizes as (

    select
        components.component as component_id,
        count(distinct components.node) + count(distinct users_of_devices.device_key) as identifier_count
    from components
    left join users_of_devices on components.node = users_of_devices.user_key
    group by components.component

),

kept_links as (

    select
        user_key as one,
        previous_user_key as other
    from alias_links
    union
    select
        device_links.user_key as one,
        device_links.smallest_user_key as other
    from device_links
    inner join components on device_links.user_key = components.node
    inner join sizes on components.component = sizes.component_id
    where sizes.identifier_count <= {{ footpath.setting('max_identifiers_per_person') }}

),

linked as (

    {{ footpath.connected_components('kept_links') }} -- noqa: PRS

),

people as (

    select
        components.node,
        components.component as component_id,
        sizes.identifier_count,
        coalesce(linked.component, components.node) as smallest_key
    from components
    inner join sizes on components.component = sizes.component_id
    left join linked on components.node = linked.node

),

{% else %}
people as (

    select
        node,
        component as component_id,
        component as smallest_key,
        count(*) over (partition by component) as identifier_count
    from components

),

{% endif %}
smallest as (

    select
        people.smallest_key,
        arg_min(members.user_key, [members.user_namespace, members.user_id]) as person_id
    from people
    inner join members on people.node = members.user_key
    group by people.smallest_key

)

select
    members.user_key,
    members.user_namespace,
    members.user_id,
    smallest.person_id,
    people.component_id,
    people.identifier_count
from members
inner join people on members.user_key = people.node
inner join smallest on people.smallest_key = smallest.smallest_key
