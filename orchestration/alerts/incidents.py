"""Incidents: one row of main.alerts for what is wrong, from the first failure of a check to its passing."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from typing import Any

import duckdb

from expectations.runner import CheckResult
from orchestration.alerts import outbox
from orchestration.alerts.outbox import Kind
from orchestration.alerts.routes import Rules
from orchestration.database import insert, transaction

#: The states of an incident; every state but the last is unresolved.
STATES = ("open", "acknowledged", "snoozed", "resolved")

#: Failing rows whose keys an incident keeps, and the characters of a value.
MAX_SAMPLE = 5
MAX_VALUE = 80

#: Columns that say which row it is, beside those that end in _key or _id.
KEY_COLUMNS = ("source", "file", "line", "day")

TABLE = """
create table if not exists main.alerts (
    alert_key varchar, severity varchar, relation varchar, message varchar, first_seen_at timestamp,
    last_seen_at timestamp, occurrences bigint, state varchar, resolved_at timestamp
);
"""

#: Columns that came later. A warehouse of an earlier version gets them in place.
ADDED = """
alter table main.alerts add column if not exists suite varchar;
alter table main.alerts add column if not exists check_name varchar;
alter table main.alerts add column if not exists source varchar;
alter table main.alerts add column if not exists owner varchar;
alter table main.alerts add column if not exists description varchar;
alter table main.alerts add column if not exists observed varchar;
alter table main.alerts add column if not exists sample varchar;
alter table main.alerts add column if not exists first_run_id varchar;
alter table main.alerts add column if not exists last_run_id varchar;
alter table main.alerts add column if not exists runs_open bigint;
alter table main.alerts add column if not exists runs_told bigint;
alter table main.alerts add column if not exists acknowledged_at timestamp;
alter table main.alerts add column if not exists snoozed_until timestamp;
alter table main.alerts add column if not exists escalated_at timestamp;
update main.alerts
set
    suite = split_part(alert_key, '.', 1),
    check_name = split_part(alert_key, '.', 2),
    source = case when relation like 'raw.%' then substr(relation, 5) end,
    description = message,
    observed = '',
    sample = '[]',
    runs_open = occurrences,
    runs_told = occurrences
where suite is null;
"""


class UnknownIncidentError(ValueError):
    """No unresolved incident has this key; the message names those that there are."""


@dataclass(frozen=True)
class Incident:
    """One row of main.alerts, its columns in their order.

    `occurrences` counts the runs in which the check failed. `runs_open` also counts those in which it passed while a
    batch that it holds still waits; `runs_told` is what that was at the last message. `sample` is a JSON list of
    texts, the keys of failing rows. `last_run_id` is the run that changed the row last.
    """

    alert_key: str
    severity: str
    relation: str
    message: str
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int
    state: str
    resolved_at: datetime | None
    suite: str
    check_name: str
    source: str | None
    owner: str | None
    description: str
    observed: str
    sample: str
    first_run_id: str | None
    last_run_id: str | None
    runs_open: int
    runs_told: int
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    escalated_at: datetime | None = None

    @property
    def samples(self) -> list[str]:
        """The keys of failing rows, each as one text."""
        return [str(text) for text in json.loads(self.sample or "[]")]


COLUMNS = tuple(field.name for field in fields(Incident))


def alert_key(result: CheckResult) -> str:
    """Return what one incident is about: suite, check and relation (which at gate 1 is the source)."""
    return f"{result.suite}.{result.check_name}.{result.relation}"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of incidents and of what is to be told, or bring older ones up to date."""
    connection.execute(TABLE)
    if not _is_current(connection):
        with transaction(connection):
            connection.execute(ADDED)
    outbox.prepare(connection)


def follow(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    results: Sequence[CheckResult],
    at: datetime,
    rules: Rules,
    still_open: Collection[str] = (),
) -> None:
    """Bring the incidents up to date with results, and note what is to be told. The caller has the transaction.

    A failing check opens an incident or goes on with it; one that passes resolves it, unless its key is in
    `still_open`: the check of a batch that is held is not made again.
    """
    known = {incident.alert_key: incident for incident in unresolved(connection)}
    changed: list[tuple[Incident, Kind | None]] = []
    for result in results:
        key = alert_key(result)
        incident = known.get(key)
        if not result.success:
            changed.append(failed(incident, result, run_id, at, rules))
        elif incident is not None:
            held = key in still_open
            changed.append(
                went_on(incident, run_id, at, rules) if held else passed(incident, run_id, at)
            )
    _write(connection, changed, at)


def resolve_released(
    connection: duckdb.DuckDBPyConnection, run_id: str, relations: Iterable[str], at: datetime
) -> None:
    """Resolve the critical incidents of relations that have no held batch any more: one was released."""
    free = set(relations)
    with transaction(connection):
        resolved = [
            passed(incident, run_id, at)
            for incident in unresolved(connection)
            if incident.severity == "critical" and incident.relation in free
        ]
        _write(connection, resolved, at)


def wake(connection: duckdb.DuckDBPyConnection, run_id: str, at: datetime) -> None:
    """Open snoozed incidents again whose time has come, and note that they are to be told."""
    with transaction(connection):
        due = [
            _told(replace(_awake(incident, at), last_run_id=run_id), "repeated")
            for incident in unresolved(connection)
            if is_due(incident, at)
        ]
        _write(connection, due, at)


def failed(
    known: Incident | None, result: CheckResult, run_id: str, at: datetime, rules: Rules
) -> tuple[Incident, Kind | None]:
    """Return the incident after a failure of its check, and what is to be told."""
    now: dict[str, Any] = {
        "severity": result.severity,
        "message": f"{result.description} Observed: {result.observed}",
        "last_seen_at": at,
        "owner": result.owner,
        "description": result.description,
        "observed": result.observed,
        "sample": json.dumps(sample(result.failing)),
    }
    if known is not None:
        again = replace(known, occurrences=known.occurrences + 1, **now)
        return went_on(again, run_id, at, rules)
    new = Incident(
        alert_key=alert_key(result),
        relation=result.relation,
        first_seen_at=at,
        occurrences=1,
        state="open",
        resolved_at=None,
        suite=result.suite,
        check_name=result.check_name,
        source=result.relation.removeprefix("raw.") if result.relation[:4] == "raw." else None,
        first_run_id=run_id,
        last_run_id=run_id,
        runs_open=1,
        runs_told=1,
        **now,
    )
    return new, "opened"


def went_on(
    incident: Incident, run_id: str, at: datetime, rules: Rules
) -> tuple[Incident, Kind | None]:
    """Return the incident after one more run that leaves it unresolved, and what is to be told."""
    woken = is_due(incident, at)
    incident = replace(_awake(incident, at), runs_open=incident.runs_open + 1, last_run_id=run_id)
    if incident.state != "open":
        return incident, None
    after = rules.escalate_after
    if after is not None and incident.escalated_at is None and incident.runs_open >= after:
        return _told(replace(incident, escalated_at=at), "escalated")
    every = rules.repeat_after
    if woken or (every is not None and incident.runs_open - incident.runs_told >= every):
        return _told(incident, "repeated")
    return incident, None


def passed(incident: Incident, run_id: str | None, at: datetime) -> tuple[Incident, Kind | None]:
    """Return the incident after its check passed, and what is to be told."""
    return _told(
        replace(incident, state="resolved", resolved_at=at, last_run_id=run_id), "resolved"
    )


def acknowledge(connection: duckdb.DuckDBPyConnection, key: str, at: datetime) -> Incident:
    """Note that somebody is at work on an incident: it is counted, and told again only when resolved.

    Raises `UnknownIncidentError`.
    """
    incident = _one(connection, key)
    incident = replace(incident, state="acknowledged", acknowledged_at=at, snoozed_until=None)
    with transaction(connection):
        _write(connection, [(incident, None)], at)
    return incident


def snooze(connection: duckdb.DuckDBPyConnection, key: str, until: datetime) -> Incident:
    """Keep an incident quiet until a time (UTC). Raises `UnknownIncidentError`."""
    incident = replace(_one(connection, key), state="snoozed", snoozed_until=until)
    with transaction(connection):
        _write(connection, [(incident, None)], until)
    return incident


def resolve(connection: duckdb.DuckDBPyConnection, key: str, at: datetime) -> Incident:
    """Resolve an incident by hand; should its check fail again, that is a new one. Raises `UnknownIncidentError`."""
    with transaction(connection):
        changed = passed(_one(connection, key), None, at)
        _write(connection, [changed], at)
    return changed[0]


def unresolved(connection: duckdb.DuckDBPyConnection) -> list[Incident]:
    """Return the incidents that are not resolved, the worst and oldest first."""
    return read(connection, "state <> 'resolved' order by severity, first_seen_at, alert_key")


def read(
    connection: duckdb.DuckDBPyConnection, condition: str, parameters: Sequence[Any] = ()
) -> list[Incident]:
    """Return the incidents that meet an SQL condition; none where no run has kept any yet."""
    if not _is_current(connection):
        return []
    rows = connection.execute(
        f"select {', '.join(COLUMNS)} from main.alerts where {condition}", list(parameters)
    )
    return [Incident(*row) for row in rows.fetchall()]


def is_due(incident: Incident, at: datetime) -> bool:
    """Whether a snoozed incident has been quiet for as long as it was asked to."""
    until = incident.snoozed_until
    return incident.state == "snoozed" and until is not None and until <= at


def sample(failing: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys of a few failing rows, each as one text: "file a.csv, line 3"."""
    texts: dict[str, None] = {}
    for row in failing:
        keys = [name for name in row if name.endswith(("_key", "_id")) or name in KEY_COLUMNS]
        shown = keys if any(row[name] is not None for name in keys) else list(row)[:3]
        texts[", ".join(f"{name} {_short(row[name])}" for name in shown)] = None
    return list(texts)[:MAX_SAMPLE]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def _awake(incident: Incident, at: datetime) -> Incident:
    if is_due(incident, at):
        return replace(incident, state="open", snoozed_until=None)
    return incident


def _told(incident: Incident, kind: Kind) -> tuple[Incident, Kind]:
    return replace(incident, runs_told=incident.runs_open), kind


def find(connection: duckdb.DuckDBPyConnection, key: str) -> Incident:
    """Return the incident with this key: the unresolved one, else the last. Raises `UnknownIncidentError`."""
    found = read(connection, "alert_key = ? order by state = 'resolved', first_seen_at desc", [key])
    return found[0] if found else _one(connection, key)


def _one(connection: duckdb.DuckDBPyConnection, key: str) -> Incident:
    found = {incident.alert_key: incident for incident in unresolved(connection)}
    if key not in found:
        there = ", ".join(found) or "none"
        raise UnknownIncidentError(f"no unresolved incident is named {key!r}; there are: {there}")
    return found[key]


def _write(
    connection: duckdb.DuckDBPyConnection,
    changed: Sequence[tuple[Incident, Kind | None]],
    at: datetime,
) -> None:
    """Put incidents in the place of their earlier rows, and note what is to be told of them."""
    if not changed:
        return
    connection.execute(
        "delete from main.alerts where state <> 'resolved' and list_contains(?, alert_key)",
        [[incident.alert_key for incident, _ in changed]],
    )
    insert(connection, "main.alerts", COLUMNS, [astuple(incident) for incident, _ in changed])
    outbox.add(
        connection,
        [
            (incident.alert_key, incident.first_seen_at, kind, incident.last_run_id)
            for incident, kind in changed
            if kind is not None
        ],
        at,
    )


def _is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "select 1 from duckdb_columns() where database_name = current_database() and schema_name = 'main'"
        " and table_name = 'alerts' and column_name = ?",
        [COLUMNS[-1]],
    )
    return bool(found.fetchall())
