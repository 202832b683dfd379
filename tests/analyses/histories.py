"""Random histories for analyses of calendar intervals: events at their edges, over clock changes and New Year."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.analyses.reference_activity import utc

#: Time zone and first day: clocks go forward or back within two days of it, or a year or month ends.
SCENES = (
    ("UTC", "2026-01-30"),
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("America/New_York", "2025-12-30"),
    ("Asia/Kolkata", "2026-02-27"),
    ("Africa/Cairo", "2026-04-23"),  # midnight is left out
    ("Atlantic/Azores", "2026-10-24"),  # midnight comes twice
)
NAMES = ("a", "b", "c")
PLANS = ("x", "y", None)
AMOUNTS = (Decimal("0.10"), Decimal("-3"), Decimal("7.25"), None)

_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
#: How far from the first instant of the first day, by interval: whole intervals of the clock, mostly.
_STEPS = {
    "hour": [n * _HOUR for n in range(8)],
    "day": [n * 12 * _HOUR for n in range(12)],
    "week": [timedelta(days=n) for n in (0, 1, 2, 6, 7, 8, 9, 13, 14, 15, 21, 28, 29, 35)],
    "month": [timedelta(days=n) for n in (0, 1, 2, 3, 28, 29, 30, 31, 32, 59, 60, 61, 90, 91, 120)],
}
_SHIFTS = (
    timedelta(0), timedelta(0), -_MICROSECOND, _MICROSECOND, _HOUR, -_HOUR, 2 * _HOUR, timedelta(minutes=30),
)  # fmt: skip

Choice = tuple[int, ...]
_SIZES = (6, len(NAMES), 15, len(_SHIFTS), len(PLANS), len(AMOUNTS))


def choices() -> st.SearchStrategy[list[Choice]]:
    """Draw what `history` makes events of."""
    return st.lists(st.tuples(*(st.integers(0, size - 1) for size in _SIZES)), max_size=30)


def random_choices(rng: random.Random, count: int) -> list[Choice]:
    """Draw as many at once, without hypothesis."""
    return [tuple(rng.randrange(size) for size in _SIZES) for _ in range(count)]


def history(drawn: Sequence[Choice], scene: tuple[str, str], interval: str) -> list[dict[str, Any]]:
    """Make events of choices, in the scene's time zone and of a density that fits the interval."""
    zone, day = scene
    first = utc(datetime.fromisoformat(day), zone)
    steps = _STEPS[interval]
    return [
        {
            "person_id": f"p{person}",
            "event_name": NAMES[name],
            "event_at": first + steps[step % len(steps)] + _SHIFTS[shift],
            "properties": {"plan": PLANS[plan]} if PLANS[plan] else {},
            "amount": AMOUNTS[amount],
        }
        for person, name, step, shift, plan, amount in drawn
    ]


def moment(rng: random.Random, scene: tuple[str, str], interval: str) -> datetime:
    """Draw a UTC time around those of the events."""
    zone, day = scene
    return (
        utc(datetime.fromisoformat(day), zone)
        + rng.choice(_STEPS[interval])
        + rng.choice(_SHIFTS)
        + rng.choice([timedelta(0), _STEPS[interval][-1]])
    )


def day_of_range(rng: random.Random, scene: tuple[str, str], interval: str) -> str:
    """Draw the end of a range as people write it: a date, a local time or a time with an offset."""
    at = datetime.fromisoformat(scene[1]) + rng.choice(_STEPS[interval])
    if rng.random() < 0.7:
        return at.date().isoformat()
    return (at + rng.choice([timedelta(0), timedelta(minutes=30)])).isoformat() + rng.choice(
        ["", "Z"]
    )
