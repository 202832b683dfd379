"""The simulation from seed to files, and the facts about what was written."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.sample import rates
from orchestration.sample.behaviour import live
from orchestration.sample.bots import crawl
from orchestration.sample.calls import Call, as_record
from orchestration.sample.choosing import stream
from orchestration.sample.mishaps import Mishaps, as_line, repeats_of, spoil_day
from orchestration.sample.people import make_people
from orchestration.sample.writing import web_file, write_billing, write_lines


@dataclass(frozen=True)
class BadDay:
    """The broken file of the bad day: path below the folder and what is wrong with its lines."""

    file: str
    lines: int
    rows_without_time: int
    unreadable_lines: int


@dataclass(frozen=True)
class Facts:
    """What was written, counted while writing; the web counts are those after the correction.

    `web_lines = web_events + repeats + malformed_lines + sum(quarantine_rows.values())`.
    """

    seed: int
    days: int
    people: int
    """People with at least one call."""
    members: int
    """People with an account: seen with a user id."""
    anonymous_ids: int
    bots: int
    bot_events: int
    web_files: int
    web_lines: int
    web_events: int
    """Distinct calls that can be used."""
    repeats: int
    repeats_in_later_files: int
    late_events: int
    """Calls received more than a day after they happened."""
    malformed_lines: int
    quarantine_rows: dict[str, int]
    events_by_name: dict[str, int]
    billing_rows: int
    """Distinct billing rows."""
    billing_repeats: int
    billing_malformed_lines: int
    bad_day: BadDay | None
    """None where the simulated days end before it."""

    @property
    def events(self) -> int:
        """Usable events of both sources."""
        return self.web_events + self.billing_rows


def simulate(
    landing: Path, corrections: Path, *, seed: int = 7, days: int = 60, people: int = 2000
) -> Facts:
    """Write the sample dumps and return the facts about them.

    Args:
        landing: folder for the dumps as delivered (`web/...`, `billing/...`).
        corrections: folder for the right version of the bad day's file.
        seed: the same seed gives the same files.
        days: number of days from 2026-01-05 on.
        people: number of people; bots grow with it.

    Raises:
        ValueError: `days` or `people` is below 1.
        OSError: a file cannot be written.

    """
    if days < 1 or people < 1:
        raise ValueError(f"days and people must be at least 1, not {days} and {people}")
    lives = [live(seed, person, days) for person in make_people(seed, people, days)]
    lived = [_received(calls, days) for calls, _ in lives]
    crawled = _received(crawl(seed, days, people), days)
    originals = [call for calls in lived for call in calls] + crawled
    repeats = _received(repeats_of(stream(seed, "repeats"), originals), days)

    web = _write_web(landing, corrections, seed, days, originals + repeats)
    booked = write_billing(landing, (row for _, rows in lives for row in rows))

    received_on = {call.message_id: _day_of(call) for call in originals}
    return Facts(
        seed=seed,
        days=days,
        people=sum(bool(calls) for calls in lived),
        members=sum(any(call.user_id for call in calls) for calls in lived),
        anonymous_ids=len({call.anonymous_id for call in originals}),
        bots=len({call.anonymous_id for call in crawled}),
        bot_events=len(crawled),
        web_files=days,
        web_lines=web.lines,
        web_events=len(originals),
        repeats=len(repeats),
        repeats_in_later_files=sum(
            _day_of(call) > received_on[call.message_id] for call in repeats
        ),
        late_events=sum(call.received - call.at > rates.DAY_MS for call in originals),
        malformed_lines=web.malformed,
        quarantine_rows=dict(sorted(web.quarantined.items())),
        events_by_name=dict(Counter(_name_of(call) for call in originals).most_common()),
        billing_rows=booked["rows"],
        billing_repeats=booked["repeats"],
        billing_malformed_lines=booked["malformed"],
        bad_day=web.bad_day,
    )


@dataclass
class _WebCounts:
    lines: int = 0
    malformed: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    bad_day: BadDay | None = None


def _write_web(
    landing: Path, corrections: Path, seed: int, days: int, calls: list[Call]
) -> _WebCounts:
    """Write a file per received day, an empty one where nothing was received."""
    counts = _WebCounts()
    by_day: list[list[Call]] = [[] for _ in range(days)]
    for call in calls:
        by_day[_day_of(call)].append(call)
    rng = stream(seed, "mishaps")
    mishaps = Mishaps(rng)
    bad_day = (rates.BAD_DAY - rates.FIRST_DAY).days
    for day, received in enumerate(by_day):
        received.sort(key=lambda call: (call.received, call.message_id))
        records = [as_record(call) for call in received]
        lines = [as_line(record) for record in records]
        file = web_file(day)
        counts.lines += len(lines)
        if day == bad_day:
            spoiled, without_time, unreadable = spoil_day(stream(seed, "bad day"), lines)
            counts.bad_day = BadDay(file, len(spoiled), without_time, unreadable)
            write_lines(corrections / file, lines)
            write_lines(landing / file, spoiled)
            continue
        unusable = mishaps.unusable_rows(records)
        broken, cut_off = mishaps.unreadable_lines(lines)
        for line in [as_line(record) for _, record in unusable] + broken:
            lines.insert(rng.randint(0, len(lines)), line)
        counts.quarantined.update(reason for reason, _ in unusable)
        malformed = len(broken) + bool(cut_off)
        counts.malformed += malformed
        counts.lines += len(unusable) + malformed
        write_lines(landing / file, lines, cut_off)
    return counts


def _received(calls: Iterable[Call], days: int) -> list[Call]:
    """Return the calls that were received before the last day was over."""
    return [call for call in calls if _day_of(call) < days]


def _day_of(call: Call) -> int:
    """Return the number of the (UTC) day on which a call was received."""
    return (call.received - rates.FIRST_MS) // rates.DAY_MS


def _name_of(call: Call) -> str:
    return call.name or call.type if call.type == "track" else call.type
