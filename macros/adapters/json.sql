{#- JSON, where engines differ. -#}

{% macro json_text(json, path) %}
    {{- return(adapter.dispatch('json_text', 'footpath')(json, path)) -}}
{% endmacro %}

{% macro default__json_text(json, path) -%}
    json_extract_string({{ json }}, '$.{{ path }}')
{%- endmacro %}


{#- One pass over a JSON column: {alias: path} becomes a struct of texts; what has another shape is null. -#}
{% macro json_fields(json, structure) %}
    {{- return(adapter.dispatch('json_fields', 'footpath')(json, structure)) -}}
{% endmacro %}

{% macro default__json_fields(json, structure) -%}
    json_transform({{ json }}, '{{ tojson(structure) }}')
{%- endmacro %}


{#- A select: per key the JSON objects of a column laid over each other in order, later values win. -#}
{% macro latest_json(relation, key, json, ordering) %}
    {{- return(adapter.dispatch('latest_json', 'footpath')(relation, key, json, ordering)) -}}
{% endmacro %}

{% macro default__latest_json(relation, key, json, ordering) -%}
    select
        {{ key }},
        cast('{' || string_agg(name || ':' || value, ',' order by name asc) || '}' as json) as {{ json }}
    from (
        select
            {{ key }},
            cast(to_json(name) as varchar) as name,
            {# a pointer takes any key, a path does not #}
            cast(json_extract({{ json }}, '/' || replace(replace(name, '~', '~0'), '/', '~1')) as varchar) as value,
            row_number() over (
                partition by {{ key }}, name
                order by {{ ordering | replace(' asc', ' desc') | replace('nulls last', 'nulls first') }}
            ) as place
        from (
            select *, unnest(json_keys({{ json }})) as name
            from {{ relation }}
            where json_type({{ json }}) = 'OBJECT'
        ) as named
        where name <> ''
    ) as placed
    where place = 1
    group by {{ key }}
{%- endmacro %}
