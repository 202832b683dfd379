"""Verdicts on single events, worked out by the library `jsonschema`: what the models say in SQL."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from expectations.plan.plan import Plan


class Verdict(NamedTuple):
    """What the plan says against an event: the rule, and the property when it is about one."""

    verdict: str
    property: str | None = None


class Judge:
    """Judges events by a plan; what it needs of each planned event is made once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._validators = {
            event.event: Draft202012Validator(event.schema_) for event in plan.events
        }

    def verdicts(self, name: str, source: str, properties: object) -> set[Verdict]:
        """Return what is wrong with an event. What is no object counts as one without members."""
        event = self.plan.event_of(name, source)
        if event is None:
            return {Verdict("unplanned_event")}
        found = set(self._broken(event.event, properties if isinstance(properties, dict) else {}))
        return found | ({Verdict("old_name")} if name != event.event else set())

    def _broken(self, event: str, properties: Mapping[str, Any]) -> Iterator[Verdict]:
        validator = self._validators[event]
        planned = validator.schema["properties"]
        values: dict[str, set[str]] = {}
        for error in validator.iter_errors(properties):
            if error.validator == "required":
                continue
            if error.validator == "additionalProperties":
                for name in properties.keys() - planned.keys():
                    yield Verdict("additional_property", name)
            else:
                values.setdefault(str(error.absolute_path[0]), set()).add(str(error.validator))
        for name in validator.schema["required"]:
            if name not in properties:
                yield Verdict("missing_property", name)
        for name, rules in values.items():
            # a wrong type is said once: that its value is not allowed either follows from it
            yield Verdict("wrong_type" if "type" in rules else "value_not_allowed", name)
