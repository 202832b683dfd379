-- The events that conversion_events names, with their value: what attribution shares out. Found by name in the narrow
-- table; of the events themselves only the properties of these are read.
select
    links.event_key,
    links.person_id,
    links.session_id,
    links.event_name,
    cast(
        {{ footpath.decimal_of(footpath.json_member_of('events.properties', 'conversions.value_property')) }}
        as decimal(28, 4)
    ) as value,
    links.event_at as converted_at
from {{ ref('event_links') }} as links
inner join {{ ref('conversion_events') }} as conversions on links.event_name = conversions.event_name
inner join {{ ref('event_rows') }} as events on links.event_key = events.event_key
where
    links.is_counted
    and links.person_id is not null
    and events.row_state = 'event'
    and {{ footpath.is_conversion('events.properties', 'conversions') }}
