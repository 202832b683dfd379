"""The law of the core on a sample: what a few actors' events make, worked out anew and compared with the tables.

An actor is a device, else a user, of one source. Events are read from `event_rows`; from there on nothing is shared
with the models: plain loops over the rows of one actor say which sessions there are and whose each event is. Most of
the sample is what the run touched, found by its rows and not only by the regions that the models found for them; some
of it is any actor, another one in each run. Who failed is looked at again until all is well.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from expectations.runner import MAX_FAILING_ROWS, CheckResult
from orchestration.database import quote, transaction

SUITE = "spot_check"
OWNER = "data-platform"
#: Actors of each kind of sample: by touched rows, by touched regions, any.
SAMPLE = 20
#: An actor with more events is left out: a till or a shared test id would take all the time.
MOST_EVENTS = 20_000
#: Actors that failed, in the schema of the lists.
FAILED = "failed_actors"

#: name: relation, description.
CHECKS: Mapping[str, tuple[str, str]] = {
    "events_linked": (
        "events",
        "Of sampled devices, every event stands once in the tables, with its time, name and place.",
    ),
    "sessions_anew": (
        "sessions",
        "Of sampled devices, the sessions are those that their events make by the settings: none missing or left over.",
    ),
    "people_anew": (
        "identities",
        "Of sampled devices, every event belongs to whom the sign-ins and aliases on its device say.",
    ),
    "users_anew": (
        "users",
        "Of the people of sampled devices, users and user_days count all of their events and sessions, of all days.",
    ),
}


@dataclass(frozen=True)
class Rules:
    """The settings that say what a session is and whose an event is."""

    session_timeout: timedelta = timedelta(seconds=1800)
    max_session_length: timedelta | None = None
    split_at_midnight: bool = False
    split_on_campaign: bool = False
    by_client: bool = False
    include_bots: bool = False
    last_user: bool = False
    timezone: str = "UTC"

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Rules:
        """Read the settings that the tables were built with, by name, as texts; a missing one has its default."""
        longest = settings.get("max_session_length", "None")
        return cls(
            session_timeout=timedelta(seconds=int(settings.get("session_timeout", 1800))),
            max_session_length=None if longest == "None" else timedelta(seconds=int(longest)),
            split_at_midnight=settings.get("split_at_midnight") == "True",
            split_on_campaign=settings.get("split_on_campaign") == "True",
            by_client=settings.get("session_strategy") == "client",
            include_bots=settings.get("include_bots") == "True",
            last_user=settings.get("identity_strategy") == "last_user",
            timezone=settings.get("reporting_timezone", "UTC"),
        )


class Event(NamedTuple):
    """A stored event, its columns as in event_rows."""

    event_key: Any
    source: str
    device_key: Any
    user_key: Any
    user_id: str | None
    event_name: str
    event_type: str
    event_at: datetime
    event_order: int | None
    utm_campaign: str | None
    is_bot: bool
    makes_session: bool

    @property
    def actor(self) -> tuple[str, Any]:
        """Source, and device or else user."""
        return self.source, self.user_key if self.device_key is None else self.device_key


class Link(NamedTuple):
    """What ties an event to person and session, as in event_links."""

    event_key: Any
    source: str
    actor_key: Any
    person_id: Any
    session_id: Any
    event_name: str
    event_at: datetime


Actor = tuple[str, Any]
Wrong = list[dict[str, Any]]


def check_sample(
    connection: duckdb.DuckDBPyConnection,
    salt: str,
    *,
    lists: str | None = None,
    rules: Rules | None = None,
    schema: str = "main",
    internal: str = "main_internal",
) -> list[CheckResult]:
    """Work out a sample anew, and return one critical result for each of `CHECKS`.

    `salt` (the run's id) decides on the sample; `lists` is the schema of what runs touched, None for any actor. Actors
    that fail are kept in a table beside the lists, and are part of each sample until they pass. When the tables cannot
    be read, all checks fail and say why.
    """
    started = time.perf_counter()
    rules = rules or Rules()
    found: dict[str, Wrong] = {name: [] for name in CHECKS}
    problem = ""
    count = 0
    try:
        actors = _sample(connection, salt, lists, internal)
        count = len(actors)
        found = _compare(connection, actors, rules, schema, internal)
        _keep_failed(connection, found, internal)
    except duckdb.Error as error:
        problem = f"could not be checked: {str(error).strip().partition(chr(10))[0]}"
    seconds = time.perf_counter() - started
    results = []
    for name, (relation, description) in CHECKS.items():
        wrong = found[name]
        first = (
            ""
            if not wrong
            else ": " + ", ".join(f"{key} {value}" for key, value in wrong[0].items())
        )
        results.append(
            CheckResult(
                suite=SUITE,
                check_name=name,
                relation=relation,
                severity="critical",
                success=not wrong and not problem,
                observed=problem
                or f"{len(wrong):,} wrong of {count:,} sampled actors{first}"[:300],
                failing=wrong[:MAX_FAILING_ROWS],
                description=description,
                owner=OWNER,
                seconds=seconds,
            )
        )
    return results


def _sample(
    connection: duckdb.DuckDBPyConnection, salt: str, lists: str | None, internal: str
) -> list[Actor]:
    """Return the actors to look at, none of them with more than `MOST_EVENTS` events."""
    rows = f"{internal}.event_rows"
    actor = "source, coalesce(device_key, user_key) as actor_key"
    parts = [
        # any: row ids are numbers, so a few of them are drawn without reading the table
        f"select {actor} from {rows} where rowid in ("
        f"select hash(number, $salt) % (select greatest(count(*), 1) from {rows})"
        f" from range({3 * SAMPLE}) as drawn (number)) and row_state = 'event' limit {SAMPLE}"
    ]
    if lists is not None:
        parts += [
            f"select {actor} from {rows} where row_state = 'event' and event_key in ("
            f"select event_key from {lists}.unchecked_rows order by hash(event_key, $salt), event_key limit {SAMPLE})",
            f"select source, actor_key from {lists}.unchecked_regions"
            f" order by hash(source, actor_key, $salt), source, actor_key limit {SAMPLE}",
        ]
    if _is_table(connection, internal, FAILED):
        parts.append(f"select source, actor_key from {internal}.{FAILED}")
    query = " union ".join(f"(from ({part}))" for part in parts)
    # the number of events of each, by two narrow columns
    connection.execute(
        f"create or replace temporary table sampled_actors as"
        f" select distinct source, actor_key from ({query}) where actor_key is not null",
        {"salt": salt},
    )
    connection.execute(f"""
        delete from sampled_actors where actor_key in (
            select actor_key from (
                select device_key as actor_key from {rows} where device_key in (select actor_key from sampled_actors)
                union all
                select user_key from {rows}
                where user_key in (select actor_key from sampled_actors) and device_key is null
            )
            group by actor_key
            having count(*) > {MOST_EVENTS}
        )
    """)
    return connection.execute(
        "select source, actor_key from sampled_actors order by all"
    ).fetchall()


def _compare(
    connection: duckdb.DuckDBPyConnection,
    actors: Sequence[Actor],
    rules: Rules,
    schema: str,
    internal: str,
) -> dict[str, Wrong]:
    """Return what is wrong by the name of its check; each entry names the actor."""
    events = _read(connection, Event, f"""
        with found as materialized (
            select rowid as row_id from {internal}.event_rows
            where device_key in (select actor_key from sampled_actors)
            union all
            select rowid from {internal}.event_rows
            where user_key in (select actor_key from sampled_actors) and device_key is null
        )
        select {{}} from {internal}.event_rows
        where rowid in (select row_id from found) and row_state = 'event'
    """)  # fmt: skip
    links = _read(
        connection,
        Link,
        f"select {{}} from {internal}.event_links where actor_key in (select actor_key from sampled_actors)",
    )
    wanted = set(actors)
    by_actor = _grouped(
        (event for event in events if event.actor in wanted), lambda event: event.actor
    )
    links_of = _grouped(
        (link for link in links if (link.source, link.actor_key) in wanted),
        lambda link: (link.source, link.actor_key),
    )
    sessions = _sessions(connection, schema, wanted)
    owner_of = _owners(connection, events, internal, rules)
    owners = {event.event_key: owner_of(event) for some in by_actor.values() for event in some}
    people = _persons(
        connection, internal, {owner for owner in owners.values() if owner is not None}
    )
    found: dict[str, Wrong] = {name: [] for name in CHECKS}
    for actor in actors:
        its, its_links = by_actor.get(actor, []), links_of.get(actor, [])
        named = {"source": actor[0], "actor_key": actor[1]}
        found["events_linked"] += [named | wrong for wrong in wrong_links(its, its_links)]
        found["sessions_anew"] += [
            named | wrong
            for wrong in wrong_sessions(its, its_links, sessions.get(actor, []), rules)
        ]
        person_of = {link.event_key: link.person_id for link in its_links}
        for event in its:
            owner = owners[event.event_key]
            expected = people.get(owner, owner) if owner is not None else event.device_key
            if event.event_key in person_of and person_of[event.event_key] != expected:
                found["people_anew"].append(
                    named
                    | {
                        "event_key": event.event_key,
                        "person_id": person_of[event.event_key],
                        "expected": expected,
                    }
                )
    found["users_anew"] = _wrong_people(connection, schema, internal)
    return found


def wrong_links(events: Sequence[Event], links: Sequence[Link]) -> Wrong:
    """Return the events of one actor that are not linked exactly once, as what they are."""
    wrong: Wrong = []
    stored = Counter(event.event_key for event in events)
    linked = Counter(link.event_key for link in links)
    wrong += [
        {"event_key": key, "events": stored[key], "links": linked[key]}
        for key in {**stored, **linked}
        if (stored[key], linked[key]) != (1, 1)
    ]
    places = {link.event_key: (link.event_name, link.event_at) for link in links}
    wrong += [
        {
            "event_key": event.event_key,
            "event_at": event.event_at,
            "linked_at": places[event.event_key][1],
        }
        for event in events
        if event.event_key in places
        and places[event.event_key] != (event.event_name, event.event_at)
    ]
    return wrong


def wrong_sessions(
    events: Sequence[Event],
    links: Sequence[Link],
    stored: Sequence[tuple[Any, datetime, datetime, int, int]],
    rules: Rules,
) -> Wrong:
    """Return the sessions of one actor that are missing or left over.

    `stored` are id, start, end, number of events and of page views. A session that a client named is taken to be what
    its events say (their links), any other is worked out from the times.
    """
    session_of = {link.event_key: link.session_id for link in links}
    members = [
        event
        for event in events
        if event.makes_session and (rules.include_bots or not event.is_bot)
    ]
    made = []
    if rules.by_client:
        named = _grouped(members, lambda event: session_of.get(event.event_key))
        made = [some for session, some in named.items() if session is not None]
    else:
        made = sessions_of(members, rules)
    expected = Counter(
        (
            *{session_of.get(event.event_key) for event in some},
            min(event.event_at for event in some),
            max(event.event_at for event in some),
            len(some),
            sum(event.event_type == "page" for event in some),
        )
        for some in made
    )
    found = Counter(stored)
    wrong: Wrong = [
        {"session_id": row[0], "started_at": row[-4], "ended_at": row[-3], "what": "left over"}
        for row in (found - expected).elements()
    ]
    return wrong + [
        {"session_id": row[0], "started_at": row[-4], "ended_at": row[-3], "what": "missing"}
        for row in (expected - found).elements()
    ]


def sessions_of(events: Iterable[Event], rules: Rules) -> list[list[Event]]:
    """Return the sessions that the events of one actor make, each with its events in order."""
    zone = ZoneInfo(rules.timezone)

    def day(at: datetime) -> date:
        return at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()

    sessions: list[list[Event]] = []
    campaign: str | None = None
    for event in sorted(
        events,
        key=lambda one: (
            one.event_at,
            one.event_order is None,
            one.event_order or 0,
            one.event_key,
        ),
    ):
        last = sessions[-1][-1] if sessions else None
        begins = (
            last is None
            or event.event_at - last.event_at > rules.session_timeout
            or (rules.split_at_midnight and day(event.event_at) != day(last.event_at))
            or (
                rules.max_session_length is not None
                and event.event_at - sessions[-1][0].event_at > rules.max_session_length
            )
            or (rules.split_on_campaign and event.utm_campaign not in (None, campaign))
        )
        if begins:
            sessions.append([])
            campaign = None
        sessions[-1].append(event)
        campaign = event.utm_campaign or campaign
    return sessions


def _sessions(
    connection: duckdb.DuckDBPyConnection, schema: str, wanted: set[Actor]
) -> dict[Actor, list[tuple[Any, datetime, datetime, int, int]]]:
    rows = connection.execute(
        "select source, actor_key, session_id, started_at, ended_at, event_count, page_view_count"
        f" from {schema}.sessions where actor_key in (select actor_key from sampled_actors)"
    ).fetchall()
    found: dict[Actor, list[tuple[Any, datetime, datetime, int, int]]] = {}
    for source, actor, *session in rows:
        if (source, actor) in wanted:
            found.setdefault((source, actor), []).append(tuple(session))
    return found


def _owners(
    connection: duckdb.DuckDBPyConnection, events: Iterable[Event], internal: str, rules: Rules
) -> Callable[[Event], Any]:
    """Return a function that says which user an event belongs to; None for nobody.

    Who signed in on a device, or was named by an alias from it, at what time, is taken from all events of the device,
    in whatever source.
    """
    signed_in: dict[Any, list[tuple[datetime, str, str, Any]]] = defaultdict(list)
    for event in events:
        if event.device_key is not None and event.user_key is not None:
            signed_in[event.device_key].append(
                (event.event_at, event.user_id or "", str(event.user_key), event.user_key)
            )
    aliases = connection.execute(
        f"select previous_device_key, event_at, user_id, user_key from {internal}.alias_events"
        " where previous_is_device and previous_device_key in (select actor_key from sampled_actors)"
    ).fetchall()
    for device, at, user_id, user_key in aliases:
        signed_in[device].append((at, user_id, str(user_key), user_key))
    # of several at one instant the first counts: the smallest user id
    timelines = {
        device: [next(same) for _, same in groupby(sorted(some), key=lambda one: one[0])]
        for device, some in signed_in.items()
    }

    def owner(event: Event) -> Any:
        timeline = timelines.get(event.device_key, [])
        if rules.last_user and timeline:
            return timeline[-1][-1]
        if event.user_key is not None or not timeline:
            return event.user_key
        after = (user for at, *_, user in timeline if at >= event.event_at)
        return next(after, timeline[-1][-1])

    return owner


def _persons(
    connection: duckdb.DuckDBPyConnection, internal: str, users: Iterable[Any]
) -> dict[Any, Any]:
    """Return the person of each of the users that is one person with others."""
    rows = connection.execute(
        f"select user_key, person_id from {internal}.merged_users"
        " where user_key in (select unnest($users::varchar[])::uuid)",
        {"users": [str(user) for user in users]},
    )
    return dict(rows.fetchall())


def _wrong_people(connection: duckdb.DuckDBPyConnection, schema: str, internal: str) -> Wrong:
    """Return the people of the sampled actors of whom users or user_days do not count what they did, of all days."""
    connection.execute(f"""
        create or replace temporary table sampled_people as
        select distinct person_id from {internal}.event_links
        where actor_key in (select actor_key from sampled_actors) and is_counted and person_id is not null
    """)
    cursor = connection.execute(f"""
        with links as (
            select
                person_id, event_day as day, count(*) as event_count,
                min(event_at) as first_at, max(event_at) as last_at
            from {internal}.event_links
            where person_id in (select person_id from sampled_people) and is_counted
            group by all
        ),
        sessions as (
            select person_id, session_day as day, count(*) as session_count
            from {schema}.sessions
            where person_id in (select person_id from sampled_people)
            group by all
        ),
        days as (
            select person_id, day, event_count, coalesce(session_count, 0) as session_count, first_at, last_at
            from links left join sessions using (person_id, day)
        ),
        people as (
            select
                person_id, sum(event_count) as event_count, sum(session_count) as session_count,
                min(first_at) as first_at, max(last_at) as last_at
            from days
            group by person_id
        ),
        stored_days as (
            select person_id, day, event_count, session_count from {schema}.user_days
            where person_id in (select person_id from sampled_people)
        ),
        stored as (
            select person_id, event_count, session_count, first_seen_at, last_seen_at from {schema}.users
            where person_id in (select person_id from sampled_people)
        )
        select
            person_id, day, days.event_count as events, stored_days.event_count as counted_events,
            days.session_count as sessions, stored_days.session_count as counted_sessions
        from days full join stored_days using (person_id, day)
        where days.event_count is distinct from stored_days.event_count
            or days.session_count is distinct from stored_days.session_count
        union all
        select
            person_id, null, people.event_count, stored.event_count, people.session_count, stored.session_count
        from people full join stored using (person_id)
        where people.event_count is distinct from stored.event_count
            or people.session_count is distinct from stored.session_count
            or people.first_at is distinct from stored.first_seen_at
            or people.last_at is distinct from stored.last_seen_at
        order by all
    """)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _keep_failed(
    connection: duckdb.DuckDBPyConnection, found: Mapping[str, Wrong], internal: str
) -> None:
    """Note the actors that failed: the next sample has them again. Of people all sampled actors are kept."""
    failed = {
        (row["source"], row["actor_key"])
        for rows in found.values()
        for row in rows
        if "actor_key" in row
    }
    with transaction(connection):
        connection.execute(
            f"create or replace table {internal}.{quote(FAILED)} as"
            " select source, actor_key from sampled_actors"
            " where $all or list_contains($keys, source || chr(31) || actor_key::varchar)",
            {
                "all": bool(found["users_anew"]),
                "keys": [f"{source}\x1f{actor}" for source, actor in failed],
            },
        )


def _read(connection: duckdb.DuckDBPyConnection, kind: Any, query: str) -> list[Any]:
    """Read rows as tuples with names; `{}` in the query stands for its columns."""
    rows = connection.execute(query.format(", ".join(kind._fields))).fetchall()
    return [kind(*row) for row in rows]


def _grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _is_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = ? and table_name = ?",
        [schema, name],
    )
    return bool(found.fetchall())
