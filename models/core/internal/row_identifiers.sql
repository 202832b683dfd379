{{ config(materialized='view', enabled=footpath.setting('manifest') == 'raw') }}

-- depends_on: {{ ref('batches') }}
-- Whose every row is, for erasing a person: read by orchestration/erasing, by no model. Rows that the tables hold
-- are read there, the others (of new and held batches, and of changed sources) where they were loaded.
{% set stored_rows = footpath.stored('event_rows') %}
{% set stored_batches = footpath.stored('processed_batches') %}

{% if stored_rows and stored_batches %}
with built as (

    select batches.batch_id
    from {{ ref('batches') }} as batches
    inner join {{ stored_batches }} as processed
        on batches.batch_id = processed.batch_id and batches.definition = processed.definition
    where batches.state = 'admitted'

),

stored as (

    select
        source,
        batch_id,
        file,
        line,
        row_state,
        quarantine_reason,
        case when has_own_id and quarantine_reason is null then event_key end as event_key,
        event_type,
        event_at,
        received_at,
        available_at,
        device_namespace,
        anonymous_id,
        user_namespace,
        user_id,
        previous_id,
        device_key,
        user_key
    from {{ stored_rows }}
    where batch_id in (select built.batch_id from built)

),

{% else %}
with
{% endif %}
inputs as (

    {% for name in footpath.setting('inputs') %}
    select
        {{ footpath.canonical_columns() | join(',\n        ') }}
    from {{ ref(name) }}
    {% if stored_rows and stored_batches %}
    where batch_id not in (select built.batch_id from built)
    {% endif %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

refused as (

    select distinct
        batch_id,
        line
    from (
        {{ footpath.acting_verdicts(
            'batch_id not in (select built.batch_id from built)' if stored_rows and stored_batches else 'true'
        ) | indent(8) }}
    ) as verdicts
    where on_violation = 'quarantine'

),

timed as (

    select
        * exclude (event_at),
        event_at as given_at,
        {{ footpath.corrected_time() }} as event_at,
        coalesce(received_at, loaded_at) as available_at
    from inputs

),

planned as (

    select
        timed.*,
        refused.line is not null as breaks_plan,
        discards.line is not null as is_discarded
    from timed
    left join refused on timed.batch_id = refused.batch_id and timed.line = refused.line
    left join {{ source('raw', 'discards') }} as discards
        on timed.batch_id = discards.batch_id and timed.line = discards.line

),

masked as (

    select
        source,
        batch_id,
        file,
        line,
        {{ footpath.quarantine_reason() }} as quarantine_reason,
        event_id,
        coalesce(event_type, 'track') as event_type,
        event_at,
        received_at,
        available_at,
        coalesce(identity_namespace, source) as device_namespace,
        {{ footpath.mask_identifier('anonymous_id') }} as anonymous_id,
        coalesce(identity_namespace, '') as user_namespace,
        {{ footpath.mask_identifier('user_id') }} as user_id,
        {{ footpath.mask_identifier('previous_id') }} as previous_id
    from planned

),

delivered as (

    select
        source,
        batch_id,
        file,
        line,
        cast(null as varchar) as row_state,
        quarantine_reason,
        {{ footpath.hash_key(['source', 'event_id']) }} as event_key,
        event_type,
        event_at,
        received_at,
        available_at,
        device_namespace,
        anonymous_id,
        user_namespace,
        user_id,
        previous_id,
        {{ footpath.hash_key(["'device'", 'device_namespace', 'anonymous_id']) }} as device_key,
        {{ footpath.hash_key(["'user'", 'user_namespace', 'user_id']) }} as user_key
    from masked

),

every_row as (

    {% if stored_rows and stored_batches %}
    select * from stored
    union all
    {% endif %}
    select * from delivered

)

select
    source,
    batch_id,
    file,
    line,
    row_state,
    quarantine_reason is null as is_usable,
    event_key,
    -- A time that cannot be says nothing of whose the row is.
    case
        when event_at <= {{ footpath.add_seconds('available_at', footpath.setting('future_tolerance')) }} then event_at
    end as event_at,
    received_at,
    device_namespace,
    anonymous_id,
    device_key,
    user_namespace,
    user_id,
    user_key,
    case when event_type = 'alias' then previous_id end as previous_id,
    case
        when event_type = 'alias' then {{ footpath.hash_key(["'device'", 'device_namespace', 'previous_id']) }}
    end as previous_device_key,
    case
        when event_type = 'alias' then {{ footpath.hash_key(["'user'", 'user_namespace', 'previous_id']) }}
    end as previous_user_key
from every_row
