"""Paths and next events are those of plain loops on random histories, and their sums hold on the sample."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.database import connect
from tests.analyses import reference_paths as reference
from tests.analyses.sql import EVENTS, CompilationError, call, compile_calls, create_events, rows
from tests.conftest import Built

START = datetime(2026, 1, 5, 10)
GAPS = (0, 0, 1, 30, 59, 60, 61, 1799, 1800, 1801, 86400)
PATHS = ("/", "/a", "/a/", "/b", "/b/", "/c", "//", None)
NAMES = ("a", "b", "c")


def path_options() -> list[dict[str, Any]]:
    """Sample the options of paths, every value and most pairs of them."""
    rng = random.Random(8)
    found: list[dict[str, Any]] = [{}, {"step_limit": 25}]
    for _ in range(40):
        options: dict[str, Any] = {
            "item": rng.choice(["path", "path", "event"]),
            "session_gap_seconds": rng.choice([1800, 1800, 60]),
            "step_limit": rng.choice([1, 2, 3, 4, 5]),
            "edge_limit": rng.choice([None, 1, 3]),
        }
        items = PATHS[:-1] if options["item"] == "path" else NAMES
        points = rng.choice(
            [[], ["start_point"], ["end_point"], ["start_point", "end_point"], ["anchor"]]
        )
        options |= {point: rng.choice(items) for point in points}
        if rng.random() < 0.3:
            options["exclude"] = [rng.choice(items)]
        found.append(options)
    return found


def next_event_options() -> list[dict[str, Any]]:
    """Patterns of one to three events, in both directions, from every base."""
    rng = random.Random(9)
    return [
        {
            "pattern": [rng.choice([*NAMES, None]) for _ in range(rng.choice([1, 2, 2, 3]))],
            "direction": direction,
            "match": match,
            "base": base,
        }
        for direction in ("forward", "backward")
        for match in ("first_match", "last_match", "head", "tail")
        for base in (None, NAMES[0])
    ]


PATH_OPTIONS = path_options()
NEXT_OPTIONS = next_event_options()


@cache
def compiled() -> dict[str, str]:
    calls = {
        f"paths {n}": call("paths", **options, events=EVENTS)
        for n, options in enumerate(PATH_OPTIONS)
    }
    calls |= {
        f"next {n}": call("next_event", **options, events=EVENTS)
        for n, options in enumerate(NEXT_OPTIONS)
    }
    calls |= {
        "sample": call("paths", edge_limit=5),
        "sample, all": call("paths"),
        "sample, both": call("paths", start_point="/pricing", end_point="/signup"),
        "sample, forward": call("paths", start_point="/pricing"),
        "sample, backward": call("paths", end_point="/pricing"),
        "sample, anchor": call("paths", anchor="/pricing"),
        "sample, wide": call("paths", include=[{"event": None, "where": "event_type = 'page'"}]),
        "screens": call("paths", item="screen"),
        "expression": call("paths", item="event_type"),
        "range": call(
            "paths", date_from="2026-01-05", date_to="2026-01-05", timezone="Europe/Berlin", events=EVENTS
        ),
        "filtered": call(
            "next_event",
            [{"event": "a", "filter": {"plan": ["team", "pro"]}}, {"where": "event_name <> 'b'"}],
            among=["a", "b"],
            events=EVENTS,
        ),
    }  # fmt: skip
    return compile_calls(calls)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of up to three people, with ties, repeats, loops and gaps at the edge."""
    events: list[dict[str, Any]] = []
    for person in range(draw(st.integers(1, 3))):
        at = START
        for gap, path, name in draw(
            st.lists(
                st.tuples(st.sampled_from(GAPS), st.sampled_from(PATHS), st.sampled_from(NAMES)),
                min_size=1,
                max_size=14,
            )
        ):
            at += timedelta(seconds=gap)
            events.append(
                {
                    "event_key": f"{draw(st.integers(0, 99)):02}-{len(events):03}",
                    "person_id": f"p{person}",
                    "event_name": name,
                    "event_at": at,
                    "page_path": path,
                }
            )
    return events


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        yield connection


def found_edges(
    connection: duckdb.DuckDBPyConnection, name: str
) -> list[tuple[str | None, str | None, int, float, int]]:
    found = sorted(rows(connection, compiled()[name]), key=lambda row: row["place"])
    return [
        (row["source"], row["target"], row["value"], row["average_seconds"], row["edge_count"])
        for row in found
    ]


def expected_edges(
    events: list[dict[str, Any]], options: dict[str, Any]
) -> list[tuple[str | None, str | None, int, float, int]]:
    return reference.edges(
        events,
        item="event_name" if options.get("item") == "event" else "page_path",
        gap=options.get("session_gap_seconds", 1800),
        limit=options.get("step_limit", 5),
        start=options.get("start_point"),
        end=options.get("end_point"),
        anchor=options.get("anchor"),
        exclude=options.get("exclude", ()),
        edge_limit=options.get("edge_limit"),
    )


@settings(max_examples=50, deadline=None, database=None)
@given(events=histories(), number=st.integers(0, len(PATH_OPTIONS) - 1))
def test_paths_are_those_of_plain_loops(
    memory: duckdb.DuckDBPyConnection, events: list[dict[str, Any]], number: int
) -> None:
    create_events(memory, events)
    assert found_edges(memory, f"paths {number}") == expected_edges(events, PATH_OPTIONS[number])


@settings(max_examples=50, deadline=None, database=None)
@given(events=histories(), number=st.integers(0, len(NEXT_OPTIONS) - 1))
def test_next_events_are_those_of_plain_loops(
    memory: duckdb.DuckDBPyConnection, events: list[dict[str, Any]], number: int
) -> None:
    create_events(memory, events)
    found = rows(memory, compiled()[f"next {number}"])
    assert {row["person_id"]: row["next_event"] for row in found} == reference.next_events(
        events, **NEXT_OPTIONS[number]
    )


def test_every_option_on_one_great_history(memory: duckdb.DuckDBPyConnection) -> None:
    rng = random.Random(10)
    events: list[dict[str, Any]] = []
    for person in range(60):
        at = START
        for _ in range(rng.randrange(1, 30)):
            at += timedelta(seconds=rng.choice(GAPS))
            events.append(
                {
                    "event_key": f"{rng.randrange(10**6):06}-{len(events):05}",
                    "person_id": f"p{person}",
                    "event_name": rng.choice(NAMES),
                    "event_at": at,
                    "page_path": rng.choice(PATHS),
                }
            )
    create_events(memory, events)
    for number, options in enumerate(PATH_OPTIONS):
        assert found_edges(memory, f"paths {number}") == expected_edges(events, options), options
    for number, options in enumerate(NEXT_OPTIONS):
        found = rows(memory, compiled()[f"next {number}"])
        assert {row["person_id"]: row["next_event"] for row in found} == reference.next_events(
            events, **options
        ), options


def test_a_range_is_of_local_days(memory: duckdb.DuckDBPyConnection) -> None:
    times = [
        "2026-01-04T22:59:59",
        "2026-01-04T23:00:00",
        "2026-01-04T23:05:00",
        "2026-01-05T22:59:59",
    ]
    times += ["2026-01-05T23:00:00"]
    create_events(
        memory,
        [
            {"person_id": "p", "event_name": "page", "event_at": at, "page_path": f"/{place}"}
            for place, at in enumerate(times)
        ],
    )
    assert found_edges(memory, "range") == [("1_/1", "2_/2", 1, 300.0, 1)]


def test_a_pattern_may_ask_for_properties_among_some_events(
    memory: duckdb.DuckDBPyConnection,
) -> None:
    story = [("a", "free"), ("b", None), ("a", "pro"), ("c", None), ("a", None), ("b", None)]
    create_events(
        memory,
        [
            {
                "person_id": "p",
                "event_name": name,
                "event_at": START + timedelta(seconds=second),
                "properties": {"plan": plan} if plan else {},
            }
            for second, (name, plan) in enumerate(story)
        ],
    )
    # `c` is not among them, so `a` follows the first `a` of plan pro at once.
    assert rows(memory, compiled()["filtered"]) == [{"person_id": "p", "next_event": "b"}]


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        ("footpath.paths(anchor='/a', start_point='/b')", "anchor alone"),
        ("footpath.paths(step_limit=0)", "a whole number from 1"),
        ("footpath.paths(edge_limit='all')", "a whole number from 1"),
        ("footpath.next_event(['a'], direction='up')", "forward, backward"),
        ("footpath.next_event(['a'], match='best')", "first_match, last_match, head, tail"),
        ("footpath.next_event([{'evnt': 'a'}])", "event, filter, where"),
        ("footpath.next_event('a')", "a list of events"),
    ],
)
def test_a_wrong_argument_says_what_is_allowed(wrong: str, allowed: str) -> None:
    with pytest.raises(CompilationError, match=allowed):
        compile_calls({"wrong": "{{ " + wrong + " }}"})


def test_paths_of_the_sample_add_up(built: Built) -> None:
    with connect(built.installation.settings.warehouse, read_only=True) as connection:
        views = rows(
            connection,
            "select person_id::text as person_id, event_key::text as event_key, viewed_at as event_at, page_path"
            " from page_views where person_id is not null",
        )

        def plain(**options: Any) -> list[tuple[str | None, str | None, int, int]]:
            found = reference.edges(views, item="page_path", gap=1800, limit=5, **options)
            return [(source, target, value, count) for source, target, value, _, count in found]

        def edges(name: str) -> list[tuple[str | None, str | None, int, int]]:
            return [(s, t, value, count) for s, t, value, _, count in found_edges(connection, name)]

        assert edges("sample") == plain(edge_limit=5)
        assert edges("sample")[-1][:2] == (None, None)
        assert edges("sample, all") == plain() == edges("sample, wide")
        assert edges("sample, both") == plain(start="/pricing", end="/signup") != []
        assert edges("sample, anchor") == plain(anchor="/pricing") != []
        # What leads away from an anchor is what follows the start point.
        forward = {
            (source.split("_")[1], value)
            for source, _, value, _ in edges("sample, anchor")
            if source and source.startswith("0_")
        }
        assert forward == {
            (source.split("_")[1], value)
            for source, _, value, _ in edges("sample, forward")
            if source and source.startswith("1_")
        }
        for name in ("screens", "expression"):
            found_edges(connection, name)
