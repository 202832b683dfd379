{{ config(materialized='table') }}

-- The rows of the batches that this run adds: judged, timed, masked and keyed. Nothing here looks at another row.
with inputs as (

    {% for name in footpath.setting('inputs') %}
    select
        {{ footpath.canonical_columns() | join(',\n        ') }}
    from {{ ref(name) }}
    where batch_id in (select plan.batch_id from {{ ref('load_plan') }} as plan where plan.step = 'add')
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

{% if footpath.setting('manifest') == 'inputs' %}
-- Tables have no files and lines. Rows without a line are numbered by what is in them, so that every run gives a
-- row the same number.
placed as (

    select
        * replace (
            coalesce(file, batch_id) as file,
            coalesce(line, row_number() over (
                partition by batch_id
                order by case when line is null then {{ footpath.values_hash(footpath.canonical_columns()) }} end
            )) as line
        )
    from inputs

),
{% endif %}

timed as (

    select
        * exclude (event_at),
        event_at as given_at,
        -- The client's clock may be wrong, the distance between its two stamps is not.
        case
            when
                received_at is not null
                and sent_at is not null
                and original_timestamp is not null
                and not coalesce(time_is_corrected, event_at <> original_timestamp, false)
                then received_at - (sent_at - original_timestamp)
            else coalesce(event_at, received_at)
        end as event_at,
        coalesce(received_at, loaded_at) as available_at
    from {{ 'placed' if footpath.setting('manifest') == 'inputs' else 'inputs' }}

),

judged as (

    select
        *,
        case
            when unreadable_reason is not null then unreadable_reason
            when strlen(record) > {{ footpath.setting('max_event_bytes') }} then 'too_large'
            when event_at_text is not null and given_at is null then 'unparsable_time'
            when event_at is null then 'missing_time'
            when event_name is null then 'missing_event_name'
            when event_at > {{ footpath.add_seconds('available_at', footpath.setting('future_tolerance')) }}
                then 'time_in_future'
            when event_at < timestamp '{{ footpath.setting('earliest_plausible_event_at') }}' then 'time_too_early'
        end as quarantine_reason
    from timed

),

-- Addresses repeat: each is taken apart once.
addresses as (

    select
        page_url as address,
        {{ footpath.mask_text('page_url') }} as masked_url,
        {{ footpath.url_path('page_url') }} as path,
        {{ footpath.url_host('page_url') }} as host,
        {{ footpath.url_parameter('page_url', 'utm_source') }} as utm_source,
        {{ footpath.url_parameter('page_url', 'utm_medium') }} as utm_medium,
        {{ footpath.url_parameter('page_url', 'utm_campaign') }} as utm_campaign,
        {{ footpath.url_parameter('page_url', 'utm_term') }} as utm_term,
        {{ footpath.url_parameter('page_url', 'utm_content') }} as utm_content,
        {{ footpath.regex_group(
            'page_url', '[?&](gclid|gbraid|wbraid|dclid|msclkid|fbclid|ttclid|twclid|li_fat_id)=[^&#]'
        ) }} as click_id_type
    from (select distinct page_url from judged where page_url is not null) as page_urls

),

referrers as (

    select
        referrer as address,
        {{ footpath.mask_text('referrer') }} as masked_url,
        {{ footpath.url_host('referrer') }} as host
    from (select distinct referrer from judged where referrer is not null) as page_referrers

),

masked as (

    select
        judged.source,
        judged.batch_id,
        judged.file,
        judged.line,
        judged.loaded_at,
        judged.available_at,
        judged.quarantine_reason,
        case
            when judged.quarantine_reason is not null then {{ footpath.mask_raw('left(judged.record, 10000)') }}
        end as raw,
        judged.event_id is not null as has_own_id,
        coalesce(judged.event_type, 'track') as event_type,
        {{ footpath.mask_text('judged.event_name') }} as event_name,
        judged.event_at,
        judged.received_at,
        judged.sent_at,
        judged.original_timestamp,
        judged.event_order,
        coalesce(judged.identity_namespace, judged.source) as device_namespace,
        coalesce(judged.identity_namespace, '') as user_namespace,
        {{ footpath.mask_identifier('judged.anonymous_id') }} as anonymous_id,
        {{ footpath.mask_identifier('judged.user_id') }} as user_id,
        {{ footpath.mask_identifier('judged.previous_id') }} as previous_id,
        {{ footpath.mask_identifier('judged.group_id') }} as group_id,
        {{ footpath.mask_identifier('judged.client_session_id') }} as client_session_id,
        judged.is_bot,
        coalesce(judged.makes_session, true) as makes_session,
        addresses.masked_url as page_url,
        {{ footpath.mask_text("coalesce(nullif(judged.page_path, ''), addresses.path)") }} as page_path,
        addresses.host as page_host,
        {{ footpath.mask_text('judged.page_title') }} as page_title,
        {{ footpath.mask_text('judged.page_name') }} as page_name,
        referrers.masked_url as referrer,
        referrers.host as referrer_host,
        {{ footpath.mask_text("nullif(coalesce(judged.utm_source, addresses.utm_source), '')") }} as utm_source,
        {{ footpath.mask_text("nullif(coalesce(judged.utm_medium, addresses.utm_medium), '')") }} as utm_medium,
        {{ footpath.mask_text("nullif(coalesce(judged.utm_campaign, addresses.utm_campaign), '')") }} as utm_campaign,
        {{ footpath.mask_text("nullif(coalesce(judged.utm_term, addresses.utm_term), '')") }} as utm_term,
        {{ footpath.mask_text("nullif(coalesce(judged.utm_content, addresses.utm_content), '')") }} as utm_content,
        addresses.click_id_type,
        {{ footpath.mask_text('judged.user_agent') }} as user_agent,
        judged.locale,
        {{ footpath.mask_json('judged.properties') }} as properties,
        {{ footpath.mask_json('judged.traits') }} as traits,
        judged.event_id
    from judged
    left join addresses on judged.page_url = addresses.address
    left join referrers on judged.referrer = referrers.address

),

identified as (

    select
        * exclude (event_id),
        -- A row without an id of its own is known by its content. What describes the delivery stays out of it.
        coalesce(event_id, 'content:' || {{ footpath.content_hash() }}) as event_id
    from masked

)

select
    * replace ({{ footpath.mask_text('event_id') }} as event_id),
    case
        when quarantine_reason is null then {{ footpath.hash_key(['source', 'event_id']) }}
        else {{ footpath.hash_key(["'quarantined'", 'source', 'file', 'cast(line as varchar)']) }}
    end as event_key,
    case
        when anonymous_id is not null
            then {{ footpath.hash_key(["'device'", 'device_namespace', 'anonymous_id']) }}
    end as device_key,
    case
        when user_id is not null then {{ footpath.hash_key(["'user'", 'user_namespace', 'user_id']) }}
    end as user_key
from identified
