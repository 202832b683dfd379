{{ config(
    enabled=footpath.setting('manifest') == 'raw',
    materialized='incremental',
    incremental_strategy='region',
    on_schema_change='fail',
    meta={'region': {'table': 'touched_rows', 'columns': ['event_key']}}
) }}

-- depends_on: {{ ref('touched_rows') }}
-- What the tracking plan says against events. A verdict looks at one event and the plan, so a run judges the rows that
-- it touched; when the rules of the plan change, the table is built anew (macros/core/settings.sql). Without a plan
-- nothing is read.
{% set partial = footpath.stored('event_violations') %}

with planned_names as (

    select
        plan_names.name,
        sources.source,
        plan_names.event_name,
        plan_names.is_old_name
    from {{ source('raw', 'plan_names') }} as plan_names
    inner join {{ source('raw', 'sources') }} as sources
        on plan_names.source is null or plan_names.source = sources.source

),

{% if partial %}
-- found by one narrow column, so that only these rows are read whole
touched_ids as materialized (

    select {{ footpath.row_id('stored', 'event_key') }} as row_id
    from {{ ref('event_rows') }} as stored
    where
        stored.event_key in (select touched.event_key from {{ ref('touched_rows') }} as touched)
        and (select count(*) from {{ source('raw', 'plan_events') }}) > 0

),

{% endif %}
events as (

    select
        stored.event_key,
        stored.source,
        stored.event_name,
        coalesce(stored.sent_event_name, stored.event_name) as sent_event_name,
        stored.event_at,
        stored.app_version,
        -- as they were sent: what the plan dropped is judged as well
        {{ footpath.json_object_only(
            'coalesce(stored.sent_properties, ' ~ footpath.judged_properties('stored') ~ ')'
        ) }} as properties
    from {{ ref('event_rows') }} as stored
    where
        stored.row_state = 'event'
        and stored.source in (
            select sources.source
            from {{ source('raw', 'sources') }} as sources
            where (select count(*) from {{ source('raw', 'plan_events') }}) > 0
        )
        {% if partial %}
        and {{ footpath.row_id('stored', 'event_key') }} in (select touched_ids.row_id from touched_ids)
        {% endif %}

),

named as (

    select
        events.*,
        planned_names.event_name as planned_event,
        planned_names.is_old_name,
        plan_events.additional_properties
    from events
    left join planned_names on events.sent_event_name = planned_names.name and events.source = planned_names.source
    left join {{ source('raw', 'plan_events') }} as plan_events
        on planned_names.event_name = plan_events.event_name

),

property_verdicts as (

    {{ footpath.property_verdicts('named', ['event_key']) | indent(4) }}

),

violations as (

    select
        event_key,
        null as property,
        case when planned_event is null then 'unplanned_event' else 'old_name' end as verdict,
        planned_event as expected,
        case when is_old_name then sent_event_name end as observed
    from named
    where planned_event is null or is_old_name

    union all

    select
        event_key,
        property,
        verdict,
        expected,
        observed
    from property_verdicts

)

select
    named.event_key,
    named.source,
    named.event_name,
    named.planned_event,
    coalesce(
        named.app_version, nullif({{ footpath.json_member('named.properties', 'app_version') }}, '')
    ) as app_version,
    violations.property,
    violations.verdict,
    violations.expected,
    violations.observed,
    named.event_at
from violations
inner join named on violations.event_key = named.event_key
