{#- Text and hashing, where engines differ. Every macro dispatches, so an adapter can be added beside. -#}

{#- A stable key of several values: 16 bytes, the same on every machine and version. None may be null. -#}
{% macro hash_key(parts) %}
    {{- return(adapter.dispatch('hash_key', 'footpath')(parts)) -}}
{% endmacro %}

{% macro default__hash_key(parts) -%}
    md5({{ parts | join(" || chr(31) || ") }})
{%- endmacro %}

{% macro duckdb__hash_key(parts) -%}
    cast(md5({{ parts | join(" || chr(31) || ") }}) as uuid)
{%- endmacro %}


{% macro regex_matches(text, pattern) %}
    {{- return(adapter.dispatch('regex_matches', 'footpath')(text, pattern)) -}}
{% endmacro %}

{% macro default__regex_matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}


{% macro regex_replace_all(text, pattern, replacement) %}
    {{- return(adapter.dispatch('regex_replace_all', 'footpath')(text, pattern, replacement)) -}}
{% endmacro %}

{% macro default__regex_replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}


{#- The group of a pattern in a text, null when the pattern is not there. -#}
{% macro regex_group(text, pattern, group=1) %}
    {{- return(adapter.dispatch('regex_group', 'footpath')(text, pattern, group)) -}}
{% endmacro %}

{% macro default__regex_group(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', {{ group }}), '')
{%- endmacro %}


{% macro url_decode(text) %}
    {{- return(adapter.dispatch('url_decode', 'footpath')(text)) -}}
{% endmacro %}

{% macro default__url_decode(text) -%}
    {# plus means space in a query; text that is not valid percent-encoding stays as it is #}
    coalesce(try(url_decode(replace({{ text }}, '+', ' '))), {{ text }})
{%- endmacro %}


{#- scheme://user@HOST:port/path?query#fragment: lower case, without user and port; null without a scheme. -#}
{% macro url_host(url) -%}
    lower({{ footpath.regex_group(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/:?#]+)') }})
{%- endmacro %}

{#- The path of an absolute or relative address, without query and fragment; '/' for a bare host. -#}
{% macro url_path(url) -%}
    case
        when {{ url }} is null then null
        else coalesce({{ footpath.regex_group(url, '^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?(/[^?#]*)') }}, '/')
    end
{%- endmacro %}

{% macro url_parameter(url, name) -%}
    {{ footpath.url_decode(footpath.regex_group(url, '[?&]' ~ name ~ '=([^&#]*)')) }}
{%- endmacro %}
