{{ config(enabled=footpath.is_input('stg_segment__calls')) }}

{# What Segment puts into `context`; everything else there is not read. The address of the visitor (`ip`) is left
   out on purpose. #}
{% set context = {
    'page': {'url': 'VARCHAR', 'path': 'VARCHAR', 'title': 'VARCHAR', 'referrer': 'VARCHAR'},
    'campaign': {'source': 'VARCHAR', 'medium': 'VARCHAR', 'name': 'VARCHAR', 'term': 'VARCHAR', 'content': 'VARCHAR'},
    'app': {'version': 'VARCHAR'}, 'userAgent': 'VARCHAR', 'locale': 'VARCHAR', 'groupId': 'VARCHAR', 'traits': 'JSON'
} %}
{% set page = {'url': 'VARCHAR', 'path': 'VARCHAR', 'title': 'VARCHAR', 'referrer': 'VARCHAR'} %}

{# The whole call as JSON. Its JSON values are put in as they came: to read and write them again would be the dearest
   step of all. #}
{% set record = "concat(left(cast(to_json({'type': calls.type, 'messageId': calls.messageId, "
    ~ "'event': calls.event, 'name': calls.name, 'userId': calls.userId, 'anonymousId': calls.anonymousId, "
    ~ "'previousId': calls.previousId, 'groupId': calls.groupId, 'timestamp': calls.timestamp, "
    ~ "'originalTimestamp': calls.originalTimestamp, 'sentAt': calls.sentAt, 'receivedAt': calls.receivedAt}) as varchar), -1)"
    ~ ", ',\"properties\":', coalesce(cast(calls.properties as varchar), 'null')"
    ~ ", ',\"traits\":', coalesce(cast(calls.traits as varchar), 'null')"
    ~ ", ',\"context\":', coalesce(cast(calls.context as varchar), 'null'), '}')" %}

with calls as (

    select
        *,
        {{ footpath.json_fields('context', context) }} as fields,
        case when type = 'page' then {{ footpath.json_fields('properties', page) }} end as page
    from {{ source('raw', 'segment') }}

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
        'source': 'calls.source',
        'batch_id': 'calls.batch_id',
        'file': 'calls.file',
        'line': 'calls.line',
        'loaded_at': 'calls.loaded_at',
        'identity_namespace': 'calls.identity_namespace',
        'time_is_corrected': 'settings.time_is_corrected',
        'makes_session': 'settings.makes_sessions',
        'event_id': "nullif(trim(calls.messageId), '')",
        'event_type': "nullif(trim(calls.type), '')",
        'event_name': "nullif(trim(calls.event), '')",
        'event_at': footpath.parse_timestamp('calls.timestamp'),
        'event_at_text': "nullif(trim(calls.timestamp), '')",
        'received_at': footpath.parse_timestamp('calls.receivedAt'),
        'sent_at': footpath.parse_timestamp('calls.sentAt'),
        'original_timestamp': footpath.parse_timestamp('calls.originalTimestamp'),
        'anonymous_id': "nullif(trim(calls.anonymousId), '')",
        'user_id': "nullif(trim(calls.userId), '')",
        'previous_id': "nullif(trim(calls.previousId), '')",
        'group_id': "coalesce(nullif(trim(calls.groupId), ''), nullif(trim(calls.fields.groupId), ''))",
        'page_url': 'coalesce(calls.fields.page.url, calls.page.url)',
        'page_path': 'coalesce(calls.fields.page.path, calls.page.path)',
        'page_title': 'coalesce(calls.fields.page.title, calls.page.title)',
        'page_name': "nullif(trim(calls.name), '')",
        'referrer': 'coalesce(calls.fields.page.referrer, calls.page.referrer)',
        'utm_source': 'calls.fields.campaign.source',
        'utm_medium': 'calls.fields.campaign.medium',
        'utm_campaign': 'calls.fields.campaign.name',
        'utm_term': 'calls.fields.campaign.term',
        'utm_content': 'calls.fields.campaign.content',
        'user_agent': 'calls.fields.userAgent',
        'app_version': "nullif(trim(calls.fields.app.version), '')",
        'locale': 'calls.fields.locale',
        'properties': 'calls.properties',
        'traits': "coalesce(calls.traits, case when trim(calls.type) is distinct from 'group' then calls.fields.traits end)",
        'record': record
    }) }}
from calls
inner join settings on calls.source = settings.source
