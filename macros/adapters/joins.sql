{#- The row before and the first row, where engines differ. -#}

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


{#-
    A select of one value for each `entity` of a relation, the first or last one (`direction` asc or desc) in the order of
    `columns` that is not null; '' where all are.
-#}
{% macro value_by_place(relation, entity, value, columns, direction) %}
    {{- return(adapter.dispatch('value_by_place', 'footpath')(relation, entity, value, columns, direction)) -}}
{% endmacro %}

{% macro default__value_by_place(relation, entity, value, columns, direction) -%}
    select
        {{ entity }},
        coalesce(max(case when place = 1 then {{ value }} end), '') as {{ value }}
    from (
        select
            {{ entity }},
            {{ value }},
            row_number() over (
                partition by {{ entity }}
                order by case when {{ value }} is null then 1 else 0 end asc{% for column in columns %}, {{ column }} {{ direction }}{% endfor %}

            ) as place
        from {{ relation }}
    ) as placed
    group by {{ entity }}
{%- endmacro %}

{#- DuckDB's aggregates need no sort of all rows. They leave nulls out. -#}
{% macro duckdb__value_by_place(relation, entity, value, columns, direction) -%}
    select
        {{ entity }},
        coalesce({{ 'arg_max' if direction == 'desc' else 'arg_min' }}({{ value }}, row({{ columns | join(', ') }})), '') as {{ value }}
    from {{ relation }}
    group by {{ entity }}
{%- endmacro %}
