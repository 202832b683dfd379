"""Reading a file of cases."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class FileError(Exception):
    """A file that holds no cases; the message names it."""


class InexpressibleError(Exception):
    """A case that asks what the runner cannot ask; the message says why."""


@dataclass(frozen=True)
class Case:
    """One question: events, what is asked of them, and the answer to expect."""

    id: str
    kind: str
    dialect: str
    query: dict[str, Any]
    events: list[dict[str, Any]]
    expected: dict[str, Any]


def read_cases(path: Path) -> list[Case | InexpressibleError]:
    """Return the cases of a file; in place of a case that is not whole, the reason, which names it.

    Raises `FileError` when the file cannot be read or is no list of cases.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise FileError(f"{path}: no JSON: {error}") from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise FileError(f"{path}: expected a list of cases, each an object")
    return [_case(entry, number) for number, entry in enumerate(content, 1)]


def _case(entry: dict[str, Any], number: int) -> Case | InexpressibleError:
    name = str(entry.get("id", f"case {number}"))
    shapes = {"id": str, "kind": str, "query": dict, "events": list, "expected": dict}
    for key, shape in shapes.items():
        if not isinstance(entry.get(key), shape):
            return InexpressibleError(f"{name}: {key} is missing or of another type")
    try:
        events = [_event(event) for event in entry["events"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return InexpressibleError(f"{name}: an event cannot be read: {error!r}")
    return Case(
        id=name,
        kind=entry["kind"],
        dialect=str(entry.get("dialect") or ""),
        query=entry["query"],
        events=events,
        expected=entry["expected"],
    )


def _event(event: dict[str, Any]) -> dict[str, Any]:
    properties = event.get("properties") or {}
    return {
        "user": None if event["user"] is None else str(event["user"]),
        "name": None if event["event"] is None else str(event["event"]),
        "at": utc(event["timestamp"]),
        "session_id": None if event.get("session_id") is None else str(event["session_id"]),
        "groups": {str(name): str(key) for name, key in (event.get("groups") or {}).items()},
        "properties": dict(properties),
    }


def utc(text: str) -> datetime:
    """Return a time as UTC without zone; a text without offset is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
