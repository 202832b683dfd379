{#-
    Steps up to the outcomes for a funnel whose steps may be done in any order: how many different steps an entity does
    within the window from any event of the funnel. An event fills one step. An exclusion after the first event, before
    all steps are done, voids what began there: the entity stays in step 1.
-#}
{% macro funnel_unordered(funnel, keys, window_seconds, reentry, times, outcomes) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
{%- set window_end -%}
    {%- if window_seconds is none -%}
    order by event_at rows between current row and unbounded following
    {%- else -%}
    order by event_at range between current row and interval '{{ window_seconds }} seconds' following
    {%- endif -%}
{%- endset -%}
instants as (

    select
        {{ partition }},
        {{ footpath.funnel_counts(funnel, 'sum') }}
        {% if funnel.exclusions -%}
        max(case when {% for exclusion in funnel.exclusions %}exclusion_{{ loop.index }} = 1{{ ' or ' if not loop.last }}{% endfor %} then 1 else 0 end) as is_exclusion,
        {% endif -%}
        max(may_start) as may_start,
        event_at
    from funnel_events
    group by {{ partition }}, event_at

),

within_window as (

    select
        {{ partition }},
        event_at,
        case when may_start = 1 and ({% for class in funnel.classes %}of_{{ loop.index }} > 0{{ ' or ' if not loop.last }}{% endfor %}) then 1 else 0 end as may_enter,
        {% if funnel.exclusions -%}
        min(case when is_exclusion = 1 then event_at end) over (
            partition by {{ partition }} order by event_at rows between 1 following and unbounded following
        ) as next_exclusion,
        {% endif -%}
        {% for subset in funnel.sets -%}
        sum(of_{{ subset | join('_') }}) over (partition by {{ partition }} {{ window_end }}) as of_{{ subset | join('_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from instants

),

{% set all_entries -%}
    select
        *,
        {{ footpath.funnel_matched(funnel) }} as level,
        {% if reentry == 'first_entry_only' -%}
        row_number() over (partition by {{ partition }} order by event_at) as entry_number
        {% else -%}
        1 as entry_number
        {% endif %}
    from within_window
    where may_enter = 1
{%- endset -%}
{% if funnel.exclusions -%}
possible_entries as (

    {{ all_entries }}

),

-- What is done from an entry up to the exclusion after it.
until_exclusion as (

    select
        {% for key in keys %}possible.{{ key }},
        {% endfor -%}
        possible.event_at,
        {% for subset in funnel.sets -%}
        sum(instants.of_{{ subset | join('_') }}) as of_{{ subset | join('_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from possible_entries as possible
    inner join instants
        on {% for key in keys %}possible.{{ key }} = instants.{{ key }} and {% endfor %}instants.event_at between possible.event_at and possible.next_exclusion
    where possible.next_exclusion is not null{% if window_seconds is not none %} and possible.next_exclusion <= {{ footpath.add_seconds('possible.event_at', window_seconds) }}{% endif %}

    group by {% for key in keys %}possible.{{ key }}, {% endfor %}possible.event_at

),

entries_of_entities as (

    select
        {% for key in keys %}possible.{{ key }},
        {% endfor -%}
        possible.event_at,
        possible.entry_number,
        case
            when until_exclusion.event_at is null or {{ footpath.funnel_matched(funnel, 'until_exclusion.') }} = {{ n }} then possible.level
            else 1
        end as level,
        case
            when until_exclusion.event_at is null or {{ footpath.funnel_matched(funnel, 'until_exclusion.') }} = {{ n }} then 0
            else 1
        end as is_void
    from possible_entries as possible
    left join until_exclusion
        on {% for key in keys %}possible.{{ key }} = until_exclusion.{{ key }} and {% endfor %}possible.event_at = until_exclusion.event_at

),
{%- else -%}
entries_of_entities as (

    {{ all_entries }}

),
{%- endif %}

deepest as (

    select
        {{ partition }},
        max(level) as level
    from entries_of_entities
    where entry_number = 1
    group by {{ partition }}

),

{% if times -%}
-- Who begins first is done first.
first_entries as (

    select
        {% for key in keys %}deepest.{{ key }},
        {% endfor -%}
        deepest.level,
        min(entries.event_at) as entered_at
    from deepest
    inner join entries_of_entities as entries
        on {% for key in keys %}deepest.{{ key }} = entries.{{ key }} and {% endfor %}deepest.level = entries.level and entries.entry_number = 1
    group by {% for key in keys %}deepest.{{ key }}, {% endfor %}deepest.level

),

counted_forwards as (

    select
        {% for key in keys %}first_entries.{{ key }},
        {% endfor -%}
        first_entries.level,
        instants.may_start,
        instants.event_at,
        {% for subset in funnel.sets -%}
        instants.of_{{ subset | join('_') }} as at_once_{{ subset | join('_') }},
        sum(instants.of_{{ subset | join('_') }}) over (
            partition by {% for key in keys %}first_entries.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

            order by instants.event_at rows between unbounded preceding and current row
        ) as of_{{ subset | join('_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from first_entries
    inner join instants
        on {% for key in keys %}first_entries.{{ key }} = instants.{{ key }} and {% endfor %}instants.event_at >= first_entries.entered_at
    {%- if window_seconds is not none %}

    where instants.event_at <= {{ footpath.add_seconds('first_entries.entered_at', window_seconds) }}
    {%- endif %}

),

completed as (

    select
        {{ partition }},
        min(event_at) as completed_at
    from counted_forwards
    where {{ footpath.funnel_matched(funnel) }} >= level
    group by {{ partition }}

),

-- The steps of the last event from which the same steps are done in time: what came before it was not needed.
counted_backwards as (

    select
        {% for key in keys %}steps.{{ key }},
        {% endfor -%}
        steps.level,
        steps.may_start,
        steps.event_at,
        {% for subset in funnel.sets -%}
        sum(steps.at_once_{{ subset | join('_') }}) over (
            partition by {% for key in keys %}steps.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

            order by steps.event_at desc rows between unbounded preceding and current row
        ) as of_{{ subset | join('_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from counted_forwards as steps
    inner join completed
        on {% for key in keys %}steps.{{ key }} = completed.{{ key }} and {% endfor %}steps.event_at <= completed.completed_at

),

started as (

    select
        {{ partition }},
        max(event_at) as started_at
    from counted_backwards
    where may_start = 1 and {{ footpath.funnel_matched(funnel) }} >= level
    group by {{ partition }}

),

counted_from_start as (

    select
        {% for key in keys %}steps.{{ key }},
        {% endfor -%}
        steps.level,
        steps.event_at,
        {% for subset in funnel.sets -%}
        sum(steps.at_once_{{ subset | join('_') }}) over (
            partition by {% for key in keys %}steps.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

            order by steps.event_at asc rows between unbounded preceding and current row
        ) as of_{{ subset | join('_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from counted_forwards as steps
    inner join started
        on {% for key in keys %}steps.{{ key }} = started.{{ key }} and {% endfor %}steps.event_at >= started.started_at
    inner join completed
        on {% for key in keys %}steps.{{ key }} = completed.{{ key }} and {% endfor %}steps.event_at <= completed.completed_at

),

matched as (

    select
        {{ partition }},
        level,
        event_at,
        {{ footpath.funnel_matched(funnel) }} as matched_steps
    from counted_from_start

),

{% endif -%}
{{ outcomes }} as (

    select
        {{ partition }},
        {% for step in range(1, n + 1) -%}
        case when level >= {{ step }} then 1 else 0 end as done_{{ step }},
        {% endfor -%}
        {% if times -%}
        {% for step in range(1, n + 1) -%}
        min(case when level >= {{ step }} and matched_steps >= {{ step }} then event_at end) as at_{{ step }},
        {% endfor -%}
        {% endif -%}
        level
    from {{ 'matched' if times else 'deepest' }}
    {%- if times %}

    group by {{ partition }}, level
    {%- endif %}

)
{%- endmacro %}


{#- The same where each event fills one step at the most and nothing voids: the next event of each step tells all. -#}
{% macro funnel_unordered_simple(funnel, keys, window_seconds, times, outcomes) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
{%- set in_window = [] -%}
{%- set within = [] -%}
{%- set firsts = [] -%}
{%- set counted_firsts = [] -%}
{%- for step in range(1, n + 1) -%}
    {%- set condition = 'next_' ~ step ~ (
        ' is not null' if window_seconds is none else ' <= ' ~ footpath.add_seconds('event_at', window_seconds)
    ) -%}
    {%- do in_window.append('case when ' ~ condition ~ ' then 1 else 0 end') -%}
    {%- do within.append('case when ' ~ condition ~ ' then next_' ~ step ~ ' end') -%}
    {%- do firsts.append('first_' ~ step) -%}
    {%- do counted_firsts.append('case when first_' ~ step ~ ' is not null then 1 else 0 end') -%}
{%- endfor -%}
{% if not times -%}
-- Whose first events of the steps lie in one window has done all of theirs in it. Events before the range are left out, so
-- the first one that may start a funnel is the first of all.
first_events as (

    select
        {{ partition }},
        {% for step in range(1, n + 1) -%}
        min(case when class_number = {{ step }} then event_at end) as first_{{ step }},
        {% endfor -%}
        min(case when may_start = 1 then event_at end) as first_start
    from funnel_events
    group by {{ partition }}

),

decided as (

    select
        {{ partition }},
        {{ counted_firsts | join(' + ') }} as level,
        case when {{ 'true' if window_seconds is none else footpath.latest_of(firsts) ~ ' <= ' ~ footpath.add_seconds('first_start', window_seconds) }} then 1 else 0 end as is_decided
    from first_events
    where first_start is not null

),

{% endif -%}
next_events as (

    select
        {{ partition }},
        may_start,
        {% for step in range(1, n + 1) -%}
        min(case when class_number = {{ step }} then event_at end) over (partition by {{ partition }} order by event_at desc) as next_{{ step }},
        {% endfor -%}
        event_at
    from funnel_events
    {%- if not times %}
    where exists (
        select 1
        from decided
        where {% for key in keys %}funnel_events.{{ key }} = decided.{{ key }} and {% endfor %}decided.is_decided = 0
    )
    {%- endif %}

),

possible_starts as (

    select
        {{ partition }},
        {{ in_window | join(' + ') }} as level{{ ',' if times }}
        {% if times -%}
        {% for step in range(1, n + 1) -%}
        {{ within[step - 1] }} as next_{{ step }},
        {% endfor -%}
        {{ footpath.latest_of(within) }} as completed_at,
        event_at
        {% endif -%}
    from next_events
    where may_start = 1

),

deepest as (

    select
        {{ partition }},
        {% if times %}min(event_at) as entered_at,
        {% endif -%}
        max(level) as level
    from possible_starts
    group by {{ partition }}
    {%- if not times %}
    union all
    select
        {{ partition }},
        level
    from decided
    where is_decided = 1
    {%- endif %}

),

{% if times -%}
-- What is completed first; of the entries that lead there the last one, whose next events come last.
completed as (

    select
        {% for key in keys %}deepest.{{ key }},
        {% endfor -%}
        deepest.level,
        min(entries.completed_at) as completed_at
    from deepest
    inner join possible_starts as entries
        on {% for key in keys %}deepest.{{ key }} = entries.{{ key }} and {% endfor %}deepest.level = entries.level
    where deepest.level > 1
    group by {% for key in keys %}deepest.{{ key }}, {% endfor %}deepest.level

),

last_entries as (

    select
        {% for key in keys %}completed.{{ key }},
        {% endfor -%}
        {% for step in range(1, n + 1) -%}
        max(entries.next_{{ step }}) as next_{{ step }}{{ ',' if not loop.last }}
        {% endfor %}
    from completed
    inner join possible_starts as entries
        on
            {% for key in keys %}completed.{{ key }} = entries.{{ key }} and {% endfor %}completed.level = entries.level
            and completed.completed_at = entries.completed_at
    group by {% for key in keys %}completed.{{ key }}{{ ', ' if not loop.last }}{% endfor %}

),

step_times as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        next_{{ step }} as event_at
    from last_entries
    where next_{{ step }} is not null
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),

numbered_times as (

    select
        *,
        row_number() over (partition by {{ partition }} order by event_at asc, step asc) as step_number
    from step_times

),

times as (

    select
        {{ partition }},
        {% for step in range(1, n + 1) -%}
        min(case when step_number = {{ step }} then event_at end) as at_{{ step }}{{ ',' if not loop.last }}
        {% endfor %}
    from numbered_times
    group by {{ partition }}

),

{% endif -%}
{{ outcomes }} as (

    select
        {% for key in keys %}deepest.{{ key }},
        {% endfor -%}
        {% for step in range(1, n + 1) -%}
        case when deepest.level >= {{ step }} then 1 else 0 end as done_{{ step }},
        {% endfor -%}
        {% if times -%}
        coalesce(times.at_1, deepest.entered_at) as at_1,
        {% for step in range(2, n + 1) -%}
        times.at_{{ step }},
        {% endfor -%}
        {% endif -%}
        deepest.level
    from deepest
    {% if times -%}
    left join times
        on {% for key in keys %}deepest.{{ key }} = times.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {% endif %}

)
{%- endmacro %}


{#-
    How many different steps the counted events can fill, one each: all of them but what is missing most in some set of
    steps that the same events may fill.
-#}
{% macro funnel_matched(funnel, prefix='') -%}
    {%- set missing = [] -%}
    {%- for members in funnel.components -%}
        {%- set of_component = ['0'] -%}
        {%- for subset in funnel.sets if subset[0] in members -%}
            {%- set steps = namespace(count=0) -%}
            {%- for class in funnel.class_of if class in subset %}{% set steps.count = steps.count + 1 %}{% endfor -%}
            {%- do of_component.append(steps.count ~ ' - ' ~ prefix ~ 'of_' ~ subset | join('_')) -%}
        {%- endfor -%}
        {%- do missing.append('greatest(' ~ of_component | join(', ') ~ ')') -%}
    {%- endfor -%}
    {{ funnel.steps | length }} - {{ missing | join(' - ') }}
{%- endmacro %}
