select
    channel,
    count(*) as session_count,
    sum(event_count) as event_count,
    {{ footpath.setting('session_timeout') }} as session_timeout
from {{ ref('sessions') }}
group by channel
