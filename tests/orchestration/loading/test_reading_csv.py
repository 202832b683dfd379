"""CSV files, clean and damaged."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from orchestration.loading import reading

SHOP = """
sources:
  shop:
    format: csv
    event_name: "'sale'"
    event_at: at
    {options}
"""


def rows(project: Any, columns: str = "a, b") -> list[tuple[Any, ...]]:
    return list(project.rows(f"select line, {columns} from rows_shop order by line"))


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_clean_file_is_text_with_the_line_after_the_header(project: Any, ending: str) -> None:
    project.write(f"shop/a.csv{ending}", 'a,b\n1,"x, ""y"""\n007,\n,""\n')
    (file,) = project.load("shop").files
    assert (file.outcome, file.rows, file.unreadable_rows) == ("new", 3, 0)
    assert rows(project) == [(2, "1", 'x, "y"'), (3, "007", None), (4, None, None)]


def test_bad_lines_go_beside_with_line_and_reason(project: Any) -> None:
    project.write(
        "shop/a.csv",
        b'a,b\n1,2\n\n3\n4,5,6\n7,x\xff\n8,"y"z\n"9\n10,11\n"12","a\nb"\n13,x"y\n14,15,\n16',
    )
    (file,) = project.load("shop").files
    assert rows(project) == [
        (2, "1", "2"),
        (9, "10", "11"),
        (10, "12", "a\nb"),
        (12, "13", 'x"y'),
        (13, "14", "15"),
    ]
    assert project.unreadable() == [
        (4, "wrong_column_count", "3"),
        (5, "wrong_column_count", "4,5,6"),
        (6, "wrong_encoding", "7,x\\xff"),
        (7, "unreadable_line", '8,"y"z'),
        (8, "unreadable_line", '"9'),
        (14, "cut_off", "16"),
    ]
    assert (file.rows, file.unreadable_rows) == (5, 6)


def test_a_stray_quote_costs_one_line_only(project: Any) -> None:
    good = [f"{i},x" for i in range(100)]
    bad = [*good[:50], '50,"never closed', *good[50:]]
    project.write("shop/a.csv", "a,b\n" + "\n".join(bad) + "\n")
    project.load("shop")
    assert [a for _, a, _ in rows(project)] == [str(i) for i in range(100)]
    assert project.unreadable() == [(52, "unreadable_line", '50,"never closed')]


def test_values_over_several_lines_survive_beside_bad_lines(project: Any) -> None:
    project.write("shop/a.csv", 'a,b\n1,"x\n\ny,""z"""\n2,"p\nq",\nbad\n3,4\n')
    project.load("shop")
    assert rows(project) == [(2, "1", 'x\n\ny,"z"'), (5, "2", "p\nq"), (8, "3", "4")]
    assert project.unreadable() == [(7, "wrong_column_count", "bad")]


def test_mixed_line_ends_a_byte_order_mark_and_blank_lines_are_tolerated(project: Any) -> None:
    project.write("shop/a.csv", b"\xef\xbb\xbfa,b\r\n1,2\n\r\n3,4\r\n  \n")
    assert project.load("shop").unreadable_rows == 0
    assert rows(project) == [(2, "1", "2"), (4, "3", "4")]


def test_blank_lines_before_the_header_are_skipped(project: Any) -> None:
    project.write("shop/a.csv", "\n\na,b\n1,2\n")
    project.load("shop")
    assert rows(project) == [(4, "1", "2")]


def test_nul_and_control_characters_in_values_survive_in_both_modes(project: Any) -> None:
    project.write("shop/a.csv", "a,b\nx\x00y,\x01\x02r\n")
    project.write("shop/b.csv", "a,b\nx\x00y,\x01\x02r\nbad\n")
    project.load("shop")
    assert rows(project) == [(2, "x\x00y", "\x01\x02r")] * 2


def test_a_file_with_only_a_header_is_empty(project: Any) -> None:
    project.write("shop/a.csv", "a,b\n")
    project.write("shop/b.csv", "a,b")
    for file in project.load("shop").files:
        assert (file.outcome, file.rows, file.unreadable_rows) == ("empty", 0, 0)
        assert "header" in file.note


def test_columns_may_differ_between_files(project: Any) -> None:
    project.write("shop/a.csv", "a,b\n1,2\n")
    project.write("shop/b.csv", "B,c\n3,4\n")
    project.load("shop")
    assert project.rows("select a, b, c from rows_shop order by batch_id, line") is not None
    assert sorted(project.rows("select coalesce(a, ''), b, coalesce(c, '') from rows_shop")) == [
        ("", "3", "4"),
        ("1", "2", ""),
    ]


def test_a_record_does_not_change_when_a_later_file_brings_columns(project: Any) -> None:
    project.write("shop/a.csv", "b,a\n1,2\n")
    project.load("shop")
    before = project.rows("select record from plain")
    project.write("shop/b.csv", "aa,a\n1,2\n")
    project.load("shop")
    assert project.rows("select record from plain where file = 'a.csv'") == before
    assert before == [('{"a":"2","b":"1"}',)]


def test_names_that_differ_by_case_only_are_one_column_if_duckdb_says_so(project: Any) -> None:
    project.write("shop/a.csv", "N,Ä\n1,2\n")
    project.write("shop/b.csv", "n,ä\n3,4\n")
    assert project.load("shop").rows == 2
    assert sorted(project.rows('select n, coalesce("Ä", "ä") from rows_shop')) == [
        ("1", "2"),
        ("3", "4"),
    ]
    assert sorted(project.rows("select record from plain")) == [
        ('{"n":"1","Ä":"2"}',),
        ('{"n":"3","ä":"4"}',),
    ]


def test_odd_headers_give_usable_columns(project: Any) -> None:
    project.use(SHOP.format(options='user_id: "\\"line\\" || batch_id"\n    group_id: "\\"x y\\""'))
    project.write("shop/a.csv", 'line,batch_id,A,a,,"x y"\n1,2,3,4,5,6\n')
    assert project.load("shop").rows == 1
    assert project.rows("select line_, batch_id_, a, a_2, column_5 from rows_shop") == [
        ("1", "2", "3", "4", "5")
    ]
    assert project.rows("select line, user_id, group_id from plain") == [(2, "12", "6")]
    ((record,),) = project.rows("select record from plain")
    assert record == '{"a":"3","a_2":"4","batch_id":"2","column_5":"5","line":"1","x y":"6"}'


@pytest.mark.parametrize("header", [b"a,\xff\n1,2\n", b'a,"b\n1,2\n', b"a\x00,b\n1,2\n"])
def test_a_broken_header_makes_the_file_unreadable(project: Any, header: bytes) -> None:
    project.write("shop/a.csv", header)
    project.write("shop/b.csv", "a,b\n1,2\n")
    assert project.load("shop").rows == 1
    ((line, reason, raw),) = project.unreadable()
    assert (line, reason) == (0, "unreadable_file")
    assert "header" in raw


def test_files_without_header_get_the_declared_names(project: Any) -> None:
    project.use(SHOP.format(options="header: false\n    columns: {at: timestamp, n: bigint}"))
    project.write("shop/a.csv", "2024-01-01,1\n2024-01-02,x\n2024-01-03\n")
    project.load("shop")
    assert rows(project, '"at", n') == [(1, "2024-01-01", "1"), (2, "2024-01-02", "x")]
    assert project.unreadable() == [(3, "wrong_column_count", "2024-01-03")]


@pytest.mark.parametrize(("name", "character"), [("';'", ";"), ('"\\t"', "\t"), ("'|'", "|")])
def test_the_delimiter_can_be_set(project: Any, name: str, character: str) -> None:
    project.use(SHOP.format(options=f"delimiter: {name}"))
    project.write("shop/a.csv", f'a{character}b\n1{character}"2{character},"\n')
    project.write("shop/b.csv", f"a{character}b\nbad\n3{character}4,\n")
    project.load("shop")
    assert sorted(rows(project)) == [(2, "1", f"2{character},"), (3, "3", "4,")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings_are_read(project: Any, encoding: str) -> None:
    project.use(SHOP.format(options=f"encoding: {encoding}"))
    project.write_bytes("shop/a.csv.gz", gzip.compress("ä,b\né,ü\n".encode(encoding)))
    project.load("shop")
    assert rows(project, '"ä", b') == [(2, "é", "ü")]


def test_a_byte_that_the_encoding_lacks_makes_its_line_unreadable(project: Any) -> None:
    project.use(SHOP.format(options="encoding: cp1252"))
    project.write_bytes("shop/a.csv", b"a,b\n\xe9,1\n\x81,2\n")
    project.load("shop")
    assert rows(project) == [(2, "é", "1")]
    assert project.unreadable() == [(3, "wrong_encoding", "\\x81,2")]


def test_a_cut_archive_gives_its_whole_lines_and_one_cut_off_line(project: Any) -> None:
    body = "a,b\n" + "".join(f"{i * 7919 % 1_000_003},x\n" for i in range(20_000))
    data = gzip.compress(body.encode())
    project.write_bytes("shop/a.csv.gz", data[: len(data) // 2])
    project.load("shop")
    found = rows(project)
    assert [line for line, *_ in found] == list(range(2, len(found) + 2))
    assert len(found) > 1000
    assert [row[:2] for row in project.unreadable()] == [(len(found) + 2, "cut_off")]


def test_a_long_value_loads(project: Any) -> None:
    project.write("shop/a.csv", "a,b\n1," + "x" * 5_000_000 + "\n")
    assert project.load("shop").rows == 1


def test_one_column_files_have_no_rows_for_blank_lines(project: Any) -> None:
    project.write("shop/a.csv", "a\n1\n\n  \n2\n")
    assert project.load("shop").rows == 2


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n",
        'a,b\n"1","2"\n"a ""b""",\n,\n',
        'a,b\n1,"x\r\ny"\n2,"\n\n"\n',
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\n1,x'y\\z\n ü , 😀 ",
        'a,b\n1,x"y\n2,3,\n',
    ],
)
def test_strict_and_line_mode_agree_on_a_clean_file(
    new_project: Callable[[], Any], content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict, by_line = new_project(), new_project()
    strict.write("shop/a.csv", content)
    assert strict.load("shop").unreadable_rows == 0

    def not_clean(*_: object) -> None:
        raise reading._NotCleanError

    monkeypatch.setattr(reading, "_strict", not_clean)
    by_line.write("shop/a.csv", content)
    assert by_line.load("shop").unreadable_rows == 0
    query = "select a, b from rows_shop order by line"
    assert strict.rows(query) == by_line.rows(query)
