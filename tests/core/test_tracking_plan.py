"""Verdicts under the plan in force: after any run they are those of one full refresh."""

from pathlib import Path

import pytest

from expectations.plan import read_plan
from orchestration.database import connect
from tests.core.test_building_again import SOURCES, built_in_full, damage, remembered
from tests.installation import Installation, call
from tests.warehouse import differences

PLAN = """
event: Opened
aliases: [open]
additional_properties: false
properties: {way: {type: string, enum: [mail], required: true}}
"""

DROPPING = """
event: {event}
on_violation: drop
properties: {{size: {{type: integer, minimum: 1}}}}
"""


def opened(number: int, event: str = "Opened", **properties: object) -> str:
    at = f"2026-01-05T10:{number:02d}:00Z"
    return call(number, at, type="track", event=event, properties=properties)


def write(home: Installation, text: str, name: str = "opened") -> None:
    folder = home.settings.tracking_plan
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yml").write_text(text)


def verdicts(home: Installation) -> list[tuple[str, str | None]]:
    return home.query(
        "select verdict, property from event_violations order by event_at, verdict, property"
    )


def quarantined(home: Installation) -> list[tuple[str, int, str, str | None]]:
    return home.query("select file, line, reason, detail from quarantined_events order by all")


def accounted(home: Installation) -> list[tuple[int, int, int, int]]:
    return home.query(
        "select raw_rows, event_rows, duplicate_rows, quarantined_rows from load_files where state = 'admitted'"
        " order by file"
    )


def full(home: Installation, folder: Path) -> Installation:
    """Return the same files and plan, built at once."""
    other = home.copy(folder)
    for file in other.settings.home.glob("*.duckdb"):
        file.unlink()
    other.run()
    home.settings.prepare()
    return other


def test_verdicts_follow_late_replaced_and_repeated_events_and_the_plan(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = Installation(tmp_path / "home", SOURCES)
    home.deliver("web", "a.jsonl", [opened(1, way="mail"), opened(2, way="fax"), opened(3, "open", way=1)])  # fmt: skip
    home.run()
    assert verdicts(home) == []
    assert home.query("from planned_events select 1 union all from plan_conformity select 1") == []

    write(home, PLAN)
    home.run()
    assert built_in_full(capfd.readouterr().out) == {"event_violations"}
    assert verdicts(home) == [("value_not_allowed", "way"), ("old_name", None), ("wrong_type", "way")]  # fmt: skip

    # one goes, one is mended, one is new, one comes again
    home.deliver("web", "a.jsonl", [opened(2, way="mail"), opened(3, "open", way=1)])
    home.deliver("web", "b.jsonl", [opened(4, way="mail", more=1), opened(3, "open", way=1)])
    home.run()
    assert "event_violations" not in built_in_full(capfd.readouterr().out)
    assert verdicts(home) == [("old_name", None), ("wrong_type", "way"), ("additional_property", "more")]  # fmt: skip

    # words change no verdict, and the list of events all the same
    capfd.readouterr()
    write(home, PLAN + "description: The letter is open.")
    home.run()
    assert built_in_full(capfd.readouterr().out) == set()
    assert home.query("select description from planned_events where event_name = 'Opened'") == [
        ("The letter is open.",)
    ]

    write(home, PLAN.replace("type: string, enum: [mail]", "type: [string, integer]"))
    home.run()
    assert verdicts(home) == [("old_name", None), ("additional_property", "more")]
    assert differences(home, full(home, tmp_path / "full"), places=True) == {}

    (home.settings.tracking_plan / "opened.yml").unlink()
    home.run()
    assert verdicts(home) == []
    assert remembered(home)["tracking_plan"] == ""


def test_a_run_that_died_after_the_plan_changed_is_made_up_for(tmp_path: Path) -> None:
    home = Installation(tmp_path / "home", SOURCES)
    write(home, PLAN)
    home.deliver("web", "a.jsonl", [opened(1, way="fax")])
    home.run()
    before = remembered(home)["tracking_plan"]
    assert before == read_plan(home.settings.tracking_plan).rules

    # the new plan's run got no further than its note that the old one is over
    write(home, PLAN.replace("[mail]", "[fax]"))
    damage(
        home,
        f"update main_internal.processed_batches set settings = replace(settings, '{before}', '(being changed)')",
    )
    home.run()
    assert verdicts(home) == []
    assert remembered(home)["tracking_plan"] == read_plan(home.settings.tracking_plan).rules


def test_the_plan_renames_events_refuses_rows_and_drops_properties(tmp_path: Path) -> None:
    home = Installation(tmp_path / "home", SOURCES)
    strict = PLAN + "on_violation: quarantine"
    write(home, strict)
    write(home, DROPPING.format(event="Closed"), "closed")
    write(home, DROPPING.format(event="identify"), "identify")
    bad = opened(2, "open", way="fax", more=1)
    closed = [opened(6, "Closed", size="big", way=1), opened(7, "Closed", size=1)]
    without_id = [line.replace('"m6"', "null") for line in closed[:1] * 2]
    traits = {"size": "big", "name": "A"}
    known = call(5, "2026-01-05T10:05:00Z", type="identify", userId="u1", traits=traits)
    old = opened(4, "open", way="mail")
    lines = [opened(1, way="mail"), bad, opened(3), old, known, *closed, *without_id]
    home.deliver("web", "a.jsonl", lines)
    home.run()
    refused = [
        ("a.jsonl", 2, "plan_violation", "more: additional_property; way: value_not_allowed"),
        ("a.jsonl", 3, "plan_violation", "way: missing_property"),
    ]
    assert quarantined(home) == refused
    assert accounted(home) == [(9, 6, 1, 2)]

    # A mended copy of a refused event is an event, and a repeat of it stays what it was.
    home.deliver("web", "b.jsonl", [opened(2, way="mail"), bad, old])
    home.load()
    home.dbt.build(select=["footpath.staging", "batches", "row_identifiers"])
    with connect(home.settings.warehouse) as connection:
        connection.execute(f"attach '{home.settings.raw}' as raw (read_only)")
        usable = connection.execute(
            "select line, is_usable from main_internal.row_identifiers where file = 'b.jsonl' order by all"
        )
        assert usable.fetchall() == [(1, True), (2, False), (3, True)]
    home.run()
    assert accounted(home) == [(9, 6, 1, 2), (3, 1, 1, 1)]
    assert home.query(
        "select event_name, sent_event_name, properties::varchar, sent_properties::varchar"
        " from main_internal.event_rows where row_state = 'event' order by event_at, event_id"
    ) == [
        ("Opened", None, '{"way":"mail"}', None),
        ("Opened", None, '{"way":"mail"}', None),
        ("Opened", "open", '{"way":"mail"}', None),
        ("identify", None, None, '{"size":"big","name":"A"}'),
        ("Closed", None, '{"way":1}', '{"size":"big","way":1}'),
        ("Closed", None, '{"way":1}', '{"size":"big","way":1}'),
        ("Closed", None, '{"size":1}', None),
    ]
    assert home.query("select trait, value::varchar from user_traits") == [("name", '"A"')]
    # What is dropped is told all the same, what is refused is no event.
    assert verdicts(home) == [("old_name", None), *[("wrong_type", "size")] * 3]
    seen = home.query("select event_name, event_count from planned_events where state = 'old_name'")
    assert seen == [("open", 1)]
    assert differences(home, full(home, tmp_path / "full 1"), places=True) == {}

    # A mended plan lets rows in, and gives names and properties back; no row without an id gets another one.
    ids = "select event_key, event_id from events where event_id like 'content:%'"
    keys = home.query(ids)
    write(home, strict.replace("required: true", "required: false").replace("[open]", "[close]"))
    write(home, DROPPING.format(event="Closed").replace("drop", "report"), "closed")
    home.run()
    assert quarantined(home) == []
    found = home.query("select distinct event_name from events order by all")
    assert [name for (name,) in found] == ["Closed", "Opened", "identify", "open"]
    changed = "sent_event_name is not null or sent_properties is not null"
    found = home.query(f"select event_type from main_internal.event_rows where {changed}")
    assert found == [("identify",)]
    assert home.query(ids) == keys
    assert differences(home, full(home, tmp_path / "full 2"), places=True) == {}
