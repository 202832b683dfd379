-- How many of those who entered a declared funnel on a day came to its end: what anomalies of conversion are found in.
-- The funnels are the setting watched_funnels.
{% set funnels = footpath.setting('watched_funnels') %}

with data_until as (

    select {{ footpath.local_time('data_until') }} as local_data_until
    from {{ ref('data_until') }}

),

days as (

    {% for name, funnel in funnels.items() %}
    select
        {{ footpath.text_literal(name) }} as funnel,
        steps.interval_start,
        -- until then somebody who entered on that day may still come to the end in time
        {{ footpath.add_seconds('steps.interval_start', 86400 + funnel['window_seconds']) }} as over_at,
        steps.from_count,
        steps.to_count
    from (

        {{ footpath.funnel_trend(funnel['steps'], window_seconds=funnel['window_seconds'], interval='day') }}

    ) as steps
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as funnel,
        cast(null as timestamp) as interval_start,
        cast(null as timestamp) as over_at,
        cast(null as bigint) as from_count,
        cast(null as bigint) as to_count
    from data_until
    where false
    {% endfor %}

)

select
    days.funnel,
    cast(days.interval_start as date) as day,
    days.from_count as entered_count,
    days.to_count as converted_count,
    days.over_at <= data_until.local_data_until as is_mature
from days
cross join data_until
