{{ config(schema='internal') }}

-- The names of the tracking plan, old ones too, with the planned event that each stands for. Empty without a plan, and
-- in a project that installs footpath, which has none.
{% if footpath.setting('manifest') == 'raw' %}
select distinct
    plan_names.name as event_name,
    plan_events.event_name as planned_event,
    plan_names.is_old_name,
    plan_events.owner,
    plan_events.status
from {{ source('raw', 'plan_names') }} as plan_names
inner join {{ source('raw', 'plan_events') }} as plan_events on plan_names.event_name = plan_events.event_name
{% else %}
select
    cast(null as varchar) as event_name,
    cast(null as varchar) as planned_event,
    cast(null as boolean) as is_old_name,
    cast(null as varchar) as owner,
    cast(null as varchar) as status
where false
{% endif %}
