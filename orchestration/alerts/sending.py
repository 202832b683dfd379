"""Sending: what waits in the outbox goes to its addresses; what cannot be sent waits for the next run."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import duckdb

from orchestration.alerts import incidents, message, outbox
from orchestration.alerts.downstream import Lineage
from orchestration.alerts.incidents import Incident
from orchestration.alerts.message import Message
from orchestration.alerts.outbox import Notice
from orchestration.alerts.routes import Routing, RoutingError, read_routing, secrets_of, url_of
from orchestration.database import connect
from orchestration.settings import Settings
from orchestration.sources import SourcesError, read_sources

#: Incidents that an address is told one by one at once; more become one digest.
MAX_MESSAGES = 5

#: Seconds that one message may take.
TIMEOUT = 20


class SendingError(RuntimeError):
    """A message did not reach its address; the text says why, without secrets."""


@dataclass
class Sent:
    """What became of the outbox: messages by address, and problems in words."""

    messages: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def deliver(settings: Settings) -> Sent:
    """Send what waits in the outbox. The caller holds the lock of the home.

    Safe to call at any time: what is sent is marked, what fails stays. A kill between the two may send a message
    twice; none is lost. Raises nothing that a channel or the routing file does wrong.
    """
    sent = Sent()
    if not settings.warehouse.exists():
        return sent
    with connect(settings.warehouse, read_only=True) as connection:
        if not outbox.waiting(connection):
            return sent
    try:
        routing = read_routing(settings.alerts)
    except RoutingError as error:
        sent.problems.append(f"{error}. Nobody was told; everything waits")
        return sent
    with connect(settings.warehouse) as connection:
        known = _incidents(connection)
        outbox.address(connection, lambda notice: _addresses(routing, known, notice))
        # What failed before comes last, so that a message that is refused does not keep the others.
        waiting = sorted(
            (notice for notice in outbox.waiting(connection) if notice.incident in known),
            key=lambda notice: (str(notice.address), notice.attempts),
        )
        if not waiting:
            return sent
        lineage = lineage_of(settings)
        for name, notices in groupby(waiting, key=lambda notice: str(notice.address)):
            told = [(notice, known[notice.incident]) for notice in notices]
            for words, part in _messages(told, lineage, settings):
                about = part[0].alert_key if len(part) == 1 else "digest"
                try:
                    _send(settings.alerts, routing, name, about, words)
                except (RoutingError, SendingError) as error:
                    lost = outbox.mark_failed(connection, part, str(error), _now())
                    rest = sum(one.address == name for one in outbox.waiting(connection))
                    given_up = f", {lost:,} are given up" if lost else ""
                    sent.problems.append(
                        f"{name}: {error}; {rest:,} wait for the next run{given_up}"
                    )
                    break
                outbox.mark_sent(connection, part, _now())
                sent.messages[name] = sent.messages.get(name, 0) + 1
    return sent


def try_address(settings: Settings, name: str) -> None:
    """Send a trial message to one address. Raises `RoutingError` or `SendingError`."""
    routing = read_routing(settings.alerts)
    _send(settings.alerts, routing, name, "trial", message.trial(settings))


def lineage_of(settings: Settings) -> Lineage:
    """Read what is made from what, as dbt parsed it last."""
    try:
        formats = {name: one.format for name, one in read_sources(settings.sources).items()}
    except SourcesError:
        formats = {}
    return Lineage.read(settings.target / "manifest.json", formats)


def _messages(
    told: Sequence[tuple[Notice, Incident]], lineage: Lineage, settings: Settings
) -> Iterator[tuple[Message, list[Notice]]]:
    """Yield what one address is told: a message for each notice, or one for all of them."""
    if len(told) > MAX_MESSAGES:
        kinds = [(notice.kind, incident) for notice, incident in told]
        yield message.digest(kinds, lineage, settings), [notice for notice, _ in told]
        return
    for notice, incident in told:
        yield message.of_incident(notice.kind, incident, lineage, settings), [notice]


def _send(path: Path, routing: Routing, name: str, about: str, words: Message) -> None:
    url = url_of(path, routing, name, about)
    try:
        _write(url, words) if url.startswith("file:") else _notify(url, words)
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        for variable, value in secrets_of(routing, name).items():
            for shown in (value, quote(value, safe="/")):
                text = text.replace(shown, f"${{{variable}}}")
        raise SendingError(text) from None


def _write(url: str, words: Message) -> None:
    """Append a message to a local file, which Apprise has no service for."""
    place = urlsplit(url)
    if place.netloc or not place.path:
        raise ValueError("a file is named by its whole path: file:///var/log/alerts.log")
    with Path(unquote(place.path)).open("a", encoding="utf-8") as file:
        file.write(f"{_now():%Y-%m-%d %H:%M:%S} {words.subject}\n{words.body}\n\n")


def _notify(url: str, words: Message) -> None:
    import apprise

    # What goes wrong is in the result. No picture is linked, nothing is stored, no key is made.
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    asset = apprise.AppriseAsset(
        app_id="footpath",
        app_desc="footpath",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
        service_timeout=TIMEOUT,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        raise ValueError("this address is none that Apprise knows, or it is not complete")
    if "overflow=" not in url:
        # Cut to what the service takes, instead of letting it refuse the message.
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
    # A new one for each message: an old one waits several seconds between two.
    channel = apprise.Apprise(service, asset=asset)
    result = channel.notify(
        body=words.body,
        title=words.subject,
        notify_type=words.level,
        body_format="text",
        timeout=TIMEOUT,
    )
    if not result:
        reasons = [entry.message for entry in result.logs()]
        raise RuntimeError("; ".join(reasons) or f"not sent ({result.status.name.lower()})")


def _incidents(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, datetime], Incident]:
    """Return the incidents that the outbox tells of."""
    found = incidents.read(
        connection,
        "(alert_key, first_seen_at) in (select (alert_key, first_seen_at) from main_internal.alert_outbox"
        " where sent_at is null and given_up_at is null)",
    )
    return {(incident.alert_key, incident.first_seen_at): incident for incident in found}


def _addresses(
    routing: Routing, known: Mapping[tuple[str, datetime], Incident], notice: Notice
) -> list[str]:
    incident = known.get(notice.incident)
    if incident is None:
        return []
    escalated = notice.kind == "escalated" or (
        notice.kind != "opened" and incident.escalated_at is not None
    )
    return routing.to(incident, escalated=escalated)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
