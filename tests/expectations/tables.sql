-- A warehouse in miniature, in the shape of the contract, on which every check of gate 2 passes:
-- Ann has two sessions (one with two page views), Bob's device one, a bot and nobody none.
create schema main_internal;
set search_path = 'main,main_internal';
create table main_internal.event_rows (
  event_key uuid, source varchar, event_id varchar, event_name varchar, event_type varchar,
  event_at timestamp, received_at timestamp, anonymous_id varchar, user_id varchar, is_bot boolean,
  page_url varchar, page_path varchar, group_id varchar, properties json, row_state varchar, batch_id varchar,
  available_at timestamp
);
create table main_internal.event_links (
  event_key uuid, session_id uuid, person_id uuid, source varchar, actor_key varchar, event_at timestamp,
  event_day date, event_type varchar, is_bot boolean, is_counted boolean
);
create macro id(kind, name) as md5(kind || '-' || name)::uuid;

insert into event_rows
select
  id('event', number), 'web', 'e' || number, name, type, cast(seen_at as timestamp),
  cast(seen_at as timestamp), device, user_id, bot,
  case when type = 'page' then 'https://shop.example' || path end, path, group_id, '{"n": 1}', 'event', 'b1',
  cast(seen_at as timestamp)
from (values
  (1, 'page', 'page', '2026-01-01 10:00:00', 'd1', null, false, '/', null),
  (2, 'page', 'page', '2026-01-01 10:00:30', 'd1', 'ann', false, '/cart', 'g1'),
  (3, 'buy', 'track', '2026-01-02 09:00:00', 'd1', 'ann', false, null, 'g2'),
  (4, 'page', 'page', '2026-01-02 12:00:00', 'd2', null, false, '/', null),
  (5, 'page', 'page', '2026-01-02 13:00:00', 'crawler', null, true, '/', 'g1'),
  (6, 'ping', 'track', '2026-01-02 14:00:00', null, null, false, null, 'g1')
) as event (number, name, type, seen_at, device, user_id, bot, path, group_id);

insert into event_links
select
  event_key, case when session is not null then id('session', session) end, id('person', person), source,
  anonymous_id, event_at, event_at::date, event_type, is_bot, not is_bot
from (values ('e1', 1, 'ann'), ('e2', 1, 'ann'), ('e3', 2, 'ann'), ('e4', 3, 'd2'), ('e5', null, 'crawler'))
  as link (event_id, session, person)
join event_rows using (event_id);

-- Repeats of the first event, and a row that is in quarantine.
insert into event_rows by name
select id('event', 1) as event_key, 'web' as source, 'duplicate' as row_state, 'b1' as batch_id from range(93)
union all
select id('event', 'bad'), 'web', 'quarantined', 'b1';

create table main_internal.event_groups as
select event_key, id('group', group_id) as group_key, group_id, person_id
from event_rows left join event_links using (event_key)
where group_id is not null and not event_rows.is_bot and row_state = 'event';

create view events as
select event_rows.*, not event_rows.is_bot as is_counted, event_links.session_id, event_links.person_id
from main_internal.event_rows left join main_internal.event_links using (event_key)
where row_state = 'event';

create table sessions (
  session_id uuid, person_id uuid, anonymous_id varchar, started_at timestamp, ended_at timestamp,
  event_count bigint, page_view_count bigint, source varchar, actor_key varchar, session_day date
);
insert into sessions
select *, 'web', device, cast(started_at as date)
from (values
  (id('session', 1), id('person', 'ann'), 'd1', timestamp '2026-01-01 10:00:00', '2026-01-01 10:00:30', 2, 2),
  (id('session', 2), id('person', 'ann'), 'd1', '2026-01-02 09:00:00', '2026-01-02 09:00:00', 1, 0),
  (id('session', 3), id('person', 'd2'), 'd2', '2026-01-02 12:00:00', '2026-01-02 12:00:00', 1, 1)
) as session (session_id, person_id, device, started_at, ended_at, event_count, page_view_count);

create table page_views (
  event_key uuid, session_id uuid, person_id uuid, viewed_at timestamp, page_path varchar,
  seconds_on_page bigint, number_in_session bigint, source varchar, actor_key varchar
);
insert into page_views values
  (id('event', 1), id('session', 1), id('person', 'ann'), '2026-01-01 10:00:00', '/', 30, 1, 'web', 'd1'),
  (id('event', 2), id('session', 1), id('person', 'ann'), '2026-01-01 10:00:30', '/cart', null, 2, 'web', 'd1'),
  (id('event', 4), id('session', 3), id('person', 'd2'), '2026-01-02 12:00:00', '/', null, 1, 'web', 'd2');

create table users (
  person_id uuid, user_id varchar, is_identified boolean, first_seen_at timestamp,
  last_seen_at timestamp, event_count bigint, session_count bigint, page_view_count bigint, conversion_count bigint
);
insert into users values
  (id('person', 'ann'), 'ann', true, '2026-01-01 10:00:00', '2026-01-02 09:00:00', 3, 2, 2, 1),
  (id('person', 'd2'), null, false, '2026-01-02 12:00:00', '2026-01-02 12:00:00', 1, 1, 1, 0);

create table user_days (
  person_id uuid, day date, event_count bigint, session_count bigint, page_view_count bigint, conversion_count bigint
);
insert into user_days values
  (id('person', 'ann'), '2026-01-01', 2, 1, 2, 0),
  (id('person', 'ann'), '2026-01-02', 1, 1, 0, 1),
  (id('person', 'd2'), '2026-01-02', 1, 1, 1, 0);

create table user_traits (
  person_id uuid, trait varchar, value json, valid_from timestamp, valid_to timestamp
);
insert into user_traits values
  (id('person', 'ann'), 'plan', '"trial"', '2026-01-01 10:00:30', '2026-01-02 09:00:00'),
  (id('person', 'ann'), 'plan', '"team"', '2026-01-02 09:00:00', null),
  (id('person', 'ann'), 'name', '"Ann"', '2026-01-02 09:00:00', null);

create table groups (
  group_key uuid, group_id varchar, event_count bigint, person_count bigint, first_seen_at timestamp,
  last_seen_at timestamp
);
insert into groups values
  (id('group', 'g1'), 'g1', 2, 1, '2026-01-01 10:00:30', '2026-01-02 14:00:00'),
  (id('group', 'g2'), 'g2', 1, 1, '2026-01-02 09:00:00', '2026-01-02 09:00:00');

create table person_groups (
  person_id uuid, group_key uuid, group_id varchar, is_latest boolean, event_count bigint
);
insert into person_groups values
  (id('person', 'ann'), id('group', 'g1'), 'g1', false, 1),
  (id('person', 'ann'), id('group', 'g2'), 'g2', true, 1);

create table identities (
  identifier_type varchar, identifier varchar, identity_namespace varchar, person_id uuid,
  valid_from timestamp, valid_to timestamp
);
insert into identities values
  ('user', 'ann', null, id('person', 'ann'), null, null),
  ('device', 'd1', 'web', id('person', 'ann'), null, '2026-02-01'),
  ('device', 'd1', 'web', id('person', 'eve'), '2026-02-01', null),
  ('device', 'd2', 'web', id('person', 'd2'), null, null);

create table shared_devices (device_key uuid, user_count bigint, person_count bigint);
insert into shared_devices values
  (id('device', 'd1'), 2, 2),
  (id('device', 'd2'), 3, 1);

create table people_with_many_identifiers (
  person_id uuid, identifier_count bigint, linked_identifier_count bigint, identifier_limit integer
);
insert into people_with_many_identifiers values
  (id('person', 'ann'), 101, null, 100),
  (id('person', 'd2'), 2, 140, 100);

create table merges_by_day (day date, kind varchar, merge_count bigint);
insert into merges_by_day values
  ('2026-01-01', 'alias', 1),
  ('2026-01-01', 'sign_up', 2);

create table plan_conformity as
select * from (values
    ('cart', null, 'any', 'shop', null, 1, 100, 1, 0.01, id('event', 'e1')),
    ('cart', 'size', 'missing_property', 'shop', null, 1, 100, 1, 0.01, id('event', 'e1')),
    ('cart', 'size', 'wrong_type', 'shop', null, 1, 100, 1, 0.01, id('event', 'e1')),
    ('cart', null, 'not_seen', 'app', null, 7, 0, 0, null, null)
) as rows (
    event_name, property, verdict, source, app_version, days, event_count, violation_count, violation_rate,
    sample_event_key
);
create table load_files (
  source varchar, file varchar, sha256 varchar, batch_id varchar, loaded_at timestamp, state varchar,
  raw_rows bigint, event_rows bigint, duplicate_rows bigint, quarantined_rows bigint,
  erased_rows bigint, repeated_rows_without_id bigint
);
insert into load_files values
  ('web', 'one.jsonl', 'a', 'b1', '2026-01-03', 'admitted', 100, 6, 93, 1, 0, 0),
  ('web', 'two.jsonl', 'b', 'b2', '2026-01-03', 'replaced', 9, null, null, null, null, null),
  ('web', 'two.jsonl', 'c', 'b3', '2026-01-03', 'held', 9, null, null, null, null, null);

create table quarantined_events (
  source varchar, file varchar, line bigint, reason varchar, raw varchar
);
insert into quarantined_events values ('web', 'one.jsonl', 7, 'invalid_json', '{');

-- What is counted of all that.
create table daily_activity (day date, active_person_count bigint, new_person_count bigint);
insert into daily_activity values ('2026-01-01', 1, 1), ('2026-01-02', 2, 1);

create table retention_weekly (
  cohort_week date, week_number bigint, cohort_size bigint, returned_person_count bigint
);
insert into retention_weekly values ('2025-12-29', 0, 2, 2), ('2025-12-29', 1, 2, null);

create table lifecycle_weekly (week date, status varchar, person_count bigint);
insert into lifecycle_weekly values ('2025-12-29', 'new', 2), ('2026-01-05', 'dormant', 2);

create table event_hours (
  source varchar, event_name varchar, hour timestamp, day date, event_count bigint, bot_event_count bigint
);
insert into event_hours values
  ('web', 'page', '2026-01-01 10:00:00', '2026-01-01', 2, 0),
  ('web', 'buy', '2026-01-02 09:00:00', '2026-01-02', 1, 0),
  ('web', 'page', '2026-01-02 12:00:00', '2026-01-02', 1, 0),
  ('web', 'page', '2026-01-02 13:00:00', '2026-01-02', 0, 1),
  ('web', 'ping', '2026-01-02 14:00:00', '2026-01-02', 1, 0);

create table property_days (
  source varchar, event_name varchar, day date, property varchar, event_count bigint, filled_count bigint
);
insert into property_days values ('web', 'page', '2026-01-01', 'n', 2, 2), ('web', 'buy', '2026-01-02', 'n', 1, 1);

create table received_hours (
  source varchar, hour timestamp, event_count bigint, duplicate_count bigint, quarantined_count bigint
);
insert into received_hours values ('web', '2026-01-01 10:00:00', 5, 93, 0), ('web', '2026-01-03', 1, 0, 1);

create table event_catalog (event_name varchar, event_count bigint, person_count bigint, session_count bigint);
insert into event_catalog values ('page', 4, 2, 2), ('buy', 1, 1, 1), ('ping', 1, 0, 0);

create table conversions (event_key uuid, person_id uuid, event_name varchar, value decimal(28, 4));
insert into conversions values (id('event', 3), id('person', 'ann'), 'buy', 10);

create table channel_attribution (
  model varchar, event_name varchar, channel varchar, conversion_credit decimal(28, 4), value_credit decimal(28, 4)
);
insert into channel_attribution values
  ('first', 'buy', 'Email', 1, 10), ('linear', 'buy', 'Email', 0.5, 5), ('linear', 'buy', 'Direct', 0.5, 5);

create table funnel_days (funnel varchar, day date, entered_count bigint, converted_count bigint);
insert into funnel_days values ('checkout', '2026-01-01', 2, 1);

-- What a run touched: everything, after which the tables are spoilt.
create table main_internal.unchecked_rows as select event_key from event_rows;
create table main_internal.unchecked_regions as
select source, actor_key, min(event_at) as from_at, max(event_at) as to_at
from event_links
group by source, actor_key;
create table main_internal.unchecked_people as
select distinct person_id, event_day as day from event_links
union
select person_id, null from identities;
create table main_internal.unchecked_groups as select group_key from groups;
create table main_internal.unchecked_batches as select distinct batch_id from event_rows;
create table main_internal.unchecked_models (model_name varchar);
