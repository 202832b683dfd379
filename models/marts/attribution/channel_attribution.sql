-- Which channels bring conversions, by seven models: all conversions and all their value, shared out in each of them.
with credits as (

    {{ footpath.attribution() | indent(4) }}

)

select
    model,
    event_name,
    channel,
    sum(conversion_credit) as conversion_credit,
    sum(value_credit) as value_credit
from credits
group by model, event_name, channel
