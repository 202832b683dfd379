select max(engaged_seconds) as seconds
from {{ ref('footpath', 'sessions') }}
