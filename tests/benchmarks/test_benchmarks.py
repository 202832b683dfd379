"""The benchmarks compare what is the same: the generator's rows, and both ways to the tables."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import analyses, generator, hand_written, window_funnel
from benchmarks.footpath_run import settings_of
from benchmarks.measuring import in_process_of_its_own
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home of six small days, built."""
    folder = tmp_path_factory.mktemp("bench")
    manifest = Home(folder / "parsed", generator.SOURCES_YML).dbt.parse()
    home = folder / "home"
    settings = settings_of(home)
    generator.fill_raw(settings, generator.days_before_the_batch(6), SESSIONS)
    dbt = DbtProject(settings)
    dbt._manifest = manifest
    settings.prepare()
    dbt.build()
    return home


def test_hand_written_statements_make_the_tables_that_footpath_makes(home: Path) -> None:
    hand_written.build(home)
    assert hand_written.compare(home) == {}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the SQL of the macro calls."""
    path = tmp_path_factory.mktemp("compiled") / "analyses.json"
    analyses.compile_questions(path)
    found: dict[str, str] = json.loads(path.read_text())
    return found


def test_analyses_by_hand_have_the_answers_of_the_macros(
    home: Path, compiled: dict[str, str]
) -> None:
    for name, question in analyses.questions().items():
        ours = analyses.measure(home, name, "footpath", compiled)
        assert ours["rows"] >= 3, name
        if question.by_hand:
            theirs = analyses.measure(home, name, "by_hand", compiled)
            assert theirs["first_rows"] == ours["first_rows"], name
            assert theirs["checksum"] == ours["checksum"], name


def test_clickhouse_has_the_answers_of_the_macros(home: Path, compiled: dict[str, str]) -> None:
    pytest.importorskip("chdb", reason="only the environment of the benchmarks has it")
    in_process_of_its_own("benchmarks.analyses", str(home), "prepare")
    sql = home / "analyses.json"
    sql.write_text(json.dumps(compiled))
    for name, question in analyses.questions().items():
        if question.clickhouse and not question.clickhouse_asks:
            # ClickHouse opens one folder in a process
            theirs = in_process_of_its_own(
                "benchmarks.analyses", str(home), name, "clickhouse", str(sql)
            )
            ours = analyses.measure(home, name, "footpath", compiled)
            assert theirs["first_rows"] == ours["first_rows"], name
            assert theirs["checksum"] == ours["checksum"], name


def test_levels_are_those_of_windowfunnel() -> None:
    pytest.importorskip("chdb", reason="only the environment of the benchmarks has it")
    found = in_process_of_its_own("benchmarks.window_funnel", "40")
    assert found["different"] == {}
    assert found["levels"] == 40 * len(window_funnel.MODES) * len(window_funnel.STEPS)
