{#- Whether an event lies in a span of its device. The end belongs to the span, the beginning does not. -#}
{% macro in_span(events, spans) -%}
    {{ events }}.device_key = {{ spans }}.device_key
            and ({{ spans }}.valid_from is null or {{ events }}.event_at > {{ spans }}.valid_from)
            and ({{ spans }}.valid_to is null or {{ events }}.event_at <= {{ spans }}.valid_to)
{%- endmacro %}


{#-
    The user whose an event is, null for nobody's: who is named in it, else who has its device then. With the strategy
    last_user the device goes first.
-#}
{% macro owner(events, spans) -%}
    {%- if footpath.setting('identity_strategy') == 'last_user' -%}
        coalesce({{ spans }}.user_key, {{ events }}.user_key)
    {%- else -%}
        coalesce({{ events }}.user_key, {{ spans }}.user_key)
    {%- endif -%}
{%- endmacro %}
