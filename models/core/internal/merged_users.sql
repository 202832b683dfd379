{{ config(materialized='table') }}

-- depends_on: {{ ref('touched_users') }}
-- Users that are one person with others. Changes only after touched_users has noted who changes.
select
    merged.user_key,
    merged.user_namespace,
    merged.user_id,
    merged.person_id
from {{ ref('merged_users_now') }} as merged
