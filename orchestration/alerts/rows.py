"""The rows that a check does not like, for the one who was told of it."""

import re
from typing import Any

import duckdb

from expectations import anomalies, freshness, spot_check
from expectations.runner import run_suite
from expectations.suite import Suite, load_suites
from orchestration.alerts.incidents import Incident
from orchestration.database import connect, quote
from orchestration.settings import Settings

#: Rows that are shown.
MAX_ROWS = 20

#: How a sample names a batch.
_BATCH = re.compile(r"\bbatch_id (\w+)")


class GoneCheckError(ValueError):
    """The check of an incident is not made any more; the message says what to do."""


def failing_rows(settings: Settings, incident: Incident) -> list[dict[str, Any]]:
    """Return the rows of the pipeline's own tables that fail the check of an incident now.

    At gate 1: the first rows of each failing batch, as delivered, and its unreadable lines. Of a cause of anomalies:
    its rows of the table `anomalies`. Of a source that is not fresh: its latest files. Of the sample that is worked out
    anew: what was noted of it. Raises `GoneCheckError` when no suite has the check any more.
    """
    if incident.suite == freshness.SUITE:
        return _latest_files(settings, incident)
    if incident.suite == spot_check.SUITE:
        return [{"sample": text} for text in incident.samples]
    if incident.source is not None:
        return _batch_rows(settings, incident)
    if incident.suite == anomalies.SUITE:
        return _anomalies(settings, incident)
    suite = _suite_of(incident, settings)
    with connect(settings.warehouse, read_only=True) as connection:
        (result,) = run_suite(connection, suite, schema="main")
    if not result.success and not result.failing:
        return [{"observed": result.observed}]
    return result.failing[:MAX_ROWS]


def _suite_of(incident: Incident, settings: Settings) -> Suite:
    """Return the suite with the one check of the incident."""
    for suite in load_suites(*settings.suites):
        for check in suite.checks:
            if (suite.name, check.name) == (incident.suite, incident.check_name):
                return suite.model_copy(update={"checks": (check,)})
    raise GoneCheckError(
        f"no suite has the check {incident.suite}.{incident.check_name} any more:"
        f" `make alerts RESOLVE={incident.alert_key}` closes the incident"
    )


def _anomalies(settings: Settings, incident: Incident) -> list[dict[str, Any]]:
    with connect(settings.warehouse, read_only=True) as connection:
        return _rows(
            connection.execute(
                f"select * exclude (cause_key) from {quote(anomalies.RELATION)} where cause_key = ?"
                " order by score desc, started_at limit ?",
                [incident.check_name, MAX_ROWS],
            )
        )


def _latest_files(settings: Settings, incident: Incident) -> list[dict[str, Any]]:
    with connect(settings.raw, read_only=True) as connection:
        return _rows(
            connection.execute(
                "select file, batch_id, state, raw_rows, loaded_at from files where source = ?"
                " order by loaded_at desc, file limit ?",
                [incident.source, MAX_ROWS],
            )
        )


def _batch_rows(settings: Settings, incident: Incident) -> list[dict[str, Any]]:
    named = [found[1] for text in incident.samples if (found := _BATCH.search(text))]
    rows: list[dict[str, Any]] = []
    with connect(settings.raw, read_only=True) as connection:
        batches = connection.execute(
            "select file, batch_id, state, held_reason from files"
            " where source = ? and (state = 'held' or list_contains(?, batch_id)) order by all",
            [incident.source, named],
        ).fetchall()
        for file, batch, state, reason in batches:
            rows.append({"file": file, "batch_id": batch, "state": state, "held_reason": reason})
            for table in (f"rows_{incident.source}", "unreadable"):
                rows += _rows(
                    connection.execute(
                        f"select * exclude (batch_id) from {quote(table)} where batch_id = ? order by line limit ?",
                        [batch, MAX_ROWS // 2],
                    )
                )
    return rows


def _rows(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
