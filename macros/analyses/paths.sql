{#-
    A select of the ways that people take: how often one item is followed by another, by their places in the path.

        {{ footpath.paths(item='path', start_point='/pricing') }}

    A path is the items of one person, in the order of (event_at, event_key), until a gap of session_gap_seconds or more.
    Equal items that follow each other are one, at the time of the last of them. Rows: source ('1_/pricing'), target
    ('2_/signup'), value (how often), average_seconds, edge_count (1) and place (1 for the most frequent edge; then by
    source and target). With edge_limit the edges after that place are one more row, without source and target, with
    their number as edge_count.
-#}
{% macro paths(
    item='path', session_gap_seconds=1800, step_limit=5, edge_limit=none, start_point=none, end_point=none, anchor=none,
    include=[], exclude=[], date_from=none, date_to=none, timezone=none, people=none, events=none
) %}
{%- if anchor is not none and (start_point is not none or end_point is not none) -%}
    {%- do exceptions.raise_compiler_error(
        'paths: an anchor looks both ways by itself. Allowed: anchor alone, or start_point and end_point'
    ) -%}
{%- endif -%}
{%- for name, number in {'session_gap_seconds': session_gap_seconds, 'step_limit': step_limit, 'edge_limit': edge_limit}.items()
    if number is not integer and not (name == 'edge_limit' and number is none) or number is integer and number < 1 -%}
    {%- do exceptions.raise_compiler_error('paths: ' ~ name ~ " is '" ~ number ~ "'. Allowed: a whole number from 1") -%}
{%- endfor -%}
{%- set first_point = footpath.path_point(start_point if anchor is none else anchor) -%}
{%- set last_point = footpath.path_point(end_point) -%}
{%- set half = step_limit // 2 -%}
{%- set person_order = 'partition by person_id order by event_at asc, event_key asc' -%}
with path_events as (

    {{ footpath.path_events(item, include, people, events) | indent(4) }}

),

items as (

    select
        person_id,
        event_key,
        event_at,
        case when item like '%_/' then substr(item, 1, length(item) - 1) else item end as item
    from path_events
    where
        item is not null
        and {{ footpath.in_range('event_at', date_from, date_to, timezone) }}

),

followed as (

    select
        person_id,
        event_key,
        event_at,
        item,
        lead(item) over ({{ person_order }}) as next_item,
        lead(event_at) over ({{ person_order }}) as next_at
    from items
    {%- if exclude %}
    where item not in ({% for text in exclude %}{{ footpath.path_point(text) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endif %}

),

-- The last event of each run of equal items.
runs as (

    select
        person_id,
        event_key,
        event_at,
        item,
        case when next_at < {{ footpath.add_seconds('event_at', session_gap_seconds) }} then 0 else 1 end as ends_path
    from followed
    where
        next_item is null
        or next_item <> item
        or next_at >= {{ footpath.add_seconds('event_at', session_gap_seconds) }}

),

{% if start_point is none and end_point is none and anchor is none and step_limit <= 20 -%}
-- Without points a place is how many runs ago the path before ended: no path has to be sorted again for it.
placed_transitions as (

    select
        case
            {%- for place in range(1, step_limit) %}
            when coalesce(lag(ends_path, {{ place }}) over ({{ person_order }}), 1) = 1 then {{ place }}
            {%- endfor %}
            when true then {{ step_limit }}
        end as position,
        item,
        event_at,
        ends_path,
        lead(item) over ({{ person_order }}) as next_item,
        lead(event_at) over ({{ person_order }}) as next_at
    from runs

),

transitions as (

    select
        position,
        item,
        event_at,
        next_item,
        next_at
    from placed_transitions
    where
        ends_path = 0
        and position < {{ step_limit }}

),
{%- else -%}
person_paths as (

    select
        person_id,
        event_key,
        event_at,
        item,
        coalesce(sum(ends_path) over (
            {{ person_order }} rows between unbounded preceding and 1 preceding
        ), 0) as path_number
    from runs

),

steps as (

    select
        person_id,
        path_number,
        item,
        event_at,
        row_number() over (partition by person_id, path_number order by event_at asc, event_key asc) as step
    from person_paths

),
{% if start_point is not none or anchor is not none %}
started as (

    select
        *,
        min(case when item = {{ first_point }} then step end) over (partition by person_id, path_number) as first_step
    from steps

),
{%- else %}
started as (

    select
        *,
        1 as first_step
    from steps

),
{%- endif %}

-- Paths without the points are left out.
bounded as (

    select
        *,
        {%- if end_point is none %}
        max(step) over (partition by person_id, path_number) as last_step
        {%- else %}
        min(case when item = {{ last_point }} and step >= first_step then step end)
            over (partition by person_id, path_number) as last_step
        {%- endif %}
    from started

),

placed as (

    {% if anchor is not none -%}
    select
        person_id,
        path_number,
        step - first_step as position,
        item,
        event_at
    from bounded
    where step - first_step between {{ 1 - step_limit }} and {{ step_limit - 1 }}
    {%- elif start_point is not none and end_point is not none -%}
    -- The middle of a path over the limit is one item, at the time of its first.
    select
        person_id,
        path_number,
        case
            when last_step - first_step < {{ step_limit }} or step - first_step <= {{ half }} then step - first_step + 1
            else step - last_step + {{ 2 * half + 1 }}
        end as position,
        case
            when last_step - first_step >= {{ step_limit }} and step - first_step = {{ half }} then '...'
            else item
        end as item,
        event_at
    from bounded
    where
        step between first_step and last_step
        and (
            last_step - first_step < {{ step_limit }}
            or step - first_step <= {{ half }}
            or last_step - step < {{ half }}
        )
    {%- elif end_point is not none -%}
    select
        person_id,
        path_number,
        step - case when last_step > {{ step_limit }} then last_step - {{ step_limit }} else 0 end as position,
        item,
        event_at
    from bounded
    where
        step <= last_step
        and step > last_step - {{ step_limit }}
    {%- else -%}
    select
        person_id,
        path_number,
        step - first_step + 1 as position,
        item,
        event_at
    from bounded
    where step - first_step between 0 and {{ step_limit - 1 }}
    {%- endif %}

),

transitions as (

    select
        position,
        item,
        event_at,
        lead(item) over (partition by person_id, path_number order by position asc) as next_item,
        lead(event_at) over (partition by person_id, path_number order by position asc) as next_at
    from placed

),
{%- endif %}

counted as (

    select
        position,
        item,
        next_item,
        count(*) as value,
        sum({{ footpath.seconds_between('event_at', 'next_at') }}) as seconds
    from transitions
    where next_item is not null
    group by position, item, next_item

),

named as (

    select
        cast(position as varchar) || '_' || item as source,
        cast(position + 1 as varchar) || '_' || next_item as target,
        value,
        seconds
    from counted

),

ranked as (

    select
        source,
        target,
        value,
        seconds,
        row_number() over (order by value desc, source asc, target asc) as place
    from named

)

select
    source,
    target,
    value,
    cast(seconds as double) / value as average_seconds,
    1 as edge_count,
    place
from ranked
{%- if edge_limit is not none %}
where place <= {{ edge_limit }}
union all
select
    cast(null as varchar) as source,
    cast(null as varchar) as target,
    cast(sum(value) as bigint) as value,
    cast(sum(seconds) as double) / sum(value) as average_seconds,
    count(*) as edge_count,
    {{ edge_limit + 1 }} as place
from ranked
where place > {{ edge_limit }}
having count(*) > 0
{%- endif %}
{% endmacro %}


{#- The events that paths are made of, with their item. Page views have a narrow table of their own. -#}
{% macro path_events(item, include, people, events) -%}
    {%- set definitions = [] -%}
    {%- for definition in include -%}
        {%- do definitions.append(footpath.event_definition(definition)) -%}
    {%- endfor -%}
    {%- if item == 'event' -%}
        select
            person_id,
            event_key,
            event_at,
            event_name as item
        from ({{ footpath.analysis_events(definitions, people=people, events=events) }}) as all_events
    {%- elif item == 'path' and events is none and not include -%}
        {%- set page_views -%}
            select
                event_key,
                person_id,
                session_id,
                'page' as event_name,
                viewed_at as event_at,
                page_path
            from {{ ref('footpath', 'page_views') }}
        {%- endset -%}
        {{ footpath.analysis_events(fields={'item': 'page_path'}, people=people, events=page_views) }}
    {%- else -%}
        {%- set expression = {
            'path': "page_path" if events is not none else "case when event_type = 'page' then page_path end",
            'screen': "case when event_type = 'screen' then page_name end"
        }.get(item, item) -%}
        {{ footpath.analysis_events(
            definitions, fields={'item': 'cast(' ~ expression ~ ' as varchar)'}, people=people, events=events
        ) }}
    {%- endif -%}
{%- endmacro %}


{#- An item as it stands in paths: without a slash at its end. -#}
{% macro path_point(text) -%}
    {%- if text is not none -%}
        {{ footpath.text_literal(text[:-1] if text | length > 1 and text.endswith('/') else text) }}
    {%- endif -%}
{%- endmacro %}
