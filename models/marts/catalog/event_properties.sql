-- Which properties the events of a name have: how often, since when, and what stands in them. How often and since when
-- follow from the counted days. Values are read of a sample, as reading those of all events would cost more than all
-- other marts together: the 1,000 events with the smallest keys among those of each name in the last 30 days.
{% set sample_size = 1000 %}
{% set few_values = 20 %}

with data_until as (

    select
        data_until,
        {{ footpath.interval_number_of_date('cast(data_until as date)', 'day') }} as last_day_number
    from {{ ref('data_until') }}

),

events as (

    select
        event_name,
        sum(event_count) as event_count
    from {{ ref('event_hours') }}
    group by event_name

),

filled as (

    select
        event_name,
        property,
        cast(sum(filled_count) as bigint) as filled_count,
        min(day) as first_seen_day,
        max(day) as last_seen_day
    from {{ ref('property_days') }}
    where is_in_properties
    group by event_name, property

),

planned as (

    {% if footpath.setting('manifest') == 'raw' %}
    select
        names.event_name,
        properties.property,
        properties.is_required
    from {{ ref('planned_names') }} as names
    inner join {{ source('raw', 'plan_properties') }} as properties on names.planned_event = properties.event_name
    {% else %}
    select
        names.event_name,
        cast(null as varchar) as property,
        cast(null as boolean) as is_required
    from {{ ref('planned_names') }} as names
    {% endif %}

),

properties as (

    select
        event_name,
        property
    from filled
    union distinct
    select
        planned.event_name,
        planned.property
    from planned
    inner join events on planned.event_name = events.event_name
    where planned.property is not null and events.event_count > 0

),

sampled_ids as (

    {{ footpath.sampled_rows(
        ref('event_rows'),
        "stored.row_state = 'event' and not stored.is_bot and stored.event_at >= (select "
            ~ footpath.add_seconds('cast(cast(data_until.data_until as date) as timestamp)', -29 * 86400)
            ~ ' from data_until)',
        by='event_name', key='event_key', number=sample_size
    ) | indent(4) }}

),

sampled as (

    select
        stored.event_name,
        stored.properties
    from {{ ref('event_rows') }} as stored
    where
        {{ footpath.row_id('stored', 'event_key') }} in (select sampled_ids.row_id from sampled_ids)
        and stored.row_state = 'event'

),

members as (

    {{ footpath.json_members('sampled', ['event_name'], 'properties') | indent(4) }}

),

kinds as (

    select
        event_name,
        name,
        {{ footpath.json_kind('value') }} as kind,
        value
    from members

),

values_of_sample as (

    select
        event_name,
        name as property,
        kind,
        {{ footpath.json_value_key('value', 'kind') }} as value_key,
        min({{ footpath.json_as_text('value') }}) as text,
        count(*) as value_count
    from kinds
    where kind <> 'null'
    group by event_name, name, kind, {{ footpath.json_value_key('value', 'kind') }}

),

ranked as (

    select
        *,
        row_number() over (partition by event_name, property order by value_count desc, value_key asc) as place
    from values_of_sample

),

looked_at as (

    select
        event_name,
        property,
        cast(sum(value_count) as bigint) as sample_count,
        count(*) as distinct_value_count,
        max(case when place = 1 then left(text, 40) end) as most_frequent_value
    from ranked
    group by event_name, property

),

kinds_of_properties as (

    select distinct
        event_name,
        property,
        kind
    from values_of_sample

),

types as (

    select
        event_name,
        property,
        {{ dbt.listagg('kind', "', '", 'order by kind asc') | trim }} as types
    from kinds_of_properties
    group by event_name, property

),

frequent as (

    select
        event_name,
        property,
        {{ dbt.listagg('left(text, 40)', "', '", 'order by place asc') | trim }} as frequent_values
    from ranked
    where place <= 5
    group by event_name, property

)

select
    properties.event_name,
    properties.property,
    cast(events.event_count as bigint) as event_count,
    coalesce(filled.filled_count, 0) as filled_count,
    cast(coalesce(filled.filled_count, 0) as double) / events.event_count as fill_rate,
    types.types,
    coalesce(looked_at.sample_count, 0) as sample_count,
    coalesce(looked_at.distinct_value_count, 0) as distinct_value_count,
    looked_at.most_frequent_value,
    case when looked_at.distinct_value_count <= {{ few_values }} then frequent.frequent_values end as frequent_values,
    -- without a plan, or outside of it, the question does not arise
    case when planned_names.event_name is not null then planned.property is not null end as is_planned,
    case when planned_names.event_name is not null then coalesce(planned.is_required, false) end as is_required,
    filled.first_seen_day,
    filled.last_seen_day
from properties
inner join events on properties.event_name = events.event_name
left join filled on properties.event_name = filled.event_name and properties.property = filled.property
left join looked_at on properties.event_name = looked_at.event_name and properties.property = looked_at.property
left join types on properties.event_name = types.event_name and properties.property = types.property
left join frequent on properties.event_name = frequent.event_name and properties.property = frequent.property
left join {{ ref('planned_names') }} as planned_names on properties.event_name = planned_names.event_name
left join planned on properties.event_name = planned.event_name and properties.property = planned.property
