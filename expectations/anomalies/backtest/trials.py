"""Trials: a fault is planted somewhere, the days after it are judged, and what was found is compared with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from expectations.anomalies.backtest.faults import FAULTS, Fault, come_late, spoil_rows
from expectations.anomalies.detection import detect
from expectations.anomalies.history import HOURS_OF_DAY, HOURS_OF_WEEK, History
from expectations.anomalies.settings import AnomalySettings

#: Weeks of history that a trial has before it, where there are so many; never fewer than the second.
WEEKS_BEFORE, LEAST_WEEKS_BEFORE = 9, 5
#: Events a week from which on something is called large, and that it takes to be in a trial at all.
LARGE, SMALL = 1000, 200
#: A property that is filled in a smaller share of its events is not taken for a trial.
OFTEN = 0.5


@dataclass
class Data:
    """One set of counts with its settings, and what was found in it untouched, by hour."""

    name: str
    history: History
    settings: AnomalySettings
    #: Whether the times of receipt are those of the data.
    has_receipts: bool = True
    untouched: dict[int, set[str]] = field(default_factory=dict)

    def judge(self, history: History, hours: int) -> set[str]:
        """Return the causes that were known at an hour."""
        known = history.until(hours, self.settings.training_weeks + 2)
        return {one.cause for one in detect(known, self.settings)}

    def causes(self, hours: int) -> set[str]:
        """Return the causes that are found untouched."""
        if hours not in self.untouched:
            self.untouched[hours] = self.judge(self.history, hours)
        return self.untouched[hours]

    def false_alerts(self) -> tuple[int, float, Counter[str]]:
        """Judge every midnight; return how many alerts were opened, in how many weeks, and for which causes."""
        first = (self.settings.least_weeks + 1) * HOURS_OF_WEEK
        hours = [*range(first, self.history.hours + 1, HOURS_OF_DAY)]
        opened: Counter[str] = Counter()
        before: set[str] = set()
        for hour in hours:
            now = self.causes(hour)
            opened.update(now - before)
            before = now
        return sum(opened.values()), len(hours) / 7, opened


@dataclass
class Outcome:
    """Of the trials of one fault: how many, how many were found, after how many days, and what else was."""

    trials: int = 0
    found: int = 0
    days: list[int] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)


def targets(data: Data, fault: Fault, start: int) -> dict[str, list[Any]]:
    """Return what a fault can be planted into at an hour, by how much there is of it in the four weeks before."""
    history = data.history
    weeks = slice(max(start - 4 * HOURS_OF_WEEK, 0), start)
    found: dict[Any, float]
    weekly = {key: counts[weeks].sum() / 4 for key, counts in history.events.items()}
    if fault.target == "sources":
        sources: Counter[str] = Counter()
        for (source, _), count in weekly.items():
            sources[source] += int(count)
        found = {
            source: count
            for source, count in sources.items()
            if source in history.received
            and history.received[source][weeks].any()
            # what becomes of a row when it comes is known only where it says when it came
            and (data.has_receipts or fault.plant is not spoil_rows)
        }
    elif fault.target == "properties":
        days = slice(weeks.start // HOURS_OF_DAY, start // HOURS_OF_DAY)
        found = {
            key: weekly[key[:2]]
            for key, filled in history.filled.items()
            if key[:2] in weekly and filled[days].sum() >= OFTEN * 4 * weekly[key[:2]] > 0
        }
    elif fault.target == "funnels":
        days = slice(weeks.start // HOURS_OF_DAY, start // HOURS_OF_DAY)
        found = {name: np.nansum(entered[days]) / 4 for name, entered in history.entered.items()}
    else:
        found = dict(weekly)
    return {
        "large": sorted(key for key, count in found.items() if count >= LARGE),
        "small": sorted(key for key, count in found.items() if SMALL <= count < LARGE),
    }


def own(fault: Fault, target: Any) -> set[str]:
    """Return the causes that say what was planted."""
    if fault.target == "sources":
        return {target}
    if fault.target == "funnels":
        return {f"funnel/{target}"}
    its = {f"{target[0]}/{target[1]}"}
    return (
        its | {f"{target[0]}/*/{target[3]}"} if fault.target == "properties" else its | {target[0]}
    )


def run(data: Data, fault: Fault, size: str, trials: int, rng: np.random.Generator) -> Outcome:
    """Plant a fault so many times, each time elsewhere."""
    outcome = Outcome()
    last = data.history.hours // HOURS_OF_DAY - max(fault.looks) - 1
    first = min(7 * WEEKS_BEFORE, last - 1)
    if first < 7 * LEAST_WEEKS_BEFORE:
        return outcome
    for _ in range(trials):
        day = int(rng.integers(first, last))
        start = day * HOURS_OF_DAY
        there = targets(data, fault, start)[size]
        if not there:
            continue
        target = there[int(rng.integers(len(there)))]
        if fault.target == "events" or (fault.target == "sources" and fault.size <= 1):
            start += int(rng.integers(HOURS_OF_DAY))
        if fault.size > 1:
            start = _busy(data.history, target, start, int(fault.size))
        try_one(data, fault, target, start, rng, outcome)
    return outcome


def try_one(
    data: Data, fault: Fault, target: Any, start: int, rng: np.random.Generator, outcome: Outcome
) -> None:
    """Plant one fault and look at the midnights after it."""
    planted = fault.plant(data.history, target, start, fault.size, rng)
    midnight = -(-start // HOURS_OF_DAY) * HOURS_OF_DAY
    mine = own(fault, target)
    found_after = None
    others: set[str] = set()
    open_before = data.causes(midnight - HOURS_OF_DAY)
    for days in fault.looks:
        hour = midnight + days * HOURS_OF_DAY
        before = data.causes(hour)
        if fault.plant is come_late and days == 0:
            missing = data.history.until(hour, data.settings.training_weeks + 2)
            now = {one.cause for one in detect(_without_last_day(missing, target), data.settings)}
        else:
            now = data.judge(planted, hour)
        if found_after is None and (now & mine) - before:
            found_after = days
        others |= (now if fault.is_fault else now - before) - mine
        if not fault.is_fault:
            others |= (now - before) & mine
    outcome.trials += 1
    outcome.other.update(others - open_before)
    if found_after is not None:
        outcome.found += 1
        outcome.days.append(found_after)


def _without_last_day(history: History, source: str) -> History:
    """Return what is known while the last day's file of a source is missing."""
    lose = next(fault for fault in FAULTS if fault.name == "a source is dead")
    rng = np.random.default_rng(0)
    return lose.plant(history, source, history.hours - HOURS_OF_DAY, 1.0, rng)


def _busy(history: History, source: str, start: int, hours: int) -> int:
    """Return the hour from which on the day usually has most events of a source."""
    total = np.asarray(sum(history.of(source).values()))
    usual = np.array([
        np.median([total[start + hour - HOURS_OF_WEEK * week :][:hours].sum() for week in range(1, 5)])
        for hour in range(HOURS_OF_DAY - hours)
    ])  # fmt: skip
    return start + int(np.argmax(usual))
