"""An incident: one row from failing to passing, told when something changes for a person and else only counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration import results
from orchestration.alerts import incidents
from orchestration.alerts.incidents import UnknownIncidentError
from orchestration.alerts.routes import Rules
from orchestration.database import connect
from tests.orchestration.alerts.conftest import Place, result

KEY = "sessions.key_unique.sessions"


def states(place: Place) -> list[tuple[str, int, int]]:
    return place.ask("select state, occurrences, runs_open from alerts order by first_seen_at")


def change(place: Place, how: str, *arguments: datetime) -> None:
    with connect(place.settings.warehouse) as connection:
        getattr(incidents, how)(connection, KEY, *arguments)


def test_a_failure_opens_an_incident_that_is_counted_and_resolved_and_a_new_failure_opens_another(
    place: Place,
) -> None:
    for success in (False, False, True, True, False):
        place.record(result(success=success))
    assert states(place) == [("resolved", 2, 2), ("open", 1, 1)]
    assert place.told() == [("opened", KEY), ("resolved", KEY), ("opened", KEY)]
    assert place.ask("select resolved_at from alerts order by first_seen_at")[0][0] is not None


def test_a_check_that_never_failed_leaves_no_incident(place: Place) -> None:
    place.record(result(success=True))
    assert states(place) == []
    assert place.told() == []


def test_an_incident_escalates_once_after_n_runs_and_is_told_again_every_m_runs(
    place: Place,
) -> None:
    place.rules = Rules(escalate_after=3, repeat_after=2)
    place.record(result(success=True))
    kinds = []
    for _ in range(7):
        before = len(place.told())
        place.record(result())
        kinds.append([kind for kind, _ in place.told()[before:]])
    assert kinds == [["opened"], [], ["escalated"], [], ["repeated"], [], ["repeated"]]


def test_an_acknowledged_incident_is_counted_and_told_only_when_resolved(place: Place) -> None:
    place.rules = Rules(escalate_after=2, repeat_after=1)
    place.record(result())
    change(place, "snooze", place.now)
    change(place, "acknowledge", place.now)
    assert place.ask("select snoozed_until from alerts") == [(None,)]
    for _ in range(4):
        place.record(result())
    assert states(place) == [("acknowledged", 5, 5)]
    place.record(result(success=True))
    assert place.told() == [("opened", KEY), ("resolved", KEY)]


def test_a_snoozed_incident_is_quiet_until_its_time_and_told_by_the_first_run_after_it(
    place: Place,
) -> None:
    place.record(result())
    change(place, "snooze", place.now + timedelta(hours=2))
    place.record(result())
    assert states(place) == [("snoozed", 2, 2)]
    place.record(result())
    assert states(place) == [("open", 3, 3)]
    place.record(result())
    assert place.told() == [("opened", KEY), ("repeated", KEY)]


def test_a_snoozed_incident_whose_check_is_not_made_wakes_at_the_end_of_a_run(place: Place) -> None:
    place.record(result())
    change(place, "snooze", place.now + timedelta(hours=1))
    for hours, kinds in ((0, ["opened"]), (1, ["opened", "repeated"]), (2, ["opened", "repeated"])):
        with connect(place.settings.warehouse) as connection:
            incidents.wake(connection, "later", place.now + timedelta(hours=hours))
        assert [kind for kind, _ in place.told()] == kinds


def test_a_held_batch_keeps_its_incident_open_and_escalates_it_though_the_check_passes(
    place: Place,
) -> None:
    place.rules = Rules(escalate_after=3)
    place.record(result())
    for _ in range(3):
        place.record(result(success=True), still_open=(KEY,))
    assert states(place) == [("open", 1, 4)]
    assert [kind for kind, _ in place.told()] == ["opened", "escalated"]


def test_a_released_batch_resolves_the_critical_incidents_of_its_source_in_any_state(
    place: Place,
) -> None:
    web, shop = result(suite="batches", relation="raw.web"), result(relation="raw.shop")
    warning = result("warned", relation="raw.web", severity="warning")
    place.record(web, shop, warning)
    with connect(place.settings.warehouse) as connection:
        incidents.acknowledge(connection, incidents.alert_key(web), place.now)
        incidents.resolve_released(connection, "run 2", ["raw.web"], place.now)
    assert place.ask("select alert_key from alerts where state = 'resolved'") == [
        ("batches.key_unique.raw.web",)
    ]
    assert ("resolved", "batches.key_unique.raw.web") in place.told()


def test_an_incident_knows_its_source_owner_text_and_the_keys_of_some_rows(place: Place) -> None:
    rows = [{"batch_id": f"b{n}", "file": f"{n}.csv", "observed": "9 of 9"} for n in range(7)]
    place.record(result(relation="raw.web", owner="growth", failing=rows))
    assert place.ask("select source, owner, description, observed from alerts") == [
        ("web", "growth", "One row per session.", "2 of 1,204 rows")
    ]
    with connect(place.settings.warehouse, read_only=True) as connection:
        (incident,) = incidents.unresolved(connection)
    assert incident.samples == [f"batch_id b{n}, file {n}.csv" for n in range(5)]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"event_key": 1, "properties": "{...}"}, "event_key 1"),
        ({"event_key": None, "amount": 3, "more": 4}, "event_key None, amount 3, more 4"),
        ({"in_days": 3, "in_sessions": 4}, "in_days 3, in_sessions 4"),
        ({"day": datetime(2026, 2, 1).date(), "people": 3}, "day 2026-02-01"),
        ({"user_id": "x" * 100}, "user_id " + "x" * 79 + "…"),
    ],
)
def test_a_sample_is_the_keys_of_a_row_else_its_first_columns(
    row: dict[str, object], text: str
) -> None:
    assert incidents.sample([row]) == [text]


def test_a_warehouse_of_an_earlier_version_is_brought_up_to_date_in_place(place: Place) -> None:
    with connect(place.settings.warehouse) as connection:
        connection.execute(incidents.TABLE)
        connection.execute(
            "insert into alerts values ('batches.old_check.raw.web', 'critical', 'raw.web', 'It failed. Observed: 3',"
            " '2026-01-01', '2026-01-02', 4, 'open', null)"
        )
        assert incidents.unresolved(connection) == []
    place.record(result("old_check", suite="batches", relation="raw.web"))
    place.record(result("old_check", suite="batches", relation="raw.web", success=True))
    assert place.ask("select state, occurrences, suite, check_name, source from alerts") == [
        ("resolved", 5, "batches", "old_check", "web")
    ]
    names = [name for name, *_ in place.ask("describe alerts")]
    assert names[:9] == [
        "alert_key", "severity", "relation", "message", "first_seen_at", "last_seen_at",
        "occurrences", "state", "resolved_at",
    ]  # fmt: skip
    assert names == list(incidents.COLUMNS)


def test_results_incidents_and_what_is_to_be_told_are_kept_together_or_not_at_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.record(result(success=True))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.alerts.outbox.add", dies)
    with pytest.raises(KeyboardInterrupt):
        place.record(result())
    assert place.ask("select count(*) from check_results") == [(1,)]
    assert states(place) == []
    assert place.told() == []


def test_an_unknown_or_resolved_key_is_an_error_that_names_the_keys_that_there_are(
    place: Place,
) -> None:
    place.record(result(), result("gone"))
    place.record(result("gone", success=True))
    with (
        connect(place.settings.warehouse) as connection,
        pytest.raises(UnknownIncidentError, match=f"'sessions.gone.sessions'; there are: {KEY}$"),
    ):
        incidents.resolve(connection, "sessions.gone.sessions", place.now)


@dataclass
class Known:
    """What the reference remembers of the one incident."""

    state: str = "open"
    occurrences: int = 1
    open_runs: int = 1
    told_at: int = 1
    escalated: bool = False
    until: int = 0


class Reference:
    """The rules of docs/quality.md in plain words, for one key."""

    def __init__(self, escalate: int | None, repeat: int | None) -> None:
        self.escalate, self.repeat = escalate, repeat
        self.known: Known | None = None
        self.closed: list[tuple[str, int, int]] = []
        self.told: list[str] = []

    def run(self, event: str, hour: int) -> None:
        if event == "pass":
            self.close()
        elif self.known is None:
            if event == "fail":
                self.known = Known()
                self.told.append("opened")
        else:
            self.known.occurrences += event == "fail"
            self.known.open_runs += 1
            self.speak(hour)

    def speak(self, hour: int) -> None:
        one = self.known
        assert one is not None
        over = one.state == "snoozed" and hour >= one.until
        if over:
            one.state = "open"
        if one.state != "open":
            return
        kind = None
        if self.escalate and not one.escalated and one.open_runs >= self.escalate:
            one.escalated, kind = True, "escalated"
        elif over or (self.repeat and one.open_runs >= one.told_at + self.repeat):
            kind = "repeated"
        if kind:
            one.told_at = one.open_runs
            self.told.append(kind)

    def close(self) -> None:
        if self.known is not None:
            self.closed.append(("resolved", self.known.occurrences, self.known.open_runs))
            self.told.append("resolved")
            self.known = None


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(["fail", "fail", "fail", "pass", "held", "ack", "resolve"]),
        st.integers(min_value=1, max_value=4).map(lambda hours: f"snooze {hours}"),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=EVENTS,
    escalate=st.one_of(st.none(), st.integers(2, 4)),
    repeat=st.one_of(st.none(), st.integers(1, 3)),
)
def test_any_sequence_of_runs_and_of_what_people_do_ends_as_the_plain_rules_say(
    events: list[str], escalate: int | None, repeat: int | None
) -> None:
    rules = Rules(escalate_after=escalate, repeat_after=repeat)
    reference = Reference(escalate, repeat)
    begin = datetime(2026, 2, 20)
    with connect() as connection:
        incidents.prepare(connection)
        for hour, event in enumerate(events):
            at = begin + timedelta(hours=hour)
            if event in ("fail", "pass", "held"):
                reference.run(event, hour)
                found = result(success=event != "fail")
                kept = (KEY,) if event == "held" else ()
                results.record(connection, str(hour), [found], at, still_open=kept, rules=rules)
                continue
            what, _, hours = event.partition(" ")
            if reference.known is None:
                with pytest.raises(UnknownIncidentError):
                    incidents.acknowledge(connection, KEY, at)
            elif what == "ack":
                reference.known.state = "acknowledged"
                incidents.acknowledge(connection, KEY, at)
            elif what == "resolve":
                reference.close()
                incidents.resolve(connection, KEY, at)
            else:
                reference.known.state, reference.known.until = "snoozed", hour + int(hours)
                incidents.snooze(connection, KEY, at + timedelta(hours=int(hours)))
        rows = connection.execute(
            "select state, occurrences, runs_open from alerts order by first_seen_at"
        ).fetchall()
        told = connection.execute(
            "select kind from main_internal.alert_outbox order by created_at"
        ).fetchall()
    known = reference.known
    now = [] if known is None else [(known.state, known.occurrences, known.open_runs)]
    assert rows == reference.closed + now
    assert [kind for (kind,) in told] == reference.told


def test_nothing_is_wrong_where_no_run_has_looked(tmp_path: Path) -> None:
    with connect(tmp_path / "new.duckdb") as connection:
        assert incidents.unresolved(connection) == []
