"""Putting cases to the analyses: all calls compiled with one parse, each run on the events of its case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.database import connect
from tests.analyses.sql import CompilationError, compile_calls, create_events, rows
from tests.cases.answers import differences
from tests.cases.file import Case, InexpressibleError, read_cases
from tests.cases.questions import Question, group_column, question
from tests.cases.sessions import session_answers

#: How many calls are compiled at once. One that does not compile makes its batch be halved.
BATCH = 64

Answer = dict[str, Any] | Exception


@dataclass(frozen=True)
class Result:
    """How a case ended: what differed or why it could not be asked; empty when it passed."""

    id: str
    failures: list[str]


def run_cases(path: Path) -> list[Result]:
    """Put every case of a file to the analyses. Raises `FileError` when the file holds no cases."""
    entries = read_cases(path)
    return [
        Result(*_named(entry)) if isinstance(entry, InexpressibleError) else _result(entry, answer)
        for entry, answer in zip(entries, answers(entries), strict=True)
    ]


def answers(entries: Sequence[Case | InexpressibleError]) -> list[Answer]:
    """Return what came out for each case, or why nothing did."""
    cases = {str(number): entry for number, entry in enumerate(entries) if isinstance(entry, Case)}
    found: dict[str, Answer] = {
        str(number): entry for number, entry in enumerate(entries) if not isinstance(entry, Case)
    }
    found |= _answers({name: case for name, case in cases.items() if case.kind != "sessions"})
    found |= session_answers(
        {name: case for name, case in cases.items() if case.kind == "sessions"}
    )
    return [found[str(number)] for number in range(len(entries))]


def _named(error: InexpressibleError) -> tuple[str, list[str]]:
    name, _, reason = str(error).partition(": ")
    return name, [reason]


def _result(case: Case, answer: Answer) -> Result:
    if isinstance(answer, Exception):
        return Result(case.id, [_one_line(answer)])
    try:
        return Result(case.id, differences(case.expected, answer))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return Result(case.id, [f"the expectation is of another shape: {error!r}"])


def _answers(cases: Mapping[str, Case]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    questions: dict[str, Question] = {}
    for name, case in cases.items():
        try:
            questions[name] = question(case)
        except InexpressibleError as error:
            found[name] = error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            found[name] = InexpressibleError(f"the query is of another shape: {error!r}")
    compiled = _compile(
        {
            f"{name}/{call}": text
            for name, asked in questions.items()
            for call, text in asked.calls.items()
        }
    )
    for name, asked in questions.items():
        try:
            found[name] = _answer(cases[name], asked, name, compiled)
        except (CompilationError, duckdb.Error, KeyError, IndexError, TypeError) as error:
            found[name] = error
    return found


def _answer(
    case: Case, asked: Question, name: str, compiled: Mapping[str, str | CompilationError]
) -> dict[str, Any]:
    with connect() as connection:
        # Compiled SQL names tables with the name of the warehouse.
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        _load(connection, case)
        found = {}
        for call in asked.calls:
            sql = compiled[f"{name}/{call}"]
            if isinstance(sql, CompilationError):
                raise sql
            found[call] = rows(connection, sql)
        return asked.answer(found)


def _load(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    groups = sorted({name for event in case.events for name in event["groups"]})
    by = str(case.query.get("aggregate_by") or "")
    if by.startswith("group:"):
        groups = sorted({*groups, by.removeprefix("group:")})
    create_events(
        connection,
        [
            {
                # Events of one instant have no order: their keys are no count of the lines.
                "event_key": _key(number),
                "person_id": event["user"],
                "session_id": event["session_id"],
                "event_name": event["name"],
                "event_at": event["at"],
                "properties": event["properties"],
                "page_path": event["properties"].get("path"),
                **{group_column(name): event["groups"].get(name) for name in groups},
            }
            for number, event in enumerate(case.events)
        ],
    )
    connection.execute(
        "create table data_until as select max(event_at) as data_until from case_events"
    )


def _key(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}"


def _compile(calls: Mapping[str, str]) -> dict[str, str | CompilationError]:
    names = list(calls)
    compiled: dict[str, str | CompilationError] = {}
    for first in range(0, len(names), BATCH):
        compiled |= _compile_batch({name: calls[name] for name in names[first : first + BATCH]})
    return compiled


def _compile_batch(calls: Mapping[str, str]) -> dict[str, str | CompilationError]:
    try:
        return dict(compile_calls(calls))
    except CompilationError as error:
        if len(calls) == 1:
            return dict.fromkeys(calls, error)
    names = list(calls)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    return {
        name: sql
        for half in halves
        for name, sql in _compile_batch({each: calls[each] for each in half}).items()
    }


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or repr(error)
    return f"missing in the answer: {text}" if isinstance(error, KeyError) else text
