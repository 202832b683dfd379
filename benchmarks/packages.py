"""What published packages' incremental sessions come to when events are late: their logic, in SQL of our own.

    python -m benchmarks.packages HOME segment|mixpanel

The events are footpath's, duplicates already gone, which favours them. They come in one batch a day, as the files
did. After each batch the package's incremental logic runs; at the end its table is compared with what its own full
refresh makes of all events. A row differs when only one of the two tables has it.

segment   (dbt-labs/segment) page views only. An incremental run takes the devices that have a page view later than the
          greatest one in the table less 3 hours, numbers all their sessions anew and upserts page views; it then
          upserts the sessions that start after the greatest start less 3 hours. Session id: device and ordinal.
mixpanel  (fivetran/dbt_mixpanel) all events; a session also ends at midnight. An incremental run takes over events of
          days since the greatest day less 7, numbers all sessions of the people with events since the greatest
          session day less 7, and replaces by session id those that start since then. Session id: person, day, ordinal.
"""

import json
import sys
from pathlib import Path

import duckdb

from benchmarks.footpath_run import settings_of
from benchmarks.measuring import Clock
from orchestration.database import literal

SEGMENT_NUMBERED = """
    select event_key, actor, seen_at, actor || '-' || sum(is_start) over (
        partition by actor order by seen_at rows between unbounded preceding and current row
    ) as session_id
    from (
        select *, case
            when seen_at <= lag(seen_at) over (partition by actor order by seen_at) + interval 1800 seconds then 0
            else 1
        end as is_start
        from delivered
        where event_type = 'page' {devices}
    )
"""
SEGMENT_SESSIONS = """
    select
        session_id, any_value(actor) as actor, min(seen_at) as started_at, max(seen_at) as ended_at,
        count(*) as page_views
    from {views} group by session_id
"""
MIXPANEL_SESSIONS = """
    select session_id, any_value(actor) as actor, any_value(day) as day, min(seen_at) as started_at, count(*) as events
    from (
        select *, actor || '-' || day || '-' || sum(is_start) over (
            partition by actor, day order by seen_at rows between unbounded preceding and current row
        ) as session_id
        from (
            select *, case
                when date_diff('minute', lag(seen_at) over (partition by actor, day order by seen_at), seen_at) <= 30
                    then 0
                else 1
            end as is_start
            from {events}
        )
    )
    group by session_id
"""


def segment(connection: duckdb.DuckDBPyConnection, *, incremental: bool) -> None:
    """Bring the tables `views` and `sessions` up to date with `delivered`."""
    if not incremental:
        connection.execute(
            f"create or replace table views as {SEGMENT_NUMBERED.format(devices='')}"
        )
        connection.execute(
            f"create or replace table sessions as {SEGMENT_SESSIONS.format(views='views')}"
        )
        return
    devices = (
        "and actor in (select actor from delivered where event_type = 'page'"
        " and seen_at > (select max(seen_at) - interval 3 hours from views))"
    )
    connection.execute(
        f"create or replace temp table new as {SEGMENT_NUMBERED.format(devices=devices)}"
    )
    connection.execute("delete from views where event_key in (select event_key from new)")
    connection.execute("insert into views from new")
    recent = (
        "(from views where seen_at >= (select max(started_at) - interval 3 hours from sessions))"
    )
    connection.execute(
        f"create or replace temp table new as {SEGMENT_SESSIONS.format(views=recent)}"
    )
    connection.execute("delete from sessions where session_id in (select session_id from new)")
    connection.execute("insert into sessions from new")


def mixpanel(connection: duckdb.DuckDBPyConnection, *, incremental: bool) -> None:
    """Bring the tables `taken` and `sessions` up to date with `delivered`."""
    if not incremental:
        connection.execute(
            "create or replace table taken as select *, seen_at::date as day from delivered"
        )
        connection.execute(
            f"create or replace table sessions as {MIXPANEL_SESSIONS.format(events='taken')}"
        )
        return
    connection.execute(
        "create or replace temp table new as select *, seen_at::date as day from delivered"
        " where seen_at::date >= (select max(day) - 7 from taken)"
    )
    connection.execute("delete from taken where event_key in (select event_key from new)")
    connection.execute("insert into taken from new")
    since = "(select max(day) - 7 from sessions)"
    people = f"(from taken where actor in (select actor from taken where day >= {since}))"
    connection.execute(
        f"create or replace temp table new as from ({MIXPANEL_SESSIONS.format(events=people)}) where day >= {since}"
    )
    connection.execute("delete from sessions where session_id in (select session_id from new)")
    connection.execute("insert into sessions from new")


def main() -> None:
    """Measure one package's logic, and print what it came to as JSON."""
    home, package = Path(sys.argv[1]), sys.argv[2]
    run = {"segment": segment, "mixpanel": mixpanel}[package]
    clock = Clock()
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"attach {literal(str(settings_of(home).warehouse))} as warehouse (read_only)"
        )
        connection.execute(
            """
            create table history as
            select event_key, coalesce(device_key, user_key)::varchar as actor, event_type, event_at as seen_at, file
            from warehouse.main_internal.event_rows
            where row_state = 'event' and not is_bot and coalesce(device_key, user_key) is not null
            """
        )
        connection.execute("create table delivered as from history")
        with clock.span("full"):
            run(connection, incremental=False)
        connection.execute("create table full_sessions as from sessions")
        connection.execute("create or replace table delivered as from history limit 0")
        files = connection.execute("select distinct file from history order by file").fetchall()
        with clock.span("daily"):
            for number, (file,) in enumerate(files):
                connection.execute(
                    f"insert into delivered from history where file = {literal(file)}"
                )
                run(connection, incremental=number > 0)
        (different,) = connection.execute(
            "select count(*) from ((from full_sessions except all from sessions)"
            " union all (from sessions except all from full_sessions))"
        ).fetchall()[0]
        (sessions,) = connection.execute("select count(*) from full_sessions").fetchall()[0]
    print(
        json.dumps(
            {**clock.spans, "sessions": sessions, "different_rows": different, "runs": len(files)}
        )
    )


if __name__ == "__main__":
    main()
