{#-
    Steps with no other event between them: a chain goes on from one instant to the next one at which the entity did
    anything. What came before it at its first instant, and after it at its last one, is in nobody's way.
-#}
{% macro funnel_strict(
    funnel, keys, window_seconds, reentry, window_anchor, ties, events='funnel_events', reached='reached'
) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
numbered_events as (

    select
        *,
        cast(dense_rank() over (partition by {{ partition }} order by event_at) as integer) as instant_number,
        cast(count(*) over (partition by {{ partition }} order by event_at range between current row and current row) as integer) as event_count
    from {{ events }}

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
        {{ footpath.funnel_counts(funnel) }}
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
        {{ footpath.funnel_counts(funnel, 'sum') }}
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
{{ reached }} as (

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


{#-
    The same where each event fills one step at the most: a chain is a series of pairs, an event of a step and the next
    event of the entity, which is of the next step. Events of one instant have no next one: entities that have such
    events of steps get the general rules.
-#}
{% macro funnel_strict_simple(funnel, keys, window_seconds, window_anchor, ties) -%}
{%- set n = funnel.steps | length -%}
{%- set partition = keys | join(', ') -%}
followed_events as (

    select
        {{ partition }},
        class_number,
        may_start,
        event_at,
        lead(class_number) over (partition by {{ partition }} order by event_at) as next_class,
        lead(event_at) over (partition by {{ partition }} order by event_at) as next_at
    from funnel_events

),

pairs as (

    select *
    from followed_events
    where (event_at = next_at and (class_number is not null or next_class is not null)) or next_class = class_number + 1

),

tied as (

    select distinct {{ partition }}
    from pairs
    where event_at = next_at

),

tied_events as (

    select
        {{ partition }},
        {% for class in funnel.classes -%}
        case when class_number = {{ loop.index }} then 1 else 0 end as class_{{ loop.index }},
        {% endfor -%}
        may_start,
        event_at
    from funnel_events
    where exists (
        select 1
        from tied
        where {% for key in keys %}funnel_events.{{ key }} = tied.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    )

),

{{ footpath.funnel_strict(
    funnel, keys, window_seconds, 'best_chain', window_anchor, ties, 'tied_events', 'tied_reached'
) }}

chain_1 as (

    select
        {{ partition }},
        event_at,
        event_at as started_at
    from funnel_events
    where class_number = 1 and may_start = 1

),

{% for step in range(2, n + 1) -%}
chain_{{ step }} as (

    select
        {% for key in keys %}pairs.{{ key }},
        {% endfor -%}
        pairs.next_at as event_at,
        {% if window_anchor == 'previous_step' %}pairs.next_at{% elif step == 2 %}pairs.event_at{% else %}before.started_at{% endif %} as started_at
    from pairs
    {% if step > 2 -%}
    inner join chain_{{ step - 1 }} as before
        on {% for key in keys %}pairs.{{ key }} = before.{{ key }} and {% endfor %}pairs.event_at = before.event_at
    {% endif -%}
    where
        pairs.class_number = {{ step - 1 }}
        and pairs.next_class = {{ step }}
        and {{ footpath.funnel_in_window('pairs.event_at' if step == 2 else 'before.started_at', window_seconds, 'pairs.next_at') }}
        {%- if step == 2 %}
        and pairs.may_start = 1
        {%- endif %}

),

{% endfor -%}
untied_reached as (

    {% for step in range(1, n + 1) -%}
    select
        {{ partition }},
        {{ step }} as step,
        event_at,
        started_at
    from chain_{{ step }}
    {% if not loop.last %}union all
    {% endif -%}
    {% endfor %}

),

reached as (

    select *
    from tied_reached
    union all
    select *
    from untied_reached
    where not exists (
        select 1
        from tied
        where {% for key in keys %}untied_reached.{{ key }} = tied.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
    )

),
{%- endmacro %}
