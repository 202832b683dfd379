"""Volume: whether a span of hours is like the same span of the weeks before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expectations.anomalies.settings import AnomalySettings

Array = npt.NDArray[np.float64]

DAY, WEEK = 24, 168
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


@dataclass(frozen=True)
class Usual:
    """What is usual of spans of one width: `ends` has the first hour after each, all others are by series and end.

    `judged` says where the history is long enough, and enough is expected, to judge by it; elsewhere the values may
    be NaN.
    """

    ends: npt.NDArray[np.int64]
    observed: Array
    expected: Array
    lower: Array
    upper: Array
    score: Array
    judged: npt.NDArray[np.bool_]

    def at(self, chosen: npt.NDArray[np.bool_]) -> Usual:
        """Return the spans with these ends alone."""
        return Usual(
            self.ends[chosen],
            *(
                getattr(self, name)[:, chosen]
                for name in ("observed", "expected", "lower", "upper", "score", "judged")
            ),
        )


def judge_counts(
    counts: Array, end: int, settings: AnomalySettings, holidays: npt.NDArray[np.bool_]
) -> list[list[Span]]:
    """Return the spans that are off, for each series: best first, no two of which overlap.

    `counts` by series and hour; `end` is the first hour that is not judged; `holidays` says which hours are on one.
    Spans end in the `judged_days` before `end`.
    """
    found: list[list[Span]] = [[] for _ in range(len(counts))]
    off = _on_holidays(holidays, end)
    for width, usual in _usual(counts, end, settings, off):
        for series, span in _off(usual, width, off, settings):
            found[series].append(span)
    return [apart(spans) for spans in found]


def usual_days(
    counts: Array, end: int, settings: AnomalySettings, holidays: npt.NDArray[np.bool_]
) -> Usual | None:
    """Return what `judge_counts` takes for usual of each whole day among the judged ones.

    Hour 0 of the counts has to be a midnight. None where the history is too short for any series.
    """
    for width, usual in _usual(counts, end, settings, _on_holidays(holidays, end)):
        if width == DAY:
            return usual.at(usual.ends % DAY == 0)
    return None


def _on_holidays(holidays: npt.NDArray[np.bool_], end: int) -> npt.NDArray[np.int64]:
    """Return how many hours before each one are on a holiday."""
    return np.concatenate([[0], np.cumsum(holidays[:end])])


def _usual(
    counts: Array, end: int, settings: AnomalySettings, off: npt.NDArray[np.int64]
) -> Iterator[tuple[int, Usual]]:
    """Yield what is usual of all judged spans of each width, the narrowest first."""
    counts = counts[:, :end]
    if counts.size == 0:
        return
    first = first_seen(counts)
    if not (end - first >= settings.least_weeks * WEEK).any():
        return
    growth = np.array([
        weekly_growth(one, end, int(at), settings.training_weeks) for one, at in zip(counts, first, strict=True)
    ])  # fmt: skip
    sums = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    middle = np.ones(len(counts))
    for width in WIDTHS:
        ends = np.arange(end - settings.judged_days * 24 + 1, end + 1)
        ends = ends[ends >= width]
        if len(ends):
            middle, usual = _of_width(sums, off, first, ends, width, growth, middle, settings)
            yield width, usual


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


def _of_width(
    sums: Array,
    off: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    width: int,
    growth: Array,
    least_middle: Array,
    settings: AnomalySettings,
) -> tuple[Array, Usual]:
    """Return the middle scatter of each series, and what is usual of the spans of one width that end there.

    A wider span is taken to scatter in the middle at least as much as a narrow one: weeks' noise is added to that of
    hours, and few weeks tell little of it.
    """
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
    scale = np.maximum(middle, tail)[:, None]
    reach = _least_score(width, settings) * scale
    return middle, Usual(
        ends,
        observed,
        expected,
        back(steady(expected) - reach),
        back(steady(expected) + reach),
        np.abs(steady(observed) - steady(expected)) / scale,
        enough & (expected >= LEAST_EXPECTED),
    )


def _least_score(width: int, settings: AnomalySettings) -> float:
    return settings.score + (MORE_SCORE if width < SHORT else 0)


def _off(
    usual: Usual, width: int, off: npt.NDArray[np.int64], settings: AnomalySettings
) -> Iterator[tuple[int, Span]]:
    """Yield the spans that are not as usual, each with its series' number."""
    change = usual.observed / np.maximum(usual.expected, 1e-9) - 1
    far = np.where(
        (off[usual.ends] > off[usual.ends - width])[None, :],
        change >= HOLIDAY_RISE - 1,
        np.abs(change) >= settings.least_change,
    )
    chosen = usual.judged & far & (usual.score >= _least_score(width, settings))
    for series, place in np.argwhere(chosen):
        yield (
            int(series),
            Span(
                int(usual.ends[place] - width),
                int(usual.ends[place]),
                float(usual.observed[series, place]),
                float(usual.expected[series, place]),
                float(usual.lower[series, place]),
                float(usual.upper[series, place]),
                float(usual.score[series, place]),
            ),
        )


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
