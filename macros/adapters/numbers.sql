{#- Numbers, where engines differ. -#}

{#- A text as a decimal with six places; null when it is no number. -#}
{% macro decimal_of(text) %}
    {{- return(adapter.dispatch('decimal_of', 'footpath')(text)) -}}
{% endmacro %}

{% macro default__decimal_of(text) -%}
    try_cast({{ text }} as decimal(28, 6))
{%- endmacro %}


{#- An aggregate: the value below which such a fraction lies (0.5: the median), between two values in proportion. -#}
{% macro percentile(value, fraction) %}
    {{- return(adapter.dispatch('percentile', 'footpath')(value, fraction)) -}}
{% endmacro %}

{% macro default__percentile(value, fraction) -%}
    percentile_cont({{ fraction }}) within group (order by {{ value }})
{%- endmacro %}
