"""Each named scenario, delivered in several ways, leaves what the definitions say."""

import itertools
import random
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import pytest

from orchestration.settings import PROJECT
from tests.exactness.histories import (
    MENDED_IN,
    MENDED_SOURCES,
    RUNS,
    SOURCES,
    START,
    History,
    arriving,
    deliveries,
)
from tests.exactness.scenarios import Scenario, groups
from tests.exactness.scenarios.events import EVENTS
from tests.exactness.scenarios.identity import IDENTITY
from tests.exactness.scenarios.options import (
    GRAPH_AND_CLIENT,
    LAST_USER_AND_CUTS,
    UNDER_GRAPH_AND_CLIENT,
    UNDER_LAST_USER_AND_CUTS,
)
from tests.exactness.scenarios.sessions import SESSIONS
from tests.warehouse import Home

WORLDS: Mapping[str, tuple[Mapping[str, Any] | None, tuple[Scenario, ...]]] = {
    "default": (None, IDENTITY + SESSIONS + EVENTS),
    "last_user-and-cuts": (LAST_USER_AND_CUTS, UNDER_LAST_USER_AND_CUTS),
    "graph-and-client": (GRAPH_AND_CLIENT, UNDER_GRAPH_AND_CLIENT),
}
ALL = [scenario for _, scenarios in WORLDS.values() for scenario in scenarios]


def delivered(scenario: Scenario) -> Mapping[str, History]:
    """Return the scenario in every way of delivery, each in a space of its own."""
    if scenario.files:
        return {f"{scenario.name}.replaced": History(scenario.calls, scenario.files)}
    numbers = range(len(scenario.calls))
    rng = random.Random(scenario.name)
    shuffled = rng.sample(numbers, len(numbers))
    ways: dict[str, list[list[int] | None]] = {
        "at-once": [[*numbers]],
        "in-order": in_parts([*numbers]),
        "backwards": in_parts([*reversed(numbers)]),
        "shuffled": in_parts(shuffled),
        "repeated": [shuffled, None, None, [*numbers]],
    }
    return {
        f"{scenario.name}.{way}": History(
            scenario.calls,
            tuple(
                deliveries(*[None] * run, part)
                for run, part in enumerate(parts)
                if part is not None
            ),
        )
        for way, parts in ways.items()
    }


def in_parts(numbers: list[int]) -> list[list[int] | None]:
    """Cut into a part for each run, the first ones the smaller ones."""
    edges = [len(numbers) * part // RUNS for part in range(RUNS + 1)]
    return [numbers[start:end] for start, end in itertools.pairwise(edges)]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[] if name == "default" else pytest.mark.long) for name in WORLDS
    ],
)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "World":
    settings, scenarios = WORLDS[request.param]
    spaces: dict[str, History] = {}
    for scenario in scenarios:
        spaces.update(delivered(scenario))
    home = Home(tmp_path_factory.mktemp("world"), SOURCES, settings)
    for run in range(RUNS):
        if run == MENDED_IN:
            home.define(MENDED_SOURCES)
        for source, name, lines in arriving(spaces, run):
            home.deliver(source, name, lines)
        home.run()
    return World(home, scenarios)


class World:
    """What the tables say, by the names that the scenarios use."""

    def __init__(self, home: Home, scenarios: tuple[Scenario, ...]) -> None:
        self.scenarios = scenarios
        self.events = rows(home, "select * from events")
        self.sessions = {row["session_id"]: row for row in rows(home, "select * from sessions")}
        self.users = {row["person_id"]: row for row in rows(home, "select * from users")}
        self.quarantined = rows(home, "select * from quarantined_events")

    def found(self, scenario: Scenario, space: str) -> dict[str, Any]:
        """Return what the tables have of one scenario in one delivery, in the form of what is expected."""
        its = {
            row["event_id"].removeprefix(f"{space}-"): row
            for row in self.events
            if row["event_id"].startswith(f"{space}-")
        }

        def partition(key: str) -> set[frozenset[str]]:
            parts: dict[Any, set[str]] = {}
            for name, row in its.items():
                if row[key] is not None:
                    parts.setdefault(row[key], set()).add(name)
            return {frozenset(part) for part in parts.values()}

        def facts(wanted: Mapping[str, Mapping[str, Any]], of: Any) -> Any:
            return {
                name: {column: plain((of(its[name]) or {})[column], space) for column in columns}
                for name, columns in wanted.items()
            }

        reasons = [row["reason"] for row in self.quarantined if f'"{space}' in row["raw"]]
        return {
            "people": partition("person_id"),
            "sessions": partition("session_id"),
            "nobody": {name for name, row in its.items() if row["person_id"] is None},
            "unusable": {reason: reasons.count(reason) for reason in reasons},
            "events": facts(scenario.events, lambda row: row),
            "users": facts(scenario.users, lambda row: self.users.get(row["person_id"])),
            "in_session": facts(
                scenario.in_session, lambda row: self.sessions.get(row["session_id"])
            ),
        }


def rows(home: Home, sql: str) -> list[dict[str, Any]]:
    names = [name for name, *_ in home.query(f"describe {sql}")]
    return [dict(zip(names, row, strict=True)) for row in home.query(sql)]


def plain(value: Any, space: str) -> Any:
    """Return a value as scenarios write it: names without their space, times in seconds after the start."""
    if isinstance(value, datetime):
        return (value - START).total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value.removeprefix(f"/{space}").removeprefix(f"{space}-")
    return value


def expected(scenario: Scenario, copies: int = 1) -> dict[str, Any]:
    return {
        "people": groups(scenario.people),
        "sessions": groups(scenario.sessions),
        "nobody": set(scenario.nobody.split()),
        "unusable": {reason: count * copies for reason, count in scenario.unusable.items()},
        "events": scenario.events,
        "users": scenario.users,
        "in_session": scenario.in_session,
    }


def test_every_scenario_ends_as_the_definitions_say_however_it_comes(world: World) -> None:
    wrong = {}
    for scenario in world.scenarios:
        for space in delivered(scenario):
            # An unusable row that came again lies in quarantine again: nothing says that it is the same.
            wanted = expected(scenario, copies=2 if space.endswith("repeated") else 1)
            found = world.found(scenario, space)
            different = {
                what: (found[what], wanted[what]) for what in wanted if found[what] != wanted[what]
            }
            if different:
                wrong[space] = different
    assert not wrong, "\n".join(
        f"{space}, {what}: found {found}, expected {wanted}"
        for space, different in wrong.items()
        for what, (found, wanted) in different.items()
    )


def test_scenarios_have_names_of_their_own() -> None:
    names = [scenario.name for scenario in ALL]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) for name in names)


def test_every_scenario_has_its_paragraph_and_every_paragraph_its_scenario() -> None:
    text = (PROJECT / "tests/SCENARIOS.md").read_text()
    sections = re.findall(r"^### (\S+)\n\n(.+?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == [scenario.name for scenario in ALL]
    assert all(len(paragraph.split()) >= 8 for _, paragraph in sections)
