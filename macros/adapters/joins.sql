{#- Joins to the latest row before, where engines differ. -#}

{#-
    Rows of `events` for which `condition` holds and before which, or at which, `previous` has a row of the same keys whose
    start is in the window: with the latest such start as started_at (with window_anchor previous_step: their own time).
    In `previous`, later rows have later starts.
-#}
{% macro latest_before(events, condition, previous, keys, window_seconds, window_anchor) %}
    {{- return(adapter.dispatch('latest_before', 'footpath')(events, condition, previous, keys, window_seconds, window_anchor)) -}}
{% endmacro %}

{% macro default__latest_before(events, condition, previous, keys, window_seconds, window_anchor) -%}
    select
        {{ keys | join(', ') }},
        event_at,
        {{ 'start_before' if window_anchor == 'first_step' else 'event_at' }} as started_at
    from (
        select
            *,
            max(started_at) over (partition by {{ keys | join(', ') }} order by event_at) as start_before
        from (
            select
                {{ keys | join(', ') }},
                event_at,
                cast(null as timestamp) as started_at,
                1 as is_event
            from {{ events }}
            where {{ condition }}
            union all
            select
                {{ keys | join(', ') }},
                event_at,
                started_at,
                0 as is_event
            from {{ previous }}
        ) as all_rows
    ) as found
    where is_event = 1 and {{ footpath.funnel_in_window('start_before', window_seconds) }}
{%- endmacro %}

{% macro duckdb__latest_before(events, condition, previous, keys, window_seconds, window_anchor) -%}
    select
        {% for key in keys %}events.{{ key }},
        {% endfor -%}
        events.event_at,
        {{ 'previous.started_at' if window_anchor == 'first_step' else 'events.event_at' }} as started_at
    from (select * from {{ events }} where {{ condition }}) as events
    asof inner join {{ previous }} as previous
        on {% for key in keys %}events.{{ key }} = previous.{{ key }} and {% endfor %}events.event_at >= previous.event_at
    where {{ footpath.funnel_in_window('previous.started_at', window_seconds, 'events.event_at') }}
{%- endmacro %}
