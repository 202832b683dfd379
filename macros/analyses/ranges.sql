{#- Ranges of calendar intervals, and what analyses of days read. -#}

{#-
    The number of the calendar interval in which a range begins, or ends (`is_end`): a range begins with the whole
    interval of its date_from. SQL, of constants alone.
-#}
{% macro interval_of(date, interval, timezone=none, week_start=none, is_end=false) -%}
    {%- if is_end and interval == 'hour' and (date | string) | length == 10 -%}
        {#- the last hour of that day -#}
        {{ footpath.interval_number(footpath.instant(date, timezone, next_day=true), interval) }} - 1
    {%- else -%}
        {{ footpath.interval_number(footpath.instant(date, timezone), interval, timezone, week_start) }}
    {%- endif -%}
{%- endmacro %}


{#-
    SQL of the last interval of a range that nobody ended: that of `latest` (an aggregate or subquery; may be null) or
    of data_until, whichever is later. An event may lie some hours after data_until.
-#}
{% macro last_interval_so_far(latest, data_until, interval, timezone=none, week_start=none) -%}
    {%- set reached = footpath.interval_number(data_until or footpath.data_until(), interval, timezone, week_start) -%}
    greatest(coalesce({{ latest }}, {{ reached }}), {{ reached }})
{%- endmacro %}


{#-
    The days of people as events named 'active' at the day's first instant, for `events=`: what counts people by day,
    week or month need not read the events themselves. The days are those of the reporting time zone already, so the
    analysis that reads them says timezone='UTC', and local_data_until() for data_until.
-#}
{% macro active_days() -%}
    select
        cast(null as varchar) as event_key,
        person_id,
        cast(null as varchar) as session_id,
        'active' as event_name,
        cast(day as timestamp) as event_at
    from {{ ref('footpath', 'user_days') }}
{%- endmacro %}


{#- SQL of how far the data reaches, UTC. -#}
{% macro data_until() -%}
    (select reached.data_until from {{ ref('footpath', 'data_until') }} as reached)
{%- endmacro %}

{#- The same by the clock of the reporting time zone. -#}
{% macro local_data_until() -%}
    (select {{ footpath.local_time('reached.data_until') }} from {{ ref('footpath', 'data_until') }} as reached)
{%- endmacro %}
