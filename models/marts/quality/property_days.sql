{{ config(
    materialized='incremental',
    incremental_strategy='region',
    on_schema_change='fail',
    meta={'region': {'table': 'touched_days', 'columns': ['source', 'day']}}
) }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('touched_days') }}
-- In how many events of a day each property has a value: what anomalies of null rates and of new and vanished
-- properties are found in. The names in a JSON object are taken out of it once, and equal sets of names are counted
-- together. In an incremental run the days that it touches are counted again.
{% set partial = footpath.stored('property_days') %}
{% set fields = ['user_id', 'anonymous_id', 'page_path', 'received_at'] %}
{% set most_properties = 200 %}

with {% if partial %}found_ids as materialized (

    select {{ footpath.row_id('stored', 'event_key') }} as row_id
    from {{ ref('event_rows') }} as stored
    where
        stored.row_state = 'event'
        and exists (
            select 1
            from {{ ref('touched_days') }} as touched
            where touched.source = stored.source and touched.day = cast(stored.event_at as date)
        )

),

{% endif %}
events as (

    select
        stored.source,
        stored.event_name,
        cast(stored.event_at as date) as day,
        {% for field in fields %}
        stored.{{ field }},
        {% endfor %}
        {{ footpath.json_filled_names('stored.properties') }} as names
    from {{ ref('event_rows') }} as stored
    where
        stored.row_state = 'event'
        and not stored.is_bot
        {% if partial %}
        and {{ footpath.row_id('stored', 'event_key') }} in (select found_ids.row_id from found_ids)
        {% endif %}

),

counted as (

    select
        source,
        event_name,
        day,
        names,
        {% for field in fields %}
        count({{ field }}) as {{ field }}_count,
        {% endfor %}
        count(*) as event_count
    from events
    group by source, event_name, day, names

),

days as (

    select
        source,
        event_name,
        day,
        {% for field in fields %}
        sum({{ field }}_count) as {{ field }}_count,
        {% endfor %}
        sum(event_count) as event_count
    from counted
    group by source, event_name, day

),

named as (

    {{ footpath.list_members('counted', ['source', 'event_name', 'day', 'event_count'], 'names', 'property') }}

),

properties as (

    select
        source,
        event_name,
        day,
        property,
        sum(event_count) as filled_count
    from named
    group by source, event_name, day, property

),

-- Names that are ids would make a row of each: the most frequent ones are enough.
ranked as (

    select
        *,
        row_number() over (
            partition by source, event_name, day
            order by filled_count desc, property asc
        ) as place
    from properties

),

filled as (

    select
        source,
        event_name,
        day,
        true as is_in_properties,
        property,
        filled_count
    from ranked
    where place <= {{ most_properties }}
    {% for field in fields %}
    union all
    select
        source,
        event_name,
        day,
        false as is_in_properties,
        '{{ field }}' as property,
        {{ field }}_count as filled_count
    from days
    where {{ field }}_count > 0
    {% endfor %}

)

select
    filled.source,
    filled.event_name,
    filled.day,
    filled.is_in_properties,
    filled.property,
    cast(days.event_count as bigint) as event_count,
    cast(filled.filled_count as bigint) as filled_count
from filled
inner join days
    on filled.source = days.source and filled.event_name = days.event_name and filled.day = days.day
