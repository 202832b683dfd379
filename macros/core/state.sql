{#-
    What a run remembers of the runs before it.

    stored(name)       the table that an earlier run left for this model, or none. It is read without ref(),
                       because a run must read what it is about to change: sessions before a late event joins two.
    start_run()        on-run-start: stops a run that would mix rows made by two different rules, take rows in twice,
                       or read a model of the same name in the project that installs footpath. What is missing, or
                       was left half done, is dropped together with all that follows from it, so that the same run
                       builds it in full from the tables before it.
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


{#- Lists of what a run changes, or was asked for: empty between two runs. -#}
{% macro touched_tables() %}
    {% do return([
        'rebuild_requests', 'built_in_full', 'touched_rows', 'touched_spans', 'touched_users', 'touched_regions',
        'touched_people', 'touched_events', 'touched_groups'
    ]) %}
{% endmacro %}


{#-
    Tables that hold the rows of this run only, each with the table that has to be missing for it to hold all rows:
    what reads one of them can be built in full only together with that table.
-#}
{% macro partial_tables() %}
    {% do return({
        'staged_rows': 'processed_batches',
        'touched_aliases': 'alias_events',
        'touched_components': 'merged_users',
        'merged_users_now': 'merged_users',
        'region_events': 'event_links',
    }) %}
{% endmacro %}


{#- The models of footpath by name. -#}
{% macro own_models() %}
    {% set models = {} %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.package_name == 'footpath' %}
        {% do models.update({node.name: node}) %}
    {% endfor %}
    {% do return(models) %}
{% endmacro %}


{#- The models whose tables stay from run to run: the incremental ones, and those that a model reads as stored. -#}
{% macro kept_models() %}
    {% set models = footpath.own_models() %}
    {% set kept = [] %}
    {% for name, node in models.items()
        if node.config.materialized == 'incremental' and name not in footpath.touched_tables() %}
        {% do kept.append(name) %}
    {% endfor %}
    {% for node in models.values() %}
        {% for name in modules.re.findall("footpath[.]stored[(]'([a-z_]+)'[)]", node.raw_code)
            if name in models and name not in kept %}
            {% do kept.append(name) %}
        {% endfor %}
    {% endfor %}
    {% do return(kept) %}
{% endmacro %}


{#-
    The kept models that have to be built in full when some models are: those, all that follows from them, and the
    tables without which they would see the rows of one run only. What comes before them stays.
-#}
{% macro built_again(starts) %}
    {% set models = footpath.own_models() %}
    {% set kept = footpath.kept_models() %}
    {% set partial = footpath.partial_tables() %}
    {% set parents = {} %}
    {% set children = {} %}
    {% for name in models %}
        {% do parents.update({name: []}) %}
        {% do children.update({name: []}) %}
    {% endfor %}
    {% for name, node in models.items() %}
        {% for parent in node.depends_on.nodes if parent.startswith('model.footpath.') %}
            {% do parents[name].append(parent.split('.')[2]) %}
            {% do children[parent.split('.')[2]].append(name) %}
        {% endfor %}
        {% if name in partial %}
            {% do children[partial[name]].append(name) %}
        {% endif %}
    {% endfor %}
    {% set reached = starts | select('in', models) | unique | list %}
    {# Both loops go on over what is appended while they run. #}
    {% for name in reached %}
        {% for child in children[name] if child not in reached %}
            {% do reached.append(child) %}
        {% endfor %}
        {% if name in kept %}
            {% set above = parents[name] | list %}
            {% for parent in above %}
                {% if partial.get(parent, name) not in reached %}
                    {% do reached.append(partial[parent]) %}
                {% endif %}
                {% if parent not in kept and parent not in footpath.touched_tables() %}
                    {% for further in parents[parent] if further not in above %}
                        {% do above.append(further) %}
                    {% endfor %}
                {% endif %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% do return(kept | select('in', reached) | list) %}
{% endmacro %}


{% macro start_run() %}
    {% if execute and flags.WHICH in ('run', 'build') %}
        {% do footpath.check_names() %}
        {% do footpath.check_selection() %}
        {# What does not run load_plan changes no stored row: staging, marts, models of the installing project. #}
        {% if not flags.FULL_REFRESH and 'model.footpath.load_plan' in selected_resources %}
            {% do footpath.drop_what_is_built_again() %}
        {% endif %}
    {% endif %}
{% endmacro %}


{#- The settings of the last complete run by name: {} when there was none. -#}
{% macro remembered_settings() %}
    {% set remembered = {} %}
    {% set state = load_relation(footpath.relation_of('processed_batches')) %}
    {% if state is not none %}
        {% for settings in run_query('select distinct settings from ' ~ state).columns[0].values() %}
            {% do remembered.update(footpath.read_settings(settings)) %}
        {% endfor %}
    {% endif %}
    {% do return(remembered) %}
{% endmacro %}


{#-
    Finds what cannot be kept: a model whose table is missing, the tables of a build in full that did not finish, and
    what was made with other settings. The last is an error, unless its tables were dropped on purpose before or it is
    the tracking plan, whose change is followed. All that has to be built again is dropped before the first model runs.
    A run that is killed on the way leaves a table missing or a setting marked, so the next one comes to the same end.
-#}
{% macro drop_what_is_built_again() %}
    {% set starts = [] %}
    {% set stored = {} %}
    {% for name in footpath.kept_models() %}
        {% set relation = load_relation(footpath.relation_of(name)) %}
        {% if relation is not none %}
            {% do stored.update({name: relation}) %}
        {% elif 'model.footpath.' ~ name in selected_resources %}
            {% do starts.append(name) %}
        {% endif %}
    {% endfor %}
    {% set remembered = footpath.remembered_settings() %}
    {% if not remembered and 'event_rows' in stored
        and run_query('select 1 from ' ~ stored['event_rows'] ~ ' limit 1').rows | length %}
        {# The batches are entered at the end: the first build, or a full refresh, did not come to it. #}
        {% do starts.append('processed_batches') %}
    {% endif %}
    {% set missing = footpath.built_again(starts) %}

    {% set current = footpath.read_settings(footpath.stored_settings()) %}
    {% set changed = [] %}
    {% set refused = [] %}
    {% if remembered %}
        {% for name in (remembered.keys() | list + current.keys() | list) | unique
            if remembered.get(name) != current.get(name) %}
            {% do changed.append(name) %}
            {% if remembered.get(name) == footpath.being_changed() or footpath.changes_freely(name) %}
                {% do starts.extend(footpath.models_of_setting(name)) %}
            {% elif footpath.built_again(footpath.models_of_setting(name)) | reject('in', missing) | list %}
                {% do refused.append(name) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% if refused %}
        {% do footpath.refuse_settings(refused, remembered, current) %}
    {% endif %}

    {% set again = footpath.built_again(starts) %}
    {% set dropped = again | select('in', stored) | list %}
    {% set unselected = [] %}
    {% for name in dropped if 'model.footpath.' ~ name not in selected_resources %}
        {% do unselected.append(name) %}
    {% endfor %}
    {% if unselected %}
        {% do exceptions.raise_compiler_error(
            'footpath: ' ~ starts | join(', ') ~ ' has to be built in full, and with it ' ~ unselected | join(', ')
            ~ '. Select all of footpath (--select package:footpath).'
        ) %}
    {% endif %}
    {% if changed and 'processed_batches' not in again %}
        {% do footpath.mark_settings(changed, current) %}
    {% endif %}
    {% if again and stored %}
        {% do print('built in full: ' ~ again | join(', ')) %}
    {% endif %}
    {% for name in dropped %}
        {% do adapter.drop_relation(stored[name]) %}
    {% endfor %}
{% endmacro %}


{#-
    Before the first table is made with another setting, the memory of the old value goes: neither the old nor the
    new one describes the tables until the run has finished.
-#}
{% macro mark_settings(changed, current) %}
    {% set marked = [] %}
    {% for name, value in current.items() %}
        {% do marked.append(name ~ '=' ~ (footpath.being_changed() if name in changed else value)) %}
    {% endfor %}
    {% do run_query(
        'update ' ~ footpath.relation_of('processed_batches') ~ " set settings = '"
        ~ marked | join('; ') | replace("'", "''") ~ "'"
    ) %}
{% endmacro %}


{#- The error of changed settings: both values, and the command that builds no more than needed. -#}
{% macro refuse_settings(names, remembered, current) %}
    {% set then = [] %}
    {% set now = [] %}
    {% set models = [] %}
    {% for name in names %}
        {% do then.append(name ~ '=' ~ remembered.get(name, '(none)')) %}
        {% do now.append(name ~ '=' ~ current.get(name, '(none)')) %}
        {% do models.extend(footpath.models_of_setting(name)) %}
    {% endfor %}
    {# Of the models to start from, those that no other one brings along. #}
    {% set again = footpath.built_again(models) %}
    {% set starts = models | unique | list %}
    {% for name in models | unique %}
        {% set others = starts | reject('equalto', name) | list %}
        {% if others and footpath.built_again(others) | length == again | length %}
            {% do starts.remove(name) %}
        {% endif %}
    {% endfor %}
    {% set relations = [] %}
    {% for name in starts %}
        {% do relations.append(footpath.relation_of(name)) %}
    {% endfor %}
    {% set here = target.profile_name == 'footpath' %}
    {% if 'processed_batches' in again %}
        {% set remedy = 'make run FULL_REFRESH=1' if here else 'run once with --full-refresh' %}
    {% elif here %}
        {% set remedy = 'make refresh MODEL=' ~ starts | join(',') %}
    {% else %}
        {% set remedy = 'drop table ' ~ relations | join(', ') ~ ' and run again (or run once with --full-refresh)' %}
    {% endif %}
    {% do exceptions.raise_compiler_error(
        'footpath: the tables were built with other settings. Then: ' ~ then | join(', ') ~ '. Now: '
        ~ now | join(', ') ~ '. Rows made by two rules must not mix. Set it back, or build again what follows from '
        ~ 'it: ' ~ remedy ~ '. That builds in full: '
        ~ ('every table' if 'processed_batches' in again else again | join(', ')) ~ '.'
    ) %}
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
        {% if target.profile_name == 'footpath' %}
            {% do footpath.remember_what_to_check() %}
        {% endif %}
        {% for name in footpath.touched_tables() %}
            {% do run_query('delete from ' ~ footpath.relation_of(name)) %}
        {% endfor %}
        {% do run_query('commit') %}
    {% endif %}
{% endmacro %}


{#-
    What was touched since gate 2 passed last, in tables unchecked_*: the gate looks at that, and empties them. After a
    full refresh it looks at everything, so the lists begin anew. A project that installs footpath has no gate.
-#}
{% macro remember_what_to_check() %}
    {% for name, touched, columns in [
        ('rows', 'touched_rows', 'event_key'),
        ('regions', 'touched_regions', 'source, actor_key, from_at, to_at'),
        ('people', 'touched_people', 'person_id, day'),
        ('groups', 'touched_groups', 'group_key'),
        ('batches', 'touched_rows', 'batch_id'),
        ('models', 'built_in_full', 'model_name'),
    ] %}
        {% set source = footpath.relation_of(touched) %}
        {% set list = source.incorporate(path={'identifier': 'unchecked_' ~ name}) %}
        {% do run_query(
            ('create or replace table ' if flags.FULL_REFRESH else 'create table if not exists ') ~ list ~ ' as select ' ~ columns ~ ' from ' ~ source ~ ' where false'
        ) %}
        {% do run_query('insert into ' ~ list ~ ' select distinct ' ~ columns ~ ' from ' ~ source) %}
    {% endfor %}
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
