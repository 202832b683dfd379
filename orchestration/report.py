"""The report of one run: what each step did, kept as JSON beside the tables, and its words in a terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

#: Held batches that the summary names.
MAX_HELD = 10
#: Incidents that the summary names of each kind.
MAX_INCIDENTS = 5
#: Where the rows of a file went: the word of the summary, and the column of load_files.
MEASURES = {
    "events": "event_rows",
    "duplicates": "duplicate_rows",
    "quarantined": "quarantined_rows",
}


class Report:
    """One JSON file a run. Steps add to it as they finish, so that a run that dies leaves what it knew."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.path = folder / f"{run_id}.json"
        self.data: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def set(self, section: str, value: Any) -> None:
        """Put a section in the report."""
        self.data[section] = value
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.data, indent=1, default=str))
        new.replace(self.path)

    def add(self, section: str, values: list[Any]) -> None:
        """Append to a section of the report."""
        self.set(section, [*self.data.get(section, []), *values])

    def get(self, section: str, default: Any = None) -> Any:
        """Return a section, or the default."""
        return self.data.get(section, default)


def print_summary(report: Report, console: Console) -> None:
    """Print what came, where it went, what changed, what the checks say and where the time went."""
    _print_files(report, console)
    _print_tables(report, console)
    _print_checks(report, console)
    _print_incidents(report, console)
    _print_times(report, console)


def print_page(report: Report, console: Console) -> None:
    """Print where the page is, or why it was not written."""
    page = report.get("page", {})
    for problem in page.get("problems", []):
        console.print(f"not on the page: {problem}", markup=False, highlight=False)
    if page.get("path"):
        console.print(f"page: {page['path']}", markup=False, highlight=False)


def files_by_source(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row for each source of which files came in the run: files, rows, and where these went.

    Rows have source, files, raw_rows, the columns of `MEASURES`, erased_rows and held.
    """
    loaded = [file for file in report.get("files", []) if file["outcome"] != "unchanged"]
    counts = {row["batch_id"]: row for row in report.get("load_files", [])}
    found = []
    for source in sorted({file["source"] for file in loaded}):
        files = [file for file in loaded if file["source"] == source]
        rows = [counts.get(file["batch_id"], {}) for file in files]
        found.append(
            {
                "source": source,
                "files": len(files),
                "raw_rows": sum(file["raw_rows"] for file in files),
                **{
                    column: sum(row.get(column) or 0 for row in rows)
                    for column in (*MEASURES.values(), "erased_rows")
                },
                "held": sum(row.get("state") == "held" for row in rows),
            }
        )
    return found


def _print_files(report: Report, console: Console) -> None:
    for note in report.get("notes", []):
        console.print(f"note: {note}", markup=False, highlight=False)
    found = files_by_source(report.data)
    if found:
        table = Table(title="Files of this run", title_justify="left")
        measures = dict(MEASURES)
        if any(row["erased_rows"] for row in found):
            measures["erased"] = "erased_rows"
        for name in ("source", "files", "raw rows", *measures, "held"):
            table.add_column(name, justify="left" if name == "source" else "right")
        columns = ("files", "raw_rows", *measures.values(), "held")
        for row in found:
            table.add_row(row["source"], *(f"{row[column]:,}" for column in columns))
        console.print(table)
    else:
        console.print("No new files.")
    held = report.get("held", [])
    for batch in held[:MAX_HELD]:
        console.print(
            f"held: {batch['source']}/{batch['file']}, batch {batch['batch_id']}: {batch['reason']}",
            markup=False,
            highlight=False,
        )
    if len(held) > MAX_HELD:
        console.print(f"held: {len(held) - MAX_HELD:,} more; `make release` lists them all")
    if held:
        console.print(
            "A held batch waits: deliver a corrected file under the same name, or look at it and let it in with "
            "`make release BATCH=id`.",
            markup=False,
            highlight=False,
        )
    reasons = report.get("quarantine", {})
    if reasons:
        words = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        console.print(f"waiting in quarantine, by reason: {words}", highlight=False)


def _print_tables(report: Report, console: Console) -> None:
    tables = report.get("tables", {})
    before = report.get("tables_before", {})
    if not tables:
        failed = report.get("errors") or any(
            not check["success"] and check["severity"] == "critical"
            for check in report.get("checks", [])
        )
        console.print(
            "No data table was published: readers keep the last good ones."
            if failed
            else "Nothing new: no table was changed."
        )
        return
    table = Table(title="Published tables", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("change", justify="right")
    for name, rows in tables.items():
        change = rows - before.get(name, 0)
        table.add_row(name, f"{rows:,}", f"{change:+,}" if change else "·")
    console.print(table)


def _print_checks(report: Report, console: Console) -> None:
    checks = report.get("checks", [])
    if not checks:
        return
    failed = [check for check in checks if not check["success"]]
    console.print(
        f"checks: {len(checks) - len(failed)} passed, {len(failed)} failed", highlight=False
    )
    for check in failed:
        console.print(
            f"  {check['severity']}: {check['suite']}.{check['check_name']} on {check['relation']}: "
            f"{check['observed']}",
            markup=False,
            highlight=False,
        )


def _print_incidents(report: Report, console: Console) -> None:
    found = report.get("incidents", {})
    kinds = [(kind, found.get(kind, [])) for kind in ("new", "open", "resolved")]
    if any(keys for _, keys in kinds):
        words = "; ".join(f"{len(keys):,} {kind}{_names(keys)}" for kind, keys in kinds)
        console.print(f"incidents: {words}", markup=False, highlight=False)
    sent = ", ".join(f"{name} {count:,}" for name, count in found.get("messages", {}).items())
    if sent:
        console.print(f"messages sent: {sent}", markup=False, highlight=False)
    for problem in found.get("problems", []):
        console.print(f"not sent: {problem}", markup=False, highlight=False)


def _names(keys: list[str]) -> str:
    if not keys:
        return ""
    more = ", ..." if len(keys) > MAX_INCIDENTS else ""
    return f" ({', '.join(keys[:MAX_INCIDENTS])}{more})"


def _print_times(report: Report, console: Console) -> None:
    words = ", ".join(
        f"{step} {seconds:.1f} s" for step, seconds in report.get("seconds", {}).items()
    )
    console.print(f"time: {words}", highlight=False)
