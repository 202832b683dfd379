"""Comparing what came out with what a case expects.

Counts, levels and names exactly; null is null. Seconds within `SECONDS`; rates within half a unit of the fourth place,
percentages of the second. What the case gives as a mapping has no order, nor have the edges of paths.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from numbers import Real
from typing import Any

#: By how much seconds may differ: sources round their averages.
SECONDS = 0.01
#: Rates are written with four places, percentages with two.
RATES = 0.00005
PERCENT = 0.005
#: Sums and averages of properties, which sources hold as doubles.
VALUES = 0.000001


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return what differs, one text for each key of the expectation; empty when the case passes."""
    return [
        f"{key}: expected {shown(value)}, came out {shown(found[key])}"
        for key, value in expected.items()
        if not _equal(key, value, found[key])
    ]


def _equal(key: str, expected: Any, found: Any) -> bool:
    if key == "edges":
        return _edges_equal(expected, found)
    if key in ("cohort_starts", "intervals_local", "bucket_starts_local"):
        return [_time(value) for value in expected] == list(found)
    if key == "bins":  # [from second, people]
        return len(expected) == len(found) and all(
            len(pair) == 2 and _close(pair[0], start, SECONDS) and _close(pair[1], count, 0)
            for pair, (start, count) in zip(expected, found, strict=True)
        )
    return _close(expected, found, _tolerance(key))


def _tolerance(key: str) -> float:
    if "seconds" in key:
        return SECONDS
    if key.startswith("rate_"):
        return RATES
    return {"conversion_rate_pct": PERCENT, "values": VALUES, "summed": VALUES}.get(key, 0)


def _close(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, Mapping):
        return (
            isinstance(found, Mapping)
            and set(expected) == set(found)
            and all(_close(value, found[key], tolerance) for key, value in expected.items())
        )
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return (
            isinstance(found, Sequence)
            and not isinstance(found, str)
            and len(expected) == len(found)
            and all(_close(*pair, tolerance) for pair in zip(expected, found, strict=True))
        )
    if _is_number(expected) and _is_number(found):
        # a hair more than the tolerance: neither half a unit nor the difference is exact in binary
        return abs(float(expected) - float(found)) <= tolerance * (1 + 1e-9)
    return type(expected) is type(found) and bool(expected == found)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return False
    return math.isfinite(float(value))


def _edges_equal(expected: Any, found: Sequence[Mapping[str, Any]]) -> bool:
    by_name = {(edge["source"], edge["target"]): edge for edge in found}
    if len(expected) != len(found) or len(by_name) != len(found):
        return False
    for edge in expected:
        if set(edge) - {"source", "target", "value", *AVERAGES}:
            return False
        given = by_name.get((edge["source"], edge["target"]))
        if given is None or not _close(edge["value"], given["value"], 0):
            return False
        for name, unit in AVERAGES.items():
            if name in edge and not _close(
                None if edge[name] is None else edge[name] / unit,
                given["average_seconds"],
                SECONDS,
            ):
                return False
    return True


#: How cases call the mean time of an edge, and how many of its unit are a second.
AVERAGES = {"average_seconds": 1, "average_conversion_time_ms": 1000}


def _time(value: Any) -> datetime:
    time = datetime.fromisoformat(value)
    return time.replace(tzinfo=None)


def shown(value: Any) -> str:
    """Return a value as one line."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(each) for each in value) + "]"
    return "null" if value is None else str(value)
