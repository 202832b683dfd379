"""Alerts of whole runs: the bad day of the sample, a failure at gate 2, and runs that Dagster started."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.alerts import __main__ as command
from orchestration.alerts import incidents
from orchestration.alerts.finish import finish
from orchestration.alerts.incidents import Incident
from orchestration.database import connect
from orchestration.definitions import build_definitions
from tests.conftest import Built
from tests.installation import Installation, call

BAD_DAY = "batches.times_mostly_usable.raw.web"
#: What else the sample has by design: broken lines, a few unusable times, repeats. A warning is about new batches of
#: its source, and resolved by the next ones that have none.
WARNINGS = [
    "batches.every_line_readable.raw.billing",
    "batches.every_line_readable.raw.web",
    "batches.every_time_usable.raw.web",
    "batches.ids_rarely_repeat.raw.web",
]
#: Where the sample is not as its tracking plan says, which no delivery changes.
PLAN = [
    "tracking_plan.planned_events_come.plan_conformity",
    "tracking_plan.values_as_planned.plan_conformity",
]
BAD_FILE = "2026/02/17.jsonl.gz"


@pytest.fixture
def log(copied: Installation, tmp_path: Path) -> Path:
    """Tell a file everything that the runs of the copied installation have to tell."""
    routes = tmp_path / "alerts.yml"
    log = tmp_path / "alerts.log"
    routes.write_text(f"addresses: {{log: 'file://{log}'}}\nroutes: [{{to: [log]}}]\n")
    copied.settings = dataclasses.replace(copied.settings, alerts=routes)
    copied.settings.prepare()
    return log


def sent(log: Path) -> list[str]:
    """Return the subjects of the messages."""
    if not log.exists():
        return []
    return re.findall(r"^\S+ \S+ (\[footpath\] .*)$", log.read_text(), re.MULTILINE)


def known(installation: Installation) -> list[Incident]:
    with connect(installation.settings.warehouse, read_only=True) as connection:
        return incidents.read(connection, "true order by alert_key, first_seen_at")


def test_the_bad_day_ends_in_exactly_the_incidents_that_it_should(built: Built) -> None:
    found = known(built.installation)
    assert [(one.alert_key, one.severity, one.state) for one in found] == [
        *((key, "warning", "open") for key in WARNINGS),
        (BAD_DAY, "critical", "open"),
        *((key, "warning", "open") for key in PLAN),
    ]
    (incident,) = (one for one in found if one.alert_key == BAD_DAY)
    ((batch,),) = built.installation.raw("select batch_id from files where state = 'held'")
    assert incident.samples == [f"file {BAD_FILE}, batch_id {batch}"]
    assert incident.first_run_id == built.first.run_id
    assert (
        f"incidents: 7 new ({', '.join([BAD_DAY, *WARNINGS])}, ...); 0 open" in built.first.output
    )
    published = built.installation.read(
        "select alert_key, state, sample from alerts where severity = 'critical'"
    )
    assert published == [(BAD_DAY, "open", incident.sample)]


def test_the_corrected_delivery_resolves_them_and_says_so_once(
    copied: Installation, built: Built, log: Path
) -> None:
    copied.deliver_all(built.sample.corrections)
    outcome = copied.job()
    assert outcome.code == 0, outcome.output
    states = [(one.alert_key, one.state) for one in known(copied)]
    billing, *web = WARNINGS
    assert states == [
        (billing, "open"),
        *((key, "resolved") for key in [*web, BAD_DAY]),
        *((key, "open") for key in PLAN),
    ]
    assert copied.read("select alert_key, state from alerts order by alert_key") == states
    assert (
        f"incidents: 0 new; 3 open ({', '.join([billing, *PLAN])}); 4 resolved (" in outcome.output
    )
    assert "messages sent: log 4" in outcome.output
    (critical,) = [subject for subject in sent(log) if " critical " in subject]
    assert critical.startswith(
        "[footpath] RESOLVED, critical batches.times_mostly_usable on raw.web: "
    )
    assert copied.job().code == 0
    assert len(sent(log)) == 4


def test_a_failure_at_gate_2_is_told_with_its_tables_and_the_command_that_shows_the_rows(
    copied: Installation, log: Path
) -> None:
    routes = copied.settings.alerts
    routes.write_text(routes.read_text().replace("{to: [log]}", "{to: [log], severity: critical}"))
    one = "session_id = (select min(session_id) from sessions)"
    with connect(copied.settings.warehouse) as connection:
        ((session,),) = connection.execute("select min(session_id) from sessions").fetchall()
        connection.execute(f"insert into sessions select * from sessions where {one}")
        connection.execute(
            "insert into main_internal.unchecked_regions"
            f" select distinct source, actor_key, started_at, ended_at from sessions where {one}"
        )
    copied.deliver("web", "new.jsonl", [call(1, "2026-02-20T10:00:00Z")])
    outcome = copied.job()
    assert outcome.code == 1
    key = "sessions.session_id_unique.sessions"
    state = copied.read("select state, sample from alerts where alert_key = ?", [key])
    assert state == [("open", f'["session_id {session}"]')]
    messages = re.split(r"^(?=\d{4}-\d\d-\d\d )", log.read_text(), flags=re.MULTILINE)
    (message,) = [text for text in messages if f"ROWS={key}" in text]
    assert "critical sessions.session_id_unique on sessions: " in message
    assert "Readers: nothing is published, they keep the tables of the last good run." in message
    (tables,) = re.findall(r"^Tables: (.*)$", message, re.MULTILINE)
    assert tables.startswith("sessions, ")
    assert {"channel_attribution", "users"} <= set(tables.split(", "))
    assert f"  session_id {session}" in message

    # The command of the message, as somebody pastes it; only the environment is the one of the tests.
    (line,) = re.findall(r"^Show the rows:  (.*)$", message, re.MULTILINE)
    environment = Path(sys.executable).parent.parent
    done = subprocess.run(
        ["bash", "-c", f"{line} READY= VENV={environment}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"session_id: {session}") >= 1


def test_the_rows_of_a_held_batch_are_shown_with_file_reason_and_content(
    copied: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    copied.settings.prepare()
    assert command.main(["rows", BAD_DAY]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith(f"file: {BAD_FILE}; batch_id: ")
    assert "state: held; held_reason: times_mostly_usable: " in first
    assert len(rows) >= 10
    assert "line: 1; " in rows[0]


def test_somebody_lists_shows_acknowledges_snoozes_and_resolves_and_readers_see_it_at_once(
    copied: Installation, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*arguments: str, code: int = 0) -> str:
        assert command.main(list(arguments)) == code
        return capsys.readouterr().out

    def state() -> str:
        return str(copied.read("select state from alerts where severity = 'critical'")[0][0])

    assert f"critical  {BAD_DAY}  (open)" in say("list")
    assert "Nobody" not in say("show", BAD_DAY)
    assert say("ack", BAD_DAY) == f"acknowledged: {BAD_DAY}\n"
    assert state() == "acknowledged"
    assert say("snooze", BAD_DAY, "2d").startswith("Quiet until ")
    assert state() == "snoozed"
    assert f"{BAD_DAY}  (snoozed until " in say("list")
    assert "'soon' is no time: write 30m, 8h, 2d" in say("snooze", BAD_DAY, "soon", code=1)
    assert "is over: name a later time" in say("snooze", BAD_DAY, "2026-01-01T08:00", code=1)
    assert f"there are: {BAD_DAY}" in say("ack", "nothing", code=1)
    assert say("resolve", BAD_DAY) == f"resolved: {BAD_DAY}\nsent to log: 1\n"
    assert state() == "resolved"
    assert BAD_DAY not in say("list")
    assert "resolved (" in say("show", BAD_DAY)
    assert say("try", "log") == "A trial message is with log.\n"
    assert [subject.split()[1] for subject in sent(log)] == ["RESOLVED,", "A"]
    assert "there is no other any more" in say("try", "other", code=1)
    assert say("send") == ""


def test_before_the_first_run_the_command_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["list"]) == 1
    assert "`make run` first" in capsys.readouterr().out


def test_the_end_of_a_run_that_dagster_started_is_told_by_its_sensor_once(
    copied: Installation, built: Built, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(copied.settings.warehouse) as connection:
        incidents.resolve(connection, BAD_DAY, known(built.installation)[0].last_seen_at)
    definitions = build_definitions(copied.settings)
    sensor = definitions.get_repository_def().get_sensor_def("alerts_after_success")
    with dg.DagsterInstance.from_config(str(copied.settings.dagster)) as instance:
        run = instance.get_run_by_id(built.first.run_id)
        assert run is not None
        (entry,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
        assert entry.dagster_event is not None
        context = dg.build_run_status_sensor_context(
            sensor.name, entry.dagster_event, instance, run
        )
        monkeypatch.setattr("orchestration.definitions.PATIENCE", 0.3)
        with subprocess.Popen(
            ["flock", str(copied.settings.lock), "-c", "echo; read -r _"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as other:
            assert other.stdout is not None
            other.stdout.readline()
            said = sensor(context)
            assert isinstance(said, dg.SkipReason)
            assert said.skip_message == "Another run is going on, and sends when it ends."
            assert sent(log) == []
            other.communicate(b"\n")
        for _ in range(2):
            sensor(context)
            assert len(sent(log)) == 1


def test_the_end_of_a_run_writes_nothing_when_there_is_nothing_to_tell(
    copied: Installation,
) -> None:
    before = copied.settings.warehouse.read_bytes()
    found = finish(copied.settings, "another run")
    assert (found["new"], found["open"], found["problems"]) == ([], [BAD_DAY, *WARNINGS, *PLAN], [])
    assert copied.settings.warehouse.read_bytes() == before
