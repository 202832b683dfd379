"""What stands on the page is what stands in the tables and in the report of the run."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from expectations.suite import load_suites
from orchestration.database import connect
from orchestration.page import quarantine
from orchestration.page.gather import Page
from orchestration.page.render import percent, render
from orchestration.page.runs import outcome
from orchestration.page.tables import Tables
from orchestration.settings import Settings
from tests.conftest import Built
from tests.installation import Installation
from tests.orchestration.page.conftest import read_page, write_report

BAD_DAY = "batches.times_mostly_usable.raw.web"


@pytest.fixture(scope="module")
def page(home: Installation, built: Built) -> Page:
    found = read_page(home.settings, built.first.run_id)
    assert found.problems == {}
    return found


def test_the_summary_says_what_came_and_that_a_batch_is_held(
    page: Page, home: Installation, built: Built
) -> None:
    run = page.summary
    assert run.outcome == "held"
    rows = home.read(
        "select source, count(*), sum(raw_rows), sum(event_rows), sum(duplicate_rows), sum(quarantined_rows),"
        " count(*) filter (state = 'held') from load_files group by source order by source"
    )
    columns = ("source", "files", "raw_rows", "event_rows", "duplicate_rows", "quarantined_rows", "held")  # fmt: skip
    assert [tuple(row[name] for name in columns) for row in run.files] == rows
    assert run.held is not None
    assert [(one["source"], one["file"]) for one in run.held] == [("web", "2026/02/17.jsonl.gz")]
    assert page.data_until == home.read("select data_until from data_until")[0][0]
    assert {name: rows for name, rows, _ in run.tables} == built.first.report["tables"]
    assert set(run.seconds) == set(built.first.report["seconds"]) - {"all"}
    assert run.took is not None and 0 < run.took < 600
    assert [(mark.outcome, mark.is_this) for mark in run.strip] == [("held", True)]


def test_incidents_are_those_of_the_table_with_what_they_reach_and_the_commands(
    page: Page, home: Installation
) -> None:
    assert page.incidents is not None
    rows = home.read(
        "select alert_key, severity, occurrences, state from alerts where state <> 'resolved'"
        " order by severity, first_seen_at, alert_key"
    )
    shown = [one.incident for one in page.incidents.open]
    assert [(one.alert_key, one.severity, one.occurrences, one.state) for one in shown] == rows
    assert page.incidents.critical_count == 1
    first = page.incidents.open[0]
    assert first.incident.alert_key == BAD_DAY
    assert "sessions" in first.downstream.tables and "checkout_funnel" in first.downstream.funnels
    assert "the failing batch is held" in first.readers
    assert any(f"make alerts ACK={BAD_DAY}" in text for _, text in first.commands)


def test_resolved_incidents_are_shown_for_two_weeks(copied: Installation, built: Built) -> None:
    with connect(copied.settings.warehouse) as connection:
        for key, days in ((BAD_DAY, 13), ("batches.every_time_usable.raw.web", 15)):
            connection.execute(
                "update alerts set state = 'resolved', resolved_at = now() at time zone 'UTC' - to_days(?)"
                " where alert_key = ?",
                [days, key],
            )
    found = read_page(copied.settings, built.first.run_id).incidents
    assert found is not None
    # The warehouse is read, not the published file: a run that ends early does not publish.
    assert [one.incident.alert_key for one in found.resolved] == [BAD_DAY]
    assert found.critical_count == 0


def test_every_check_is_there_with_its_last_result_its_words_and_its_owner(
    page: Page, home: Installation
) -> None:
    assert page.checks is not None
    shown = [one for suite in page.checks.suites for one in suite.checks]
    results = {
        row[:3]: row[3:]
        for row in home.read(
            "select suite, check_name, relation, success, observed, severity from check_results"
        )
    }
    assert results == {
        (one.suite, one.name, one.relation): (one.state == "pass", one.observed, one.severity)
        for one in shown
    }
    assert page.checks.failing == sum(not success for success, *_ in results.values()) > 0
    described = {
        (suite.name, check.name): check.description
        for suite in load_suites()
        for check in suite.checks
    }
    for one in shown:
        assert one.description == described.get((one.suite, one.name), one.description) != ""
        assert one.owner == "data-platform"
        assert one.states == ["pass" if one.state == "pass" else "fail"]
    first = page.checks.suites[0]
    assert first.failing and first.checks[0].state == "fail"
    assert page.checks.suites[-1].failing == 0


def test_a_check_has_one_mark_for_each_of_the_last_runs_that_checked_something(
    bare: Settings,
) -> None:
    with connect(bare.warehouse) as connection:
        connection.execute(
            """
            create table check_results (
                run_id varchar, suite varchar, check_name varchar, relation varchar, severity varchar, success boolean,
                observed varchar, checked_at timestamp
            );
            insert into check_results
            select 'run ' || number, 'batches', 'names_mostly_present', 'raw.web', 'critical', number <> 23,
                number::varchar, timestamp '2026-03-01' + to_hours(number)
            from range(25) as numbers (number);
            insert into check_results values ('run 24', 'gone', 'old', 'table', 'warning', false, 'x', '2026-03-02');
            delete from check_results where run_id = 'run 10' or run_id = 'run 22' and suite = 'batches';
            insert into check_results
            values ('run 22', 'gone', 'old', 'table', 'warning', true, 'x', '2026-03-01 22:00');
            """
        )
    write_report(bare, "run 24")
    found = read_page(bare, "run 24").checks
    assert found is not None and found.run_count == 20
    by_name = {one.name: one for suite in found.suites for one in suite.checks}
    one = by_name["names_mostly_present"]
    assert one.states == ["pass"] * 17 + ["none", "fail", "pass"]
    assert (one.state, one.observed, one.owner) == ("pass", "24", "growth")
    assert one.history_words == "last 20 runs: 18 passed, 1 failed, 1 not run"
    assert by_name["old"].states == ["none"] * 17 + ["pass", "none", "fail"]
    # A check of gate 2 that never ran is there, too.
    assert by_name["session_id_unique"].state == "none"
    assert found.failing == 1


def test_volumes_are_those_of_event_hours(page: Page, home: Installation) -> None:
    assert page.volumes is not None
    ((events,),) = home.read("select count(distinct (source, event_name)) from event_hours")
    assert page.volumes.event_count == events
    names = [one.source for one in page.volumes.charts if one.event_name is None]
    assert sorted(names) == ["billing", "web"]
    ((day, count),) = home.read(
        "select day, sum(event_count) from event_hours where source = 'web' and event_name = 'page'"
        " and day = (select data_until::date - 1 from data_until) group by day"
    )
    (chart,) = [one for one in page.volumes.charts if one.event_name == "page"]
    assert chart.last == f"{count:,} on {day:%a} {day.day} {day:%b}"
    ((total,),) = home.read(
        "select sum(event_count) from event_hours where source = 'web' and event_name = 'page'"
        " and day > (select data_until::date - 28 from data_until)"
    )
    assert sum(page.volumes.trends["page"]) == total
    assert f"28 days, {total:,} events" in chart.chart


def test_an_anomaly_is_marked_on_the_chart_of_its_event_and_listed(
    copied: Installation, built: Built
) -> None:
    with connect(copied.settings.published) as connection:
        connection.execute(
            "insert into anomalies select 'web', 'Logged Out', null, 'volume', data_until - interval 30 hour,"
            " data_until - interval 6 hour, 2, 40, 20.4, 66, 7, 'web/Logged Out' from data_until"
        )
    found = read_page(copied.settings, built.first.run_id)
    assert found.volumes is not None
    assert [row["cause_key"] for row in found.volumes.anomalies] == ["web/Logged Out"]
    (chart,) = [one for one in found.volumes.charts if one.event_name == "Logged Out"]
    assert chart.is_off and "usual 20 to 66" in chart.chart
    assert not any(one.is_off for one in found.volumes.charts if one is not chart)
    assert "1 anomalies" in chart.chart


def test_conformity_is_that_of_the_events_of_the_table(page: Page, home: Installation) -> None:
    assert page.plan is not None
    until = "(select data_until from data_until)"
    for days in (1, 7, 30):
        recent = f"event_at > {until} - interval {days} day and event_at <= {until}"
        rates = {
            name: (count, 1 - bad / count)
            for name, count, bad in home.read(
                "select event_name, count(*), count(*) filter (event_key in (select event_key from event_violations))"
                f" from events where {recent} group by event_name"
            )
        }
        for event in page.plan.broken:
            count, rate = rates.get(event.name, (0, None))
            assert event.counts[days] == count
            assert event.rates[days] == (pytest.approx(rate) if rate is not None else None)
        if days == 30:
            broken = {name for name, (_, rate) in rates.items() if rate < 1}
            assert {event.name for event in page.plan.broken} == broken
            assert set(page.plan.kept) == set(rates) - broken
    worst = [event.rates[7] if event.rates[7] is not None else 1 for event in page.plan.broken]
    assert worst == sorted(worst) and worst[0] < 1
    for event in page.plan.broken:
        for one in event.violations:
            key = one.sample_event_key
            names = home.read(
                "select event_name from event_violations where event_key = ? and verdict = ?"
                " and property is not distinct from ?",
                [key, one.verdict, one.prop],
            )
            assert names == [(event.name,)]
    missing = home.read("select event_name from planned_events where state = 'not_seen'")
    assert {name for (name,) in missing} <= {name for name, _ in page.plan.not_seen}


def test_quarantine_is_that_of_the_table_with_samples_and_what_to_do(
    page: Page, home: Installation
) -> None:
    assert page.quarantine is not None
    counts = home.read("select source, reason, count(*) from quarantined_events group by all")
    shown = [
        (source.name, reason.code, reason.count)
        for source in page.quarantine.sources
        for reason in source.reasons
    ]
    assert sorted(shown) == sorted(counts) and len(counts) > 5
    for source in page.quarantine.sources:
        ((rows,),) = home.read(
            "select sum(raw_rows) from load_files where state = 'admitted' and source = ?",
            [source.name],
        )
        assert source.share == pytest.approx(source.count / rows)
        for reason in source.reasons:
            assert len(reason.samples) == min(reason.count, 5)
            assert reason.remedy and not reason.meaning.startswith("Reason:")
            for sample in reason.samples:
                found = home.read(
                    "select reason, raw[:600] from quarantined_events"
                    " where source || '/' || file || ':' || line = ?",
                    [sample.place],
                )
                assert found == [(reason.code, sample.raw)]
    web = page.quarantine.sources[0]
    ((received,),) = home.read(
        "select sum(quarantined_count) from received_hours where source = 'web'"
        " and hour::date between (select data_until::date - 27 from data_until)"
        " and (select data_until::date from data_until)"
    )
    assert sum(web.days) == received > 0


def test_quarantine_shows_the_detail_of_a_row_where_the_table_has_it(
    bare: Settings, publish: Callable[[str], None]
) -> None:
    publish(
        "create table quarantined_events as select uuid() as event_key, 'web' as source, 'a.jsonl' as file, 7 as line,"
        " 'plan_violation' as reason, 'amount: wrong_type' as detail, repeat('x', 601) as raw"
    )
    with connect(bare.published, read_only=True) as connection:
        found = quarantine.gather(Tables(connection))
    assert found is not None
    ((sample,),) = [one.samples for one in found.sources[0].reasons]
    assert (sample.place, sample.detail, sample.is_cut) == (
        "web/a.jsonl:7",
        "amount: wrong_type",
        True,
    )
    assert sample.raw == "x" * 600
    assert found.sources[0].share is None and found.sources[0].days == []


def test_rows_that_were_given_up_do_not_wait(
    bare: Settings, publish: Callable[[str], None]
) -> None:
    publish(
        """
        create table quarantined_events as
        select uuid() as event_key, 'web' as source, number || '.jsonl' as file, 1 as line, 'missing_time' as reason,
            null as detail, 'row ' || number as raw
        from range(4) as numbers (number);
        create table discarded_events as
        select event_key from quarantined_events where file in ('3.jsonl', '1.jsonl')
        """
    )
    with connect(bare.published, read_only=True) as connection:
        found = quarantine.gather(Tables(connection))
    assert found is not None and (found.count, found.discarded) == (2, 2)
    ((reason,),) = [source.reasons for source in found.sources]
    assert (reason.count, reason.files) == (2, 2)
    assert [sample.raw for sample in reason.samples] == ["row 2", "row 0"]


def test_the_catalog_is_that_of_the_table_with_the_plan(page: Page, home: Installation) -> None:
    assert page.catalog is not None
    rows = home.read(
        "select catalog.event_name, catalog.event_count, catalog.person_count, catalog.first_seen_at,"
        " catalog.last_seen_at, planned.state, planned.owner from event_catalog as catalog"
        " left join planned_events as planned using (event_name)"
        " order by catalog.event_count desc, catalog.event_name"
    )
    assert [
        (one.name, one.event_count, one.person_count, one.first_seen_at, one.last_seen_at, one.state, one.owner)
        for one in page.catalog.entries
    ] == rows  # fmt: skip
    assert page.catalog.count == len(rows) > 20
    assert page.catalog.has_plan


def test_columns_that_the_catalog_has_besides_are_shown(
    bare: Settings, publish: Callable[[str], None]
) -> None:
    publish(
        "create table event_catalog as select 'page' as event_name, 'web' as sources, 1200 as event_count,"
        " 5 as person_count, timestamp '2026-01-01' as first_seen_at, timestamp '2026-02-01' as last_seen_at,"
        " 'growth' as owner, 'never_used' as verdicts, ['a funnel', 'b'] as used_by, 0.25::double as session_rate,"
        " -0.5::double as event_change, true as is_planned"
    )
    write_report(bare, "one")
    page = read_page(bare, "one")
    assert page.catalog is not None
    assert page.catalog.further == [
        "verdicts",
        "used_by",
        "sources",
        "session_rate",
        "event_change",
    ]
    assert page.catalog.entries[0].owner == "growth"
    html = render(page)
    for words in (
        ">used by</th>",
        ">never_used</td>",
        ">a funnel, b</td>",
        ">25 %</td>",
        ">-50 %</td>",
    ):
        assert words in html


def test_without_a_plan_one_line_says_how_to_begin(copied: Installation, built: Built) -> None:
    with connect(copied.settings.published) as connection:
        connection.execute("delete from planned_events; delete from plan_conformity")
    page = read_page(copied.settings, built.first.run_id)
    assert page.plan is None
    assert page.catalog is not None and not page.catalog.has_plan
    assert "<code>make plan-init</code>" in render(page)


def test_a_home_without_anything_has_a_page_that_says_so(bare: Settings) -> None:
    write_report(bare, "first", errors=["raw__web: the disk is full"])
    page = read_page(bare, "first")
    assert page.problems == {}
    assert page.summary.outcome == "failed"
    assert (page.data_until, page.volumes, page.plan, page.quarantine, page.catalog) == (None,) * 5
    html = render(page)
    assert "the disk is full" in html
    assert html.count("Nothing is published yet.") == 4
    assert "no run yet" in html


def test_a_section_that_cannot_be_read_says_so_and_keeps_no_other_away(
    bare: Settings, publish: Callable[[str], None]
) -> None:
    publish("create table quarantined_events as select 1 as number")
    write_report(bare, "one")
    page = read_page(bare, "one")
    assert list(page.problems) == ["quarantine"]
    html = render(page)
    assert "This section could not be made" in html and "Event catalog" in html


CRITICAL = {"severity": "critical", "success": False}


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"tables": {"events": 1}, "finished_at": "x"}, "published"),
        ({"finished_at": "x"}, "nothing new"),
        ({}, "unfinished"),
        ({"errors": ["build: no"], "finished_at": "x"}, "failed"),
        ({"errors": ["build: no"], "tables": {"events": 1}}, "failed"),
        ({"checks": [{**CRITICAL, "relation": "sessions"}], "finished_at": "x"}, "failed"),
        ({"checks": [{**CRITICAL, "relation": "raw.web"}], "tables": {"events": 1}}, "held"),
        ({"checks": [{**CRITICAL, "relation": "raw.web"}]}, "unfinished"),
        ({"checks": [{**CRITICAL, "severity": "warning", "relation": "sessions"}], "tables": {"e": 1}}, "published"),
        ({"checks": [{**CRITICAL, "success": True, "relation": "sessions"}], "tables": {"e": 1}}, "published"),
    ],
)  # fmt: skip
def test_how_a_run_ended_is_told_by_its_report(report: dict[str, Any], words: str) -> None:
    assert outcome(report) == words


def test_runs_stand_in_the_strip_in_the_order_in_which_they_ended(bare: Settings) -> None:
    write_report(bare, "second", at="11:00", tables={"events": 2})
    write_report(bare, "first", at="10:00", tables={"events": 1})
    write_report(bare, "third", at="12:00", errors=["no"])
    (bare.reports / "erasure-1.json").write_text("{}")
    (bare.reports / "cut off.json").write_text("{")
    (bare.reports / "first.html").write_text("a page")
    summary = read_page(bare, "third").summary
    assert [(mark.run_id, mark.page, mark.is_this) for mark in summary.strip] == [
        ("first", "first.html", False),
        ("second", None, False),
        ("third", "third.html", True),
    ]
    assert summary.last_published_at == datetime(2026, 3, 1, 11, 0, 30)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.00001, "< 0.01 %"),
        (0.9999, "> 99.9 %"),
        (0.0051, "0.51 %"),
        (0.298, "29.8 %"),
    ],
)
def test_only_all_is_a_hundred_percent_and_only_nothing_zero(
    share: float | None, words: str
) -> None:
    assert percent(share) == words
