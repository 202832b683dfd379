{#-
    The macros here and in funnel_strict.sql render steps up to `reached`: where chains fill steps, one row per entity, step and instant, or
    more, with event_at, started_at (the latest start of such a chain; with window_anchor previous_step event_at) and
    is_void (0 or 1, when there are exclusions). funnel_earliest knows without that who comes how far.
-#}

{#- Each event fills one step at the most, and events of one instant follow each other as the steps do. -#}
{% macro funnel_simple(
    funnel, keys, window_seconds, reentry, window_anchor, events='funnel_events', reached='reached'
) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
step_1 as (

    select
        {{ partition }},
        {{ 'min(event_at)' if reentry == 'first_entry_only' else 'event_at' }} as event_at,
        {{ 'min(event_at)' if reentry == 'first_entry_only' else 'event_at' }} as started_at
    from {{ events }}
    where class_number = 1 and may_start = 1
    {%- if reentry == 'first_entry_only' %}

    group by {{ partition }}
    {%- endif %}

),

{% for step in range(2, n + 1) -%}
{%- set before = [] -%}
{%- for earlier in range(step - 1, 0, -1) -%}
    {%- if footpath.funnel_steps_between(funnel, earlier, step) | length == 1 %}{% do before.append(earlier) %}{% endif -%}
{%- endfor -%}
{% if before | length > 1 -%}
before_step_{{ step }} as (

    {% for earlier in before -%}
    select
        {{ partition }},
        event_at,
        started_at
    from step_{{ earlier }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),

{% endif -%}
step_{{ step }} as (

    {{ footpath.latest_before(
        events, 'class_number = ' ~ step,
        'before_step_' ~ step if before | length > 1 else 'step_' ~ before[0], keys, window_seconds, window_anchor
    ) }}

),

{% endfor -%}
{{ reached }} as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        event_at,
        started_at
    from step_{{ step }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),
{%- endmacro %}


{#-
    The same where only the steps are asked for, not their times. The earliest chain without a window goes at least as
    deep as any other; where it stays in the window nobody needs another. The others, mostly few, get all chains.
-#}
{% macro funnel_earliest(funnel, keys, window_seconds, reentry, window_anchor) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
earliest_1 as (

    select
        {{ partition }},
        min(event_at) as started_at,
        min(event_at) as event_at
    from funnel_events
    where class_number = 1 and may_start = 1
    group by {{ partition }}

),

{% for step in range(2, n + 1) -%}
{%- set started_at = 'before.started_at' if window_anchor == 'first_step' else 'before.event_at' -%}
earliest_{{ step }} as (

    select
        {% for key in keys %}before.{{ key }},
        {% endfor -%}
        min({{ started_at }}) as started_at,
        min(events.event_at) as event_at
    from earliest_{{ step - 1 }} as before
    inner join funnel_events as events
        on {% for key in keys %}before.{{ key }} = events.{{ key }} and {% endfor %}before.event_at <= events.event_at
    where events.class_number = {{ step }}
    group by {% for key in keys %}before.{{ key }}{{ ', ' if not loop.last }}{% endfor %}


),

{% endfor -%}
earliest as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        {{ 'case when ' ~ footpath.funnel_in_window('started_at', window_seconds) ~ ' then 0 else 1 end' }} as is_late
    from earliest_{{ step }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),

decided as (

    select
        {{ partition }},
        {% if reentry == 'first_entry_only' -%}
        max(case when is_late = 0 then step end) as step,
        0 as is_late
        {% else -%}
        max(step) as step,
        max(is_late) as is_late
        {% endif -%}
    from earliest
    group by {{ partition }}

),

late_events as (

    select *
    from funnel_events
    where exists (
        select 1
        from decided
        where {% for key in keys %}funnel_events.{{ key }} = decided.{{ key }} and {% endfor %}decided.is_late = 1
    )

),

{{ footpath.funnel_simple(funnel, keys, window_seconds, reentry, window_anchor, 'late_events', 'late_reached') }}

deepest as (

    select
        {{ partition }},
        step as reached_level
    from decided
    where is_late = 0
    union all
    select
        {{ partition }},
        max(step) as reached_level
    from late_reached
    group by {{ partition }}

),
{%- endmacro %}


{#- Ordered steps that one event may fill several of, or with exclusions, or whose times have to increase. -#}
{% macro funnel_chains(funnel, keys, window_seconds, reentry, window_anchor, ties) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
instants as (

    select
        {{ partition }},
        {{ footpath.funnel_counts(funnel, 'sum') }}
        {% for exclusion in funnel.exclusions -%}
        max(exclusion_{{ loop.index }}) as exclusion_{{ loop.index }},
        {% endfor -%}
        max(may_start) as may_start,
        event_at
    from funnel_events
    group by {{ partition }}, event_at

),

level_0 as (

    select
        *,
        {{ footpath.funnel_next_exclusions(funnel, partition) }}
        {% for step in funnel.open_steps -%}
        sum(case when {{ footpath.funnel_voids(funnel, step) }} then 1 else 0 end) over (
            partition by {{ partition }} order by event_at rows between unbounded preceding and current row
        ) as exclusions_{{ step }},
        {% endfor -%}
        {{ footpath.funnel_may_enter(funnel, partition, reentry) }} as may_enter
    from instants

),

{% for step in range(1, n + 1) -%}
{%- set starts = [] -%}
{%- for from_step in range(0, step) -%}
    {%- set filled = footpath.funnel_steps_between(funnel, from_step, step) -%}
    {%- if ties == 'step_order' or filled | length == 1 -%}
        {%- set before = 'start_before_' ~ from_step -%}
        {%- set start = 'event_at' if from_step == 0 or window_anchor == 'previous_step' else before -%}
        {%- set possible = 'may_enter = 1' if from_step == 0 else footpath.funnel_in_window(before, window_seconds) -%}
        {%- do starts.append(
            'case when ' ~ possible ~ ' and ' ~ footpath.funnel_fills(funnel, filled) ~ ' then ' ~ start ~ ' end'
        ) -%}
    {%- endif -%}
{%- endfor -%}
level_{{ step }} as (

    select
        *,
        {{ footpath.latest_of(starts) }} as started_{{ step }}
    from {% if step == 1 %}level_0{% else %}(
        select
            *,
            {% if step - 1 in funnel.open_steps -%}
            -- Since the last exclusion: one at an instant of the chain itself is not between two of its steps.
            case
                when {{ footpath.funnel_voids(funnel, step - 1) }}
                    then max(started_{{ step - 1 }}) over (
                        partition by {{ partition }} order by exclusions_{{ step - 1 }} range between 1 preceding and 1 preceding
                    )
                else max(started_{{ step - 1 }}) over (
                    partition by {{ partition }}, exclusions_{{ step - 1 }} order by event_at rows between unbounded preceding and 1 preceding
                )
            end as start_before_{{ step - 1 }}
            {%- else -%}
            max(started_{{ step - 1 }}) over (
                partition by {{ partition }} order by event_at rows between unbounded preceding and 1 preceding
            ) as start_before_{{ step - 1 }}
            {%- endif %}
        from level_{{ step - 1 }}
    ) as before{% endif %}

),

{% endfor -%}
reached as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        event_at,
        started_{{ step }} as started_at{{ ',' if funnel.open_steps }}
        {% if funnel.open_steps -%}
        {{ footpath.funnel_is_void(funnel, step, 'started_' ~ step, window_seconds) }} as is_void
        {% endif -%}
    from level_{{ n }}
    where started_{{ step }} is not null
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),
{%- endmacro %}
