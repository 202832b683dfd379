{#- Walks over a graph with probabilities, where engines differ. -#}

{#-
    How much rarer success is without a state: a select of process, state and removal_effect, which is a whole number, in
    proportion to the probability that is lost. `transitions` is a CTE with process, source (null: the beginning), target
    (null: the end), is_success (1: that end is the success) and transition_count.

    All walks begin at the beginning, 10^15 of them, and take the transitions of each state in proportion to their counts;
    who enters the removed state is lost. Whole numbers, rounded down, make the result the same in every run, and let
    each walk end; walks that are still under way after 1,000 moves count as lost.
-#}
{% macro removal_effects(transitions) %}
    {{- return(adapter.dispatch('removal_effects', 'footpath')(transitions)) -}}
{% endmacro %}

{% macro default__removal_effects(transitions) -%}
    {{ exceptions.raise_compiler_error('removal_effects is not written for ' ~ target.type) }}
{%- endmacro %}

{% macro duckdb__removal_effects(transitions) -%}
    with recursive moves as materialized (
        select
            process,
            coalesce(':' || source, '') as source,
            ':' || target as target,
            is_success,
            cast(transition_count as hugeint) as move_count,
            cast(sum(transition_count) over (partition by process, source) as hugeint) as total_count
        from {{ transitions }}
    ),

    walks as (
        select distinct
            process,
            cast(null as varchar) as removed,
            '' as state,
            0 as is_success,
            cast(1000000000000000 as hugeint) as walk_count,
            0 as move_number
        from moves
        union all
        select distinct
            process,
            target as removed,
            '' as state,
            0 as is_success,
            cast(1000000000000000 as hugeint) as walk_count,
            0 as move_number
        from moves
        where target is not null
    ),

    walked as (
        select * from walks
        union all
        select
            walked.process,
            walked.removed,
            moves.target as state,
            moves.is_success,
            cast(sum(walked.walk_count * moves.move_count // moves.total_count) as hugeint) as walk_count,
            walked.move_number + 1 as move_number
        from walked
        inner join moves on walked.process = moves.process and walked.state = moves.source
        where
            moves.target is distinct from coalesce(walked.removed, '')
            and walked.move_number < 1000
        group by walked.process, walked.removed, moves.target, moves.is_success, walked.move_number
        having sum(walked.walk_count * moves.move_count // moves.total_count) > 0
    ),

    successes as (
        select
            process,
            removed,
            cast(sum(case when is_success = 1 then walk_count else 0 end) as bigint) as success_count
        from walked
        group by process, removed
    )

    select
        without_state.process,
        substr(without_state.removed, 2) as state,
        whole.success_count - without_state.success_count as removal_effect
    from successes as without_state
    inner join successes as whole on without_state.process = whole.process and whole.removed is null
    where without_state.removed is not null
{%- endmacro %}
