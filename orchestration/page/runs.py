"""The run of the page and those before it: how each ended, from its report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from orchestration.report import MEASURES, files_by_source

Outcome = Literal["published", "nothing new", "held", "failed", "unfinished"]

#: Runs whose pages are kept, and that the strip shows.
KEPT = 90

#: What an outcome means for whoever opens the page: a headline, and what exit code goes with it.
WORDS: dict[Outcome, tuple[str, str]] = {
    "published": (
        "Published",
        "Exit code 0: every critical check that ran passed, and readers have the tables of this run.",
    ),
    "nothing new": (
        "Nothing new",
        "Exit code 0: nothing had come since the last run, so no table was changed and nothing was checked.",
    ),
    "held": (
        "Published, with a held batch",
        "Exit code 1, so that somebody looks: a delivered file failed a critical check. Its rows are in no table;"
        " everything else is published.",
    ),
    "failed": (
        "Failed",
        "Exit code 1: no data table was published. Readers keep those of the last good run.",
    ),
    "unfinished": (
        "Did not finish",
        "The run was stopped, or is not over. The next run goes on where it ended.",
    ),
}
_FAILED_AFTER = "Exit code 1: the tables were published, and then the run failed."


@dataclass(frozen=True)
class RunMark:
    """One run in the strip. `page` is the name of its file, None when that is not kept."""

    run_id: str
    outcome: Outcome
    at: datetime
    page: str | None
    is_this: bool

    @property
    def words(self) -> str:
        """The mark as text."""
        return f"{self.at:%Y-%m-%d %H:%M} UTC: {WORDS[self.outcome][0].lower()}"


@dataclass(frozen=True)
class Summary:
    """The run of the page. Times are UTC; `seconds` by step; `tables` are name, rows and change.

    `held` batches are all that wait after the run; None where it ended before it could look.
    """

    run_id: str
    outcome: Outcome
    headline: str
    meaning: str
    started_at: datetime | None
    finished_at: datetime | None
    last_published_at: datetime | None
    errors: Sequence[str]
    notes: Sequence[str]
    held: Sequence[Mapping[str, Any]] | None
    files: Sequence[Mapping[str, Any]]
    measures: Mapping[str, str]
    seconds: Mapping[str, float]
    tables: Sequence[tuple[str, int, int]]
    not_told: Sequence[str]
    strip: Sequence[RunMark]

    @property
    def took(self) -> float | None:
        """Seconds from the first step to the end."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def outcome(report: Mapping[str, Any]) -> Outcome:
    """Say how a run ended."""
    failed = [
        check
        for check in report.get("checks", [])
        if not check["success"] and check["severity"] == "critical"
    ]
    if report.get("errors") or any(not one["relation"].startswith("raw.") for one in failed):
        return "failed"
    if not report.get("tables"):
        return "nothing new" if report.get("finished_at") else "unfinished"
    return "held" if failed else "published"


def latest(folder: Path, number: int = KEPT) -> dict[str, dict[str, Any]]:
    """Return the reports of the latest runs by their ids, the oldest first."""
    paths = [path for path in folder.glob("*.json") if not path.name.startswith("erasure-")]
    paths = sorted(paths, key=lambda path: path.stat().st_mtime)[-number:]
    found = {}
    for path in paths:
        try:
            report = json.loads(path.read_text())
        except ValueError:
            continue  # cut off by a full disk: it tells nothing, and the others do
        found[path.stem] = {"written_at": path.stat().st_mtime, **report}
    return dict(sorted(found.items(), key=lambda item: _at(item[1])))


def gather(folder: Path, run_id: str, reports: Mapping[str, dict[str, Any]]) -> Summary:
    """Read what the summary of a run shows from its report and those before it."""
    report = reports[run_id]
    ended = outcome(report)
    headline, meaning = WORDS[ended]
    if ended == "failed" and report.get("tables"):
        meaning = _FAILED_AFTER
    before = report.get("tables_before", {})
    published = [one for one in reports.values() if one.get("tables")]
    files = files_by_source(report)
    return Summary(
        run_id=run_id,
        outcome=ended,
        headline=headline,
        meaning=meaning,
        started_at=_time(report.get("started_at")),
        finished_at=_time(report.get("finished_at")),
        last_published_at=_at(published[-1]) if published else None,
        errors=report.get("errors", []),
        notes=report.get("notes", []),
        held=report.get("held"),
        files=files,
        measures={**MEASURES, "erased": "erased_rows"}
        if any(row["erased_rows"] for row in files)
        else MEASURES,
        seconds={name: one for name, one in report.get("seconds", {}).items() if name != "all"},
        tables=[
            (name, rows, rows - before.get(name, 0))
            for name, rows in report.get("tables", {}).items()
        ],
        not_told=report.get("incidents", {}).get("problems", []),
        strip=[
            RunMark(
                name,
                outcome(one),
                _at(one),
                page_name(name) if name == run_id or (folder / page_name(name)).exists() else None,
                name == run_id,
            )
            for name, one in reports.items()
        ],
    )


def page_name(run_id: str) -> str:
    """Return the name of the file of a run's page, beside its report."""
    return f"{run_id}.html"


def _at(report: Mapping[str, Any]) -> datetime:
    """Return when a run ended; of one that did not, when its report was written last."""
    ended = _time(report.get("finished_at"))
    return ended or datetime.fromtimestamp(report["written_at"], UTC).replace(tzinfo=None)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
