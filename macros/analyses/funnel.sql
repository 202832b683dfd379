{#-
    A funnel: how many people do one step after the other, in time. One row per step, with a breakdown one per value and
    step: [breakdown,] step, event_name, person_count, average_seconds and median_seconds from the step before (null
    without `times`, which costs less).

        {{ footpath.funnel(
            steps=['Signed Up', {'event': 'Checkout Started', 'filter': {'plan': 'team'}}, 'Subscription Started'],
            window_seconds=7 * 86400
        ) }}

    Arguments and rules: docs/analyses.md.
-#}
{% macro funnel(
    steps, window_seconds, order='ordered', reentry='best_chain', window_anchor='first_step', ties='step_order',
    per='person', date_from=none, date_to=none, clip_to_range=false, exclusions=[], breakdown=none,
    breakdown_attribution='first_touch', breakdown_limit=none, times=true, timezone=none, people=none, events=none
) -%}
{%- set by = 'breakdown' if breakdown is not none else none -%}
with {{ footpath.funnel_entities(
    steps, window_seconds, order, reentry, window_anchor, ties, per, date_from, date_to, clip_to_range, exclusions,
    breakdown, breakdown_attribution, breakdown_limit, none, timezone, none, people, events, times
) }},

counted as (

    select
        {% if by %}breakdown,
        {% endif -%}
        {% for step in steps -%}
        sum(done_{{ loop.index }}) as person_count_{{ loop.index }},
        {% if times and not loop.first -%}
        {%- set earlier = [] -%}
        {%- for before in range(loop.index0, 0, -1) %}{% do earlier.append('at_' ~ before) %}{% endfor -%}
        {%- set seconds = footpath.seconds_between(
            earlier[0] if earlier | length == 1 else 'coalesce(' ~ earlier | join(', ') ~ ')', 'at_' ~ loop.index
        ) -%}
        sum({{ seconds }}) as seconds_{{ loop.index }},
        count({{ seconds }}) as timed_count_{{ loop.index }},
        {{ footpath.percentile(seconds, 0.5) }} as median_seconds_{{ loop.index }},
        {% endif -%}
        {% endfor -%}
        count(*) as entity_count
    from entities
    {% if by %}group by breakdown{% endif %}

)

{% for step in steps -%}
select
    {% if by %}breakdown,
    {% endif -%}
    {{ loop.index }} as step,
    {{ footpath.event_label(step) }} as event_name,
    cast(coalesce(person_count_{{ loop.index }}, 0) as bigint) as person_count,
    {% if loop.first or not times -%}
    cast(null as double) as average_seconds,
    cast(null as double) as median_seconds
    {% else -%}
    cast(seconds_{{ loop.index }} as double) / nullif(timed_count_{{ loop.index }}, 0) as average_seconds,
    cast(median_seconds_{{ loop.index }} as double) as median_seconds
    {% endif -%}
from counted
{% if not loop.last %}union all
{% endif %}
{%- endfor %}
{%- endmacro %}


{#-
    The same funnel by the interval of the step-1 event: each person once in every interval in which they entered; the
    conversion may come after its end. One row per interval, also without entries: [breakdown,] interval_start (local),
    from_count, to_count, conversion_rate in percent, to two places.
-#}
{% macro funnel_trend(
    steps, window_seconds, interval='day', week_start=none, from_step=1, to_step=none, order='ordered',
    reentry='best_chain', window_anchor='first_step', ties='step_order', per='person', date_from=none, date_to=none,
    clip_to_range=false, exclusions=[], breakdown=none, breakdown_attribution='first_touch', breakdown_limit=none,
    timezone=none, people=none, events=none
) -%}
{%- do footpath.check_argument('funnel_trend', 'interval', interval, ['hour', 'day', 'week', 'month']) -%}
{%- set last_step = to_step or steps | length -%}
{%- do footpath.check_funnel_steps('funnel_trend', steps, from_step, last_step) -%}
with {{ footpath.funnel_entities(
    steps, window_seconds, order, reentry, window_anchor, ties, per, date_from, date_to, clip_to_range, exclusions,
    breakdown, breakdown_attribution, breakdown_limit, interval, timezone, week_start, people, events, times=false
) }},

counted as (

    select
        {% if breakdown is not none %}breakdown,
        {% endif -%}
        entry_interval,
        sum(done_{{ from_step }}) as from_count,
        sum(done_{{ last_step }}) as to_count
    from entities
    group by {% if breakdown is not none %}breakdown, {% endif %}entry_interval

),

intervals as (

    {{ footpath.whole_numbers(
        footpath.interval_number(footpath.instant(date_from, timezone), interval, timezone, week_start)
            if date_from is not none else '(select min(counted.entry_interval) from counted)',
        footpath.interval_number(footpath.instant(date_to, timezone), interval, timezone, week_start)
            if date_to is not none else '(select max(counted.entry_interval) from counted)'
    ) }}

)

select
    {% if breakdown is not none %}intervals.breakdown,
    {% endif -%}
    {{ footpath.interval_start('intervals.number', interval, timezone, week_start) }} as interval_start,
    cast(coalesce(counted.from_count, 0) as bigint) as from_count,
    cast(coalesce(counted.to_count, 0) as bigint) as to_count,
    cast(round(cast(coalesce(100.0 * counted.to_count / nullif(counted.from_count, 0), 0) as decimal(18, 6)), 2) as double) as conversion_rate
from {% if breakdown is not none %}(
    select
        numbers.number,
        found.breakdown
    from intervals as numbers
    cross join (select distinct breakdown from counted) as found
) as intervals{% else %}intervals{% endif %}

left join counted on intervals.number = counted.entry_interval{% if breakdown is not none %} and intervals.breakdown = counted.breakdown{% endif %}
{%- endmacro %}


{#-
    How long people take from one step to another, as a histogram: bin_start in seconds, person_count, and in every row
    average_seconds of all. bin_count none: the cube root of their number, 1 to 60.
-#}
{% macro funnel_times(
    steps, window_seconds, from_step=1, to_step=none, bin_count=none, order='ordered', reentry='best_chain',
    window_anchor='first_step', ties='step_order', per='person', date_from=none, date_to=none, clip_to_range=false,
    exclusions=[], timezone=none, people=none, events=none
) -%}
{%- set last_step = to_step or steps | length -%}
{%- do footpath.check_funnel_steps('funnel_times', steps, from_step, last_step) -%}
with {{ footpath.funnel_entities(
    steps, window_seconds, order, reentry, window_anchor, ties, per, date_from, date_to, clip_to_range, exclusions,
    none, 'first_touch', none, none, timezone, none, people, events
) }},

seconds_of_entities as (

    select {{ footpath.seconds_between('at_' ~ from_step, 'at_' ~ last_step) }} as seconds
    from entities
    where at_{{ from_step }} is not null and at_{{ last_step }} is not null

),

shape as (

    select
        count(*) as entity_count,
        cast(sum(seconds) as double) / count(*) as average_seconds,
        floor(min(seconds)) as from_seconds,
        ceil(max(seconds)) as to_seconds,
        {% if bin_count is none -%}
        least(greatest(ceil(round(cast(power(count(*), 1.0 / 3) as double), 9)), 1), 60) as bin_count
        {% else -%}
        {{ bin_count }} as bin_count
        {% endif %}
    from seconds_of_entities

),

bins as (

    select
        entity_count,
        average_seconds,
        from_seconds,
        bin_count,
        case when to_seconds = from_seconds then 60 else ceil((to_seconds - from_seconds) / bin_count) end as bin_width
    from shape
    where entity_count > 0

),

numbers as (

    {{ footpath.whole_numbers(0, '(select max(bins.bin_count) from bins)') }}

),

placed as (

    select least(floor((found.seconds - bins.from_seconds) / bins.bin_width), bins.bin_count) as number
    from seconds_of_entities as found
    cross join bins

),

counted as (

    select
        number,
        count(*) as person_count
    from placed
    group by number

)

select
    cast(bins.from_seconds + numbers.number * bins.bin_width as bigint) as bin_start,
    cast(coalesce(counted.person_count, 0) as bigint) as person_count,
    bins.average_seconds
from numbers
cross join bins
left join counted on numbers.number = counted.number
{%- endmacro %}


{% macro check_funnel_steps(macro_name, steps, from_step, to_step) %}
    {% if not 1 <= from_step < to_step <= steps | length %}
        {% do exceptions.raise_compiler_error(
            macro_name ~ ': from_step is ' ~ from_step ~ ', to_step ' ~ to_step
            ~ '. Allowed: 1 <= from_step < to_step <= ' ~ steps | length
        ) %}
    {% endif %}
{% endmacro %}


{#- An event's name as an SQL literal, for a result; any event is 'any event'. -#}
{% macro event_label(definition) -%}
    {{ footpath.text_literal(footpath.event_definition(definition, also=definition.keys() | list if definition is mapping else []).event or 'any event') }}
{%- endmacro %}
