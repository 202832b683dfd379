"""Freshness: whether a source has gone silent while others go on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from expectations.anomalies.counts import LEAST_EXPECTED, WEEK, Span, back, scatter, steady
from expectations.anomalies.settings import AnomalySettings

Array = npt.NDArray[np.float64]

#: A source that came in fewer hours of the training has no rhythm to speak of.
LEAST_ARRIVALS = 20
#: Silence counts from this many times the longest one of the training on.
LONGER = 1.25


def judge_freshness(
    received: Array, end: int, settings: AnomalySettings, holidays: npt.NDArray[np.bool_]
) -> Span | None:
    """Return the silence at the end of what a source sent, or None where it is nothing unusual.

    `received` is rows by hour of receipt, `end` the first hour that is not over. Silence is unusual when it is longer
    than any one in the training, by what a file may be late, and the same hours of the weeks before brought so much
    that its score is over the setting.
    """
    arrivals = np.flatnonzero(received[:end])
    if len(arrivals) == 0:
        return None
    last = int(arrivals[-1]) + 1
    silence = end - last
    since = max(int(arrivals[0]), last - settings.training_weeks * WEEK)
    arrivals = arrivals[arrivals >= since]
    if silence <= 0 or len(arrivals) < LEAST_ARRIVALS or last - since < settings.least_weeks * WEEK:
        return None
    silent = holidays[last:end].sum()
    gaps = [
        gap - holidays[start : start + gap].sum()
        for start, gap in zip(arrivals[:-1] + 1, np.diff(arrivals) - 1, strict=True)
    ]
    if silence - silent <= settings.late_hours + LONGER * max(gaps):
        return None
    weeks = range(-(-silence // WEEK), settings.training_weeks + 1)
    before = np.array([
        received[last - WEEK * week : end - WEEK * week].sum() for week in weeks if last - WEEK * week >= since
    ])  # fmt: skip
    if len(before) == 0:
        return None
    expected = float(np.median(before))
    scale = float(scatter((steady(before) - steady(np.array(expected)))[None, :])[0])
    score = float(steady(np.array(expected)) - steady(np.array(0.0))) / scale
    if expected < LEAST_EXPECTED or score < settings.score:
        return None
    reach = settings.score * scale
    lower, upper = (float(back(steady(np.array(expected)) + sign * reach)) for sign in (-1, 1))
    return Span(last, end, 0.0, expected, lower, upper, score)
