"""The end of a run: what is due is told, and the report says which incidents there are."""

from datetime import UTC, datetime
from typing import Any

from orchestration.alerts import incidents
from orchestration.alerts.sending import deliver
from orchestration.database import connect
from orchestration.settings import Settings


def finish(settings: Settings, run_id: str) -> dict[str, Any]:
    """Send what waits; return what the report says of incidents and messages. The caller holds the lock of the home.

    Whatever goes wrong here stands in `problems`: telling of a run is never what makes it fail. May be called
    again: what was sent is not sent again.
    """
    found: dict[str, Any] = {"new": [], "open": [], "resolved": [], "messages": {}, "problems": []}
    try:
        if settings.warehouse.exists():
            _wake(settings, run_id)
            found |= _incidents(settings, run_id)
        sent = deliver(settings)
        found["messages"], found["problems"] = sent.messages, sent.problems
    except Exception as error:
        found["problems"].append(
            f"the alerts could not be sent: {error}; they wait for the next run"
        )
    return found


def _wake(settings: Settings, run_id: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    with connect(settings.warehouse, read_only=True) as connection:
        if not any(incidents.is_due(one, now) for one in incidents.unresolved(connection)):
            return
    with connect(settings.warehouse) as connection:
        incidents.wake(connection, run_id, now)


def _incidents(settings: Settings, run_id: str) -> dict[str, list[str]]:
    """Return the keys of incidents that are new, go on, or were resolved in this run."""
    with connect(settings.warehouse, read_only=True) as connection:
        still = incidents.unresolved(connection)
        resolved = incidents.read(
            connection, "state = 'resolved' and last_run_id = ? order by alert_key", [run_id]
        )
    return {
        "new": [one.alert_key for one in still if one.first_run_id == run_id],
        "open": [one.alert_key for one in still if one.first_run_id != run_id],
        "resolved": [one.alert_key for one in resolved],
    }
