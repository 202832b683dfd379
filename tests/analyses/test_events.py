"""Where the analyses look for events, and what they say of events that nobody ever sent."""

from typing import Any

import pytest

from tests.analyses.sql import call, compile_calls
from tests.conftest import Built

RED = {"event": "b", "filter": {"colour": "red"}}
NAMES = {
    "funnel": call("funnel", ["a", "b"], 60),
    "window_funnel": call("window_funnel", ["a", "b"], 60),
    "window_funnel, per session": call("window_funnel", ["a", "b"], 60, per="session"),
    "next_event": call("next_event", ["a", "b"]),
    "next_event, base": call("next_event", ["a"], base="b", among=["a", "b"]),
    "conversion_drivers": call("conversion_drivers", "a", "b"),
    "feature_engagement": call("feature_engagement"),
    "feature_engagement, some": call("feature_engagement", ["a", "b"]),
    "retention": call("retention", "a", "b"),
}
OTHER_COLUMNS = {
    "funnel": call("funnel", ["a", RED], 60),
    "window_funnel": call("window_funnel", ["a", RED], 60),
    "window_funnel, strict": call("window_funnel", ["a", RED], 60, modes=["strict_order"]),
    "window_funnel, per group": call("window_funnel", ["a", "b"], 60, per="group_key"),
    "next_event": call("next_event", ["a", RED]),
    "next_event, base": call("next_event", ["a"], base=RED),
    "next_event, among": call("next_event", ["a"], among=["a", RED]),
    "conversion_drivers": call("conversion_drivers", "a", RED),
    "conversion_drivers, driver": call("conversion_drivers", "a", "b", driver="page_path"),
    "feature_engagement": call("feature_engagement", ["a", RED]),
    "retention": call("retention", "a", {"event": "b", "where": "utm_source = 'x'"}),
    "trend": call("trend", "a", breakdown="utm_source"),
}


def test_conditions_on_names_alone_read_the_narrow_table() -> None:
    read_events = {name for name, sql in compile_calls(NAMES).items() if '."main"."events"' in sql}
    assert read_events == set()


def test_conditions_on_other_columns_read_the_events() -> None:
    compiled = compile_calls(OTHER_COLUMNS)
    assert {name for name, sql in compiled.items() if '."main"."events"' in sql} == set(compiled)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of what macros warn of from now on."""
    import dbt.cli.main

    said: list[str] = []

    def hear(event: Any) -> None:
        if event.info.name == "JinjaLogWarning":
            said.append(event.info.msg)

    runner = dbt.cli.main.dbtRunner
    monkeypatch.setattr(
        dbt.cli.main,
        "dbtRunner",
        lambda manifest, callbacks: runner(manifest=manifest, callbacks=[*callbacks, hear]),
    )
    return said


def test_a_name_that_no_event_has_is_a_warning(built: Built, warnings: list[str]) -> None:
    calls = {
        "known": call("funnel", ["Signed Up", "Checkout Started"], 60),
        "any event": call("trend"),
        "misspelt": call("retention", "Signed Up", "Signed up"),
        "never sent": call("funnel", ["Signed Up", {**RED, "event": "It's Over"}], 60),
        "of other events": call("trend", "Ordered", events="select * from orders"),
    }
    compile_calls(calls, project=built.installation.dbt)
    words = (
        "inline_query: no event is named '{}'. Names are case-sensitive; event_catalog lists them."
    )
    assert warnings == [words.format("Signed up"), words.format("It's Over")]
