{#- Times are stored as UTC timestamps without a zone; engines differ in how they read and shift them. -#}

{#- A text with or without offset, as UTC; null when it is not a time. -#}
{% macro parse_timestamp(text) %}
    {{- return(adapter.dispatch('parse_timestamp', 'footpath')(text)) -}}
{% endmacro %}

{% macro default__parse_timestamp(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{# A cast to timestamp drops the offset, a cast to timestamp with time zone keeps it; a text without offset is
   read in the session's time zone, which the profile sets to UTC. #}
{% macro duckdb__parse_timestamp(text) -%}
    (try_cast({{ text }} as timestamp with time zone) at time zone 'UTC')
{%- endmacro %}


{#-
    A timestamp with or without zone, as UTC without zone. A cast would turn a timestamp with zone into the session's
    local time, and drop the offset of a text without a word: a text is an error here, parse_timestamp reads it.
-#}
{% macro utc_timestamp(timestamp) %}
    {{- return(adapter.dispatch('utc_timestamp', 'footpath')(timestamp)) -}}
{% endmacro %}

{% macro default__utc_timestamp(timestamp) -%}
    cast({{ timestamp }} as timestamp)
{%- endmacro %}

{% macro duckdb__utc_timestamp(timestamp) -%}
    make_timestamp(epoch_us({{ timestamp }}))
{%- endmacro %}


{#- The reporting day of a UTC timestamp. -#}
{% macro local_date(timestamp) -%}
    {%- if footpath.setting('reporting_timezone') == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        {{ return(adapter.dispatch('local_date', 'footpath')(timestamp)) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__local_date(timestamp) -%}
    cast({{ timestamp }} at time zone 'UTC' at time zone '{{ footpath.setting('reporting_timezone') }}' as date)
{%- endmacro %}


{#- The first day of a reporting day's week, as `week_start` says. -#}
{% macro week_of(day) -%}
    {%- if footpath.setting('week_start') == 'sunday' -%}
        cast(date_trunc('week', {{ day }} + interval 1 day) - interval 1 day as date)
    {%- else -%}
        cast(date_trunc('week', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}


{% macro add_seconds(timestamp, seconds) -%}
    {{ timestamp }} + interval '{{ seconds }} seconds'
{%- endmacro %}


{#- Seconds between two timestamps, to the millisecond: sums of decimals do not depend on their order. -#}
{% macro seconds_between(earlier, later) %}
    {{- return(adapter.dispatch('seconds_between', 'footpath')(earlier, later)) -}}
{% endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    cast((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0 as decimal(18, 3))
{%- endmacro %}


{#- A select of every week's first day between two of them, both included; also the weeks in which nothing happened. -#}
{% macro every_week(first_week, last_week) %}
    {{- return(adapter.dispatch('every_week', 'footpath')(first_week, last_week)) -}}
{% endmacro %}

{% macro default__every_week(first_week, last_week) -%}
    select cast(series.week as date) as week
    from generate_series({{ first_week }}, {{ last_week }}, interval 7 day) as series (week)
{%- endmacro %}
