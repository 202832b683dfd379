"""All rules on all series, and what belongs together."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from expectations.anomalies.causes import with_causes
from expectations.anomalies.counts import Span, judge_counts
from expectations.anomalies.drift import judge_drift
from expectations.anomalies.finding import Finding, Metric
from expectations.anomalies.freshness import judge_freshness
from expectations.anomalies.history import HOURS_OF_DAY, Counts, History
from expectations.anomalies.rates import judge_ratios, judge_shares
from expectations.anomalies.settings import AnomalySettings

#: A property is new when it was never there, and now is in this share of the events.
NEW_FROM = 0.05
#: Duplicates and unusable rows are a fault from so many of all rows more than usual on.
FAULTY_FROM = 0.02


def detect(history: History, settings: AnomalySettings) -> list[Finding]:
    """Return what is off, each finding with its cause, in an order that depends on nothing but the findings."""
    found: list[Finding] = []
    holidays = on_holidays(history, settings)
    for source in history.sources:
        found += _of_source(history, source, settings, holidays)
    found += _of_funnels(history, settings)
    found = with_causes(found, history)
    return sorted(
        found,
        key=lambda one: (
            one.cause, one.metric, one.source, one.event_name or "", one.property_name or "", one.started_at
        ),
    )  # fmt: skip


def settled(history: History, source: str, settings: AnomalySettings) -> int:
    """Return the first hour of a source that may still be incomplete.

    A source is known up to the hour of its last event, of which more may come; `settle_hours` before that are left
    alone. Hours in which it sends nothing at all any more are judged as freshness.
    """
    total = sum(history.of(source).values())
    seen = np.flatnonzero(total)
    if len(seen) == 0:
        return 0
    return int(max(min(seen[-1], history.hours) - settings.settle_hours, 0))


def on_holidays(history: History, settings: AnomalySettings) -> npt.NDArray[np.bool_]:
    """Return which hours of the grid, and of a day after it, are on a holiday."""
    days = {(day - history.start.date()).days for day in settings.holidays}
    return np.isin(np.arange(history.hours + HOURS_OF_DAY) // HOURS_OF_DAY, sorted(days))


def _of_source(
    history: History, source: str, settings: AnomalySettings, holidays: npt.NDArray[np.bool_]
) -> list[Finding]:
    counts = history.of(source)
    names = list(counts)
    events = np.array([counts[name] for name in names])
    total = events.sum(axis=0)
    end = settled(history, source, settings)
    days = end // HOURS_OF_DAY
    daily = by_day(events, days)
    found: list[Finding] = []

    def add(
        metric: Metric, event: str | None, name: str | None, spans: list[Span], hours: int = 1
    ) -> None:
        found.extend(finding(history, metric, source, event, name, span, hours) for span in spans)

    if source in history.received:
        silence = judge_freshness(history.received[source], history.hours, settings, holidays)
        add("freshness", None, None, [silence] if silence else [])
    if len(names) > 1:
        add("volume", None, None, judge_counts(total[None, :], end, settings, holidays)[0])
    for event, spans in zip(names, judge_counts(events, end, settings, holidays), strict=True):
        add("volume", event, None, spans)
    for event, drift in zip(names, judge_drift(events, end, settings), strict=True):
        add("drift", event, None, [drift] if drift else [])
    actors = by_day(np.array([history.actors[source, name] for name in names]), days)
    for event, spans in zip(names, judge_ratios(actors, daily, days, settings), strict=True):
        add("people", event, None, spans, HOURS_OF_DAY)

    keys = [key for key in sorted(history.filled) if key[0] == source and key[1] in counts]
    if keys:
        filled = np.array([history.filled[key][:days] for key in keys])
        whole = daily[[names.index(key[1]) for key in keys]]
        for key, spans in zip(
            keys, judge_shares(filled, whole, days, settings, rises=False), strict=True
        ):
            add("filled", key[1], key[3], spans, HOURS_OF_DAY)
        judged = max(days - settings.judged_days, 0)
        is_new = filled[:, max(judged - 7 * settings.training_weeks, 0) : judged].sum(axis=1) == 0
        keys = [key for key, new in zip(keys, is_new, strict=True) if new]
        new = judge_shares(
            filled[is_new], whole[is_new], days, settings, falls=False, least_points=NEW_FROM
        )
        for key, spans in zip(keys, new, strict=True):
            add("new_property", key[1], key[3], spans[:1], HOURS_OF_DAY)
    if source in history.received:
        faults: tuple[tuple[Metric, Counts], ...] = (
            ("duplicates", history.duplicates[source]),
            ("quarantine", history.quarantined[source]),
        )
        rows = history.received[source] + faults[0][1] + faults[1][1]
        days = _last_received(rows, history) // HOURS_OF_DAY
        for metric, its in faults:
            (spans,) = judge_shares(
                by_day(its, days)[None, :],
                by_day(rows, days)[None, :],
                days,
                settings,
                falls=False,
                least_points=FAULTY_FROM,
            )
            add(metric, None, None, spans, HOURS_OF_DAY)
    return found


def _last_received(rows: Counts, history: History) -> int:
    seen = np.flatnonzero(rows[: history.hours])
    return int(seen[-1]) + 1 if len(seen) else 0


def _of_funnels(history: History, settings: AnomalySettings) -> list[Finding]:
    found = []
    for funnel, entered in sorted(history.entered.items()):
        mature = np.flatnonzero(np.isfinite(entered))
        if len(mature):
            end = int(mature[-1]) + 1
            converted = history.converted[funnel]
            (spans,) = judge_shares(converted[None, :], entered[None, :], end, settings)
            found += [
                finding(history, "conversion", "", funnel, None, span, HOURS_OF_DAY)
                for span in spans
            ]
    return found


def by_day(counts: Counts, days: int) -> Counts:
    """Sum hours (the last axis) to days."""
    shape = (*counts.shape[:-1], days, HOURS_OF_DAY)
    return np.asarray(counts[..., : days * HOURS_OF_DAY].reshape(shape).sum(axis=-1))


def finding(
    history: History,
    metric: Metric,
    source: str,
    event: str | None,
    name: str | None,
    span: Span,
    hours: int = 1,
) -> Finding:
    """Make a finding of a span of the grid, whose places are so many hours long."""
    start = history.start
    return Finding(
        source,
        event,
        name,
        metric,
        start + timedelta(hours=span.start * hours),
        start + timedelta(hours=span.end * hours),
        span.observed,
        span.expected,
        span.lower,
        span.upper,
        span.score,
    )
