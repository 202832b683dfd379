{#- Joins to the latest row before, where engines differ. -#}

{#-
    Events of one funnel step, each with the latest start that the step before offers at or before it and that is
    still within the window.
-#}
{% macro latest_before(events, condition, previous_step, window_seconds) %}
    {{- return(adapter.dispatch('latest_before', 'footpath')(events, condition, previous_step, window_seconds)) -}}
{% endmacro %}

{% macro default__latest_before(events, condition, previous_step, window_seconds) -%}
    select
        this_step.person_id,
        this_step.event_at,
        previous.started_at
    from {{ events }} as this_step
    asof inner join {{ previous_step }} as previous
        on this_step.person_id = previous.person_id and this_step.event_at >= previous.event_at
    where
        this_step.{{ condition }}
        and this_step.event_at <= {{ footpath.add_seconds('previous.started_at', window_seconds) }}
{%- endmacro %}
