-- The tables of footpath's core over Segment calls, by hand: one connection, one build, nothing kept for a later run.
--
-- What a good analytics engineer would write who needs these tables once and knows DuckDB: the wide rows are written
-- once, duplicates are found by their keys alone and deleted, windows see narrow columns only, sessions are joined to
-- their starts. What a value means (masks, addresses, channels) is footpath's own: `rule.` names its macros, so that
-- both sides work out the same values. Default settings only.

-- rows: every call, timed, masked and keyed.
create table rows as
with calls as (

    select
        files.source,
        files.file,
        files.loaded_at,
        calls.*,
        json_transform(context, '{"page": {"url": "VARCHAR", "path": "VARCHAR", "title": "VARCHAR", "referrer": "VARCHAR"},
            "campaign": {"source": "VARCHAR", "medium": "VARCHAR", "name": "VARCHAR", "term": "VARCHAR", "content": "VARCHAR"},
            "userAgent": "VARCHAR", "locale": "VARCHAR", "groupId": "VARCHAR", "traits": "JSON"}') as fields,
        case
            when type = 'page'
                then json_transform(properties, '{"url": "VARCHAR", "path": "VARCHAR", "title": "VARCHAR", "referrer": "VARCHAR"}')
        end as page
    from raw.rows_web as calls
    inner join raw.files as files on calls.batch_id = files.batch_id
    where files.state = 'admitted'

),

parsed as (

    select
        *,
        nullif(trim("timestamp"), '') as time_text,
        {{ rule.parse_timestamp('"timestamp"') }} as given_at,
        {{ rule.parse_timestamp('"receivedAt"') }} as received_time,
        {{ rule.parse_timestamp('"sentAt"') }} as sent_time,
        {{ rule.parse_timestamp('"originalTimestamp"') }} as original_time,
        nullif(trim(type), '') as call_type,
        coalesce(nullif(trim(event), ''), nullif(nullif(trim(type), ''), 'track')) as call_name,
        coalesce(fields.page.url, page.url) as url,
        coalesce(fields.page.referrer, page.referrer) as referrer_url
    from calls

),

plausible as (

    select
        * exclude (received_time, sent_time, original_time),
        case when received_time between timestamp '1900-01-01' and timestamp '9000-01-01' then received_time end as received_at,
        case when sent_time between timestamp '1900-01-01' and timestamp '9000-01-01' then sent_time end as sent_at,
        case when original_time between timestamp '1900-01-01' and timestamp '9000-01-01' then original_time end
            as original_timestamp
    from parsed

),

timed as (

    select
        *,
        case
            when received_at is not null and sent_at is not null and original_timestamp is not null
                and not coalesce(given_at <> original_timestamp, false)
                then received_at - (sent_at - original_timestamp)
            else coalesce(given_at, received_at)
        end as event_at,
        coalesce(received_at, loaded_at) as available_at
    from plausible

),

judged as (

    select
        *,
        case
            when strlen(context::varchar) + strlen(properties::varchar) > 150000 then 'too_large'
            when time_text is not null and given_at is null then 'unparsable_time'
            when event_at is null then 'missing_time'
            when call_name is null then 'missing_event_name'
            when event_at > available_at + interval 86400 seconds then 'time_in_future'
            when event_at < timestamp '2000-01-01' then 'time_too_early'
        end as reason
    from timed

),

masked as (

    select
        source,
        batch_id,
        file,
        line,
        loaded_at,
        available_at,
        reason,
        case
            when reason is not null then {{ rule.mask_raw(
                'left(cast(to_json({type: type, "messageId": "messageId", event: event, name: name, "userId": "userId", '
                ~ '"anonymousId": "anonymousId", "timestamp": "timestamp", properties: properties, context: context}) '
                ~ 'as varchar), 10000)'
            ) }}
        end as raw,
        coalesce(call_type, 'track') as event_type,
        {{ rule.mask_text('call_name') }} as event_name,
        event_at,
        received_at,
        sent_at,
        original_timestamp,
        {{ rule.mask_identifier('nullif(trim("anonymousId"), \'\')') }} as anonymous_id,
        {{ rule.mask_identifier('nullif(trim("userId"), \'\')') }} as user_id,
        {{ rule.mask_identifier('nullif(trim("previousId"), \'\')') }} as previous_id,
        {{ rule.mask_identifier("coalesce(nullif(trim(\"groupId\"), ''), nullif(trim(fields.\"groupId\"), ''))") }} as group_id,
        {{ rule.mask_text('url') }} as page_url,
        {{ rule.mask_text("coalesce(nullif(coalesce(fields.page.path, page.path), ''), " ~ rule.url_path('url') ~ ")") }}
            as page_path,
        {{ rule.url_host('url') }} as page_host,
        {{ rule.mask_text('coalesce(fields.page.title, page.title)') }} as page_title,
        {{ rule.mask_text("nullif(trim(name), '')") }} as page_name,
        {{ rule.mask_text('referrer_url') }} as referrer,
        {{ rule.url_host('referrer_url') }} as referrer_host,
        {% for name, tag in {'source': 'source', 'medium': 'medium', 'campaign': 'name', 'term': 'term', 'content': 'content'}.items() %}
        {{ rule.mask_text(
            "nullif(coalesce(fields.campaign." ~ tag ~ ", case when contains(url, 'utm_" ~ name ~ "=') then "
            ~ rule.url_parameter('url', 'utm_' ~ name) ~ " end), '')"
        ) }} as utm_{{ name }},
        {% endfor %}
        case
            when contains(url, 'id=')
                then {{ rule.regex_group(
                    'url', '[?&](gclid|gbraid|wbraid|dclid|msclkid|fbclid|ttclid|twclid|li_fat_id)=[^&#]'
                ) }}
        end as click_id_type,
        {{ rule.mask_text('fields."userAgent"') }} as user_agent,
        fields.locale as locale,
        {{ rule.mask_json('properties') }} as properties,
        {{ rule.mask_json("coalesce(traits, case when trim(type) is distinct from 'group' then fields.traits end)") }} as traits,
        nullif(trim("messageId"), '') as own_id
    from judged

)

select
    case
        when reason is null then md5(source || chr(31) || own_id)::uuid
        else md5('quarantined' || chr(31) || source || chr(31) || file || chr(31) || line)::uuid
    end as event_key,
    case when anonymous_id is not null then md5('device' || chr(31) || source || chr(31) || anonymous_id)::uuid end
        as device_key,
    case when user_id is not null then md5('user' || chr(31) || '' || chr(31) || user_id)::uuid end as user_key,
    * exclude (own_id),
    {{ rule.mask_text('own_id') }} as event_id
from masked;

create table quarantined_events as
select event_key, source, batch_id, file, line, reason, raw from rows where reason is not null;

-- Of the calls that came more than once, all but the smallest.
create temp table duplicates as
select rows.rowid as row_number, batch_id
from rows
inner join (select event_key from rows where reason is null group by event_key having count(*) > 1) as repeated
    on rows.event_key = repeated.event_key
qualify row_number() over (
    partition by rows.event_key
    order by received_at nulls last, event_at, md5(concat_ws(chr(31), event_name, anonymous_id, user_id, properties)), file, line
) > 1;

create table load_files as
select
    files.source,
    files.file,
    files.batch_id,
    files.raw_rows,
    files.raw_rows - coalesce(d.n, 0) - coalesce(q.n, 0) as event_rows,
    coalesce(d.n, 0) as duplicate_rows,
    coalesce(q.n, 0) as quarantined_rows
from raw.files as files
left join (select batch_id, count(*) as n from duplicates group by batch_id) as d on files.batch_id = d.batch_id
left join (select batch_id, count(*) as n from quarantined_events group by batch_id) as q on files.batch_id = q.batch_id;

delete from rows where rowid in (select row_number from duplicates) or reason is not null;

create table data_until as select max(least(event_at, available_at)) as data_until from rows;

-- python: user_agents

-- known_users, alias_events, spans: who is who.
create table known_users as
select user_key, min(user_id) as user_id from rows where user_key is not null group by user_key;

create temp table devices as
select device_key, min(source) as namespace, min(anonymous_id) as anonymous_id from rows where device_key is not null group by device_key;

create temp table aliases as
select
    event_at,
    user_key,
    user_id,
    previous_id,
    md5('user' || chr(31) || '' || chr(31) || previous_id)::uuid as previous_user_key,
    devices.device_key as previous_device_key
from rows
left join devices on md5('device' || chr(31) || source || chr(31) || previous_id)::uuid = devices.device_key
where event_type = 'alias' and user_key is not null and previous_id is not null;

create table merged_users as
with recursive links as (

    select previous_user_key as from_key, user_key as to_key from aliases where previous_device_key is null
    union
    select user_key as from_key, previous_user_key as to_key from aliases where previous_device_key is null

),

members as (

    select user_key, user_id from aliases where previous_device_key is null
    union
    select previous_user_key as user_key, previous_id as user_id from aliases where previous_device_key is null

),

reached as (

    select user_key, user_key as other_key from members
    union
    select reached.user_key, links.to_key as other_key
    from reached
    inner join links on reached.other_key = links.from_key

)

select reached.user_key, arg_min(members.user_key, members.user_id) as person_id
from reached
inner join members on reached.other_key = members.user_key
group by reached.user_key;

create temp table spans as
with instants as (

    select device_key, event_at, arg_min(user_key, user_id) as user_key
    from (
        select device_key, event_at, user_key, user_id
        from rows
        where device_key is not null and user_key is not null
        union all
        select previous_device_key, event_at, user_key, user_id from aliases where previous_device_key is not null
    ) as identified
    group by device_key, event_at

),

-- The last instant before another user takes over.
ends as (

    select
        *,
        lead(user_key) over (partition by device_key order by event_at) as next_user_key
    from instants
    qualify next_user_key is null or next_user_key <> user_key

)

select
    device_key,
    user_key,
    lag(event_at) over (partition by device_key order by event_at) as valid_from,
    case when next_user_key is not null then event_at end as valid_to
from ends;

create table identities as
select
    'device' as identifier_type,
    devices.anonymous_id as identifier,
    devices.namespace as identity_namespace,
    coalesce(merged.person_id, spans.user_key, devices.device_key) as person_id,
    spans.valid_from,
    spans.valid_to
from devices
left join spans on devices.device_key = spans.device_key
left join merged_users as merged on spans.user_key = merged.user_key
union all
select 'user', known.user_id, '', coalesce(merged.person_id, known.user_key), null, null
from (
    select user_key, user_id from known_users
    union
    select user_key, user_id from aliases where previous_device_key is null
    union
    select previous_user_key, previous_id from aliases where previous_device_key is null
) as known
left join merged_users as merged on known.user_key = merged.user_key;

-- links: each event with its person. Narrow from here on; what is wide is fetched by row id.
create temp table persons as
select
    rows.rowid as place,
    rows.event_key,
    rows.source,
    coalesce(rows.device_key, rows.user_key) as actor_key,
    rows.device_key,
    rows.user_key,
    coalesce(merged.person_id, rows.user_key, spans.user_key, rows.device_key) as person_id,
    rows.event_type,
    rows.event_name,
    coalesce(agents.is_bot, false) as is_bot,
    rows.event_at
from rows
left join user_agents as agents on rows.user_agent = agents.user_agent
left join spans
    on rows.user_key is null
    and rows.device_key = spans.device_key
    and (spans.valid_from is null or rows.event_at > spans.valid_from)
    and (spans.valid_to is null or rows.event_at <= spans.valid_to)
left join merged_users as merged on coalesce(rows.user_key, spans.user_key) = merged.user_key
where coalesce(rows.device_key, rows.user_key) is not null;

create temp table starts as
select
    source,
    actor_key,
    event_at as started_at,
    event_key,
    md5(source || chr(31) || actor_key::varchar || chr(31) || event_key::varchar)::uuid as session_id
from (
    select
        source,
        actor_key,
        event_at,
        event_key,
        lag(event_at) over (partition by source, actor_key order by event_at, event_key) as previous_at
    from persons
    where not is_bot
) as gaps
where previous_at is null or event_at > previous_at + interval 1800 seconds;

-- No event of the actor lies at the instant of a start and before it, so the time alone finds an event's start.
create table event_links as
select
    persons.* exclude (place),
    starts.session_id,
    persons.event_key = starts.event_key as is_session_start,
    persons.event_at::date as event_day
from (select * from persons where not is_bot) as persons
asof left join starts
    on persons.source = starts.source and persons.actor_key = starts.actor_key and persons.event_at >= starts.started_at
union all
select * exclude (place), null, null, event_at::date from persons where is_bot;

create table page_views as
with views as (

    select
        links.*,
        ended.session_ended_at,
        row_number() over (partition by session_id order by event_at, event_key) as number_in_session,
        lead(event_at) over (partition by session_id order by event_at, event_key) as next_view_at
    from (
        select event_key, session_id, person_id, source, actor_key, event_at
        from event_links
        where event_type = 'page' and session_id is not null
    ) as links
    inner join (
        select session_id, max(event_at) as session_ended_at from event_links where session_id is not null group by session_id
    ) as ended using (session_id)

)

select
    views.event_key,
    views.session_id,
    views.person_id,
    views.source,
    views.actor_key,
    rows.page_path,
    rows.page_url,
    views.number_in_session,
    {{ rule.seconds_between('views.event_at', 'coalesce(views.next_view_at, views.session_ended_at)') }} as seconds_on_page,
    views.event_at as viewed_at
from views
inner join rows on views.event_key = rows.event_key;

create table sessions as
with counted as (

    select
        session_id,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        count(*) as event_count,
        count(*) filter (where event_type = 'page') as page_view_count,
        count(*) filter (where event_type = 'screen') as screen_view_count,
        count(*) filter (where event_type not in ('page', 'screen', 'identify', 'group', 'alias', 'heartbeat'))
            as interaction_count,
        count(distinct person_id) as person_count
    from event_links
    where session_id is not null
    group by session_id

),

exits as (

    select session_id, arg_max(page_path, number_in_session) as exit_page_path from page_views group by session_id

),

entry_pages as (

    select
        views.session_id,
        views.page_path,
        rows.page_url,
        rows.page_host,
        rows.referrer_host,
        rows.utm_source,
        rows.utm_medium,
        rows.utm_campaign
    from page_views as views
    inner join rows on views.event_key = rows.event_key
    where views.number_in_session = 1

),

clicks as (

    select
        *,
        {{ rule.click_source('page_url') }} as click_source,
        {{ rule.referrer_source('referrer_host', 'page_host', 'page_url') }} as referrer_source
    from entry_pages

),

named as (

    select
        *,
        {{ rule.traffic_source('utm_source', 'utm_medium', 'click_source', 'referrer_source') }} as traffic_source
    from clicks

),

entries as (

    select
        named.*,
        categories.category,
        {{ rule.traffic_medium('utm_source', 'utm_medium', 'click_source', 'referrer_source', 'categories.category') }}
            as traffic_medium
    from named
    left join traffic_source_categories as categories on named.traffic_source = categories.source

)

select
    firsts.session_id,
    firsts.source,
    firsts.actor_key,
    firsts.person_id,
    rows.anonymous_id,
    rows.user_id,
    entries.page_path as entry_page_path,
    exits.exit_page_path,
    entries.utm_source,
    entries.utm_medium,
    entries.utm_campaign,
    entries.referrer_host,
    entries.traffic_source,
    entries.traffic_medium,
    entries.utm_campaign as traffic_campaign,
    case
        when entries.session_id is not null
            then {{ rule.default_channel_group(
                'traffic_source', 'traffic_medium', 'entries.utm_campaign', 'entries.category'
            ) }}
    end as channel,
    counted.page_view_count <= 1 and counted.interaction_count = 0 as is_bounce,
    counted.event_count,
    counted.page_view_count,
    counted.screen_view_count,
    counted.interaction_count,
    counted.person_count,
    {{ rule.seconds_between('counted.started_at', 'counted.ended_at') }} as engaged_seconds,
    counted.started_at::date as session_day,
    counted.started_at,
    counted.ended_at
from (select * from event_links where is_session_start) as firsts
inner join rows on firsts.event_key = rows.event_key
inner join counted on firsts.session_id = counted.session_id
left join entries on firsts.session_id = entries.session_id
left join exits on firsts.session_id = exits.session_id;

create table user_days as
select
    active.*,
    coalesce(started.session_count, 0) as session_count
from (
    select
        links.person_id,
        links.event_day as day,
        count(*) as event_count,
        count(*) filter (where links.event_type = 'page' and links.session_id is not null) as page_view_count,
        count(*) filter (where conversions.event_name is not null) as conversion_count,
        min(links.event_at) as first_event_at,
        max(links.event_at) as last_event_at
    from event_links as links
    left join conversion_events as conversions on links.event_name = conversions.event_name
    where not links.is_bot
    group by links.person_id, links.event_day
) as active
left join (
    select person_id, session_day as day, count(*) as session_count from sessions group by person_id, session_day
) as started using (person_id, day);

create table users as
with trait_events as (

    select links.person_id, links.event_key, links.event_at, rows.traits
    from event_links as links
    inner join rows on links.event_key = rows.event_key
    where links.event_type <> 'group' and not links.is_bot and rows.traits is not null

),

members as (

    {{ rule.json_members('trait_events', ['person_id', 'event_at', 'event_key'], 'traits') }}

),

traits as (

    select person_id, {{ rule.json_object_of('name', 'value') }} as traits
    from (
        select person_id, name, arg_max(value, row(event_at, event_key)) as value
        from members
        group by person_id, name
    ) as latest
    group by person_id

),

touches as (

    select
        person_id,
        arg_min(sessions, row(started_at, session_id)) as first_session,
        arg_max(sessions, row(started_at, session_id)) as last_session
    from (
        select person_id, session_id, started_at, traffic_source, traffic_medium, traffic_campaign, channel, entry_page_path
        from sessions
    ) as sessions
    group by person_id

)

select
    days.*,
    user_ids.user_id,
    user_ids.person_id is not null as is_identified,
    touches.first_session.traffic_source as first_source,
    touches.first_session.traffic_medium as first_medium,
    touches.first_session.traffic_campaign as first_campaign,
    touches.first_session.channel as first_channel,
    touches.first_session.entry_page_path as first_landing_page_path,
    touches.last_session.traffic_source as last_source,
    touches.last_session.traffic_medium as last_medium,
    touches.last_session.traffic_campaign as last_campaign,
    touches.last_session.channel as last_channel,
    touches.last_session.entry_page_path as last_landing_page_path,
    traits.traits
from (
    select
        person_id,
        sum(event_count)::bigint as event_count,
        sum(session_count)::bigint as session_count,
        sum(page_view_count)::bigint as page_view_count,
        sum(conversion_count)::bigint as conversion_count,
        count(*) as active_day_count,
        min(first_event_at) as first_seen_at,
        max(last_event_at) as last_seen_at
    from user_days
    group by person_id
) as days
left join touches on days.person_id = touches.person_id
left join traits on days.person_id = traits.person_id
left join (
    select coalesce(merged.person_id, known.user_key) as person_id, min(known.user_id) as user_id
    from known_users as known
    left join merged_users as merged on known.user_key = merged.user_key
    group by coalesce(merged.person_id, known.user_key)
) as user_ids on days.person_id = user_ids.person_id;

create view events as
select
    rows.* exclude (reason, raw),
    links.person_id,
    links.session_id,
    coalesce(agents.is_bot, false) as is_bot,
    agents.browser,
    agents.browser_version,
    agents.operating_system,
    agents.device_type
from rows
left join user_agents as agents on rows.user_agent = agents.user_agent
left join event_links as links on rows.event_key = links.event_key;
