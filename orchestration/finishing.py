"""The end of a run, however it ended: alerts are sent, the report is completed, the page is written."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from orchestration.alerts.finish import finish
from orchestration.database import connect
from orchestration.page import write_page
from orchestration.report import Report
from orchestration.settings import Settings


def finish_run(settings: Settings, report: Report, run_id: str) -> None:
    """Send the alerts, put into the report what is shown of the state after the run, write the page.

    The caller holds the lock of the home.
    """
    report.set("incidents", finish(settings, run_id))
    if settings.raw.exists():
        with connect(settings.raw, read_only=True) as connection:
            held = connection.execute(
                "select source, file, batch_id, held_reason as reason from files"
                " where state = 'held' order by all"
            )
            report.set("held", held.df().to_dict("records"))
    if settings.published.exists():
        with connect(settings.published, read_only=True) as connection:
            tables = {name for (name,) in connection.execute("show tables").fetchall()}
            if "load_files" in tables:
                loaded = [file["batch_id"] for file in report.get("files", [])]
                files = connection.execute(
                    "select source, file, batch_id, state, raw_rows, event_rows, duplicate_rows,"
                    " quarantined_rows, erased_rows from load_files where list_contains(?, batch_id) order by all",
                    [loaded],
                )
                report.set("load_files", files.df().astype(object).to_dict("records"))
            if {"quarantined_events", "discarded_events"} <= tables:
                reasons = connection.execute(
                    "select reason, count(*) from quarantined_events anti join discarded_events using (event_key)"
                    " group by reason order by 2 desc, 1"
                )
                report.set("quarantine", dict(reasons.fetchall()))
    _end(settings, report, run_id)


def failed_start(settings: Settings, error: Exception) -> Report:
    """Report a run that could not begin, as sources.yml or the project is wrong, and write its page."""
    run_id = str(uuid4())
    report = Report(settings.reports, run_id)
    report.set("started_at", _now())
    report.set("errors", [str(error)])
    _end(settings, report, run_id)
    return report


def errors_of(events: Iterable[Any]) -> list[str]:
    """Return what failed, of the events of a Dagster run: step and innermost message."""
    errors = []
    for event in events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            errors.append(f"{event.step_key}: {error.message.strip()}")
    return errors


def _end(settings: Settings, report: Report, run_id: str) -> None:
    report.set("finished_at", _now())
    report.set("page", write_page(settings, run_id))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
