"""The whole job: what runs after what, what it publishes, and its exit code."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration import release
from orchestration.database import connect
from orchestration.settings import Settings
from tests.conftest import Built
from tests.installation import Installation, call

WEB = "sources:\n  web: {format: segment}\n"
STATUS = {"load_files", "quarantined_events", "check_results", "alerts"}
BAD_DAY = "2026/02/17.jsonl.gz"


def events_of(settings: Settings, run_id: str, kind: dg.DagsterEventType) -> list[dg.DagsterEvent]:
    """Return one kind of events of a run, in the order in which they were logged."""
    with dg.DagsterInstance.from_config(str(settings.dagster)) as instance:
        found = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kind)]
    return [event for event in found if event is not None]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def data(installation: Installation) -> dict[str, list[tuple[Any, ...]]]:
    """Return what readers have, but for what describes the runs."""
    return {name: rows for name, rows in installation.tables().items() if name not in STATUS}


def test_every_source_passes_gate_1_before_the_build_gate_2_follows_and_then_publishing(
    built: Built,
) -> None:
    settings, run_id = built.installation.settings, built.first.run_id
    with dg.DagsterInstance.from_config(str(settings.dagster)) as instance:
        log = [entry.dagster_event for entry in instance.all_logs(run_id)]
    steps = [
        (event.step_key, event.event_type)
        for event in log
        if event is not None and (event.is_step_start or event.is_step_success)
    ]
    start, end = dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS
    gates = [step for step, _ in steps if step is not None and step.startswith("admitted__")]
    assert set(gates) == {"admitted__web", "admitted__billing"}
    for name in ("web", "billing"):
        assert steps.index((f"raw__{name}", end)) < steps.index(("staging", start))
        assert steps.index(("staging", end)) < steps.index((f"admitted__{name}", start))
        assert steps.index((f"admitted__{name}", end)) < steps.index(("build", start))
    assert steps.index(("build", end)) < steps.index(("gate_2", start))
    assert steps.index(("gate_2", end)) < steps.index(("published", start))
    assert steps[-1] == ("published", end)


def test_each_expectation_is_one_evaluation_in_dagster_and_one_row_in_check_results(
    built: Built,
) -> None:
    settings, run_id = built.installation.settings, built.first.run_id
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    evaluations: Counter[tuple[str, str, bool, str]] = Counter()
    for event in events_of(settings, run_id, kind):
        found = event.asset_check_evaluation_data
        relation = ".".join(found.asset_key.path).replace("admitted.", "raw.")
        severity = "critical" if found.severity == dg.AssetCheckSeverity.ERROR else "warning"
        if found.check_name != "anomalies":  # one evaluation for all causes
            evaluations[relation, found.check_name, found.passed, severity] += 1
    rows = Counter(
        built.installation.read(
            "select relation, check_name, success, severity from check_results"
            " where run_id = ? and suite <> 'anomalies'",
            [run_id],
        )
    )
    assert rows == evaluations
    assert set(rows.values()) == {1}
    reported = [one for one in built.first.report["checks"] if one["suite"] != "anomalies"]
    assert len(rows) == len(reported) > 50
    assert ("raw.web", "times_mostly_usable", False, "critical") in rows


def test_a_run_that_holds_a_batch_publishes_the_rest_and_ends_with_1(built: Built) -> None:
    installation, facts = built.installation, built.sample.facts
    assert built.first.code == 1
    states = dict(
        installation.read(
            "select state, count(*) from load_files where source = 'web' group by state"
        )
    )
    assert states == {"held": 1, "admitted": facts.web_files - 1}
    assert installation.read("select count(*) from events where file = ?", [BAD_DAY]) == [(0,)]
    ((held, reason),) = installation.raw(
        "select batch_id, held_reason from files where state = 'held'"
    )
    assert f"held: web/{BAD_DAY}, batch {held}: {reason}" in built.first.output
    assert "times_mostly_usable" in reason
    assert installation.read("select count(*) from users")[0][0] > 30
    assert installation.read("select state from alerts where severity = 'critical'") == [("open",)]


def test_every_row_of_an_admitted_file_is_an_event_a_duplicate_or_quarantined(
    built: Built,
) -> None:
    rows = built.installation.read(
        """
        select raw_rows, event_rows, duplicate_rows, quarantined_rows, erased_rows
        from load_files where state = 'admitted'
        """
    )
    assert len(rows) > 40
    assert all(raw == events + double + bad + erased for raw, events, double, bad, erased in rows)
    assert sum(row[2] for row in rows) > 0
    assert sum(row[3] for row in rows) > 0


def test_the_summary_names_files_rows_quarantine_tables_checks_and_times(built: Built) -> None:
    output = built.first.output
    for words in (
        "Files of this run", "duplicates", "waiting in quarantine, by reason: ", "Published tables",
        "checks: ", "critical: batches.times_mostly_usable on raw.web", "time: load ", "readers open: ",
    ):  # fmt: skip
        assert words in output
    assert all(name in output for name in built.installation.tables())


def test_a_run_with_nothing_new_changes_no_table_says_so_and_ends_with_0(
    copied: Installation,
) -> None:
    published, warehouse = digest(copied.settings.published), digest(copied.settings.warehouse)
    outcome = copied.job()
    assert outcome.code == 0, outcome.output
    assert "No new files." in outcome.output
    assert "Nothing new: no table was changed." in outcome.output
    assert f"held: web/{BAD_DAY}" in outcome.output
    assert digest(copied.settings.published) == published
    assert digest(copied.settings.warehouse) == warehouse


def test_a_released_batch_is_in_the_tables_after_the_next_run(
    copied: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    ((batch, raw_rows),) = copied.raw("select batch_id, raw_rows from files where state = 'held'")
    before = copied.read("select count(*) from events")[0][0]
    copied.settings.prepare()
    assert release.main([]) == 1
    assert batch in capsys.readouterr().out
    assert release.main(["0123456789abcdef"]) == 1
    assert f"there is no batch '0123456789abcdef'; held batches: {batch}" in capsys.readouterr().out
    assert release.main([batch]) == 0
    outcome = copied.job()
    assert outcome.code == 0, outcome.output
    assert "held:" not in outcome.output
    ((state, events, duplicates, quarantined),) = copied.read(
        "select state, event_rows, duplicate_rows, quarantined_rows from load_files where batch_id = ?",
        [batch],
    )
    assert (state, events + duplicates + quarantined) == ("admitted", raw_rows)
    assert quarantined > 0
    assert copied.read("select count(*) from events")[0][0] > before


def test_a_corrected_delivery_takes_the_place_of_a_held_batch_and_resolves_its_alert(
    copied: Installation, built: Built
) -> None:
    ((bad,),) = copied.raw("select batch_id from files where state = 'held'")
    copied.deliver_all(built.sample.corrections)
    outcome = copied.job()
    assert outcome.code == 0, outcome.output
    assert copied.read("select state from load_files where batch_id = ?", [bad]) == [("replaced",)]
    assert copied.raw(f"select count(*) from rows_web where batch_id = '{bad}'") == [(0,)]
    assert copied.raw(f"select count(*) from unreadable where batch_id = '{bad}'") == [(0,)]
    facts = built.sample.facts
    assert copied.read("select count(*) from events") == [(facts.events,)]
    assert copied.read(
        "select count(*) from quarantined_events where source = 'web' and file = ?", [BAD_DAY]
    ) == [(0,)]
    assert copied.read("select count(*) from quarantined_events where source = 'web'") == [
        (facts.malformed_lines + sum(facts.quarantine_rows.values()),)
    ]
    assert copied.read("select distinct state from alerts where severity = 'critical'") == [
        ("resolved",)
    ]
    assert set(copied.tables()) == set(built.installation.tables()), "a run left tables of its own"


def test_a_failure_at_gate_2_publishes_only_the_status_and_the_next_good_run_recovers(
    copied: Installation,
) -> None:
    before = data(copied)
    with connect(copied.settings.warehouse) as connection:
        one = "session_id = (select min(session_id) from sessions)"
        connection.execute(f"insert into sessions select * from sessions where {one}")
        # as if a run had touched it
        connection.execute(
            "insert into main_internal.unchecked_regions"
            f" select distinct source, actor_key, started_at, ended_at from sessions where {one}"
        )
    copied.deliver("web", "new.jsonl", [call(1, "2026-02-20T10:00:00Z")])
    outcome = copied.job()
    assert outcome.code == 1
    assert "critical: sessions.session_id_unique on sessions: 2 of" in outcome.output
    assert data(copied) == before
    assert copied.read("select state, raw_rows from load_files where file = 'new.jsonl'") == [
        ("admitted", 1)
    ]
    failed = "suite = 'sessions' and check_name = 'session_id_unique' and not success"
    assert copied.read(f"select run_id from check_results where {failed}") == [(outcome.run_id,)]
    alert = "select state from alerts where alert_key = 'sessions.session_id_unique.sessions'"
    assert copied.read(alert) == [("open",)]
    steps = events_of(copied.settings, outcome.run_id, dg.DagsterEventType.STEP_START)
    assert "published" not in {event.step_key for event in steps}
    page = (copied.settings.reports / "index.html").read_text()
    assert "Failed</h1>" in page
    assert "make alerts ROWS=sessions.session_id_unique.sessions" in page
    assert "nothing is published, they keep the tables of the last good run" in page

    # The next run touches nothing, and looks again at what failed.
    outcome = copied.job()
    assert outcome.code == 1
    assert "critical: sessions.session_id_unique on sessions: 2 of" in outcome.output
    assert data(copied) == before

    outcome = copied.job("--full-refresh")
    assert outcome.code == 0, outcome.output
    assert copied.read(alert) == [("resolved",)]
    assert copied.read("select count(*) from events where file = 'new.jsonl'") == [(1,)]
    assert len(data(copied)["sessions"]) == len(before["sessions"]) + 1


def test_a_model_that_fails_is_named_and_the_published_data_stays(copied: Installation) -> None:
    before = data(copied)
    with connect(copied.settings.warehouse) as connection:
        connection.execute("alter table page_views drop column page_url")
    copied.deliver("web", "new.jsonl", [call(1, "2026-02-20T10:00:00Z")])
    outcome = copied.job()
    assert outcome.code == 1
    (error,) = [line for line in outcome.output.splitlines() if line.startswith("error: ")]
    assert "page_views: " in error
    assert "Traceback" not in outcome.output
    assert data(copied) == before


def test_odd_folders_and_files_are_named_in_the_summary_and_are_no_failure(
    new_installation: Callable[[str], Installation],
) -> None:
    home = new_installation(
        "sources:\n  app: {format: segment}\n  gone: {format: segment}\n  bare: {format: segment}\n"
    )
    home.deliver("app", "a.jsonl", [call(1, "2026-01-05T10:00:00Z"), "{broken"])
    home.deliver("app", "empty.jsonl", [])
    home.deliver("stray", "b.jsonl", [call(2, "2026-01-05T10:00:00Z")])
    (home.settings.landing / "bare").mkdir()
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    for sentence in (
        f"note: source 'gone' has no folder {home.settings.landing / 'gone'}: nothing to load",
        "note: the folder of source 'bare' holds no files to load",
        f"note: no source claims the folder {home.settings.landing / 'stray'}: add a source named"
        " after its folder to sources.yml, or move it away",
        "warning: batches.batch_not_empty on raw.app: ",
    ):
        assert sentence in outcome.output
    assert home.read("select count(*) from events") == [(1,)]
    assert home.read("select file, line, reason, raw from quarantined_events") == [
        ("a.jsonl", 2, "invalid_json", "{broken")
    ]
    assert home.read("select file, state, raw_rows from load_files order by file") == [
        ("a.jsonl", "admitted", 2),
        ("empty.jsonl", "admitted", 0),
    ]


@pytest.mark.long
def test_an_installation_without_any_file_publishes_empty_tables(
    new_installation: Callable[[str], Installation],
) -> None:
    home = new_installation(WEB)
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    tables = home.tables()
    assert {"events", "sessions", "users", "user_days", "page_views", "identities"} <= set(tables)
    assert tables["events"] == tables["users"] == []


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (
            "sources:\n  web: {format: segmnt}\n",
            "line 2: source 'web', 'format': 'segmnt' is unknown",
        ),
        (
            "sources:\n  shop:\n    format: csv\n    event_name: a\n    event_at: wrong(b)\n",
            "line 5: source 'shop', 'event_at': ",
        ),
    ],
)
def test_a_wrong_sources_yml_ends_with_1_and_its_file_line_and_key(
    sources: str,
    words: str,
    new_installation: Callable[[str], Installation],
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = new_installation("sources: {}\n")
    home.settings.sources.write_text(sources)
    home.deliver("shop", "a.csv", ["a,b", "1,2026-01-05"])
    outcome = home.job()
    assert outcome.code == 1
    assert f"{home.settings.sources}, {words}" in outcome.output
    everything = outcome.output + "".join(capfd.readouterr())
    assert "Traceback" not in everything
    assert not home.settings.published.exists()
