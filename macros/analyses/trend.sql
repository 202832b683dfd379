{#-
    A trend: one number per interval. A select with one row per series, interval and breakdown value: interval_start
    (local time), series, breakdown (when asked for), value (a double) and, when asked for, rolling_average. An interval
    without events is 0.

        {{ footpath.trend('Order Completed', aggregate='sum',
                          value=footpath.decimal_of(footpath.json_member('properties', 'revenue')), interval='week') }}
        {{ footpath.trend([{'event': 'Order Completed', 'aggregate': 'people'}, {'aggregate': 'people'}], formula='A / B') }}

    event        an event, none for any, or a list of them: series A, B, ... Each may have its own aggregate, value and
                 percentile
    aggregate    count, people (distinct), or of `value`: sum, average, median, percentile (with percentile=0.9)
    value        SQL over the columns of `events` that gives a number; it is rounded to six places, nulls do not count
    formula      one series, named like its formula, made of the letters of the series, numbers and + - * / ( ); a
                 division by 0 gives 0
    rolling      with 7: rolling_average is the mean of this interval and the 6 before it (of those in the range)
    interval     hour, day, week or month
    date_from, date_to   the range begins with the whole interval of date_from and ends with date_to; without date_from
                 it begins with the first event, without date_to it ends with the last one or at data_until, whichever is
                 later
    breakdown    SQL over the columns of `events`; a missing value is an empty text. Only the breakdown_limit values with
                 most events (of all series; ties by the value) are named, the others are 'Other'. none: all
    timezone, week_start, people, events, data_until   see retention
-#}
{% macro trend(
    event=none, aggregate='count', value=none, interval='day', breakdown=none, breakdown_limit=25, date_from=none,
    date_to=none, percentile=none, rolling=none, formula=none, timezone=none, week_start=none, people=none, events=none,
    data_until=none
) %}
{%- set aggregates = ['count', 'people', 'sum', 'average', 'median', 'percentile'] -%}
{%- do footpath.check_argument('trend', 'interval', interval, ['hour', 'day', 'week', 'month']) -%}
{%- do footpath.check_whole_numbers('trend', 'breakdown_limit', [] if breakdown_limit is none else [breakdown_limit]) -%}
{%- do footpath.check_whole_numbers('trend', 'rolling', [] if rolling is none else [rolling]) -%}
{%- set all_series = [] -%}
{%- for one in (event if event is sequence and event is not string and event is not mapping else [event]) -%}
    {%- set definition = footpath.event_definition(one, also=['aggregate', 'value', 'percentile']) -%}
    {%- set series = dict({'aggregate': aggregate, 'value': value, 'percentile': percentile}, **definition) -%}
    {%- do footpath.check_argument('trend', 'aggregate', series.aggregate, aggregates) -%}
    {%- if series.aggregate in ['sum', 'average', 'median', 'percentile'] and series.value is none -%}
        {%- do exceptions.raise_compiler_error('trend: aggregate ' ~ series.aggregate ~ ' needs a value, SQL over the columns of events') -%}
    {%- endif -%}
    {%- if series.aggregate == 'percentile' and not (series.percentile is number and 0 <= series.percentile <= 1) -%}
        {%- do exceptions.raise_compiler_error('trend: percentile is a number from 0 to 1; got ' ~ series.percentile) -%}
    {%- endif -%}
    {%- do all_series.append(dict(series, letter='ABCDEFGHIJKLMNOPQRSTUVWXYZ'[loop.index0])) -%}
{%- endfor -%}
{%- set first = footpath.interval_of(date_from, interval, timezone, week_start) if date_from is not none else none -%}
{%- set last = footpath.interval_of(date_to, interval, timezone, week_start, is_end=true) if date_to is not none else none -%}

with trend_events as (

    {% for series in all_series -%}
    {%- set fields = {} -%}
    {%- if breakdown is not none -%}
        {%- do fields.update({'breakdown': "coalesce(cast(" ~ breakdown ~ " as varchar), '')"}) -%}
    {%- endif -%}
    {%- if series.value is not none -%}
        {%- do fields.update({'value': 'cast(' ~ series.value ~ ' as decimal(28, 6))'}) -%}
    {%- endif -%}
    select
        '{{ series.letter }}' as series,
        person_id,
        {{ "''" if breakdown is none else 'breakdown' }} as breakdown,
        {{ 'cast(null as decimal(28, 6))' if series.value is none else 'value' }} as value,
        {{ footpath.interval_number('event_at', interval, timezone, week_start) }} as interval_number
    from (
        {{ footpath.analysis_events([series], fields=fields, people=people, events=events) }}
    ) as events_of_series
    where
        {{ footpath.in_range('event_at', none, date_to, timezone) }}
        {%- if first is not none %}
        and event_at >= {{ footpath.interval_start_utc(first, interval, timezone, week_start) }}
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{% if breakdown is none or breakdown_limit is none -%}
named as (

    select
        series,
        interval_number,
        person_id,
        breakdown,
        value
    from trend_events

),
{%- else -%}
ranked as (

    select
        breakdown,
        row_number() over (order by count(*) desc, breakdown asc) as place
    from trend_events
    group by breakdown

),

named as (

    select
        trend_events.series,
        trend_events.interval_number,
        trend_events.person_id,
        trend_events.value,
        case when ranked.place <= {{ breakdown_limit }} then ranked.breakdown else 'Other' end as breakdown
    from trend_events
    inner join ranked on trend_events.breakdown = ranked.breakdown

),
{%- endif %}

aggregated as (

    {% for series in all_series -%}
    select
        series,
        interval_number,
        breakdown,
        {% if series.aggregate == 'count' -%}
        cast(count(*) as double) as value
        {%- elif series.aggregate == 'people' -%}
        cast(count(distinct person_id) as double) as value
        {%- elif series.aggregate == 'sum' -%}
        cast(sum(value) as double) as value
        {%- elif series.aggregate == 'average' -%}
        cast(sum(value) as double) / nullif(count(value), 0) as value
        {%- else -%}
        cast({{ footpath.percentile('value', 0.5 if series.aggregate == 'median' else series.percentile) }} as double) as value
        {%- endif %}
    from named
    where series = '{{ series.letter }}'
    group by series, interval_number, breakdown
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

intervals as (

    {{ footpath.whole_numbers(
        first or '(select min(trend_events.interval_number) from trend_events)',
        last or '(select ' ~ footpath.last_interval_so_far(
            'max(trend_events.interval_number)', data_until, interval, timezone, week_start
        ) ~ ' from trend_events)'
    ) }}

),

all_series as (

    {% for series in all_series -%}
    select '{{ series.letter }}' as series
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

breakdowns as (

    {% if breakdown is none -%}
    select '' as breakdown
    {%- else -%}
    select distinct breakdown
    from named
    {%- endif %}

),

filled as (

    select
        intervals.number as interval_number,
        all_series.series,
        breakdowns.breakdown,
        coalesce(aggregated.value, 0) as value
    from intervals
    cross join all_series
    cross join breakdowns
    left join aggregated
        on
            intervals.number = aggregated.interval_number
            and all_series.series = aggregated.series
            and breakdowns.breakdown = aggregated.breakdown

),

results as (

    {% if formula is none -%}
    select
        interval_number,
        series,
        breakdown,
        value
    from filled
    {%- else -%}
    select
        interval_number,
        {{ footpath.text_literal(formula) }} as series,
        breakdown,
        coalesce(cast({{ footpath.formula_sql(formula, all_series | map(attribute='letter') | list) }} as double), 0) as value
    from (
        select
            {% for series in all_series -%}
            max(case when series = '{{ series.letter }}' then value end) as series_{{ series.letter | lower }},
            {% endfor -%}
            interval_number,
            breakdown
        from filled
        group by interval_number, breakdown
    ) as side_by_side
    {%- endif %}

)

select
    {{ footpath.interval_start('interval_number', interval, timezone, week_start) }} as interval_start,
    series,
    {% if breakdown is not none -%}
    breakdown,
    {% endif -%}
    {% if rolling is not none -%}
    {%- set recent -%}
        partition by series, breakdown
        order by interval_number
        rows between {{ rolling - 1 }} preceding and current row
    {%- endset -%}
    cast(sum(cast(value as decimal(28, 6))) over ({{ recent }}) as double)
    / count(*) over ({{ recent }}) as rolling_average,
    {% endif -%}
    value
from results
{% endmacro %}


{#- SQL of a formula over the columns series_a, series_b, ...; what is divided by 0 is null. -#}
{% macro formula_sql(formula, letters) -%}
    {%- set tokens = modules.re.findall('[A-Z]|[0-9]+(?:[.][0-9]+)?|[-+*/()]', formula) -%}
    {%- if tokens | join != modules.re.sub('[ ]+', '', formula) or tokens | select('in', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') | reject('in', letters) | list -%}
        {%- do exceptions.raise_compiler_error(
            "trend: the formula is '" ~ formula ~ "'. Allowed: " ~ letters | join(', ') ~ ', numbers and + - * / ( )'
        ) -%}
    {%- endif -%}
    {%- set parts = [] -%}
    {%- set divisors = [] -%}
    {%- set place = namespace(depth=0, is_divisor=false) -%}
    {%- for token in tokens -%}
        {%- if token == '(' -%}
            {%- if place.is_divisor -%}
                {%- do divisors.append(place.depth) -%}
                {%- do parts.append('nullif(') -%}
            {%- endif -%}
            {%- do parts.append('(') -%}
            {%- set place.depth = place.depth + 1 -%}
        {%- elif token == ')' -%}
            {%- set place.depth = place.depth - 1 -%}
            {%- do parts.append(')') -%}
            {%- if divisors and divisors[-1] == place.depth -%}
                {%- do divisors.pop() -%}
                {%- do parts.append(', 0)') -%}
            {%- endif -%}
        {%- elif token in '+-*/' -%}
            {%- do parts.append(' ' ~ token ~ ' ') -%}
        {%- else -%}
            {%- set operand = 'series_' ~ token | lower if token in letters else token if '.' in token else token ~ '.0' -%}
            {%- do parts.append('nullif(' ~ operand ~ ', 0)' if place.is_divisor else operand) -%}
        {%- endif -%}
        {%- set place.is_divisor = token == '/' -%}
    {%- endfor -%}
    {{- parts | join -}}
{%- endmacro %}
