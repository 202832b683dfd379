"""Parquet files."""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest


def parquet(project: Any, name: str, query: str) -> Path:
    path: Path = project.landing / "lake" / name
    path.parent.mkdir(exist_ok=True)
    duckdb.sql(f"copy ({query}) to '{path}' (format parquet)")
    return path


def test_columns_keep_their_types_and_rows_their_places(project: Any) -> None:
    parquet(
        project,
        "a.parquet",
        "select i::integer as n, 'e' || i as name, timestamp '2024-01-01' + to_days(i) as at,"
        " {'x': i, 'y': [i]} as s, if(i = 1, 'nan'::float, 0.5::float) as f"
        " from range(3) t(i)",
    )
    (file,) = project.load("lake").files
    assert (file.outcome, file.rows, file.unreadable_rows) == ("new", 3, 0)
    assert project.rows("select line, n, name, s.x, typeof(n) from rows_lake order by line") == [
        (1, 0, "e0", 0, "BIGINT"),
        (2, 1, "e1", 1, "BIGINT"),
        (3, 2, "e2", 2, "BIGINT"),
    ]
    assert project.rows(
        "select event_name, event_at::varchar, record from plain where line = 2"
    ) == [
        (
            "e1",
            "2024-01-02 00:00:00",
            '{"at":"2024-01-02 00:00:00","n":1,"name":"e1","s":{"x":1,"y":[1]}}',
        )
    ]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_whole_numbers_of_any_width_fit_in_any_order(project: Any, order: tuple[str, str]) -> None:
    for name in order:
        kind = {"a": "integer", "b": "bigint"}[name]
        number = {"a": 1, "b": 5_000_000_000}[name]
        parquet(
            project, f"{name}.parquet", f"select {number}::{kind} as n, 'x' as name, null as at"
        )
        assert project.load("lake").files[-1].unreadable_rows == 0
    assert project.rows("select n from rows_lake order by n") == [(1,), (5_000_000_000,)]


def test_a_type_that_does_not_fit_makes_the_file_unreadable(project: Any) -> None:
    parquet(project, "a.parquet", "select 1 as n")
    parquet(project, "b.parquet", "select 2.0::double as n")
    parquet(project, "c.parquet", "select 2.5::double as n")
    parquet(project, "d.parquet", "select 'x' as n")
    assert project.load("lake").rows == 2
    found = project.unreadable()
    assert [row[:2] for row in found] == [(0, "unreadable_file")] * 2
    assert "column n is DOUBLE here, but BIGINT in earlier files" in found[0][2]


def test_new_columns_are_added(project: Any) -> None:
    parquet(project, "a.parquet", "select 1 as n")
    parquet(project, "b.parquet", "select true as flag, 2 as n")
    project.load("lake")
    assert project.rows("select n, flag from rows_lake order by n") == [(1, None), (2, True)]


def test_a_corrupt_file_does_not_stop_the_others(project: Any) -> None:
    path = parquet(project, "a.parquet", "select 1 as n")
    path.write_bytes(path.read_bytes()[:-20])
    parquet(project, "b.parquet", "select 1 as n")
    project.write("lake/c.parquet", "PAR1 nonsense PAR1")
    assert [(f.rows, f.unreadable_rows) for f in project.load("lake").files] == [
        (0, 1),
        (1, 0),
        (0, 1),
    ]
    assert [row[:2] for row in project.unreadable()] == [(0, "unreadable_file")] * 2


def test_empty_and_compressed_files_load(project: Any) -> None:
    content = parquet(project, "a.parquet", "select 1 as n").read_bytes()
    project.write_bytes("lake/b.parquet.gz", gzip.compress(content))
    project.write_bytes("lake/c.parquet", b"")
    parquet(project, "d.parquet", "select 1 as n where false")
    assert [(f.outcome, f.rows) for f in project.load("lake").files] == [
        ("new", 1),
        ("new", 1),
        ("empty", 0),
        ("empty", 0),
    ]


def test_a_mapping_waits_for_the_first_file_to_bring_its_columns(project: Any) -> None:
    text = """
sources:
  lake:
    format: parquet
    event_name: upper(kind)
    event_at: strftime(at, '%Y-%m-%d')
    user_id: who.id
    event_id: number
    properties: [list, missing]
"""
    project.use(text)
    parquet(
        project,
        "a.parquet",
        "select 'k' as kind, timestamp '2024-01-01 10:00' as at, {'id': 7} as who, [1, 2] as list,"
        " 17850.0::double as number",
    )
    project.load("lake")
    query = "select event_name, event_at::varchar, user_id, event_id, properties from plain"
    expected = [("K", "2024-01-01 00:00:00", "7", "17850", '{"list":[1,2]}')]
    assert project.rows(query) == expected
    project.use(text)
    assert project.rows(query) == expected
