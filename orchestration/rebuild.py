"""`make refresh MODEL=name` and `make rebuild FROM=day TO=day`: build again what is stored, no more than asked.

Both leave their wish in the warehouse and then run the job. A run that is killed leaves the wish there, so the next
one fulfils it.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb

from orchestration import run
from orchestration.database import connect, literal, quote
from orchestration.dbt_project import DbtError, DbtProject
from orchestration.lock import run_lock
from orchestration.settings import Settings
from orchestration.state import INTERNAL, stored_settings

#: Before the first and after the last event that any table can hold.
BEGINNING, END = "0001-01-01", "9999-12-31"


class RequestError(Exception):
    """What was asked for cannot be done; the message says why, and what can."""


def main(arguments: list[str] | None = None) -> int:
    """Ask for a model or for days, and run the job. Returns the exit code of the run; 1 for a wrong request."""
    parser = argparse.ArgumentParser(prog="orchestration.rebuild", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    of_model = what.add_parser("model", help="models and what follows from them")
    of_model.add_argument("names", nargs="*")
    of_days = what.add_parser("days", help="the days of events, both included")
    of_days.add_argument("--from", dest="first", default="")
    of_days.add_argument("--to", dest="last", default="")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    settings.prepare()
    with run_lock(settings.lock, on_wait=print):
        try:
            if options.what == "model":
                names = [name for text in options.names for name in text.split(",") if name]
                print(refresh(settings, DbtProject(settings), names))
            else:
                first, last = _day("FROM", options.first), _day("TO", options.last)
                print(rebuild(settings, DbtProject(settings), first, last))
        except (RequestError, DbtError) as error:
            print(f"error: {error}")
            return 1
        # What the last run knew of itself does not hold any more: without it, nothing counts as published.
        settings.last_run.unlink(missing_ok=True)
        return run.main([])


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"{name} is '{text}', not a day: `make rebuild FROM=2026-01-01 TO=2026-01-31`"
        ) from None


def refresh(settings: Settings, dbt: DbtProject, names: Sequence[str]) -> str:
    """Drop the tables of some models: the next run builds them in full, and what follows from them.

    What follows is found by that run (macros/core/state.sql), from whatever table is missing. Returns a sentence.
    Raises `RequestError` for an unknown name.
    """
    models = _models(dbt)
    kept = [name for name in models if _is_kept(models[name])]
    for name in names:
        if name not in models:
            raise RequestError(
                f"there is no model '{name}'. Kept from run to run, and built again on request: "
                f"{', '.join(kept)}. Built anew in each run: "
                f"{', '.join(name for name in models if name not in kept)}"
            )
    if not names:
        raise RequestError(f"which model? `make refresh MODEL=name`. Models: {', '.join(kept)}")
    if not settings.warehouse.exists():
        return "Nothing is built yet: this run builds everything."
    dropped = [name for name in names if name in kept]
    with connect(settings.warehouse) as connection:
        for name in dropped:
            node = models[name]
            connection.execute(f"drop table if exists {quote(node.schema)}.{quote(node.alias)}")
    said = [
        f"{name} is built in full, and what follows from it"
        if name in dropped
        else f"{name} is built anew in each run, also in this one"
        for name in names
    ]
    return "; ".join(said) + "."


def _models(dbt: DbtProject) -> dict[str, Any]:
    nodes = dbt.parse().nodes.values()
    found = {node.name: node for node in nodes if node.resource_type in ("model", "seed")}
    # Emptied after each run: to drop one would forget what a killed run had begun.
    return {
        name: node
        for name, node in sorted(found.items())
        if not name.startswith("touched_") and name != "rebuild_requests"
    }


def _is_kept(node: Any) -> bool:
    return bool(node.config.materialized == "incremental")


def rebuild(settings: Settings, dbt: DbtProject, first: date, last: date) -> str:
    """Ask for the days from `first` to `last` (reporting time zone, event time) to be worked out anew from raw rows.

    The batches that have rows in these days are taken in again by the next run, and nothing that is stored about
    the people, devices and sessions of these days is trusted. Returns a sentence. Raises `RequestError` when
    nothing is built yet or the days are in the wrong order.
    """
    if last < first:
        raise RequestError(f"FROM ({first}) is after TO ({last})")
    if not settings.warehouse.exists():
        raise RequestError("nothing is built yet: `make run`")
    views = dbt.staging_views()
    with connect(settings.warehouse) as connection:
        remembered = stored_settings(connection)
        if not remembered:
            raise RequestError("no build has finished yet: `make run`")
        zone = remembered["reporting_timezone"]
        connection.execute(f"attach {literal(str(settings.raw))} as raw (read_only)")
        connection.execute("begin")
        try:
            batches = _request(connection, views, first, last, zone)
            connection.execute("commit")
        except duckdb.Error:
            connection.execute("rollback")
            raise
    return (
        f"Events from {first} to {last} ({zone}): {batches:,} batches are taken in again, and what they touch is "
        "worked out anew."
    )


def _request(
    connection: duckdb.DuckDBPyConnection, views: list[str], first: date, last: date, zone: str
) -> int:
    bounds = connection.execute(
        "select ($first::timestamp at time zone $zone) at time zone 'UTC',"
        " (($last::timestamp + interval 1 day) at time zone $zone) at time zone 'UTC' - interval 1 microsecond",
        {"first": first, "last": last, "zone": zone},
    ).fetchall()[0]
    span = {"from_at": bounds[0], "to_at": bounds[1]}
    within = "between $from_at and $to_at"
    # Any time of a row that may become its event_at: a batch too many costs time, a batch too few leaves damage.
    raw_rows = " union all ".join(
        f"select batch_id from {view} where event_at {within} or received_at {within}"
        f" or received_at - (sent_at - original_timestamp) {within}"
        for view in views
    )
    connection.execute(
        f"""
        insert into {INTERNAL}.rebuild_requests (batch_id, from_at, to_at)
        select batch_id, $from_at, $to_at
        from raw.files
        where
            state = 'admitted'
            and batch_id in (
                select batch_id from ({raw_rows})
                union all
                select batch_id from {INTERNAL}.event_rows where event_at {within}
            )
        """,
        span,
    )
    # A session or link that somebody deleted cannot say how far it reached: whoever did something in these days is
    # worked out over all time, and so is whoever the tables now say did.
    connection.execute(
        f"""
        insert into {INTERNAL}.touched_regions (source, actor_key, from_at, to_at)
        select distinct source, actor_key, timestamp '{BEGINNING}', timestamp '{END}'
        from (
            select source, coalesce(device_key, user_key) as actor_key
            from {INTERNAL}.event_rows where event_at {within}
            union all
            select source, actor_key from {INTERNAL}.event_links where event_at {within}
            union all
            select source, actor_key from main.page_views where viewed_at {within}
            union all
            select source, actor_key from main.sessions where started_at <= $to_at and ended_at >= $from_at
        )
        where actor_key is not null
        """,
        span,
    )
    connection.execute(
        f"insert into {INTERNAL}.touched_people (person_id, day)"
        " select person_id, day from main.user_days where day between $first and $last",
        {"first": first, "last": last},
    )
    found = connection.execute(
        f"select count(distinct batch_id) from {INTERNAL}.rebuild_requests"
    ).fetchall()
    return int(found[0][0])


if __name__ == "__main__":
    sys.exit(main())
