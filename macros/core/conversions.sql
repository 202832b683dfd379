{#- Whether an event fulfils the condition of its row in conversion_events. -#}
{% macro is_conversion(properties, conversions) -%}
    (
        {{ conversions }}.condition_property is null
        or {{ footpath.json_member_of(properties, conversions ~ '.condition_property') }} = {{ conversions }}.condition_value
    )
{%- endmacro %}
