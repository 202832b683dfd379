{{ config(meta={'region': {'table': 'touched_components', 'columns': ['user_key']}}) }}

-- depends_on: {{ ref('touched_components') }}
-- depends_on: {{ ref('touched_users') }}
-- Users that are one person with others. Changes only after touched_users has noted who changes.
select
    user_key,
    user_namespace,
    user_id,
    person_id,
    component_id,
    identifier_count
from {{ ref('merged_users_now') }}
