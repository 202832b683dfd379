"""What a message says, and what is downstream by the real manifest."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.alerts import message
from orchestration.alerts.downstream import Lineage
from orchestration.alerts.incidents import Incident, failed, passed
from orchestration.alerts.routes import Rules
from orchestration.settings import PROJECT, Settings
from tests.conftest import Built
from tests.orchestration.alerts.conftest import START, result

FORMATS = {"web": "segment", "shop": "csv"}


@pytest.fixture(scope="module")
def manifest(built: Built) -> dict[str, Any]:
    text = (built.installation.settings.target / "manifest.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def lineage(manifest: dict[str, Any]) -> Lineage:
    exposure = {
        "resource_type": "exposure",
        "name": "weekly",
        "label": "Weekly board",
        "url": "https://board.example/1",
    }
    manifest = json.loads(json.dumps(manifest))
    manifest["exposures"]["exposure.footpath.weekly"] = exposure
    manifest["child_map"]["model.footpath.daily_activity"].append("exposure.footpath.weekly")
    return Lineage(manifest, FORMATS)


def test_an_anomaly_leads_to_what_is_made_from_its_source(lineage: Lineage) -> None:
    for cause in ("web", "web/Signed Up"):
        about = replace(incident(), suite="anomalies", check_name=cause, relation="anomalies")
        assert lineage.of_incident(about) == lineage.of("raw.web")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(landing=tmp_path, sources=tmp_path / "sources.yml", home=tmp_path / "a home")


def incident(**fields: Any) -> Incident:
    return failed(None, result(**fields), "run 7", START, Rules())[0]


def test_a_table_leads_to_the_tables_funnels_and_dashboards_made_from_it(lineage: Lineage) -> None:
    found = lineage.of("user_days")
    assert found.tables[0] == "user_days"
    assert {"daily_activity", "retention_weekly", "lifecycle_weekly"} <= set(found.tables)
    assert "events" not in found.tables
    assert found.dashboards == ("Weekly board (https://board.example/1)",)
    assert lineage.of("retention_weekly").tables == ("retention_weekly",)


def test_a_view_leads_to_what_reads_the_tables_behind_it(lineage: Lineage) -> None:
    found = lineage.of("events")
    assert found.tables[0] == "events"
    assert {"checkout_funnel", "signup_funnel_weekly"} == set(found.funnels)


def test_the_raw_rows_of_a_source_lead_through_the_staging_view_of_its_format(
    lineage: Lineage, manifest: dict[str, Any]
) -> None:
    found = lineage.of("raw.web")
    assert {"events", "sessions", "users", "load_files"} <= set(found.tables)
    assert "checkout_funnel" in found.funnels
    models = {
        node["alias"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "main"
    }
    assert set(found.tables) | set(found.funnels) <= models
    cut = json.loads(json.dumps(manifest))
    cut["child_map"]["source.footpath.raw.segment"] = []
    assert Lineage(cut, FORMATS).of("raw.web").tables == ()
    assert Lineage(cut, FORMATS).of("raw.shop").tables == found.tables


def test_what_the_manifest_does_not_know_leads_to_itself(lineage: Lineage, tmp_path: Path) -> None:
    assert lineage.of("somewhere").tables == ("somewhere",)
    assert Lineage.read(tmp_path / "none.json", {}).of("sessions").tables == ("sessions",)
    assert lineage.of("raw.nowhere").tables == ()


def test_a_message_says_what_how_much_since_when_which_rows_who_suffers_and_what_to_do(
    lineage: Lineage, home: Settings
) -> None:
    about = replace(incident(relation="user_days", suite="user_days"), occurrences=3)
    words = message.of_incident("opened", about, lineage, home)
    assert words.subject == "[footpath] critical user_days.key_unique on user_days: 2 of 1,204 rows"
    assert words.level == "failure"
    lines = words.body.splitlines()
    assert lines[:8] == [
        "user_days.key_unique on user_days fails (critical).",
        "One row per session.",
        "Found: 2 of 1,204 rows",
        "  session_id s-1",
        "  session_id s-2",
        "Since: 2026-02-20 10:00 UTC, failed in 3 runs, last at 2026-02-20 10:00 UTC",
        "Owner: data-platform",
        "Readers: nothing is published, they keep the tables of the last good run.",
    ]
    assert lines[8].startswith("Tables: user_days, ")
    assert lines[9] == "Dashboards: Weekly board (https://board.example/1)"
    place = (
        f"cd {PROJECT} && FOOTPATH_HOME='{home.home}' FOOTPATH_SOURCES={home.sources} make alerts"
    )
    assert f"Show the rows:  {place} ROWS=user_days.key_unique.user_days" in lines
    assert f"I am on it:     {place} ACK=user_days.key_unique.user_days" in lines
    assert lines[-1].endswith(f":{home.home}, run run 7")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"severity": "warning"}, "a warning stops nothing"),
        ({"relation": "raw.web"}, "the failing batch is held"),
        ({}, "nothing is published"),
    ],
)
def test_a_message_says_what_readers_have(
    lineage: Lineage, home: Settings, fields: dict[str, str], words: str
) -> None:
    body = message.of_incident("opened", incident(**fields), lineage, home).body
    (line,) = [line for line in body.splitlines() if line.startswith("Readers: ")]
    assert words in line


def test_an_end_is_told_without_commands(lineage: Lineage, home: Settings) -> None:
    about, _ = passed(incident(), "run 8", START)
    words = message.of_incident("resolved", about, lineage, home)
    assert words.subject.startswith("[footpath] RESOLVED, critical ")
    assert words.level == "success"
    assert "Resolved at 2026-02-20 10:00 UTC" in words.body
    assert "make alerts" not in words.body


def test_a_subject_is_short_and_one_line(lineage: Lineage, home: Settings) -> None:
    about = incident(observed="could not be checked: one\ntwo " + "x" * 300)
    subject = message.of_incident("opened", about, lineage, home).subject
    assert len(subject) == message.MAX_SUBJECT
    assert "\n" not in subject


def test_a_command_of_the_usual_places_names_none_of_them() -> None:
    usual = Settings(
        landing=PROJECT / "landing", sources=PROJECT / "sources.yml", home=PROJECT / "var"
    )
    assert message.command(usual, "ACK=k") == f"cd {PROJECT} && make alerts ACK=k"
