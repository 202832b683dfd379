{{ config(materialized='view') }}

-- The shop's own log as footpath's canonical columns. A load run is a batch.
select
    {{ footpath.canonical_select({
        'source': "'app'",
        'batch_id': 'load_run',
        'loaded_at': 'loaded_at',
        'event_id': 'id',
        'event_type': "case action when 'page view' then 'page' else 'track' end",
        'event_name': "nullif(action, 'page view')",
        'event_at': 'happened_at',
        'anonymous_id': 'visitor',
        'user_id': 'account',
        'page_url': 'url',
        'referrer': 'referrer',
        'user_agent': 'agent',
        'properties': "json_object('plan', plan)",
        'record': 'to_json(app_log)'
    }) }}
from {{ ref('app_log') }} as app_log
