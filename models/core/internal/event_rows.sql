{{ config(meta={'region': {'table': 'touched_rows', 'columns': ['event_key']}}) }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('load_plan') }}
-- One row per readable or unreadable raw row: an event, a repeat of one, or quarantined. So per batch
-- raw rows = events + duplicates + quarantined by construction.
{% set stored_rows = footpath.stored('event_rows') %}

{% if stored_rows %}
-- What the tables have of the same keys, without the batches that this run takes in again or takes out: found by two
-- narrow columns, one scan of each, 0.5 CPU s on 20 million rows. The batches stand in both queries, as a row id is the
-- event key where the engine has none: then the second one would bring back the repeats in batches that are left out.
with kept_ids as materialized (

    select {{ footpath.row_id('stored', 'event_key') }} as row_id
    from {{ stored_rows }} as stored
    where
        stored.event_key in (select touched.event_key from {{ ref('touched_rows') }} as touched)
        and stored.batch_id not in (
            select plan.batch_id from {{ ref('load_plan') }} as plan where plan.step in ('add', 'remove')
        )

),

kept_rows as not materialized (

    select stored.*
    from {{ stored_rows }} as stored
    where
        {{ footpath.row_id('stored', 'event_key') }} in (select kept_ids.row_id from kept_ids)
        and stored.batch_id not in (
            select plan.batch_id from {{ ref('load_plan') }} as plan where plan.step in ('add', 'remove')
        )

),

{% else %}
with
{% endif %}
-- The candidates are read twice, once for the few keys that stand more than once: kept in memory, they would be the
-- greatest part of a build.
candidates as not materialized (

    select
        {% for column in footpath.row_columns() %}
        staged.{{ column }},
        {% endfor %}
        {% if footpath.setting('parse_user_agents') %}
        {% for column in footpath.user_agent_columns() %}
        agents.{{ column }},
        {% endfor %}
        coalesce(staged.is_bot, false) or coalesce(agents.is_bot, false) as is_bot
        {% else %}
        {% for column in footpath.user_agent_columns() %}
        cast(null as varchar) as {{ column }},
        {% endfor %}
        coalesce(staged.is_bot, false) as is_bot
        {% endif %}
    from {{ ref('staged_rows') }} as staged
    {% if footpath.setting('parse_user_agents') %}
    left join {{ ref('user_agents') }} as agents on staged.user_agent = agents.user_agent
    {% endif %}
    {% if stored_rows %}
    union all
    select
        {% for column in footpath.row_columns() + footpath.user_agent_columns() %}
        {{ column }},
        {% endfor %}
        is_bot
    from kept_rows
    {% endif %}

),

all_keys as (

    select event_key
    from {{ ref('staged_rows') }}
    {% if stored_rows %}
    union all
    select event_key
    from kept_rows
    {% endif %}

),

-- Most keys stand once. Only the others are put in order.
repeated_keys as (

    select event_key
    from all_keys
    group by event_key
    having count(*) > 1

),

ranked as (

    select
        *,
        -- The rule that says which of them is kept looks at the rows only, never at when they came.
        row_number() over (
            partition by event_key
            order by received_at asc nulls last, event_at asc, {{ footpath.content_hash() }} asc, file asc, line asc
        ) as place,
        row_number() over (
            partition by event_key, batch_id
            order by received_at asc nulls last, event_at asc, {{ footpath.content_hash() }} asc, file asc, line asc
        ) as place_in_file
    from candidates
    where event_key in (select repeated_keys.event_key from repeated_keys)

)

select
    *,
    case when quarantine_reason is null then 'event' else 'quarantined' end as row_state,
    false as is_repeat_in_file
from candidates
where not exists (select 1 from repeated_keys where repeated_keys.event_key = candidates.event_key)
union all
select
    * exclude (place, place_in_file),
    case when place = 1 then 'event' else 'duplicate' end as row_state,
    place_in_file > 1 and not has_own_id as is_repeat_in_file
from ranked
