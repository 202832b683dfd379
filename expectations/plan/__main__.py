"""`make plan-init`, `make plan-check`, `make plan-import`: the tracking plan from a terminal."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb

from expectations.plan import check, importers, infer
from expectations.plan.plan import Event, PlanError, as_yaml, read_plan
from orchestration.database import connect
from orchestration.settings import Settings
from orchestration.sources import SourcesError, read_sources


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after an error."""
    parser = argparse.ArgumentParser(prog="python -m expectations.plan", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="write a first plan from the published events")
    init.add_argument(
        "--required-rate", type=float, default=1.0,
        help="a property is required when at least this share of the events has it (default: 1)",
    )  # fmt: skip
    commands.add_parser("check", help="check the plan, and the latest events by it")
    of_file = commands.add_parser("import", help="write events from a plan of another tool")
    of_file.add_argument(
        "file",
        type=Path,
        help="Segment CSV, RudderStack YAML, Iglu JSON Schema, or a folder of them",
    )
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        if options.command == "init":
            return _init(settings, infer.Options(options.required_rate))
        if options.command == "import":
            return _import(settings, options.file)
        return _check(settings)
    except (PlanError, SourcesError, OSError) as error:
        print(f"error: {error}")
        return 1


def _init(settings: Settings, options: infer.Options) -> int:
    if not settings.published.exists():
        print(f"error: {settings.published} does not exist: run `make run` first")
        return 1
    planned = read_plan(settings.tracking_plan).names
    with connect() as connection:
        rows = _attach(connection, settings.published)
        events = infer.infer(connection, rows, options)
    new = [event for event in events if event.event not in planned]
    written = _write(settings.tracking_plan, new)
    print(
        f"{written} events written to {settings.tracking_plan}, {len(events) - len(new)} were planned already."
    )
    print("Next: say in each file what the event means and who owns it; then `make plan-check`.")
    return 0


def _import(settings: Settings, file: Path) -> int:
    found = importers.read(file)
    planned = read_plan(settings.tracking_plan).names
    new = [event for event in found.events if event.event not in planned]
    for note in found.notes:
        print(f"note: {note}")
    for event in found.events:
        if event.event in planned:
            print(f"note: {event.event}: planned already, left as it is")
    print(f"{_write(settings.tracking_plan, new)} events written to {settings.tracking_plan}.")
    return 0


def _check(settings: Settings) -> int:
    plan = read_plan(settings.tracking_plan)
    if not plan.events:
        print(f"There is no plan: no file in {settings.tracking_plan}. `make plan-init` writes one.")  # fmt: skip
        return 0
    errors = list(check.examples(plan))
    if settings.sources.exists():
        errors += check.unknown_sources(plan, read_sources(settings.sources))
    for error in errors:
        print(f"error: {error}")
    for gap in check.gaps(plan):
        print(f"warning: {gap}")
    if settings.published.exists():
        with connect() as connection:
            rows = _attach(connection, settings.published)
            for one in check.broken(connection, plan, rows):
                print(f"data: {one}")
            names = connection.execute(
                f"select distinct coalesce(sent_event_name, event_name) from {rows}"
            ).fetchall()
            for event in check.not_seen(plan, (name for (name,) in names)):
                print(f"data: {event.event}: not seen")
    print(f"{len(plan.events)} events, {len(errors)} errors.")
    return 1 if errors else 0


def _attach(connection: duckdb.DuckDBPyConnection, published: Path) -> str:
    """Attach what readers have, which no run ever locks; return the name of its stored events."""
    connection.execute("attach ? as published (read_only)", [str(published)])
    return "published.main_internal.event_rows"


def _write(folder: Path, events: Iterable[Event]) -> int:
    """Write one file an event, under a name that no file has; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for event in events:
        stem = re.sub(r"[^a-z0-9]+", "_", event.event.lower()).strip("_")[:60] or "event"
        path, number = folder / f"{stem}.yml", 1
        while path.exists():
            number += 1
            path = folder / f"{stem}_{number}.yml"
        path.write_text(as_yaml(event), encoding="utf-8")
        count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
