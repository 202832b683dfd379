"""Volume: whether a span of hours is like the same span of the weeks before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expectations.anomalies.settings import AnomalySettings

Array = npt.NDArray[np.float64]

WEEK = 168
#: Spans that are looked at, in hours.
WIDTHS = (1, 3, 6, 12, 24, 48, 72, 168)
#: Fewer expected events than this are not judged: their noise is all there is.
LEAST_EXPECTED = 10.0
#: Weekly growth beyond this is not believed.
MOST_GROWTH = 0.10
#: A trend is not read out of weeks with fewer events.
TREND_EVENTS = 100.0
#: By how much residuals from a median of few weeks are too small.
FEW_WEEKS = 1.1
#: Spans shorter than a day are many: their score has to be so much higher.
SHORT, MORE_SCORE = 24, 1.0
#: On a holiday only this many times the usual is found.
HOLIDAY_RISE = 3.0


@dataclass(frozen=True)
class Span:
    """Hours `start` to `end` (exclusive) of the grid that are off, with what was expected of them."""

    start: int
    end: int
    observed: float
    expected: float
    lower: float
    upper: float
    score: float


def steady(counts: Array) -> Array:
    """Return counts on a scale on which the scatter of a Poisson count is 1, whatever its size."""
    return np.asarray(2 * np.sqrt(np.maximum(counts, 0) + 0.375), dtype=np.float64)


def back(values: Array) -> Array:
    """Return counts from that scale."""
    return np.asarray(np.maximum((np.maximum(values, 0) / 2) ** 2 - 0.375, 0), dtype=np.float64)


def judge_counts(
    counts: Array, end: int, settings: AnomalySettings, holidays: npt.NDArray[np.bool_]
) -> list[list[Span]]:
    """Return the spans that are off, for each series: best first, no two of which overlap.

    `counts` by series and hour; `end` is the first hour that is not judged; `holidays` says which hours are on one.
    Spans end in the `judged_days` before `end`.
    """
    number = len(counts)
    found: list[list[Span]] = [[] for _ in range(number)]
    counts = counts[:, :end]
    if counts.size == 0:
        return found
    first = first_seen(counts)
    if not (end - first >= settings.least_weeks * WEEK).any():
        return found
    growth = np.array([
        weekly_growth(one, end, int(at), settings.training_weeks) for one, at in zip(counts, first, strict=True)
    ])  # fmt: skip
    sums = np.concatenate([np.zeros((number, 1)), np.cumsum(counts, axis=1)], axis=1)
    off = np.concatenate([[0], np.cumsum(holidays[:end])])
    middle = np.ones(number)
    for width in WIDTHS:
        middle, spans = _judge_width(sums, off, first, end, width, growth, middle, settings)
        for series, span in spans:
            found[series].append(span)
    return [apart(spans) for spans in found]


def first_seen(counts: Array) -> npt.NDArray[np.int64]:
    """Return the first place of each series with a count; its length where there is none."""
    some = counts > 0
    return np.asarray(np.where(some.any(axis=1), some.argmax(axis=1), counts.shape[1]))


def apart(spans: list[Span]) -> list[Span]:
    """Keep the span with the best score, then the best that does not overlap it, and so on."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (-one.score, one.end - one.start, one.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return kept


def weekly_growth(counts: Array, end: int, first: int, weeks: int) -> float:
    """Return by how much the logarithm of a week's events rises in a week: the median slope of all pairs of weeks.

    The week that ends at `end` is not among them. 0 where there are fewer than three full weeks, or one with few
    events.
    """
    starts = [end - WEEK * (number + 1) for number in range(1, weeks + 1)]
    totals = np.array([counts[at : at + WEEK].sum() for at in starts if at >= first])
    if len(totals) < 3 or totals.min() < TREND_EVENTS:
        return 0.0
    logs = np.log(totals)  # the latest week first
    slopes = [
        (logs[near] - logs[far]) / (far - near)
        for near in range(len(logs))
        for far in range(near + 1, len(logs))
    ]
    return float(np.clip(np.median(slopes), -MOST_GROWTH, MOST_GROWTH))


def _judge_width(
    sums: Array,
    off: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    end: int,
    width: int,
    growth: Array,
    least_middle: Array,
    settings: AnomalySettings,
) -> tuple[Array, list[tuple[int, Span]]]:
    """Judge all spans of one width; return the middle scatter of each series, and spans with their series' number.

    A wider span is taken to scatter in the middle at least as much as a narrow one: weeks' noise is added to that of
    hours, and few weeks tell little of it.
    """
    ends = np.arange(end - settings.judged_days * 24 + 1, end + 1)
    ends = ends[ends >= width]
    if len(ends) == 0:
        return least_middle, []
    # by series, week and end
    weeks = np.arange(1, settings.training_weeks + 1)[None, :, None]
    then = ends[None, None, :] - WEEK * weeks
    usable = then - width >= first[:, None, None]
    then = np.maximum(then, width)[0]
    usable &= (off[then] == off[then - width])[None]
    before = (sums[:, then] - sums[:, then - width]) * np.exp(growth[:, None, None] * weeks)
    before[~usable] = np.nan
    enough = usable.sum(axis=1) >= settings.least_weeks
    expected = quantile(before, 0.5)
    observed = sums[:, ends] - sums[:, ends - width]
    residuals = steady(before) - steady(expected)[:, None, :]
    residuals[~np.broadcast_to((expected >= 1)[:, None, :], residuals.shape)] = np.nan
    middle, tail = scatters(residuals.reshape(len(sums), -1))
    middle = np.maximum(middle, least_middle)
    scale = np.maximum(middle, tail)
    score = np.abs(steady(observed) - steady(expected)) / scale[:, None]
    change = observed / np.maximum(expected, 1e-9) - 1
    far = np.where(
        (off[ends] > off[ends - width])[None, :],
        change >= HOLIDAY_RISE - 1,
        np.abs(change) >= settings.least_change,
    )
    least_score = settings.score + (MORE_SCORE if width < SHORT else 0)
    chosen = enough & far & (score >= least_score) & (expected >= LEAST_EXPECTED)
    spans = []
    for series, place in np.argwhere(chosen):
        usual = steady(expected[series, place])
        reach = least_score * scale[series]
        span = Span(
            int(ends[place] - width),
            int(ends[place]),
            float(observed[series, place]),
            float(expected[series, place]),
            float(back(usual - reach)),
            float(back(usual + reach)),
            float(score[series, place]),
        )
        spans.append((int(series), span))
    return middle, spans


def quantile(values: Array, share: float) -> Array:
    """Return a quantile along the second axis without NaN, halfway between two neighbours; NaN where there is none."""
    ordered = np.sort(values, axis=1)
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    low, high = np.floor(last * share).astype(int), np.ceil(last * share).astype(int)
    at = [np.take_along_axis(ordered, place[:, None], axis=1)[:, 0] for place in (low, high)]
    return np.asarray((at[0] + at[1]) / 2)


def scatters(residuals: Array) -> tuple[Array, Array]:
    """Return the usual distances from 0 of each row of residuals: in the middle and in the tail, each at least 1.

    1 is what pure chance makes. The median distance, and that which one in a hundred exceeds, each as the standard
    deviation of the normal distribution that has it, and somewhat more since few weeks tell it. NaN is left out.
    """
    if residuals.shape[1] == 0:
        return np.ones(len(residuals)), np.ones(len(residuals))
    distances = np.abs(residuals)
    found = [
        np.maximum(1.0, FEW_WEEKS * np.nan_to_num(quantile(distances, share) / normal))
        for share, normal in ((0.5, 0.6745), (0.99, 2.576))
    ]
    return found[0], found[1]


def scatter(residuals: Array) -> Array:
    """Return the greater of the two."""
    return np.asarray(np.maximum(*scatters(residuals)))
