{#-
    Retention: of the people who began, how many came back, by the interval in which they began (their cohort) and the
    period after it. A select with one row per cohort and period:
        cohort_start     the cohort's first instant, local time
        period_number    0 is the cohort itself
        first_period, last_period   the periods that the cell spans; last_period is null where it has no end
        cohort_size      how many began
        person_count     how many of them came back; in period 0 the cohort's size; null while the cell is immature
        retention_rate   person_count by cohort_size; null while immature, and of an empty cohort
        is_mature        whether the cell has ended by data_until
        value            with `value`: its sum or average over the return events of the cell

        {{ footpath.retention('Signed Up', 'Report Viewed', cohort='first_time', period='week', date_from='2026-01-05') }}

    start, returning   events (see events.sql); without `returning` the start event itself is what people come back for
    cohort             recurring    everybody who did the start event in that interval, so one person is in many cohorts
                       first_time   by their first start event of the range
                       first_ever   by their first start event ever; in no cohort if that is not in the range
    clock              calendar     intervals of the time zone; period n is the n-th interval after the cohort's own
                       rolling      periods of 1 hour, 24 hours, 7 days or 30 days from the person's own start event (the
                                    first one of the interval)
    returned           on           in period n
                       on_or_after  in period n or later
                       on_or_before in one of the periods 1 to n
                       [1, 3, 7]    custom brackets: widths in periods; here period 1, periods 2 to 4, periods 5 to 11
    period             hour, day, week or month; with `intervals`, how many cohorts and periods there are (none: all)
    date_from, date_to the range of cohorts, by whole intervals; without date_to it ends after `intervals`, without
                       date_from it begins with the first start event and ends at data_until
    clip_to_range      only cells inside the range (a triangle); else every cohort has all its periods. Default: true,
                       with brackets false
    min_occurrences    a period counts as returned when it holds so many return events
    value              SQL over the columns of `events` that gives a number; value_aggregation is sum or average
    preset             posthog      recurring, calendar, on
                       mixpanel     first_time, rolling, on_or_after
                       amplitude    first_time, rolling with timestamps floored to the hour, on_or_after
                       An argument that is given as well wins.
    floor_to_hour      rolling: timestamps are floored to the hour first
    timezone, week_start   default: the settings
    people, events     see analysis_events
    data_until         SQL of a UTC timestamp in place of the model data_until
-#}
{% macro retention(
    start=none, returning=none, cohort=none, clock=none, returned=none, period='week', intervals=8, date_from=none,
    date_to=none, min_occurrences=1, value=none, value_aggregation='sum', preset=none, timezone=none, week_start=none,
    people=none, events=none, data_until=none, clip_to_range=none, floor_to_hour=none
) %}
{#- What is asked for. -#}
{%- set presets = {
    'posthog': {'cohort': 'recurring', 'clock': 'calendar', 'returned': 'on', 'floor_to_hour': false},
    'mixpanel': {'cohort': 'first_time', 'clock': 'rolling', 'returned': 'on_or_after', 'floor_to_hour': false},
    'amplitude': {'cohort': 'first_time', 'clock': 'rolling', 'returned': 'on_or_after', 'floor_to_hour': true},
} -%}
{%- do footpath.check_argument('retention', 'preset', preset, [none] + presets.keys() | list) -%}
{%- set preset = presets[preset or 'posthog'] -%}
{%- set cohort = cohort or preset.cohort -%}
{%- set clock = clock or preset.clock -%}
{%- set returned = returned or preset.returned -%}
{%- set is_floored = preset.floor_to_hour if floor_to_hour is none else floor_to_hour -%}
{%- set brackets = returned if returned is not string else none -%}
{%- do footpath.check_argument('retention', 'cohort', cohort, ['recurring', 'first_time', 'first_ever']) -%}
{%- do footpath.check_argument('retention', 'clock', clock, ['calendar', 'rolling']) -%}
{%- do footpath.check_argument('retention', 'period', period, ['hour', 'day', 'week', 'month']) -%}
{%- do footpath.check_argument('retention', 'value_aggregation', value_aggregation, ['sum', 'average']) -%}
{%- if brackets is none -%}
    {%- do footpath.check_argument(
        'retention', 'returned', returned, ['on', 'on_or_after', 'on_or_before', 'or a list of widths such as [1, 3, 7]']
    ) -%}
{%- endif -%}
{%- do footpath.check_whole_numbers('retention', 'returned', brackets or []) -%}
{%- do footpath.check_whole_numbers('retention', 'min_occurrences', [min_occurrences]) -%}
{%- do footpath.check_whole_numbers('retention', 'intervals', [] if intervals is none else [intervals]) -%}
{%- set clip = (brackets is none) if clip_to_range is none else clip_to_range -%}
{%- set start = footpath.event_definition(start) -%}
{%- set returning = start if returning is none else footpath.event_definition(returning) -%}
{%- set reached = data_until or footpath.data_until() -%}
{%- set hours = {'hour': 1, 'day': 24, 'week': 168, 'month': 720}[period] -%}

{#- The range of cohorts: interval numbers. -#}
{%- set first = footpath.interval_of(date_from, period, timezone, week_start) if date_from is not none else none -%}
{%- if date_to is not none -%}
    {%- set last = footpath.interval_of(date_to, period, timezone, week_start, is_end=true) -%}
{%- elif date_from is not none and intervals is not none -%}
    {%- set last = first ~ ' + ' ~ (intervals - 1) -%}
{%- endif -%}

{#- With one event and calendar intervals, coming back is being there in a later interval: one read serves both. -#}
{%- set is_one_event = start == returning and value is none -%}
{%- set interval_number = footpath.interval_number('event_at', period, timezone, week_start) -%}

with start_events as (

    {{ footpath.analysis_events([start], people=people, events=events) }}

),

start_intervals as (

    select
        person_id,
        interval_number,
        min(event_at) as started_at,
        count(*) as event_count
    from (
        select
            person_id,
            event_at,
            {{ interval_number }} as interval_number
        from start_events
        {% if first is not none and cohort != 'first_ever' -%}
        where event_at >= {{ footpath.interval_start_utc(first, period, timezone, week_start) }}
        {%- endif %}
    ) as numbered
    group by person_id, interval_number

),

starts as (

    {% if cohort == 'recurring' -%}
    select
        person_id,
        interval_number as cohort_number,
        started_at
    from start_intervals
    where {{ footpath.between_intervals('interval_number', first, last) }}
    {%- else -%}
    select
        person_id,
        min(interval_number) as cohort_number,
        min(started_at) as started_at
    from start_intervals
    group by person_id
    having {{ footpath.between_intervals('min(interval_number)', first, last) }}
    {%- endif %}

),

{% if clock == 'calendar' and is_one_event -%}
return_intervals as (

    select
        person_id,
        interval_number,
        event_count
    from start_intervals

),
{%- else -%}
return_events as (

    {{ footpath.analysis_events([returning], fields={'value': value} if value is not none else {}, people=people, events=events) }}

),
{%- endif %}

{% if clock == 'calendar' and not is_one_event -%}
return_intervals as (

    select
        person_id,
        interval_number,
        {% if value is not none -%}
        sum(value) as value_sum,
        count(value) as value_count,
        {% endif -%}
        count(*) as event_count
    from (
        select
            person_id,
            {% if value is not none -%}
            value,
            {% endif -%}
            {{ interval_number }} as interval_number
        from return_events
        {% if first is not none -%}
        where event_at >= {{ footpath.interval_start_utc(first, period, timezone, week_start) }}
        {%- endif %}
    ) as numbered
    group by person_id, interval_number

),
{%- endif %}

-- The periods in which each person of each cohort came back.
returns as (

    {% if clock == 'calendar' -%}
    select
        starts.person_id,
        starts.cohort_number,
        {% if value is not none -%}
        return_intervals.value_sum,
        return_intervals.value_count,
        {% endif -%}
        return_intervals.interval_number - starts.cohort_number as period_number
    from starts
    inner join return_intervals
        on
            starts.person_id = return_intervals.person_id
            and starts.cohort_number <= return_intervals.interval_number
    {%- if min_occurrences > 1 %}
            and return_intervals.event_count >= {{ min_occurrences }}
    {%- endif %}
    {%- else -%}
    {%- set started_at, returned_at = 'starts.started_at', 'return_events.event_at' -%}
    {%- if is_floored -%}
        {%- set started_at = footpath.start_of_hour(started_at) -%}
        {%- set returned_at = footpath.start_of_hour(returned_at) -%}
    {%- endif -%}
    select
        person_id,
        cohort_number,
        {% if value is not none -%}
        sum(value) as value_sum,
        count(value) as value_count,
        {% endif -%}
        period_number
    from (
        select
            starts.person_id,
            starts.cohort_number,
            {% if value is not none -%}
            return_events.value,
            {% endif -%}
            {{ footpath.whole_periods_between(started_at, returned_at, hours * 3600) }} as period_number
        from starts
        inner join return_events
            on
                starts.person_id = return_events.person_id
                and {{ started_at }} <= {{ returned_at }}
    ) as elapsed
    group by person_id, cohort_number, period_number
    having count(*) >= {{ min_occurrences }}
    {%- endif %}

),

cohort_sizes as (

    select
        cohort_number,
        count(*) as cohort_size,
        max(started_at) as last_started_at
    from starts
    group by cohort_number

),

cohort_range as (

    select
        {{ first if first is not none else '(select min(starts.cohort_number) from starts)' }} as first_number,
        {% if last is defined -%}
        {{ last }} as last_number
        {%- else -%}
        {{ footpath.last_interval_so_far(
            '(select max(starts.cohort_number) from starts)', data_until, period, timezone, week_start
        ) }} as last_number
        {%- endif %}

),

cohorts as (

    select
        numbers.number as cohort_number,
        cohort_range.last_number,
        coalesce(cohort_sizes.cohort_size, 0) as cohort_size,
        cohort_sizes.last_started_at
    from ({{ footpath.whole_numbers(
        '(select cohort_range.first_number from cohort_range)', '(select cohort_range.last_number from cohort_range)'
    ) }}) as numbers
    cross join cohort_range
    left join cohort_sizes on numbers.number = cohort_sizes.cohort_number

),

periods as (

    {% if brackets is not none -%}
    select
        0 as period_number,
        0 as first_period,
        0 as last_period
    {%- set place = namespace(next=1) %}
    {%- for width in brackets %}
    union all
    select
        {{ loop.index }} as period_number,
        {{ place.next }} as first_period,
        {{ place.next + width - 1 }} as last_period
    {%- set place.next = place.next + width %}
    {%- endfor %}
    {%- else -%}
    select
        numbers.number as period_number,
        {{ 'case when numbers.number = 0 then 0 else 1 end' if returned == 'on_or_before' else 'numbers.number' }} as first_period,
        {#- what has to have ended for the cell to be mature -#}
        numbers.number as last_period
    from ({{ footpath.whole_numbers('0', intervals - 1 if intervals is not none else
        '(select cohort_range.last_number - cohort_range.first_number from cohort_range)') }}) as numbers
    {%- endif %}

),

cells as (

    select
        cohorts.cohort_number,
        cohorts.cohort_size,
        periods.period_number,
        periods.first_period,
        periods.last_period,
        {% if clock == 'calendar' -%}
        coalesce({{ footpath.interval_start_utc(
            'cohorts.cohort_number + periods.last_period + 1', period, timezone, week_start
        ) }} <= {{ reached }}, false) as is_mature
        {%- else -%}
        {#- ended for everybody of the cohort, and nobody can join it any more -#}
        {%- set cohort_end = footpath.interval_start_utc('cohorts.cohort_number + 1', period, timezone, week_start) -%}
        {%- set last_start = 'cohorts.last_started_at' -%}
        {%- if is_floored -%}
            {%- set last_start = footpath.start_of_hour(last_start) -%}
        {%- endif -%}
        coalesce(
            {{ cohort_end }} <= {{ reached }}
            and {{ dbt.dateadd(
                'hour', hours ~ ' * (periods.last_period + 1)', 'coalesce(' ~ last_start ~ ', ' ~ cohort_end ~ ')'
            ) | trim }} <= {{ reached }},
            false
        ) as is_mature
        {%- endif %}
    from cohorts
    inner join periods
        on {{ 'cohorts.cohort_number + periods.last_period <= cohorts.last_number' if clip else 'true' }}

),

-- People by the one period that decides for the return rule.
arrivals as (

    {% if brackets is not none -%}
    select
        cohort_number,
        period_number,
        count(*) as person_count
    from (
        select distinct
            returns.person_id,
            returns.cohort_number,
            periods.period_number
        from returns
        inner join periods
            on returns.period_number >= periods.first_period and returns.period_number <= periods.last_period
    ) as bracketed
    group by cohort_number, period_number
    {%- elif returned == 'on' -%}
    select
        cohort_number,
        period_number,
        count(*) as person_count
    from returns
    group by cohort_number, period_number
    {%- else -%}
    select
        cohort_number,
        period_number,
        count(*) as person_count
    from (
        select
            returns.person_id,
            returns.cohort_number,
            {{ 'max' if returned == 'on_or_after' else 'min' }}(returns.period_number) as period_number
        from returns
        {%- if clip %}
        inner join cohorts
            on
                returns.cohort_number = cohorts.cohort_number
                and returns.cohort_number + returns.period_number <= cohorts.last_number
        {%- endif %}
        where returns.period_number > 0
        group by returns.person_id, returns.cohort_number
    ) as deciding
    group by cohort_number, period_number
    {%- endif %}

),

counted as (

    select
        cells.cohort_number,
        cells.period_number,
        sum(arrivals.person_count) as person_count
    from cells
    inner join arrivals
        on
            cells.cohort_number = arrivals.cohort_number
            and cells.period_number {{ {'on_or_after': '<=', 'on_or_before': '>='}.get(returned | string, '=') }} arrivals.period_number
    group by cells.cohort_number, cells.period_number

),

{% if value is not none -%}
period_values as (

    select
        cohort_number,
        period_number,
        sum(value_sum) as value_sum,
        sum(value_count) as value_count
    from returns
    group by cohort_number, period_number

),

valued as (

    select
        cells.cohort_number,
        cells.period_number,
        sum(period_values.value_sum) as value_sum,
        sum(period_values.value_count) as value_count
    from cells
    inner join cohorts on cells.cohort_number = cohorts.cohort_number
    inner join period_values
        on
            cells.cohort_number = period_values.cohort_number
            and cells.first_period <= period_values.period_number
            {% if returned == 'on_or_after' -%}
            {{ 'and period_values.cohort_number + period_values.period_number <= cohorts.last_number' if clip }}
            {%- else -%}
            and cells.last_period >= period_values.period_number
            {%- endif %}
    group by cells.cohort_number, cells.period_number

),
{%- endif %}

results as (

    select
        cells.cohort_number,
        cells.period_number,
        cells.first_period,
        {{ 'cast(null as integer)' if returned == 'on_or_after' else 'cells.last_period' }} as last_period,
        cells.cohort_size,
        cells.is_mature,
        {% if value is not none -%}
        case
            when cells.is_mature or cells.period_number = 0
                then {{
                    'coalesce(valued.value_sum, 0)' if value_aggregation == 'sum'
                    else 'cast(valued.value_sum as double) / nullif(valued.value_count, 0)'
                }}
        end as value,
        {% endif -%}
        case
            when cells.period_number = 0 then cells.cohort_size
            when cells.is_mature then coalesce(counted.person_count, 0)
        end as person_count
    from cells
    left join counted
        on cells.cohort_number = counted.cohort_number and cells.period_number = counted.period_number
    {%- if value is not none %}
    left join valued
        on cells.cohort_number = valued.cohort_number and cells.period_number = valued.period_number
    {%- endif %}

)

select
    {{ footpath.interval_start('cohort_number', period, timezone, week_start) }} as cohort_start,
    period_number,
    first_period,
    last_period,
    cast(cohort_size as bigint) as cohort_size,
    cast(person_count as bigint) as person_count,
    {% if value is not none -%}
    value,
    {% endif -%}
    cast(person_count as double) / nullif(cohort_size, 0) as retention_rate,
    is_mature
from results
{% endmacro %}


{#-
    The average over cohorts of a retention (a relation or a select that footpath.retention gives): one row per period,
    of mature cells only.

    weighting   pooled   all returned people by all people of the cohorts
                double   each cohort's rate weighted by the square of its size, as Mixpanel weights it
                none     each cohort's rate counts the same
-#}
{% macro retention_average(retention, weighting='pooled') %}
{%- do footpath.check_argument('retention_average', 'weighting', weighting, ['pooled', 'double', none]) -%}
select
    period_number,
    count(*) as cohort_count,
    cast(sum(cohort_size) as bigint) as cohort_size,
    cast(sum(person_count) as bigint) as person_count,
    {% if weighting == 'pooled' -%}
    cast(sum(person_count) as double) / sum(cohort_size) as retention_rate
    {%- elif weighting == 'double' -%}
    cast(sum(person_count * cohort_size) as double) / sum(cohort_size * cohort_size) as retention_rate
    {%- else -%}
    cast(
        sum(cast(cast(person_count as decimal(38, 12)) / cohort_size as decimal(38, 12))) as double
    ) / count(*) as retention_rate
    {%- endif %}
from {{ footpath.relation_or_select(retention, 'cells') }}
where
    is_mature
    and cohort_size > 0
group by period_number
{% endmacro %}


{#- SQL: the first instant of the hour of a UTC timestamp. -#}
{% macro start_of_hour(timestamp) -%}
    {{ footpath.interval_start_utc(footpath.interval_number(timestamp, 'hour'), 'hour') }}
{%- endmacro %}


{#- SQL that is true for interval numbers in a range, either end of which may be none. -#}
{% macro between_intervals(number, first, last) -%}
    {%- set conditions = [] -%}
    {%- if first -%}{%- do conditions.append(number ~ ' >= ' ~ first) -%}{%- endif -%}
    {%- if last -%}{%- do conditions.append(number ~ ' <= ' ~ last) -%}{%- endif -%}
    {{- (conditions or ['true']) | join(' and ') -}}
{%- endmacro %}
