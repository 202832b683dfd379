{#- Few rows of a great table, where engines differ. -#}

{#-
    What tells the rows of a stored table apart most cheaply: DuckDB's row id, of which the few that are wanted are read
    at once; elsewhere the key. For `where row_id in (select row_id ...)` around a narrow look for them: to read whole
    rows through a key would take all columns of all rows apart (on 20 million rows: 4 CPU s instead of 0.4).
-#}
{% macro row_id(alias, key) %}
    {{- return(adapter.dispatch('row_id', 'footpath')(alias, key)) -}}
{% endmacro %}

{% macro default__row_id(alias, key) -%}
    {{ alias }}.{{ key }}
{%- endmacro %}

{% macro duckdb__row_id(alias, key) -%}
    {{ alias }}.rowid
{%- endmacro %}


{#-
    True for the rows of a stored table that a touched table names: equal in `columns` and, with `between`, in one of
    its spans from_at to to_at.
-#}
{% macro touched_by(relation, alias, touched, columns, between=none) %}
    {{- return(adapter.dispatch('touched_by', 'footpath')(relation, alias, touched, columns, between)) -}}
{% endmacro %}

{% macro default__touched_by(relation, alias, touched, columns, between) -%}
    exists (
        select 1
        from {{ touched }} as touched
        where
            {% for column in columns -%}
            {{ 'and ' if not loop.first }}touched.{{ column }} = {{ alias }}.{{ column }}
            {% endfor -%}
            {% if between -%}
            and {{ alias }}.{{ between }} between touched.from_at and touched.to_at
            {% endif -%}
    )
{%- endmacro %}

{#-
    DuckDB works out `exists` with a span for every row of the table, a join with the few spans at a fifth of that. And
    it passes over other values of one column while it reads, not over other pairs of two.
-#}
{% macro duckdb__touched_by(relation, alias, touched, columns, between) -%}
    {% if not between -%}
    {{ footpath.default__touched_by(relation, alias, touched, columns, between) }}
    {%- else -%}
    {{ alias }}.rowid in (
        select placed.rowid
        from {{ relation }} as placed
        inner join {{ touched }} as touched
            on
                {% for column in columns -%}
                placed.{{ column }} = touched.{{ column }} and
                {% endfor -%}
                placed.{{ between }} between touched.from_at and touched.to_at
        where
            {% for column in columns -%}
            {{ 'and ' if not loop.first }}placed.{{ column }} in (select alone.{{ column }} from {{ touched }} as alone)
            {% endfor %}
    )
    {%- endif %}
{%- endmacro %}


{#-
    For the `as` of a step of a with clause that others read several times: to read a stored table again each time, and not
    to keep what it gives. For few columns of a columnar table that costs less. Elsewhere the engine decides.
-#}
{% macro not_materialized() %}
    {{- return(adapter.dispatch('not_materialized', 'footpath')()) -}}
{% endmacro %}

{% macro default__not_materialized() -%}
{%- endmacro %}

{% macro duckdb__not_materialized() -%}
    not materialized
{%- endmacro %}


{#-
    A select: row ids (as `row_id`, see above) of a sample of a table, at most `number` rows of each value of a column.
    They are those with the smallest keys: a key is a hash, so these are rows of no special kind, and always the same.
-#}
{% macro sampled_rows(relation, condition, by, key, number) %}
    {{- return(adapter.dispatch('sampled_rows', 'footpath')(relation, condition, by, key, number)) -}}
{% endmacro %}

{% macro default__sampled_rows(relation, condition, by, key, number) -%}
    select row_id
    from (
        select
            {{ footpath.row_id('stored', key) }} as row_id,
            row_number() over (partition by stored.{{ by }} order by stored.{{ key }}) as place
        from {{ relation }} as stored
        where {{ condition }}
    ) as placed
    where place <= {{ number }}
{%- endmacro %}

{# Keeps the smallest so far of each group, and sorts nothing. #}
{% macro duckdb__sampled_rows(relation, condition, by, key, number) -%}
    select unnest(arg_min({{ footpath.row_id('stored', key) }}, stored.{{ key }}, {{ number }})) as row_id
    from {{ relation }} as stored
    where {{ condition }}
    group by stored.{{ by }}
{%- endmacro %}
