{{ config(tags=['example']) }}

{% set window_days = 14 %}
{% set steps = ['Checkout Started', 'Payment Details Entered', 'Subscription Started'] %}

-- How far people come in the checkout, within two weeks of its start.
with steps as (

    {{ footpath.funnel(steps, window_seconds=window_days * 86400) }}

)

select
    step,
    event_name,
    person_count,
    lag(person_count) over (order by step) as previous_person_count,
    cast(person_count as double) / nullif(first_value(person_count) over (order by step), 0) as share_of_first_step,
    cast(person_count as double) / nullif(lag(person_count) over (order by step), 0) as share_of_previous_step,
    average_seconds,
    median_seconds,
    'ordered' as step_order,
    {{ window_days }} as window_days
from steps
