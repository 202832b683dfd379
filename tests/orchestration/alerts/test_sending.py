"""Sending: real receivers on the loopback, each incident told once, nothing lost, and no run fails for it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer
from pathlib import Path

import pytest

from orchestration.alerts import outbox, sending
from orchestration.alerts.finish import finish
from orchestration.alerts.message import Message
from orchestration.alerts.sending import Sent, deliver
from orchestration.database import connect
from tests.orchestration.alerts.conftest import Mailbox, Place, Receiver, free_port, result

KEY = "sessions.key_unique.sessions"


def to(place: Place, url: str, rest: str = "") -> None:
    """Tell one address everything."""
    place.route(f"addresses: {{team: '{url}'}}\nroutes: [{{to: [team]}}]\n{rest}")


def subjects(receiver: Receiver) -> list[str]:
    return [str(message["title"]) for message in receiver.got]


def test_an_http_receiver_is_told_when_it_begins_and_when_it_ends_and_not_in_between(
    place: Place, receiver: Receiver
) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}/hook")
    for success in (False, False, False, True, True):
        place.record(result(success=success))
        deliver(place.settings)
        deliver(place.settings)
    assert subjects(receiver) == [
        "[footpath] critical sessions.key_unique on sessions: 2 of 1,204 rows",
        "[footpath] RESOLVED, critical sessions.key_unique on sessions: 2 of 1,204 rows",
    ]
    assert [message["type"] for message in receiver.got] == ["failure", "success"]
    assert receiver.got[0]["path"] == "/hook"
    assert "attachments" not in receiver.got[0] or receiver.got[0]["attachments"] == []
    assert "github" not in str(receiver.got)


def test_a_mail_arrives_with_subject_and_text(place: Place, mailbox: Mailbox) -> None:
    to(
        place,
        f"mailto://127.0.0.1:{mailbox.port}?from=footpath@x.example&to=ada@x.example&mode=insecure&format=text",
    )
    place.record(result())
    assert deliver(place.settings) == Sent({"team": 1})
    (mail,) = mailbox.got
    assert mail["subject"] == "[footpath] critical sessions.key_unique on sessions: 2 of 1,204 rows"
    assert "ada@x.example" in mail["to"]
    text = mail.get_body(("plain",))
    assert text is not None
    assert f"make alerts ROWS={KEY}" in text.get_content()


def test_a_file_gets_every_message_appended(place: Place, tmp_path: Path) -> None:
    log = tmp_path / "a log.txt"
    to(place, f"file://{tmp_path}/a%20log.txt")
    for success in (False, True):
        place.record(result(success=success))
        deliver(place.settings)
    assert log.read_text().count("[footpath] ") == 2
    assert "RESOLVED" in log.read_text()


def test_a_refused_connection_breaks_nothing_and_the_next_run_sends(
    place: Place, receiver: Receiver
) -> None:
    port = free_port()
    to(place, f"json://127.0.0.1:{port}")
    place.record(result(), result("other"))
    found = finish(place.settings, place.run_id)
    assert found["messages"] == {}
    (problem,) = found["problems"]
    assert problem.startswith("team: A Connection error occurred")
    assert problem.endswith("; 2 wait for the next run")
    assert place.ask("select attempts, error is not null from main_internal.alert_outbox order by 1 desc") == [
        (1, True), (0, False),
    ]  # fmt: skip
    to(place, f"json://127.0.0.1:{receiver.port}")
    assert finish(place.settings, "next")["messages"] == {"team": 2}
    assert finish(place.settings, "next")["messages"] == {}
    assert len(receiver.got) == 2


def test_a_receiver_that_answers_with_an_error_has_not_been_told(
    place: Place, receiver: Receiver
) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}")
    place.record(result())
    receiver.status = 503
    assert "error=503" in deliver(place.settings).problems[0]
    receiver.status = 200
    assert deliver(place.settings) == Sent({"team": 1})


def test_a_message_that_is_refused_does_not_keep_the_others(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}")
    place.record(result("a"), result("b"), result("c"))
    send = sending._notify

    def refuses_a(url: str, words: Message) -> None:
        if "sessions.a on" in words.subject:
            raise OSError("400")
        send(url, words)

    monkeypatch.setattr(sending, "_notify", refuses_a)
    assert deliver(place.settings) == Sent({}, ["team: 400; 3 wait for the next run"])
    assert deliver(place.settings) == Sent({"team": 2}, ["team: 400; 1 wait for the next run"])


def test_a_broken_address_does_not_keep_the_others_from_being_told(
    place: Place, receiver: Receiver
) -> None:
    place.route(
        f"addresses: {{bad: 'nothing://x', gone: 'json://x/${{NO_SUCH_TOKEN}}', ok: 'json://127.0.0.1:{receiver.port}'}}"
        "\nroutes: [{to: [bad, gone, ok]}]"
    )
    place.record(result())
    sent = deliver(place.settings)
    assert sent.messages == {"ok": 1}
    bad, gone = sent.problems
    assert bad.startswith("bad: this address is none that Apprise knows")
    assert "addresses: gone: the variable NO_SUCH_TOKEN is not set: set it where runs start" in gone


def test_a_secret_stands_in_no_error_and_in_no_table(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t-token")
    to(place, "json://${TOKEN}.invalid:1/${TOKEN}")
    place.record(result())
    monkeypatch.setattr(
        "orchestration.alerts.sending._notify",
        lambda url, _: (_ for _ in ()).throw(OSError(f"no way to {url}")),
    )
    (problem,) = deliver(place.settings).problems
    assert "no way to json://${TOKEN}.invalid" in problem
    assert b"s3cr3t-token" not in place.settings.warehouse.read_bytes()


def test_a_wrong_routing_file_is_told_at_the_end_of_the_run_and_nothing_is_lost(
    place: Place, receiver: Receiver
) -> None:
    place.route("routes: [{to: [night]}]")
    place.record(result())
    (problem,) = finish(place.settings, place.run_id)["problems"]
    assert problem == (
        f"{place.settings.alerts}: route 1: there is no address night: add it. Nobody was told; everything waits"
    )
    to(place, f"json://127.0.0.1:{receiver.port}")
    assert finish(place.settings, place.run_id)["messages"] == {"team": 1}


def test_what_no_route_takes_is_told_to_nobody_and_does_not_wait(place: Place) -> None:
    place.record(result())
    assert deliver(place.settings) == Sent()
    assert place.told() == []


def test_a_thousand_failing_checks_are_one_digest(place: Place, receiver: Receiver) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}")
    worst = [result(f"c{n}", suite=f"suite_{n % 4}") for n in range(10)]
    others = [
        result(f"c{n}", suite=f"suite_{n % 4}", relation="users", severity="warning")
        for n in range(10, 1000)
    ]
    place.record(*others, *worst)
    assert deliver(place.settings) == Sent({"team": 1})
    (message,) = receiver.got
    assert message["title"] == "[footpath] 1,000 opened: a digest"
    assert message["type"] == "failure"
    text = message["message"]
    assert "1,000 opened. Of those that fail, 10 are critical." in text
    assert [f"  suite_{n}: 250" in text for n in range(4)] == [True] * 4
    assert text.count("  critical suite_") == 10
    assert "  warning" not in text
    assert "Tables: sessions, users" in text
    assert "Readers, by the first: nothing is published" in text
    assert " make alerts ROWS=suite_0.c0.sessions\n" in text
    assert len(text) < 3000
    place.record(*(result(f"c{n}", suite=f"suite_{n % 4}", success=True) for n in range(10)))
    deliver(place.settings)
    assert [one["title"] for one in receiver.got[1:]] == ["[footpath] 10 resolved: a digest"]
    assert receiver.got[1]["type"] == "success"


def test_five_incidents_are_five_messages_and_six_are_one(place: Place, receiver: Receiver) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}")
    place.record(*(result(f"c{n}") for n in range(5)))
    assert deliver(place.settings) == Sent({"team": 5})
    place.record(*(result(f"d{n}") for n in range(6)))
    assert deliver(place.settings) == Sent({"team": 1})


def test_a_kill_after_sending_tells_twice_and_loses_nothing(
    place: Place, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    to(place, f"json://127.0.0.1:{receiver.port}")
    place.record(result())

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "mark_sent", dies)
        with pytest.raises(KeyboardInterrupt):
            deliver(place.settings)
    assert deliver(place.settings) == Sent({"team": 1})
    assert len(receiver.got) == 2


def test_a_message_is_given_up_after_many_attempts_and_days_and_that_is_said(place: Place) -> None:
    to(place, f"json://127.0.0.1:{free_port()}")
    place.record(result())
    # The run was days ago; the clock of sending is the real one.
    assert place.now < datetime.now(UTC).replace(tzinfo=None) - timedelta(days=3)
    said = [deliver(place.settings).problems for _ in range(6)]
    assert [len(problems) for problems in said] == [1, 1, 1, 1, 1, 0]
    assert said[3][0].endswith("; 1 wait for the next run")
    assert said[4][0].endswith("; 0 wait for the next run, 1 are given up")


def test_a_young_message_is_not_given_up(place: Place) -> None:
    to(place, f"json://127.0.0.1:{free_port()}")
    place.record(result())
    now = datetime.now(UTC).replace(tzinfo=None)
    with connect(place.settings.warehouse) as connection:
        connection.execute("update main_internal.alert_outbox set created_at = ?", [now])
    for _ in range(7):
        assert deliver(place.settings).problems[0].endswith("; 1 wait for the next run")


def test_an_escalated_incident_is_told_to_more_people_who_also_hear_of_its_end(
    place: Place, receiver: Receiver
) -> None:
    url = f"json://127.0.0.1:{receiver.port}"
    place.route(
        f"addresses: {{team: '{url}/team', boss: '{url}/boss'}}\nroutes: [{{to: [team], escalate_to: [boss]}}]"
    )
    place.rules = place.rules.model_copy(update={"escalate_after": 2})
    for success in (False, False, True):
        place.record(result(success=success))
        deliver(place.settings)
    told = [(one["path"], one["title"].split()[1].strip(",")) for one in receiver.got]
    assert sorted(told) == [
        ("/boss", "ESCALATED"), ("/boss", "RESOLVED"),
        ("/team", "ESCALATED"), ("/team", "RESOLVED"), ("/team", "critical"),
    ]  # fmt: skip


def test_a_slow_receiver_costs_a_bounded_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.alerts.sending.TIMEOUT", 1)
    server = HTTPServer(("127.0.0.1", 0), object)  # type: ignore[arg-type]
    to(place, f"json://127.0.0.1:{server.server_port}?rto=30&cto=30")
    place.record(result(), result("other"))
    started = datetime.now(UTC)
    (problem,) = deliver(place.settings).problems
    assert datetime.now(UTC) - started < timedelta(seconds=10)
    assert "2 wait for the next run" in problem
    server.server_close()


def test_without_a_warehouse_there_is_nothing_to_tell(place: Place) -> None:
    assert deliver(place.settings) == Sent()
    assert finish(place.settings, "run")["problems"] == []


def test_an_unforeseen_error_is_a_problem_of_the_report_and_not_of_the_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.record(result())

    def breaks(*_: object) -> Sent:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("orchestration.alerts.finish.deliver", breaks)
    found = finish(place.settings, place.run_id)
    assert found["new"] == [KEY]
    assert found["problems"] == [
        "the alerts could not be sent: out of luck; they wait for the next run"
    ]


def test_apprise_is_imported_only_when_something_is_sent() -> None:
    code = "import sys, orchestration.steps, orchestration.alerts.__main__; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
