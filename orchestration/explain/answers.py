"""The answers: of an event, a session, a person, a delivered row."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from orchestration.explain.answer import Answer, NotFoundError
from orchestration.explain.people import owner_of, ways_to_person
from orchestration.explain.rules import how_timed, place_of, why_kept, why_quarantined
from orchestration.explain.sessions import why_no_session, why_session_begins, why_session_ends
from orchestration.explain.tables import Tables

#: Places, events and identifiers that an answer lists one by one.
MAX_LISTED = 20


def explain_event(tables: Tables, text: str) -> Answer:
    """Explain an event, named by its event_key or the id that its sender gave it.

    Raises `NotFoundError` when there is none.
    """
    keys = tables.rows(
        "select distinct event_key from {internal}.event_rows"
        " where event_key = try_cast($1 as uuid) or event_id = $1 order by event_key",
        [text],
    )
    if not keys:
        raise NotFoundError(
            f"there is no event '{text}', neither by event_key nor by event_id; a delivered row is explained by "
            "ROW=source/file:line"
        )
    if len(keys) > 1:
        listed = ", ".join(str(row["event_key"]) for row in keys)
        raise NotFoundError(f"several events have the id '{text}': choose by event_key: {listed}")
    return _event(tables, keys[0]["event_key"])


def _event(tables: Tables, key: Any) -> Answer:
    copies = _copies(tables, key)
    kept = copies[0]
    if kept["row_state"] == "quarantined":
        return _quarantined(tables, kept)
    answer = Answer(
        f"Event {key}: {kept['event_name']} at {kept['event_at']} UTC",
        {
            "event_key": str(key),
            "event_id": kept["event_id"],
            "kept": place_of(kept),
            "duplicates": [place_of(copy) for copy in copies[1:]],
        },
    )
    _say_copies(answer, kept, copies[1:])
    answer.say("When", how_timed(kept))
    links = tables.rows("select * from {internal}.event_links where event_key = $1", [key])
    if not links:
        answer.facts |= {"person_id": None, "session_id": None}
        answer.say(
            "Whose", "Nobody's: the row names neither a device nor a user. So it is in no session."
        )
        return answer
    link = links[0]
    answer.facts |= {
        "person_id": str(link["person_id"]),
        "session_id": str(link["session_id"]) if link["session_id"] else None,
    }
    answer.say("Whose", *owner_of(tables, kept, link))
    if link["session_id"] is None:
        answer.say("Session", why_no_session(tables, kept))
    else:
        events = _session_events(tables, link["session_id"])
        place = [event["event_key"] for event in events].index(key) + 1
        answer.say(
            "Session",
            f"{link['session_id']}: this is event {place} of {len(events)}.",
            why_session_begins(tables, events[0]),
            why_session_ends(tables, events[-1]),
        )
    return answer


def _copies(tables: Tables, key: Any) -> list[dict[str, Any]]:
    """Return every delivered copy of an event, the kept one first, with the load time of its file."""
    return tables.rows(
        "select event.*, files.loaded_at from {internal}.event_rows as event"
        " left join load_files as files on event.batch_id = files.batch_id"
        " where event.event_key = $1"
        " order by event.row_state = 'duplicate', event.received_at nulls last, event.event_at,"
        " event.file, event.line",
        [key],
    )


def _say_copies(answer: Answer, kept: dict[str, Any], others: Sequence[dict[str, Any]]) -> None:
    answer.say(
        "Where from",
        _delivered(kept)
        + (f": the kept one of {len(others) + 1} copies" if others else ": the only copy"),
        "Its id is the sender's: " + str(kept["event_id"])
        if kept["has_own_id"]
        else "It has no id of its own: equal rows of one source are the same event.",
    )
    lines = []
    for other in others[:MAX_LISTED]:
        lines.append(f"{_delivered(other)}: {why_kept(kept, other)[1]}")
        if other["is_repeat_in_file"]:
            lines.append(
                "  It stands in its file more than once without an id, so it may be real: build an id from file_name"
                " and line_number in sources.yml to keep such rows."
            )
    if len(others) > MAX_LISTED:
        lines.append(f"and {len(others) - MAX_LISTED:,} more")
    answer.say("Duplicates", *lines)


def _delivered(row: dict[str, Any]) -> str:
    loaded = f", loaded at {row['loaded_at']}" if row.get("loaded_at") else ""
    return f"{place_of(row)} (batch {row['batch_id']}{loaded})"


def _session_events(tables: Tables, session_id: Any) -> list[dict[str, Any]]:
    return tables.rows(
        "select links.*, event.file, event.line, event.utm_campaign, event.client_session_id"
        " from {internal}.event_links as links"
        " join {internal}.event_rows as event"
        " on links.event_key = event.event_key and event.row_state = 'event'"
        " where links.session_id = $1"
        " order by links.event_at, links.event_order nulls last, links.event_key",
        [session_id],
    )


def explain_session(tables: Tables, text: str) -> Answer:
    """Explain a session, named by its session_id. Raises `NotFoundError` when there is none."""
    found = tables.rows("select * from sessions where session_id = try_cast($1 as uuid)", [text])
    if not found:
        raise NotFoundError(f"there is no session '{text}' in the published tables")
    session = found[0]
    events = _session_events(tables, session["session_id"])
    answer = Answer(
        f"Session {session['session_id']}: {len(events)} events from {session['started_at']} to "
        f"{session['ended_at']} UTC, source {session['source']}",
        {
            "session_id": str(session["session_id"]),
            "person_id": str(session["person_id"]),
            "files": _files(events),
        },
    )
    answer.say("Where from", *_places(events))
    answer.say(
        "Why it begins and ends there",
        why_session_begins(tables, events[0]),
        why_session_ends(tables, events[-1]),
    )
    first = tables.rows(
        "select * from {internal}.event_rows where event_key = $1 and row_state = 'event'",
        [events[0]["event_key"]],
    )[0]
    people = Counter(str(event["person_id"]) for event in events)
    answer.say(
        "Whose",
        f"Its person is the one of its first event, {events[0]['event_key']} ({place_of(events[0])}).",
        *owner_of(tables, first, events[0]),
        *(
            [
                f"{len(people)} people are in it: "
                + ", ".join(f"{person} ({count} events)" for person, count in people.items())
            ]
            if len(people) > 1
            else []
        ),
    )
    pages = [event for event in events if event["event_type"] == "page"]
    answer.say(
        "Channel",
        f"{session['channel']}, of its first page view {pages[0]['event_key']} ({place_of(pages[0])}): source "
        f"{session['traffic_source']}, medium {session['traffic_medium']}, referrer {session['referrer_host']}"
        if pages
        else "None: it has no page view.",
    )
    return answer


def _files(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    files: dict[tuple[str, str], list[int]] = {}
    for event in events:
        files.setdefault((event["source"], event["file"]), []).append(event["line"])
    return [
        {"source": source, "file": file, "events": len(lines), "lines": sorted(lines)[:MAX_LISTED]}
        for (source, file), lines in sorted(files.items())
    ]


def _places(events: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for file in _files(events):
        more = ", ..." if file["events"] > MAX_LISTED else ""
        listed = ", ".join(str(line) for line in file["lines"])
        lines.append(
            f"{file['source']}/{file['file']}: {file['events']:,} events, lines {listed}{more}"
        )
    return lines


def explain_person(tables: Tables, text: str) -> Answer:
    """Explain a person, named by person_id or by a user or device id. Raises `NotFoundError` when there is none."""
    found = tables.rows(
        "select distinct person_id from identities"
        " where person_id = try_cast($1 as uuid) or identifier = $1 order by person_id",
        [text],
    )
    if not found:
        raise NotFoundError(
            f"there is no person '{text}', neither by person_id nor by a user or device id"
        )
    if len(found) > 1:
        listed = ", ".join(str(row["person_id"]) for row in found)
        raise NotFoundError(f"'{text}' stands for several people, one after the other: {listed}")
    person = found[0]["person_id"]
    identifiers = tables.rows(
        "select * from identities where person_id = $1"
        " order by identifier_type desc, identity_namespace, identifier, valid_from nulls first",
        [person],
    )
    files = tables.rows(
        "select event.source, event.file, count(*) as events, min(event.line) as first_line,"
        " max(event.line) as last_line"
        " from {internal}.event_links as links join {internal}.event_rows as event"
        " on links.event_key = event.event_key and event.row_state = 'event'"
        " where links.person_id = $1 group by all order by all",
        [person],
    )
    known = tables.rows("select * from users where person_id = $1", [person])
    title = f"Person {person}"
    if known:
        title += (
            f": {known[0]['event_count']:,} events in {known[0]['session_count']:,} sessions from "
            f"{known[0]['first_seen_at']} to {known[0]['last_seen_at']} UTC"
        )
    answer = Answer(
        title,
        {
            "person_id": str(person),
            "identifiers": [
                {**row, "person_id": str(row["person_id"])} for row in identifiers[:MAX_LISTED]
            ],
            "files": files,
        },
    )
    if not known:
        answer.say(
            "Activity", "No event counts for this person: only bots, or only an alias names it."
        )
    answer.say("Identifiers", *_listed([_identifier(row) for row in identifiers]))
    answer.say("Made one person by", *_listed(ways_to_person(tables, person)))
    answer.say(
        "Where from",
        *_listed(
            [
                f"{file['source']}/{file['file']}: {file['events']:,} events, lines {file['first_line']} to "
                f"{file['last_line']}"
                for file in files
            ]
        ),
    )
    return answer


def _identifier(row: dict[str, Any]) -> str:
    words = f"{row['identifier_type']} {row['identifier']}"
    if row["identity_namespace"]:
        words += f" (namespace {row['identity_namespace']})"
    if row["valid_from"] or row["valid_to"]:
        words += (
            f", after {row['valid_from'] or 'the beginning'} up to {row['valid_to'] or 'the end'}"
        )
    return words


def _listed(lines: list[str]) -> list[str]:
    more = len(lines) - MAX_LISTED
    return lines if more <= 0 else [*lines[:MAX_LISTED], f"and {more:,} more"]


def explain_row(tables: Tables, text: str) -> Answer:
    """Explain a delivered row, named `source/file:line`. Raises `NotFoundError` when no table has it."""
    source, slash, rest = text.partition("/")
    file, colon, line = rest.rpartition(":")
    if not slash or not colon or not line.isdigit():
        raise NotFoundError(
            f"'{text}' is no place of a row: source/file:line, such as web/2026/01/31.jsonl.gz:17"
        )
    found = tables.rows(
        "select event_key, row_state from {internal}.event_rows"
        " where source = $1 and file = $2 and line = $3",
        [source, file, int(line)],
    )
    if not found:
        raise NotFoundError(_why_not_there(tables, source, file, int(line)))
    copies = _copies(tables, found[0]["event_key"])
    here = next(
        copy
        for copy in copies
        if (copy["source"], copy["file"], copy["line"]) == (source, file, int(line))
    )
    if here["row_state"] == "quarantined":
        return _quarantined(tables, here)
    if here["row_state"] == "event":
        return _event(tables, here["event_key"])
    kept = copies[0]
    criterion, sentence = why_kept(kept, here)
    answer = Answer(
        f"Row {text}: a duplicate of event {kept['event_key']}",
        {
            "state": "duplicate",
            "event_key": str(kept["event_key"]),
            "kept": place_of(kept),
            "criterion": criterion,
        },
    )
    answer.say("Where from", _delivered(here))
    answer.say(
        "Why it is a duplicate",
        f"Source {source} delivered the id {here['event_id']} {len(copies)} times."
        if here["has_own_id"]
        else "It has no id of its own, and another row of its source says exactly the same.",
    )
    answer.say("Why the other one was kept", f"{_delivered(kept)}: {sentence}")
    return answer


def _quarantined(tables: Tables, row: dict[str, Any]) -> Answer:
    reason = row["quarantine_reason"]
    answer = Answer(
        f"Row {place_of(row)}: in quarantine",
        {"state": "quarantined", "reason": reason, "event_key": str(row["event_key"])},
    )
    answer.say("Where from", _delivered(row))
    kept = tables.rows(
        "select raw, detail from quarantined_events where event_key = $1", [row["event_key"]]
    )
    why = why_quarantined(row, reason, tables.settings)
    details = [f"It breaks: {one['detail']}." for one in kept if one["detail"]]
    answer.say("Why it is in quarantine", why[0], *details, *why[1:])
    if kept and kept[0]["raw"]:
        answer.say("The row, personal data masked", kept[0]["raw"][:2000])
    return answer


def _why_not_there(tables: Tables, source: str, file: str, line: int) -> str:
    versions = tables.rows(
        "select * from load_files where source = $1 and file = $2 order by loaded_at",
        [source, file],
    )
    place = f"no table has a row {source}/{file}:{line}"
    if not versions:
        return f"{place}: no file of that name is loaded in the published tables"
    admitted = [version for version in versions if version["state"] == "admitted"]
    held = [version for version in versions if version["state"] == "held"]
    words = []
    if held:
        batch = held[-1]["batch_id"]
        words.append(
            f"batch {batch} of it is held at gate 1{_held_reason(tables, batch)}: `make release BATCH={batch}`, or"
            " deliver a corrected file"
        )
    if admitted:
        version = admitted[-1]
        words.append(
            f"its admitted version, batch {version['batch_id']}, has {version['raw_rows']:,} rows"
            + (
                f", of which {version['erased_rows']:,} were erased on request"
                if version["erased_rows"]
                else ""
            )
        )
    if not words:
        words.append("the version that had it was replaced by another delivery")
    return f"{place}: " + "; ".join(words)


def _held_reason(tables: Tables, batch: str) -> str:
    if not tables.has_raw:
        return " (the reason is in raw.duckdb, which a run is writing: ask again later)"
    found = tables.rows("select held_reason from raw.files where batch_id = $1", [batch])
    return f" ({found[0]['held_reason']})" if found else ""
