{#- The order of an actor's events: total, and not that of arrival. -#}
{% macro event_sequence() -%}
    event_at asc, event_order asc nulls last, event_key asc
{%- endmacro %}


{#- The id of a session that the client named. -#}
{% macro client_session_key() -%}
    {{ footpath.hash_key(['source', 'cast(actor_key as varchar)', "'client'", 'client_session_id']) }}
{%- endmacro %}


{#- The id of a session that begins with an event, after a pause or a cut. -#}
{% macro session_key() -%}
    {{ footpath.hash_key(['source', 'cast(actor_key as varchar)', 'cast(event_key as varchar)']) }}
{%- endmacro %}
