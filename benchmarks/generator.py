"""Simulated Segment calls for the benchmarks: event-like proportions, the same rows on every machine.

Everything follows from the number of a day, a session and an event by hashing (DuckDB's `hash`, the same for one
version of DuckDB), so any span of days can be made alone, and a longer history has the rows of a shorter one.

One file a day, some 200,000 calls each unless fewer sessions are asked for. A file of day d has the calls of d, and
1 % that belong to one of the 30 days before and come late; 1 % of all calls come once more within two days, with the
same id. Devices are born each day; some come back, mostly soon, few of them very often. About one in five calls is of
a known user.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration import loading
from orchestration.database import connect, literal
from orchestration.loading.catalog import SEGMENT_COLUMNS
from orchestration.loading.load import batch_id_of
from orchestration.settings import Settings
from orchestration.sources import read_sources

SOURCE = "web"
SOURCES_YML = f"sources: {{{SOURCE}: {{format: segment}}}}\n"
#: Make some 200,000 calls a day.
SESSIONS_PER_DAY = 25_000
#: The last day of every history; the daily batch is the day after.
LAST_DAY = date(2026, 3, 31)
#: Days since this one number the days.
DAY_ZERO = date(2020, 1, 1)
#: Days of full size that are made together when a history is filled: each looks at the 32 days before it.
DAYS_AT_ONCE = 5
MAX_DAYS_LATE = 30
MAX_DAYS_REPLAYED = 2

MACROS = """
create or replace temp macro pick(salt, day, number, position, count) as
    cast(hash(salt, day, number, position) % cast(count as ubigint) as bigint);
create or replace temp macro share(salt, day, number, position) as
    (hash(salt, day, number, position) % 1000003) / 1000003.0;
create or replace temp macro time_text(time) as strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ');
"""

#: The calls that the file of one day holds, in the order of their receipt. Parameters: the numbers of the first and
#: the last day whose files are wanted, and the share of sessions that is made (in thousandths).
CALLS = """
with sessions as (

    select
        days.day::bigint as day,
        slots.slot::bigint as slot,
        -- Of 25 sessions 3 are of new devices that may come back, 8 of some that never do; the others are of devices
        -- born before, soon after their birth mostly, some of them again and again.
        case
            when slot < $newcomers then days.day
            else days.day - 1 - floor(-ln(1 - share('lag', day, slot, 0)) * 14)::bigint
        end as born,
        case when slot < $newcomers then slot else floor($born * share('who', day, slot, 0) ** 2)::bigint end as device,
        -- Few sessions are long.
        least(1 + floor(-ln(1 - share('length', day, slot, 0)) * 7.4)::bigint, 150) as event_count
    from range($first_day - $max_days_late - $max_days_replayed, $last_day + 1) as days (day)
    cross join range($sessions) as slots (slot)

),

visits as (

    select
        *,
        pick('ua', born, device, 0, 2400) as user_agent,
        slot between $born and $born * 21 // 20 as is_bot,
        -- Work hours are busier.
        43200 + (share('start', day, slot, 0) + share('start', day, slot, 1) - 1) * 40000 as second_of_day,
        case when pick('clock', born, device, 0, 20) = 0 then pick('clock', born, device, 1, 1200) - 600 else 0 end
            as clock_skew,
        -- A third of the devices has a user; some users have two devices, some devices two users.
        case
            when pick('user', born, device, 0, 100) < 35 and pick('login', day, slot, 0, 100) < 70
                then 'u-' || born || '-' || (device - (pick('second', born, device, 0, 12) = 0)::bigint)
                    || case when pick('two', born, device, 0, 50) = 0 and slot % 2 = 0 then '-b' else '' end
        end as user_id,
        pick('login', day, slot, 1, 4) as login_at,
        pick('campaign', day, slot, 0, 100) as arrival,
        pick('plan', born, device, 0, 4) as plan
    from sessions

),

placed as (

    select
        day,
        slot,
        unnest(range(event_count)) as position
    from sessions

),

-- Which file brings a call is decided first: most calls of the days before are in files that are not wanted.
brought as (

    select
        *,
        case
            when pick('late', day, slot, position, 10000) < 100 then 1 + pick('late', day, slot, position + 1000, 30)
            else 0
        end as days_late,
        case
            when pick('replay', day, slot, position, 10000) < 100 then pick('replay', day, slot, position + 1000, 3)
        end as replayed_after
    from placed

),

delivered as (

    select *, day + days_late as file_day, false as is_replay from brought
    union all
    select *, day + days_late + replayed_after as file_day, true as is_replay from brought
    where replayed_after is not null

),

timed as (

    select
        visits.*,
        delivered.* exclude (day, slot),
        pick('kind', day, slot, position, 1000) as kind,
        make_timestamp(epoch_us($day_zero::timestamp)) + to_days(day::integer)
            + to_milliseconds(
                (1000 * (second_of_day + position * 48)) + pick('gap', day, slot, position, 40000)
            ) as happened_at,
        pick('delay', day, slot, position, 3000) as delay
    from delivered
    inner join visits using (day, slot)
    where delivered.file_day between $first_day and $last_day

),

wanted as (

    select
        *,
        happened_at + to_milliseconds(delay)
            + to_days(days_late::integer)
            + case when is_replay then to_days(replayed_after::integer) + interval 7 second else interval 0 second end
                as received_at,
        happened_at + to_seconds(clock_skew) as client_time,
        user_id is not null and position = login_at as is_login,
        -- One in 400 of those who log in says whom they used to be.
        user_id is not null and position = login_at + 1 and pick('alias', born, device, 0, 400) = 0 as is_alias,
        case when user_id is not null and position >= login_at then user_id end as known_user_id,
        case
            when position = 0 or kind < 430 then 'page'
            when kind < 445 then 'group'
            else 'track'
        end as call_type
    from timed

),

typed as (

    select
        * replace (
            case
                when is_login then 'identify'
                when is_alias then 'alias'
                when call_type = 'group' and known_user_id is null then 'track'
                else call_type
            end as call_type
        ),
        case
            when kind < 150 then '/'
            when kind < 300 then '/pricing'
            when kind < 420 then '/docs/' || pick('path', day, slot, position, 80)
            else '/products/' || floor(20000 * share('path', day, slot, position) ** 4)::bigint
        end as path
    from wanted

),

addressed as (

    select
        *,
        'https://www.example.com' || path || case
            when position > 0 then case when kind % 12 = 0 then '?tab=' || kind % 7 else '' end
            when arrival < 12 then '?utm_source=google&utm_medium=cpc&utm_campaign=spring_' || slot % 40
                || case when arrival < 4 then '&gclid=' || md5(day || ':' || slot) else '' end
            when arrival < 20 then '?utm_source=newsletter&utm_medium=email&utm_campaign=week_' || day
            when arrival < 26 then '?utm_source=facebook&utm_medium=paid_social&utm_campaign=look%20' || slot % 25
            when arrival < 28 then '?fbclid=' || md5(slot || '.' || day)
            else ''
        end as url,
        case
            when position > 0 then 'https://www.example.com/'
            when arrival between 30 and 55 then 'https://www.google.com/'
            when arrival between 56 and 60 then 'https://www.bing.com/search?q=' || slot % 900
            when arrival between 61 and 66 then 'https://blog' || slot % 300 || '.example.org/post/' || slot % 5000
            else ''
        end as referrer
    from typed

)

select
    file_day,
    substr(md5('call:' || day || ':' || slot || ':' || position), 1, 32) as "messageId",
    call_type as "type",
    case
        when call_type = 'track' then (array[
            'Button Clicked', 'Search Performed', 'Item Added', 'Item Removed', 'Video Played', 'Form Submitted',
            'Checkout Started', 'Order Completed', 'Signed Up', 'Report Exported', 'Comment Written', 'File Uploaded',
            'Filter Applied', 'Tab Opened', 'Help Opened', 'Error Shown'
        ])[1 + floor(16 * share('event', day, slot, position) ** 2)::bigint]
    end as event,
    case when call_type = 'page' then 'Page ' || kind % 30 end as name,
    null as category,
    known_user_id as "userId",
    case when not (is_alias) then 'a-' || md5('device:' || born || ':' || device)
        when is_alias and slot % 2 = 0 then 'a-' || md5('device:' || born || ':' || device) end as "anonymousId",
    case when is_alias then case when slot % 2 = 0 then 'a-' || md5('device:' || born || ':' || device)
        else 'u-' || born || '-' || (device + 1) end end as "previousId",
    case when call_type = 'group' then 'g-' || born || '-' || device % 90 end as "groupId",
    -- A few calls have a time that nobody can read.
    case
        when pick('broken', day, slot, position, 20000) = 0 then 'Invalid date'
        else time_text(happened_at)
    end as "timestamp",
    time_text(client_time) as "originalTimestamp",
    time_text(client_time + to_milliseconds(delay // 2)) as "sentAt",
    time_text(received_at) as "receivedAt",
    'client' as channel,
    '2' as version,
    case call_type
        when 'page' then '{"path":"' || path || '","url":"' || url || '","title":"Page ' || kind % 30
            || '","referrer":"' || referrer || '","search":""}'
        when 'track' then '{"label":"l' || kind || '","value":' || pick('value', day, slot, position, 20000) / 100.0
            || ',"currency":"EUR","items":[{"sku":"p-' || kind || '","quantity":' || 1 + kind % 3
            || '}],"category":"c' || kind % 20 || '"' || case when kind % 50 = 0
                then ',"note":"write to person' || slot || '@example.com"' else '' end || '}'
        else '{}'
    end as properties,
    case
        when call_type = 'identify' then '{"email":"' || known_user_id || '@example.com","plan":"'
            || (array['free', 'team', 'business', 'enterprise'])[1 + plan] || '","logins":' || slot % 100 || '}'
        when call_type = 'group' then '{"name":"Group ' || device % 90 || '","seats":' || 1 + device % 40 || '}'
    end as traits,
    '{"ip":"203.0.' || slot % 256 || '.' || device % 256 || '","library":{"name":"analytics.js","version":"4.1.0"},'
        || '"locale":"' || (array['en-US', 'en-GB', 'de-DE', 'fr-FR', 'es-ES'])[1 + device % 5] || '","page":{"path":"'
        || path || '","referrer":"' || referrer || '","search":"","title":"Page ' || kind % 30 || '","url":"' || url
        || '"},"userAgent":"' || case
            when is_bot then 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'
            when user_agent % 3 = 0
                then 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/'
                    || 80 + user_agent % 60 || '.0.' || user_agent || '.0 Safari/537.36'
            when user_agent % 3 = 1 then 'Mozilla/5.0 (iPhone; CPU iPhone OS ' || 12 + user_agent % 8 || '_'
                || user_agent % 6
                || ' like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/' || 12 + user_agent % 8
                || '.' || user_agent % 40 || ' Mobile/15E148 Safari/604.1'
            else 'Mozilla/5.0 (Linux; Android ' || 8 + user_agent % 8 || '; SM-G' || 900 + user_agent % 90
                || ') AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 80 + user_agent % 60
                || '.0.0.0 Mobile Safari/537.36'
        end || '","timezone":"Europe/Berlin"}' as context,
    '{}' as integrations
from addressed
order by file_day, received_at, "messageId"
"""


def number_of(day: date) -> int:
    """Return the number of a day."""
    return (day - DAY_ZERO).days


def calls(
    connection: duckdb.DuckDBPyConnection, first: date, last: date, sessions: int = SESSIONS_PER_DAY
) -> None:
    """Make the temporary table `calls`: what the files from `first` to `last` hold."""
    connection.execute(MACROS)
    connection.execute(
        f"create or replace temp table calls as {CALLS}",
        {
            "first_day": number_of(first),
            "last_day": number_of(last),
            "sessions": sessions,
            "born": sessions * 12 // 100,
            "newcomers": sessions * 44 // 100,
            "day_zero": DAY_ZERO,
            "max_days_late": MAX_DAYS_LATE,
            "max_days_replayed": MAX_DAYS_REPLAYED,
        },
    )


def days_before_the_batch(count: int) -> list[date]:
    """Return the days of a history of so many days, oldest first."""
    return [LAST_DAY - timedelta(days=back) for back in range(count - 1, -1, -1)]


def write_file(
    connection: duckdb.DuckDBPyConnection, day: date, path: Path, sessions: int = SESSIONS_PER_DAY
) -> None:
    """Write the file of one day as JSON lines."""
    calls(connection, day, day, sessions)
    columns = ", ".join(
        f'"{name}"::json as "{name}"' if kind == "JSON" else f'"{name}"'
        for name, kind in SEGMENT_COLUMNS.items()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy (select {columns} from calls) to {literal(str(path))} (format json)")


def fill_raw(settings: Settings, days: Iterable[date], sessions: int = SESSIONS_PER_DAY) -> int:
    """Put a history straight into raw.duckdb, as the loader would have; one admitted file a day.

    Returns the number of rows. Reading the files is another part of the benchmarks.
    """
    settings.prepare()
    settings.sources.parent.mkdir(parents=True, exist_ok=True)
    settings.sources.write_text(SOURCES_YML)
    (settings.landing / SOURCE).mkdir(parents=True, exist_ok=True)
    sources = read_sources(settings.sources)
    rows = 0
    all_days = list(days)
    at_once = DAYS_AT_ONCE * max(1, SESSIONS_PER_DAY // sessions)
    with connect(settings.raw) as connection:
        loading.prepare(connection, sources)
        names = ", ".join(f'"{name}"' for name in SEGMENT_COLUMNS)
        for delivery, day in enumerate(all_days, start=1):
            if (delivery - 1) % at_once == 0:
                last = min(day + timedelta(days=at_once - 1), all_days[-1])
                calls(connection, day, last, sessions)
            name = f"{day}.json"
            batch_id = batch_id_of(SOURCE, name, str(day))
            (count,) = connection.execute(
                f"insert into rows_{SOURCE} (batch_id, line, {names})"
                f" select {literal(batch_id)}, rowid - min(rowid) over () + 1, {names}"
                f" from calls where file_day = {number_of(day)} order by rowid"
            ).fetchall()[0]
            loaded_at = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            connection.execute(
                "insert into files values (?, ?, ?, ?, ?, 'admitted', null, ?, 0, 0, 0, 0, ?, 0)",
                [SOURCE, name, str(day), batch_id, loaded_at.replace(tzinfo=None), count, delivery],
            )
            rows += count
        loading.prepare(connection, sources)
    return rows
