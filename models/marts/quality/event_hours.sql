{{ config(
    materialized='incremental',
    incremental_strategy='region',
    on_schema_change='fail',
    meta={'region': {'table': 'touched_days', 'columns': ['source', 'day']}}
) }}

-- depends_on: {{ ref('touched_rows') }}
-- depends_on: {{ ref('touched_days') }}
-- How many events of each name an hour has, and of how many devices: what anomalies of volume are found in, and what
-- the catalog adds up. Six narrow columns of the stored events are read; in an incremental run the days that it touches
-- are counted again.
-- Devices and not people are counted, since an event may get another person long after.
{% set partial = footpath.stored('event_hours') %}

with events as (

    select
        source,
        event_name,
        {{ footpath.interval_number('event_at', 'hour') }} as hour_number,
        cast(event_at as date) as day,
        coalesce(device_key, user_key) as actor_key,
        is_bot,
        event_at
    from {{ ref('event_rows') }}
    where
        row_state = 'event'
        {% if partial %}
        and exists (
            select 1
            from {{ ref('touched_days') }} as touched
            where touched.source = event_rows.source and touched.day = cast(event_rows.event_at as date)
        )
        {% endif %}

)

select
    source,
    event_name,
    {{ footpath.interval_start('hour_number', 'hour', 'UTC') }} as hour,
    day,
    count(case when not is_bot then 1 end) as event_count,
    count(distinct case when not is_bot then actor_key end) as actor_count,
    count(case when is_bot then 1 end) as bot_event_count,
    min(event_at) as first_event_at,
    max(event_at) as last_event_at
from events
group by source, event_name, hour_number, day
