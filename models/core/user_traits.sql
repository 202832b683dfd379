{{ config(meta={'region': {'table': 'touched_people', 'columns': ['person_id']}}) }}

-- depends_on: {{ ref('touched_people') }}
-- What was known of a person when: one row per person, trait and span of time in which the trait had one value. The
-- spans of a touched person are made anew from what their events say.
{% set partial = footpath.stored('user_traits') %}

with said as (

    select
        person_id,
        trait,
        value,
        event_at,
        row_number() over (
            partition by person_id, trait, event_at order by event_order desc nulls first, event_key desc
        ) as place_from_end
    from {{ ref('event_traits') }}
    where
        person_id is not null
        {% if partial %}
        and person_id in (select touched.person_id from {{ ref('touched_people') }} as touched)
        {% endif %}

),

-- Of several values at one instant the last one holds: no span is empty.
changes as (

    select
        person_id,
        trait,
        value,
        event_at,
        coalesce(value <> lag(value) over (partition by person_id, trait order by event_at asc), true) as is_change
    from said
    where place_from_end = 1

)

select
    person_id,
    trait,
    value,
    event_at as valid_from,
    lead(event_at) over (partition by person_id, trait order by event_at asc) as valid_to
from changes
where is_change
