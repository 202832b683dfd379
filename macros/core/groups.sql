{#- The key of a group (an account, a company): of one namespace with the users, of its own kind. -#}
{% macro group_key(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {{ footpath.hash_key(["'group'", prefix ~ 'user_namespace', prefix ~ 'group_id']) }}
{%- endmacro %}
