{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('merged_users_now') }}
-- Users who became part of another person in this run, or stopped to be: kept until the run is complete, because
-- merged_users forgets what it said before.
{% set stored_users = footpath.stored('merged_users') %}

{% if stored_users %}
select coalesce(new.user_key, old.user_key) as user_key
from {{ ref('merged_users_now') }} as new
full outer join {{ stored_users }} as old on new.user_key = old.user_key
where new.person_id is distinct from old.person_id
{% else %}
select user_key
from {{ ref('merged_users_now') }}
where false
{% endif %}
