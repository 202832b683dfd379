"""Retention, lifecycle, stickiness, trends and cohorts as plain loops over events, written from their definitions."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Event = Mapping[str, Any]
Row = tuple[Any, ...]

HOURS = {"hour": 1, "day": 24, "week": 168, "month": 720}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Intervals of a time zone; each has a number, the next one the next number."""

    interval: str
    zone: str = "UTC"
    week_start: str = "monday"

    def number(self, at: datetime) -> int:
        """Return the interval of a UTC time."""
        if self.interval == "hour":
            return int((at - datetime(1970, 1, 1)) // timedelta(hours=1))
        return self._number_of(local(at, self.zone).date())

    def _number_of(self, day: date) -> int:
        if self.interval == "day":
            return day.toordinal()
        if self.interval == "week":  # day 1 was a Monday
            return (day.toordinal() - (1 if self.week_start == "monday" else 0)) // 7
        return day.year * 12 + day.month - 1

    def start(self, number: int) -> datetime:
        """Return the first instant of an interval by the clock of the time zone."""
        if self.interval == "hour":
            return local(datetime(1970, 1, 1) + number * timedelta(hours=1), self.zone)
        if self.interval == "day":
            day = date.fromordinal(number)
        elif self.interval == "week":
            day = date.fromordinal(number * 7 + (1 if self.week_start == "monday" else 0))
        else:
            day = date(number // 12, number % 12 + 1, 1)
        return datetime(day.year, day.month, day.day)

    def end_utc(self, number: int) -> datetime:
        """Return the first instant after an interval, UTC."""
        if self.interval == "hour":
            return datetime(1970, 1, 1) + (number + 1) * timedelta(hours=1)
        return utc(self.start(number + 1), self.zone)

    def of_text(self, text: str, *, is_end: bool = False) -> int:
        """Return the interval in which a range begins or ends."""
        at, after = span(text, self.zone)
        if is_end and after is not None:
            return self.number(after - timedelta(microseconds=1))
        return self.number(at)


def local(at: datetime, zone: str) -> datetime:
    """Return what the clock of a time zone shows at a UTC time."""
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def utc(at: datetime, zone: str) -> datetime:
    """Return the first UTC time at which the clock of a time zone shows this."""
    return at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def span(text: str, zone: str) -> tuple[datetime, datetime | None]:
    """Return the first instant of a date or time, and of a date the first instant after it."""
    if len(text) == 10:
        day = datetime.fromisoformat(text)
        return utc(day, zone), utc(day + DAY, zone)
    at = datetime.fromisoformat(text)
    return (at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else utc(at, zone)), None


def in_range(at: datetime, date_from: str | None, date_to: str | None, zone: str) -> bool:
    """Whether a time is in a range whose ends are both included."""
    if date_from is not None and at < span(date_from, zone)[0]:
        return False
    if date_to is None:
        return True
    last, after = span(date_to, zone)
    return at < after if after is not None else at <= last


def matches(event: Event, definition: Any) -> bool:
    """Say whether it is such an event: a name, None for any, or a mapping with event and filter."""
    if not isinstance(definition, Mapping):
        return definition is None or event["event_name"] == definition
    return (definition.get("event") is None or event["event_name"] == definition["event"]) and all(
        event["properties"].get(name) in values
        for name, values in definition.get("filter", {}).items()
    )


def by_person(events: Iterable[Event], definition: Any = None) -> dict[str, list[Event]]:
    """Return person to their matching events in time order."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event["event_at"]):
        if matches(event, definition):
            found[event["person_id"]].append(event)
    return found


def retention(
    events: Sequence[Event],
    *,
    start: Any,
    data_until: datetime,
    returning: Any = None,
    preset: str | None = None,
    cohort: str | None = None,
    clock: str | None = None,
    returned: str | Sequence[int] | None = None,
    period: str = "week",
    intervals: int | None = 8,
    date_from: str | None = None,
    date_to: str | None = None,
    min_occurrences: int = 1,
    value: bool = False,
    value_aggregation: str = "sum",
    timezone: str = "UTC",
    week_start: str = "monday",
    clip_to_range: bool | None = None,
    floor_to_hour: bool | None = None,
) -> list[Row]:
    """Return rows of cohort start, period, size, people, maturity and value."""
    if preset in ("mixpanel", "amplitude"):
        cohort, clock = cohort or "first_time", clock or "rolling"
        returned = returned or "on_or_after"
        floor_to_hour = preset == "amplitude" if floor_to_hour is None else floor_to_hour
    cohort, clock, returned = cohort or "recurring", clock or "calendar", returned or "on"
    calendar = Calendar(period, timezone, week_start)
    starts = by_person(events, start)
    returns = by_person(events, start if returning is None else returning)

    first = None if date_from is None else calendar.of_text(date_from)
    last = None if date_to is None else calendar.of_text(date_to, is_end=True)
    if last is None and first is not None and intervals is not None:
        last = first + intervals - 1

    cohorts: dict[int, dict[str, datetime]] = defaultdict(dict)
    for person, own in starts.items():
        times = [event["event_at"] for event in own]
        if cohort == "first_time":
            times = [at for at in times if first is None or calendar.number(at) >= first][:1]
        elif cohort == "first_ever":
            times = times[:1]
        for at in times:
            number = calendar.number(at)
            if (first is None or number >= first) and (last is None or number <= last):
                cohorts[number].setdefault(person, at)
    if first is None:
        if not cohorts:
            return []
        first = min(cohorts)
    if last is None:
        last = max([*cohorts, calendar.number(data_until)])

    length = timedelta(hours=HOURS[period])

    def floored(at: datetime) -> datetime:
        return at.replace(minute=0, second=0, microsecond=0) if floor_to_hour else at

    clip = isinstance(returned, str) if clip_to_range is None else clip_to_range
    cells: list[Row] = []
    for number in range(first, last + 1):
        members = cohorts.get(number, {})
        held: dict[str, dict[int, list[Event]]] = {}
        for person, began in members.items():
            periods: dict[int, list[Event]] = defaultdict(list)
            for event in returns.get(person, []):
                if clock == "calendar":
                    later = calendar.number(event["event_at"]) - number
                else:
                    later = (floored(event["event_at"]) - floored(began)) // length
                if later >= 0 and (not clip or number + later <= last):
                    periods[later].append(event)
            held[person] = {
                later: found for later, found in periods.items() if len(found) >= min_occurrences
            }
        for column, (low, high, ended) in enumerate(
            columns(returned, intervals if intervals is not None else last - first + 1)
        ):
            if clip and number + ended > last:
                continue
            if clock == "calendar":
                mature = calendar.end_utc(number + ended) <= data_until
            else:
                closed = calendar.end_utc(number)
                latest = max((floored(began) for began in members.values()), default=closed)
                mature = closed <= data_until and latest + (ended + 1) * length <= data_until
            inside = {
                person: [
                    event for later in periods if low <= later <= high for event in periods[later]
                ]
                for person, periods in held.items()
            }
            people = sum(1 for found in inside.values() if found) if column else len(members)
            amounts = [
                event["amount"]
                for found in inside.values()
                for event in found
                if event.get("amount") is not None
            ]
            total: Any = sum(amounts, Decimal(0))
            if value_aggregation == "average":
                total = float(total) / len(amounts) if amounts else None
            cell = (
                calendar.start(number),
                column,
                len(members),
                people if mature or not column else None,
                mature,
                total if value and (mature or not column) else None,
            )
            cells.append(cell)
    return cells


def columns(returned: str | Sequence[int], count: int) -> list[tuple[float, float, int]]:
    """Return first and last period of each column, and the period that must have ended."""
    if not isinstance(returned, str):
        spans: list[tuple[float, float, int]] = [(0, 0, 0)]
        for width in returned:
            low = spans[-1][2] + 1
            spans.append((low, low + width - 1, low + width - 1))
        return spans
    if returned == "on_or_after":
        return [(n, float("inf"), n) for n in range(count)]
    if returned == "on_or_before":
        return [(min(n, 1), n, n) for n in range(count)]
    return [(n, n, n) for n in range(count)]


def average(cells: Iterable[Row], weighting: str | None) -> dict[int, float]:
    """Return period to the average over its mature cells."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for _, column, size, people, mature, _ in cells:
        if mature and size:
            found[column].append((size, people))
    weigh: Callable[[int], float] = {
        "pooled": lambda size: size,
        "double": lambda size: size * size,
        None: lambda _: 1,
    }[weighting]
    return {
        column: sum(weigh(size) * people / size for size, people in pairs)
        / sum(weigh(size) for size, _ in pairs)
        for column, pairs in found.items()
    }


def lifecycle(
    events: Sequence[Event],
    *,
    data_until: datetime,
    event: Any = None,
    interval: str = "week",
    date_from: str | None = None,
    date_to: str | None = None,
    new_by: str = "any_event",
    timezone: str = "UTC",
    week_start: str = "monday",
) -> list[Row]:
    """Return rows of interval start, status and people."""
    calendar = Calendar(interval, timezone, week_start)
    active = {
        person: {calendar.number(one["event_at"]) for one in own}
        for person, own in by_person(events, event).items()
    }
    everything = by_person(events, None if new_by == "any_event" else event)
    numbers = {number for own in active.values() for number in own}
    if not numbers and date_from is None:
        return []
    first = min(numbers) if date_from is None else calendar.of_text(date_from)
    last = (
        max([*numbers, calendar.number(data_until)])
        if date_to is None
        else calendar.of_text(date_to, is_end=True)
    )
    counts: list[Row] = []
    for number in range(first, last + 1):
        people: dict[str, int] = dict.fromkeys(["new", "returning", "resurrecting", "dormant"], 0)
        for person, own in active.items():
            if number in own:
                if calendar.number(everything[person][0]["event_at"]) == number:
                    people["new"] += 1
                elif number - 1 in own:
                    people["returning"] += 1
                else:
                    people["resurrecting"] += 1
            elif number - 1 in own:
                people["dormant"] += 1
        counts += [(calendar.start(number), status, count) for status, count in people.items()]
    return counts


def holds(count: int, criterion: str, value: int) -> bool:
    """Whether something happened often enough, or not too often."""
    if criterion == "at_least":
        return count >= value
    return count <= value if criterion == "at_most" else count == value


def stickiness(
    events: Sequence[Event],
    *,
    data_until: datetime,
    event: Any = None,
    interval: str = "day",
    date_from: str | None = None,
    date_to: str | None = None,
    criterion: str = "at_least",
    criterion_value: int = 1,
    cumulative: bool = False,
    timezone: str = "UTC",
    week_start: str = "monday",
) -> dict[int, int]:
    """Return number of intervals to people."""
    calendar = Calendar(interval, timezone, week_start)
    active = by_person(events, event)
    numbers = [calendar.number(one["event_at"]) for own in active.values() for one in own]
    if not numbers and date_from is None:
        return {}
    first = min(numbers) if date_from is None else calendar.of_text(date_from)
    last = (
        calendar.number(data_until) if date_to is None else calendar.of_text(date_to, is_end=True)
    )
    reached: list[int] = []
    for own in active.values():
        times: dict[int, int] = defaultdict(int)
        for one in own:
            number = calendar.number(one["event_at"])
            if first <= number <= last and in_range(one["event_at"], None, date_to, timezone):
                times[number] += 1
        reached.append(sum(holds(count, criterion, criterion_value) for count in times.values()))
    return {
        k: sum(count >= k if cumulative else count == k for count in reached)
        for k in range(1, last - first + 2)
    }


def trend(
    events: Sequence[Event],
    *,
    data_until: datetime,
    series: Sequence[Mapping[str, Any]],
    interval: str = "day",
    breakdown: bool = False,
    breakdown_limit: int | None = 25,
    date_from: str | None = None,
    date_to: str | None = None,
    rolling: int = 1,
    formula: Callable[..., float] | None = None,
    timezone: str = "UTC",
    week_start: str = "monday",
) -> list[Row]:
    """Return rows of interval start, series, breakdown, value and rolling average."""
    calendar = Calendar(interval, timezone, week_start)
    first = None if date_from is None else calendar.of_text(date_from)
    found: list[tuple[int, int, str, Event]] = []  # series, interval, breakdown
    for place, one in enumerate(series):
        for event in events:
            number = calendar.number(event["event_at"])
            if (
                matches(event, one)
                and (first is None or number >= first)
                and in_range(event["event_at"], None, date_to, timezone)
            ):
                plan = event["properties"].get("plan") if breakdown else None
                found.append((place, number, plan or "", event))
    if first is None:
        if not found:
            return []
        first = min(number for _, number, _, _ in found)
    if date_to is not None:
        last = calendar.of_text(date_to, is_end=True)
    else:
        last = max([calendar.number(data_until), *(number for _, number, _, _ in found)])

    sizes: dict[str, int] = defaultdict(int)
    for _, _, name, _ in found:
        sizes[name] += 1
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:breakdown_limit]
    cells: dict[tuple[int, int, str], list[Event]] = defaultdict(list)
    for place, number, name, event in found:
        cells[place, number, name if name in largest else "Other"].append(event)
    names = {name for _, _, name in cells} if breakdown else {""}

    results: list[Row] = []
    for name in names:
        values = {
            number: [aggregate(cells[place, number, name], one) for place, one in enumerate(series)]
            for number in range(first, last + 1)
        }
        if formula is not None:
            values = {number: [_or_zero(formula, own)] for number, own in values.items()}
        for number in values:
            recent = [
                values[earlier]
                for earlier in range(number - rolling + 1, number + 1)
                if earlier in values
            ]
            for place, value in enumerate(values[number]):
                mean = sum(own[place] for own in recent) / len(recent)
                letter = "ABC"[place] if formula is None else "formula"
                results.append((calendar.start(number), letter, name, value, mean))
    return results


def _or_zero(formula: Callable[..., float], values: Sequence[float]) -> float:
    try:
        return formula(*values)
    except ZeroDivisionError:
        return 0


def aggregate(events: Sequence[Event], series: Mapping[str, Any]) -> float:
    """Return one number of events; 0 of none."""
    kind = series.get("aggregate", "count")
    if kind == "count":
        return len(events)
    if kind == "people":
        return len({event["person_id"] for event in events})
    amounts = sorted(event["amount"] for event in events if event.get("amount") is not None)
    if not amounts:
        return 0
    if kind in ("sum", "average"):
        return float(sum(amounts)) / (len(amounts) if kind == "average" else 1)
    place = (len(amounts) - 1) * (0.5 if kind == "median" else series["percentile"])
    below, above = float(amounts[int(place)]), float(amounts[min(int(place) + 1, len(amounts) - 1)])
    return below + (above - below) * (place - int(place))


def cohort(
    events: Sequence[Event],
    *,
    event: Any = None,
    criterion: str = "at_least",
    criterion_value: int = 1,
    date_from: str | None = None,
    date_to: str | None = None,
    timezone: str = "UTC",
) -> set[str]:
    """Return the people who did it so often."""
    matching = by_person(events, event)
    if criterion == "first":
        return {
            person
            for person, own in matching.items()
            if in_range(own[0]["event_at"], date_from, date_to, timezone)
        }
    if criterion == "never":
        criterion, criterion_value = "exactly", 0
    return {
        person
        for person in by_person(events)
        if holds(
            sum(
                in_range(one["event_at"], date_from, date_to, timezone)
                for one in matching.get(person, [])
            ),
            criterion,
            criterion_value,
        )
    }


def activity(days: Mapping[str, set[date]], day: date) -> tuple[int, int, int, int]:
    """Return people active on a day, for the first time, and within 7 and 30 days up to it."""

    def within(count: int) -> int:
        return sum(any(0 <= (day - one).days < count for one in own) for own in days.values())

    return within(1), sum(min(own) == day for own in days.values()), within(7), within(30)
