"""The event catalog: what is said of each name of events, whatever the order in which the events came."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.analyses.sql import compile_calls
from tests.installation import Installation, call
from tests.warehouse import differences

SOURCES = "sources: {web: {format: segment}}"
LAST = datetime(2026, 3, 31, 12)
PLAN = {
    "signed_up": "{event: Signed Up, owner: growth, aliases: [register], properties: {way: {type: string}}}",
    "invited": "{event: Invited}",
}
#: More than the sample of event_properties takes.
MANY = 1100


def events(
    number: int, event: str, days_ago: int, count: int = 1, **properties: object
) -> list[str]:
    """Return calls at noon so many days before the last one, numbered from `number` on."""
    day = LAST - timedelta(days=days_ago)
    return [
        call(
            number + place, f"{day + timedelta(seconds=place):%Y-%m-%dT%H:%M:%SZ}", type="track",
            event=event, properties=properties | {"number": number + place},
        )
        for place in range(count)
    ]  # fmt: skip


LINES = [
    *events(0, "Signed Up", 0, 3, way="mail"),
    *events(10, "Signed Up", 70, 2),
    *events(20, "signed_up", 1),
    *events(30, "register", 2),
    *events(40, "Toy", 8),
    *events(50, "Toy Two", 7, 2),
    *events(60, "Left", 30, 4),
    *events(70, "Left", 31, 2),
    *events(100, "Scrolled", 3, MANY, depth=0.5),
    call(90, "2026-03-31T10:00:00Z"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a home with these events, in two runs, the second of which brings older ones and repeats."""
    home = Installation(tmp_path_factory.mktemp("catalog") / "home", SOURCES)
    home.settings.tracking_plan.mkdir()
    for name, text in PLAN.items():
        (home.settings.tracking_plan / f"{name}.yml").write_text(text)
    home.deliver("web", "a.jsonl", LINES[::3])
    home.run()
    home.deliver("web", "b.jsonl", [*LINES[1::3], *LINES[2::3], *LINES[:40]])
    home.run()
    return home


def test_each_event_has_the_verdicts_that_its_days_uses_and_plan_ask_for(
    home: Installation,
) -> None:
    assert home.query(
        "select event_name, verdict, other_event_name from event_verdicts order by event_name, place"
    ) == [
        ("Invited", "planned_not_seen", None),
        ("Left", "stale", None),
        ("Left", "not_planned", None),
        ("Left", "never_used", None),
        ("Scrolled", "not_planned", None),
        ("Scrolled", "high_volume_unused", None),
        ("Toy", "single_day", None),
        ("Toy", "not_planned", None),
        ("Toy", "never_used", None),
        ("Toy Two", "single_day", None),
        ("Toy Two", "not_planned", None),
        ("Toy Two", "never_used", None),
        ("page", "not_planned", None),
        ("register", "old_name", "Signed Up"),
        ("signed_up", "near_duplicate_name", "Signed Up"),
        ("signed_up", "not_planned", None),
        ("signed_up", "never_used", None),
    ]  # fmt: skip


def test_the_catalog_counts_days_and_trend_and_repeats_the_verdicts(home: Installation) -> None:
    assert home.query(
        "select event_name, is_planned, owner, event_count, last_30_days_event_count, previous_30_days_event_count,"
        " event_change, day_count, property_count, used_by_count, verdicts from event_catalog"
        " where event_name in ('Signed Up', 'Left', 'page') order by 1"
    ) == [
        ("Left", False, None, 6, 0, 6, None, 2, 1, 0, "stale, not_planned, never_used"),
        # with the one that was sent as `register`
        ("Signed Up", True, "growth", 6, 4, 0, None, 3, 2, 2, None),
        ("page", False, None, 1, 1, 0, None, 1, 0, 1, "not_planned"),
    ]
    assert home.query(
        "select suggested_action from event_catalog where event_name = 'signed_up'"
    ) == [
        ("send it as `Signed Up`, and list this name under its aliases in the plan",),
    ]


def test_uses_are_what_the_project_names(home: Installation) -> None:
    assert home.query("select * from event_uses where event_name in ('Signed Up', 'page') order by all") == [
        ("Signed Up", "conversion", "conversion_events", None),
        ("Signed Up", "funnel", "signup_funnel_weekly", None),
        ("page", "table", "page_views", None),
    ]  # fmt: skip


def test_values_are_looked_at_in_a_sample_and_filled_properties_counted_in_all(
    home: Installation,
) -> None:
    columns = (
        "property, event_count, filled_count, types, sample_count, distinct_value_count,"
        " frequent_values, is_planned"
    )
    assert home.query(f"select {columns} from event_properties where event_name = 'Scrolled' order by 1") == [
        ("depth", MANY, MANY, "number", 1000, 1, "0.5", None),
        ("number", MANY, MANY, "integer", 1000, 1000, None, None),
    ]  # fmt: skip
    assert home.query(f"select {columns} from event_properties where event_name = 'Signed Up' order by 1") == [
        ("number", 6, 6, "integer", 4, 4, "0, 1, 2, 30", False),
        ("way", 6, 3, "string", 3, 1, "mail", True),
    ]  # fmt: skip


def test_the_catalog_is_that_of_one_full_refresh(home: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "full", SOURCES)
    other.settings.tracking_plan.mkdir()
    for name, text in PLAN.items():
        (other.settings.tracking_plan / f"{name}.yml").write_text(text)
    other.deliver("web", "all.jsonl", LINES[::-1])
    other.run()
    assert differences(home, other) == {}


def test_texts_in_quotes_are_found_and_comments_left_out() -> None:
    code = r"""
    -- 'not this' one, don't
    {# nor 'that' #} /* nor 'those' */
    select * from {{ footpath.funnel(["Signed Up", 'It''s here']) }}
    where note <> 'a -- b' and "a column" = 'say \'hi\'' {{ x("it is 'inside'") }}
    """
    python = 'x = "Signed Up"  # don\'t "count" me\ny = \'Left\'\n'
    calls = {
        "sql": f"{{{{ footpath.quoted_texts({code!r}) | join('|') }}}}",
        "python": f"{{{{ footpath.quoted_texts({python!r}, 'python') | join('|') }}}}",
    }
    found = {name: set(text.strip().split("|")) for name, text in compile_calls(calls).items()}
    assert found["sql"] == {
        "Signed Up", "It's here", "a -- b", "a column", "say 'hi'", "it is 'inside'", "inside",
    }  # fmt: skip
    assert found["python"] == {"Signed Up", "Left"}
