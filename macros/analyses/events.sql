{#-
    What the analyses read, and how they name events.

    An event is a name ('Signed Up'), none for any event, or a mapping:
        {'event': 'Checkout Started',                 none: any event
         'filter': {'plan': ['team', 'business']},    properties, as texts: one value or several
         'where': "utm_source = 'newsletter'"}        SQL over the columns of `events`
-#}

{#- The mapping of an event. `also` names further keys that the caller knows. -#}
{% macro event_definition(definition, also=[]) %}
    {% if definition is none or definition is string %}
        {% do return({'event': definition}) %}
    {% endif %}
    {% set allowed = ['event', 'filter', 'where'] + also %}
    {% if definition is not mapping %}
        {% do exceptions.raise_compiler_error(
            'an event is a name, none for any event, or a mapping with ' ~ allowed | join(', ') ~ '; got ' ~ definition
        ) %}
    {% endif %}
    {% for key in definition if key not in allowed %}
        {% do exceptions.raise_compiler_error(
            "an event has no '" ~ key ~ "'. Allowed: " ~ allowed | join(', ') ~ '; got ' ~ definition
        ) %}
    {% endfor %}
    {% do return(dict({'event': none}, **definition)) %}
{% endmacro %}


{#- True for the rows of `events` that are such an event. -#}
{% macro event_condition(definition) -%}
    {%- set conditions = [] -%}
    {%- if definition.event is not none -%}
        {%- do conditions.append('event_name = ' ~ footpath.text_literal(definition.event)) -%}
    {%- endif -%}
    {%- for name, values in (definition.filter or {}).items() -%}
        {%- set texts = [] -%}
        {%- for value in ([values] if values is string or values is not sequence else values) -%}
            {%- do texts.append(footpath.text_literal(
                ('true' if value else 'false') if value is boolean else value | string
            )) -%}
        {%- endfor -%}
        {%- do conditions.append(footpath.json_member('properties', name) ~ ' in (' ~ texts | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- if definition.where -%}
        {%- do conditions.append('(' ~ definition.where ~ ')') -%}
    {%- endif -%}
    {{- (conditions or ['true']) | join(' and ') -}}
{%- endmacro %}


{#-
    Whether the narrow event_links has all that an analysis reads: no event has a filter or SQL of its own, and what is
    read besides (`columns`, or SQL over them) is no more than the columns that every analysis gets.
-#}
{% macro is_narrow(definitions, columns=[]) %}
    {% for definition in definitions if definition.filter or definition.where %}
        {% do return(false) %}
    {% endfor %}
    {% set of_links = ['event_key', 'person_id', 'session_id', 'event_name', 'event_at'] %}
    {% do return(columns | reject('in', of_links) | list | length == 0) %}
{% endmacro %}


{#-
    A select of the events of people, with event_key, person_id, session_id, event_name, event_at and `fields`, a mapping
    of column names to SQL over the columns of `events`. Events of programs are left out, unless the setting include_bots
    takes them in.

    definitions   only these events
    people        a select with person_id: only these people (a cohort)
    narrow        what is_narrow says of the fields
    events        another relation or select with the columns event_key, person_id, session_id, event_name, event_at and,
                  for filters, properties; default: what footpath made. The narrow event_links does where no other
                  column is asked for.
-#}
{% macro analysis_events(definitions=[], fields={}, people=none, events=none, narrow=false) -%}
    {%- set names = [] -%}
    {%- set conditions = [] -%}
    {%- for definition in definitions -%}
        {%- if definition.event is none or definition.filter or definition.where -%}
            {%- do conditions.append(footpath.event_condition(definition)) -%}
        {%- else -%}
            {%- do names.append(footpath.text_literal(definition.event)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if names %}{% do conditions.append('event_name in (' ~ names | unique | join(', ') ~ ')') %}{% endif -%}
    select
        event_key,
        person_id,
        session_id,
        event_name,
        event_at{{ ',' if fields }}
        {% for name, expression in fields.items() -%}
        {{ expression }} as {{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    {% if events is not none -%}
    from {{ footpath.relation_or_select(events, 'given_events') }}
    where
        person_id is not null
    {%- else -%}
    {%- set is_narrow = footpath.is_narrow(definitions) and (narrow or not fields) -%}
    {%- set relation = ref('footpath', 'event_links') if is_narrow else ref('footpath', 'events') -%}
    {%- do footpath.warn_of_unknown_events(definitions, relation) -%}
    from {{ relation }}
    where
        person_id is not null
        and is_counted
    {%- endif %}
    {%- if conditions and 'true' not in conditions %}
        and ({% for condition in conditions | unique %}{{ condition }}{{ ' or ' if not loop.last }}{% endfor %})
    {%- endif %}
    {%- if people is not none %}
        and person_id in (select members.person_id from ({{ people }}) as members)
    {%- endif %}
{%- endmacro %}


{#- A relation, or a select in brackets, to stand after `from`. -#}
{% macro relation_or_select(relation, alias) -%}
    {%- if ' ' in (relation | string | trim) -%}
        ({{ relation }}) as {{ alias }}
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}


{#- Warns of events that are asked for and that nobody ever sent: most of the time a name is misspelled. -#}
{% macro warn_of_unknown_events(definitions, relation) %}
    {% set names = definitions | map(attribute='event') | select('string') | unique | list %}
    {% if execute and names and model.resource_type != 'unit_test' and load_relation(relation) is not none %}
        {% set texts = [] %}
        {% for name in names %}{% do texts.append(footpath.text_literal(name)) %}{% endfor %}
        {% set found = run_query(
            'select distinct event_name from ' ~ relation ~ ' where event_name in (' ~ texts | join(', ') ~ ')'
        ).columns[0].values() | list %}
        {% for name in names if name not in found %}
            {% do exceptions.warn(
                model.name ~ ": no event is named '" ~ name ~ "'. Names are case-sensitive; event_catalog lists them."
            ) %}
        {% endfor %}
    {% endif %}
{% endmacro %}


{% macro text_literal(text) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(text | string)) }}
{%- endmacro %}


{#- The only allowed values of an argument, named in the error. -#}
{% macro check_argument(macro_name, argument, value, allowed) %}
    {% if value not in allowed %}
        {% do exceptions.raise_compiler_error(
            macro_name ~ ': ' ~ argument ~ " is '" ~ value ~ "'. Allowed: " ~ allowed | join(', ')
        ) %}
    {% endif %}
{% endmacro %}


{#- Whole numbers from 1 on, else an error that names the argument. -#}
{% macro check_whole_numbers(macro_name, argument, values) %}
    {% for value in values if value is not integer or value is boolean or value < 1 %}
        {% do exceptions.raise_compiler_error(
            macro_name ~ ': ' ~ argument ~ ' takes whole numbers from 1 on; got ' ~ value
        ) %}
    {% endfor %}
{% endmacro %}
