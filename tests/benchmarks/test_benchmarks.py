"""The benchmarks compare what is the same: the generator's rows, and both ways to the tables."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import generator, hand_written
from benchmarks.footpath_run import settings_of
from orchestration.dbt_project import DbtProject
from tests.warehouse import Home

SESSIONS = 120


def calls_of(days: int, *, together: bool) -> list[tuple[Any, ...]]:
    last = generator.LAST_DAY
    spans = (
        [(last - timedelta(days=days - 1), last)]
        if together
        else [(last - timedelta(days=back),) * 2 for back in range(days - 1, -1, -1)]
    )
    rows = []
    with duckdb.connect() as connection:
        for first, final in spans:
            generator.calls(connection, first, final, SESSIONS)
            rows += connection.execute("from calls").fetchall()
    return rows


def test_a_day_has_the_same_calls_alone_and_in_a_longer_history() -> None:
    together = calls_of(4, together=True)
    assert together == calls_of(4, together=False)
    assert len(together) > 2000


def test_calls_are_repeated_and_late_as_often_as_said() -> None:
    with duckdb.connect() as connection:
        generator.calls(
            connection, generator.LAST_DAY - timedelta(days=9), generator.LAST_DAY, SESSIONS
        )
        ids, rows, late, users = connection.execute(
            """
            select count(distinct "messageId"), count(*),
                count(*) filter ("receivedAt"[:10] > "originalTimestamp"[:10]), count("userId")
            from calls
            """
        ).fetchall()[0]
    assert 0.003 < 1 - ids / rows < 0.02
    assert 0.008 < late / rows < 0.03
    assert 0.1 < users / rows < 0.4


def test_hand_written_statements_make_the_tables_that_footpath_makes(tmp_path: Path) -> None:
    manifest = Home(tmp_path / "parsed", generator.SOURCES_YML).dbt.parse()
    home = tmp_path / "home"
    settings = settings_of(home)
    generator.fill_raw(settings, generator.days_before_the_batch(6), SESSIONS)
    dbt = DbtProject(settings)
    dbt._manifest = manifest
    settings.prepare()
    dbt.build()
    hand_written.build(home)
    assert hand_written.compare(home) == {}
