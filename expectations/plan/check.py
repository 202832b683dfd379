"""`plan check`: whether a plan can be used, is complete, and what the data at hand would break."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
from jsonschema import Draft202012Validator

from expectations.plan.plan import Event, Plan
from expectations.plan.verdicts import Judge, Verdict


@dataclass(frozen=True)
class Broken:
    """A rule of the plan that events break: how many of how many of that name."""

    event: str
    verdict: Verdict
    violations: int
    events: int
    action: str = "report"

    def __str__(self) -> str:
        place = f"{self.event}, {self.verdict.property}" if self.verdict.property else self.event
        words = {"quarantine": ": they are refused", "drop": ": the property is dropped"}
        action = words.get(self.action, "") if self.verdict.property else ""
        if self.action == "drop" and self.verdict.verdict == "missing_property":
            action = ""
        return f"{place}: {self.verdict.verdict} in {self.violations:,} of {self.events:,} events{action}"


def examples(plan: Plan) -> Iterator[str]:
    """Say which examples break the plan that they illustrate."""
    for event in plan.events:
        if event.example is not None:
            for error in Draft202012Validator(event.schema_).iter_errors(event.example):
                place = ".".join(["example", *map(str, error.absolute_path)])
                yield f"{event.event}: {place}: {error.message}: correct the example or the rule"


def gaps(plan: Plan) -> Iterator[str]:
    """Say what an event does not say of itself."""
    for event in plan.events:
        missing = [key for key in ("description", "owner") if not getattr(event, key)]
        if missing:
            yield f"{event.event}: no {' and no '.join(missing)}"


def unknown_sources(plan: Plan, sources: Iterable[str]) -> Iterator[str]:
    """Say which sources of events are not in sources.yml."""
    known = set(sources)
    for event in plan.events:
        for source in sorted(set(event.sources) - known):
            yield f"{event.event}: sources: there is no source '{source}' (there are {', '.join(sorted(known))})"


def broken(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    rows: str = "main_internal.event_rows",
    limit: int = 100_000,
) -> list[Broken]:
    """Judge the latest `limit` stored events by a plan; return what they break, the most frequent first."""
    judge = Judge(plan)
    events: Counter[str] = Counter()
    violations: Counter[tuple[str, Verdict]] = Counter()
    cursor = connection.execute(
        "select source, coalesce(sent_event_name, event_name), cast(coalesce(sent_properties,"
        " case when event_type in ('identify', 'group') then traits else properties end) as varchar)"
        f" from {rows} where row_state = 'event'"
        " order by event_at desc, event_key limit ?",
        [limit],
    )
    while batch := cursor.fetchmany(10_000):
        for source, sent, properties in batch:
            planned = plan.event_of(sent, source)
            name = planned.event if planned else sent
            events[name] += 1
            loaded = json.loads(properties) if properties is not None else None
            violations.update((name, one) for one in judge.verdicts(sent, source, loaded))
    return [
        Broken(
            name,
            verdict,
            count,
            events[name],
            plan.names[name].on_violation if name in plan.names else "report",
        )
        for (name, verdict), count in sorted(
            violations.items(), key=lambda found: (-found[1], str(found[0]))
        )
    ]


def not_seen(plan: Plan, names: Iterable[str]) -> list[Event]:
    """Return the active events of a plan that were sent under none of their names."""
    seen = set(names)
    return [
        event
        for event in plan.events
        if event.status == "active" and seen.isdisjoint((event.event, *event.aliases))
    ]
