"""`make bench`: footpath against hand-written SQL, a longer history, bare reads and other tools, as ratios.

    make bench                    2 million events, some minutes
    make bench SIZE=20            20 million, the size that the aims are meant for
    make bench PART=daily         one part alone: build, daily, checks, memory, loading, others, analyses

A history is 100 days of SIZE million events in all (the short one: its last 10 days). Ratios are of CPU seconds, which
other work on the machine disturbs less than wall seconds. Every measurement is a process of its own.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks import analyses, generator
from benchmarks.footpath_run import settings_of
from benchmarks.measuring import in_process_of_its_own

LONG_DAYS = 100
SHORT_DAYS = 10
#: SIZE for which a day has SESSIONS_PER_DAY sessions.
FULL_SIZE = 20
GIB = 1 << 30
#: Models of tables that hand_written.sql does not make: their seconds are left out of the comparison.
NOT_BY_HAND = (
    "event_traits",
    "user_traits",
    "event_groups",
    "groups",
    "person_groups",
    "group_person_days",
)


class Bench:
    """The homes of one size below one folder, and what was measured on them."""

    def __init__(self, folder: Path, size: float, console: Console) -> None:
        self.folder = folder / f"size_{size:g}"
        self.sessions = round(generator.SESSIONS_PER_DAY * size / FULL_SIZE)
        self.console = console
        #: (part, what, value, unit, aim, holds)
        self.rows: list[tuple[str, str, float, str, str]] = []
        self.details: dict[str, Any] = {}

    def say(self, text: str) -> None:
        self.console.print(f"[{time.strftime('%H:%M:%S')}] {text}", markup=False, highlight=False)

    def result(self, part: str, what: str, value: float, unit: str = "", aim: str = "") -> None:
        self.rows.append((part, what, round(value, 3), unit, aim))
        self.say(f"{part}: {what}: {value:.2f} {unit} {'(aim: ' + aim + ')' if aim else ''}")

    def history(self, days: int) -> Path:
        """Return a home whose raw.duckdb holds so many days; made once."""
        home = self.folder / f"{days}_days"
        ready = home / "raw_is_ready"
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            self.say(f"making {days} days of calls")
            rows = generator.fill_raw(
                settings_of(home), generator.days_before_the_batch(days), self.sessions
            )
            ready.write_text(str(rows))
        return home

    def built(self, days: int) -> Path:
        """Return a home whose tables are built; measured when it is done for the first time."""
        home = self.history(days)
        done = home / "built.json"
        if not done.exists():
            self.say(f"building {days} days")
            settings_of(home).warehouse.unlink(missing_ok=True)
            measured = self.footpath(home, "--build-only", "--full-refresh")
            done.write_text(json.dumps(measured))
        self.details[f"build_{days}_days"] = json.loads(done.read_text())
        return home

    def footpath(self, home: Path, *arguments: str, **environment: str) -> dict[str, Any]:
        settings = settings_of(home)
        return in_process_of_its_own(
            "benchmarks.footpath_run",
            str(home),
            *arguments,
            environment={
                "FOOTPATH_HOME": str(settings.home),
                "FOOTPATH_LANDING": str(settings.landing),
                "FOOTPATH_SOURCES": str(settings.sources),
                "PYTHONWARNINGS": "ignore",
                **environment,
            },
        )

    # the parts

    def build(self) -> None:
        """Part 1: a full build against hand-written SQL."""
        home = self.built(LONG_DAYS)
        ours = self.details[f"build_{LONG_DAYS}_days"]
        by_hand = in_process_of_its_own("benchmarks.hand_written", str(home))
        different = in_process_of_its_own("benchmarks.hand_written", str(home), "--compare")
        self.details |= {"hand_written": by_hand, "different": different["different"]}
        if different["different"]:
            raise SystemExit(f"the hand-written tables differ: {different['different']}")
        for clock in ("cpu", "wall"):
            more = sum(ours["nodes"][name][clock] for name in NOT_BY_HAND if name in ours["nodes"])
            self.result(
                "build",
                f"full build / hand-written ({clock})",
                (ours["spans"]["build"][clock] - more) / by_hand["spans"]["all"][clock],
                "",
                "at most 1.5 at 20 million" if clock == "cpu" else "",
            )
        self.result(
            "build", "footpath, with groups and traits", ours["spans"]["build"]["cpu"], "CPU s"
        )
        self.result("build", "hand-written", by_hand["spans"]["all"]["cpu"], "CPU s")

    def daily(self) -> None:
        """Part 2: the same daily batch on a short and on a long history."""
        batch = self.folder / "batch.json"
        day = generator.LAST_DAY + timedelta(days=1)
        with duckdb.connect() as connection:
            generator.write_file(connection, day, batch, self.sessions)
        runs = {}
        for days in (SHORT_DAYS, LONG_DAYS):
            home = self.built(days)
            copy = self.folder / "daily"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(home, copy, ignore=shutil.ignore_patterns("hand_written*", "*.tmp"))
            first = settings_of(copy)
            shutil.copyfile(first.warehouse, first.published)
            # The first build left the marts and the tables of the checks unmade: that is no daily work.
            self.footpath(copy, "--everything")
            (first.landing / generator.SOURCE).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(batch, first.landing / generator.SOURCE / f"{day}.json")
            runs[days] = self.footpath(copy)
            started = time.process_time()
            shutil.copyfile(first.warehouse, first.warehouse.with_suffix(".copy"))
            runs[days]["cp"] = time.process_time() - started
            shutil.rmtree(copy)
        self.details["daily"] = runs
        short, long = runs[SHORT_DAYS], runs[LONG_DAYS]

        def cpu(run: dict[str, Any], *spans: str) -> float:
            return float(sum(run["spans"][span]["cpu"] for span in spans))

        def nodes(run: dict[str, Any], *, marts: bool) -> float:
            return float(
                sum(
                    seconds["cpu"]
                    for name, seconds in run["nodes"].items()
                    if (name in run["marts"]) == marts
                )
            )

        models = [nodes(run, marts=False) for run in (long, short)]
        load = [cpu(run, "load") for run in (long, short)]
        checks = [cpu(run, "gate 1", "gate 2") for run in (long, short)]
        for what, (grown, before) in {
            "whole run": [a + b + c for a, b, c in zip(models, load, checks, strict=True)],
            "loading": load,
            "models": models,
            "checks": checks,
        }.items():
            self.result(
                "daily",
                f"{what}: {LONG_DAYS} days / {SHORT_DAYS} days",
                grown / before,
                "",
                "at most 1.3",
            )
        marts = [nodes(run, marts=True) for run in (long, short)]
        self.result("daily", "marts, rebuilt", marts[0] / max(marts[1], 0.01))
        self.result(
            "daily",
            "publishing / cp of the file",
            cpu(long, "publish") / max(long["cp"], 0.01),
            "",
            "at most 1.2",
        )
        grown_by = {
            name: round(seconds["cpu"] - short["nodes"].get(name, {"cpu": 0})["cpu"], 2)
            for name, seconds in long["nodes"].items()
        }
        for name, seconds in sorted(grown_by.items(), key=lambda item: -item[1])[:6]:
            self.result("daily", f"{name} takes longer by", seconds, "CPU s")

    def checks(self) -> None:
        """Part 3: both gates, anomalies and the page in a first run over everything, and over next to nothing."""
        runs = {}
        for name, home in (("all", self.history(LONG_DAYS)), ("few", self.few())):
            copy = self.folder / "checks"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(
                home,
                copy,
                ignore=shutil.ignore_patterns(
                    "hand_written*", "clickhouse", "warehouse*", "published*", "scratch*", "*.tmp"
                ),
            )
            # As if all of it had just been loaded: gate 1 looks at every row.
            with duckdb.connect(str(settings_of(copy).raw)) as connection:
                connection.execute("update files set state = 'pending'")
            self.say(f"first run: {name}")
            runs[name] = self.footpath(copy, "--full-refresh", "--everything")["spans"]
            shutil.rmtree(copy)
        self.details["checks"] = runs
        gates = ("gate 1", "gate 2")
        for clock in ("cpu", "wall"):
            cost = sum(runs["all"][gate][clock] for gate in gates)
            self.result(
                "checks",
                f"gates / build ({clock})",
                cost / runs["all"]["build"][clock],
                "",
                "at most 0.5" if clock == "wall" else "",
            )
        fixed = sum(runs["few"][gate]["wall"] for gate in gates)
        self.result("checks", "gates on next to nothing", fixed, "s wall", "at most 10")
        for gate in gates:
            self.result("checks", f"{gate} on everything", runs["all"][gate]["wall"], "s wall")
        self.result("checks", "alerts and page on everything", runs["all"]["finish"]["wall"], "s wall")  # fmt: skip

    def few(self) -> Path:
        """Return a home whose raw.duckdb holds one day of ten sessions."""
        home = self.folder / "few"
        shutil.rmtree(home, ignore_errors=True)
        generator.fill_raw(settings_of(home), generator.days_before_the_batch(1), 10)
        return home

    def memory(self) -> None:
        """Part 4: peak memory, and a build with DuckDB limited to 2 GB."""
        home = self.built(LONG_DAYS)
        peak = self.details[f"build_{LONG_DAYS}_days"]["peak_memory"]
        self.result("memory", "peak of a full build", peak / GIB, "GiB", "under 6 at 20 million")
        copy = self.folder / "limited"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(
            home,
            copy,
            ignore=shutil.ignore_patterns("hand_written*", "warehouse*", "published*", "*.tmp"),
        )
        limited = self.footpath(copy, "--build-only", "--full-refresh", FOOTPATH_MEMORY_LIMIT="2GB")
        shutil.rmtree(copy)
        self.details["limited"] = limited
        self.result(
            "memory", "peak with DuckDB limited to 2 GB", limited["peak_memory"] / GIB, "GiB"
        )
        self.result(
            "memory",
            "CPU with the limit / without",
            limited["spans"]["build"]["cpu"]
            / self.details[f"build_{LONG_DAYS}_days"]["spans"]["build"]["cpu"],
        )

    def loading(self) -> None:
        """Part 5: loading JSON lines against DuckDB's bare strict read."""
        found = in_process_of_its_own(
            "benchmarks.loading", str(self.folder / "loading"), str(self.sessions)
        )
        self.details["loading"] = found
        for kind, aim in {
            "clean": "at least 0.7",
            "gzipped": "at least 0.7",
            "bad lines": "at least 0.3",
        }.items():
            self.result(
                "loading",
                f"speed of a bare strict read reached: {kind}",
                found["bare, gzipped" if kind == "gzipped" else "bare"]["cpu"] / found[kind]["cpu"],
                "",
                aim,
            )

    def others(self) -> None:
        """Part 6: the same sessions by other tools, and the published incremental algorithms."""
        home = self.built(LONG_DAYS)
        found: dict[str, Any] = {}
        for tool in ("footpath", "duckdb", "polars", "pandas", "clickhouse"):
            found[tool] = in_process_of_its_own("benchmarks.other_tools", str(home), tool)
        counts = {(tool["sessions"], tool["checksum"]) for tool in found.values()}
        if len(counts) > 1:
            raise SystemExit(f"the tools do not agree about the sessions: {found}")
        for tool, measured in found.items():
            self.result(
                "others",
                f"sessions by {tool}",
                measured["cpu"],
                f"CPU s, {measured['wall']:.1f} s wall",
            )
        for package in ("segment", "mixpanel"):
            found[package] = in_process_of_its_own(
                "benchmarks.packages", str(self.built(SHORT_DAYS)), package
            )
            self.result(
                "others",
                f"sessions as {package} does, one full run",
                found[package]["full"]["cpu"],
                "CPU s",
            )
            self.result(
                "others",
                f"sessions as {package} does: rows in which its daily runs differ from one full run",
                found[package]["different_rows"],
            )
        self.details["others"] = found

    def analyses(self) -> None:
        """Part 7: funnels, retention, lifecycle and paths against SQL by hand and ClickHouse on sorted tables."""
        levels = in_process_of_its_own("benchmarks.window_funnel")
        self.details["window_funnel"] = levels
        different = sum(levels["different"].values())
        self.result("analyses", "windowFunnel's levels compared, all modes", levels["levels"])
        self.result("analyses", "... that differ from footpath.window_funnel's", different, "", "0")
        if different:
            raise SystemExit(f"levels differ from windowFunnel's: {levels['different']}")
        short, long = self.built(SHORT_DAYS), self.built(LONG_DAYS)
        compiled = self.folder / "analyses.json"
        analyses.compile_questions(compiled)
        in_process_of_its_own("benchmarks.analyses", str(long), "prepare")

        def measure(home: Path, name: str, tool: str) -> dict[str, Any]:
            self.say(f"{name}: {tool}, {home.name}")
            return in_process_of_its_own(
                "benchmarks.analyses", str(home), name, tool, str(compiled)
            )

        events = {home: json.loads((home / "raw_is_ready").read_text()) for home in (short, long)}
        found = self.details["analyses"] = {}
        for name, question in analyses.questions().items():
            tools = [
                tool for tool in ("footpath", "by_hand", "clickhouse") if getattr(question, tool)
            ]
            answers = found[name] = {tool: measure(long, name, tool) for tool in tools}
            compared = {
                tool: answer
                for tool, answer in answers.items()
                if tool != "clickhouse" or not question.clickhouse_asks
            }
            if len({answer["checksum"] for answer in compared.values()}) > 1:
                raise SystemExit(f"{name}: the answers differ: {json.dumps(compared, indent=1)}")
            ours = answers["footpath"]
            for tool, text, aim in (
                ("clickhouse", "ClickHouse", "at most 1"),
                ("by_hand", "by hand", "at most 1.3"),
            ):
                if tool in answers:
                    asks = question.clickhouse_asks if tool == "clickhouse" else ""
                    self.result(
                        "analyses",
                        f"{name}: footpath / {text}{asks and f' ({asks})'}",
                        ours["cpu"] / max(answers[tool]["cpu"], 0.01),
                        "",
                        aim,
                    )
            for tool, answer in answers.items():
                self.result(
                    "analyses",
                    f"{name}: {tool}",
                    answer["cpu"],
                    f"CPU s, {answer['wall']:.1f} s wall, peak {answer['peak_memory'] / GIB:.1f} GiB",
                )
            answers["short"] = measure(short, name, "footpath")
            self.result(
                "analyses",
                f"{name}: CPU s per event, {LONG_DAYS} days / {SHORT_DAYS} days",
                (ours["cpu"] / events[long]) / (max(answers["short"]["cpu"], 0.01) / events[short]),
                "",
                "about 1",
            )


def show(bench: Bench, path: Path, size: float) -> None:
    """Print the table and write the file."""
    table = Table(title=f"footpath's benchmarks, {size:g} million events", title_justify="left")
    for name in ("part", "what", "value", "", "aim"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for part, what, value, unit, aim in bench.rows:
        table.add_row(part, what, f"{value:,.2f}", unit, aim)
    bench.console.print(table)
    path.write_text(
        json.dumps(
            {
                "size_million_events": size,
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "duckdb": duckdb.__version__,
                "results": [
                    dict(zip(("part", "what", "value", "unit", "aim"), row, strict=True))
                    for row in bench.rows
                ],
                "details": bench.details,
            },
            indent=1,
        )
    )
    bench.console.print(f"details: {path}", markup=False, highlight=False)


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that were asked for."""
    parts = ("build", "daily", "checks", "memory", "loading", "others", "analyses")
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", type=float, default=2, help="million events of the long history")
    parser.add_argument("--part", choices=parts, action="append", help="only this part")
    parser.add_argument(
        "--folder", type=Path, default=Path("var/bench"), help="where the homes are made"
    )
    options = parser.parse_args(arguments)
    bench = Bench(options.folder.resolve(), options.size, Console(soft_wrap=True))
    bench.folder.mkdir(parents=True, exist_ok=True)
    for part in options.part or parts:
        getattr(bench, part)()
    show(bench, bench.folder / f"results_{time.strftime('%Y%m%d_%H%M%S')}.json", options.size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
