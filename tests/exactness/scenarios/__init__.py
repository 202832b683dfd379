"""Named cases of the definitions, with results written by hand from the definitions, not from the SQL.

The name of a scenario stands in every id of its data (`late-merge.backwards-u1`), and each has its paragraph in
tests/SCENARIOS.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.exactness.histories import Call

Facts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """Calls and what becomes of them. Events are named by their ids; times are seconds after the start.

    `people` and `sessions` list the events that belong together: "a b | c". Events in no person (`nobody`) or
    session are left out of them. `users`, `in_session` and `events` say what the row of that event's person, of its
    session, or its own row holds. `unusable` counts the rows in quarantine by reason. `files`, where given, replaces
    the usual orders of delivery: by run, the numbers of the calls in each version of a file.
    """

    name: str
    calls: tuple[Call, ...]
    people: str = ""
    sessions: str = ""
    nobody: str = ""
    users: Facts = field(default_factory=dict)
    in_session: Facts = field(default_factory=dict)
    events: Facts = field(default_factory=dict)
    unusable: Mapping[str, int] = field(default_factory=dict)
    files: tuple[Mapping[int, tuple[int, ...]], ...] = ()


def groups(text: str) -> set[frozenset[str]]:
    """Return the groups of a text such as "a b | c"."""
    return {frozenset(part.split()) for part in text.split("|") if part.split()}


def page(at: int, id: str, device: str | None = "d1", user: str | None = None, **more: Any) -> Call:
    """Return a page view."""
    return Call("page", at, device=device, user=user, id=id, **more)


def track(
    at: int, id: str, device: str | None = "d1", user: str | None = None, **more: Any
) -> Call:
    """Return an interaction."""
    return Call("track", at, device=device, user=user, id=id, **more)


def identify(at: int, id: str, user: str, device: str | None = "d1", **more: Any) -> Call:
    """Return a call that says who the user of the device is."""
    return Call("identify", at, device=device, user=user, id=id, **more)


def alias(at: int, id: str, user: str, previous: str, **more: Any) -> Call:
    """Return a call that says that `user` was `previous` before."""
    return Call("alias", at, user=user, previous=previous, id=id, **more)
