{{ config(materialized='table') }}

-- Users that explicit aliases make one person, followed transitively. Worked out anew in each run: it reads alias
-- events only, of which a product has few. The person is the one of the smallest identifier in the component.
with recursive links as (

    select
        previous_user_key as from_key,
        user_key as to_key
    from {{ ref('alias_events') }}
    where not previous_is_device
    union
    select
        user_key as from_key,
        previous_user_key as to_key
    from {{ ref('alias_events') }}
    where not previous_is_device

),

members as (

    select
        user_key,
        user_namespace,
        user_id
    from {{ ref('alias_events') }}
    where not previous_is_device
    union
    select
        previous_user_key as user_key,
        user_namespace,
        previous_id as user_id
    from {{ ref('alias_events') }}
    where not previous_is_device

),

reached as (

    select
        user_key,
        user_key as other_key
    from members
    union
    select
        reached.user_key,
        links.to_key as other_key
    from reached
    inner join links on reached.other_key = links.from_key

),

smallest as (

    select
        reached.user_key,
        arg_min(members.user_key, [members.user_namespace, members.user_id]) as person_id
    from reached
    inner join members on reached.other_key = members.user_key
    group by reached.user_key

)

select
    members.user_key,
    members.user_namespace,
    members.user_id,
    smallest.person_id
from members
inner join smallest on members.user_key = smallest.user_key
