-- What uses which event, as far as dbt knows: models that name it (funnels and retention among them), what metrics and
-- exposures are made from, conversions, watched funnels, and the tables that a type of call is what they are made of.
{% set texts = footpath.texts_that_may_be_events() %}

with seen as (

    select distinct
        event_name,
        event_type
    from {{ ref('event_rows') }}
    where row_state = 'event'

),

names as (

    select event_name from seen
    union distinct
    select event_name from {{ ref('planned_names') }}

),

texts as (

    {% if texts %}
    select named.*
    from (
        values
        {% for row in texts %}
        (
            {{ footpath.text_literal(row['text']) }},
            '{{ row['kind'] }}',
            {{ footpath.text_literal(row['name']) }},
            {{ footpath.text_literal(row['through']) if row['through'] else 'cast(null as varchar)' }}
        ){{ ',' if not loop.last }}
        {% endfor %}
    ) as named (text, used_by_type, used_by, through)
    {% else %}
    select
        cast(null as varchar) as text,
        cast(null as varchar) as used_by_type,
        cast(null as varchar) as used_by,
        cast(null as varchar) as through
    where false
    {% endif %}

),

tables_of_types as (

    {% for event_type, table in [
        ('page', 'page_views'), ('screen', 'sessions'), ('heartbeat', 'sessions'), ('identify', 'identities'),
        ('alias', 'identities'), ('group', 'groups')
    ] %}
    select
        '{{ event_type }}' as event_type,
        '{{ table }}' as used_by
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

uses as (

    select
        texts.text as event_name,
        texts.used_by_type,
        texts.used_by,
        texts.through
    from texts
    inner join names on texts.text = names.event_name

    union all

    select
        event_name,
        'conversion' as used_by_type,
        'conversion_events' as used_by,
        null as through
    from {{ ref('conversion_events') }}

    {% for row in footpath.steps_of_watched_funnels() %}
    union all

    select
        {{ footpath.text_literal(row['text']) }} as event_name,
        '{{ row['kind'] }}' as used_by_type,
        {{ footpath.text_literal(row['name']) }} as used_by,
        null as through
    {% endfor %}

    union all

    select
        seen.event_name,
        'table' as used_by_type,
        tables_of_types.used_by,
        null as through
    from seen
    inner join tables_of_types on seen.event_type = tables_of_types.event_type

)

select
    event_name,
    used_by_type,
    used_by,
    min(through) as through
from uses
group by event_name, used_by_type, used_by
