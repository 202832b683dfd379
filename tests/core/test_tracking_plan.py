"""Verdicts under the plan in force: after any run they are those of one full refresh."""

from pathlib import Path

import pytest

from expectations.plan import read_plan
from tests.core.test_building_again import SOURCES, built_in_full, damage, remembered
from tests.installation import Installation, call
from tests.warehouse import differences

PLAN = """
event: Opened
aliases: [open]
additional_properties: false
properties: {way: {type: string, enum: [mail], required: true}}
"""


def opened(number: int, event: str = "Opened", **properties: object) -> str:
    at = f"2026-01-05T10:{number:02d}:00Z"
    return call(number, at, type="track", event=event, properties=properties)


def write(home: Installation, text: str) -> None:
    folder = home.settings.tracking_plan
    folder.mkdir(exist_ok=True)
    (folder / "opened.yml").write_text(text)


def verdicts(home: Installation) -> list[tuple[str, str | None]]:
    return home.query(
        "select verdict, property from event_violations order by event_at, verdict, property"
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
    assert differences(home, full(home, tmp_path / "full 1"), places=True) == {}

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
    assert differences(home, full(home, tmp_path / "full 2"), places=True) == {}

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
