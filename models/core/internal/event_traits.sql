{{ config(meta={'region': {'table': 'touched_events', 'columns': ['event_key']}}) }}

-- depends_on: {{ ref('touched_events') }}
-- depends_on: {{ ref('event_links') }}
-- depends_on: {{ ref('region_events') }}
-- What events say about people and groups, one row per event and trait. A group call says what its group is like;
-- every other event that carries traits says what its person is like. Few events carry traits, so this is narrow beside
-- the stored events, of which one key column is read.
{% set partial = footpath.stored('event_traits') %}

with trait_rows as (

    select
        event_key,
        event_at,
        event_order,
        event_type,
        traits,
        {{ footpath.group_key() }} as group_key
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        and traits is not null
        {% if not footpath.setting('include_bots') %}
        and not is_bot
        {% endif %}
        {% if partial %}
        and event_key in (select touched.event_key from {{ ref('touched_events') }} as touched)
        {% endif %}

),

owned as (

    select
        trait_rows.event_key,
        case when trait_rows.event_type <> 'group' then links.person_id end as person_id,
        case when trait_rows.event_type = 'group' then trait_rows.group_key end as group_key,
        trait_rows.event_at,
        trait_rows.event_order,
        trait_rows.traits
    from trait_rows
    left join {{ ref('region_events') if partial else ref('event_links') }} as links
        on trait_rows.event_key = links.event_key

),

with_owner as (

    select * from owned
    where person_id is not null or group_key is not null

),

members as (

    {{ footpath.json_members(
        'with_owner', ['event_key', 'person_id', 'group_key', 'event_at', 'event_order'], 'traits'
    ) }}

)

select
    event_key,
    person_id,
    group_key,
    name as trait,
    value,
    event_order,
    event_at
from members
