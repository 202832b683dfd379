{#- Every setting with its default: the one list that models, macros and checks read. -#}
{% macro default_settings() %}
    {% do return({
        'inputs': ['stg_segment__calls', 'stg_plain__rows', 'stg_unreadable__lines'],
        'manifest': 'raw',
        'session_strategy': 'computed',
        'session_timeout': 1800,
        'max_session_length': none,
        'split_at_midnight': false,
        'split_on_campaign': false,
        'reporting_timezone': 'UTC',
        'week_start': 'monday',
        'future_tolerance': 86400,
        'earliest_plausible_event_at': '2000-01-01 00:00:00',
        'max_event_bytes': 1048576,
        'include_bots': false,
        'parse_user_agents': true,
        'identity_strategy': 'timeline',
        'max_identifiers_per_person': 100,
    }) %}
{% endmacro %}


{#- What changes a stored row when it changes: a run that finds another value than the last one stops. -#}
{% macro stored_settings() %}
    {% set names = [
        'session_strategy', 'session_timeout', 'max_session_length', 'split_at_midnight', 'split_on_campaign',
        'reporting_timezone', 'future_tolerance', 'earliest_plausible_event_at', 'max_event_bytes', 'include_bots',
        'parse_user_agents', 'identity_strategy', 'max_identifiers_per_person'
    ] %}
    {# Raised by one when a release makes other rows of the same raw rows (newer lists of crawlers and browsers do):
       its first run asks for a full refresh. #}
    {% set values = ['rules=2'] %}
    {# Edited lists change what is stored as well. #}
    {% for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'seed' and node.package_name == 'footpath' %}
        {% do values.append(node.name ~ '=' ~ node.checksum.checksum[:12]) %}
    {% endfor %}
    {% for name in names %}
        {% do values.append(name ~ '=' ~ footpath.setting(name)) %}
    {% endfor %}
    {% do return(values | join('; ')) %}
{% endmacro %}


{#- The value of one setting: `vars: {footpath: {name: value}}` of the root project, else the default. -#}
{% macro setting(name) %}
    {% set defaults = footpath.default_settings() %}
    {% set given = var('footpath', {}) or {} %}
    {% for key in given if key not in defaults %}
        {% do exceptions.raise_compiler_error(
            "footpath has no setting '" ~ key ~ "' (vars: footpath: in dbt_project.yml). Allowed: "
            ~ defaults.keys() | sort | join(', ')
        ) %}
    {% endfor %}
    {% set allowed = {
        'week_start': ['monday', 'sunday'],
        'identity_strategy': ['timeline', 'last_user', 'graph'],
        'session_strategy': ['computed', 'client'],
        'manifest': ['raw', 'inputs'],
    } %}
    {% set value = given.get(name, defaults[name]) %}
    {% if name in allowed and value not in allowed[name] %}
        {% do exceptions.raise_compiler_error(
            "footpath setting " ~ name ~ " is '" ~ value ~ "'. Allowed: " ~ allowed[name] | join(', ')
        ) %}
    {% endif %}
    {% if name == 'max_session_length' and value is not none and (value is not integer or value < 1) %}
        {% do exceptions.raise_compiler_error(
            "footpath setting max_session_length is '" ~ value ~ "'. Allowed: seconds as a whole number, or null for no limit"
        ) %}
    {% endif %}
    {% if name == 'session_strategy' and value == 'client' %}
        {% for cut in ['max_session_length', 'split_at_midnight', 'split_on_campaign'] if given.get(cut) %}
            {% do exceptions.raise_compiler_error(
                'footpath setting ' ~ cut ~ ' cuts sessions that footpath computes; with session_strategy: client they '
                ~ 'are the ones that the client named. Set one of the two.'
            ) %}
        {% endfor %}
    {% endif %}
    {% do return(value) %}
{% endmacro %}


{% macro is_input(model_name) %}
    {% do return(model_name in footpath.setting('inputs')) %}
{% endmacro %}
