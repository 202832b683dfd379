"""What goes wrong on the way: repeats, unreadable lines, unusable rows, one bad day."""

import copy
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import cycle
from typing import Literal

from orchestration.sample import rates
from orchestration.sample.calls import Call, Record
from orchestration.sample.choosing import new_uuid

Reason = Literal["no_event_name", "unparsable_time", "time_in_future", "time_too_early"]

GARBAGE_TIMES: tuple[str | None, ...] = (
    None,
    "undefined",
    "Invalid Date",
    "NaN",
    "[object Object]",
    "yesterday",
    "2026-13-45T99:61:00.000Z",
)
"""Values from which no time can be parsed."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TIME_FIELDS = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")


def repeats_of(rng: random.Random, calls: Iterable[Call]) -> Iterator[Call]:
    """Yield calls that are delivered again: most within a minute, others up to five days later."""
    for call in calls:
        luck = rng.random()
        if luck < rates.REPEATED_AT_ONCE:
            again = rng.randint(1, 45) * rates.SECOND_MS
        elif luck < rates.REPEATED_AT_ONCE + rates.REPEATED_LATER:
            again = rates.DAY_MS + rng.randrange(4 * rates.DAY_MS)
        else:
            continue
        # A new attempt has a new sentAt, so the corrected time is the same.
        yield replace(call, sent=call.sent + again, received=call.received + again)


class Mishaps:
    """Unusable rows and unreadable lines for day after day; all kinds take their turn."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        reasons: tuple[Reason, ...] = (
            "no_event_name",
            "unparsable_time",
            "time_in_future",
            "time_too_early",
        )
        self._reasons = cycle(reasons)
        self._names = cycle((None, ""))
        self._garbage = cycle(GARBAGE_TIMES[1:])
        self._kinds = cycle(("cut", "text", "encoding", "page", "cut_off_end"))

    def unusable_rows(self, records: list[Record]) -> list[tuple[Reason, Record]]:
        """Return a few rows for quarantine (often none), made from rows of the same day."""
        if not records or self._rng.random() > rates.UNUSABLE_FILES:
            return []
        count = self._rng.randint(1, 5)
        return [self._unusable(self._rng.choice(records)) for _ in range(count)]

    def unreadable_lines(self, lines: list[bytes]) -> tuple[list[bytes], bytes]:
        """Return a few unreadable lines (often none) and what is cut off at the file's end."""
        if not lines or self._rng.random() > rates.MALFORMED_FILES:
            return [], b""
        broken, cut_off = [], b""
        for _ in range(self._rng.randint(1, 4)):
            kind = next(self._kinds)
            line = self._rng.choice(lines)
            if kind == "cut_off_end":
                cut_off = _cut(self._rng, line)
            else:
                broken.append(_break(self._rng, line, kind))
        return broken, cut_off

    def _unusable(self, record: Record) -> tuple[Reason, Record]:
        reason = next(self._reasons)
        record = copy.deepcopy(record)
        record["messageId"] = new_uuid(self._rng)
        if reason == "no_event_name":
            record["type"] = "track"
            record.pop("name", None)
            record["event"] = next(self._names)
        elif reason == "unparsable_time":
            record["timestamp"] = record["originalTimestamp"] = next(self._garbage)
            record["receivedAt"] = None
            del record["sentAt"]
        else:
            # Without sentAt there is nothing to correct the device's clock with.
            year = "2031" if reason == "time_in_future" else "1970"
            record["timestamp"] = record["originalTimestamp"] = f"{year}-01-01T00:00:00.000Z"
            del record["sentAt"]
        return reason, record


def spoil_day(rng: random.Random, lines: list[bytes]) -> tuple[list[bytes], int, int]:
    """Return a day's lines as a bad deploy of the endpoint would have written them.

    With them: how many rows have no time that can be parsed, and how many lines are unreadable.
    """
    spoiled: list[bytes] = []
    without_time = unreadable = 0
    for line in lines:
        luck = rng.random()
        if luck < rates.BAD_DAY_UNREADABLE:
            unreadable += 1
            spoiled.append(_break(rng, line, rng.choice(("cut", "text", "encoding", "page"))))
        elif luck < rates.BAD_DAY_UNREADABLE + rates.BAD_DAY_WITHOUT_TIME:
            without_time += 1
            record = json.loads(line)
            record |= dict.fromkeys(_TIME_FIELDS, rng.choice(GARBAGE_TIMES))
            spoiled.append(as_line(record))
        else:
            spoiled.append(line)
    return spoiled, without_time, unreadable


def as_line(record: Record) -> bytes:
    """Return a record as one JSON line, without the line's end."""
    return _ENCODER.encode(record).encode()


def _break(rng: random.Random, line: bytes, kind: str) -> bytes:
    if kind == "text":
        return b"WARN flush failed, 3 events kept for the next attempt"
    if kind == "page":
        return b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    if kind == "encoding":
        # A name in Latin-1 among UTF-8.
        return line.replace(b'"channel":"client"', b'"channel":"client","city":"K\xf6ln"')
    return _cut(rng, line)


def _cut(rng: random.Random, line: bytes) -> bytes:
    # A JSON object without its end can never be read.
    return line[: rng.randint(20, len(line) - 2)].decode(errors="ignore").encode()
