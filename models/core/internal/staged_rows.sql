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
        {{ footpath.corrected_time() }} as event_at,
        coalesce(received_at, loaded_at) as available_at
    from {{ 'placed' if footpath.setting('manifest') == 'inputs' else 'inputs' }}

),

-- What the tracking plan says of a row (only of events whose violations have consequences), and what people say.
{% if footpath.setting('manifest') == 'raw' %}
planned as (

    select
        timed.*,
        actions.is_quarantined as breaks_plan,
        actions.detail as plan_detail,
        actions.kept_properties,
        discards.line is not null as is_discarded
    from timed
    left join {{ ref('plan_actions') }} as actions
        on timed.batch_id = actions.batch_id and timed.line = actions.line
    left join {{ source('raw', 'discards') }} as discards
        on timed.batch_id = discards.batch_id and timed.line = discards.line

),
{% else %}
planned as (

    select
        *,
        false as breaks_plan,
        cast(null as varchar) as plan_detail,
        cast(null as json) as kept_properties,
        false as is_discarded
    from timed

),
{% endif %}

classified as (

    select
        *,
        {{ footpath.quarantine_reason() }} as quarantine_reason
    from planned

),

-- The text of a whole row is wanted for the few that are unusable: the others do not carry it any further.
judged as (

    select
        * exclude (record),
        case when quarantine_reason is not null then left(record, 10000) end as raw_text
    from classified

),

-- Addresses are taken apart here and nowhere else. Most of them have no parameters: they are not searched for any.
addressed as (

    select
        * replace (
            coalesce(nullif(page_path, ''), {{ footpath.url_path('page_url') }}) as page_path,
            {% for name in ['utm_source', 'utm_medium', 'utm_campaign', 'utm_term', 'utm_content'] %}
            nullif(coalesce(
                {{ name }},
                case when contains(page_url, '{{ name }}=') then {{ footpath.url_parameter('page_url', name) }} end
            ), '') as {{ name }}{{ ',' if not loop.last }}
            {% endfor %}
        ),
        {{ footpath.url_host('page_url') }} as page_host,
        {{ footpath.url_host('referrer') }} as referrer_host,
        case
            when contains(page_url, 'id=') then {{ footpath.regex_group(
                'page_url', '[?&](gclid|gbraid|wbraid|dclid|msclkid|fbclid|ttclid|twclid|li_fat_id)=[^&#]'
            ) }}
        end as click_id_type
    from judged

),

masked as (

    select
        source,
        batch_id,
        file,
        line,
        loaded_at,
        available_at,
        quarantine_reason,
        case when quarantine_reason = 'plan_violation' then plan_detail end as quarantine_detail,
        case when raw_text is not null then {{ footpath.mask_raw('raw_text') }} end as raw,
        event_id is not null as has_own_id,
        coalesce(event_type, 'track') as event_type,
        {{ footpath.mask_text('event_name') }} as event_name,
        event_at,
        received_at,
        sent_at,
        original_timestamp,
        event_order,
        coalesce(identity_namespace, source) as device_namespace,
        coalesce(identity_namespace, '') as user_namespace,
        {{ footpath.mask_identifier('anonymous_id') }} as anonymous_id,
        {{ footpath.mask_identifier('user_id') }} as user_id,
        {{ footpath.mask_identifier('previous_id') }} as previous_id,
        {{ footpath.mask_identifier('group_id') }} as group_id,
        {{ footpath.mask_identifier('client_session_id') }} as client_session_id,
        is_bot,
        coalesce(makes_session, true) as makes_session,
        {{ footpath.mask_text('page_url') }} as page_url,
        {{ footpath.mask_text('page_path') }} as page_path,
        page_host,
        {{ footpath.mask_text('page_title') }} as page_title,
        {{ footpath.mask_text('page_name') }} as page_name,
        {{ footpath.mask_text('referrer') }} as referrer,
        referrer_host,
        {{ footpath.mask_text('utm_source') }} as utm_source,
        {{ footpath.mask_text('utm_medium') }} as utm_medium,
        {{ footpath.mask_text('utm_campaign') }} as utm_campaign,
        {{ footpath.mask_text('utm_term') }} as utm_term,
        {{ footpath.mask_text('utm_content') }} as utm_content,
        click_id_type,
        {{ footpath.mask_text('user_agent') }} as user_agent,
        {{ footpath.mask_text('app_version') }} as app_version,
        locale,
        {{ footpath.mask_json('properties') }} as properties,
        {{ footpath.mask_json('traits') }} as traits,
        kept_properties,
        event_id
    from addressed

),

identified as (

    select
        * exclude (event_id),
        -- A row without an id of its own is known by its content as it was sent. What describes the delivery stays out
        -- of it.
        coalesce(event_id, 'content:' || {{ footpath.values_hash(footpath.content_columns()) }}) as event_id
    from masked

),

{% if footpath.setting('manifest') == 'raw' %}
old_names as (

    select
        plan_names.name,
        sources.source,
        plan_names.event_name
    from {{ source('raw', 'plan_names') }} as plan_names
    inner join {{ source('raw', 'sources') }} as sources
        on plan_names.source is null or plan_names.source = sources.source
    where plan_names.is_old_name

),

-- The tracking plan renames events and drops properties. What was sent is kept beside what is read.
renamed as (

    select
        identified.* replace (
            coalesce(old_names.event_name, identified.event_name) as event_name,
            case
                when identified.event_type not in ('identify', 'group') and identified.kept_properties is not null
                    then identified.kept_properties
                else identified.properties
            end as properties,
            case
                when identified.event_type in ('identify', 'group') and identified.kept_properties is not null
                    then identified.kept_properties
                else identified.traits
            end as traits
        ),
        case when old_names.event_name is not null then identified.event_name end as sent_event_name,
        case
            when identified.kept_properties is not null then {{ footpath.judged_properties('identified') }}
        end as sent_properties
    from identified
    left join old_names
        on identified.event_name = old_names.name and identified.source = old_names.source

)
{% else %}
renamed as (

    select
        *,
        cast(null as varchar) as sent_event_name,
        cast(null as json) as sent_properties
    from identified

)
{% endif %}

select
    * exclude (kept_properties) replace ({{ footpath.mask_text('event_id') }} as event_id),
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
from renamed
