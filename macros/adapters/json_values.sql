{#- Single JSON values, where engines differ. -#}

{#- A member of a JSON object as a JSON value, with its name in a column; null when it is missing (JSON's null is not). -#}
{% macro json_value_of(json, name) %}
    {{- return(adapter.dispatch('json_value_of', 'footpath')(json, name)) -}}
{% endmacro %}

{% macro default__json_value_of(json, name) -%}
    {# a pointer takes any name, a path does not #}
    json_extract({{ json }}, '/' || replace(replace({{ name }}, '~', '~0'), '/', '~1'))
{%- endmacro %}


{#- An aggregate: a JSON object without the members whose names the rows of the group have (null names count for nothing). -#}
{% macro json_object_without(json, name) %}
    {{- return(adapter.dispatch('json_object_without', 'footpath')(json, name)) -}}
{% endmacro %}

{% macro default__json_object_without(json, name) -%}
    {# a patch removes the members that it says are null #}
    json_merge_patch(
        any_value({{ json }}),
        cast('{' || coalesce(string_agg(cast(to_json({{ name }}) as varchar) || ':null', ','), '') || '}' as json)
    )
{%- endmacro %}


{#- The value when it is a JSON object, else null. -#}
{% macro json_object_only(json) %}
    {{- return(adapter.dispatch('json_object_only', 'footpath')(json)) -}}
{% endmacro %}

{% macro default__json_object_only(json) -%}
    case when json_type({{ json }}) = 'OBJECT' then {{ json }} end
{%- endmacro %}


{#- JSON Schema's name of a value's type. A whole number is an integer, also as 1.0; any other number is a number. -#}
{% macro json_kind(json) %}
    {{- return(adapter.dispatch('json_kind', 'footpath')(json)) -}}
{% endmacro %}

{% macro default__json_kind(json) -%}
    case json_type({{ json }})
        when 'VARCHAR' then 'string'
        when 'BIGINT' then 'integer'
        when 'UBIGINT' then 'integer'
        when 'HUGEINT' then 'integer'
        when 'UHUGEINT' then 'integer'
        when 'DOUBLE'
            then case
                when cast({{ json }} as double) = floor(cast({{ json }} as double)) then 'integer'
                else 'number'
            end
        when 'BOOLEAN' then 'boolean'
        when 'ARRAY' then 'array'
        when 'OBJECT' then 'object'
        when 'NULL' then 'null'
    end
{%- endmacro %}


{#- A JSON value as text: a string without its quotes, anything else as JSON writes it; null for JSON's null. -#}
{% macro json_as_text(json) %}
    {{- return(adapter.dispatch('json_as_text', 'footpath')(json)) -}}
{% endmacro %}

{% macro default__json_as_text(json) -%}
    json_extract_string({{ json }}, '$')
{%- endmacro %}


{#- True when a pattern, which stands in a column, is somewhere in a text. -#}
{% macro regex_matches_of(text, pattern) %}
    {{- return(adapter.dispatch('regex_matches_of', 'footpath')(text, pattern)) -}}
{% endmacro %}

{% macro default__regex_matches_of(text, pattern) -%}
    regexp_matches({{ text }}, {{ pattern }})
{%- endmacro %}


{#- What two equal scalar values have in common, and others have not: 1 and 1.0 are equal, 1 and "1" are not. -#}
{% macro json_value_key(json, kind) -%}
    case
        when {{ kind }} in ('integer', 'number')
            then 'number:' || cast(cast({{ footpath.json_as_text(json) }} as double) + 0 as varchar)
        else {{ kind }} || ':' || coalesce({{ footpath.json_as_text(json) }}, '')
    end
{%- endmacro %}
