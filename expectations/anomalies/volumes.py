"""Events by day with what was usual: the expectation of the judging, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from expectations.anomalies.counts import WEEK, usual_days
from expectations.anomalies.detection import on_holidays, settled
from expectations.anomalies.history import HOURS_OF_DAY, Counts, History
from expectations.anomalies.settings import AnomalySettings


@dataclass(frozen=True)
class Volume:
    """The events of a source (`event_name` None: all of them) by day (UTC), and what was usual.

    `first_day` is the day of the first place of each array. `expected`, `lower` and `upper` are NaN where nothing is
    expected: the history is too short, or so few events are usual that they are not judged. The first `settled` days
    are complete; what is known of later ones may be a part.
    """

    source: str
    event_name: str | None
    first_day: date
    settled: int
    observed: Counts
    expected: Counts
    lower: Counts
    upper: Counts


def volumes(
    history: History, settings: AnomalySettings, *, weeks: int, training_weeks: int
) -> list[Volume]:
    """Return the last `weeks` by day: each source, then its events by name.

    Each day is compared with the weeks before it as if it had been judged at the end of its week, by a history of
    `training_weeks`. So the newest week has the expectation by which `detect` judged it.
    """
    found = []
    for source in history.sources:
        counts = history.of(source)
        names = [None, *counts]
        length = -(-history.hours // HOURS_OF_DAY)
        events = np.zeros((len(names), length * HOURS_OF_DAY))
        for row, values in enumerate(counts.values(), start=1):
            events[row, : history.hours] = values[: history.hours]
        events[0] = events[1:].sum(axis=0)
        observed = events.reshape(len(names), length, HOURS_OF_DAY).sum(axis=2)
        expected, lower, upper = (np.full(observed.shape, np.nan) for _ in range(3))
        end = settled(history, source, settings)
        for week in range(min(weeks, -(-end // WEEK))):
            then = history.until(history.hours - WEEK * week, training_weeks)
            before = int((then.start - history.start).total_seconds() // 3600)
            usual = usual_days(
                _with_total(then, source, list(counts)),
                end - WEEK * week - before,
                settings,
                on_holidays(then, settings),
            )
            if usual is None:
                continue
            days = usual.ends // HOURS_OF_DAY - 1 + before // HOURS_OF_DAY
            for place, values in (
                (expected, usual.expected),
                (lower, usual.lower),
                (upper, usual.upper),
            ):
                place[:, days] = np.where(usual.judged, values, np.nan)
        first = max(length - 7 * weeks, 0)
        whole = end // HOURS_OF_DAY
        found += [
            Volume(
                source,
                name,
                history.start.date() + timedelta(days=first),
                max(whole - first, 0),
                *(values[row, first:] for values in (observed, expected, lower, upper)),
            )
            for row, name in enumerate(names)
        ]
    return found


def _with_total(history: History, source: str, names: list[str]) -> Counts:
    """Return the sum of a source's events, then each of them, by hour."""
    events = np.array([history.events[source, name] for name in names])
    return np.concatenate([events.sum(axis=0)[None, :], events])
