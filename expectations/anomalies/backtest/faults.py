"""Faults, planted into counts as they would show there if the events had been changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expectations.anomalies.history import HOURS_OF_DAY, Counts, History

Rng = np.random.Generator


@dataclass(frozen=True)
class Fault:
    """What is planted: `plant` changes a history from an hour on; `size` is the share of events it reaches.

    `target` is what it can be planted into: events, sources, properties or funnels.
    """

    name: str
    size: float
    target: str
    plant: Callable[[History, Any, int, float, Rng], History]
    #: Days after the start on which it is looked for.
    looks: tuple[int, ...] = (1, 2, 3, 5, 7)
    is_fault: bool = True


def thin(counts: Counts, share: Counts | float, rng: Rng) -> Counts:
    """Drop each of the counted with a probability."""
    return np.asarray(
        rng.binomial(counts.astype(np.int64), 1 - np.asarray(share)), dtype=np.float64
    )


def lose_events(
    history: History, key: tuple[str, str], start: int, share: float, rng: Rng
) -> History:
    """Lose a share of one event."""
    return _lose(history, [key], _from(history, start, share), rng)


def lose_source(history: History, source: str, start: int, share: float, rng: Rng) -> History:
    """Lose a share of all events of a source, and so of what is received."""
    keys = [key for key in history.events if key[0] == source]
    return _lose(history, keys, _from(history, start, share), rng)


def lose_hours(history: History, source: str, start: int, hours: float, rng: Rng) -> History:
    """Lose everything of a source for some hours."""
    shares = np.zeros(history.hours)
    shares[start : start + int(hours)] = 1
    return _lose(history, [key for key in history.events if key[0] == source], shares, rng)


def drift_away(
    history: History, key: tuple[str, str], start: int, share: float, rng: Rng
) -> History:
    """Lose an event slowly: over eight weeks up to `start` + 7 days until the share is lost."""
    weeks = 8 * 168
    begun = np.arange(history.hours) - (start + 168 - weeks)
    return _lose(history, [key], np.clip(begun / weeks, 0, 1) * share, rng)


def send_twice(
    history: History, key: tuple[str, str], start: int, share: float, rng: Rng
) -> History:
    """Send a share of an event a second time under other ids, from the same devices."""
    again = {key: history.events[key].copy()}
    again[key][start:] += rng.binomial(again[key][start:].astype(np.int64), share)
    growth = np.divide(
        again[key], history.events[key], out=np.ones(history.hours), where=history.events[key] > 0
    )
    daily = _daily(growth * history.events[key]) / np.maximum(_daily(history.events[key]), 1)
    filled = {
        one: np.round(values * daily[: len(values)])
        for one, values in history.filled.items()
        if one[:2] == key
    }
    received = _plus(history, key[0], again[key] - history.events[key])
    return replace(
        history,
        events={**history.events, **again},
        filled={**history.filled, **filled},
        received=received,
    )


def lose_property(history: History, key: Any, start: int, share: float, rng: Rng) -> History:
    """Lose the value of a property in a share of its events."""
    values = history.filled[key].copy()
    day = start // HOURS_OF_DAY
    values[day:] = thin(values[day:], share, rng)
    return replace(history, filled={**history.filled, key: values})


def repeat_rows(history: History, source: str, start: int, share: float, rng: Rng) -> History:
    """Deliver a share of the rows once more."""
    duplicates = history.duplicates[source].copy()
    duplicates[start:] += rng.binomial(history.received[source][start:].astype(np.int64), share)
    return replace(history, duplicates={**history.duplicates, source: duplicates})


def spoil_rows(history: History, source: str, start: int, share: float, rng: Rng) -> History:
    """Make a share of the rows unusable: they are quarantined instead of events."""
    spoiled = lose_source(history, source, start, share, rng)
    lost = np.maximum(history.received[source] - spoiled.received[source], 0)
    quarantined = {**history.quarantined, source: history.quarantined[source] + lost}
    return replace(spoiled, quarantined=quarantined)


def lose_conversions(history: History, funnel: str, start: int, share: float, rng: Rng) -> History:
    """Let a share of those who converted stop before the end."""
    values = history.converted[funnel].copy()
    day = start // HOURS_OF_DAY
    mature = np.isfinite(values) & (np.arange(len(values)) >= day)
    values[mature] = thin(values[mature], share, rng)
    return replace(history, converted={**history.converted, funnel: values})


def come_late(history: History, source: str, start: int, share: float, rng: Rng) -> History:
    """Let the file of the last day come a day late: on the first look it is missing, later it is there."""
    return history


FAULTS = (
    Fault("an event is lost", 0.3, "events", lose_events),
    Fault("an event is lost", 0.5, "events", lose_events),
    Fault("an event is lost", 1.0, "events", lose_events),
    Fault("an event is sent twice", 1.0, "events", send_twice),
    Fault("an event is lost slowly", 0.3, "events", drift_away, (7,)),
    Fault("an event is lost slowly", 0.5, "events", drift_away, (7,)),
    Fault("a property is lost", 0.3, "properties", lose_property),
    Fault("a property is lost", 0.5, "properties", lose_property),
    Fault("a property is lost", 1.0, "properties", lose_property),
    Fault("a source is lost", 0.3, "sources", lose_source),
    Fault("a source is lost", 0.5, "sources", lose_source),
    Fault("a source is dead", 1.0, "sources", lose_source),
    Fault("hours are dead (3 busy ones)", 3, "sources", lose_hours),
    Fault("rows are delivered twice", 0.3, "sources", repeat_rows),
    Fault("rows are unusable", 0.3, "sources", spoil_rows),
    Fault("a funnel converts less", 0.5, "funnels", lose_conversions),
    Fault("a file is late", 0, "sources", come_late, (0, 1, 2), is_fault=False),
)


def _from(history: History, start: int, share: float) -> Counts:
    return np.where(np.arange(history.hours) >= start, share, 0.0)


def _daily(values: Counts) -> Counts:
    days = len(values) // HOURS_OF_DAY
    return np.asarray(values[: days * HOURS_OF_DAY].reshape(days, HOURS_OF_DAY).sum(axis=1))


def _lose(history: History, keys: list[tuple[str, str]], shares: Counts, rng: Rng) -> History:
    """Lose the shares of hours from events, with their devices, properties and receipts."""
    events, actors, filled = dict(history.events), dict(history.actors), dict(history.filled)
    lost_of_source: dict[str, Counts] = {}
    for key in keys:
        before = history.events[key]
        events[key] = thin(before, shares, rng)
        # Of the events of a device one has to be left for it to be seen.
        each = np.maximum(before / np.maximum(history.actors[key], 1), 1)
        actors[key] = np.minimum(thin(history.actors[key], shares**each, rng), events[key])
        lost = before - events[key]
        lost_of_source[key[0]] = lost_of_source.get(key[0], np.zeros(history.hours)) + lost
        kept = _daily(events[key]) / np.maximum(_daily(before), 1)
        for one in filled:
            if one[:2] == key:
                filled[one] = np.round(filled[one] * kept[: len(filled[one])])
    received = dict(history.received)
    for source, lost in lost_of_source.items():
        received = _plus(replace(history, received=received), source, -lost)
    # What nobody sends is not received either, rows that repeat included.
    dead = shares >= 1
    whole = {
        source for source in received if all(key in keys for key in events if key[0] == source)
    }
    duplicates, quarantined = (
        {source: np.where(dead & (source in whole), 0, values) for source, values in counts.items()}
        for counts in (history.duplicates, history.quarantined)
    )
    received = {
        source: np.where(dead & (source in whole), 0, values) for source, values in received.items()
    }
    return replace(
        history, events=events, actors=actors, filled=filled, received=received, duplicates=duplicates,
        quarantined=quarantined,
    )  # fmt: skip


def _plus(history: History, source: str, change: Counts) -> dict[str, Counts]:
    if source not in history.received:
        return dict(history.received)
    return {**history.received, source: np.maximum(history.received[source] + change, 0)}
