"""Small nasty histories: a few calls of a few devices and users, and how they are delivered.

A history is data: it can be generated, shrunk, printed and pasted into a test. It lives in a space of its own (a
prefix of all its ids), so that many share one run.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

#: An hour before midnight, two days before the end of a month.
START = datetime(2026, 1, 30, 23, 0)
#: Runs of one history, from 0. Before run `MENDED_IN` the mappings in sources.yml are corrected.
RUNS = 4
MENDED_IN = 2

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36"
)

_PLAIN = """
    format: jsonl
    event_id: id
    event_name: {name}
    event_type: type
    event_at: {at}
    received_at: received
    sent_at: sent
    original_timestamp: original
    event_order: nr
    anonymous_id: {device}
    user_id: user
    previous_id: previous
    group_id: account
    session_id: session
    is_bot: bot
    page_url: url
    page_path: path
    referrer: referrer
    user_agent: agent
    traits: [plan]
    properties: [space, value]
"""
_SOURCES = """
sources:
  web:
    format: segment
  app:{plain}
  server:
    makes_sessions: false{plain}
  shop:
    identity_namespace: shop{plain}
  beats:{plain}
"""
#: The definitions of the sources, at first and mended: the first ones do not know three older names of fields.
SOURCES = _SOURCES.format(plain=_PLAIN.format(name="name", at="at", device="device"))
MENDED_SOURCES = _SOURCES.format(
    plain=_PLAIN.format(
        name="coalesce(name, old_name)", at="coalesce(at, old_at)", device="coalesce(device, old_device)"
    )
)  # fmt: skip
#: Sources whose rows carry the client's session id and the source's own order.
PLAIN = ("app", "server", "shop")
# `beats` is for the one scenario that needs a source of its own: whether a source sends heartbeats concerns all of it.


@dataclass(frozen=True)
class Call:
    """One call, as it was sent.

    `at`: seconds after `START`. `received`: seconds after `at`, None when the collector does not say. `skew`: the
    client's clock is that many seconds off. `id`: calls of one id are one event; None: it has none. `broken`: `name`,
    `time`, `future` and `early` make it unusable, `line` unreadable; `old name`, `old time` and `old device` use names
    of fields that only the mended definitions know (plain sources).
    """

    kind: str
    at: int
    device: str | None = None
    user: str | None = None
    id: int | str | None = None
    source: str = "web"
    name: str | None = None
    previous: str | None = None
    account: str | None = None
    session: str | None = None
    order: int | None = None
    campaign: str | None = None
    referrer: str | None = None
    page: int = 0
    plan: str | None = None
    received: int | None = 0
    skew: int | None = None
    bot: bool = False
    broken: str | None = None

    def __repr__(self) -> str:
        return f"Call({_arguments(self, positional=('kind', 'at'))})"

    def line(self, space: str) -> str:
        """Return the call as a line of a dump."""
        if self.broken == "line":
            return f'{{"space": "{space}", "at": {self.at}, broken'
        return json.dumps(self._segment(space) if self.source == "web" else self._plain(space))

    @property
    def event_name(self) -> str | None:
        """The name of what happened; only tracked calls have one of their own."""
        if self.broken == "name":
            return None
        return self.name or ("Clicked" if self.kind == "track" else None)

    def _times(self) -> dict[str, str | None]:
        at = START + timedelta(seconds=self.at)
        times: dict[str, str | None] = dict.fromkeys(("at", "received", "sent", "original"))
        times["at"] = {
            "time": "soon", "future": "2031-01-01T00:00:00Z", "early": "1999-12-31T23:59:59Z"
        }.get(self.broken or "", _text(at))  # fmt: skip
        if self.received is not None:
            times["received"] = _text(at + timedelta(seconds=self.received))
        if self.skew is not None:
            # The clock of the client is off in both of its stamps; it sends five seconds later.
            times["at"] = times["original"] = _text(at + timedelta(seconds=self.skew))
            times["sent"] = _text(at + timedelta(seconds=self.skew + 5))
        return times

    def _url(self, space: str) -> str:
        tags = f"?utm_source={self.campaign}&utm_medium=cpc&utm_campaign={self.campaign}"
        return f"https://x.example/{space}/{self.page}{tags if self.campaign else ''}"

    def _segment(self, space: str) -> dict[str, Any]:
        times = self._times()
        call: dict[str, Any] = {
            "type": self.kind,
            "messageId": _named(space, self.id),
            "anonymousId": _named(space, self.device),
            "userId": _named(space, self.user),
            "timestamp": times["at"],
            "receivedAt": times["received"],
            "sentAt": times["sent"],
            "originalTimestamp": times["original"],
            "event": self.event_name,
            "previousId": _named(space, self.previous),
            "groupId": _named(space, self.account),
            "properties": {"space": space},
            "context": {"userAgent": BOT if self.bot else BROWSER},
        }
        if self.kind == "track" and self.broken == "name":
            call["event"] = ""
        if self.kind == "page":
            call["context"]["page"] = {"url": self._url(space), "referrer": self.referrer}
        if self.plan is not None:
            call["traits"] = {"plan": self.plan}
        return call

    def _plain(self, space: str) -> dict[str, Any]:
        call: dict[str, Any] = {
            "id": _named(space, self.id),
            "type": self.kind,
            "name": self.event_name,
            **self._times(),
            "device": _named(space, self.device),
            "user": _named(space, self.user),
            "previous": _named(space, self.previous),
            "account": _named(space, self.account),
            "session": self.session,
            "nr": self.order,
            "bot": self.bot,
            "url": self._url(space) if self.kind == "page" else None,
            "referrer": self.referrer if self.kind == "page" else None,
            "agent": BROWSER,
            "plan": self.plan,
            "space": space,
            "value": self.at / 10,
        }
        if self.broken in ("old name", "old time", "old device"):
            new = {"old name": "name", "old time": "at", "old device": "device"}[self.broken]
            call[f"old_{new}"] = call.pop(new)
        return call


def deliveries(*versions: Sequence[int] | None) -> Mapping[int, tuple[int, ...]]:
    """Return the versions of a file by the run in which they come; None: nothing comes in that run."""
    return {run: tuple(calls) for run, calls in enumerate(versions) if calls is not None}


@dataclass(frozen=True)
class History:
    """Calls, and the files in which they come: per file, by run, the numbers of the calls in that version."""

    calls: tuple[Call, ...]
    files: tuple[Mapping[int, tuple[int, ...]], ...] = field(default=())

    def __repr__(self) -> str:
        calls = "".join(
            f"        {call!r},  # {number}\n" for number, call in enumerate(self.calls)
        )
        files = "".join(f"        {dict(file)!r},\n" for file in self.files)
        return f"History(\n    calls=(\n{calls}    ),\n    files=(\n{files}    ),\n)"

    @property
    def size(self) -> tuple[int, ...]:
        """How much there is to read: calls, then versions of files and their rows, then fields that say something."""
        versions = [calls for file in self.files for calls in file.values()]
        said = sum(
            getattr(call, one.name) != one.default
            for call in self.calls
            for one in fields(call)
            if one.default is not MISSING
        )
        times = [call.at for call in self.calls]
        return (
            len(self.calls), len(versions), sum(map(len, versions)), said,
            len(set(times)), sum(map(abs, times)), sum(run for file in self.files for run in file),
        )  # fmt: skip


def arriving(
    histories: Mapping[str, History], run: int | None = None
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the files that come in a run, as (source, name, lines): those of all histories together.

    Files that come in the same runs share a name, so a history meets the batches that it would meet alone. None:
    the last version of every file, as one full build gets them.
    """
    lines: dict[tuple[str, str], list[str]] = {}
    for space, history in histories.items():
        for number, file in enumerate(history.files):
            wanted = max(file) if run is None else run
            if wanted not in file:
                continue
            name = f"{number}-{'-'.join(str(each) for each in sorted(file))}.jsonl"
            # A source that another version has rows of gets its file, if an empty one.
            for source in {
                history.calls[call].source for version in file.values() for call in version
            }:
                lines.setdefault((source, name), [])
            for call in file[wanted]:
                lines[history.calls[call].source, name].append(history.calls[call].line(space))
    for (source, name), content in sorted(lines.items()):
        yield source, name, content


def rows(histories: Mapping[str, History]) -> Iterator[tuple[str, str]]:
    """Yield every raw row of the set in the end, as (source, line)."""
    for source, _, lines in arriving(histories):
        for line in lines:
            yield source, line


def _named(space: str, name: object) -> str | None:
    return None if name is None else f"{space}-{name}"


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


def _arguments(call: Call, positional: tuple[str, ...]) -> str:
    said = [repr(getattr(call, name)) for name in positional]
    said += [
        f"{one.name}={getattr(call, one.name)!r}"
        for one in fields(call)
        if one.name not in positional and getattr(call, one.name) != one.default
    ]
    return ", ".join(said)
