"""Whose an event is, and what makes several identifiers one person."""

from collections import deque
from typing import Any

from orchestration.explain.rules import place_of
from orchestration.explain.tables import Tables


def owner_of(tables: Tables, row: dict[str, Any], link: dict[str, Any]) -> list[str]:
    """Say why the person of `link` is the person of this event, step by step."""
    last_user = tables.setting("identity_strategy") == "last_user"
    spans = _span(tables, row) if row["device_key"] and (last_user or not row["user_key"]) else []
    user_key, lines = row["user_key"], []
    if spans and spans[0]["user_key"]:
        user_key = spans[0]["user_key"]
        lines = _by_device(tables, row, spans[0], last_user=last_user)
    elif row["user_key"]:
        lines = [f"It names its user, {row['user_id']}."]
    else:
        lines = [
            f"It names no user, and nobody ever signed in on its device {row['anonymous_id']}: the device stands for "
            "an anonymous person."
        ]
    if user_key and user_key != link["person_id"]:
        lines += _path(tables, user_key, link["person_id"])
    return [*lines, f"So its person is {link['person_id']}."]


def _span(tables: Tables, row: dict[str, Any]) -> list[dict[str, Any]]:
    return tables.rows(
        "select * from {internal}.device_spans where device_key = $1"
        " and (valid_from is null or $2 > valid_from) and (valid_to is null or $2 <= valid_to)",
        [row["device_key"], row["event_at"]],
    )


def _by_device(
    tables: Tables, row: dict[str, Any], span: dict[str, Any], *, last_user: bool
) -> list[str]:
    """Say by which event the device says whose it is: the next sign-in, else the last one before."""
    signs = tables.rows(
        """
        with signs as (
            select event_key, event_at, user_key, user_id, source, file, line, 'signed in' as what
            from {internal}.event_rows
            where device_key = $1 and user_key is not null and row_state = 'event'
            union all
            select aliases.event_key, aliases.event_at, aliases.user_key, aliases.user_id, event.source, event.file,
                event.line, 'was said to use the device (alias)' as what
            from {internal}.alias_events as aliases
            join {internal}.event_rows as event
                on aliases.event_key = event.event_key and event.row_state = 'event'
            where aliases.previous_device_key = $1 and aliases.previous_is_device
        )
        select * from signs where user_key = $2
        order by event_at >= $3 desc, case when event_at >= $3 then event_at end, event_at desc, event_key
        """,
        [row["device_key"], span["user_key"], row["event_at"]],
    )
    device = f"device {row['anonymous_id']}"
    if last_user:
        last = max(signs, key=lambda sign: (sign["event_at"], str(sign["event_key"])))
        return [
            f"Its {device} belongs to its last user, {last['user_id']} (identity_strategy last_user): event "
            f"{last['event_key']} at {last['event_at']} ({place_of(last)})."
        ]
    if not signs:
        return [f"Its {device} belonged to a user then."]
    sign = signs[0]
    reach = (
        f"from {'the beginning' if span['valid_from'] is None else 'after ' + str(span['valid_from'])} to "
        f"{'the end' if span['valid_to'] is None else str(span['valid_to'])}"
    )
    counts = (
        "The next sign-in on it counts"
        if sign["event_at"] >= row["event_at"]
        else "No sign-in follows on it, so the last one before counts"
    )
    return [
        f"It names no user. Its {device} belongs to user {sign['user_id']} {reach}.",
        f"{counts}: user {sign['user_id']} {sign['what']} with event {sign['event_key']} at {sign['event_at']} "
        f"({place_of(sign)}).",
    ]


def _links(tables: Tables, person: Any) -> list[dict[str, Any]]:
    """Return what ties the users of a person together: alias events, and with strategy graph shared devices."""
    if not tables.rows(
        "select 1 from {internal}.merged_users where person_id = $1 limit 1", [person]
    ):
        return []
    members = "(select user_key from {internal}.merged_users where person_id = $1)"
    links = tables.rows(
        f"""
        select aliases.previous_user_key as one_key, aliases.user_key as other_key,
            aliases.previous_id as one, aliases.user_id as other, aliases.event_key, aliases.event_at,
            event.source, event.file, event.line, null as device
        from {{internal}}.alias_events as aliases
        join {{internal}}.event_rows as event
            on aliases.event_key = event.event_key and event.row_state = 'event'
        where not aliases.previous_is_device and aliases.user_key in {members}
        order by aliases.event_at, aliases.event_key
        """,
        [person],
    )
    if tables.setting("identity_strategy") == "graph":
        links += tables.rows(
            f"""
            with used as (
                select device_key, user_key, any_value(user_id) as user_id, any_value(anonymous_id) as device,
                    arg_min(event_key, (event_at, event_key)) as event_key, min(event_at) as event_at,
                    arg_min(source, (event_at, event_key)) as source, arg_min(file, (event_at, event_key)) as file,
                    arg_min(line, (event_at, event_key)) as line
                from {{internal}}.event_rows
                where row_state = 'event' and device_key is not null and user_key in {members}
                group by device_key, user_key
            )
            select one.user_key as one_key, other.user_key as other_key, one.user_id as one, other.user_id as other,
                other.event_key, other.event_at, other.source, other.file, other.line, other.device
            from used as one join used as other
                on one.device_key = other.device_key and one.user_key < other.user_key
            order by other.event_at, other.event_key
            """,
            [person],
        )
    return links


def _said(link: dict[str, Any]) -> str:
    if link["device"] is not None:
        return f"users {link['one']} and {link['other']} share device {link['device']} ({place_of(link)})"
    return (
        f"user {link['one']} is user {link['other']}: alias event {link['event_key']} at {link['event_at']} "
        f"({place_of(link)})"
    )


def ways_to_person(tables: Tables, person: Any) -> list[str]:
    """Return one sentence for each event that ties two users of a person together."""
    return [_said(link) for link in _links(tables, person)]


def _path(tables: Tables, start: Any, person: Any) -> list[str]:
    """Say by which shortest chain of links a user becomes the person."""
    links = _links(tables, person)
    came_by: dict[Any, tuple[Any, dict[str, Any]] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for link in links:
            for one, other in (("one_key", "other_key"), ("other_key", "one_key")):
                if link[one] == here and link[other] not in came_by:
                    came_by[link[other]] = (here, link)
                    waiting.append(link[other])
    chain: list[str] = []
    step = came_by.get(person)
    while step is not None:
        chain.append(_said(step[1]))
        step = came_by[step[0]]
    chain.reverse()
    return [
        "That user is one person with others, named after the smallest user id among them.",
        *chain,
    ]
