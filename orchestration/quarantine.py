"""`make quarantine`: the rows that could not become events, and what somebody decides about them."""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration import run
from orchestration.database import connect, literal, transaction
from orchestration.explain.rules import QUARANTINE
from orchestration.lock import run_lock
from orchestration.settings import Settings
from orchestration.state import INTERNAL

#: Rows that `show` prints.
SHOWN = 20
#: Characters of an original row that `show` prints.
WIDTH = 300


class SelectionError(ValueError):
    """Nothing is selected, or the wrong way; the message says how to."""


@dataclass(frozen=True)
class Selection:
    """Some rows of quarantine: those that meet all conditions that are given."""

    reason: str | None = None
    source: str | None = None
    file: str | None = None
    row: str | None = None

    def condition(self) -> tuple[str, list[Any]]:
        """Return an SQL condition on source, file, line and reason of a relation `stored`, and its parameters.

        Raises `SelectionError` for a row that is not `source/file:line`.
        """
        wanted: dict[str, Any] = {"reason": self.reason, "source": self.source, "file": self.file}
        if self.row is not None:
            place, _, line = self.row.rpartition(":")
            source, _, file = place.partition("/")
            if not (source and file and line.isdecimal()):
                raise SelectionError(f"ROW is '{self.row}': write source/file:line, as in the list")
            wanted |= {"source": source, "file": file, "line": int(line)}
        given = {name: value for name, value in wanted.items() if value is not None}
        return " and ".join(["true", *(f"stored.{name} = ?" for name in given)]), list(
            given.values()
        )

    def __bool__(self) -> bool:
        return any((self.reason, self.source, self.file, self.row))


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0 when it was done; what runs the job returns its exit code."""
    parser = argparse.ArgumentParser(prog="make quarantine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("list", "count what waits, by source and reason"),
        ("show", "show rows, and what to do"),
        ("discard", "give rows up"),
        ("restore", "take that back"),
        ("replay", "judge rows anew, by the definitions of now"),
    ):
        command = commands.add_parser(name, help=words)
        for option in ("--reason", "--source", "--file", "--row"):
            command.add_argument(option)
        if name == "discard":
            command.add_argument("--note", required=True, help="why")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    if not settings.published.exists() or not settings.warehouse.exists():
        print("error: nothing was published yet: `make run` first")
        return 1
    chosen = Selection(options.reason, options.source, options.file, options.row)
    console = Console(soft_wrap=True, markup=False, highlight=False)
    try:
        if options.command == "list":
            _list(settings, chosen, console)
            return 0
        if options.command == "show":
            _show(settings, chosen, console)
            return 0
        if options.command == "discard" and not chosen:
            raise SelectionError("which rows? Give REASON=, SOURCE=, FILE= or ROW=source/file:line")
        if options.command == "discard" and not options.note.strip():
            raise SelectionError("why? DISCARD='the reason, for whoever asks later'")
        settings.prepare()
        with run_lock(settings.lock, on_wait=print):
            keys = _change(settings, options.command, chosen, getattr(options, "note", ""))
            if not keys:
                print("No such row is in quarantine.")
                return 1
            # What the last run knew of itself does not hold any more: without it, nothing counts as published.
            settings.last_run.unlink(missing_ok=True)
            code = run.main([])
    except SelectionError as error:
        print(f"error: {error}")
        return 1
    print(_outcome(settings, options.command, keys))
    return code


def discard(connection: duckdb.DuckDBPyConnection, chosen: Selection, note: str) -> list[str]:
    """Give up the chosen rows that wait. `connection`: raw.duckdb, the warehouse attached. Returns their event keys."""
    condition, values = chosen.condition()
    waiting = f"""
        from warehouse.main.quarantined_events as stored
        where {condition}
        and not exists (
            select 1 from discards
            where discards.batch_id = stored.batch_id and discards.line = stored.line
        )
    """
    keys = _keys(connection, f"select event_key {waiting}", values)
    now = datetime.now(UTC).replace(tzinfo=None)
    with transaction(connection):
        connection.execute(
            f"insert into discards select batch_id, line, ?, ? {waiting}", [note, now, *values]
        )
    return keys


def restore(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> list[str]:
    """Let the chosen rows wait again. `connection`: raw.duckdb, the warehouse attached. Returns their event keys."""
    condition, values = chosen.condition()
    keys = _keys(
        connection,
        f"select event_key from warehouse.main.discarded_events as stored where {condition}",
        values,
    )
    with transaction(connection):
        connection.execute(
            "delete from discards where (batch_id, line) in"
            f" (select (batch_id, line) from warehouse.main.discarded_events as stored where {condition})",
            values,
        )
    return keys


def request(connection: duckdb.DuckDBPyConnection, table: str, chosen: Selection) -> list[str]:
    """Ask the next run to take the files of the chosen rows in again. `connection`: the warehouse.

    `table` is `quarantined_events` or `discarded_events`. Returns the event keys of the rows.
    """
    condition, values = chosen.condition()
    with transaction(connection):
        connection.execute(
            f"insert into {INTERNAL}.rebuild_requests (batch_id)"
            f" select distinct batch_id from main.{table} as stored where {condition}",
            values,
        )
    return _keys(
        connection, f"select event_key from main.{table} as stored where {condition}", values
    )


def _change(settings: Settings, command: str, chosen: Selection, note: str) -> list[str]:
    if command == "replay":
        with connect(settings.warehouse) as connection:
            return request(connection, "quarantined_events", chosen)
    if command == "restore":
        # Wished for before it is allowed: a command that dies in between is simply given again.
        with connect(settings.warehouse) as connection:
            request(connection, "discarded_events", chosen)
    with connect(settings.raw) as connection:
        connection.execute(f"attach {literal(str(settings.warehouse))} as warehouse (read_only)")
        return (
            discard(connection, chosen, note)
            if command == "discard"
            else restore(connection, chosen)
        )


def _outcome(settings: Settings, command: str, keys: list[str]) -> str:
    """Say what became of the rows, by the pipeline's own tables."""
    with connect(settings.warehouse, read_only=True) as connection:
        ((left, given_up),) = connection.execute(
            "select count(*), count(discarded.event_key) from main.quarantined_events as stored"
            " left join main.discarded_events as discarded on stored.event_key = discarded.event_key"
            " where stored.event_key in (select unnest(?::uuid[]))",
            [keys],
        ).fetchall()
    if command == "discard":
        return f"{given_up:,} rows are given up. `make quarantine RESTORE=1 ...` takes that back."
    return f"{len(keys) - left:,} of {len(keys):,} rows have left quarantine, {left - given_up:,} wait."


def _list(settings: Settings, chosen: Selection, console: Console) -> None:
    condition, values = chosen.condition()
    with connect(settings.published, read_only=True) as connection:
        rows = connection.execute(
            f"""
            select
                stored.source, stored.reason,
                count(*) filter (where discarded.event_key is null) as waiting,
                count(discarded.event_key) as given_up,
                count(distinct stored.batch_id) as files,
                strftime(max(files.loaded_at), '%Y-%m-%d %H:%M') as latest
            from quarantined_events as stored
            left join discarded_events as discarded on stored.event_key = discarded.event_key
            left join load_files as files on stored.batch_id = files.batch_id
            where {condition}
            group by all
            order by waiting desc, stored.source, stored.reason
            """,
            values,
        ).fetchall()
    if not rows:
        console.print("Nothing is in quarantine.")
        return
    table = Table()
    for name in ("source", "reason", "waiting", "discarded", "files", "latest load (UTC)"):
        table.add_column(name, justify="right" if name in ("waiting", "discarded", "files") else "left")  # fmt: skip
    for source, reason, waiting, given_up, files, latest in rows:
        table.add_row(source, reason, f"{waiting:,}", f"{given_up:,}", f"{files:,}", latest)
    console.print(table)
    for reason in dict.fromkeys(row[1] for row in rows if row[2]):
        meaning, remedy = QUARANTINE[reason]
        console.print(f"{reason}: {meaning} {remedy}")
    console.print("The rows: make quarantine SHOW=1 REASON=... SOURCE=...")


def _show(settings: Settings, chosen: Selection, console: Console) -> None:
    condition, values = chosen.condition()
    with connect(settings.published, read_only=True) as connection:
        cursor = connection.execute(
            f"""
            select stored.source || '/' || stored.file || ':' || stored.line, stored.reason, stored.detail,
                discarded.note, stored.raw, count(*) over ()
            from quarantined_events as stored
            left join discarded_events as discarded on stored.event_key = discarded.event_key
            where {condition}
            order by discarded.event_key is not null, stored.source, stored.file, stored.line
            limit {SHOWN}
            """,
            values,
        )
        rows = cursor.fetchall()
    if not rows:
        console.print("No such row is in quarantine.")
        return
    for place, reason, detail, note, raw, _ in rows:
        said = f" ({detail})" if detail else ""
        given_up = f", discarded: {note}" if note else ""
        console.print(f"{place}  {reason}{said}{given_up}")
        if raw:
            console.print(f"    {raw[:WIDTH]}{'...' if len(raw) > WIDTH else ''}")
    if rows[0][-1] > len(rows):
        console.print(f"... and {rows[0][-1] - len(rows):,} more")
    for reason in dict.fromkeys(row[1] for row in rows):
        console.print(f"{reason}: {' '.join(QUARANTINE[reason])}")


def _keys(connection: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> list[str]:
    return [str(key) for (key,) in connection.execute(query, values).fetchall()]


if __name__ == "__main__":
    sys.exit(main())
