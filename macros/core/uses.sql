{#-
    What of this project uses which events, read from dbt's graph: for event_uses.

    A model uses what its code, or its meta, names in quotes; an exposure or a metric what the models that it is made
    from use, at any distance, and what it names itself. footpath's own core, staging, catalog, plan and quality models
    are no use: they treat all events alike.
-#}

{#- Every text in quotes of some code, comments left out: quotes inside a text are taken apart once more. -#}
{% macro quoted_texts(code, language='sql') %}
    {% set comment = '#[^\n]*' if language == 'python' else '[{]#.*?#[}]|/[*].*?[*]/|--[^\n]*' %}
    {% set pattern = "(?s)" ~ comment ~ "|'((?:[^'\\\\]|''|\\\\.)*)'|\"((?:[^\"\\\\]|\"\"|\\\\.)*)\"" %}
    {% set texts = [] %}
    {% for single, double in modules.re.findall(pattern, code) %}
        {% set text = (single | replace("''", "'")) or (double | replace('""', '"')) %}
        {% set text = text | replace("\\'", "'") | replace('\\"', '"') %}
        {% if text and text not in texts %}
            {% do texts.append(text) %}
        {% endif %}
        {% if double %}
            {% for inner in modules.re.findall("'([^']+)'", double) if inner not in texts %}
                {% do texts.append(inner) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% do return(texts) %}
{% endmacro %}


{#- Whether a node of the graph may be a use of an event: a model, snapshot or analysis, and none of footpath's plumbing. -#}
{% macro may_use_events(node) %}
    {% set plumbing = node.package_name == 'footpath' and (
        node.fqn[1] != 'marts'
        or node.fqn[2] in ('catalog', 'plan', 'quality')
        or node.name in ('feature_engagement', 'merges_by_day')
    ) %}
    {% do return(node.resource_type in ('model', 'snapshot', 'analysis') and not plumbing) %}
{% endmacro %}


{#- funnel or retention by the analysis that a model calls, else the kind of node that it is. -#}
{% macro kind_of_use(node) %}
    {% for macro in node.depends_on.macros %}
        {% set name = macro.split('.')[2] %}
        {% if macro.startswith('macro.footpath.') and 'funnel' in name %}
            {% do return('funnel') %}
        {% elif macro == 'macro.footpath.retention' %}
            {% do return('retention') %}
        {% endif %}
    {% endfor %}
    {% do return(node.resource_type) %}
{% endmacro %}


{#- Rows {text, kind, name, through} of whatever may be the name of an event; which of them is, the data says. -#}
{% macro texts_that_may_be_events() %}
    {% set rows = [] %}
    {% if not execute %}
        {% do return(rows) %}
    {% endif %}
    {% set texts_of = {} %}
    {% set nodes = {} %}
    {% for node in graph.nodes.values() %}
        {% do nodes.update({node.unique_id: node}) %}
        {% if footpath.may_use_events(node) %}
            {% set texts = footpath.quoted_texts(node.raw_code, node.language)
                + footpath.quoted_texts(tojson(node.config.meta or {})) + footpath.quoted_texts(tojson(node.meta or {})) %}
            {% do texts_of.update({node.unique_id: texts | unique | list}) %}
            {% for text in texts | unique %}
                {% do rows.append({'text': text, 'kind': footpath.kind_of_use(node), 'name': node.name, 'through': none}) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for kind in ['semantic_models', 'metrics', 'exposures'] %}
        {% for node in graph.get(kind, {}).values() %}
            {% do nodes.update({node.unique_id: node}) %}
        {% endfor %}
    {% endfor %}
    {% for kind in ['metrics', 'exposures'] %}
        {% for node in graph.get(kind, {}).values() %}
            {% set through = {} %}
            {# The loop goes on over what is appended while it runs. #}
            {% set reached = node.depends_on.nodes | list %}
            {% for unique_id in reached if unique_id in nodes %}
                {% for parent in nodes[unique_id].depends_on.nodes if parent not in reached %}
                    {% do reached.append(parent) %}
                {% endfor %}
                {% for text in texts_of.get(unique_id, []) %}
                    {% do through.setdefault(text, []).append(nodes[unique_id].name) %}
                {% endfor %}
            {% endfor %}
            {% for text in footpath.quoted_texts(tojson([node.get('filter'), node.get('type_params'), node.meta])) %}
                {% do through.setdefault(text, []) %}
            {% endfor %}
            {% for text, names in through.items() %}
                {% do rows.append({
                    'text': text, 'kind': kind[:-1], 'name': node.name, 'through': names | unique | sort | join(', ') or none
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {% do return(rows) %}
{% endmacro %}


{#- The same of what says of itself that it is about events: the steps of the watched funnels. -#}
{% macro steps_of_watched_funnels() %}
    {% set rows = [] %}
    {% for name, funnel in footpath.setting('watched_funnels').items() %}
        {% for step in funnel['steps'] %}
            {% set event = step.get('event') if step is mapping else step %}
            {% if event %}
                {% do rows.append({'text': event, 'kind': 'watched_funnel', 'name': name, 'through': none}) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {% do return(rows) %}
{% endmacro %}
