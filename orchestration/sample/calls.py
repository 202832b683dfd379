"""Segment calls: what a device sends while somebody uses it, and how a call looks as JSON.

All times are Unix times in milliseconds, by the true clock; a device's own clock enters only when
a call is written out (`as_record`), and Segment's correction takes it out again:
`timestamp = receivedAt - (sentAt - originalTimestamp)`.
"""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote_plus

from orchestration.sample import rates
from orchestration.sample.catalogue import APP, SITE, Origin, Phone, Place
from orchestration.sample.choosing import new_uuid
from orchestration.sample.people import Device

Record = dict[str, Any]
CallType = Literal["track", "page", "screen", "identify", "group", "alias"]

LIBRARY = {"name": "footpath-simulator", "version": "1.0.0"}


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a browser shows, and the campaign that its url names."""

    path: str
    url: str
    search: str
    title: str
    referrer: str
    campaign: dict[str, str] | None = None

    def as_record(self) -> Record:
        """Return what Segment puts into `context.page` and a page call's properties."""
        return {
            "path": self.path,
            "referrer": self.referrer,
            "search": self.search,
            "title": self.title,
            "url": self.url,
        }


@dataclass(slots=True)
class Call:
    """One call, before it is written. `details` holds properties, or traits of identify and group.

    `anonymous_id` is the device's at that moment: it may get another one later.
    """

    type: CallType
    message_id: str
    device: Device
    anonymous_id: str
    user_id: str | None
    place: Place | None
    at: int
    sent: int
    received: int
    name: str | None = None
    details: Record | None = None
    page: Page | None = None
    group_id: str | None = None
    previous_id: str | None = None


def iso(time_ms: int) -> str:
    """Return a time as Segment writes it: `2026-01-05T08:30:00.125Z`."""
    second, millisecond = divmod(time_ms, 1000)
    return f"{_second(second)}.{millisecond:03d}Z"


@lru_cache(maxsize=64)  # a call's four times lie in one or two seconds, mostly
def _second(unix_time: int) -> str:
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def as_record(call: Call) -> Record:
    """Return a call as the tracking endpoint writes it to its dump."""
    clock = call.device.clock_ms
    record: Record = {"messageId": call.message_id, "type": call.type}
    if call.type == "track":
        record["event"] = call.name
    elif call.name is not None:
        record["name"] = call.name
    record["anonymousId"] = call.anonymous_id
    record["userId"] = call.user_id
    if call.group_id is not None:
        record["groupId"] = call.group_id
    if call.previous_id is not None:
        record["previousId"] = call.previous_id
    details = call.details or {}
    if call.type in ("identify", "group"):
        record["traits"] = details
    elif call.type == "page" and call.page is not None:
        record["properties"] = call.page.as_record() | details
    else:
        record["properties"] = details
    record["context"] = _context(call)
    record["integrations"] = {}
    record["channel"] = "client"
    record["originalTimestamp"] = iso(call.at + clock)
    record["sentAt"] = iso(call.sent + clock)
    record["receivedAt"] = iso(call.received)
    record["timestamp"] = iso(call.received - (call.sent - call.at))
    return record


def _context(call: Call) -> Record:
    client = call.device.client
    context: Record = {
        "ip": call.device.ip,
        "library": LIBRARY,
        "userAgent": client.user_agent,
        "screen": {"width": client.width, "height": client.height},
    }
    if call.place is not None:
        context["locale"] = call.place.locale
        context["timezone"] = call.place.timezone
    if call.group_id is not None:
        context["groupId"] = call.group_id
    if call.page is not None:
        context["page"] = call.page.as_record()
        if call.page.campaign is not None:
            context["campaign"] = call.page.campaign
    if isinstance(client, Phone):
        context["app"] = {"name": "Planwren", "version": "3.8.1", "build": "3810"}
        context["os"] = {"name": client.system, "version": client.system_version}
        context["device"] = {
            "manufacturer": client.manufacturer,
            "model": client.model,
            "name": client.name,
            "type": client.system.lower(),
        }
        context["network"] = {"wifi": call.device.ip.startswith("192"), "cellular": True}
    return context


class Visit:
    """One stretch of activity on one device. It keeps the time, the page and who is signed in.

    A visit on an `offline` phone is sent in one go when the phone is back online, after
    `sent_late_ms` milliseconds.
    """

    def __init__(
        self,
        rng: random.Random,
        device: Device,
        place: Place | None,
        starts: int,
        user_id: str | None = None,
        sent_late_ms: int = 0,
    ) -> None:
        self.rng = rng
        self.device = device
        self.now = starts
        self.user_id = user_id
        self.calls: list[Call] = []
        self._place = place
        self._page: Page | None = None
        self._sent_late = sent_late_ms

    def wait(self, median_seconds: float) -> None:
        """Let a human pause go by: log-normal, at most 28 minutes."""
        seconds = self.rng.lognormvariate(math.log(median_seconds), 0.8)
        self.now += int(min(max(seconds, 0.4), 28 * 60) * 1000)

    def land(self, path: str, title: str, origin: Origin, site: str = SITE) -> None:
        """Open a first page from somewhere else, with its campaign and click id in the url."""
        parameters: list[tuple[str, str]] = []
        campaign = None
        if origin.utm is not None:
            names = ("source", "medium", "campaign", "term", "content")
            given = [(name, value) for name, value in zip(names, origin.utm, strict=True) if value]
            parameters += [(f"utm_{name}", value) for name, value in given]
            # Segment calls utm_campaign `name`.
            campaign = {("name" if name == "campaign" else name): value for name, value in given}
        if origin.click_id:
            click = f"{self.rng.getrandbits(160):040x}"
            prefix = {"gclid": "Cj0KCQiA", "fbclid": "IwAR"}.get(origin.click_id, "")
            parameters.append((origin.click_id, prefix + click))
        search = "&".join(f"{name}={quote_plus(value)}" for name, value in parameters)
        self._show(site, path, title, search, origin.referrer, campaign)

    def page(self, path: str, title: str, site: str = SITE, search: str = "") -> None:
        """Go on to another page; the page before it is its referrer."""
        referrer = self._page.url if self._page is not None else ""
        self._show(site, path, title, search, referrer, None)

    def app_page(self, path: str, title: str, search: str = "") -> None:
        """Go on to a page of the app."""
        self.page(path, f"{title} | Planwren", APP, search)

    def screen(self, name: str, **properties: object) -> None:
        """Show a screen of the phone app."""
        self._call("screen", name, properties)

    def track(self, event: str, **properties: object) -> None:
        """Send a track call."""
        self._call("track", event, properties)

    def identify(self, user_id: str, traits: Record) -> None:
        """Send an identify call; what follows carries the user id."""
        self.user_id = user_id
        self._call("identify", None, traits)

    def group(self, group_id: str, traits: Record) -> None:
        """Send a group call."""
        self._call("group", None, traits, group_id=group_id)

    def alias(self, previous_id: str, user_id: str) -> None:
        """Send an alias call: `previous_id` and `user_id` are one person."""
        self.user_id = user_id
        self._call("alias", None, None, previous_id=previous_id)

    def forget_user(self) -> None:
        """Send no user id from here on."""
        self.user_id = None

    def finish(self) -> list[Call]:
        """Return the visit's calls; those of an offline phone are sent only now."""
        if self._sent_late:
            sent = self.now + self._sent_late
            for call in self.calls:
                call.sent = sent
                call.received = sent + self.rng.randint(80, 2500)
        return self.calls

    def _show(
        self,
        site: str,
        path: str,
        title: str,
        search: str,
        referrer: str,
        campaign: dict[str, str] | None,
    ) -> None:
        search = f"?{search}" if search else ""
        self._page = Page(path, site + path + search, search, title, referrer, campaign)
        self._call("page", None, None)

    def _call(
        self,
        type_: CallType,
        name: str | None,
        details: Record | None,
        group_id: str | None = None,
        previous_id: str | None = None,
    ) -> None:
        rng = self.rng
        if self.device.is_phone_app:
            message_id = new_uuid(rng)
            sent = self.now + _between(rng, 100, 30_000)  # the phone sends in batches
        else:
            message_id = f"ajs-next-{self.now + self.device.clock_ms}-{new_uuid(rng)}"
            sent = self.now + _between(rng, 20, 900)
        self.calls.append(
            Call(
                type=type_,
                message_id=message_id,
                device=self.device,
                anonymous_id=self.device.anonymous_id,
                user_id=self.user_id,
                place=self._place,
                at=self.now,
                sent=sent,
                received=sent + _between(rng, 30, 800),
                name=name,
                details=details,
                page=self._page,
                group_id=group_id,
                previous_id=previous_id,
            )
        )
        # The next call of the same step comes a moment later.
        self.now += _between(rng, 40, 400)


def _between(rng: random.Random, low: int, high: int) -> int:
    """Return a whole number from `low` up to `high`; quicker than `randint` on the hottest path."""
    return low + int(rng.random() * (high - low))


def late_by(rng: random.Random) -> int:
    """Return how long an offline phone keeps its calls, in milliseconds: up to six days."""
    hours = rng.lognormvariate(math.log(14), 1.1)
    return int(min(max(hours * rates.HOUR_MS, 30 * rates.MINUTE_MS), rates.LONGEST_DELAY_MS))
