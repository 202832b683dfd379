"""Slow drift: whether an event becomes rarer or more frequent, week by week, beside the rest of its source."""

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
#: Fewer events in a week, or fewer series to compare with, say nothing.
LEAST_EVENTS, LEAST_SERIES = 100.0, 4


def judge_drift(counts: Array, end: int, settings: AnomalySettings) -> list[Span | None]:
    """Return the weeks over which a series moved away from the others of its source, or None, for each series.

    `counts` by series and hour. A product that grows takes its events along, so what is looked at is the logarithm of
    the events of a week less the median change of all series. It has to move nearly every week, and in all by more
    than `least_change` and by more than its weeks scatter.
    """
    found: list[Span | None] = [None] * len(counts)
    number = settings.training_weeks + 1
    if end < number * WEEK:
        return found
    grid = slice(end - number * WEEK, end)
    weeks = counts[:, grid].reshape(len(counts), number, WEEK).sum(axis=2)
    judged = np.flatnonzero(weeks.min(axis=1) >= LEAST_EVENTS)
    if len(judged) < LEAST_SERIES:
        return found
    logs = np.log(weeks[judged])
    common = np.median(logs - logs.mean(axis=1, keepdims=True), axis=0)
    for series, its in zip(judged, logs - common, strict=True):
        steps = np.diff(its)
        pairs = np.sign(its[None, :] - its[:, None])[np.triu_indices(number, 1)]
        moved = float(np.median(its[-2:]) - np.median(its[:2]))
        noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
        noise = max(noise, float(np.sqrt(2 / weeks[series].mean())))
        score = abs(moved) / noise
        if (
            abs(float(pairs.mean())) >= LEAST_TAU
            and abs(np.expm1(moved)) >= settings.least_change
            and score >= LEAST_SCORE
        ):
            expected = float(np.exp(np.median(its[:2]) + common[-1]))
            reach = LEAST_SCORE * noise
            found[series] = Span(
                grid.start, end, float(weeks[series, -1]), expected,
                float(expected * np.exp(-reach)), float(expected * np.exp(reach)), score,
            )  # fmt: skip
    return found
