{#-
    How far each person comes in a funnel, with the times of the steps: what funnel, funnel_trend and funnel_times count.
    Renders the steps of a `with` (without that word), the last one named `entities`: one row per entity (and value of
    the breakdown, and interval of the entry) with

        entity, breakdown, entry_interval   who; the last two only when asked for
        level                               the deepest step, 0 when all of it is void
        done_1 ... done_n                   1 when some chain fills that step, else 0
        at_1 ... at_n                       when the first completed chain did it; without `times` they are left out

    A chain is a series of distinct events, not decreasing in time, that starts with an event of step 1 in the range and
    fills the steps in order. For every instant and step it is enough to know the latest start from which a chain fills
    the step there: a later start never leaves less of the window. So each step takes one look for the latest row before.

    Events of one instant have no order. They are looked at together: a chain may pass several steps at one instant if
    as many different events fill them, which counts of events per step tell (for steps whose conditions overlap, of
    every set of such steps: Hall's theorem).
-#}
{% macro funnel_entities(
    steps, window_seconds, order, reentry, window_anchor, ties, per, date_from, date_to, clip_to_range, exclusions,
    breakdown, breakdown_attribution, breakdown_limit, entry_interval, timezone, week_start, people, events, times=true
) -%}
{%- set funnel = footpath.funnel_definition(
    steps, window_seconds, order, reentry, window_anchor, ties, exclusions, breakdown, breakdown_attribution
) -%}
{%- set n = funnel.steps | length -%}
{#- One value for all a person does: looked up apart, it is no part of the chains. -#}
{%- set of_entity = breakdown is not none and breakdown_attribution in ('first_touch', 'last_touch') -%}
{%- set outcomes = 'outcomes' if of_entity else 'entities' -%}
{%- set only_levels = funnel.is_simple and order == 'ordered' and not times and not funnel.has_optional -%}
{%- set keys = ['entity'] -%}
{%- if breakdown is not none and not of_entity %}{% do keys.append('breakdown') %}{% endif -%}
{%- if entry_interval is not none %}{% do keys.append('entry_interval') %}{% endif -%}
{%- set partition = keys | join(', ') -%}
{#- How long a chain may be. -#}
{%- set reach = window_seconds if window_seconds is none or window_anchor == 'first_step' else window_seconds * (n - 1) -%}
{{ footpath.funnel_events(
    funnel, per, date_from, date_to, clip_to_range, reach, breakdown, breakdown_attribution, breakdown_limit,
    entry_interval, timezone, week_start, people, events
) }}

{% if order == 'unordered' -%}
{%- if funnel.is_simple -%}
{{ footpath.funnel_unordered_simple(funnel, keys, window_seconds, times, outcomes) }}
{%- else -%}
{{ footpath.funnel_unordered(funnel, keys, window_seconds, reentry, times, outcomes) }}
{%- endif -%}
{%- else -%}
{%- if funnel.strict and funnel.is_simple -%}
{{ footpath.funnel_strict_simple(funnel, keys, window_seconds, window_anchor, ties) }}
{%- elif funnel.strict -%}
{{ footpath.funnel_strict(funnel, keys, window_seconds, reentry, window_anchor, ties) }}
{%- elif only_levels -%}
{{ footpath.funnel_earliest(funnel, keys, window_seconds, reentry, window_anchor) }}
{%- elif funnel.is_simple -%}
{{ footpath.funnel_simple(funnel, keys, window_seconds, reentry, window_anchor) }}
{%- else -%}
{{ footpath.funnel_chains(funnel, keys, window_seconds, reentry, window_anchor, ties) }}
{%- endif %}

{% if not only_levels -%}
-- The deepest step of each entity, and when a chain that is not void filled it first.
deepest as (

    select
        {{ partition }},
        {% if times or funnel.open_steps -%}
        {% for step in range(1, n + 1) -%}
        min(case when step = {{ step }}{{ ' and is_void = 0' if funnel.open_steps }} then event_at end) as first_{{ step }},
        {% endfor -%}
        {% endif -%}
        {% for step in range(1, n + 1) -%}
        {% if funnel.steps[step - 1].optional -%}
        max(case when step = {{ step }} then 1 else 0 end) as has_{{ step }},
        {% endif -%}
        {% endfor -%}
        max(step) as reached_level
    from reached
    group by {{ partition }}

),

{% endif -%}
{% if times or funnel.open_steps -%}
completed as (

    select
        *,
        case reached_level{% for step in range(1, n + 1) %} when {{ step }} then first_{{ step }}{% endfor %} end as completed_at
    from deepest

),

{% endif -%}
{% if times -%}
-- The chain that came there first; of those that did at the same instant the one that started last.
first_chains as (

    select
        {% for key in keys %}completed.{{ key }},
        {% endfor -%}
        completed.reached_level,
        completed.completed_at,
        max(reached.started_at) as started_at
    from completed
    inner join reached
        on
            {% for key in keys %}completed.{{ key }} = reached.{{ key }} and {% endfor %}completed.reached_level = reached.step
            and completed.completed_at = reached.event_at
    where reached.step > 1
    group by {% for key in keys %}completed.{{ key }}, {% endfor %}completed.reached_level, completed.completed_at

),

times as (

    select
        {% for key in keys %}first_chains.{{ key }},
        {% endfor -%}
        first_chains.started_at as at_1{{ ',' if n > 1 }}
        {% for step in range(2, n + 1) -%}
        min(case when reached.step = {{ step }} then reached.event_at end) as at_{{ step }}{{ ',' if not loop.last }}
        {% endfor %}
    from first_chains
    inner join reached
        on
            {% for key in keys %}first_chains.{{ key }} = reached.{{ key }} and {% endfor %}reached.step <= first_chains.reached_level
            and reached.started_at >= first_chains.started_at and reached.event_at <= first_chains.completed_at
    where reached.step > 1
    group by {% for key in keys %}first_chains.{{ key }}, {% endfor %}first_chains.started_at

),

{% endif -%}
{%- set found = 'completed' if times or funnel.open_steps else 'deepest' -%}
{%- set clean = 'case when ' ~ found ~ '.completed_at is null then 0 else ' if funnel.open_steps else '' -%}
{%- set end = ' end' if funnel.open_steps else '' -%}
{{ outcomes }} as (

    select
        {% for key in keys %}{{ found }}.{{ key }},
        {% endfor -%}
        {% for step in range(1, n + 1) -%}
        {{ clean }}{% if funnel.steps[step - 1].optional %}{{ found }}.has_{{ step }}{% else %}case when {{ found }}.reached_level >= {{ step }} then 1 else 0 end{% endif %}{{ end }} as done_{{ step }},
        {% endfor -%}
        {% if times -%}
        {% for step in range(1, n + 1) -%}
        {% if window_anchor == 'previous_step' -%}
        cast(null as timestamp) as at_{{ step }},
        {% elif loop.first -%}
        coalesce(times.at_1, {{ found }}.completed_at) as at_1,
        {% else -%}
        times.at_{{ step }},
        {% endif -%}
        {% endfor -%}
        {% endif -%}
        {{ clean }}{{ found }}.reached_level{{ end }} as level
    from {{ found }}
    {% if times -%}
    left join times
        on {% for key in keys %}{{ found }}.{{ key }} = times.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    {% endif %}

)
{%- endif %}
{%- if of_entity %},

entities as (

    select
        outcomes.*,
        breakdown_values.breakdown
    from outcomes
    inner join breakdown_values on outcomes.entity = breakdown_values.entity

)
{%- endif %}
{%- endmacro %}


{#- The arguments of a funnel, checked, with what follows from them. -#}
{% macro funnel_definition(
    steps, window_seconds, order, reentry, window_anchor, ties, exclusions, breakdown, breakdown_attribution
) %}
    {% do footpath.check_argument('funnel', 'order', order, ['ordered', 'strict', 'unordered']) %}
    {% do footpath.check_argument('funnel', 'reentry', reentry, ['best_chain', 'first_entry_only']) %}
    {% do footpath.check_argument('funnel', 'window_anchor', window_anchor, ['first_step', 'previous_step']) %}
    {% do footpath.check_argument('funnel', 'ties', ties, ['step_order', 'strict_increase']) %}
    {% if window_seconds is not none and (window_seconds is not number or window_seconds < 0) %}
        {% do exceptions.raise_compiler_error(
            "funnel: window_seconds is '" ~ window_seconds ~ "'. Allowed: seconds, or none for no limit"
        ) %}
    {% endif %}
    {% if steps is string or steps is not sequence or steps | length == 0 %}
        {% do exceptions.raise_compiler_error('funnel: steps is a list of one event or more') %}
    {% endif %}
    {% if order == 'unordered' and (window_anchor != 'first_step' or ties != 'step_order') %}
        {% do exceptions.raise_compiler_error(
            "funnel: steps in any order have no previous step and no order of ties. Allowed: window_anchor 'first_step', ties 'step_order'"
        ) %}
    {% endif %}
    {% if breakdown is not none %}
        {% set attributions = ['first_touch', 'last_touch', 'all_events'] %}
        {% for step in steps %}{% do attributions.append('step_' ~ loop.index) %}{% endfor %}
        {% do footpath.check_argument('funnel', 'breakdown_attribution', breakdown_attribution, attributions) %}
    {% endif %}
    {% set definitions = [] %}
    {% for step in steps %}
        {% set definition = footpath.event_definition(step, also=['optional', 'first_time']) %}
        {% if definition.optional and (loop.first or order != 'ordered') %}
            {% do exceptions.raise_compiler_error(
                'funnel: step ' ~ loop.index ~ " is optional. Allowed: not the first step, and only with order 'ordered'"
            ) %}
        {% endif %}
        {% do footpath.check_argument(
            'funnel', 'first_time of step ' ~ loop.index, definition.first_time or false, [false, true, 'event', 'matching']
        ) %}
        {% do definitions.append(definition) %}
    {% endfor %}
    {% set voids = [] %}
    {% for exclusion in exclusions %}
        {% set definition = footpath.event_definition(exclusion, also=['from_step', 'to_step']) %}
        {% set from_step = definition.from_step or 1 %}
        {% set to_step = definition.to_step or definitions | length %}
        {% if not 1 <= from_step < to_step <= definitions | length %}
            {% do exceptions.raise_compiler_error(
                'funnel: an exclusion lies between two steps: from_step ' ~ from_step ~ ', to_step ' ~ to_step
                ~ '. Allowed: 1 <= from_step < to_step <= ' ~ definitions | length
            ) %}
        {% endif %}
        {% if order == 'unordered' and (from_step != 1 or to_step != definitions | length) %}
            {% do exceptions.raise_compiler_error(
                'funnel: steps in any order have no event between two of them. Allowed: exclusions of the whole funnel'
            ) %}
        {% endif %}
        {% do voids.append(dict(definition, from_step=from_step, to_step=to_step)) %}
    {% endfor %}
    {#- Equal steps are one class. Steps of one event name (or of any event) may overlap: one component. -#}
    {% set classes = [] %}
    {% set class_of = [] %}
    {% for definition in definitions %}
        {% set plain = {
            'event': definition.event, 'filter': definition.filter, 'where': definition.where,
            'first_time': definition.first_time
        } %}
        {% if breakdown is not none and breakdown_attribution == 'step_' ~ loop.index %}
            {% set plain = dict(plain, of_breakdown=true) %}
        {% endif %}
        {% if plain not in classes %}{% do classes.append(plain) %}{% endif %}
        {% do class_of.append(classes.index(plain) + 1) %}
    {% endfor %}
    {% set any_event = classes | selectattr('event', 'none') | list | length > 0 %}
    {% set components = {} %}
    {% for class in classes %}
        {% set name = '' if any_event else class.event %}
        {% do components.setdefault(name, []).append(loop.index) %}
    {% endfor %}
    {% set sets = [] %}
    {% for members in components.values() %}
        {% if members | length > 6 %}
            {% do exceptions.raise_compiler_error(
                'funnel: ' ~ members | length ~ ' different steps may be filled by the same event. Allowed: 6'
            ) %}
        {% endif %}
        {% for bits in range(1, 2 ** (members | length)) %}
            {% set subset = [] %}
            {% for member in members %}
                {% if (bits // (2 ** loop.index0)) % 2 == 1 %}{% do subset.append(member) %}{% endif %}
            {% endfor %}
            {% do sets.append(subset) %}
        {% endfor %}
    {% endfor %}
    {% set open_steps = [] %}
    {% for step in range(1, definitions | length) %}
        {% for exclusion in voids if exclusion.from_step <= step < exclusion.to_step and step not in open_steps %}
            {% do open_steps.append(step) %}
        {% endfor %}
    {% endfor %}
    {% set is_simple = not voids and not any_event and components | length == definitions | length
        and (ties == 'step_order' or order == 'strict') and (reentry == 'best_chain' or order == 'ordered') %}
    {% set marks = [] %}
    {% for class in classes %}{% do marks.append('class_' ~ loop.index) %}{% endfor %}
    {% for exclusion in voids %}{% do marks.append('exclusion_' ~ loop.index) %}{% endfor %}
    {% do return({
        'steps': definitions, 'exclusions': voids, 'classes': classes, 'class_of': class_of,
        'components': components.values() | list, 'sets': sets, 'open_steps': open_steps,
        'is_simple': is_simple,
        'marks': ['class_number'] if is_simple else marks,
        'has_optional': definitions | selectattr('optional', 'defined') | selectattr('optional') | list | length > 0,
        'strict': order == 'strict',
    }) %}
{% endmacro %}


{#-
    Columns of_1, of_2, of_1_2 ...: how many events are of some class of each set of classes that one event may fill, each
    with a comma after it. `aggregate` is none for a single event.
-#}
{% macro funnel_counts(funnel, aggregate='') -%}
    {%- for subset in funnel.sets -%}
        {%- set flags = [] -%}
        {%- for class in subset %}{% do flags.append('class_' ~ class) %}{% endfor -%}
        {{ aggregate }}(case when {{ footpath.any_flag(flags) }} then 1 else 0 end) as of_{{ subset | join('_') }},
        {% endfor -%}
{%- endmacro %}


{#- 1 when a chain that ends at `step` is void, because an exclusion follows it within its window, else 0. -#}
{% macro funnel_is_void(funnel, step, started_at, window_seconds) -%}
    {%- if step in funnel.open_steps -%}
        case
            when next_exclusion_{{ step }} is null then 0
            {% if window_seconds is not none -%}
            when next_exclusion_{{ step }} > {{ footpath.add_seconds(started_at, window_seconds) }} then 0
            {% endif -%}
            else 1
        end
    {%- else -%}
        0
    {%- endif -%}
{%- endmacro %}


{#-
    True where the events of one instant can fill all of some steps with a different event each: for every set of steps
    that the same event may fill there are at least as many events as steps.
-#}
{% macro funnel_fills(funnel, steps) -%}
    {%- set conditions = [] -%}
    {%- for subset in funnel.sets -%}
        {%- set wanted = namespace(steps=0, classes=[]) -%}
        {%- for step in steps if funnel.class_of[step - 1] in subset -%}
            {%- set wanted.steps = wanted.steps + 1 -%}
            {%- if funnel.class_of[step - 1] not in wanted.classes %}{% set wanted.classes = wanted.classes + [funnel.class_of[step - 1]] %}{% endif -%}
        {%- endfor -%}
        {%- if wanted.classes | length == subset | length -%}
            {%- do conditions.append('of_' ~ subset | join('_') ~ ' >= ' ~ wanted.steps) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- conditions | join(' and ') -}}
{%- endmacro %}


{#-
    The steps that a chain fills when it goes from one step (0: from nowhere) to another: those in between that are not
    optional, and that.
-#}
{% macro funnel_steps_between(funnel, from_step, to_step) %}
    {% set filled = [] %}
    {% for step in range(from_step + 1, to_step + 1) %}
        {% if step == to_step or not funnel.steps[step - 1].optional %}{% do filled.append(step) %}{% endif %}
    {% endfor %}
    {% do return(filled) %}
{% endmacro %}


{#- True when a chain from there may still be continued at an instant. -#}
{% macro funnel_in_window(started_at, window_seconds, event_at='event_at') -%}
    {{ started_at }} is not null
    {%- if window_seconds is not none %} and {{ event_at }} <= {{ footpath.add_seconds(started_at, window_seconds) }}{% endif -%}
{%- endmacro %}


{#- Columns next_exclusion_1 ...: when the next event comes that voids chains at that step, each with a comma after it. -#}
{% macro funnel_next_exclusions(funnel, partition) -%}
    {%- for step in funnel.open_steps -%}
        min(case when {{ footpath.funnel_voids(funnel, step) }} then event_at end) over (
            partition by {{ partition }} order by event_at rows between 1 following and unbounded following
        ) as next_exclusion_{{ step }},
        {% endfor -%}
{%- endmacro %}


{#- 1 where a chain may start. -#}
{% macro funnel_may_enter(funnel, partition, reentry) -%}
    {%- if reentry == 'first_entry_only' -%}
        case
            when event_at = min(case when of_{{ funnel.class_of[0] }} > 0 and may_start = 1 then event_at end) over (partition by {{ partition }})
                then may_start
            else 0
        end
    {%- else -%}
        may_start
    {%- endif -%}
{%- endmacro %}


{#- True at instants with an event that voids chains which are at this step. -#}
{% macro funnel_voids(funnel, step) -%}
    {%- set found = [] -%}
    {%- for exclusion in funnel.exclusions -%}
        {%- if exclusion.from_step <= step < exclusion.to_step -%}
            {%- do found.append('exclusion_' ~ loop.index ~ ' = 1') -%}
        {%- endif -%}
    {%- endfor -%}
    ({{ found | join(' or ') }})
{%- endmacro %}
