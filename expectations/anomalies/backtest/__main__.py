"""Print how well anomalies are found: `python -m expectations.anomalies.backtest` (`make backtest`)."""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from expectations.anomalies.backtest import data as datasets
from expectations.anomalies.backtest.faults import FAULTS
from expectations.anomalies.backtest.trials import Data, Outcome, run
from orchestration.settings import PROJECT

#: Seeds of the simulation and the trials. The rules were tuned on others: 101 and 1.
SIMULATION, TRIALS = 202, 2


def main() -> int:
    """Build the data, plant the faults, print the tables. Always 0: it measures, it does not judge."""
    parser = argparse.ArgumentParser(
        prog="python -m expectations.anomalies.backtest", description=__doc__
    )
    parser.add_argument("--trials", type=int, default=12, help="trials per fault, size and data")
    parser.add_argument("--seed", type=int, default=TRIALS, help="where faults are planted")
    parser.add_argument(
        "--simulation", type=int, default=SIMULATION, help="seed of the simulated product"
    )
    parser.add_argument(
        "--keep", type=Path, help="folder to keep what is built in, and to find it again"
    )
    arguments = parser.parse_args()
    console = Console(soft_wrap=True, width=150)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        shared = Path(os.environ.get("FOOTPATH_SHARED", PROJECT.parent / "shared"))
        console.print("building what is judged", highlight=False)
        sets, missing = datasets.real(folder / "real", shared / "data")
        sets = [
            datasets.simulated(folder / f"simulated-{arguments.simulation}", arguments.simulation),
            *sets,
        ]
        for words in missing:
            console.print(f"skipped: {words}", highlight=False, markup=False)
        _untouched(sets, console)
        _trials(sets, arguments.trials, arguments.seed, console)
    return 0


def _untouched(sets: list[Data], console: Console) -> None:
    table = Table(box=box.MARKDOWN, title="Untouched: false alerts")
    for name in ("data", "weeks judged", "alerts", "a week", "causes"):
        table.add_column(name)
    for data in sets:
        alerts, weeks, causes = data.false_alerts()
        named = ", ".join(f"{cause} {count}" for cause, count in causes.most_common(6))
        table.add_row(data.name, f"{weeks:.1f}", str(alerts), f"{alerts / weeks:.2f}", named)
    console.print(table)


def _trials(sets: list[Data], trials: int, seed: int, console: Console) -> None:
    sizes = ("large", "small")
    table = Table(
        box=box.MARKDOWN,
        title="Planted: large is 1,000 and more a week before the fault, small 200 to 1,000",
    )
    for name in (
        "fault",
        "share",
        "in",
        "data",
        "trials",
        "found",
        "recall",
        "false causes",
        "median days",
    ):
        table.add_column(name)
    everything = {(size, data.name): Outcome() for size in sizes for data in sets}
    for number, fault in enumerate(FAULTS):
        for size in sizes:
            for place, data in enumerate(sets):
                rng = np.random.default_rng([seed, number, place, size == "large"])
                one = run(data, fault, size, trials, rng)
                whole = everything[size, data.name]
                whole.other.update(one.other)
                if fault.is_fault:
                    whole.trials += one.trials
                    whole.found += one.found
                    whole.days += one.days
                if one.trials:
                    table.add_row(
                        fault.name,
                        _share(fault.size),
                        size,
                        data.name,
                        *_numbers(one, fault.is_fault),
                    )
    console.print(table)
    table = Table(box=box.MARKDOWN, title="All faults (aim: precision 0.9, recall 0.9)")
    for name in ("in", "data", "trials", "precision", "recall", "false causes"):
        table.add_column(name)
    for (size, name), whole in everything.items():
        if whole.trials:
            false = sum(whole.other.values())
            table.add_row(
                size,
                name,
                str(whole.trials),
                f"{whole.found / max(whole.found + false, 1):.2f}",
                f"{whole.found / whole.trials:.2f}",
                ", ".join(f"{cause} {count}" for cause, count in whole.other.most_common(5)),
            )
    console.print(table)


def _share(size: float) -> str:
    return f"{size:.0%}" if 0 < size <= 1 else ""


def _numbers(outcome: Outcome, is_fault: bool) -> list[str]:
    return [
        str(outcome.trials),
        str(outcome.found) if is_fault else "no fault",
        f"{outcome.found / outcome.trials:.2f}" if is_fault and outcome.trials else "",
        str(sum(outcome.other.values())),
        f"{np.median(outcome.days):.0f}" if outcome.days else "",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
