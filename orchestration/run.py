"""`make run`: one run over what is new, in this process, with an exit code that tells how it went."""

import argparse
import sys
import time
import warnings
from pathlib import Path

from rich.console import Console

from expectations.plan import PlanError
from expectations.suite import SuiteError
from orchestration.dbt_project import DbtError
from orchestration.finishing import errors_of, failed_start
from orchestration.report import Report, print_page, print_summary
from orchestration.settings import Settings
from orchestration.sources import SourcesError


def main(arguments: list[str] | None = None) -> int:
    """Run everything once. Returns 0 only if every critical check passed and the tables were published."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument(
        "--full-refresh", action="store_true", help="build every table from all raw rows"
    )
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    console = Console(soft_wrap=True)
    settings = Settings.from_environment()
    settings.prepare()
    warnings.filterwarnings("ignore", module="dagster")
    try:
        success, run_id = execute(settings, full_refresh=options.full_refresh)
    except (DbtError, PlanError, SourcesError, SuiteError) as error:
        console.print(f"error: {error}", markup=False, highlight=False)
        print_page(failed_start(settings, error), console)
        return 1
    report = Report(settings.reports, run_id)
    seconds = dict(report.get("seconds", {}))
    seconds["all"] = round(time.perf_counter() - started, 2)
    report.set("seconds", seconds)
    print_summary(report, console)
    for message in report.get("errors", []):
        console.print(f"error: {message}", markup=False, highlight=False)
    console.print(f"report: {report.path}", markup=False, highlight=False)
    print_page(report, console)
    console.print(f"readers open: {settings.published}", markup=False, highlight=False)
    return 0 if success else 1


def execute(settings: Settings, *, full_refresh: bool = False) -> tuple[bool, str]:
    """Execute the job in this process. Returns whether all went well, and the run's id."""
    import dagster as dg

    from orchestration.dbt_project import DbtProject
    from orchestration.definitions import FULL_REFRESH_TAG, JOB, build_definitions
    from orchestration.lock import run_lock
    from orchestration.sources import read_sources
    from orchestration.steps import Run

    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - started:6.1f} s] {text}", flush=True)

    with run_lock(settings.lock, on_wait=say):
        definitions = build_definitions(settings, say=say)
        with dg.DagsterInstance.from_config(str(settings.dagster)) as instance:
            result = definitions.resolve_job_def(JOB).execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                tags={FULL_REFRESH_TAG: "true"} if full_refresh else {},
            )
            failed_checks = [
                evaluation
                for evaluation in result.get_asset_check_evaluations()
                if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
            ]
            run = Run(settings, read_sources(settings.sources), DbtProject(settings), result.run_id)
            run.report.add("errors", errors_of(result.all_events))
            run.finish()
            return result.success and not failed_checks, result.run_id


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
