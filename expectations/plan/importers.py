"""Plans of other tools, read as events of ours: Segment's CSV, RudderStack's YAML, Iglu's JSON Schemas.

What has no place in our plan (nested properties, formats, variants) is left out and named in the notes.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from expectations.plan.plan import KEYWORDS, TYPES, Event, PlanError, parse_event

Data = dict[str, Any]


@dataclass
class Imported:
    """What an import found, and what it left out."""

    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(path: Path) -> Imported:
    """Read a file, or a folder of files, whatever tool wrote it.

    A `.csv` is Segment's, a `.yml` or `.yaml` RudderStack's, a `.json` (or a file `1-0-0` in Iglu's folders) an Iglu
    schema. Raises `PlanError` when nothing in it is known.
    """
    if not path.exists():
        raise PlanError(f"{path} does not exist")
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    found = Imported()
    rudder = [one for one in files if one.suffix in (".yml", ".yaml")]
    if rudder:
        _rudderstack(rudder, found)
    for one in files:
        if one.suffix == ".csv":
            _segment(one, found)
        elif one.suffix == ".json" or re.fullmatch(r"\d+-\d+-\d+", one.name):
            _iglu(one, found)
    if not found.events:
        raise PlanError(
            f"{path}: no planned event found: give Segment's CSV, RudderStack's YAML (one file or a folder) or Iglu's"
            " JSON Schemas"
        )
    names = [event.event for event in found.events]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.notes.append(f"{name}: found more than once; the last one is kept")
    found.events = list({event.event: event for event in found.events}.values())
    return found


def subset(schema: Mapping[str, Any], where: str, notes: list[str]) -> Data:
    """Return what our plan takes over of a property's JSON Schema; the rest goes into the notes."""
    kept: Data = {}
    if schema.get("description"):
        kept["description"] = str(schema["description"])
    for keyword, value in schema.items():
        if keyword == "const":
            kept["enum"] = [value]
        elif keyword in KEYWORDS:
            kept[keyword] = value
        elif keyword not in (
            "description",
            "title",
            "examples",
            "default",
            "$comment",
            "id",
            "$id",
        ):
            notes.append(f"{where}: '{keyword}' is left out")
    if any(isinstance(value, dict | list) for value in kept.get("enum", [])):
        notes.append(f"{where}: 'enum' of objects or lists is left out")
        del kept["enum"]
    return kept


def _of_schema(schema: Mapping[str, Any], where: str, notes: list[str]) -> Data:
    """Return properties and `additional_properties` of the JSON Schema of an object."""
    required = schema.get("required", [])
    properties = {
        name: {"required": True} | subset(one, f"{where}, {name}", notes) if name in required
        else subset(one, f"{where}, {name}", notes)
        for name, one in schema.get("properties", {}).items()
    }  # fmt: skip
    known = ("type", "properties", "required", "additionalProperties", "description", "self")
    for keyword in schema:
        if keyword not in known and not keyword.startswith("$"):
            notes.append(f"{where}: '{keyword}' is left out")
    for name in required:
        properties.setdefault(name, {"required": True})
    return {
        "properties": properties,
        "additional_properties": schema.get("additionalProperties", True) is not False,
    }


#: Segment's columns, by the words that editors and exports have for them.
_SEGMENT = {
    "event": ("event name", "event", "name"),
    "event_description": ("event description", "description"),
    "property": ("property name", "property"),
    "property_description": ("property description",),
    "required": ("status", "property status", "required", "property required"),
    "type": ("data type", "property data type", "property type", "type"),
    "values": ("permitted values", "property permitted values", "regex"),
    "labels": ("labels", "event labels"),
}


def _segment(path: Path, found: Imported) -> None:
    """Read a CSV with a row for each property; a row that names no event goes on with the one above."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        names = {
            str(name).strip().lower().replace("_", " "): name for name in rows.fieldnames or ()
        }
        columns = {
            ours: next((names[word] for word in words if word in names), None)
            for ours, words in _SEGMENT.items()
        }
        for needed in ("event", "property"):
            if columns[needed] is None:
                raise PlanError(
                    f"{path}: there is no column '{_SEGMENT[needed][0].title()}': give Segment's tracking plan as CSV"
                )
        events: dict[str, Data] = {}
        name = ""
        for number, row in enumerate(rows, start=2):
            cell = {
                ours: (row.get(column) or "").strip() if column else ""
                for ours, column in columns.items()
            }
            name = cell["event"] or name
            if not name:
                raise PlanError(f"{path}, line {number}: a property without an event above it")
            event = events.setdefault(name, {"event": name, "properties": {}})
            if cell["event_description"] and not event.get("description"):
                event["description"] = cell["event_description"]
            for label in re.split(r"[,;]", cell["labels"]):
                key, _, value = label.partition(":")
                if key.strip().lower() in ("owner", "category") and value.strip():
                    event[key.strip().lower()] = value.strip()
            if cell["property"]:
                where = f"{name}, {cell['property']}"
                if re.search(r"[.$\[]", cell["property"]):
                    found.notes.append(f"{where}: a property inside another one is left out")
                else:
                    event["properties"][cell["property"]] = _segment_property(
                        cell, where, found.notes
                    )
    found.events += [parse_event(data, f"{path}: {name}") for name, data in events.items()]


def _segment_property(cell: Mapping[str, str], where: str, notes: list[str]) -> Data:
    data: Data = {}
    if cell["property_description"]:
        data["description"] = cell["property_description"]
    if cell["required"].lower() in ("required", "true", "yes", "1"):
        data["required"] = True
    types = [word.strip().lower() for word in re.split(r"[,|]", cell["type"]) if word.strip()]
    types = ["string" if word.replace(" ", "").replace("-", "") == "datetime" else word for word in types]  # fmt: skip
    unknown = sorted({word for word in types if word not in (*TYPES, "any")})
    if unknown:
        notes.append(f"{where}: type {', '.join(unknown)} is left out")
    known = list(dict.fromkeys(word for word in types if word in TYPES))
    if known and "any" not in types and not unknown:
        data["type"] = known[0] if len(known) == 1 else known
    values = cell["values"]
    if values:
        words = [word.strip() for word in values.split("|")]
        if all(re.fullmatch(r"[\w -]+", word) for word in words):
            data["enum"] = words
        else:
            data["pattern"] = values
        if known and known != ["string"]:
            notes.append(f"{where}: permitted values of another type than string are left out")
            data.pop("enum", None)
            data.pop("pattern", None)
    return data


def _rudderstack(paths: list[Path], found: Imported) -> None:
    """Read the files of a project: events, properties, custom types and tracking plans (rudder/v0.1 and v1)."""
    parts: dict[str, dict[str, Data]] = {
        "events": {},
        "properties": {},
        "categories": {},
        "custom-types": {},
    }
    plans: list[tuple[Path, Data]] = []
    for path in paths:
        try:
            documents = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8-sig")) if one]  # fmt: skip
        except yaml.YAMLError as error:
            raise PlanError(f"{path}: not valid YAML: {error}") from error
        for document in documents:
            if not isinstance(document, dict) or not isinstance(document.get("spec"), dict):
                raise PlanError(f"{path}: not RudderStack's: there is no 'kind' with a 'spec'")
            kind, spec = document.get("kind"), document["spec"]
            if kind in ("tp", "tracking-plan"):
                plans.append((path, spec))
            elif kind in parts:
                key = "types" if kind == "custom-types" else str(kind)
                parts[str(kind)] |= {one["id"]: one for one in spec.get(key, [])}
    if not plans:
        raise PlanError(
            f"{paths[0]}: no tracking plan (kind: tp or tracking-plan): give the project's folder"
        )
    for path, spec in plans:
        for rule in spec.get("rules", []):
            data = _rudder_event(path, rule, parts, found.notes)
            found.events.append(parse_event(data, f"{path}: rule '{rule.get('id')}'"))


def _rudder_event(
    path: Path, rule: Mapping[str, Any], parts: Mapping[str, dict[str, Data]], notes: list[str]
) -> Data:
    reference = rule.get("event")
    options: Mapping[str, Any] = reference if isinstance(reference, dict) else {}
    event = parts["events"].get(_id(options.get("$ref", reference)))
    if event is None:
        raise PlanError(
            f"{path}: rule '{rule.get('id')}': its event is in none of the files: give the project's folder"
        )
    name = str(event.get("name") or event.get("event_type"))
    if rule.get("variants"):
        notes.append(f"{name}: 'variants' are left out")
    allowed = next(
        (place[key] for place, key in (
            (rule, "additional_properties"), (rule, "allow_unplanned"), (options, "allow_unplanned"),
        ) if key in place),
        True,
    )  # fmt: skip
    data: Data = {
        "event": name,
        "description": event.get("description", ""),
        "additional_properties": bool(allowed),
        "properties": {},
    }
    category = event.get("category")
    if category:
        key = _id(category.get("$ref") if isinstance(category, dict) else category)
        data["category"] = str(parts["categories"].get(key, {}).get("name", key))
    for entry in rule.get("properties") or []:
        key = _id(entry.get("$ref", entry.get("property")))
        one = parts["properties"].get(key)
        if one is None:
            raise PlanError(
                f"{path}: rule '{rule.get('id')}': property '{key}' is in none of the files: give the project's folder"
            )
        where = f"{name}, {one['name']}"
        if entry.get("properties"):
            notes.append(f"{where}: the properties inside it are left out")
        planned = _rudder_property(one, parts["custom-types"], where, notes)
        data["properties"][one["name"]] = planned | ({"required": True} if entry.get("required") else {})  # fmt: skip
    return data


def _rudder_property(
    one: Mapping[str, Any], custom_types: Mapping[str, Data], where: str, notes: list[str]
) -> Data:
    """Return a property; a custom type gives its own type and rules."""
    words = one.get("types", one.get("type"))
    rules = dict(one.get("propConfig") or one.get("config") or {})
    if isinstance(words, str) and words.startswith("#"):
        custom = custom_types.get(_id(words), {})
        if not custom:
            notes.append(f"{where}: its custom type is in none of the files: any type is allowed")
        words = custom.get("type")
        rules = dict(custom.get("config") or {}) | rules
        if custom.get("properties"):
            notes.append(f"{where}: the properties inside it are left out")
    if isinstance(words, str):
        words = [word.strip() for word in words.split(",") if word.strip()]
    types = [word for word in words or [] if word in TYPES]
    schema: Data = {_camel(key): value for key, value in rules.items()}
    if types:
        schema["type"] = types[0] if len(types) == 1 else types
    return subset({"description": one.get("description", ""), **schema}, where, notes)


def _id(reference: object) -> str:
    """Return the id in `#/events/group/id` or `#event:id`."""
    return re.split(r"[/:]", str(reference))[-1]


def _camel(key: str) -> str:
    """Return the JSON Schema keyword of RudderStack's `min_length` or `minLength`."""
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _iglu(path: Path, found: Imported) -> None:
    """Read a self-describing JSON Schema; its event is named after it."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise PlanError(f"{path}: not valid JSON: {error}") from error
    about = schema.get("self") if isinstance(schema, dict) else None
    if not isinstance(about, dict) or "name" not in about:
        raise PlanError(
            f"{path}: not self-describing: there is no 'self' with vendor, name, version"
        )
    name = str(about["name"])
    data = {
        "event": name,
        "description": schema.get("description", ""),
        "since": about.get("version"),
        "category": about.get("vendor"),
        **_of_schema(schema, name, found.notes),
    }
    found.events.append(parse_event(data, str(path)))
