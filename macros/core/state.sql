{#-
    What a run remembers of the runs before it.

    stored(name)       the table that an earlier run left for this model, or none. It is read without ref(),
                       because a run must read what it is about to change: sessions before a late event joins two.
    check_settings()   on-run-start: stops a run that would mix rows made by two different rules or builds, take rows
                       in twice, or read a model of the same name in the project that installs footpath.
    finish_run()       on-run-end: only when every model that reads the touched keys has succeeded are the
                       batches entered as processed and the touched keys cleared.
-#}
{% macro relation_of(name) %}
    {% if not execute %}
        {% do return(none) %}
    {% endif %}
    {% set node = graph.nodes['model.footpath.' ~ name] %}
    {% do return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias, type='table'
    )) %}
{% endmacro %}


{% macro stored(name) %}
    {% if not execute or flags.FULL_REFRESH %}
        {% do return(none) %}
    {% endif %}
    {% do return(load_cached_relation(footpath.relation_of(name))) %}
{% endmacro %}


{#-
    A model of the package that reads a model of the installing project by accident: dbt looks for a name in the root
    project first. Only the inputs are meant to be found there.
-#}
{% macro check_names() %}
    {% for node in graph.nodes.values() if node.package_name == 'footpath' and node.resource_type == 'model' %}
        {% for parent in node.depends_on.nodes %}
            {% set kind, package, name = parent.split('.')[:3] %}
            {% if kind == 'model' and package != 'footpath' and not footpath.is_input(name) %}
                {% do exceptions.raise_compiler_error(
                    "footpath's model " ~ node.name ~ ' found ' ~ package ~ "'s model " ~ name ~ " under the name of footpath's own. "
                    ~ 'Set flags: {require_ref_searches_node_package_before_root: true} in dbt_project.yml of ' ~ package
                    ~ ', or give ' ~ name ~ ' another name. A model of footpath cannot be replaced.'
                ) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{#-
    A run of some models: what feeds an incremental model has to run with it. Left over from an earlier run, its rows
    would come in twice; with --full-refresh, all others would be lost.
-#}
{% macro check_selection() %}
    {% for unique_id in selected_resources if unique_id.startswith('model.footpath.') %}
        {% set node = graph.nodes[unique_id] %}
        {% if node.config.materialized == 'incremental' or 'internal' in node.fqn %}
            {% for parent in node.depends_on.nodes
                if parent.startswith('model.footpath.') and parent not in selected_resources %}
                {% if not footpath.is_input(parent.split('.')[2]) %}
                    {% do exceptions.raise_compiler_error(
                        'footpath: ' ~ node.name ~ ' cannot run without ' ~ parent.split('.')[2] ~ ', which feeds it. '
                        ~ 'Select all of footpath (--select package:footpath), or a model with what it is built from '
                        ~ '(--select +' ~ node.name ~ ').'
                    ) %}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{% macro touched_tables() %}
    {% do return([
        'touched_rows', 'touched_users', 'touched_regions', 'touched_people', 'touched_events', 'touched_groups'
    ]) %}
{% endmacro %}


{% macro check_settings() %}
    {% set builds = execute and flags.WHICH in ('run', 'build') %}
    {% if builds %}
        {% do footpath.check_names() %}
        {% do footpath.check_selection() %}
    {% endif %}
    {# What does not run load_plan changes no stored row: staging, marts, models of the installing project. #}
    {% if builds and not flags.FULL_REFRESH and 'model.footpath.load_plan' in selected_resources %}
        {% set stored_state = footpath.relation_of('processed_batches') %}
        {% set stored_rows = footpath.relation_of('event_rows') %}
        {% if load_relation(stored_rows) is not none %}
            {% set remembered = [] %}
            {% if load_relation(stored_state) is not none %}
                {% set remembered = run_query(
                    'select distinct settings from ' ~ stored_state
                ).columns[0].values() | list %}
            {% endif %}
            {% if not remembered and run_query('select 1 from ' ~ stored_rows ~ ' limit 1').rows | length %}
                {% do exceptions.raise_compiler_error(
                    'footpath: the first build or a full refresh did not finish, so the tables are from two builds. '
                    ~ 'Run once with --full-refresh (make run FULL_REFRESH=1).'
                ) %}
            {% endif %}
            {% set current = footpath.stored_settings() %}
            {% for settings in remembered if settings != current %}
                {% set before = settings.split('; ') %}
                {% set now = current.split('; ') %}
                {% do exceptions.raise_compiler_error(
                    'footpath: the tables were built with other settings. Then: '
                    ~ before | reject('in', now) | join(', ') ~ '. Now: ' ~ now | reject('in', before) | join(', ')
                    ~ '. Rows made by two rules must not mix: run once with --full-refresh'
                    ~ ' (make run FULL_REFRESH=1), or set it back.'
                ) %}
            {% endfor %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro finish_run(results) %}
    {% if execute and flags.WHICH in ('run', 'build') and footpath.every_step_succeeded(results) %}
        {% set processed = footpath.relation_of('processed_batches') %}
        {% do run_query('begin transaction') %}
        {% do run_query('delete from ' ~ processed) %}
        {% do run_query(
            'insert into ' ~ processed ~ " (batch_id, definition, settings) select batch_id, definition, '"
            ~ footpath.stored_settings() | replace("'", "''") ~ "' from " ~ footpath.relation_of('load_plan')
            ~ " where step in ('add', 'keep')"
        ) %}
        {% for name in footpath.touched_tables() %}
            {% do run_query('delete from ' ~ footpath.relation_of(name)) %}
        {% endfor %}
        {% do run_query('commit') %}
    {% endif %}
{% endmacro %}


{#- True when this invocation ran load_plan and every model that reads a touched table, all with success. -#}
{% macro every_step_succeeded(results) %}
    {% set succeeded = [] %}
    {% for result in results if result.status == 'success' %}
        {% do succeeded.append(result.node.unique_id) %}
    {% endfor %}
    {% set touched = ['model.footpath.load_plan'] %}
    {% for name in footpath.touched_tables() %}
        {% do touched.append('model.footpath.' ~ name) %}
    {% endfor %}
    {% for unique_id in touched if unique_id not in succeeded %}
        {% do return(false) %}
    {% endfor %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' %}
        {% for parent in node.depends_on.nodes if parent in touched %}
            {% if node.unique_id not in succeeded %}
                {% do return(false) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% do return(true) %}
{% endmacro %}
