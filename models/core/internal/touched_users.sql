{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('merged_users_now') }}
-- depends_on: {{ ref('touched_components') }}
-- Users who became part of another person in this run, or stopped to be: kept until the run is complete, because
-- merged_users forgets what it said before.
{% set stored_users = footpath.stored('merged_users') %}

{% if stored_users %}
with before as (

    select
        user_key,
        person_id
    from {{ stored_users }}
    where user_key in (select touched.user_key from {{ ref('touched_components') }} as touched)

)

select coalesce(new.user_key, before.user_key) as user_key
from {{ ref('merged_users_now') }} as new
full outer join before on new.user_key = before.user_key
where new.person_id is distinct from before.person_id
{% else %}
select user_key
from {{ ref('merged_users_now') }}
where false
{% endif %}
