"""Segment and JSON lines files, clean and damaged."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from orchestration.loading import reading


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def numbers(project: Any, table: str = "rows_web") -> list[int]:
    return [line for (line,) in project.rows(f"select line from {table} order by line")]


def test_a_clean_segment_file_keeps_every_declared_column(project: Any) -> None:
    call = {
        "messageId": "m1", "type": "track", "event": "Signed Up", "userId": 7, "version": 1.0,
        "properties": {"a": [1, {"b": None}]}, "context": {"page": {"path": "/"}}, "other": 1,
    }  # fmt: skip
    project.write("web/a.json", lines(call, {"messageId": "m2"}))
    result = project.load("web")
    assert [(file.outcome, file.rows, file.unreadable_rows) for file in result.files] == [
        ("new", 2, 0)
    ]
    assert project.rows(
        'select line, "messageId", event, "userId", version, properties, context from rows_web'
        " order by line"
    ) == [
        (1, "m1", "Signed Up", "7", "1.0", '{"a":[1,{"b":null}]}', '{"page":{"path":"/"}}'),
        (2, "m2", None, None, None, None, None),
    ]


def test_line_numbers_follow_the_file_when_it_is_read_in_parallel(project: Any) -> None:
    count = 300_000
    project.write(
        "web/a.json",
        "".join(f'{{"messageId":"{i}","event":"{"x" * 200}"}}\n' for i in range(count)),
    )
    project.load("web")
    assert project.rows(
        'select count(*), count(*) filter ("messageId"::bigint <> line - 1) from rows_web'
    ) == [(count, 0)]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_bad_lines_go_beside_with_line_and_reason(project: Any, ending: str) -> None:
    project.write(
        f"web/a.json{ending}",
        b'{"messageId":"1"}\n\n{"messageId":\n[1]\nnull\n"x"\n{"messageId":"\xff"}\n  \n'
        b'{"messageId":"9"}\r\n{"messageId":"10"} {}\n{"messageId":"11"',
    )
    result = project.load("web")
    assert project.rows('select line, "messageId" from rows_web order by line') == [
        (1, "1"),
        (9, "9"),
    ]
    assert project.unreadable() == [
        (3, "invalid_json", '{"messageId":'),
        (4, "invalid_json", "[1]"),
        (5, "invalid_json", "null"),
        (6, "invalid_json", '"x"'),
        (7, "wrong_encoding", '{"messageId":"\\xff"}'),
        (10, "invalid_json", '{"messageId":"10"} {}'),
        (11, "cut_off", '{"messageId":"11"'),
    ]
    (file,) = result.files
    assert (file.rows, file.unreadable_rows) == (2, 7)
    assert project.rows("select raw_rows, unreadable_rows from files") == [(9, 7)]


@pytest.mark.parametrize("source", ["web", "app"])
@pytest.mark.parametrize("bad", ["null", "3", "[]", '"x"'])
def test_json_that_is_no_object_is_no_record(project: Any, source: str, bad: str) -> None:
    project.write(f"{source}/a.json", f'{{"messageId":"1"}}\n{bad}\n{{"messageId":"3"}}\n')
    project.load(source)
    assert numbers(project, f"rows_{source}") == [1, 3]
    assert project.unreadable() == [(2, "invalid_json", bad)]


def test_an_empty_object_is_a_record(project: Any) -> None:
    project.write("web/a.json", '{}\n{"messageId":"2"}\n')
    assert project.load("web").rows == 2


def test_a_repeated_key_is_a_record_and_the_first_value_counts(project: Any) -> None:
    project.write("web/a.json", '{"messageId":"1","messageId":"2"}\n')
    project.load("web")
    assert project.rows('select "messageId" from rows_web') == [("1",)]


@pytest.mark.parametrize("source", ["web", "app"])
def test_byte_order_mark_carriage_returns_and_blank_lines_are_tolerated(
    project: Any, source: str
) -> None:
    project.write(
        f"{source}/a.json", b'\xef\xbb\xbf{"messageId":"1"}\r\n\r\n {"messageId":"3"} \r\n'
    )
    result = project.load(source)
    assert (result.rows, result.unreadable_rows) == (2, 0)


def test_control_characters_in_a_line_come_back_as_they_were(project: Any) -> None:
    # U+0001 and U+0002 are what the line reader works with; NUL and a lone carriage return too.
    raw = "a\x00b\x01c\x02d\x022\x02x41\re"
    project.write("app/a.json", f'{raw}\n{{"name":"x"}}\n')
    project.load("app")
    assert project.unreadable() == [(1, "invalid_json", raw)]
    assert numbers(project, "rows_app") == [2]


def test_a_raw_line_is_kept_up_to_ten_thousand_characters(project: Any) -> None:
    project.write("app/a.json", "ü" * 20_000 + "\n")
    project.load("app")
    assert project.unreadable() == [(1, "invalid_json", "ü" * 10_000)]


def test_a_very_long_record_loads(project: Any) -> None:
    project.write("web/a.json", lines({"messageId": "1", "properties": {"x": "y" * 20_000_000}}))
    assert project.load("web").rows == 1
    assert project.rows("select length(properties->>'x') from rows_web") == [(20_000_000,)]


def test_a_file_with_an_endless_line_is_unreadable_as_a_whole(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 1000)
    project.write("web/a.json", "[" + "1," * 1000 + "\n")
    project.load("web")
    ((line, reason, raw),) = project.unreadable()
    assert (line, reason) == (0, "unreadable_file")
    assert "a line has 2,001 bytes" in raw


@pytest.mark.parametrize("source", ["web", "app"])
@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_nesting_loses_no_line(project: Any, source: str, depth: int) -> None:
    deep = '{"messageId":"1","properties":{"x":' + "[" * depth + "]" * depth + "}}"
    project.write(f"{source}/a.json", deep + '\n{"messageId":"2"}\n')
    result = project.load(source)
    assert result.rows + result.unreadable_rows == 2
    assert 2 in numbers(project, f"rows_{source}")


@pytest.mark.parametrize("source", ["web", "app", "shop"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("content", ["", "\n", " \r\n\n", "\ufeff"])
def test_an_empty_file_is_loaded_with_no_rows_and_a_note(
    project: Any, source: str, ending: str, content: str
) -> None:
    name = f"{source}/a.{'csv' if source == 'shop' else 'json'}{ending}"
    project.write(name, content)
    (file,) = project.load(source).files
    assert (file.outcome, file.rows, file.unreadable_rows) == ("empty", 0, 0)
    assert "empty" in file.note or "no rows" in file.note
    assert project.rows("select state, raw_rows from files") == [("pending", 0)]
    assert project.load(source).files[0].outcome == "unchanged"


def test_a_compressed_file_of_no_bytes_is_empty(project: Any) -> None:
    project.write_bytes("web/a.json.gz", b"")
    project.write_bytes("web/b.json.zst", b"")
    assert [file.outcome for file in project.load("web").files] == ["empty", "empty"]


BODY = "".join(f'{{"messageId":"{i * 7919 % 1_000_003}"}}\n' for i in range(20_000)).encode()


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.999])
@pytest.mark.parametrize("source", ["web", "app"])
def test_a_cut_archive_gives_its_whole_lines_and_one_cut_off_line(
    project: Any, ending: str, kept: float, source: str
) -> None:
    whole = gzip.compress(BODY) if ending == "gz" else zstandard.compress(BODY)
    project.write_bytes(f"{source}/a.json.{ending}", whole[: int(len(whole) * kept)])
    (file,) = project.load(source).files
    found = numbers(project, f"rows_{source}")
    assert found == list(range(1, len(found) + 1))
    assert [row[:2] for row in project.unreadable()] == [(len(found) + 1, "cut_off")]
    assert len(found) > 0 or ending == "zst"
    assert "ends too early" in file.note


def test_an_archive_cut_at_the_end_of_a_line_is_still_found(project: Any) -> None:
    frame = zstandard.ZstdCompressor().compressobj()
    data = frame.compress(b'{"messageId":"1"}\n') + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    project.write_bytes("web/a.json.zst", data)
    project.load("web")
    assert numbers(project) == [1]
    assert project.unreadable() == [(2, "cut_off", "")]


def test_archives_of_several_parts_and_with_zero_padding_load_whole(project: Any) -> None:
    part = b'{"messageId":"1"}\n'
    project.write_bytes("web/a.json.gz", gzip.compress(part) * 3)
    project.write_bytes("web/b.json.zst", zstandard.compress(part) * 3)
    project.write_bytes("web/c.json.gz", gzip.compress(part) + b"\0" * 1000)
    assert [(f.rows, f.unreadable_rows) for f in project.load("web").files] == [
        (3, 0),
        (3, 0),
        (1, 0),
    ]


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_file_that_is_no_archive_does_not_stop_the_others(project: Any, ending: str) -> None:
    project.write_bytes(f"web/a.json.{ending}", b'{"messageId":"1"}\n')
    project.write("web/b.json", '{"messageId":"2"}\n')
    first, second = project.load("web").files
    assert (first.outcome, first.rows, first.unreadable_rows) == ("new", 0, 1)
    assert second.rows == 1
    ((line, reason, raw),) = project.unreadable()
    assert (line, reason) == (0, "unreadable_file")
    assert "this is not a" in raw


def test_names_with_wildcards_and_quotes_mean_themselves(project: Any) -> None:
    for number, name in enumerate(["[ab].json", "a.json", "b*?.json", "it's {1}.json"]):
        project.write(f"web/{name}", lines({"messageId": str(number)}))
    project.load("web")
    assert dict(
        project.rows('select file, "messageId" from rows_web join files using (batch_id)')
    ) == {"[ab].json": "0", "a.json": "1", "b*?.json": "2", "it's {1}.json": "3"}


def test_no_temporary_copies_stay_behind(project: Any) -> None:
    project.write("web/a.json", "{\n")
    project.load("web")
    left = {path.name for path in project.database.parent.iterdir()}
    assert left <= {"landing", "raw.duckdb", "raw.duckdb.wal"}
    assert project.rows("select table_name from duckdb_tables() where temporary") == []


def test_copies_that_a_killed_run_left_are_removed(project: Any) -> None:
    leftover = project.database.parent / ".loading-abc"
    leftover.mkdir()
    (leftover / "lines").write_text("x")
    project.use("sources:\n  web: {format: segment}\n")
    assert not leftover.exists()


@pytest.mark.parametrize("source", ["web", "app"])
def test_strict_and_line_mode_agree_on_a_clean_file(
    new_project: Callable[[], Any], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[object] = [1, 1.5, 1e300, -0.0, True, False, None, "", "x\"y\\z\u0000", [], {}, [None],
                            {"a": {"b": [1.50, "ü", None]}}, "😀", 12345678901234567890123]  # fmt: skip
    content = lines(
        *(
            {"messageId": v, "event": v, "properties": v, "context": {"v": v}, "name": v}
            for v in values
        )
    )
    strict, by_line = new_project(), new_project()
    strict.write(f"{source}/a.json", content)
    strict.load(source)

    def not_clean(*_: object) -> None:
        raise reading._NotCleanError

    monkeypatch.setattr(reading, "_strict", not_clean)
    by_line.write(f"{source}/a.json", content)
    by_line.load(source)
    query = f"select * from rows_{source} order by line"
    assert strict.rows(query) == by_line.rows(query)
    assert len(strict.rows(query)) == len(values)
