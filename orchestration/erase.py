"""`make erase USER=id`: remove a person from raw data, tables and files, and remember them by keyed hashes alone."""

import argparse
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from expectations.plan import PlanError, read_plan
from orchestration import erasing, loading
from orchestration.database import connect, quote
from orchestration.dbt_project import DbtError, DbtProject
from orchestration.lock import run_lock
from orchestration.settings import Settings
from orchestration.sources import Sources, SourcesError, read_sources

#: Line ranges that the terminal shows per file; the report has all.
MAX_RANGES = 10


def main(arguments: list[str] | None = None, *, requested_at: datetime | None = None) -> int:
    """Erase one person. Returns 0 when they are in no published table any more (or with --dry-run: were found)."""
    parser = argparse.ArgumentParser(prog="make erase", description=__doc__)
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", help="a user id, as sent or as the tables show it")
    who.add_argument("--device", help="an anonymous id: the person who used that device")
    who.add_argument("--person", help="a person_id of the tables")
    parser.add_argument("--namespace", help="identity namespace, where the id is known in several")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    parser.add_argument(
        "--lift",
        action="store_true",
        help="let the user count again in what is delivered from now on",
    )
    options = parser.parse_args(arguments)
    kind = next(name for name in ("user", "device", "person") if getattr(options, name))
    settings = Settings.from_environment()
    if not settings.raw.exists():
        print(f"error: nothing was loaded yet into {settings.raw}: run `make run` first")
        return 1
    settings.prepare()
    command = _Erase(settings, kind, getattr(options, kind), options.namespace, requested_at)
    try:
        with run_lock(settings.lock, on_wait=print):
            if options.lift:
                return command.lift()
            return command.erase(dry_run=options.dry_run)
    except (
        DbtError,
        PlanError,
        SourcesError,
        erasing.ErasureKeyError,
        erasing.RequestError,
    ) as error:
        print(f"error: {error}")
        return 1


class _Erase:
    """One request on one home."""

    def __init__(
        self,
        settings: Settings,
        kind: str,
        identifier: str,
        namespace: str | None,
        requested_at: datetime | None,
    ) -> None:
        self.settings = settings
        self.kind = kind
        self.identifier = identifier
        self.namespace = namespace
        self.requested_at = requested_at or datetime.now(UTC).replace(tzinfo=None)

    def erase(self, *, dry_run: bool) -> int:
        """Find the person, remove them, and run everything."""
        settings = self.settings
        sources = read_sources(settings.sources)
        with connect(settings.raw) as connection:
            loading.prepare(connection, sources, read_plan(settings.tracking_plan))
            key = erasing.key_in_use(connection) or erasing.ErasureKey.from_environment()
        dbt = DbtProject(settings)
        dbt.parse()
        dbt.build(select=["footpath.staging", "batches", erasing.VIEW])
        view = erasing.view_of(dbt)
        request = uuid.uuid4().hex[:12]
        with erasing.workplace(settings) as connection:
            person = self._person(connection, view, key)
            if person is None:
                print("Nothing of them is here any more: the request was carried out before.")
                if not dry_run:
                    erasing.reopen(connection, key, self._asked)
        if person is None:
            return 0 if dry_run else self._run()
        with erasing.workplace(settings) as connection:
            report = self._describe(connection, person, sources)
            redaction = erasing.Redaction(person.words, person.keys)
            if not dry_run:
                # What the rows tell is needed for it, so it comes first. A command that dies is simply run again.
                report["redacted"] = erasing.redact(settings, connection, redaction)
            removal = erasing.erase_person(
                connection,
                view,
                key,
                erasing.strategy_of(dbt),
                request=request,
                asked=self._asked,
                requested_at=self.requested_at,
                users=[user for _, _, user in person.users],
                spans=[(device, start, end) for _, _, device, start, end in person.devices],
                words=person.words,
                do="show" if dry_run else "remove",
            )
        report |= self._removed(removal)
        _show(report, person, dry_run=dry_run)
        if dry_run:
            return 0
        report["request"] = request
        report["requested_at"] = self.requested_at.isoformat(timespec="seconds")
        path = settings.reports / f"erasure-{request}.json"
        _write(path, report)
        code = self._run()
        report["published"] = code == 0 or not self._is_open(request)
        _write(path, report)
        print(f"report: {path}")
        if not report["published"]:
            print(
                "error: their rows are gone from raw.duckdb, but readers still have the tables of before: mend what"
                " the run above names, then run this command or `make run` again"
            )
            return 1
        return code

    def _person(
        self, connection: duckdb.DuckDBPyConnection, view: str, key: erasing.ErasureKey
    ) -> erasing.Person | None:
        """Find who is meant; None when they were erased before. Raises `RequestError`."""
        try:
            return erasing.find_person(connection, view, self.kind, self.identifier, self.namespace)
        except erasing.RequestError:
            if not erasing.was_asked(connection, key, self._asked):
                raise
            return None

    def lift(self) -> int:
        """Let the user ids of an earlier request count again."""
        with connect(self.settings.raw, read_only=True) as connection:
            key = erasing.key_in_use(connection)
        if key is not None:
            with erasing.workplace(self.settings) as connection:
                if erasing.lift(connection, key, self._asked):
                    print(
                        "They count again in what is delivered from now on. What was erased stays erased."
                    )
                    return 0
        print("error: there is no erasure of that request (name it as it was named then)")
        return 1

    @property
    def _asked(self) -> str:
        return "\x1f".join((self.kind, self.namespace or "", self.identifier))

    def _run(self) -> int:
        from orchestration import run

        return run.main([])

    def _is_open(self, request: str) -> bool:
        with connect(self.settings.raw, read_only=True) as connection:
            return request in erasing.open_requests(connection)

    def _describe(
        self, connection: duckdb.DuckDBPyConnection, person: erasing.Person, sources: Sources
    ) -> dict[str, Any]:
        """Count what the tables hold of a person, and what could not be searched."""
        tables = {}
        for schema, table in connection.execute(
            "select table_schema, table_name from information_schema.columns where column_name = 'person_id'"
            " and table_catalog = current_database() and table_schema = 'main' order by all"
        ).fetchall():
            ((count,),) = connection.execute(
                f"select count(*) from {quote(schema)}.{quote(table)}"
                " where list_contains(?, cast(person_id as varchar))",
                [person.person_ids],
            ).fetchall()
            tables[table] = count
        lines = connection.execute(
            "select source, count(*) from raw.unreadable where line > 0 group by source order by source"
        ).fetchall()
        gone = connection.execute(
            "select distinct source from raw.files where state <> 'replaced' order by source"
        ).fetchall()
        return {
            "user_ids": len(person.users),
            "devices": len({device for _, _, device, _, _ in person.devices}),
            "tables": tables,
            "unreadable_lines": dict(lines),
            "sources_not_searched": [source for (source,) in gone if source not in sources],
        }

    def _removed(self, removal: erasing.Removal) -> dict[str, Any]:
        files = []
        for file in removal.files:
            lies_there = (self.settings.landing / file["source"] / file["file"]).exists()
            files.append(
                {
                    "source": file["source"],
                    "file": file["file"],
                    "batch_id": file["batch_id"],
                    "state": "held" if file["held"] else "admitted",
                    "rows": file["rows"],
                    "lines": _ranges(file["lines"]),
                    "in_landing": lies_there,
                }
            )
        return {
            "rows": removal.rows,
            "sources": removal.sources,
            "files": files,
            "remembered_events": removal.events,
            "remembered_spans": removal.spans,
        }


def _ranges(lines: list[int]) -> str:
    """Return line numbers as text: 3, 7-9."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _show(report: dict[str, Any], person: erasing.Person, *, dry_run: bool) -> None:
    verb = "would be removed" if dry_run else "removed"
    if dry_run:
        for namespace, name, _ in person.users:
            print(f"user {name}" + (f" (namespace {namespace})" if namespace else ""))
        for namespace, name, _, start, end in person.devices:
            print(
                f"device {name} ({namespace}), from {start or 'its first event'} to {end or 'now'}"
            )
    print(f"{report['rows']:,} raw rows {verb}")
    for source, rows in report["sources"].items():
        print(f"  {source}: {rows:,}")
    for table, rows in report["tables"].items():
        print(f"  of {table}: {rows:,} rows")
    landing = [file for file in report["files"] if file["in_landing"]]
    if landing:
        print("These landing files still hold such rows. They are yours: delete or mend them.")
    for file in landing:
        ranges = file["lines"].split(", ")
        more = f" and {len(ranges) - MAX_RANGES:,} more" if len(ranges) > MAX_RANGES else ""
        print(f"  {file['source']}/{file['file']}, lines {', '.join(ranges[:MAX_RANGES])}{more}")
    if report["unreadable_lines"]:
        words = ", ".join(
            f"{source} {count:,}" for source, count in report["unreadable_lines"].items()
        )
        print(
            f"Unreadable lines cannot be attributed; those with the person's ids in them are removed, others may"
            f" still be about them: {words}"
        )
    for source in report["sources_not_searched"]:
        print(
            f"The rows of source {source} were not searched: sources.yml does not say any more what they mean. They"
            " are when it does again."
        )


def _write(path: Path, report: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(report, indent=1, default=str))
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main())
