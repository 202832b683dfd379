-- People with more identifiers than the setting max_identifiers_per_person, and people in whose component of linked
-- identifiers there are more (strategy graph: then the links of shared devices were not followed). Test accounts, tills
-- and ids that a sender gave to everybody show up here.
{% set limit = footpath.setting('max_identifiers_per_person') %}

with identifiers as (

    select
        person_id,
        count(distinct case when identifier_type = 'user' then identity_namespace || chr(31) || identifier end)
            as user_id_count,
        count(distinct case when identifier_type = 'device' then identity_namespace || chr(31) || identifier end)
            as device_count
    from {{ ref('identities') }}
    group by person_id

),

components as (

    select
        person_id,
        max(identifier_count) as linked_identifier_count
    from {{ ref('merged_users') }}
    group by person_id

),

user_ids as (

    select
        person_id,
        min(identifier) as user_id
    from {{ ref('identities') }}
    where identifier_type = 'user'
    group by person_id

)

select
    identifiers.person_id,
    user_ids.user_id,
    identifiers.user_id_count,
    identifiers.device_count,
    identifiers.user_id_count + identifiers.device_count as identifier_count,
    components.linked_identifier_count,
    {{ limit }} as identifier_limit
from identifiers
left join components on identifiers.person_id = components.person_id
left join user_ids on identifiers.person_id = user_ids.person_id
where
    identifiers.user_id_count + identifiers.device_count > {{ limit }}
    or components.linked_identifier_count > {{ limit }}
