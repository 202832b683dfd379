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
{%- set keys = ['entity'] -%}
{%- if breakdown is not none %}{% do keys.append('breakdown') %}{% endif -%}
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
{{ footpath.funnel_unordered_simple(funnel, keys, window_seconds, times) }}
{%- else -%}
{{ footpath.funnel_unordered(funnel, keys, window_seconds, reentry, times) }}
{%- endif -%}
{%- else -%}
{%- if funnel.strict -%}
{{ footpath.funnel_strict(funnel, keys, window_seconds, reentry, window_anchor, ties) }}
{%- elif funnel.is_simple -%}
{{ footpath.funnel_simple(funnel, keys, window_seconds, reentry, window_anchor) }}
{%- else -%}
{{ footpath.funnel_chains(funnel, keys, window_seconds, reentry, window_anchor, ties) }}
{%- endif %}

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
entities as (

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
    {% do return({
        'steps': definitions, 'exclusions': voids, 'classes': classes, 'class_of': class_of,
        'components': components.values() | list, 'sets': sets, 'open_steps': open_steps,
        'is_simple': (order == 'ordered' or (order == 'unordered' and reentry == 'best_chain'))
            and ties == 'step_order' and not voids
            and components | length == definitions | length and not any_event,
        'strict': order == 'strict',
    }) %}
{% endmacro %}


{#-
    Steps up to `funnel_events`: the events that matter, once per entity, value of the breakdown and interval of an entry
    that they may belong to, with may_start (a chain may start here) and one flag per class of steps (class_1 ...) and
    exclusion (exclusion_1 ...). `reach` is how long a chain may be, in seconds.
-#}
{% macro funnel_events(
    funnel, per, date_from, date_to, clip_to_range, reach, breakdown, breakdown_attribution, breakdown_limit,
    entry_interval, timezone, week_start, people, events
) -%}
{%- set narrow = namespace(is=per in ('person', 'session') and breakdown is none) -%}
{%- set fields = {'entity': {'person': 'person_id', 'session': 'session_id'}.get(per, per)} -%}
{%- set wanted = [] -%}
{%- set flags = [] -%}
{%- set first_times = {} -%}
{%- for class in funnel.classes -%}
    {%- set flag = 'class_' ~ loop.index -%}
    {%- do flags.append(flag) -%}
    {%- do fields.update({flag: 'case when ' ~ footpath.event_condition(class) ~ ' then 1 else 0 end'}) -%}
    {%- if class.first_time in (true, 'event') -%}
        {#- the first of its name is looked for among all of that name -#}
        {%- set named = {'event': class.event} -%}
        {%- do wanted.append(named) -%}
        {%- do first_times.update({flag: 'named_' ~ loop.index}) -%}
        {%- do fields.update({'named_' ~ loop.index: 'case when ' ~ footpath.event_condition(named) ~ ' then 1 else 0 end'}) -%}
    {%- else -%}
        {%- do wanted.append(class) -%}
        {%- if class.first_time == 'matching' %}{% do first_times.update({flag: flag}) %}{% endif -%}
    {%- endif -%}
{%- endfor -%}
{%- for exclusion in funnel.exclusions -%}
    {%- do wanted.append(exclusion) -%}
    {%- do flags.append('exclusion_' ~ loop.index) -%}
    {%- do fields.update({'exclusion_' ~ loop.index: 'case when ' ~ footpath.event_condition(exclusion) ~ ' then 1 else 0 end'}) -%}
{%- endfor -%}
{%- for definition in funnel.classes + funnel.exclusions if definition.filter or definition.where -%}
    {%- set narrow.is = false -%}
{%- endfor -%}
{%- if breakdown is not none -%}
    {%- do fields.update({'value': breakdown.sql if breakdown is mapping else footpath.json_member('properties', breakdown)}) -%}
{%- endif -%}
{%- set limits = ['entity is not null'] -%}
{%- if date_from is not none %}{% do limits.append(footpath.in_range('event_at', date_from, none, timezone)) %}{% endif -%}
{%- if date_to is not none and (clip_to_range or reach is not none) -%}
    {%- do limits.append(footpath.in_range(
        'event_at' if clip_to_range else footpath.add_seconds('event_at', -reach), none, date_to, timezone
    )) -%}
{%- endif -%}
{%- if not funnel.strict -%}
    {%- set some = [] -%}
    {%- for flag in flags %}{% do some.append(flag ~ ' = 1') %}{% endfor -%}
    {%- do limits.append('(' ~ some | join(' or ') ~ ')') -%}
{%- endif -%}
{%- set may_start = footpath.in_range('event_at', date_from, date_to, timezone) -%}
{%- set first_class = 'class_' ~ funnel.class_of[0] -%}
{%- set of_step = breakdown is not none and breakdown_attribution.startswith('step_') -%}
{%- set own_class = 'class_' ~ funnel.class_of[breakdown_attribution[5:] | int - 1] if of_step else none -%}
all_events as (

    {{ footpath.analysis_events([] if funnel.strict else wanted, fields, people, events, narrow=narrow.is) }}

),

{% for flag, among in first_times.items() -%}
first_of_{{ flag }} as (

    select event_key
    from (
        select
            event_key,
            row_number() over (partition by person_id order by event_at asc, event_key asc) as place
        from all_events
        where {{ among }} = 1
    ) as placed
    where place = 1

),

{% endfor -%}
flagged_events as (

    select
        entity,
        event_key,
        {% if breakdown is not none %}coalesce(value, '') as own_value,
        value,
        {% endif -%}
        {% for flag in flags -%}
        {% if flag in first_times -%}
        case when {{ flag }} = 1 and event_key in (select chosen.event_key from first_of_{{ flag }} as chosen) then 1 else 0 end as {{ flag }},
        {% else -%}
        {{ flag }},
        {% endif -%}
        {% endfor -%}
        event_at
    from all_events

),

events_in_time as (

    select *
    from flagged_events
    where {{ limits | join(' and ') }}

),

{% if breakdown is not none -%}
{% if breakdown_attribution in ('first_touch', 'last_touch') -%}
-- The first (or last) value that an event of the funnel carries.
values_of_entities as (

    select
        entity,
        coalesce(max(case when place = 1 then value end), '') as own_value
    from (
        select
            entity,
            value,
            row_number() over (
                partition by entity
                order by case when value is null then 1 else 0 end asc, {% if breakdown_attribution == 'first_touch' %}event_at asc, event_key asc{% else %}event_at desc, event_key desc{% endif %}

            ) as place
        from events_in_time
        {% if funnel.strict %}where {{ footpath.any_flag(flags) }}{% endif %}
    ) as placed
    group by entity

),

{% else -%}
values_of_entities as (

    select distinct
        entity,
        own_value
    from events_in_time
    where {{ own_class ~ ' = 1' if of_step else footpath.any_flag(flags) }}

),

{% endif -%}
{% if breakdown_limit is not none -%}
most_frequent_values as (

    select own_value
    from (
        select
            own_value,
            row_number() over (order by count(distinct entity) desc, own_value asc) as place
        from values_of_entities
        group by own_value
    ) as placed
    where place <= {{ breakdown_limit }}

),

{% endif -%}
breakdown_values as (

    select distinct
        entity,
        own_value,
        {% if breakdown_limit is not none -%}
        case when own_value in (select frequent.own_value from most_frequent_values as frequent) then own_value else 'Other' end as breakdown
        {% else -%}
        own_value as breakdown
        {% endif %}
    from values_of_entities

),

{% if of_step -%}
-- Each value of a person is a funnel of its own, in which the step has to carry that value.
breakdowns as (

    select distinct
        entity,
        breakdown
    from breakdown_values

),

{% endif -%}
broken_down_events as (

    select
        events_in_time.entity,
        {{ 'breakdowns' if of_step else 'breakdown_values' }}.breakdown,
        {% for flag in flags -%}
        {% if flag == own_class -%}
        case when events_in_time.{{ flag }} = 1 and own.breakdown = breakdowns.breakdown then 1 else 0 end as {{ flag }},
        {% else -%}
        events_in_time.{{ flag }},
        {% endif -%}
        {% endfor -%}
        events_in_time.event_at
    from events_in_time
    {% if of_step -%}
    inner join breakdowns on events_in_time.entity = breakdowns.entity
    left join breakdown_values as own
        on events_in_time.entity = own.entity and events_in_time.own_value = own.own_value
    {% elif breakdown_attribution == 'all_events' -%}
    inner join breakdown_values
        on events_in_time.entity = breakdown_values.entity and events_in_time.own_value = breakdown_values.own_value
    {% else -%}
    inner join breakdown_values on events_in_time.entity = breakdown_values.entity
    {% endif %}

),

{% endif -%}
{%- set found = 'broken_down_events' if breakdown is not none else 'events_in_time' -%}
{%- set breakdown_key = ['breakdown'] if breakdown is not none else [] -%}
{% if entry_interval is not none -%}
{%- set number = footpath.interval_number('event_at', entry_interval, timezone, week_start) -%}
-- The intervals in which somebody entered: a funnel for each of them.
entries as (

    select
        entity,
        {% if breakdown is not none %}breakdown,
        {% endif -%}
        {{ number }} as entry_interval
    from {{ found }}
    where {{ first_class }} = 1 and {{ may_start }}
    group by entity, {% if breakdown is not none %}breakdown, {% endif %}{{ number }}

),

bounded_entries as (

    select
        *,
        {{ footpath.interval_start_utc('entry_interval', entry_interval, timezone, week_start) }} as from_at,
        {{ footpath.interval_start_utc('entry_interval + 1', entry_interval, timezone, week_start) }} as to_at
    from entries

),

{% endif -%}
funnel_events as (

    select
        events.entity,
        {% if breakdown is not none %}events.breakdown,
        {% endif -%}
        {% if entry_interval is not none -%}
        entries.entry_interval,
        {% endif -%}
        {% if funnel.is_simple -%}
        case{% for flag in flags %} when events.{{ flag }} = 1 then {{ loop.index }}{% endfor %} end as class_number,
        {% else -%}
        {% for flag in flags -%}
        events.{{ flag }},
        {% endfor -%}
        {% endif -%}
        case when {{ footpath.in_range('events.event_at', date_from, date_to, timezone) }}{% if entry_interval is not none %} and events.event_at < entries.to_at{% endif %} then 1 else 0 end as may_start,
        events.event_at
    from {{ found }} as events
    {% if entry_interval is not none -%}
    inner join bounded_entries as entries
        on
            events.entity = entries.entity
            {% if breakdown is not none -%}
            and events.breakdown = entries.breakdown
            {% endif -%}
            and events.event_at >= entries.from_at
            {% if reach is not none -%}
            and events.event_at < {{ footpath.add_seconds('entries.to_at', reach) }}
            {% endif -%}
    {% endif %}

),
{%- endmacro %}


{% macro any_flag(flags) -%}
    ({% for flag in flags %}{{ flag }} = 1{{ ' or ' if not loop.last }}{% endfor %})
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


{#-
    The following macros render steps up to `reached`: where chains fill steps, one row per entity, step and instant, or
    more, with event_at, started_at (the latest start of such a chain; with window_anchor previous_step event_at) and
    is_void (0 or 1, when there are exclusions).
-#}

{#- Each event fills one step at the most, and events of one instant follow each other as the steps do. -#}
{% macro funnel_simple(funnel, keys, window_seconds, reentry, window_anchor) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
step_1 as (

    select
        {{ partition }},
        {{ 'min(event_at)' if reentry == 'first_entry_only' else 'event_at' }} as event_at,
        {{ 'min(event_at)' if reentry == 'first_entry_only' else 'event_at' }} as started_at
    from funnel_events
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
        'funnel_events', 'class_number = ' ~ step,
        'before_step_' ~ step if before | length > 1 else 'step_' ~ before[0], keys, window_seconds, window_anchor
    ) }}

),

{% endfor -%}
reached as (

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


{#- Ordered steps that one event may fill several of, or with exclusions, or whose times have to increase. -#}
{% macro funnel_chains(funnel, keys, window_seconds, reentry, window_anchor, ties) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
instants as (

    select
        {{ partition }},
        {% for subset in funnel.sets -%}
        sum(case when {% for class in subset %}class_{{ class }} = 1{{ ' or ' if not loop.last }}{% endfor %} then 1 else 0 end) as of_{{ subset | join('_') }},
        {% endfor -%}
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


{#-
    Steps with no other event between them: a chain goes on from one instant to the next one at which the entity did
    anything. What came before it at its first instant, and after it at its last one, is in nobody's way.
-#}
{% macro funnel_strict(funnel, keys, window_seconds, reentry, window_anchor, ties) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
numbered_events as (

    select
        *,
        cast(dense_rank() over (partition by {{ partition }} order by event_at) as integer) as instant_number,
        cast(count(*) over (partition by {{ partition }} order by event_at range between current row and current row) as integer) as event_count
    from funnel_events

),

step_events as (

    select *
    from numbered_events
    where {% for class in funnel.classes %}class_{{ loop.index }} = 1 or {% endfor %}{% for exclusion in funnel.exclusions %}exclusion_{{ loop.index }} = 1 or {% endfor %}false

),

-- Most instants have one event.
instants as (

    select
        {{ partition }},
        instant_number,
        event_count,
        {% for subset in funnel.sets -%}
        case when {% for class in subset %}class_{{ class }} = 1{{ ' or ' if not loop.last }}{% endfor %} then 1 else 0 end as of_{{ subset | join('_') }},
        {% endfor -%}
        {% for exclusion in funnel.exclusions -%}
        exclusion_{{ loop.index }},
        {% endfor -%}
        may_start,
        event_at
    from step_events
    where event_count = 1
    union all
    select
        {{ partition }},
        instant_number,
        event_count,
        {% for subset in funnel.sets -%}
        sum(case when {% for class in subset %}class_{{ class }} = 1{{ ' or ' if not loop.last }}{% endfor %} then 1 else 0 end) as of_{{ subset | join('_') }},
        {% endfor -%}
        {% for exclusion in funnel.exclusions -%}
        max(exclusion_{{ loop.index }}) as exclusion_{{ loop.index }},
        {% endfor -%}
        max(may_start) as may_start,
        event_at
    from step_events
    where event_count > 1
    group by {{ partition }}, instant_number, event_count, event_at

),

{% if funnel.open_steps or reentry == 'first_entry_only' -%}
entered_instants as (

    select
        *,
        {{ footpath.funnel_next_exclusions(funnel, partition) }}
        {{ footpath.funnel_may_enter(funnel, partition, reentry) }} as may_enter
    from instants

),

{% endif -%}
{%- set found = 'entered_instants' if funnel.open_steps or reentry == 'first_entry_only' else 'instants' -%}
{%- set may_enter = 'may_enter' if funnel.open_steps or reentry == 'first_entry_only' else 'may_start' -%}
{% for step in range(1, n + 1) -%}
-- goes_on: nothing else happened at that instant that the chain would have to pass.
step_{{ step }} as (

    {%- set origins = [] -%}
    {%- for from_step in range(0, step) -%}
        {%- if ties == 'step_order' or footpath.funnel_steps_between(funnel, from_step, step) | length == 1 -%}
            {%- do origins.append(from_step) -%}
        {%- endif -%}
    {%- endfor %}
    {% for from_step in origins -%}
    {%- set filled = footpath.funnel_steps_between(funnel, from_step, step) -%}
    {% if not loop.first %}union all
    {% endif -%}
    select
        {% for key in keys %}instants.{{ key }},
        {% endfor -%}
        instants.instant_number,
        instants.event_at,
        {% if step in funnel.open_steps -%}
        instants.next_exclusion_{{ step }},
        {% endif -%}
        {{ 'instants.event_at' if from_step == 0 or window_anchor == 'previous_step' else 'before.started_at' }} as started_at,
        {{ 1 if from_step == 0 else 'case when instants.event_count = ' ~ filled | length ~ ' then 1 else 0 end' }} as goes_on
    from {{ found }} as instants
    {% if from_step > 0 -%}
    inner join step_{{ from_step }} as before
        on
            {% for key in keys %}instants.{{ key }} = before.{{ key }} and {% endfor %}instants.instant_number = before.instant_number + 1
            and before.goes_on = 1
    {% endif -%}
    where
        {{ 'instants.' ~ may_enter ~ ' = 1' if from_step == 0 else footpath.funnel_in_window('before.started_at', window_seconds, 'instants.event_at') }}
        and instants.event_count >= {{ filled | length }}
        and {{ footpath.funnel_fills(funnel, filled) }}
    {% endfor %}

),

{% endfor -%}
reached as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        event_at,
        {% if funnel.open_steps -%}
        max({{ footpath.funnel_is_void(funnel, step, 'started_at', window_seconds) }}) as is_void,
        max(started_at) as started_at
        {% else -%}
        started_at
        {% endif -%}
    from step_{{ step }}
    {% if funnel.open_steps -%}
    group by {{ partition }}, event_at
    {% endif -%}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),
{%- endmacro %}


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
