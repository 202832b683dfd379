"""Sessions and people by plain loops, written from the definitions and not from the SQL, to compare the tables with.

An event is a dictionary of `key`, `source`, `device`, `user`, `at` (datetime, UTC), `order`, `type`, `campaign`,
`client_session` and `makes_session`, with None for what is missing; an alias event also has `previous`. Devices, users
and previous ids are names that are unique over all sources; a previous id that is the device of some event names that
device, else a user.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Event = Mapping[str, Any]


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events of one actor in their order: time, the source's own order, key."""
    return sorted(
        events,
        key=lambda event: (
            event["at"],
            event["order"] is None,
            event["order"] or 0,
            event["key"],
        ),
    )


def sessions(
    events: Iterable[Event],
    *,
    strategy: str = "computed",
    timeout: int = 1800,
    max_length: int | None = None,
    midnight: bool = False,
    campaign: bool = False,
    zone: str = "UTC",
) -> list[list[str]]:
    """Return the keys of the events of each session, in order; sessions in no order that matters."""
    streams: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event["makes_session"] and (event["device"] or event["user"]):
            kind, actor = (
                ("device", event["device"]) if event["device"] else ("user", event["user"])
            )
            streams[(event["source"], kind, actor)].append(event)
    found: list[list[str]] = []
    for stream in streams.values():
        if strategy == "client":
            found += _client_sessions(in_order(stream), timeout)
        else:
            found += _computed_sessions(
                in_order(stream), timeout, max_length, midnight, campaign, ZoneInfo(zone)
            )
    return found


def _client_sessions(stream: list[Event], timeout: int) -> list[list[str]]:
    by_name: dict[str, list[str]] = {}
    nameless: list[list[str]] = []
    current: list[str] = []
    before: datetime | None = None
    for event in stream:
        if event["client_session"] is not None:
            current = by_name.setdefault(event["client_session"], [])
        elif before is None or event["at"] - before > timedelta(seconds=timeout):
            current = []
            nameless.append(current)
        current.append(event["key"])
        before = event["at"]
    return list(by_name.values()) + nameless


def _computed_sessions(
    stream: list[Event],
    timeout: int,
    max_length: int | None,
    midnight: bool,
    campaign: bool,
    zone: ZoneInfo,
) -> list[list[str]]:
    def day(at: datetime) -> Any:
        return at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()

    found: list[list[str]] = []
    started = before = datetime.min
    current_campaign: str | None = None
    for event in stream:
        at = event["at"]
        cut = (
            not found
            or at - before > timedelta(seconds=timeout)
            or (midnight and day(at) != day(before))
            or (max_length is not None and at > started + timedelta(seconds=max_length))
            or (
                campaign and event["campaign"] is not None and event["campaign"] != current_campaign
            )
        )
        if cut:
            found.append([])
            started, current_campaign = at, None
        if event["campaign"] is not None:
            current_campaign = event["campaign"]
        found[-1].append(event["key"])
        before = at
    return found


def engaged_seconds(session: Iterable[Event]) -> int:
    """Engaged seconds of one session, given in order, in a source that sends heartbeats."""
    views: list[set[int]] = []
    for event in session:
        if event["type"] == "page":
            views.append(set())
        elif event["type"] == "heartbeat" and views:
            seconds = int((event["at"] - datetime(1970, 1, 1)).total_seconds())
            views[-1].add(seconds // 10)
    return sum(10 * (len(buckets) - 1) + 5 for buckets in views if buckets)


class People:
    """Whose each event is, under one identity strategy."""

    def __init__(
        self, events: Iterable[Event], strategy: str = "timeline", limit: int = 100
    ) -> None:
        self.events = list(events)
        self.strategy = strategy
        devices = {event["device"] for event in self.events if event["device"]}
        self.identified: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        aliases: list[tuple[str, str]] = []
        for event in self.events:
            if event["user"] and event["device"]:
                self.identified[event["device"]].append((event["at"], event["user"]))
            if event["type"] == "alias" and event["user"] and event["previous"]:
                if event["previous"] in devices:
                    self.identified[event["previous"]].append((event["at"], event["user"]))
                else:
                    aliases.append((event["user"], event["previous"]))
        links = list(aliases)
        if strategy == "graph":
            shared = {
                device: sorted({user for _, user in seen})
                for device, seen in self.identified.items()
                if len({user for _, user in seen}) > 1
            }
            all_links = links + [(users[0], user) for users in shared.values() for user in users]
            component = _components(all_links)
            sizes: dict[str, set[tuple[str, str]]] = defaultdict(set)
            for user, name in component.items():
                sizes[name].add(("user", user))
            for device, seen in self.identified.items():
                for _, user in seen:
                    if user in component:
                        sizes[component[user]].add(("device", device))
            links += [
                (users[0], user)
                for users in shared.values()
                for user in users
                if len(sizes[component[user]]) <= limit
            ]
        self.person = _components(links)

    def of(self, event: Event) -> tuple[str, str] | None:
        """Return the person of an event: their smallest user id, or the device; None for nobody."""
        on_device = self._of_device(event["device"], event["at"]) if event["device"] else None
        named = event["user"]
        user = on_device or named if self.strategy == "last_user" else named or on_device
        if user:
            return ("user", self.person.get(user, user))
        return ("device", event["device"]) if event["device"] else None

    def _of_device(self, device: str, at: datetime) -> str | None:
        seen = self.identified.get(device)
        if not seen:
            return None
        pick: Callable[[Iterable[datetime]], datetime]
        if self.strategy == "last_user":
            pick, candidates = max, [when for when, _ in seen]
        elif later := [when for when, _ in seen if when >= at]:
            pick, candidates = min, later
        else:
            pick, candidates = max, [when for when, _ in seen]
        instant = pick(candidates)
        return min(user for when, user in seen if when == instant)


def _components(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map each linked user to the smallest user that it hangs together with."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    smallest: dict[str, str] = {}
    for start in sorted(neighbours):
        waiting = [start] if start not in smallest else []
        while waiting:
            user = waiting.pop()
            if user not in smallest:
                smallest[user] = start
                waiting += neighbours[user]
    return smallest
