{#-
    The name of an event without what people spell differently: case, spaces, underscores, hyphens (so `Signed Up`,
    `signed_up` and `signedUp` are one). Between two digits the gap stays: `v1 1` is not `v11`.
-#}
{% macro plain_name(name) -%}
    {%- set spaced = footpath.regex_replace_all('lower(' ~ name ~ ')', '[ _-]+', ' ') | trim -%}
    {#- twice, as a digit may stand between two gaps -#}
    {%- set once = footpath.regex_replace_all(spaced, '([0-9]) ([0-9])', '\\1-\\2') | trim -%}
    replace({{ footpath.regex_replace_all(once, '([0-9]) ([0-9])', '\\1-\\2') | trim }}, ' ', '')
{%- endmacro %}
