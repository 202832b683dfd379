"""`make alerts`: what is wrong, and what somebody does about it."""

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from expectations.suite import SuiteError
from orchestration import publishing
from orchestration.alerts import incidents, message, outbox
from orchestration.alerts.incidents import Incident, UnknownIncidentError
from orchestration.alerts.routes import RoutingError
from orchestration.alerts.rows import failing_rows
from orchestration.alerts.sending import SendingError, deliver, lineage_of, try_address
from orchestration.database import connect
from orchestration.lock import run_lock
from orchestration.settings import Settings

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0 when it was done."""
    parser = argparse.ArgumentParser(prog="make alerts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show what is not resolved")
    for name, words in (
        ("show", "show one incident, its message and who was told"),
        ("rows", "show the rows that fail its check"),
        ("ack", "say that somebody is at work on it"),
        ("snooze", "keep it quiet for a time"),
        ("resolve", "close it by hand"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("key", help="as `list` shows it")
        if name == "snooze":
            command.add_argument("until", help="30m, 8h, 2d or a time (UTC): 2026-02-20T08:00")
    commands.add_parser("send", help="send now what waits")
    commands.add_parser("try", help="send a trial message").add_argument("address")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        return _run(settings, options)
    except (UnknownIncidentError, RoutingError, SendingError, SuiteError, ValueError) as error:
        print(f"error: {error}")
        return 1


def _run(settings: Settings, options: argparse.Namespace) -> int:
    if options.command == "try":
        try_address(settings, options.address)
        print(f"A trial message is with {options.address}.")
        return 0
    if not settings.warehouse.exists():
        print("error: no run has checked anything yet: `make run` first")
        return 1
    with run_lock(settings.lock, on_wait=print):
        if options.command in _CHANGES:
            return _change(settings, options)
        if options.command == "send":
            return _send(settings)
        with connect(settings.warehouse, read_only=True) as connection:
            found = incidents.unresolved(connection)
            if options.command == "list":
                _list(found)
                return 0
            incident = incidents.find(connection, options.key)
            told = outbox.history(connection, incident.alert_key, incident.first_seen_at)
        if options.command == "show":
            _show(settings, incident, told)
        else:
            _rows(settings, incident)
    return 0


def _change(settings: Settings, options: argparse.Namespace) -> int:
    now = datetime.now(UTC).replace(tzinfo=None)
    with connect(settings.warehouse) as connection:
        incidents.prepare(connection)
        if options.command == "snooze":
            until = until_of(options.until, now)
            changed = incidents.snooze(connection, options.key, until)
            print(f"Quiet until {until:%Y-%m-%d %H:%M} UTC: {changed.alert_key}")
        else:
            changed = _CHANGES[options.command](connection, options.key, now)
            print(f"{changed.state}: {changed.alert_key}")
    # Readers see it at once. Before the first run that published there is nothing to put it beside.
    if settings.published.exists():
        publishing.publish_status(settings.warehouse, settings.published, tables=("alerts",))
    return _send(settings)


def _send(settings: Settings) -> int:
    sent = deliver(settings)
    for name, count in sent.messages.items():
        print(f"sent to {name}: {count}")
    for problem in sent.problems:
        print(f"not sent: {problem}")
    return 1 if sent.problems else 0


def _list(found: list[Incident]) -> None:
    if not found:
        print("Nothing is wrong.")
    for one in found:
        until = f" until {one.snoozed_until:%Y-%m-%d %H:%M} UTC" if one.snoozed_until else ""
        print(f"{one.severity}  {one.alert_key}  ({one.state}{until})")
        print(f"    {one.observed or one.message}")
        print(
            f"    since {one.first_seen_at:%Y-%m-%d %H:%M} UTC, failed in {one.occurrences:,} runs,"
            f" owner {one.owner or 'nobody'}"
        )


def _show(settings: Settings, incident: Incident, told: list[str]) -> None:
    kind: outbox.Kind = "resolved" if incident.state == "resolved" else "opened"
    words = message.of_incident(kind, incident, lineage_of(settings), settings)
    print(f"{words.subject}\n\n{words.body}\n\nState: {incident.state}")
    for line in told:
        print(f"  {line}")


def _rows(settings: Settings, incident: Incident) -> None:
    rows = failing_rows(settings, incident)
    if not rows:
        print("No row fails this check now.")
    for row in rows:
        print("; ".join(f"{name}: {cell}" for name, cell in row.items() if cell is not None))


def until_of(text: str, now: datetime) -> datetime:
    """Return the time (UTC) that a person means by 30m, 8h, 2d or 2026-02-20T08:00. Raises `ValueError`."""
    span = re.fullmatch(r"(\d+)([mhd])", text)
    if span is not None:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        until = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no time: write 30m, 8h, 2d or a time such as 2026-02-20T08:00 (UTC)"
        ) from error
    if until.tzinfo is not None:
        until = until.astimezone(UTC).replace(tzinfo=None)
    if until <= now:
        raise ValueError(f"{until:%Y-%m-%d %H:%M} UTC is over: name a later time")
    return until


_CHANGES: dict[str, Callable[..., Incident]] = {
    "ack": incidents.acknowledge,
    "snooze": incidents.snooze,
    "resolve": incidents.resolve,
}


if __name__ == "__main__":
    sys.exit(main())
