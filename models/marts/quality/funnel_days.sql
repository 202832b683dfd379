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
        {{ funnel['window_seconds'] }} as window_seconds,
        steps.interval_start,
        steps.from_count,
        steps.to_count
    from (

        {{ footpath.funnel_trend(funnel['steps'], window_seconds=funnel['window_seconds'], interval='day') }}

    ) as steps
    {{ 'union all' if not loop.last }}
    {% else %}
    select
        cast(null as varchar) as funnel,
        0 as window_seconds,
        cast(null as timestamp) as interval_start,
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
    -- A day of which somebody may still come to the end in time.
    days.interval_start + interval '1 day' + {{ footpath.intervals('days.window_seconds', 'second') }}
    <= data_until.local_data_until as is_mature
from days
cross join data_until
