{#-
    Incremental strategy `region`: delete the region, insert what is there now.

    The rows that a run may change are those that match the touched table on the region columns
    (and, with `between`, whose time lies in the touched span). A row that is no longer there is
    deleted too: an upsert by key would leave it behind as a ghost. Delete and insert are one transaction.

    In the model:
        config(meta={'region': {'table': 'touched_rows', 'columns': ['event_key']}})
        config(meta={'region': {'table': 'touched_regions', 'columns': ['source', 'actor_key'], 'between': 'started_at'}})
        config(meta={'region': 'append'})      a table that only grows during a run
-#}
{% macro get_incremental_region_sql(arg_dict) %}
    {% set target = arg_dict['target_relation'] %}
    {% set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') %}
    {% set region = config.get('meta', {}).get('region') %}
    {% if region is none %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ": incremental_strategy 'region' needs meta.region (a table and its columns, or 'append')"
        ) %}
    {% endif %}
    {% if region != 'append' %}
        delete from {{ target }} as stored
        where {{ footpath.touched_by(
            target, 'stored', footpath.relation_of(region['table']), region['columns'], region.get('between')
        ) }};
    {% endif %}
    insert into {{ target }} ({{ columns }})
    select {{ columns }}
    from {{ arg_dict['temp_relation'] }}
    {% if model.language == 'python' %}
    {#- dbt-duckdb makes a real table for a Python model's new rows, under a new name each time, and leaves it. #}
    ; drop table if exists {{ arg_dict['temp_relation'] }}
    {% endif %}
{% endmacro %}
