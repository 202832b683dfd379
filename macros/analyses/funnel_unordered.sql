{#-
    Steps up to `entities` for a funnel whose steps may be done in any order: how many different steps an entity does
    within the window from any event of the funnel. An event fills one step. An exclusion after the first event, before
    all steps are done, voids what began there: the entity stays in step 1.
-#}
{% macro funnel_unordered(funnel, keys, window_seconds, reentry) -%}
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
        {% for subset in funnel.sets -%}
        sum(case when {% for class in subset %}class_{{ class }} = 1{{ ' or ' if not loop.last }}{% endfor %} then 1 else 0 end) as of_{{ subset | join('_') }},
        {% endfor -%}
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
    where {{ footpath.funnel_matched(funnel) }} >= level
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

entities as (

    select
        {{ partition }},
        level,
        {% for step in range(1, n + 1) -%}
        case when level >= {{ step }} then 1 else 0 end as done_{{ step }},
        {% endfor -%}
        {% for step in range(1, n + 1) -%}
        min(case when level >= {{ step }} and matched_steps >= {{ step }} then event_at end) as at_{{ step }}{{ ',' if not loop.last }}
        {% endfor %}
    from matched
    group by {{ partition }}, level

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
