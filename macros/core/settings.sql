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
        'attribution_lookback': 2592000,
        'watched_funnels': {'checkout': {'steps': ['Checkout Started', 'Payment Details Entered', 'Subscription Started'], 'window_seconds': 86400}},
        'stale_event_days': 30,
        'single_day_event_days': 7,
        'high_volume_event_rate': 0.05,
    }) %}
{% endmacro %}


{#-
    What changes a stored row when it changes: each setting with the models that its new value reaches first. What
    follows from them is found in the graph (built_again in state.sql).
-#}
{% macro stored_setting_models() %}
    {% do return({
        'future_tolerance': ['event_rows'],
        'earliest_plausible_event_at': ['event_rows'],
        'max_event_bytes': ['event_rows'],
        'parse_user_agents': ['event_rows'],
        'identity_strategy': ['device_spans', 'merged_users'],
        'max_identifiers_per_person': ['merged_users'],
        'session_strategy': ['event_links'],
        'session_timeout': ['event_links'],
        'max_session_length': ['event_links'],
        'split_at_midnight': ['event_links'],
        'split_on_campaign': ['event_links'],
        'reporting_timezone': ['event_links'],
        'include_bots': ['event_links'],
    }) %}
{% endmacro %}


{#-
    The models that a changed setting reaches first. An edited seed reaches the stored models that read it, since tables
    are made anew in each run; what is not known here (a rule of another version) reaches all.
-#}
{% macro models_of_setting(name) %}
    {% set of_settings = footpath.stored_setting_models() %}
    {% if name == 'tracking_plan' %}
        {% do return(['event_violations']) %}
    {% endif %}
    {% if name in of_settings %}
        {% do return(of_settings[name]) %}
    {% endif %}
    {% set seed = 'seed.footpath.' ~ name %}
    {% if seed not in graph.nodes %}
        {% do return(['event_rows']) %}
    {% endif %}
    {% set readers = [] %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.config.materialized == 'incremental'
        and seed in node.depends_on.nodes %}
        {% do readers.append(node.name) %}
    {% endfor %}
    {% do return(readers) %}
{% endmacro %}


{#- The settings that decide what a stored row looks like, as one text: `name=value; name=value`. -#}
{% macro stored_settings() %}
    {# Raised by one when a release makes other rows of the same raw rows (newer lists of crawlers and browsers do):
       its first run asks for a full refresh. #}
    {% set values = ['rules=4'] %}
    {# Edited lists change what is stored as well. #}
    {% for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'seed' and node.package_name == 'footpath' %}
        {% do values.append(node.name ~ '=' ~ node.checksum.checksum[:12]) %}
    {% endfor %}
    {% for name in footpath.stored_setting_models() %}
        {% do values.append(name ~ '=' ~ footpath.setting(name)) %}
    {% endfor %}
    {% if footpath.setting('manifest') == 'raw' %}
        {# The loader writes the plan into raw.duckdb. Its rules decide verdicts; the words in it do not. #}
        {% do values.append('tracking_plan=' ~ run_query('select rules from raw.main.plan').columns[0].values()[0]) %}
    {% endif %}
    {% do return(values | join('; ')) %}
{% endmacro %}


{#- The text of stored_settings, read back: {name: value}. -#}
{% macro read_settings(text) %}
    {% set settings = {} %}
    {% for pair in text.split('; ') %}
        {% do settings.update({pair.split('=')[0]: pair.split('=')[1:] | join('=')}) %}
    {% endfor %}
    {% do return(settings) %}
{% endmacro %}


{#- What is built again without asking when it changes: verdicts follow from nothing that takes long to make. -#}
{% macro changes_freely(name) %}
    {% do return(name == 'tracking_plan') %}
{% endmacro %}


{#- What stands in the memory for a value while the tables are built with another one: no setting has it. -#}
{% macro being_changed() %}
    {% do return('(being changed)') %}
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
    {% set least = {
        'session_timeout': 0,
        'future_tolerance': 0,
        'attribution_lookback': 0,
        'max_session_length': 1,
        'max_event_bytes': 1,
        'max_identifiers_per_person': 1,
        'stale_event_days': 1,
        'single_day_event_days': 1,
    } %}
    {% set no_limit = name == 'max_session_length' %}
    {% if name in least and not (no_limit and value is none)
        and (value is not integer or value is boolean or value < least[name]) %}
        {% do exceptions.raise_compiler_error(
            'footpath setting ' ~ name ~ " is '" ~ value ~ "'. Allowed: whole numbers from " ~ least[name] ~ ' on'
            ~ (', or null for no limit' if no_limit else '')
        ) %}
    {% endif %}
    {% if name == 'high_volume_event_rate' and (value is not number or value is boolean or value < 0 or value > 1) %}
        {% do exceptions.raise_compiler_error(
            'footpath setting ' ~ name ~ " is '" ~ value ~ "'. Allowed: a share of all events, 0 to 1"
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
