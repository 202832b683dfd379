"""dbt's documentation has a page for each event of the tracking plan, and nothing of it stays elsewhere."""

import json
from pathlib import Path

import pytest

from expectations.plan import Property, read_plan
from orchestration import docs
from orchestration.database import connect
from orchestration.docs import sources_of, words_of, write_docs
from orchestration.settings import PROJECT
from tests.installation import Installation

#: Names and words that dbt or DuckDB could stumble over.
NASTY = """
event: 'signed up, v2.0/"beta" '
description: 'Not Jinja: {{ ref(1) }} {% if %} {# hm #}'
status: draft
since: 2026-01-05
aliases: [su]
properties:
  Plan: {type: string, enum: [team, solo], required: true, description: 'Costs {{ money }}.'}
  plan: {type: [integer, "null"]}
"""


def test_each_planned_event_is_a_table_of_a_source(copied: Installation) -> None:
    (copied.settings.tracking_plan / "nasty.yml").write_text(NASTY)
    (copied.settings.tracking_plan / "upper.yml").write_text("event: SIGNED UP\n")
    before = sorted(path.name for path in PROJECT.iterdir())
    copied.settings.prepare()

    page = write_docs(copied.settings)

    assert page == copied.settings.target / "docs" / "static_index.html"
    manifest = json.loads((page.parent / "manifest.json").read_text())
    catalog = json.loads((page.parent / "catalog.json").read_text())
    planned = {
        source["name"]: source
        for source in manifest["sources"].values()
        if source["source_name"] == "tracking_plan"
    }
    plan = {event.event for event in read_plan(copied.settings.tracking_plan).events}
    assert set(planned) == plan
    assert {"Checkout Started", 'signed up, v2.0/"beta" ', "SIGNED UP"} < plan
    # two names that differ by case are one table to DuckDB, so one of them has no types from there
    listed = {name for name in catalog["sources"] if ".tracking_plan." in name}
    assert len(listed) >= len(plan) - 1

    started = planned["Checkout Started"]
    assert started["description"] == "Somebody chose a plan and goes to pay."
    assert started["meta"]["owner"] == "growth"
    assert started["meta"]["status"] == "active"
    columns = catalog["sources"]["source.footpath.tracking_plan.Checkout Started"]["columns"]
    assert {name: column["type"] for name, column in columns.items()}["price"] == "BIGINT"
    nasty = planned['signed up, v2.0/"beta" ']
    assert nasty["meta"]["since"] == "2026-01-05"
    assert nasty["meta"]["aliases"] == ["su"]
    assert nasty["description"].startswith("Not Jinja: { { ref(1)")
    assert nasty["columns"]["Plan"]["description"] == (
        'string, required, one of "team", "solo". Costs { { money }}.'
    )
    assert nasty["columns"]["plan"]["description"] == "integer or null, optional."
    assert "model.footpath.sessions" in manifest["nodes"]
    assert "Somebody chose a plan and goes to pay." in page.read_text()

    # the project is as it was, and what runs read of it too
    assert sorted(path.name for path in PROJECT.iterdir()) == before
    assert not (copied.settings.target / "docs_project").exists()
    assert "tracking_plan" not in {
        source["source_name"]
        for source in json.loads((copied.settings.target / "manifest.json").read_text())["sources"].values()
    }  # fmt: skip
    with connect(copied.settings.scratch, read_only=True) as connection:
        found = connection.execute(
            "select 1 from duckdb_schemas() where schema_name = 'tracking_plan'"
        )
        assert found.fetchall() == []


def test_without_a_plan_there_is_no_such_source() -> None:
    assert sources_of([]) == {"version": 2}


def test_a_property_says_type_and_limits() -> None:
    assert words_of(Property(type="number", minimum=0, required=True)) == "number, required, >= 0."
    assert words_of(Property(description="Any.")) == "any type, optional. Any."


def test_before_the_first_run_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPATH_HOME", str(tmp_path / "home"))
    assert docs.main() == 1
    assert "run `make demo` or `make run` first" in capsys.readouterr().out
