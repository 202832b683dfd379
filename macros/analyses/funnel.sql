{#-
    An ordered funnel: per person the deepest step that some chain reaches (semantics: the longest chain over all
    entries; every step within the window from that chain's first step, edge included; events at one instant may
    convert in step order). Returns one row per step: step, event_name, person_count.

        {{ footpath.funnel(steps=['Signed Up', 'Checkout Started', 'Subscription Started'], window_seconds=7 * 86400) }}

    steps            names of distinct events, in order
    window_seconds   from the first step; always stated, never implied

    For every event of a step it keeps the latest start from which a chain reaches it. The latest event of the step
    before, not later than this one, carries the latest such start, so one ASOF join a step is enough.
-#}
{% macro funnel(steps, window_seconds) %}
{%- if steps | unique | list | length != steps | length -%}
    {% do exceptions.raise_compiler_error('funnel: each step needs an event of its own; got ' ~ steps | join(', ')) %}
{%- endif -%}
with funnel_events as (

    select
        person_id,
        event_name,
        event_at
    from {{ ref('footpath', 'event_links') }}
    where
        event_name in ({% for step in steps %}'{{ step | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %})
        {% if not footpath.setting('include_bots') %}and not is_bot{% endif %}

),

{% for step in steps %}
{% if loop.first %}
step_1 as (

    select
        person_id,
        event_at,
        event_at as started_at
    from funnel_events
    where event_name = '{{ step | replace("'", "''") }}'

),
{% else %}
step_{{ loop.index }} as (

    {{ footpath.latest_before(
        'funnel_events', "event_name = '" ~ step | replace("'", "''") ~ "'", 'step_' ~ loop.index0, window_seconds
    ) }}

),
{% endif %}
{% endfor %}
counted as (

    {% for step in steps %}
    select
        {{ loop.index }} as step,
        '{{ step | replace("'", "''") }}' as event_name,
        count(distinct person_id) as person_count
    from step_{{ loop.index }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    step,
    event_name,
    person_count
from counted
{% endmacro %}
