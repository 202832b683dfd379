"""The tracking plan as data: what may stand in its YAML files, one file an event, read and validated.

The properties of an event are described in a part of JSON Schema (2020-12): the keywords of `Property`, for the
members of the outermost object. The library `jsonschema` says whether such a schema is well formed.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orchestration.problems import Place, problems

Text = Annotated[str, Field(min_length=1)]
Scalar = str | int | float | bool | None

#: JSON Schema's words for a type.
TYPES = ("string", "integer", "number", "boolean", "null", "array", "object")

#: The keywords of JSON Schema that a property may have.
KEYWORDS = (
    "type", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength",
)  # fmt: skip

#: Raised by one when the same plan is judged by other rules, or written in another form.
FORM = 1


class PlanError(ValueError):
    """A file of the plan is wrong: the message names the file, the place and the remedy."""


class Property(BaseModel):
    """One property of an event: keywords of JSON Schema, with `required` beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    required: Annotated[bool, Field(strict=True)] = False
    type: Any = None
    enum: Any = None
    pattern: Any = None
    minimum: Any = None
    maximum: Any = None
    exclusiveMinimum: Any = None  # noqa: N815 - JSON Schema's own words
    exclusiveMaximum: Any = None  # noqa: N815
    minLength: Any = None  # noqa: N815
    maxLength: Any = None  # noqa: N815

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        schema = self.schema_
        for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
            keyword = str(error.absolute_path[0]) if error.absolute_path else "schema"
            raise ValueError(
                f"`{keyword}`: {error.message}: write it as JSON Schema has it"
                + (f" (types: {', '.join(TYPES)})" if keyword == "type" else "")
            )
        if self.enum is not None and (not self.enum or not all(map(_is_scalar, self.enum))):
            raise ValueError("`enum`: give texts, numbers, true, false or null, at least one")
        if self.pattern is not None and (problem := _unusable(self.pattern)):
            raise ValueError(
                f"`pattern`: {problem}: write it without look-around and back-references (RE2)"
            )
        return self

    @property
    def schema_(self) -> dict[str, Any]:
        """The JSON Schema of the property's value."""
        return {
            keyword: getattr(self, keyword)
            for keyword in KEYWORDS
            if keyword in self.model_fields_set
        }

    @property
    def types(self) -> tuple[str, ...]:
        """The types that the value may have; none: any."""
        return (self.type,) if isinstance(self.type, str) else tuple(self.type or ())

    @property
    def expected_value(self) -> str | None:
        """What the value may be, in words; None when that is only a question of type."""
        words = []
        if self.enum is not None:
            words.append("one of " + ", ".join(json.dumps(one, ensure_ascii=False) for one in self.enum))  # fmt: skip
        if self.pattern is not None:
            words.append(f"matches {self.pattern}")
        for sign, limit in (
            (">=", self.minimum), ("<=", self.maximum), (">", self.exclusiveMinimum), ("<", self.exclusiveMaximum),
        ):  # fmt: skip
            if limit is not None:
                words.append(f"{sign} {limit}")
        if self.minLength is not None:
            words.append(f"at least {self.minLength} characters")
        if self.maxLength is not None:
            words.append(f"at most {self.maxLength} characters")
        return ", ".join(words) or None


class Event(BaseModel):
    """One planned event: what stands in one file."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    event: Text
    description: str = ""
    owner: Text | None = None
    status: Literal["draft", "active", "deprecated"] = "active"
    category: Text | None = None
    trigger: Text | None = None
    sources: tuple[Text, ...] = ()
    since: Text | None = None
    aliases: tuple[Text, ...] = ()
    on_violation: Literal["report", "quarantine", "drop"] = "report"
    additional_properties: Annotated[bool, Field(strict=True)] = True
    properties: dict[Text, Property] = {}
    example: dict[str, Any] | None = None

    @field_validator("since", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        # YAML reads 2026-01-05 as a date.
        return value if value is None else str(value)

    @property
    def acts(self) -> bool:
        """Whether a violation has consequences for its row."""
        return self.on_violation != "report"

    @property
    def schema_(self) -> dict[str, Any]:
        """The JSON Schema of the event's properties."""
        return {
            "type": "object",
            "properties": {name: one.schema_ for name, one in self.properties.items()},
            "required": [name for name, one in self.properties.items() if one.required],
            "additionalProperties": self.additional_properties,
        }


@dataclass(frozen=True)
class Plan:
    """The events of a plan, in the order of their files. Without an event there is no plan."""

    events: tuple[Event, ...] = ()

    @functools.cached_property
    def names(self) -> Mapping[str, Event]:
        """The planned event that stands behind a name, which may be an old one."""
        found = {name: event for event in self.events for name in event.aliases}
        return found | {event.event: event for event in self.events}

    def event_of(self, name: str, source: str) -> Event | None:
        """Return the planned event of an event as it came; None when it is not planned there."""
        event = self.names.get(name)
        return event if event and (not event.sources or source in event.sources) else None

    @property
    def content(self) -> str:
        """A fingerprint of all that stands in the plan."""
        return _digest([event.model_dump(mode="json") for event in self.events])

    @property
    def rules(self) -> str:
        """A fingerprint of what verdicts follow from: words about events change none."""
        return _digest(
            sorted(
                [event.event, sorted(event.aliases), sorted(event.sources), event.schema_]
                for event in self.events
            )
        )

    def changes(self, source: str) -> str:
        """Return a fingerprint of what the plan changes of the rows of a source; empty when it changes nothing."""
        events = sorted(
            [
                event.event,
                sorted(event.aliases),
                event.on_violation,
                event.schema_ if event.acts else {},
            ]
            for event in self.events
            if (event.acts or event.aliases) and (not event.sources or source in event.sources)
        )
        return _digest(events) if events else ""


#: The plan of a project without one.
NO_PLAN = Plan()


def read_plan(folder: Path) -> Plan:
    """Read every `.yml` and `.yaml` below a folder. An empty or missing folder is no plan.

    Raises `PlanError` for anything that cannot be used: the file, the place, the remedy.
    """
    events: list[Event] = []
    files: dict[str, Path] = {}
    found = {*folder.rglob("*.yml"), *folder.rglob("*.yaml")} if folder.is_dir() else set()
    for path in sorted(found):
        event = read_event(path)
        for name in (event.event, *event.aliases):
            if name in files:
                raise PlanError(
                    f"{path}: '{name}' stands in {files[name]} already, as an event or an alias: remove one of them"
                )
            files[name] = path
        events.append(event)
    return Plan(tuple(events))


def read_event(path: Path) -> Event:
    """Read one file of a plan (see `read_plan`)."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise PlanError(f"{path}: a planned event is a mapping with event, description, properties")
    return parse_event(data, str(path))


def parse_event(data: Mapping[str, Any], where: str) -> Event:
    """Check what stands in a file; `where` is for the messages. Raises `PlanError`."""
    try:
        return Event.model_validate(data)
    except ValidationError as error:
        lines = problems(error, _words, _known)
        raise PlanError("\n".join(f"{where}: {line}" for line in lines)) from error


def as_yaml(event: Event) -> str:
    """Write an event as a file of the plan."""
    data = {"event": event.event, "description": event.description} | event.model_dump(
        mode="json", exclude_defaults=True, exclude={"event", "description", "properties"}
    )
    if event.properties:
        data["properties"] = {
            name: one.model_dump(mode="json", exclude_defaults=True)
            for name, one in event.properties.items()
        }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _words(place: Place) -> list[str]:
    """Say a place: a property by its name."""
    words = [str(part) for part in place]
    return [f"property {words[1]}", *words[2:]] if _is_property(place) else words


def _known(place: Place) -> tuple[str, ...]:
    """Return the keys of an event, or of a property."""
    if _is_property(place):
        return ("description", "required", *KEYWORDS)
    return tuple(Event.model_fields)


def _is_property(place: Place) -> bool:
    return place[:1] == ("properties",) and len(place) > 1


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _unusable(pattern: str) -> str | None:
    """Return why DuckDB cannot use a regular expression; None when it can."""
    with duckdb.connect() as connection:
        try:
            connection.execute("select regexp_matches('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            return str(error).splitlines()[0]
    return None


def _digest(value: object) -> str:
    text = json.dumps([FORM, value], sort_keys=True, ensure_ascii=False)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
