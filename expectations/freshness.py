"""Freshness: whether the newest receipt of a source is as young as `fresh_within` in sources.yml asks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import duckdb

from expectations.runner import CheckResult

SUITE = "freshness"
CHECK = "fresh"
#: Who is told of a source without an owner.
OWNER = "data-platform"
DESCRIPTION = "The source received something within `fresh_within` of sources.yml."


def check_freshness(
    connection: duckdb.DuckDBPyConnection,
    limits: Mapping[str, timedelta],
    now: datetime,
    *,
    owners: Mapping[str, str | None] | None = None,
    rows: str = "main_internal.event_rows",
    files: str = "main.load_files",
) -> list[CheckResult]:
    """Return one result for each source with a limit: a warning when nothing was received for longer.

    A receipt is the time of receipt of a row that the tables have, or of loading where the row does not say; no row was
    received later than it was loaded. `now` is UTC, like all times. A source without rows fails. When the rows cannot
    be read, all fail and say why.
    """
    if not limits:
        return []
    started = time.perf_counter()
    newest: dict[str, datetime] = {}
    problem = ""
    try:
        newest = dict(
            connection.execute(
                f"""
                select received.source, max(least(received.received_at, file.loaded_at))
                from (
                    select source, batch_id, max(available_at) as received_at from {rows} group by all
                ) as received
                inner join {files} as file on received.batch_id = file.batch_id
                group by received.source
                """
            ).fetchall()
        )
    except duckdb.Error as error:
        problem = f"could not be checked: {str(error).strip().partition(chr(10))[0]}"
    seconds = time.perf_counter() - started
    results = []
    for source, limit in limits.items():
        at = newest.get(source)
        late = at is None or now - at > limit
        observed = problem or (
            "nothing was received yet"
            if at is None
            else f"the newest receipt is of {at:%Y-%m-%d %H:%M} UTC, {_words(now - at)} ago"
        )
        results.append(
            CheckResult(
                suite=SUITE,
                check_name=CHECK,
                relation=f"raw.{source}",
                severity="warning",
                success=not late,
                observed=observed,
                failing=[{"source": source, "last_received_at": at}] if late else [],
                description=description(source, limit),
                owner=(owners or {}).get(source) or OWNER,
                seconds=seconds,
            )
        )
    return results


def description(source: str, limit: timedelta) -> str:
    """Return what the check asks for, and what to do when it fails."""
    return (
        f"Source {source} received something within {_words(limit)}. Remedy: look whether the sender sends, whether "
        "its files reach the landing folder, and whether a batch is held."
    )


def _words(span: timedelta) -> str:
    """Return a span in its two greatest units: 3 d 4 h."""
    minutes = int(span.total_seconds() // 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 min"
