"""One run of footpath on one home, step by step in this process, with wall and CPU seconds of each step and model.

    python -m benchmarks.footpath_run HOME [--full-refresh] [--build-only | --everything]

The steps are those of `make run`, called without Dagster, whose cost does not depend on the data. Imports, dbt's
parsing and the reading of the project's files come before the clock starts.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import Clock, cpu_seconds, peak_memory
from orchestration.dbt_project import DbtProject
from orchestration.settings import Settings
from orchestration.sources import read_sources
from orchestration.steps import Run


def settings_of(home: Path) -> Settings:
    """Return the settings of a benchmark's home."""
    return Settings(landing=home / "landing", sources=home / "sources.yml", home=home / "var")


def time_nodes(dbt: DbtProject, nodes: dict[str, dict[str, float]]) -> None:
    """Note wall and CPU seconds of every node that dbt runs (one at a time: the profile has one thread)."""
    from dbt.cli.main import dbtRunner

    started: dict[str, tuple[float, float]] = {}

    def note(event: Any) -> None:
        info = getattr(event.data, "node_info", None)
        name = getattr(info, "node_name", "") if info is not None else ""
        if event.info.name in ("LogStartLine", "NodeStart") and name:
            started.setdefault(name, (time.perf_counter(), cpu_seconds()))
        elif event.info.name in ("LogModelResult", "LogSeedResult") and name in started:
            wall, cpu = started[name]
            nodes[name] = {
                "wall": round(time.perf_counter() - wall, 3),
                "cpu": round(cpu_seconds() - cpu, 3),
            }

    original = dbtRunner.__init__

    def with_callback(self: Any, manifest: Any = None, callbacks: Any = None) -> None:
        original(self, manifest=manifest, callbacks=[*(callbacks or []), note])

    dbtRunner.__init__ = with_callback


def main(arguments: list[str] | None = None) -> int:
    """Run, and print what it took as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--full-refresh", action="store_true")
    parser.add_argument(
        "--build-only", action="store_true", help="dbt build of the core, nothing else"
    )
    parser.add_argument(
        "--everything", action="store_true", help="build and check also when nothing is new"
    )
    options = parser.parse_args(arguments)
    settings = settings_of(options.home)
    settings.prepare()
    dbt = DbtProject(settings)
    dbt.parse()
    nodes: dict[str, dict[str, float]] = {}
    time_nodes(dbt, nodes)
    clock = Clock()
    if options.build_only:
        # the first statement of dbt costs its imports
        dbt.build(select=["footpath.staging"])
        nodes.clear()
        with clock.span("build"):
            dbt.build(
                select=["footpath.core", "footpath.seeds", "resource_type:seed"],
                full_refresh=options.full_refresh,
            )
    else:
        import great_expectations  # noqa: F401

        sources = read_sources(settings.sources)
        run = Run(settings, sources, dbt, str(time.time_ns()), full_refresh=options.full_refresh)
        with clock.span("load"):
            for name in sources:
                run.load(name)
        if not run.anything_new() and not options.everything:
            raise SystemExit("nothing new")
        with clock.span("stage"):
            run.stage()
        with clock.span("gate 1"):
            for name in sources:
                run.gate_1(name)
        with clock.span("build"):
            run.build()
        with clock.span("gate 2"):
            found = run.gate_2()
        failed = [check.check_name for check in found if not check.success]
        if failed:
            print(f"failed checks: {failed}", file=sys.stderr)
        with clock.span("publish"):
            run.publish()
        with clock.span("finish"):
            run.finish()
    marts = [
        node.name
        for node in dbt.parse().nodes.values()
        if node.resource_type == "model" and node.fqn[:2] == ["footpath", "marts"]
    ]
    print(
        json.dumps(
            {"spans": clock.spans, "nodes": nodes, "marts": marts, "peak_memory": peak_memory()}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
