"""Slow drift: does an event become rarer or more frequent, week by week, beside the rest of its source?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expectations.anomalies.counts import WEEK, Span
from expectations.anomalies.settings import AnomalySettings

Array = npt.NDArray[np.float64]

#: How many weeks have to go one way, on balance: Kendall's tau.
LEAST_TAU = 0.8
#: How far off is too far, in units of what weeks scatter by.
LEAST_SCORE = 4.0
LEAST_EVENTS = 100.0


def judge_drift(counts: Array, rest: Array, end: int, settings: AnomalySettings) -> Span | None:
    """Return the weeks over which a series moved away from the rest of its source, or None.

    A product that grows takes all its events along, so what is looked at is the logarithm of their ratio, by week. It has
    to move nearly every week, and in all by more than `least_change` and by more than its weeks scatter.
    """
    number = settings.training_weeks + 1
    if end < number * WEEK:
        return None
    grid = slice(end - number * WEEK, end)
    weeks = counts[grid].reshape(number, WEEK).sum(axis=1)
    others = rest[grid].reshape(number, WEEK).sum(axis=1)
    if weeks.min() < LEAST_EVENTS or others.min() < LEAST_EVENTS:
        return None
    logs = np.log(weeks / others)
    steps = np.diff(logs)
    pairs = np.sign(logs[None, :] - logs[:, None])[np.triu_indices(number, 1)]
    moved = float(np.median(logs[-2:]) - np.median(logs[:2]))
    noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    noise = max(noise, float(np.sqrt(2 / weeks.mean())))
    score = abs(moved) / noise
    if (
        abs(float(pairs.mean())) < LEAST_TAU
        or abs(np.expm1(moved)) < settings.least_change
        or score < LEAST_SCORE
    ):
        return None
    expected = float(np.exp(np.median(logs[:2])) * others[-1])
    return Span(
        grid.start,
        end,
        float(weeks[-1]),
        expected,
        float(expected * np.exp(-LEAST_SCORE * noise)),
        float(expected * np.exp(LEAST_SCORE * noise)),
        score,
    )
