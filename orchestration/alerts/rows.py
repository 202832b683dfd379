"""The rows that a check does not like, for the one who was told of it."""

import re
from typing import Any

from expectations.runner import run_suite
from expectations.suite import Suite, load_suites
from orchestration.alerts.incidents import Incident
from orchestration.database import connect, quote
from orchestration.settings import Settings

#: Rows that are shown.
MAX_ROWS = 20

#: How a sample names a batch.
_BATCH = re.compile(r"\bbatch_id (\w+)")


def failing_rows(settings: Settings, incident: Incident) -> list[dict[str, Any]]:
    """Return the rows of the pipeline's own tables that fail the check of an incident now.

    At gate 1: the first rows of each failing batch, as delivered, and its unreadable lines.
    """
    suite = _suite_of(incident)
    if incident.source is not None:
        return _batch_rows(settings, incident)
    if suite is None:
        return []
    with connect(settings.warehouse, read_only=True) as connection:
        (result,) = run_suite(connection, suite, schema="main")
    if not result.success and not result.failing:
        return [{"observed": result.observed}]
    return result.failing[:MAX_ROWS]


def _suite_of(incident: Incident) -> Suite | None:
    """Return the suite with the one check of the incident; None when the check is gone."""
    for suite in load_suites():
        for check in suite.checks:
            if (suite.name, check.name) == (incident.suite, incident.check_name):
                return suite.model_copy(update={"checks": (check,)})
    return None


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
                cursor = connection.execute(
                    f"select * exclude (batch_id) from {quote(table)} where batch_id = ? order by line limit ?",
                    [batch, MAX_ROWS // 2],
                )
                names = [column[0] for column in cursor.description or []]
                rows += [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return rows
