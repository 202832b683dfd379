{{ config(tags=['example']) }}

{% set window_days = 28 %}

-- Of the people who signed up in a week, how many started a subscription within four weeks of it.
with weeks as (

    {{ footpath.funnel_trend(
        ['Signed Up', 'Subscription Started'], window_seconds=window_days * 86400, interval='week'
    ) }}

),

data_until as (

    select {{ footpath.local_time('data_until') }} as local_data_until
    from {{ ref('data_until') }}

)

select
    cast(weeks.interval_start as date) as week,
    weeks.from_count as signed_up_count,
    weeks.to_count as subscribed_count,
    weeks.conversion_rate,
    -- A week of which somebody may still convert in time.
    weeks.interval_start + interval '{{ 7 + window_days }} days' <= data_until.local_data_until as is_mature,
    'ordered' as step_order,
    {{ window_days }} as window_days,
    '{{ footpath.setting('reporting_timezone') }}' as reporting_timezone
from weeks
cross join data_until
