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
    cast({{ footpath.local_time(timestamp) }} as date)
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


{#- How many whole periods of so many seconds lie between two timestamps, the earlier one first: whole numbers only. -#}
{% macro whole_periods_between(earlier, later, seconds) %}
    {{- return(adapter.dispatch('whole_periods_between', 'footpath')(earlier, later, seconds)) -}}
{% endmacro %}

{% macro default__whole_periods_between(earlier, later, seconds) -%}
    cast(floor((epoch_us({{ later }}) - epoch_us({{ earlier }})) / {{ seconds * 1000000 }}.0) as integer)
{%- endmacro %}


{#- The wall clock of a time zone (default: the reporting time zone) at a UTC timestamp, and back to the first one. -#}
{% macro local_time(timestamp, timezone=none) -%}
    {%- set zone = timezone or footpath.setting('reporting_timezone') -%}
    {%- if zone == 'UTC' -%}
        {{ timestamp }}
    {%- else -%}
        {{ return(adapter.dispatch('local_time', 'footpath')(timestamp, zone)) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__local_time(timestamp, timezone) -%}
    ({{ timestamp }} at time zone 'UTC' at time zone '{{ timezone }}')
{%- endmacro %}

{% macro utc_time(timestamp, timezone=none) -%}
    {%- set zone = timezone or footpath.setting('reporting_timezone') -%}
    {%- if zone == 'UTC' -%}
        {{ timestamp }}
    {%- else -%}
        {{ return(adapter.dispatch('utc_time', 'footpath')(timestamp, zone)) }}
    {%- endif -%}
{%- endmacro %}

{#- Of a time that the clock shows twice DuckDB takes the second; an hour after the hour before is the first. -#}
{% macro default__utc_time(timestamp, timezone) -%}
    least(
        {{ timestamp }} at time zone '{{ timezone }}' at time zone 'UTC',
        ({{ timestamp }} - interval '1 hour') at time zone '{{ timezone }}' at time zone 'UTC' + interval '1 hour'
    )
{%- endmacro %}


{#-
    Calendar intervals as whole numbers, so that "the interval before" is a subtraction: hours since 1970 (of UTC, so
    that the hour that a clock change repeats is two), days since 1970-01-01, weeks (of the week start) and months since
    then, in a time zone.
-#}
{% macro interval_number(timestamp, interval, timezone=none, week_start=none) -%}
    {%- if interval == 'hour' -%}
        {{ adapter.dispatch('hours_since_1970', 'footpath')(timestamp) }}
    {%- else -%}
        {{ footpath.interval_number_of_date(
            'cast(' ~ footpath.local_time(timestamp, timezone) ~ ' as date)', interval, week_start
        ) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__hours_since_1970(timestamp) -%}
    cast(floor(epoch_us({{ timestamp }}) / 3600000000) as integer)
{%- endmacro %}


{#- The same of a local date; hours have no date. -#}
{% macro interval_number_of_date(date, interval, week_start=none) -%}
    {%- set days_since_1970 = dbt.datediff("date '1970-01-01'", '(' ~ date ~ ')', 'day') | trim -%}
    {%- if interval == 'month' -%}
        (cast(extract(year from {{ date }}) as integer) - 1970) * 12 + cast(extract(month from {{ date }}) as integer) - 1
    {%- elif interval == 'week' -%}
        {#- 1970-01-01 was a Thursday -#}
        {%- set days_before = 4 if (week_start or footpath.setting('week_start')) == 'sunday' else 3 -%}
        cast(floor(({{ days_since_1970 }} + {{ days_before }}) / 7.0) as integer)
    {%- elif interval == 'day' -%}
        {{ days_since_1970 }}
    {%- else -%}
        {%- do exceptions.raise_compiler_error("interval is '" ~ interval ~ "'. Allowed: day, month, week; of timestamps also hour") -%}
    {%- endif -%}
{%- endmacro %}


{#- The first instant of an interval, by the wall clock of the time zone (of an hour: of UTC shifted there). -#}
{% macro interval_start(number, interval, timezone=none, week_start=none) -%}
    {%- if interval == 'hour' -%}
        {{ footpath.local_time('(' ~ dbt.dateadd('hour', number, "timestamp '1970-01-01 00:00:00'") | trim ~ ')', timezone) }}
    {%- elif interval == 'week' -%}
        {%- set first = '1969-12-28' if (week_start or footpath.setting('week_start')) == 'sunday' else '1969-12-29' -%}
        ({{ dbt.dateadd('day', '7 * (' ~ number ~ ')', "timestamp '" ~ first ~ " 00:00:00'") | trim }})
    {%- else -%}
        ({{ dbt.dateadd(interval, number, "timestamp '1970-01-01 00:00:00'") | trim }})
    {%- endif -%}
{%- endmacro %}

{#- The same as UTC. -#}
{% macro interval_start_utc(number, interval, timezone=none, week_start=none) -%}
    {%- if interval == 'hour' -%}
        {{ footpath.interval_start(number, interval, 'UTC') }}
    {%- else -%}
        {{ footpath.utc_time(footpath.interval_start(number, interval, timezone, week_start), timezone) }}
    {%- endif -%}
{%- endmacro %}


{#- A select of the whole numbers from one to another, both included, as `number`; none when the second is smaller. -#}
{% macro whole_numbers(first, last) %}
    {{- return(adapter.dispatch('whole_numbers', 'footpath')(first, last)) -}}
{% endmacro %}

{% macro default__whole_numbers(first, last) -%}
    select cast(series.number as integer) as number
    from generate_series(cast({{ first }} as bigint), cast({{ last }} as bigint)) as series (number)
{%- endmacro %}


{#-
    A UTC timestamp literal of a date ('2026-01-31', its first instant in the time zone), a local time, or a time with an
    offset ('2026-01-31T12:00:00Z'). With `next_day` the first instant after the date.
-#}
{% macro instant(text, timezone=none, next_day=false) -%}
    {%- set zone = modules.pytz.timezone(timezone or footpath.setting('reporting_timezone')) -%}
    {%- set time = modules.datetime.datetime.fromisoformat(text | string) -%}
    {%- if next_day -%}
        {%- set time = time + modules.datetime.timedelta(days=1) -%}
    {%- endif -%}
    {%- if time.tzinfo is none -%}
        {#- the first of two; a time that the clock leaves out is counted on from before -#}
        {%- set first = zone.localize(time, is_dst=true) -%}
        {%- set exists = zone.normalize(first).replace(tzinfo=none) == time -%}
        {%- set time = first if exists else zone.localize(time, is_dst=false) -%}
    {%- endif -%}
    timestamp '{{ time.astimezone(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S.%f') }}'
{%- endmacro %}

{#-
    True for times in a range. Both ends may be left out; both are included: of a date the whole day, of a time this
    instant.
-#}
{% macro in_range(column, date_from=none, date_to=none, timezone=none) -%}
    {%- if date_from is none and date_to is none -%}
        true
    {%- endif -%}
    {%- if date_from is not none -%}
        {{ column }} >= {{ footpath.instant(date_from, timezone) }}
    {%- endif -%}
    {%- if date_from is not none and date_to is not none %} and {% endif -%}
    {%- if date_to is not none -%}
        {%- if (date_to | string) | length == 10 -%}
            {{ column }} < {{ footpath.instant(date_to, timezone, next_day=true) }}
        {%- else -%}
            {{ column }} <= {{ footpath.instant(date_to, timezone) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- The latest of some timestamps, those that are null left out; null when all are. -#}
{% macro latest_of(timestamps) %}
    {%- if timestamps | length == 1 -%}
        {{- return(timestamps[0]) -}}
    {%- endif -%}
    {{- return(adapter.dispatch('latest_of', 'footpath')(timestamps)) -}}
{% endmacro %}

{% macro default__latest_of(timestamps) -%}
    nullif(
        greatest({% for one in timestamps %}coalesce({{ one }}, timestamp '0001-01-01 00:00:00'){{ ', ' if not loop.last }}{% endfor %}),
        timestamp '0001-01-01 00:00:00'
    )
{%- endmacro %}

{% macro duckdb__latest_of(timestamps) -%}
    greatest({{ timestamps | join(', ') }})
{%- endmacro %}
