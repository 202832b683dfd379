"""Verdicts of the model in SQL are those of the library jsonschema, whatever the schema and the properties."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.plan import Plan
from expectations.plan.plan import TYPES, parse_event
from expectations.plan.verdicts import Judge, Verdict
from orchestration.database import connect
from orchestration.loading.tracking_plan import write_plan
from tests.warehouse import Home

Rows = list[tuple[str, str, Any]]

NAMES = ["a", "b", "A", "a/b", "c~d", 'e"f', "ü", "0", "$.a"]
numbers = st.one_of(
    st.integers(-5, 5),
    st.integers(-(10**12), 10**12),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, 1e3, 2.5, -1.25, 1e20]),
)
texts = st.one_of(
    st.sampled_from(["", "a", "ab", "1", "true", "null", "ü", "日本", "👍🏽", "a\nb"]),
    st.text("ab1é", max_size=6),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=2),
    st.dictionaries(st.sampled_from(NAMES), scalars, max_size=2),
)
limits = st.integers(-4, 4)
keywords = st.fixed_dictionaries(
    {},
    optional={
        "required": st.booleans(),
        "type": st.one_of(
            st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
        ),
        "enum": st.lists(scalars, min_size=1, max_size=4),
        "pattern": st.sampled_from(["a", "^a", "^[ab]+$", "1|é", "^$", "(a|b)1", "[^a]"]),
        "minimum": limits,
        "maximum": st.one_of(limits, st.just(1.5)),
        "exclusiveMinimum": limits,
        "exclusiveMaximum": limits,
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
    },
)  # fmt: skip
events = st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(NAMES), keywords, max_size=4)},
    optional={
        "additional_properties": st.booleans(),
        "sources": st.lists(st.sampled_from(["web", "app"]), max_size=2, unique=True),
    },
)
plans = st.lists(events, min_size=10, max_size=12)
sent = st.lists(
    st.tuples(
        st.sampled_from([*(f"E{number}" for number in range(12)), "old 0", "other"]),
        st.sampled_from(["web", "app"]),
        st.one_of(st.dictionaries(st.sampled_from(NAMES), values, max_size=5), values),
    ),
    min_size=40,
    max_size=60,
)

small = st.one_of(st.integers(-2, 2), st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0]))
bounds = st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
#: A rule and a value on which it is likely to bite, kind by kind.
cases = st.one_of(
    st.tuples(st.dictionaries(bounds, st.integers(-2, 2), min_size=1, max_size=2), small),
    st.tuples(
        st.fixed_dictionaries({"type": st.sampled_from(["integer", "number"])}),
        st.one_of(small, scalars),
    ),
    st.tuples(st.fixed_dictionaries({"type": st.sampled_from(TYPES)}), values),
    st.tuples(st.fixed_dictionaries({"enum": st.lists(small, min_size=1, max_size=3)}), small),
    st.tuples(st.fixed_dictionaries({"enum": st.lists(scalars, min_size=1, max_size=3)}), scalars),
    st.tuples(
        st.dictionaries(st.sampled_from(["minLength", "maxLength"]), st.integers(0, 3), min_size=1),
        texts,
    ),
    st.tuples(
        st.fixed_dictionaries(
            {"pattern": st.sampled_from(["^a", "^[ab]+$", "1|é", "^$", "(a|b)1"])}
        ),
        texts,
    ),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the model as SQL over tables of one database."""
    home = Home(tmp_path_factory.mktemp("plan"), "sources: {web: {format: segment}}")
    home.load()
    arguments = [
        "--log-level",
        "none",
        "compile",
        "--full-refresh",
        "--select",
        "event_violations,resource_type:model",
    ]
    outcome = home.dbt._invoke(arguments, lambda _: None)
    assert outcome.success, outcome.exception
    (node,) = (one.node for one in outcome.result if one.node.resource_type == "model")
    return re.sub(r'("\w+"\.){2}(?="\w+")', "", node.compiled_code)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        connection.execute("create table sources as select unnest(['web', 'app']) as source")
        connection.execute(
            "create table event_rows (event_key uuid, source varchar, event_name varchar, event_type varchar,"
            " event_at timestamp, row_state varchar, properties json, traits json,"
            " sent_event_name varchar, sent_properties json, app_version varchar)"
        )
        yield connection


def key(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def in_sql(
    connection: duckdb.DuckDBPyConnection, model: str, plan: Plan, rows: Rows
) -> dict[int, set[Verdict]]:
    write_plan(connection, plan)
    connection.execute("delete from event_rows")
    names, sources, properties = zip(*rows, strict=True)
    connection.execute(
        "insert into event_rows"
        " select unnest(?), unnest(?), unnest(?), 'track', '2026-01-05', 'event', unnest(?), null, null, null, null",
        [
            [key(number) for number in range(len(rows))],
            list(sources),
            list(names),
            [json.dumps(one, ensure_ascii=False) for one in properties],
        ],
    )
    found: dict[int, set[Verdict]] = {number: set() for number in range(len(rows))}
    for event_key, verdict, name in connection.execute(
        f"select cast(event_key as varchar), verdict, property from ({model})"
    ).fetchall():
        verdicts = found[int(event_key[-12:])]
        assert Verdict(verdict, name) not in verdicts, "said twice"
        verdicts.add(Verdict(verdict, name))
    return found


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(planned=plans, rows=sent)
def test_sql_says_what_the_library_says(
    connection: duckdb.DuckDBPyConnection, model: str, planned: list[dict[str, Any]], rows: Rows
) -> None:
    plan = Plan(
        tuple(
            parse_event({"event": f"E{number}", "aliases": [f"old {number}"], **data}, "plan")
            for number, data in enumerate(planned)
        )
    )
    judge = Judge(plan)
    expected = {number: judge.verdicts(*row) for number, row in enumerate(rows)}
    assert in_sql(connection, model, plan, rows) == expected


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(drawn=st.lists(cases, min_size=80, max_size=120))
def test_each_keyword_means_the_same_in_sql(
    connection: duckdb.DuckDBPyConnection, model: str, drawn: list[tuple[dict[str, Any], Any]]
) -> None:
    plan = Plan(
        tuple(
            parse_event({"event": f"E{number}", "properties": {"a": schema}}, "plan")
            for number, (schema, _) in enumerate(drawn)
        )
    )
    rows: Rows = [(f"E{number}", "web", {"a": value}) for number, (_, value) in enumerate(drawn)]
    judge = Judge(plan)
    found = in_sql(connection, model, plan, rows)
    assert found == {number: judge.verdicts(*row) for number, row in enumerate(rows)}


def test_the_library_says_what_is_meant() -> None:
    event = parse_event(
        {
            "event": "E", "aliases": ["old"], "sources": ["web"], "additional_properties": False,
            "properties": {
                "a": {"required": True, "type": "integer", "maximum": 3}, "b": {"enum": ["x"], "type": "string"},
            },
        },
        "plan",
    )  # fmt: skip
    judge = Judge(Plan((event,)))
    assert judge.verdicts("E", "web", {"a": 1.0, "b": "x"}) == set()
    assert judge.verdicts("E", "app", {"a": 1}) == {Verdict("unplanned_event")}
    assert judge.verdicts("old", "web", {"a": 4}) == {
        Verdict("old_name"),
        Verdict("value_not_allowed", "a"),
    }
    assert judge.verdicts("E", "web", {"b": 1, "c": 1}) == {
        Verdict("missing_property", "a"), Verdict("wrong_type", "b"), Verdict("additional_property", "c"),
    }  # fmt: skip
    assert judge.verdicts("E", "web", None) == {Verdict("missing_property", "a")}


def test_a_published_value_is_short(
    connection: duckdb.DuckDBPyConnection, model: str, tmp_path: Path
) -> None:
    plan = Plan((parse_event({"event": "E0", "properties": {"a": {"maxLength": 1}}}, "plan"),))
    in_sql(connection, model, plan, [("E0", "web", {"a": "x" * 100})])
    assert connection.execute(f"select observed from ({model})").fetchall() == [("x" * 40,)]
