{#- JSON, where engines differ. -#}

{#- One pass over a JSON column: {alias: path} becomes a struct of texts; what has another shape is null. -#}
{% macro json_fields(json, structure) %}
    {{- return(adapter.dispatch('json_fields', 'footpath')(json, structure)) -}}
{% endmacro %}

{% macro default__json_fields(json, structure) -%}
    json_transform({{ json }}, '{{ tojson(structure) }}')
{%- endmacro %}


{#- A select: the members of the JSON objects of a column, one row each, as `name` and `value` beside other columns. -#}
{% macro json_members(relation, columns, json) %}
    {{- return(adapter.dispatch('json_members', 'footpath')(relation, columns, json)) -}}
{% endmacro %}

{% macro default__json_members(relation, columns, json) -%}
    select
        {{ columns | join(',\n        ') }},
        name,
        {# a pointer takes any key, a path does not #}
        json_extract({{ json }}, '/' || replace(replace(name, '~', '~0'), '/', '~1')) as value
    from (
        select
            {{ columns | join(',\n            ') }},
            {{ json }},
            {# an object may name a member twice: the first one counts #}
            unnest(list_distinct(json_keys({{ json }}))) as name
        from {{ relation }}
        where json_type({{ json }}) = 'OBJECT'
    ) as named
    where name <> ''
{%- endmacro %}


{#- An aggregate: the JSON object of names and JSON values, members in the order of their names. -#}
{% macro json_object_of(name, value) %}
    {{- return(adapter.dispatch('json_object_of', 'footpath')(name, value)) -}}
{% endmacro %}

{% macro default__json_object_of(name, value) -%}
    cast(
        '{' || string_agg(
            cast(to_json({{ name }}) as varchar) || ':' || cast({{ value }} as varchar), ','
            order by cast(to_json({{ name }}) as varchar) asc
        ) || '}' as json
    )
{%- endmacro %}


{#- A member of a JSON object as text, whatever its name; null when it is missing. Numbers and booleans as JSON writes them. -#}
{% macro json_member(json, name) %}
    {{- return(adapter.dispatch('json_member', 'footpath')(json, name)) -}}
{% endmacro %}

{% macro default__json_member(json, name) -%}
    {# a pointer takes any name, a path does not #}
    json_extract_string({{ json }}, {{ footpath.text_literal('/' ~ name | replace('~', '~0') | replace('/', '~1')) }})
{%- endmacro %}


{#- The same with a name that stands in a column. -#}
{% macro json_member_of(json, name) %}
    {{- return(adapter.dispatch('json_member_of', 'footpath')(json, name)) -}}
{% endmacro %}

{% macro default__json_member_of(json, name) -%}
    json_extract_string({{ json }}, '/' || replace(replace({{ name }}, '~', '~0'), '/', '~1'))
{%- endmacro %}


{#- The names of the members of a JSON object that have a value, as a list; null for what is not an object. -#}
{% macro json_filled_names(json) %}
    {{- return(adapter.dispatch('json_filled_names', 'footpath')(json)) -}}
{% endmacro %}

{% macro default__json_filled_names(json) -%}
    {# a patch drops what is null; most objects have none and are not patched #}
    case
        when json_type({{ json }}) = 'OBJECT' then json_keys(
            case
                when contains(cast({{ json }} as varchar), 'null') then json_merge_patch('{}', {{ json }})
                else {{ json }}
            end
        )
    end
{%- endmacro %}


{#- A select: the different members of the lists of a column, one row each, beside other columns; empty names are left out. -#}
{% macro list_members(relation, columns, list, alias) %}
    {{- return(adapter.dispatch('list_members', 'footpath')(relation, columns, list, alias)) -}}
{% endmacro %}

{% macro default__list_members(relation, columns, list, alias) -%}
    select
        {{ columns | join(',\n        ') }},
        {{ alias }}
    from (
        select
            {{ columns | join(',\n            ') }},
            unnest(list_distinct({{ list }})) as {{ alias }}
        from {{ relation }}
    ) as listed
    where {{ alias }} <> ''
{%- endmacro %}
