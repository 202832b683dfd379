"""What belongs together: one dead source is one cause, not forty findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import numpy as np

from expectations.anomalies.finding import Finding
from expectations.anomalies.history import History

#: The share of its events (or properties) that have to move together for it to be their source's (event's) cause.
MOST = 0.6
#: An event moved together with its source when it moved at least by this share of the source's change.
TOGETHER = 0.4
#: Events of which fewer are expected say nothing of what happened to their source.
LEAST_EXPECTED = 5.0
#: A property is one cause for all events when it is off in so many of them.
LEAST_EVENTS = 3
#: Volumes of a source belong together when they are not farther from each other.
NEAR = timedelta(days=2)

OF_SOURCE = ("freshness", "duplicates", "quarantine")


def with_causes(found: Iterable[Finding], history: History) -> list[Finding]:
    """Return the findings with their cause: a source, `source/event`, `source/*/property` or `funnel/name`.

    1. Everything about an event has the cause `source/event`: its volume, its people, its properties.
    2. A property that is off in three events or more, which are most of those that have it: `source/*/property`.
    3. What is said of a source as a whole is the source's. A volume is the source's too, whether its own or one
       event's, if most of the events moved with it; then all volumes of the same time and direction are the same cause.
       If not, the volume of a source has the cause of the event that moved most.
    4. A funnel's conversion is a cause of its own.
    """
    findings = [_at_first(one) for one in found]
    findings = _properties_of_all_events(findings, history)
    by_score = sorted(findings, key=lambda one: (one.event_name is not None, -one.score))
    for number, one in enumerate(by_score):
        if one.metric == "volume":
            by_score = _of_source(by_score, by_score[number], history)
    findings = by_score
    for whole in [one for one in findings if one.metric in OF_SOURCE]:
        findings = [
            replace(one, cause=whole.cause)
            if one.source == whole.source
            and one.metric in ("volume", "people")
            and one.overlaps(whole)
            and one.falls != (whole.metric == "duplicates")
            else one
            for one in findings
        ]
    return findings


def _at_first(one: Finding) -> Finding:
    if one.metric == "conversion":
        return replace(one, cause=f"funnel/{one.event_name}")
    if one.event_name is None:
        return replace(one, cause=one.source)
    return replace(one, cause=f"{one.source}/{one.event_name}")


def _properties_of_all_events(findings: list[Finding], history: History) -> list[Finding]:
    events: dict[tuple[str, str, str], set[str]] = {}
    for one in findings:
        if one.property_name is not None and one.event_name is not None:
            events.setdefault((one.source, one.property_name, one.metric), set()).add(
                one.event_name
            )
    having: dict[tuple[str, str], set[str]] = {}
    for source, event, _, name in history.filled:
        having.setdefault((source, name), set()).add(event)
    common = {
        key
        for key, names in events.items()
        if len(names) >= LEAST_EVENTS
        and len(names) >= MOST * _judgeable(history, key[0], having[key[:2]])
    }
    return [
        replace(one, cause=f"{one.source}/*/{one.property_name}")
        if one.property_name is not None and (one.source, one.property_name, one.metric) in common
        else one
        for one in findings
    ]


def _judgeable(history: History, source: str, events: set[str]) -> int:
    """Count the events of which there are enough in a week to say something of their properties."""
    week = slice(max(history.hours - 168, 0), history.hours)
    return sum(
        bool(history.events[source, event][week].sum() >= 30)
        for event in events
        if (source, event) in history.events
    )


def _of_source(findings: list[Finding], volume: Finding, history: History) -> list[Finding]:
    """Say whether a volume is the source's, because most of its events moved with it, and what else then is."""
    start, end = (
        int((moment - history.start).total_seconds() // 3600)
        for moment in (volume.started_at, volume.ended_at)
    )
    moved = {}
    for event, counts in history.of(volume.source).items():
        weeks = [
            counts[start - 168 * week : end - 168 * week].sum()
            for week in range(1, 9)
            if start - 168 * week >= 0
        ]
        expected = float(np.median(weeks)) if weeks else 0.0
        if expected >= LEAST_EXPECTED:
            moved[event] = (float(counts[start:end].sum()), expected)
    # What is frequent says more, but a frequent event alone is not its source.
    weights = {event: np.sqrt(expected) for event, (_, expected) in moved.items()}
    together = sum(
        weights[event]
        for event, (observed, expected) in moved.items()
        if (observed / expected - 1) / volume.change >= TOGETHER
    )
    if len(moved) > 1 and together >= MOST * sum(weights.values()):
        return [
            replace(one, cause=volume.source)
            if one.source == volume.source
            and one.metric in ("volume", "people", "drift")
            and one.overlaps(volume, NEAR)
            and (one.metric != "volume" or one.falls == volume.falls)
            else one
            for one in findings
        ]
    if volume.event_name is None and moved:
        sign = -1 if volume.falls else 1
        most = max(moved, key=lambda event: sign * (moved[event][0] - moved[event][1]))
        cause = f"{volume.source}/{most}"
        return [replace(one, cause=cause) if one is volume else one for one in findings]
    return findings
