"""Why a session begins and ends where it does."""

from typing import Any

from orchestration.explain.rules import after_pause, place_of
from orchestration.explain.tables import Tables

_SEQUENCE = "links.event_at, links.event_order nulls last, links.event_key"


def _neighbour(tables: Tables, event: dict[str, Any], *, before: bool) -> dict[str, Any] | None:
    """Return the event of the same actor that comes just before or after, among those that make sessions."""
    side = "lag" if before else "lead"
    found = tables.rows(
        f"""
        with ordered as (
            select links.event_key, {side}(links.event_key) over (order by {_SEQUENCE}) as neighbour_key
            from {{internal}}.event_links as links
            where links.source = $1 and links.actor_key = $2 and links.session_id is not null
        )
        select links.*, event.file, event.line, event.utm_campaign, event.client_session_id
        from ordered
        join {{internal}}.event_links as links on ordered.neighbour_key = links.event_key
        join {{internal}}.event_rows as event
            on links.event_key = event.event_key and event.row_state = 'event'
        where ordered.event_key = $3
        """,
        [event["source"], event["actor_key"], event["event_key"]],
    )
    return found[0] if found else None


def why_session_begins(tables: Tables, first: dict[str, Any]) -> str:
    """Say why the session of `first` begins with it."""
    here = f"It begins with {first['event_key']} ({place_of(first)}) at {first['event_at']}:"
    before = _neighbour(tables, first, before=True)
    if before is None:
        return f"{here} there is no event before it on its device (or of its user) in this source."
    return f"{here} {_why_cut(tables, before, first)}"


def why_session_ends(tables: Tables, last: dict[str, Any]) -> str:
    """Say why the session of `last` ends with it."""
    here = f"It ends with {last['event_key']} ({place_of(last)}) at {last['event_at']}:"
    after = _neighbour(tables, last, before=False)
    if after is None:
        return f"{here} there is no event after it yet."
    return f"{here} {_why_cut(tables, last, after)}"


def _why_cut(tables: Tables, before: dict[str, Any], after: dict[str, Any]) -> str:
    timeout = int(tables.settings["session_timeout"])
    between = f"from {before['event_key']} at {before['event_at']} to {after['event_key']} at {after['event_at']}"
    if tables.setting("session_strategy") == "client" and after["client_session_id"]:
        return (
            f"the client calls its session {after['client_session_id']} from {after['event_key']} on"
            f" ({before['client_session_id'] or 'none'} before; session_strategy client)."
        )
    pause = (after["event_at"] - before["event_at"]).total_seconds()
    if pause > timeout:
        return (
            f"the pause {between} is {after_pause(before['event_at'], after['event_at'])}, over session_timeout"
            f" ({timeout} s)."
        )
    if tables.setting("split_at_midnight") and before["event_day"] != after["event_day"]:
        return f"midnight lies between them ({tables.settings['reporting_timezone']}; split_at_midnight), {between}."
    if (
        tables.setting("split_on_campaign")
        and after["utm_campaign"] is not None
        and after["utm_campaign"] != before["utm_campaign"]
    ):
        return f"with {after['event_key']} comes another campaign, {after['utm_campaign']} (split_on_campaign)."
    if tables.setting("max_session_length"):
        return (
            f"with {after['event_key']} at {after['event_at']} the session would be longer than max_session_length"
            f" ({tables.settings['max_session_length']} s)."
        )
    return f"its events belong to two sessions {between}."


def why_no_session(tables: Tables, row: dict[str, Any]) -> str:
    """Say why an event that has a person is in no session."""
    if row["is_bot"] and not tables.setting("include_bots"):
        return "None: it is a bot's, and bots make no sessions (include_bots)."
    if not row["makes_session"]:
        return f"None: sources.yml says that source {row['source']} makes no sessions (makes_sessions: false)."
    return "None."
