"""`plan init`, `plan check` and `plan import`."""

import json
from pathlib import Path

import pytest

from expectations.plan import PlanError, importers, infer, read_plan
from expectations.plan.__main__ import main
from expectations.plan.plan import Event
from orchestration.database import connect
from orchestration.sample import SAMPLE_PLAN
from tests.conftest import Built
from tests.installation import Installation

HERE = Path(__file__).parent / "plans"


@pytest.fixture
def environment_of_built(built: Built, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Point the commands at the built sample, with a folder for a plan of their own."""
    for name, value in built.installation.environment.items():
        if name.startswith("FOOTPATH_"):
            monkeypatch.setenv(name, value)
    folder = tmp_path / "plan"
    monkeypatch.setenv("FOOTPATH_TRACKING_PLAN", str(folder))
    return folder


def test_a_first_plan_is_broken_by_none_of_the_data(
    environment_of_built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    plan = read_plan(environment_of_built)
    events = plan.names
    assert events["page"].properties["url"].required
    assert events["Report Exported"].properties["file_format"].enum == ["csv", "pdf", "xlsx"]
    assert events["Task Created"].properties["has_due_date"].types == ("boolean",)
    assert events["invoice_paid"].sources == ("billing",)
    # whose name or address it is stays out of it
    assert not any(
        "example.com" in path.read_text() or "@" in path.read_text()
        for path in environment_of_built.iterdir()
    )
    assert events["identify"].properties["name"].enum is None

    capsys.readouterr()
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert "data: " not in said
    assert "warning: page: no description and no owner" in said

    # what is planned is left as it is
    text = {path: path.read_text() for path in environment_of_built.iterdir()}
    assert main(["init"]) == 0
    assert text == {path: path.read_text() for path in environment_of_built.iterdir()}


def test_the_sample_breaks_the_plan_of_its_makers_and_the_tables_say_where(
    built: Built, environment_of_built: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("FOOTPATH_TRACKING_PLAN", str(SAMPLE_PLAN))
    assert main(["check"]) == 0
    said = {
        line.removeprefix("data: ").partition(" in ")[0]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("data: ") and " in " in line
    }
    found = built.installation.read(
        "select distinct event_name || coalesce(', ' || property, '') || ': ' || verdict from event_violations"
    )
    assert said == {text for (text,) in found}
    assert "Report Exported, file_format: value_not_allowed" in said
    assert "Comment Written: old_name" in said
    assert "invoice_paid, amount: wrong_type" in said
    assert ("Trial Extended", "not_seen") in built.installation.read(
        "select event_name, state from planned_events"
    )
    assert "Notification Opened: unplanned_event" in said


def test_check_names_what_is_wrong_with_the_plan(
    environment_of_built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment_of_built.mkdir()
    file = environment_of_built / "a.yml"
    assert main(["check"]) == 0
    assert "There is no plan" in capsys.readouterr().out
    file.write_text("{event: page, sources: [wep], properties: {n: {type: integer}}, example: {n: x}}")  # fmt: skip
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert "error: page: example.n: 'x' is not of type 'integer'" in said
    assert "error: page: sources: there is no source 'wep' (there are billing, web)" in said
    file.write_text("event: [")
    assert main(["check"]) == 1
    assert f"error: {file}: not valid YAML" in capsys.readouterr().out


def test_what_is_required_is_a_question_of_rate() -> None:
    with connect() as connection:
        connection.execute(
            "create table rows as select 'web' as source, 'E' as event_name, 'track' as event_type,"
            " 'event' as row_state, null as traits, null as sent_event_name, null as sent_properties,"
            " case when i = 7 then '{\"a\": null}'"
            ' else \'{"a": 1, "b": \' || i || \'.5, "c": "x"}\' end::json as properties from range(100) as r(i)'
        )
        for rate, required in ((1.0, {"a"}), (0.99, {"a", "b", "c"})):
            (event,) = infer.infer(connection, "rows", infer.Options(rate))
            assert {name for name, one in event.properties.items() if one.required} == required
        assert event.properties["a"].types == ("integer", "null")
        assert event.properties["b"].types == ("number",)
        assert event.properties["c"].enum == ["x"]


def by_name(found: importers.Imported) -> dict[str, Event]:
    return {event.event: event for event in found.events}


def test_a_plan_of_segment_is_read() -> None:
    found = importers.read(HERE / "segment.csv")
    events = by_name(found)
    paid = events["Order Completed"]
    assert (paid.description, paid.owner) == ("An order was paid", "shop")
    assert {name: one.schema_ for name, one in paid.properties.items()} == {
        "order_id": {"type": "string"},
        "season": {"type": "string", "enum": ["fall", "winter", "spring"]},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "paid_at": {"type": "string"},
        "total": {"type": "number"},
        "anything": {},
        "products": {"type": "array"},
    }
    assert [name for name, one in paid.properties.items() if one.required] == ["order_id", "total"]
    assert events["Signed Up"].properties == {}
    assert found.notes == ["Order Completed, products.$.sku: a property inside another one is left out"]  # fmt: skip


@pytest.mark.parametrize("version", ["rudderstack_v0", "rudderstack_v1"])
def test_a_plan_of_rudderstack_is_read(version: str) -> None:
    found = importers.read(HERE / version)
    events = by_name(found)
    viewed = events["Product Viewed"]
    assert (viewed.description, viewed.category) == ("A product page was seen", "Browsing")
    assert viewed.additional_properties is False
    assert {name: one.schema_ for name, one in viewed.properties.items()} == {
        "sku": {"type": "string", "minLength": 3, "pattern": "^SKU"},
        "price": {"type": ["number", "null"], "minimum": 0},
        "way": {"type": "string", "enum": ["list", "search"]},
        "tags": {"type": "array"},
    }
    assert [name for name, one in viewed.properties.items() if one.required] == ["sku"]
    assert events["identify"].additional_properties is True
    assert [note for note in found.notes if "left out" in note] == [
        "Product Viewed, tags: 'itemTypes' is left out"
    ]


def test_schemas_of_iglu_are_read() -> None:
    found = importers.read(HERE / "iglu")
    click = by_name(found)["ad_click"]
    assert (click.description, click.since, click.category) == ("A click on an ad", "1-0-2", "com.example")  # fmt: skip
    assert click.additional_properties is False
    assert {name: one.schema_ for name, one in click.properties.items()} == {
        "bannerId": {"type": "string", "maxLength": 36},
        "position": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
        "kind": {"enum": ["image", "video"]},
    }
    assert [name for name, one in click.properties.items() if one.required] == ["bannerId"]
    assert found.notes == ["ad_click, bannerId: 'format' is left out"]


def test_an_import_writes_files_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPATH_TRACKING_PLAN", str(tmp_path / "plan"))
    assert main(["import", str(HERE / "segment.csv")]) == 0
    assert {event.event for event in read_plan(tmp_path / "plan").events} == {
        "Order Completed",
        "Signed Up",
    }
    assert main(["import", str(HERE / "segment.csv")]) == 0
    said = capsys.readouterr().out
    assert "note: Signed Up: planned already, left as it is" in said
    assert len(list((tmp_path / "plan").iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "one,two\n1,2\n", "there is no column 'Event Name'"),
        ("a.csv", "Event Name,Property Name\n,sku\n", "line 2: a property without an event above it"),
        ("a.yml", "kind: events\nspec: {events: []}\n", "no tracking plan"),
        ("a.yml", "kind: tp\nspec: {rules: [{id: r, event: {$ref: '#/events/x/y'}}]}", "its event is in none"),
        ("a.yml", "- one", "not RudderStack's"),
        ("a.json", json.dumps({"type": "object"}), "not self-describing"),
        ("a.json", "{", "not valid JSON"),
        ("a.txt", "", "no planned event found: give Segment's CSV"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PlanError, match=says):
        importers.read(tmp_path / name)


def test_a_bad_plan_stops_a_run_before_anything_is_loaded(tmp_path: Path) -> None:
    home = Installation(tmp_path / "bad", "sources: {web: {format: segment}}")
    home.settings.tracking_plan.mkdir()
    (home.settings.tracking_plan / "a.yml").write_text("{event: E, on_violation: shout}")
    outcome = home.job()
    assert outcome.code == 1
    assert "a.yml: on_violation: write 'report', 'quarantine' or 'drop'" in outcome.output
    assert not home.settings.raw.exists()
