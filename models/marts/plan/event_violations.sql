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
        stored.event_at,
        -- what these two calls are about stands in their traits
        {{ footpath.json_object_only(
            "case when stored.event_type in ('identify', 'group') then stored.traits else stored.properties end"
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
    left join planned_names on events.event_name = planned_names.name and events.source = planned_names.source
    left join {{ source('raw', 'plan_events') }} as plan_events
        on planned_names.event_name = plan_events.event_name

),

planned_values as (

    select
        named.*,
        rules.property,
        rules.is_required,
        rules.types,
        rules.has_enum,
        rules.pattern,
        rules.minimum,
        rules.maximum,
        rules.exclusive_minimum,
        rules.exclusive_maximum,
        rules.min_length,
        rules.max_length,
        rules.expected_type,
        rules.expected_value,
        {{ footpath.json_value_of('named.properties', 'rules.property') }} as value
    from named
    inner join {{ source('raw', 'plan_properties') }} as rules on named.planned_event = rules.event_name

),

typed as (

    select
        *,
        {{ footpath.json_kind('value') }} as kind
    from planned_values
    where value is not null or is_required

),

described as (

    select
        *,
        case when kind in ('integer', 'number') then cast({{ footpath.json_as_text('value') }} as double) end as number,
        case when kind = 'string' then {{ footpath.json_as_text('value') }} end as text,
        case when has_enum then {{ footpath.json_value_key('value', 'kind') }} end as value_key
    from typed

),

allowed_values as (

    select distinct
        event_name,
        property,
        {{ footpath.json_value_key('value', footpath.json_kind('value')) }} as value_key
    from {{ source('raw', 'plan_values') }}

),

judged as (

    select
        described.*,
        -- a wrong type is said once: that its value is not allowed either follows from it
        case
            when described.value is null then 'missing_property'
            when
                not contains(described.types, '|' || described.kind || '|')
                and not (described.kind = 'integer' and contains(described.types, '|number|'))
                then 'wrong_type'
            when
                (described.has_enum and allowed_values.value_key is null)
                or not {{ footpath.regex_matches_of('described.text', 'described.pattern') }}
                or described.number < described.minimum
                or described.number > described.maximum
                or described.number <= described.exclusive_minimum
                or described.number >= described.exclusive_maximum
                or length(described.text) < described.min_length
                or length(described.text) > described.max_length
                then 'value_not_allowed'
        end as verdict
    from described
    left join allowed_values
        on
            described.planned_event = allowed_values.event_name
            and described.property = allowed_values.property
            and described.value_key = allowed_values.value_key

),

closed as (

    select * from named
    where not additional_properties

),

members as (

    {{ footpath.json_members(
        'closed', ['event_key', 'source', 'event_name', 'planned_event', 'event_at', 'properties'], 'properties'
    ) }}

),

violations as (

    select
        event_key,
        source,
        event_name,
        planned_event,
        properties,
        null as property,
        case when planned_event is null then 'unplanned_event' else 'old_name' end as verdict,
        planned_event as expected,
        null as observed,
        event_at
    from named
    where planned_event is null or is_old_name

    union all

    select
        event_key,
        source,
        event_name,
        planned_event,
        properties,
        property,
        verdict,
        case
            when verdict = 'value_not_allowed' then expected_value
            else coalesce(expected_type, 'any type')
        end as expected,
        case
            when verdict = 'value_not_allowed' then left({{ footpath.json_as_text('value') }}, 40)
            else kind
        end as observed,
        event_at
    from judged
    where verdict is not null

    union all

    select
        members.event_key,
        members.source,
        members.event_name,
        members.planned_event,
        members.properties,
        members.name as property,
        'additional_property' as verdict,
        null as expected,
        -- not members.value, which would be read of every member
        {{ footpath.json_kind(footpath.json_value_of('members.properties', 'members.name')) }} as observed,
        members.event_at
    from members
    left join {{ source('raw', 'plan_properties') }} as rules
        on members.planned_event = rules.event_name and members.name = rules.property
    where rules.property is null

)

select
    event_key,
    source,
    event_name,
    planned_event,
    nullif({{ footpath.json_member('properties', 'app_version') }}, '') as app_version,
    property,
    verdict,
    expected,
    observed,
    event_at
from violations
