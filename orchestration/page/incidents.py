"""What is wrong now, and what was lately: incidents, worst first, with what they reach and the commands."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.alerts import incidents
from orchestration.alerts.downstream import Downstream
from orchestration.alerts.incidents import Incident
from orchestration.alerts.message import command, readers
from orchestration.alerts.sending import lineage_of
from orchestration.page.tables import Tables
from orchestration.settings import Settings

#: Days after which a resolved incident leaves the page, and how many of each kind it shows.
RECENT = timedelta(days=14)
MAX_OPEN = 200
MAX_RESOLVED = 30


@dataclass(frozen=True)
class Shown:
    """An incident with what somebody does about it; `commands` are words and a command each."""

    incident: Incident
    readers: str
    downstream: Downstream
    commands: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Incidents:
    """Unresolved incidents (of `open_count` the worst) and those resolved lately, the latest first."""

    open: Sequence[Shown]
    open_count: int
    critical_count: int
    resolved: Sequence[Shown]


def gather(settings: Settings, status: Tables, at: datetime) -> Incidents:
    """Read the incidents as of a time (UTC)."""
    if status.connection is None:
        return Incidents((), 0, 0, ())
    unresolved = incidents.unresolved(status.connection)
    resolved = incidents.read(
        status.connection,
        "state = 'resolved' and resolved_at >= ? order by resolved_at desc, alert_key limit ?",
        [at - RECENT, MAX_RESOLVED],
    )
    lineage = lineage_of(settings)

    def shown(one: Incident) -> Shown:
        key = shlex.quote(one.alert_key)
        commands = [
            ("Show the rows", command(settings, f"ROWS={key}")),
            ("I am on it", command(settings, f"ACK={key}")),
            ("Not now", command(settings, f"SNOOZE={key} UNTIL=8h")),
            ("Close it by hand", command(settings, f"RESOLVE={key}")),
        ]
        return Shown(one, readers(one), lineage.of_incident(one), commands)

    return Incidents(
        open=[shown(one) for one in unresolved[:MAX_OPEN]],
        open_count=len(unresolved),
        critical_count=sum(one.severity == "critical" for one in unresolved),
        resolved=[shown(one) for one in resolved],
    )
