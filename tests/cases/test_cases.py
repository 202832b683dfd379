"""The analyses give the answers of the cases, and the runner notices when they do not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cases.__main__ import main
from tests.cases.answers import differences
from tests.cases.file import Case, InexpressibleError, read_cases
from tests.cases.run import Answer, answers, run_cases

SHARED = Path(__file__).resolve().parents[3] / "shared" / "cases" / "analyses.json"
OWN = Path(__file__).with_name("own.json")

EVENTS = [
    {"user": "u", "event": "A", "timestamp": "2024-05-06T10:00:00Z"},
    {"user": "u", "event": "B", "timestamp": "2024-05-06T10:01:00Z"},
]
FUNNEL = {"type": "steps", "steps": [{"event": "A"}, {"event": "B"}], "window_seconds": 60}
RETENTION = {"period": "day", "intervals": 2, "target": {"event": "A"}}


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
def test_shared_cases_have_their_answers() -> None:
    results = run_cases(SHARED)

    assert len(results) >= 65
    assert [result for result in results if result.failures] == []


@pytest.fixture(scope="module")
def own() -> list[tuple[Case, Answer]]:
    """Return our own cases, each with what came out."""
    cases = [case for case in read_cases(OWN) if isinstance(case, Case)]
    return list(zip(cases, answers(cases), strict=True))


def test_own_cases_have_the_answers_worked_out_by_hand(own: list[tuple[Case, Answer]]) -> None:
    wrong = {
        case.id: differences(case.expected, answer) if isinstance(answer, dict) else answer
        for case, answer in own
    }

    assert len(wrong) >= 49
    assert {name: failures for name, failures in wrong.items() if failures} == {}


def test_an_expectation_that_differs_in_one_place_fails(own: list[tuple[Case, Answer]]) -> None:
    for case, answer in own:
        assert isinstance(answer, dict)
        for key in case.expected:
            if case.expected[key] == "cohort size":  # says what the first of the counts are
                continue
            for other in _changed_once(case.expected[key]):
                assert differences({key: other}, answer), (case.id, key, other)


def _changed_once(value: Any) -> list[Any]:
    """Return the value with each of its leaves changed, with its last entry gone, and with one more."""
    if isinstance(value, dict):
        changed: list[Any] = [
            {**value, key: other} for key, each in value.items() for other in _changed_once(each)
        ]
        return [*changed, {**value, "one more": 1}]
    if isinstance(value, list):
        changed = [
            [*value[:place], other, *value[place + 1 :]]
            for place, each in enumerate(value)
            for other in _changed_once(each)
        ]
        return [*changed, [*value, value[-1]], value[:-1]] if value else [*changed, [1]]
    if isinstance(value, str):
        return [value[:-1] + chr(ord(value[-1]) ^ 1)] if value else ["x"]
    if value is None:
        return [0.5]
    # milliseconds may be off by some
    return [value + (1 if value < 100_000 else 1000), None]


def case(name: str, kind: str, query: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": kind,
        "dialect": "footpath",
        "query": query,
        "events": EVENTS,
        "expected": {"step_counts": [1, 1]},
        **more,
    }


REASONS = {
    "kind": (case("kind", "horoscope", FUNNEL), "unknown kind 'horoscope'"),
    "type": (case("type", "funnel", {**FUNNEL, "type": "wish"}), "type is 'wish'"),
    "key": (case("key", "funnel", {**FUNNEL, "colour": 1}), "unknown key of the query: colour"),
    "mode": (
        case("mode", "funnel", {**FUNNEL, "type": "window_funnel_level", "modes": ["lenient"]},
             expected={"level_per_user": {"u": 2}}),
        "mode is 'lenient'",
    ),
    "order": (case("order", "funnel", {**FUNNEL, "order": "any"}), "order is 'any'"),
    "math": (
        case("math", "funnel", {**FUNNEL, "steps": [{"event": "A", "math": "dau"}]}),
        "math is 'dau'",
    ),
    "step": (
        case("step", "funnel", {**FUNNEL, "steps": [{"event": "A", "colour": "red"}]}),
        "unknown key of the step: colour",
    ),
    "expectation": (
        case("expectation", "funnel", FUNNEL, expected={"step_counts": [1, 1], "luck": 7}),
        "unknown key of the expectation: luck",
    ),
    "nothing": (case("nothing", "funnel", FUNNEL, expected={}), "nothing is expected"),
    "shape": (case("shape", "funnel", {**FUNNEL, "steps": 3}), "steps is no list"),
    "expected shape": (
        case("expected shape", "funnel", FUNNEL, expected={"step_counts": 2}),
        "expected 2, came out [1, 1]",
    ),
    "breakdown": (
        case("breakdown", "funnel", {**FUNNEL, "breakdown": ["a", "b"]}),
        "breakdown is no name of a property",
    ),
    "column": (
        case("column", "retention", {**RETENTION, "date_from": "2024-05-06"},
             expected={"column_0": "the weather"}),
        "column_0 is 'the weather'",
    ),
    "missing": (
        case("missing", "retention", RETENTION, expected={"counts": [[1]]}),
        "date_from is missing",
    ),
    "macro": (
        case("macro", "funnel", {**FUNNEL, "type": "time_to_convert", "to_step": 7},
             expected={"bins": []}),
        "to_step 8. Allowed: 1 <= from_step < to_step <= 2",
    ),
    "zone": (case("zone", "funnel", {**FUNNEL, "timezone": "Mars", "date_from": "2024-01-01"}), "Mars"),
    "timeout": (
        case("timeout", "sessions", {"inactivity_gap_seconds": 0.5},
             expected={"session_number_per_event": [1, 1]}),
        "inactivity_gap_seconds is no whole number",
    ),
    "event": (case("event", "funnel", FUNNEL, events=[{"user": "u"}]), "an event cannot be read"),
    "events": (case("events", "funnel", FUNNEL, events=None), "events is missing"),
    "wrong": (
        case("wrong", "funnel", FUNNEL, expected={"step_counts": [1, 0]}),
        "step_counts: expected [1, 0], came out [1, 1]",
    ),
}  # fmt: skip


def test_a_case_that_fails_says_why_and_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cases.json"
    entries = [entry for entry, _ in REASONS.values()]
    path.write_text(json.dumps([*entries, case("right", "funnel", FUNNEL)]))

    assert main([str(path)]) == 1

    *lines, sums = capsys.readouterr().out.splitlines()
    assert sums == f"1 passed, {len(REASONS)} failed"
    for line, (name, (_, reason)) in zip(lines, REASONS.items(), strict=True):
        assert line.startswith(f"{name}: ")
        assert reason in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "no JSON"),
        ('{"cases": []}', "expected a list of cases"),
        ("[1]", "expected a list of cases"),
        ("\xff", "no JSON"),
    ],
)
def test_a_file_without_cases_is_named(
    content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))

    assert main([str(path)]) == 2

    error = capsys.readouterr().err
    assert str(path) in error
    assert said in error


def test_no_file_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([""]) == 2
    assert "CASES=" in capsys.readouterr().err


def test_a_case_that_is_not_whole_takes_its_place() -> None:
    entry = copy.deepcopy(REASONS["events"][0])

    assert isinstance(answers([InexpressibleError(entry["id"])])[0], InexpressibleError)
