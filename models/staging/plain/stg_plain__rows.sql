{{ config(enabled=footpath.is_input('stg_plain__rows')) }}

with mapped as (

    select * from {{ source('raw', 'plain') }}

),

settings as (

    select
        source,
        time_is_corrected,
        makes_sessions
    from {{ source('raw', 'sources') }}

)

select
    {{ footpath.canonical_select({
        'source': 'mapped.source',
        'batch_id': 'mapped.batch_id',
        'file': 'mapped.file',
        'line': 'mapped.line',
        'loaded_at': 'mapped.loaded_at',
        'identity_namespace': 'mapped.identity_namespace',
        'time_is_corrected': 'settings.time_is_corrected',
        'makes_session': 'settings.makes_sessions',
        'event_id': 'mapped.event_id',
        'event_type': "coalesce(mapped.event_type, 'track')",
        'event_name': "nullif(trim(mapped.event_name), '')",
        'event_at': 'mapped.event_at',
        'event_at_text': 'mapped.event_at_text',
        'received_at': 'mapped.received_at',
        'sent_at': 'mapped.sent_at',
        'original_timestamp': 'mapped.original_timestamp',
        'event_order': 'mapped.event_order',
        'anonymous_id': 'mapped.anonymous_id',
        'user_id': 'mapped.user_id',
        'previous_id': 'mapped.previous_id',
        'group_id': 'mapped.group_id',
        'client_session_id': 'mapped.session_id',
        'is_bot': 'mapped.is_bot',
        'page_url': 'mapped.page_url',
        'page_path': 'mapped.page_path',
        'page_title': 'mapped.page_title',
        'page_name': 'mapped.page_name',
        'referrer': 'mapped.referrer',
        'utm_source': 'mapped.utm_source',
        'utm_medium': 'mapped.utm_medium',
        'utm_campaign': 'mapped.utm_campaign',
        'utm_term': 'mapped.utm_term',
        'utm_content': 'mapped.utm_content',
        'user_agent': 'mapped.user_agent',
        'app_version': 'mapped.app_version',
        'locale': 'mapped.locale',
        'properties': 'mapped.properties',
        'traits': 'mapped.traits',
        'record': 'mapped.record'
    }) }}
from mapped
inner join settings on mapped.source = settings.source
