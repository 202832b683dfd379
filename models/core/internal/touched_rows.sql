{{ config(meta={'region': 'append'}) }}

-- depends_on: {{ ref('staged_rows') }}
-- depends_on: {{ ref('load_plan') }}
-- depends_on: {{ ref('rebuild_requests') }}
-- Every place where the rows of this run are, or were until now: committed before the first table changes,
-- cleared after the last one did. A run that is killed in between leaves them for the next run, which then still
-- knows where an event used to be.
--
-- Two scans over history, of one narrow column each: the batch of every stored row (to find what a replaced file
-- brought) and its key (to find what the new rows repeat). The rest is read for the few that were found.
--
-- One more anonymous event of a known device says nothing of whose the device is. A row that the tables have may go or
-- change, so it does; and a rebuild (make rebuild) trusts nothing that is stored.
{% set stored_rows = footpath.stored('event_rows') %}
{% set stored_spans = footpath.stored('device_spans') %}

{% if stored_rows %}
with touched_keys as (

    select event_key from {{ ref('staged_rows') }}
    union
    -- When a row goes, the next of its repeats may take its place: their places are touched as well.
    select event_key
    from {{ stored_rows }}
    where batch_id in (select plan.batch_id from {{ ref('load_plan') }} as plan where plan.step in ('add', 'remove'))

),

touched_ids as materialized (

    select {{ footpath.row_id('stored', 'event_key') }} as row_id
    from {{ stored_rows }} as stored
    where stored.event_key in (select touched_keys.event_key from touched_keys)

),

{% else %}
with
{% endif %}
touched as (

    select
        event_key,
        source,
        batch_id,
        device_namespace,
        device_key,
        user_key,
        {{ footpath.group_key() }} as group_key,
        event_at,
        client_session_id,
        case when event_type = 'alias' then previous_id end as alias_of,
        false as is_stored
    from {{ ref('staged_rows') }}
    {% if stored_rows %}
    union all
    select
        event_key,
        source,
        batch_id,
        device_namespace,
        device_key,
        user_key,
        {{ footpath.group_key() }} as group_key,
        event_at,
        client_session_id,
        case when event_type = 'alias' then previous_id end as alias_of,
        true as is_stored
    from {{ stored_rows }} as stored
    where {{ footpath.row_id('stored', 'event_key') }} in (select touched_ids.row_id from touched_ids)
    {% else %}
    where false -- a full build reads everything: it has no region
    {% endif %}

)

select
    event_key,
    source,
    batch_id,
    device_key,
    user_key,
    coalesce(device_key, user_key) as actor_key,
    group_key,
    event_at,
    client_session_id,
    {{ footpath.hash_key(["'device'", 'device_namespace', 'alias_of']) }} as previous_device_key,
    {% if stored_spans %}
    is_stored
    or user_key is not null
    or device_key not in (select spans.device_key from {{ stored_spans }} as spans)
    or batch_id in (select requests.batch_id from {{ ref('rebuild_requests') }} as requests)
    {% else %}
    true
    {% endif %}
        as may_move_device
from touched
