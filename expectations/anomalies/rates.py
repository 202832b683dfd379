"""Shares by day: whether a share of the last days is like that of the weeks before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from expectations.anomalies.counts import MORE_SCORE, Span, apart, quantile, scatter
from expectations.anomalies.settings import AnomalySettings

Array = npt.NDArray[np.float64]

#: Spans that are looked at, in days.
WIDTHS = (1, 3, 7)
#: A share of fewer is not judged.
LEAST_COUNT = 30.0


Distance = Callable[[Array, Array, Array], Array]


def judge_shares(
    part: Array,
    whole: Array,
    end: int,
    settings: AnomalySettings,
    *,
    falls: bool = True,
    rises: bool = True,
    least_points: float = 0.05,
) -> list[list[Span]]:
    """Return the spans of days whose share `part / whole` is off, for each series; days without a count are NaN or 0.

    Both by series and day; `end` is the first day that is not judged. `falls` and `rises` say which way is a fault; a
    change counts from `least_points` of the whole, and from the setting `least_change` of what is expected, on.
    """
    return _judge(part, whole, end, settings, _angles, falls, rises, least_points)


def judge_ratios(
    part: Array, whole: Array, end: int, settings: AnomalySettings
) -> list[list[Span]]:
    """Return the same for a part that is no share of the whole, but grows with it.

    The scatter of its logarithm is used. The score has to be higher, since that scatters in ways of its own.
    """
    stricter = settings.model_copy(update={"score": settings.score + MORE_SCORE})
    return _judge(part, whole, end, stricter, _logs, True, True, 0.0)


def _angles(part: Array, whole: Array, share: Array) -> Array:
    """Return how far shares are from one share, where 1 is what chance alone makes."""
    found = np.clip(part / np.maximum(whole, 1), 0, 1)
    return np.asarray(
        2 * np.sqrt(whole) * (np.arcsin(np.sqrt(found)) - np.arcsin(np.sqrt(np.clip(share, 0, 1))))
    )


def _logs(part: Array, whole: Array, share: Array) -> Array:
    expected = np.maximum(share * whole, 0.5)
    return np.asarray(np.sqrt(expected) * np.log(np.maximum(part, 0.5) / expected))


def _judge(
    part: Array,
    whole: Array,
    end: int,
    settings: AnomalySettings,
    measure: Distance,
    falls: bool,
    rises: bool,
    least_points: float,
) -> list[list[Span]]:
    found: list[list[Span]] = [[] for _ in part]
    first_judged = end - settings.judged_days
    start = max(first_judged - 7 * settings.training_weeks, 0)
    if len(part) == 0 or first_judged - start < 7 * settings.least_weeks:
        return found
    # from here on day 0 is the first of the training
    part, whole = np.nan_to_num(part[:, start:end]), np.nan_to_num(whole[:, start:end])
    days_before = first_judged - start
    weeks = _weeks(part[:, :days_before], whole[:, :days_before])
    enough = np.isfinite(weeks).sum(axis=1) >= settings.least_weeks
    share = quantile(weeks, 0.5)
    scale = np.ones(len(part))
    for width in WIDTHS:
        days = np.arange(width, part.shape[1] + 1)
        parts, wholes = _sums(part, width), _sums(whole, width)
        far = measure(parts, wholes, share[:, None])
        far[wholes < LEAST_COUNT] = np.nan
        scale = np.maximum(scale, scatter(far[:, days <= days_before]))
        score = far / scale[:, None]
        shares = parts / np.maximum(wholes, 1)
        change = np.abs(shares - share[:, None])
        chosen = (
            (np.abs(score) >= settings.score)
            & (change >= least_points)
            & (change >= settings.least_change * share[:, None])
            & np.where(score > 0, rises, falls)
            & (days > days_before)
            & enough[:, None]
        )
        for series, place in np.argwhere(chosen):
            expected = float(share[series])
            reach = float(settings.score * scale[series] / np.sqrt(wholes[series, place]))
            lower, upper = _limits(measure, expected, reach)
            span = Span(
                int(start + days[place] - width),
                int(start + days[place]),
                float(shares[series, place]),
                expected,
                lower,
                upper,
                float(abs(score[series, place])),
            )
            found[series].append(span)
    return [apart(spans) for spans in found]


def _limits(measure: Distance, share: float, reach: float) -> tuple[float, float]:
    """Return the nearest shares on both sides that would be off."""
    if measure is _angles:
        angle = float(np.arcsin(np.sqrt(min(share, 1.0))))
        low, high = (float(np.clip(angle + sign * reach / 2, 0, np.pi / 2)) for sign in (-1, 1))
        return float(np.sin(low) ** 2), float(np.sin(high) ** 2)
    distance = reach / np.sqrt(max(share, 1e-9))
    return float(share * np.exp(-distance)), float(share * np.exp(distance))


def _weeks(part: Array, whole: Array) -> Array:
    """Return the share of each full week, counted from the end; NaN where it has too few to speak of one."""
    series, days = part.shape
    count = days // 7
    parts, wholes = (
        values[:, days - 7 * count :].reshape(series, count, 7).sum(axis=2)
        for values in (part, whole)
    )
    return np.where(wholes >= LEAST_COUNT, parts / np.maximum(wholes, 1), np.nan)


def _sums(values: Array, width: int) -> Array:
    """Return the sums of the days that end at day `width`, `width` + 1, and so on."""
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(sums[:, width:] - sums[:, :-width])
