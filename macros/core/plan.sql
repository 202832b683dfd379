{#- Where the properties of an event stand: what an identify or group call is about are its traits. -#}
{% macro judged_properties(relation) -%}
    case
        when {{ relation }}.event_type in ('identify', 'group') then {{ relation }}.traits
        else {{ relation }}.properties
    end
{%- endmacro %}


{#-
    A select: what the tracking plan says against the properties of events, one row for each rule that is broken. `events`
    names a relation with the columns `keys`, planned_event, additional_properties and properties (an object or null).
    Returns `keys`, property, verdict, expected and observed.
-#}
{% macro property_verdicts(events, keys) -%}
with planned_values as (

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
    from {{ events }} as named
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

    select * from {{ events }}
    where not additional_properties

),

members as (

    {{ footpath.json_members(
        'closed', keys + ['planned_event', 'properties'], 'properties'
    ) }}

)

select
    {{ keys | join(',\n    ') }},
    property,
    verdict,
    case
        when verdict = 'value_not_allowed' then expected_value
        else coalesce(expected_type, 'any type')
    end as expected,
    case
        when verdict = 'value_not_allowed' then left({{ footpath.json_as_text('value') }}, 40)
        else kind
    end as observed
from judged
where verdict is not null

union all

select
    {% for key in keys %}
    members.{{ key }},
    {% endfor %}
    members.name as property,
    'additional_property' as verdict,
    null as expected,
    -- not members.value, which would be read of every member
    {{ footpath.json_kind(footpath.json_value_of('members.properties', 'members.name')) }} as observed
from members
left join {{ source('raw', 'plan_properties') }} as rules
    on members.planned_event = rules.event_name and members.name = rules.property
where rules.property is null
{%- endmacro %}


{#-
    A select: what the tracking plan says against raw rows of events whose violations have consequences, one row for each
    rule that is broken. `condition` says which rows of the staging models are judged. Without such an event nothing is
    read.
-#}
{% macro acting_verdicts(condition) -%}
with acting_names as (

    select
        plan_names.name,
        sources.source,
        plan_events.event_name as planned_event,
        plan_events.on_violation,
        plan_events.additional_properties
    from {{ source('raw', 'plan_names') }} as plan_names
    inner join {{ source('raw', 'plan_events') }} as plan_events on plan_names.event_name = plan_events.event_name
    inner join {{ source('raw', 'sources') }} as sources
        on plan_names.source is null or plan_names.source = sources.source
    where plan_events.on_violation <> 'report'

),

inputs as (

    {% for name in footpath.setting('inputs') %}
    select
        source,
        batch_id,
        line,
        event_name,
        {{ footpath.judged_properties('input') }} as properties
    from {{ ref(name) }} as input
    where
        source in (select acting_names.source from acting_names)
        and {{ condition }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

acting as (

    select
        inputs.batch_id,
        inputs.line,
        acting_names.planned_event,
        acting_names.on_violation,
        acting_names.additional_properties,
        -- judged as it would stand in events
        {{ footpath.json_object_only(footpath.mask_json('inputs.properties')) }} as properties
    from inputs
    inner join acting_names
        on
            {{ footpath.mask_text('inputs.event_name') }} = acting_names.name
            and inputs.source = acting_names.source

),

verdicts as (

    {{ footpath.property_verdicts('acting', ['batch_id', 'line', 'on_violation', 'properties']) | indent(4) }}

)

select * from verdicts
{%- endmacro %}
