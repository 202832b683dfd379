"""Bots, and sources that make no sessions: the tables agree on what counts, and so do the checks."""

from pathlib import Path

import pytest

from expectations.runner import load_suites, run_suite
from orchestration.database import connect
from tests.installation import call
from tests.warehouse import Home

SOURCES = """
sources:
  web: {format: segment}
  server: {format: segment, makes_sessions: false}
"""
AT = "2026-01-05T10:00:00Z"
BOT = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}


@pytest.mark.parametrize(
    ("include_bots", "people", "views", "views_in_sessions"), [(False, 2, 2, 1), (True, 4, 4, 2)]
)
def test_page_views_of_people_count_with_and_without_sessions(
    tmp_path: Path, include_bots: bool, people: int, views: int, views_in_sessions: int
) -> None:
    home = Home(tmp_path / "home", SOURCES, {"include_bots": include_bots})
    for source in ("web", "server"):
        home.deliver(
            source,
            "a.jsonl",
            [
                call(1, AT, groupId="g1", anonymousId=f"{source}-device"),
                call(2, AT, groupId="g1", anonymousId=f"{source}-bot", context=BOT),
                call(3, AT, groupId="g1", anonymousId=None),
            ],
        )
    home.run()
    assert home.query("select count(*), sum(page_view_count) from users") == [(people, views)]
    assert home.query("select count(*), count(session_id), count(number_in_session) from page_views") == [
        (views, views_in_sessions, views_in_sessions)
    ]  # fmt: skip
    assert home.query("select event_count, person_count from groups") == [(people + 2, people)]
    with connect(home.settings.warehouse) as connection:
        results = [
            result
            for suite in load_suites()
            if suite.gate == 2
            for result in run_suite(connection, suite, schema="main")
        ]
    assert len(results) > 50
    assert [(result.suite, result.observed) for result in results if not result.success] == []
