"""The files of the pages: written whole or not at all, as many kept as the strip of runs shows."""

from pathlib import Path
from typing import Any

from orchestration.page.gather import gather
from orchestration.page.render import render
from orchestration.page.runs import KEPT, latest, page_name
from orchestration.report import Report
from orchestration.settings import Settings

#: The page of the latest run.
INDEX = "index.html"


def write_page(settings: Settings, run_id: str) -> dict[str, Any]:
    """Write the page of a run, and take away those of runs that are not among the latest any more.

    Returns what the report says of it: `path` (None when it could not be written) and `problems`, a list of texts.
    Whatever goes wrong stands there: the page of a run is never what makes it fail.
    """
    problems: list[str] = []
    path: Path | None = None
    try:
        reports = latest(settings.reports, KEPT)
        reports.setdefault(run_id, {"written_at": 0.0, **Report(settings.reports, run_id).data})
        page = gather(settings, run_id, reports)
        problems += [f"{name}: {words}" for name, words in page.problems.items()]
        # What cannot stand in a file, half of a pair of UTF-16 for one, becomes a question mark.
        content = render(page).encode("utf-8", "replace")
        _write(own := settings.reports / page_name(run_id), content)
        path = own
        if next(reversed(reports)) == run_id:
            _write(index := settings.reports / INDEX, content)
            path = index
        kept = {INDEX, *(page_name(name) for name in reports)}
        for other in settings.reports.glob("*.html"):
            if other.name not in kept:
                other.unlink()
    except Exception as error:
        problems.append(" ".join(str(error).split()) or type(error).__name__)
    return {"path": str(path) if path else None, "problems": problems}


def remove_pages(settings: Settings) -> list[str]:
    """Take all pages away, as they show rows of people; return their names."""
    found = sorted(settings.reports.glob("*.html*"))
    for path in found:
        path.unlink()
    return [path.name for path in found]


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)  # of a full disk, say
