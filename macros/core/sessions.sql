{#- The order of an actor's events: total, and not that of arrival. -#}
{% macro event_sequence(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ prefix }}event_at asc, {{ prefix }}event_order asc nulls last, {{ prefix }}event_key asc
{%- endmacro %}


{#- The id of a session that the client named. -#}
{% macro client_session_key(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ footpath.hash_key([
        prefix ~ 'source', 'cast(' ~ prefix ~ 'actor_key as varchar)', "'client'", prefix ~ 'client_session_id'
    ]) }}
{%- endmacro %}


{#- The id of a session that begins with an event, after a pause or a cut. -#}
{% macro session_key() -%}
    {{ footpath.hash_key(['source', 'cast(actor_key as varchar)', 'cast(event_key as varchar)']) }}
{%- endmacro %}
