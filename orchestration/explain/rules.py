"""The rules in words: why a copy was kept, how a time was made, why a row waits in quarantine."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

Row = Mapping[str, Any]

#: Columns that say where a row was delivered, or that follow from the others: not its content.
NOT_CONTENT = frozenset(
    (
        "event_key", "device_key", "user_key", "batch_id", "file", "line", "event_id", "has_own_id",
        "quarantine_reason", "quarantine_detail", "available_at", "makes_session", "browser", "browser_version",
        "operating_system", "device_type", "row_state", "is_repeat_in_file", "loaded_at",
    )
)  # fmt: skip

#: Reason codes of quarantine: what each means, and what to do.
QUARANTINE: Mapping[str, tuple[str, str]] = {
    "invalid_json": (
        "The line is not a JSON object.",
        "Deliver the file again with the line mended, under the same name.",
    ),
    "wrong_column_count": (
        "The line has another number of columns than the header of its file.",
        "Deliver the file again, with quotes around values that hold the separator.",
    ),
    "wrong_encoding": (
        "The line is not UTF-8 text.",
        "Deliver the file again in UTF-8.",
    ),
    "cut_off": (
        "The file ends in the middle of this line: it was not copied to its end.",
        "Deliver the whole file again under the same name.",
    ),
    "unreadable_line": (
        "The line cannot be read in the format of its source.",
        "Deliver the file again with the line mended, under the same name.",
    ),
    "unreadable_file": (
        "The file cannot be read at all.",
        "Deliver it again, whole, under the same name; look whether sources.yml says its format.",
    ),
    "too_large": (
        "The row is longer than max_event_bytes.",
        "Raise max_event_bytes in dbt_project.yml, or let the sender send less.",
    ),
    "unparsable_time": (
        "The row gives a time that is not one.",
        "Mend event_at of the source in sources.yml (strptime for a form of its own), or the file.",
    ),
    "missing_time": (
        "The row has neither a time of its own nor a time of receipt.",
        "Map event_at or received_at of the source in sources.yml, or mend the file.",
    ),
    "missing_event_name": (
        "The row has neither an event name nor a type of call to be named after.",
        "Map event_name of the source in sources.yml, or mend the file.",
    ),
    "time_in_future": (
        "The event claims a time further after its receipt than future_tolerance allows.",
        "Mend the sender's clock or the mapping; a wider tolerance is future_tolerance in dbt_project.yml.",
    ),
    "plan_violation": (
        "The event breaks the tracking plan, which says on_violation: quarantine for it.",
        "Mend the sender, or the event's file in the plan; the next run takes the rows in again.",
    ),
    "discarded": (
        "The row was given up while it could not become an event; it could now.",
        "`make quarantine RESTORE=1 ROW=source/file:line` lets it in.",
    ),
    "time_too_early": (
        "The event claims a time before earliest_plausible_event_at.",
        "Mend the mapping (milliseconds read as seconds?); the limit is in dbt_project.yml.",
    ),
}


def place_of(row: Row) -> str:
    """Return where a row was delivered, as `source/file:line`."""
    return f"{row['source']}/{row['file']}:{row['line']}"


def why_kept(kept: Row, other: Row) -> tuple[str, str]:
    """Say by which criterion of the rule one copy of an event was kept and not another.

    The rule: smallest received_at, those without one last; event_at; content; file; line. Returns the criterion and
    a sentence with the values of both.
    """
    if kept["received_at"] != other["received_at"]:
        return "received_at", (
            f"the copy that was received first is kept: {_time(kept['received_at'])} against "
            f"{_time(other['received_at'])}"
            + (
                " (a copy without a time of receipt comes last)"
                if other["received_at"] is None
                else ""
            )
        )
    same = f"received_at is the same ({_time(kept['received_at'])})"
    if kept["event_at"] != other["event_at"]:
        return "event_at", (
            f"{same}; the earlier event_at is kept: {_time(kept['event_at'])} against {_time(other['event_at'])}"
        )
    differing = [
        name
        for name in kept
        if name not in NOT_CONTENT and name in other and kept[name] != other[name]
    ]
    if differing:
        values = "; ".join(f"{name}: {kept[name]!s} against {other[name]!s}" for name in differing)
        return "content", (
            f"{same}, event_at too; of two contents the one with the smaller hash is kept ({values})"
        )
    if kept["file"] != other["file"]:
        return "file", (
            f"the two are equal in all they say; the first file name is kept: {kept['file']} against {other['file']}"
        )
    return "line", (
        f"the two are equal in all they say, in one file; the first line is kept: {kept['line']} against "
        f"{other['line']}"
    )


def how_timed(row: Row) -> str:
    """Say where `event_at` of a row came from, with the values that went into it."""
    event_at, received = row["event_at"], row["received_at"]
    sent, original = row["sent_at"], row["original_timestamp"]
    if event_at is None:
        return "It has no usable time."
    if None not in (received, sent, original):
        if received - (sent - original) == event_at:
            return (
                f"{_time(event_at)} = received_at {_time(received)} - (sent_at {_time(sent)} - original_timestamp "
                f"{_time(original)}): the client's clock and the way made {_seconds(received - sent)}."
            )
        return (
            f"{_time(event_at)} is the timestamp that the row gives. It is not corrected by the client's clock, "
            f"because the sender has done so: its timestamp is not its original_timestamp ({_time(original)}), or "
            "sources.yml says time_is_corrected."
        )
    missing = [
        name for name in ("received_at", "sent_at", "original_timestamp") if row[name] is None
    ]
    if received is not None and event_at == received:
        origin = "the time of receipt, or a timestamp equal to it"
    else:
        origin = "the timestamp that the row gives"
    return f"{_time(event_at)} is {origin}. A correction by the client's clock needs {', '.join(missing)} too."


def remedy_of(reason: str) -> tuple[str, str]:
    """Return what a reason of quarantine means, and what to do."""
    return QUARANTINE.get(reason, (f"Reason: {reason}.", "Mend the file or its mapping."))


def why_quarantined(row: Row, reason: str, settings: Mapping[str, str]) -> list[str]:
    """Say in words why a row waits in quarantine, by which values it was judged, and what to do."""
    meaning, remedy = remedy_of(reason)
    lines = [f"{meaning} ({reason})"]
    if reason == "time_in_future":
        limit = timedelta(seconds=int(settings.get("future_tolerance", "86400")))
        lines.append(
            f"Its time is {_time(row['event_at'])}. It was received at {_time(row['available_at'])}"
            + (" (the load time of its file)" if row["received_at"] is None else "")
            + f", so a time up to {_time(row['available_at'] + limit)} is let in."
        )
    elif reason == "time_too_early":
        lines.append(
            f"Its time is {_time(row['event_at'])}; the first one let in is "
            f"{settings.get('earliest_plausible_event_at', '2000-01-01 00:00:00')}."
        )
    elif reason == "too_large":
        lines.append(f"Let in are rows up to {int(settings.get('max_event_bytes', '0')):,} bytes.")
    elif reason == "missing_event_name":
        lines.append(f"Its time is {_time(row['event_at'])}, its type {row['event_type']}.")
    lines.append(f"Remedy: {remedy}")
    return lines


def _time(value: datetime | None) -> str:
    return "none" if value is None else str(value)


def _seconds(value: timedelta) -> str:
    return f"{value.total_seconds():g} s"


def after_pause(before: datetime, after: datetime) -> str:
    """Return the pause between two events, in seconds."""
    return _seconds(after - before)
