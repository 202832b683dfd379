"""The table `anomalies` and its check results: one a cause, as other checks have them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields

import duckdb

from expectations.anomalies.detection import detect
from expectations.anomalies.finding import Finding
from expectations.anomalies.history import read_history
from expectations.anomalies.settings import AnomalySettings, load_settings
from expectations.runner import CheckResult
from expectations.suite import qualified
from orchestration.database import insert, transaction

SUITE = "anomalies"
#: The table of findings, and what its results are about.
RELATION = "anomalies"
#: The result that says that it was looked for.
JUDGED = "judged"
#: Weeks that are read beyond those of the training: the judged one and one that is cut off by the grid.
FURTHER_WEEKS = 2

_TABLE = """
    source varchar, event_name varchar, property varchar, metric varchar, started_at timestamp, ended_at timestamp,
    observed double, expected double, lower double, upper double, score double, cause_key varchar
"""

_COLUMNS = [part.split()[0] for part in _TABLE.split(",")]

DESCRIPTION = (
    "What came in the last days is what the weeks before lead to expect (docs/anomalies.md)."
)

_SHARES = {"filled", "new_property", "duplicates", "quarantine", "conversion"}
_WORDS = {
    "volume": "events",
    "drift": "events in the last week",
    "freshness": "rows received",
    "people": "devices an event",
    "filled": "have a value",
    "new_property": "have this new property",
    "duplicates": "of the rows are duplicates",
    "quarantine": "of the rows are quarantined",
    "conversion": "convert",
}


def check_anomalies(
    connection: duckdb.DuckDBPyConnection,
    schema: str = "main",
    *,
    settings: AnomalySettings | None = None,
    owners: Mapping[str, str | None] | None = None,
) -> list[CheckResult]:
    """Judge the counts, replace the table `anomalies`, return one failed result a cause.

    A cause that the last results had and that is gone has a result that succeeds, so that whoever was told hears of it;
    one more says that it was looked for. All are warnings. `owners` names the owner of a source, where it has one. When
    the counts cannot be read, that one result fails and says why.
    """
    started = time.perf_counter()
    settings = settings or load_settings()
    problem = ""
    found: list[Finding] = []
    try:
        history = read_history(connection, schema, settings.training_weeks + FURTHER_WEEKS)
        found = [] if history is None else detect(history, settings)
        write(connection, schema, found)
    except duckdb.Error as error:
        problem = f"could not be checked: {str(error).strip().partition(chr(10))[0]}"
    causes: dict[str, list[Finding]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one)
    gone = [] if problem else sorted(_open(connection, schema) - {*causes, JUDGED})
    seconds = time.perf_counter() - started

    def result(
        name: str, success: bool, observed: str, findings: Sequence[Finding] = ()
    ) -> CheckResult:
        owner = (owners or {}).get(name.partition("/")[0]) or settings.owner
        return CheckResult(
            suite=SUITE,
            check_name=name,
            relation=RELATION,
            severity="warning",
            success=success,
            observed=observed,
            failing=[_row(one) for one in findings[:20]],
            description=DESCRIPTION,
            owner=owner,
            seconds=seconds,
        )

    count = f"{len(causes):,} causes" if len(causes) != 1 else "1 cause"
    return [
        result(JUDGED, not problem, problem or f"{len(found):,} anomalies of {count}"),
        *(result(cause, False, say(its), its) for cause, its in causes.items()),
        *(result(cause, True, "as expected again") for cause in gone),
    ]


def write(connection: duckdb.DuckDBPyConnection, schema: str, found: Iterable[Finding]) -> None:
    """Replace the table of findings, in one transaction."""
    table = qualified(RELATION, schema)
    with transaction(connection):
        connection.execute(f"create or replace table {table} ({_TABLE})")
        insert(connection, table, _COLUMNS, [astuple(one) for one in found])


def say(findings: list[Finding]) -> str:
    """Say what is off in one cause: its strongest finding in words, and how many others there are."""
    # What is said of the cause itself explains more than the strongest of what follows from it.
    of_source = findings[0].cause == findings[0].source
    first = min(findings, key=lambda one: ((one.event_name is None) != of_source, -one.score))
    about = (
        " ".join(word for word in (first.event_name, first.property_name) if word) or first.source
    )
    share = first.metric in _SHARES
    observed, expected, lower, upper = (
        _number(value, share)
        for value in (first.observed, first.expected, first.lower, first.upper)
    )
    text = (
        f"{about}: {observed} {_WORDS[first.metric]} from {first.started_at:%Y-%m-%d %H:%M} to"
        f" {first.ended_at:%Y-%m-%d %H:%M}, expected {expected} ({lower} to {upper})"
    )
    others = len(findings) - 1
    return f"{text}; {others} more of the same cause" if others else text


def _number(value: float, share: bool) -> str:
    if share:
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.2f}"


def _row(one: Finding) -> dict[str, object]:
    return {part.name: getattr(one, part.name) for part in fields(one)}


def _open(connection: duckdb.DuckDBPyConnection, schema: str) -> set[str]:
    """Return the causes whose latest result failed."""
    results = qualified("check_results", schema)
    known = connection.execute(
        "select 1 from duckdb_tables() where schema_name = ? and table_name = 'check_results'",
        [schema],
    ).fetchall()
    if not known:
        return set()
    rows = connection.execute(
        f"select check_name from {results} where suite = ?"
        " group by check_name having not arg_max(success, checked_at)",
        [SUITE],
    ).fetchall()
    return {name for (name,) in rows}
