{#-
    The columns of a staged row, in order, with their types: what every staging model returns and what a project
    that feeds footpath from its own tables has to offer. Sources give what they have; the rest is null.
-#}
{% macro canonical_columns() %}
    {% do return({
        'source': 'varchar', 'batch_id': 'varchar', 'file': 'varchar', 'line': 'bigint', 'loaded_at': 'timestamp',
        'unreadable_reason': 'varchar', 'identity_namespace': 'varchar', 'time_is_corrected': 'boolean',
        'makes_session': 'boolean',
        'event_id': 'varchar', 'event_type': 'varchar', 'event_name': 'varchar',
        'event_at': 'timestamp', 'event_at_text': 'varchar', 'received_at': 'timestamp', 'sent_at': 'timestamp',
        'original_timestamp': 'timestamp', 'event_order': 'bigint',
        'anonymous_id': 'varchar', 'user_id': 'varchar', 'previous_id': 'varchar', 'group_id': 'varchar',
        'client_session_id': 'varchar', 'is_bot': 'boolean',
        'page_url': 'varchar', 'page_path': 'varchar', 'page_title': 'varchar', 'page_name': 'varchar',
        'referrer': 'varchar', 'utm_source': 'varchar', 'utm_medium': 'varchar', 'utm_campaign': 'varchar',
        'utm_term': 'varchar', 'utm_content': 'varchar', 'user_agent': 'varchar',
        'app_version': 'varchar', 'locale': 'varchar',
        'properties': 'json', 'traits': 'json', 'record': 'varchar'
    }) %}
{% endmacro %}


{#-
    The select list of a staging model: canonical columns in order, each from the expression given, else a typed
    null. A wrong name is an error, so that a column is never lost to a typing mistake; so is a missing source,
    batch or name, without which rows could not be told apart or would be lost.

        select {{ footpath.canonical_select({'source': "'shop'", 'event_name': 'kind', 'event_at': 'created_at', ...}) }}
        from {{ ref('orders') }}
-#}
{% macro canonical_select(expressions) %}
    {%- set columns = footpath.canonical_columns() -%}
    {%- for name in expressions if name not in columns -%}
        {% do exceptions.raise_compiler_error(
            "'" ~ name ~ "' is not a column of a staged row. Allowed: " ~ columns.keys() | join(', ')
        ) %}
    {%- endfor -%}
    {%- for needed in [['source'], ['batch_id'], ['event_name', 'event_type', 'unreadable_reason']]
        if not needed | select('in', expressions) | list -%}
        {% do exceptions.raise_compiler_error('A staged row needs ' ~ needed | join(' or ') ~ ': map it in canonical_select') %}
    {%- endfor -%}
    {%- for name, type in columns.items() %}
    {%- set expression = expressions.get(name, 'null') %}
    {%- if name == 'event_name' and 'event_type' in expressions %}
    {#- A call other than track is named after its type. #}
    {%- set called = expressions['event_type'] %}
    {%- set expression = 'coalesce(' ~ expression ~ ', nullif(' ~ called ~ ", 'track'))" %}
    {%- endif %}
    {%- if name in ['received_at', 'sent_at', 'original_timestamp'] and expression != 'null' %}
    {#- These are reckoned with: a clock that says the year 1 or 9999 says nothing, and would overflow. #}
    {%- set time = footpath.utc_timestamp(expression) %}
    case
        when {{ time }} between timestamp '1900-01-01' and timestamp '9000-01-01' then {{ time }}
    end as {{ name }}{{ ',' if not loop.last }}
    {%- elif type == 'timestamp' and expression != 'null' %}
    {{ footpath.utc_timestamp(expression) }} as {{ name }}{{ ',' if not loop.last }}
    {%- else %}
    cast({{ expression }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endif %}
    {%- endfor %}
{%- endmacro %}
