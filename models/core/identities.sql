{{ config(materialized='view') }}

-- Which person an identifier stands for, and when.
with devices as (

    select
        'device' as identifier_type,
        spans.anonymous_id as identifier,
        spans.device_namespace as identity_namespace,
        coalesce(merged.person_id, spans.user_key, spans.device_key) as person_id,
        spans.valid_from,
        spans.valid_to
    from {{ ref('device_spans') }} as spans
    left join {{ ref('merged_users') }} as merged on spans.user_key = merged.user_key

),

-- A user id that only an alias names is a user as well.
user_ids as (

    select
        user_key,
        user_namespace,
        user_id
    from {{ ref('known_users') }}
    union
    select
        user_key,
        user_namespace,
        user_id
    from {{ ref('merged_users') }}

),

users as (

    select
        'user' as identifier_type,
        user_ids.user_id as identifier,
        user_ids.user_namespace as identity_namespace,
        coalesce(merged.person_id, user_ids.user_key) as person_id,
        cast(null as timestamp) as valid_from,
        cast(null as timestamp) as valid_to
    from user_ids
    left join {{ ref('merged_users') }} as merged on user_ids.user_key = merged.user_key

)

select * from devices
union all
select * from users
