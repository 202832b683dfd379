"""The views `segment` and `plain`: columns, typing of expressions, times, errors."""

import datetime
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.loading import admit, hold
from orchestration.loading.catalog import SEGMENT_COLUMNS
from orchestration.loading.expressions import ExpressionError, references
from orchestration.loading.views import LEADING_COLUMNS, PLAIN_COLUMNS
from orchestration.sources import SourcesError


def one(project: Any, column: str, expression: str, record: dict[str, Any], **options: str) -> Any:
    """Return the value of a mapped column for one record of a JSON lines file."""
    keys = {"event_name": "name", "event_at": "at"} | {column: expression} | options
    body = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in keys.items())
    project.use(f"sources:\n  app:\n    format: jsonl\n{body}")
    project.write("app/x.json", json.dumps(record) + "\n")
    project.load("app")
    ((value,),) = project.rows(f"select {column} from plain")
    return value


@pytest.mark.parametrize("text", ["sources:\n", "sources:\n  web: {format: segment}\n", None])
def test_both_views_always_have_the_same_columns(project: Any, text: str | None) -> None:
    if text is not None:
        project.use(text)
    for view, columns in (
        ("segment", LEADING_COLUMNS | SEGMENT_COLUMNS),
        ("plain", PLAIN_COLUMNS),
    ):
        described = project.rows(f"describe {view}")
        assert {name: kind for name, kind, *_ in described} == columns
        assert [name for name, *_ in described] == list(columns)


def test_the_views_work_from_another_database_name(project: Any) -> None:
    project.write("web/a.json", '{"messageId":"1"}\n')
    project.write("app/a.json", '{"name":"x","at":"2024-01-01"}\n')
    project.load("web")
    project.load("app")
    project.connection.close()
    reader = duckdb.connect()
    reader.execute(f"attach '{project.database}' as something (read_only)")
    assert reader.execute(
        "select source, file, line, loaded_at is not null from something.segment"
        " union all select source, file, line, loaded_at is not null from something.plain"
    ).fetchall() == [("web", "a.json", 1, True), ("app", "a.json", 1, True)]


def test_only_pending_and_admitted_batches_are_visible(project: Any) -> None:
    for name in ("a", "b", "c"):
        project.write(f"app/{name}.json", f'{{"name":"{name}"}}\n')
    first, second, _ = project.load("app").files
    admit(project.connection, [first.batch_id])
    hold(project.connection, {second.batch_id: "bad"})
    assert project.rows("select file, batch_id in (select batch_id from files) from plain") == [
        ("a.json", True),
        ("c.json", True),
    ]


def test_a_batch_filter_reaches_the_table_scan(project: Any) -> None:
    files = 4
    for number in range(files):
        project.write(f"app/{number}.json", '{"name":"x"}\n' * 150_000)
    project.load("app")
    (plan,) = project.rows(
        "explain (analyze, format json) select count(event_name) from plain"
        " where batch_id in (select batch_id from files where file = '1.json')"
    )

    def scanned(node: Any) -> list[int]:
        if isinstance(node, list):
            return [n for child in node for n in scanned(child)]
        if not isinstance(node, dict):
            return []
        if "rows_app" in str(node.get("extra_info", {}).get("Table")):
            return [node["rows_scanned"]]
        return scanned(list(node.values()))

    (rows,) = scanned(json.loads(plan[1]))
    assert 150_000 <= rows < 150_000 * files / 2


@pytest.mark.parametrize(
    ("expression", "record", "expected"),
    [
        ("user", {"user": 7}, "7"),
        ("user", {"user": "  u "}, "u"),
        ("user", {"user": " "}, None),
        ("user", {}, None),
        ("comment", {"comment": "x"}, "x"),
        ("actor.id", {"actor": {"id": 7}}, "7"),
        ("actor.a.b.c.d", {"actor": {"a": {"b": {"c": {"d": "x"}}}}}, "x"),
        ("actor->>'id'", {"actor": {"id": 7}}, "7"),
        ("actor->>'$.id'", {"actor": {"id": 7}}, "7"),
        ("actor->'a'->>'b'", {"actor": {"a": {"b": 7}}}, "7"),
        ("json_extract_string(actor, '$.id')", {"actor": {"id": 7}}, "7"),
        ('"a.b" || "x/~y"', {"a.b": "1", "x/~y": "2"}, "12"),
        ("coalesce(a, user) -- a comment", {"user": "ü"}, "ü"),
        ("lower(Name) || name", {"Name": "A", "name": "b"}, "ab"),
        ("amount * 2", {"amount": 8}, "16"),
        ("amount * price", {"amount": 2, "price": 2.55}, "5.1"),
        ("case when amount > 0 then country else 'back' end", {"amount": 1, "country": "NO"}, "NO"),
        ("case when amount > 0.5 then 'up' else 'down' end", {"amount": 0.75}, "up"),
        ("case when robot = true then 'r' else 'h' end", {"robot": True}, "r"),
        ("case when robot then 'r' else 'h' end", {"robot": False}, "h"),
        ("bit_count(n)", {"n": 7}, "3"),
        ("list_transform([1, 2], lambda x: x + n)[2]", {"n": 5}, "7"),
        ("file_name || ':' || line_number", {}, "x.json:1"),
        ("1 / n", {"n": "x"}, None),
        ("null", {}, None),
    ],
)
def test_expressions_mean_what_they_say(
    project: Any, expression: str, record: dict[str, Any], expected: str | None
) -> None:
    assert one(project, "user_id", expression, record) == expected


def test_the_typing_of_an_expression_does_not_depend_on_the_data(project: Any) -> None:
    # Before any file is there, with numbers and with words: the view's text stays the same.
    text = """
sources:
  app:
    format: jsonl
    event_name: case when amount > 0 then kind else 'none' end
    event_at: to_timestamp(ts / 1000)
"""
    views = []
    for content in ("", '{"amount":1,"ts":1,"kind":2}\n', '{"amount":"x","ts":"y"}\n'):
        project.write("app/x.json", content)
        project.load("app")
        project.use(text)
        views += project.rows("select sql from duckdb_views() where view_name = 'mapped_app'")
    assert len(set(views)) == 1


def test_declared_types_win(project: Any) -> None:
    value = one(
        project,
        "user_id",
        "typeof(n) || n",
        {"n": "2.50"},
        columns={"n": "decimal(9,2)"},  # type: ignore[arg-type]
    )
    assert value == "DECIMAL(9,2)2.50"


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("ts", "2024-05-01T10:00:00Z", "2024-05-01 10:00:00"),
        ("ts", "2024-05-01T10:00:00.123456+02:00", "2024-05-01 08:00:00.123456"),
        ("ts", "2024-05-01 10:00:00", "2024-05-01 10:00:00"),
        ("ts", "2024-05-01", "2024-05-01 00:00:00"),
        ("ts", 1714557600, "2024-05-01 10:00:00"),
        ("ts", "1714557600.25", "2024-05-01 10:00:00.25"),
        ("ts", 1714557600123, "2024-05-01 10:00:00.123"),
        ("ts", 1714557600123456, "2024-05-01 10:00:00.123456"),
        ("ts", 1714557600123456789, "2024-05-01 10:00:00.123456"),
        ("ts", 1.7145576e9, "2024-05-01 10:00:00"),
        ("to_timestamp(ts)", 1714557600, "2024-05-01 10:00:00"),
        ("to_timestamp(ts / 1000)", 1714557600123, "2024-05-01 10:00:00.123"),
        ("epoch_ms(ts)", 1714557600123, "2024-05-01 10:00:00.123"),
        ("ts / 1000", 1714557600123, "2024-05-01 10:00:00.123"),
        ("strptime(ts, '%d/%m/%Y')", "01/05/2024", "2024-05-01 00:00:00"),
        ("ts::date", "2024-05-01", "2024-05-01 00:00:00"),
        ("ts", "yesterday", None),
        ("ts", "infinity", None),
        ("ts", "", None),
        ("ts", True, None),
        ("ts", {"a": 1}, None),
        ("ts", None, None),
        ("ts", 1e300, None),
    ],
)
def test_times_become_utc(
    project: Any, expression: str, value: object, expected: str | None
) -> None:
    found = one(project, "event_at", expression, {"ts": value})
    assert found == (expected and datetime.datetime.fromisoformat(expected.ljust(19)))


def test_flags_and_orders_are_typed(project: Any) -> None:
    assert one(project, "is_bot", "robot", {"robot": True}) is True
    assert one(project, "is_bot", "robot", {"robot": "maybe"}) is None
    assert one(project, "event_order", "n", {"n": 12.0}) == 12
    assert one(project, "event_order", "n + 1", {"n": "12"}) == 13


def test_properties_hold_the_values_as_they_were_sent(project: Any) -> None:
    record = {"a": 1, "b": {"c": [1.5, None]}, "d": None, "e": "x", "f g": True, "h": {"i": "j"}}
    names = ["a", "b", "d", "e", "f g", "h.i", "missing"]
    value = one(project, "properties", names, record)  # type: ignore[arg-type]
    assert value == '{"a":1,"b":{"c":[1.5,null]},"e":"x","f g":true,"h.i":"j"}'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("b", '{"c":[1]}'), ("b.c", "[1]"), ("{'x': a}", '{"x":"1"}'), ("e", None)],
)
def test_properties_may_be_an_expression(
    project: Any, expression: str, expected: str | None
) -> None:
    record = {"a": 1, "b": {"c": [1]}, "e": "not json"}
    assert one(project, "properties", expression, record) == expected


def test_csv_columns_that_no_file_has_had_yet_are_null(project: Any) -> None:
    project.use(
        """
sources:
  shop:
    format: csv
    event_name: "case when Quantity > 0 then 'sale' else 'return' end"
    event_at: InvoiceDate
    user_id: Customer
    page_title: info.title
    properties: [Quantity, Country]
"""
    )
    project.write("shop/a.csv", "Quantity,Invoicedate\n-1,2024-01-01\n")
    project.write(
        "shop/b.csv", 'Quantity,InvoiceDate,Customer,info\n2,2024-01-02,7,"{""title"":""T""}"\n'
    )
    project.load("shop")
    assert project.rows(
        "select event_name, event_at::date::varchar, user_id, page_title, properties, record"
        " from plain order by file"
    ) == [
        ("return", "2024-01-01", None, None, '{"Quantity":"-1"}',
         '{"invoicedate":"2024-01-01","quantity":"-1"}'),
        ("sale", "2024-01-02", "7", "T", '{"Quantity":"2"}',
         '{"customer":"7","info":"{\\"title\\":\\"T\\"}","invoicedate":"2024-01-02","quantity":"2"}'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("epoch_ms(", "not an SQL expression"),
        ("nope(a)", "nope does not exist"),
        ("a::nonsense", "nonsense"),
        ("sum(a)", "DuckDB does not take the expression"),
        ("(select 1)", "no subquery"),
        ("a, b", "one SQL expression"),
        ("a from files", "one SQL expression"),
        ("a as b", "no subquery, alias or star"),
        ("*", "alias or star"),
        ("1); drop table files; --", "not an SQL expression"),
        ("now()", "changes from run to run"),
        ("current_timestamp", "changes from run to run"),
        ("a || uuid()", "changes from run to run"),
        ("row_number() over ()", "DuckDB does not take the expression"),
    ],
)
def test_an_expression_that_cannot_be_used_is_told_with_its_place(
    project: Any, expression: str, words: str
) -> None:
    text = (
        "sources:\n  app:\n    format: jsonl\n    event_name: x\n    event_at: y\n"
        f"    user_id: {json.dumps(expression)}\n"
    )
    if expression in ("current_timestamp",):
        text = text.replace('"current_timestamp"', '"coalesce(a, current_timestamp)"')
    with pytest.raises(SourcesError) as error:
        project.use(text)
    message = str(error.value)
    assert message.startswith("sources.yml, line 6: source 'app', 'user_id': ")
    assert words in message


def test_a_declared_type_that_does_not_exist_is_told(project: Any) -> None:
    with pytest.raises(SourcesError, match="line 6: source 'app', 'columns': 'nonsense'"):
        project.use(
            "sources:\n  app:\n    format: jsonl\n    event_name: x\n    event_at: y\n"
            "    columns: {a: nonsense}\n"
        )


def test_a_source_cannot_change_its_format(project: Any) -> None:
    with pytest.raises(SourcesError, match="its files were loaded as segment before; give"):
        project.use("sources:\n  web: {format: jsonl, event_name: a, event_at: b}\n")


def test_a_source_that_is_gone_is_not_visible_and_keeps_its_rows(project: Any) -> None:
    project.write("app/a.json", '{"name":"x"}\n')
    project.load("app")
    project.use("sources:\n  web: {format: segment}\n")
    assert project.rows("select * from plain") == []
    assert project.rows("select source from sources") == [("web",)]
    assert project.rows("select count(*) from rows_app") == [(1,)]


def test_references_point_at_the_columns_in_the_text() -> None:
    text = "'ü' || coalesce(a.b, \"c d\")\n|| e -> '$.f'"
    found = references(text)
    assert [(text[r.start : r.end], r.path) for r in found] == [
        ("a.b", ("a", "b")),
        ('"c d"', ("c d",)),
        ("e", ("e",)),
    ]
    with pytest.raises(ExpressionError):
        references("a b c")


def test_sources_are_listed_for_the_models(project: Any) -> None:
    project.use(
        "sources:\n  web: {format: segment, owner: growth, identity_namespace: n,"
        " makes_sessions: false, time_is_corrected: true}\n"
    )
    assert project.rows(
        "select source, format, identity_namespace, owner, makes_sessions, time_is_corrected"
        " from sources"
    ) == [("web", "segment", "n", "growth", False, True)]
    project.write("web/a.json", '{"messageId":"1"}\n')
    project.load("web")
    assert project.rows("select identity_namespace from segment") == [("n",)]


def test_the_path_of_sources_yml_is_in_the_error(project: Any) -> None:
    from orchestration.loading import prepare
    from orchestration.sources import parse_sources

    sources = parse_sources(
        "sources:\n  app: {format: jsonl, event_name: 'nope(x)', event_at: y}\n",
        Path("elsewhere/my.yml"),
    )
    with pytest.raises(
        SourcesError, match=r"^elsewhere/my.yml, line 2: source 'app', 'event_name'"
    ):
        prepare(project.connection, sources)
