"""`make demo`: sample dumps, the whole job on them, and what to open."""

import filecmp
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

from orchestration import run
from orchestration.database import connect
from orchestration.page import INDEX
from orchestration.sample import SAMPLE_PLAN, SAMPLE_SOURCES, simulate
from orchestration.settings import Settings

QUERY = """
select channel, count(*) as sessions, round(avg(case when is_bounce then 1 else 0 end), 3) as bounce_rate
from sessions
group by channel
order by sessions desc
limit 5
"""


def main() -> int:
    """Write the dumps, run, deliver the correction of the bad day, run again. Returns the last exit code."""
    console = Console(soft_wrap=True)
    os.environ.setdefault("FOOTPATH_SOURCES", str(SAMPLE_SOURCES))
    os.environ.setdefault("FOOTPATH_TRACKING_PLAN", str(SAMPLE_PLAN))
    settings = Settings.from_environment()
    settings.prepare()
    corrections = settings.home / "corrections"
    console.rule("Sample dumps (simulated)")
    sample = settings.home / "sample"
    simulate(sample, corrections)
    if not _deliver(sample, settings.landing, console):
        return 1
    console.print(f"written to {settings.landing}", highlight=False)

    console.rule("First run: one day of the dumps is bad, gate 1 holds it (exit code 1)")
    first = run.main([])
    console.print(f"exit code {first}", highlight=False)

    console.rule("The corrected file is delivered; second run")
    for path in sorted(corrections.rglob("*.gz")):
        target = settings.landing / path.relative_to(corrections)
        shutil.copyfile(path, target)
        console.print(f"delivered again: {path.relative_to(corrections)}", highlight=False)
    code = run.main([])
    console.print(f"exit code {code}", highlight=False)
    if code == 0:
        _show(settings, console)
    return code


def _deliver(sample: Path, landing: Path, console: Console) -> bool:
    """Copy the sample into the landing folder, unless other people's files are there."""
    ours = {path.relative_to(sample) for path in sample.rglob("*") if path.is_file()}
    present = {path.relative_to(landing) for path in landing.rglob("*") if path.is_file()}
    if present - ours:
        console.print(
            f"error: {landing} holds other files ({min(present - ours)}): set FOOTPATH_LANDING and FOOTPATH_HOME "
            "to empty folders for the demo",
            markup=False,
            highlight=False,
        )
        return False
    for path in sorted(ours):
        target = landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or not filecmp.cmp(sample / path, target, shallow=False):
            shutil.copyfile(sample / path, target)
    return True


def _show(settings: Settings, console: Console) -> None:
    console.rule("What came out")
    with connect(settings.published, read_only=True) as connection:
        console.print(QUERY.strip(), highlight=False)
        console.print(str(connection.sql(QUERY)), highlight=False, markup=False)
    console.print(
        f"tables:  {settings.published}  (DuckDB; open it with any reader)", highlight=False
    )
    console.print(f"page:    {settings.reports / INDEX}  (open it in a browser)", highlight=False)
    console.print("lineage: make dev", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
