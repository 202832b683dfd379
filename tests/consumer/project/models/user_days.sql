-- The shop has a table of this name itself. It does not get in the way of footpath's.
select distinct
    account,
    cast(happened_at at time zone 'Europe/Berlin' as date) as day
from {{ ref('app_log') }}
where account is not null
