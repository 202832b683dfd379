"""The rows of an incident, where no suite has them."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from expectations import anomalies
from expectations.anomalies.checks import write
from orchestration.alerts.incidents import Incident, failed
from orchestration.alerts.routes import Rules
from orchestration.alerts.rows import GoneCheckError, failing_rows
from orchestration.database import connect
from orchestration.settings import Settings
from tests.orchestration.alerts.conftest import START, result


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(landing=tmp_path, sources=tmp_path / "sources.yml", home=tmp_path)


def incident(suite: str, check: str) -> Incident:
    (found, *_) = failed(None, result(), "run 7", START, Rules())
    return replace(found, suite=suite, check_name=check, source=None)


def test_the_rows_of_an_anomaly_are_those_of_its_cause_the_strongest_first(home: Settings) -> None:
    at = datetime(2026, 3, 1)
    found = [
        anomalies.Finding("web", name, None, "volume", at, at, 1, 9, 7, 11, score, cause)
        for name, score, cause in (("Paid", 6, "web"), (None, 8, "web"), ("Seen", 9, "web/Seen"))
    ]
    with connect(home.warehouse) as connection:
        write(connection, "main", found)
        assert connection.execute("select count(*) from anomalies").fetchall() == [(3,)]
    rows = failing_rows(home, incident("anomalies", "web"))
    assert [(row["event_name"], row["score"]) for row in rows] == [(None, 8.0), ("Paid", 6.0)]


def test_a_check_that_is_gone_is_no_check_that_passes(home: Settings) -> None:
    with pytest.raises(
        GoneCheckError, match=r"no suite has the check users\.gone any more.*RESOLVE"
    ):
        failing_rows(home, incident("users", "gone"))


def test_the_rows_of_a_late_source_are_its_latest_files(home: Settings) -> None:
    with connect(home.raw) as connection:
        connection.execute("""
            create table files (
                source varchar, file varchar, batch_id varchar, state varchar, raw_rows bigint, loaded_at timestamp
            );
            insert into files values
                ('web', 'old.jsonl', 'b1', 'admitted', 3, '2026-03-01'),
                ('web', 'new.jsonl', 'b2', 'held', 4, '2026-03-02'),
                ('app', 'other.jsonl', 'b3', 'admitted', 5, '2026-03-03');
        """)  # fmt: skip
    late = replace(incident("freshness", "fresh"), relation="raw.web", source="web")
    found = [(row["file"], row["state"]) for row in failing_rows(home, late)]
    assert found == [("new.jsonl", "held"), ("old.jsonl", "admitted")]


def test_the_rows_of_a_sample_are_those_that_were_noted(home: Settings) -> None:
    noted = replace(incident("spot_check", "sessions_anew"), sample='["source web, actor_key d1"]')
    assert failing_rows(home, noted) == [{"sample": "source web, actor_key d1"}]
