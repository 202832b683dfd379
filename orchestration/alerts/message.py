"""What a message says: a subject that fits on a telephone, and a text for the one who has to act."""

import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.alerts.downstream import Lineage
from orchestration.alerts.incidents import Incident
from orchestration.alerts.outbox import Kind
from orchestration.settings import Settings

#: Characters of a subject; names in a list; incidents that a digest names.
MAX_SUBJECT = 120
MAX_NAMES = 30
MAX_WORST = 10

_FIRST_WORDS: dict[Kind, str] = {
    "opened": "",
    "repeated": "STILL FAILING, ",
    "escalated": "ESCALATED, ",
    "resolved": "RESOLVED, ",
}


@dataclass(frozen=True)
class Message:
    """Subject, text, and how bad it is: failure, warning or success (resolved)."""

    subject: str
    body: str
    level: str


def of_incident(kind: Kind, incident: Incident, lineage: Lineage, settings: Settings) -> Message:
    """Tell of one incident."""
    subject = (
        f"[footpath] {_FIRST_WORDS[kind]}{incident.severity} {incident.suite}.{incident.check_name}"
        f" on {incident.relation}: {incident.observed}"
    )
    lines = [_what_happened(kind, incident), incident.description]
    lines.append(f"Found: {incident.observed or incident.message}")
    lines += [f"  {text}" for text in incident.samples]
    lines.append(f"Since: {_time(incident.first_seen_at)}, {_runs(incident)}")
    lines.append(f"Owner: {incident.owner or 'nobody is named'}")
    lines.append(f"Readers: {readers(incident)}")
    found = lineage.of_incident(incident)
    for title, names in (
        ("Tables", found.tables),
        ("Funnels", found.funnels),
        ("Dashboards", found.dashboards),
    ):
        if names:
            lines.append(f"{title}: {_list(names)}")
    lines.append("")
    if kind != "resolved":
        key = shlex.quote(incident.alert_key)
        lines += [
            f"Show the rows:  {command(settings, f'ROWS={key}')}",
            f"I am on it:     {command(settings, f'ACK={key}')}",
            f"Not now:        {command(settings, f'SNOOZE={key} UNTIL=8h')}",
            "What to do:     docs/quality.md",
        ]
    lines.append(_place(settings, incident.last_run_id))
    level = "success" if kind == "resolved" else _level(incident.severity)
    return Message(_cut(subject), "\n".join(lines), level)


def digest(told: Sequence[tuple[Kind, Incident]], lineage: Lineage, settings: Settings) -> Message:
    """Tell of many incidents at once: how many, by suite, and the worst."""
    failing = [incident for kind, incident in told if kind != "resolved"]
    words = [
        f"{len([1 for kind, _ in told if kind == one]):,} {one}"
        for one in ("opened", "repeated", "escalated", "resolved")
        if any(kind == one for kind, _ in told)
    ]
    critical = sum(incident.severity == "critical" for incident in failing)
    lines = [
        f"{', '.join(words)}. Of those that fail, {critical:,} are critical."
        if failing
        else words[0]
    ]
    by_suite = Counter(incident.suite for incident in failing)
    lines += ["", "Failing, by suite:"] if by_suite else []
    lines += [f"  {suite}: {count:,}" for suite, count in by_suite.most_common(MAX_NAMES)]
    worst = sorted(failing, key=lambda one: (one.severity, -one.runs_open, one.alert_key))
    lines += ["", "The worst:"] if worst else []
    lines += [
        _cut(f"  {one.severity} {one.suite}.{one.check_name} on {one.relation}: {one.observed}")
        for one in worst[:MAX_WORST]
    ]
    relations = [lineage.of_incident(one) for one in failing]
    lines.append("")
    for title, names in (
        ("Tables", {name for found in relations for name in found.tables}),
        ("Funnels", {name for found in relations for name in found.funnels}),
        ("Dashboards", {name for found in relations for name in found.dashboards}),
    ):
        if names:
            lines.append(f"{title}: {_list(sorted(names))}")
    if worst:
        rows = command(settings, f"ROWS={shlex.quote(worst[0].alert_key)}")
        lines += [f"Readers, by the first: {readers(worst[0])}", f"Show its rows: {rows}"]
    lines += [f"All of them: {command(settings)}", _place(settings, told[-1][1].last_run_id)]
    level = "success" if not failing else _level("critical" if critical else "warning")
    return Message(_cut(f"[footpath] {', '.join(words)}: a digest"), "\n".join(lines), level)


def trial(settings: Settings) -> Message:
    """Say that an address works."""
    return Message(
        "[footpath] A trial message",
        "This address is told of incidents when a route leads to it.\n" + _place(settings, None),
        "success",
    )


def command(settings: Settings, arguments: str = "", target: str = "alerts") -> str:
    """Return a make command that works in any folder of the machine on which runs go on."""
    words = ["cd", shlex.quote(str(settings.project)), "&&"]
    words += [
        f"{name}={shlex.quote(str(found))}"
        for name, found, default in (
            ("FOOTPATH_HOME", settings.home, "var"),
            ("FOOTPATH_SOURCES", settings.sources, "sources.yml"),
        )
        if found != settings.project / default
    ]
    return " ".join([*words, f"make {target}", *([arguments] if arguments else [])])


def _what_happened(kind: Kind, incident: Incident) -> str:
    name = f"{incident.suite}.{incident.check_name} on {incident.relation}"
    if kind == "resolved" and incident.resolved_at is not None:
        return f"Resolved at {_time(incident.resolved_at)}: {name} passes again, or was let in or closed by hand."
    if incident.state == "resolved" and incident.resolved_at is not None:
        return f"{name} failed, and is resolved since {_time(incident.resolved_at)}."
    if kind == "escalated":
        return f"Nobody has acknowledged this {incident.severity} failure yet: {name}."
    if kind == "repeated":
        return f"{name} still fails ({incident.severity})."
    return f"{name} fails ({incident.severity})."


def readers(incident: Incident) -> str:
    """Say whether anybody sees wrong numbers."""
    if incident.state == "resolved":
        return "nothing keeps this from them any more."
    if incident.severity != "critical":
        return "they have these tables; a warning stops nothing."
    if incident.relation.startswith("raw."):
        return "the failing batch is held, its rows are in no table; everything else is published."
    return "nothing is published, they keep the tables of the last good run."


def _runs(incident: Incident) -> str:
    runs = "1 run" if incident.occurrences == 1 else f"{incident.occurrences:,} runs"
    return f"failed in {runs}, last at {_time(incident.last_seen_at)}"


def _place(settings: Settings, run_id: str | None) -> str:
    run = f", run {run_id}" if run_id else ""
    return f"From {platform.node()}:{settings.home}{run}"


def _level(severity: str) -> str:
    return "failure" if severity == "critical" else "warning"


def _list(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _cut(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"
