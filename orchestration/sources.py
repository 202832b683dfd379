"""`sources.yml`: which sources there are, their format, and how plain files map to events.

Everything that a person may have typed wrongly is answered by a `SourcesError` that names the
file, the line, the key and what to write instead.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

#: The columns that a plain source maps, with their types in the view `plain`.
CANONICAL_COLUMNS: dict[str, str] = {
    "event_id": "VARCHAR",
    "event_type": "VARCHAR",
    "event_name": "VARCHAR",
    "event_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    "sent_at": "TIMESTAMP",
    "original_timestamp": "TIMESTAMP",
    "anonymous_id": "VARCHAR",
    "user_id": "VARCHAR",
    "previous_id": "VARCHAR",
    "group_id": "VARCHAR",
    "session_id": "VARCHAR",
    "event_order": "BIGINT",
    "is_bot": "BOOLEAN",
    "page_url": "VARCHAR",
    "page_path": "VARCHAR",
    "page_title": "VARCHAR",
    "page_name": "VARCHAR",
    "referrer": "VARCHAR",
    "utm_source": "VARCHAR",
    "utm_medium": "VARCHAR",
    "utm_campaign": "VARCHAR",
    "utm_term": "VARCHAR",
    "utm_content": "VARCHAR",
    "user_agent": "VARCHAR",
    "app_version": "VARCHAR",
    "locale": "VARCHAR",
    "properties": "JSON",
    "traits": "JSON",
}

FORMATS = ("segment", "csv", "jsonl", "parquet")

#: Which formats a raw view collects.
FORMATS_OF_VIEW = {"segment": ("segment",), "plain": ("csv", "jsonl", "parquet")}

_COMMON = (
    "format", "identity_namespace", "owner", "fresh_within", "makes_sessions", "time_is_corrected",
)  # fmt: skip
_CSV_ONLY = ("delimiter", "header", "encoding")
_REQUIRED = ("event_at", "event_name")
#: The fields of a source that decide what its rows become.
_RULES = {
    "format",
    "identity_namespace",
    "makes_sessions",
    "time_is_corrected",
    "columns",
    "mapping",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*(\(\s*\d+\s*(,\s*\d+\s*)?\))?(\[\])?")
_LISTS = ("properties", "traits")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class SourcesError(Exception):
    """`sources.yml` cannot be used as it is; the message says where and what to do."""


class Source(BaseModel):
    """One source: a folder of the landing folder and how its files are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    format: Literal["segment", "csv", "jsonl", "parquet"]
    #: The scope of its device and user ids. None: users are shared with the other sources that name
    #: none, devices are its own.
    identity_namespace: str | None = None
    owner: str | None = None
    #: How old its newest receipt may be before somebody is told. None: nobody is.
    fresh_within: timedelta | None = None
    #: False: its events count for users, but make no sessions.
    makes_sessions: bool = True
    #: True: `event_at` needs no clock correction; null: the format's own rule decides.
    time_is_corrected: bool | None = None
    delimiter: str = ","
    header: bool = True
    encoding: str = "utf-8"
    #: Declared types of file columns, as DuckDB writes them.
    columns: dict[str, str] = Field(default_factory=dict)
    #: Canonical column -> SQL expression, or (properties, traits) a list of column names.
    mapping: dict[str, str | list[str]] = Field(default_factory=dict)
    #: Where it stands, for error messages: file and key -> line (from 1).
    path: str = "sources.yml"
    lines: dict[str, int] = Field(default_factory=dict)

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = {"\\t": "\t", "tab": "\t"}.get(value, value)
        if len(value.encode()) != 1 or value in '"\r\n\\':
            raise ValueError("must be one ASCII character, e.g. ';' or '\\t'")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("is no known encoding; write e.g. utf-8, latin-1 or cp1252") from None
        return value

    @field_validator("fresh_within", mode="before")
    @classmethod
    def _span(cls, value: object) -> object:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", str(value))
        if not found:
            raise ValueError("must be a span such as 90m, 26h or 3d")
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    @field_validator("identity_namespace")
    @classmethod
    def _not_blank(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is empty; write a name or remove the key")
        return value

    @property
    def is_plain(self) -> bool:
        """Whether its columns are mapped by `sources.yml` (all but segment)."""
        return self.format != "segment"

    @property
    def definition(self) -> str:
        """A fingerprint of what says how its rows become events: other rules, other rows."""
        rules = self.model_dump(include=_RULES)
        return hashlib.md5(
            json.dumps(rules, sort_keys=True).encode(), usedforsecurity=False
        ).hexdigest()

    @property
    def table(self) -> str:
        """The raw table that holds its rows."""
        return f"rows_{self.name}"

    def error(self, key: str, message: str) -> SourcesError:
        """Make an error that points at a key of this source."""
        line = self.lines.get(key, self.lines.get("", 0))
        return SourcesError(f"{self.path}, line {line}: source '{self.name}', '{key}': {message}")


class Sources(Mapping[str, Source]):
    """The sources of one `sources.yml`, by name, in the file's order."""

    def __init__(self, sources: list[Source], path: Path | None = None) -> None:
        self.path = path
        self._by_name = {source.name: source for source in sources}
        for source in sources:
            other = self._by_name.get(source.identity_namespace or "")
            if other is not None and other is not source and other.identity_namespace is None:
                raise source.error(
                    "identity_namespace",
                    f"'{other.name}' is the scope of the devices of the source of that name: choose another name, or "
                    f"give source '{other.name}' the same identity_namespace",
                )

    def __getitem__(self, name: str) -> Source:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def read_sources(path: Path) -> Sources:
    """Read and check `sources.yml`.

    Raises `SourcesError` for anything that cannot be used: the file, the line, the key, the remedy.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourcesError(
            f"{path} does not exist; write it, or let FOOTPATH_SOURCES point at your sources.yml"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path} cannot be read: {error}") from None
    return parse_sources(text, path)


def parse_sources(text: str, path: Path) -> Sources:
    """Check the text of a `sources.yml` (see `read_sources`); `path` is for the messages."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SourcesError(f"{path}, line {line}: this is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise SourcesError(f"{path}: this is not YAML: {error}") from None
    entries = _entries(root, path, "the file") if root is not None else {}
    for key, (line, _) in entries.items():
        if key != "sources":
            raise SourcesError(
                f"{path}, line {line}: unknown key '{key}'; the one key is 'sources'"
            )
    if "sources" not in entries:
        raise SourcesError(f"{path}, line 1: there is no 'sources:'; write 'sources:' and below it"
                           " one key a source, e.g. 'web: {format: segment}'")  # fmt: skip
    node = entries["sources"][1]
    if isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~"):
        return Sources([], path)
    return Sources(
        [
            _source(name, line, node, path)
            for name, (line, node) in _entries(node, path, "'sources'").items()
        ],
        path,
    )


def _entries(node: yaml.Node, path: Path, what: str) -> dict[str, tuple[int, yaml.Node]]:
    """Return the keys of a YAML mapping with line and value; a repeated key is an error."""
    if not isinstance(node, yaml.MappingNode):
        raise SourcesError(
            f"{path}, line {node.start_mark.line + 1}: {what} must be a mapping of keys to values"
        )
    entries: dict[str, tuple[int, yaml.Node]] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise SourcesError(f"{path}, line {line}: a key of {what} must be a plain word")
        if key.value in entries:
            raise SourcesError(
                f"{path}, line {line}: '{key.value}' stands twice in {what}"
                f" (first in line {entries[key.value][0]}); remove one"
            )
        entries[key.value] = (line, value)
    return entries


def _source(name: str, line: int, node: yaml.Node, path: Path) -> Source:
    where = f"{path}, line {line}: source '{name}'"
    if not _NAME.fullmatch(name):
        raise SourcesError(
            f"{where}: a source's name must match [a-z][a-z0-9_]* (it names a folder and a table);"
            f" rename it, e.g. '{_suggest_name(name)}'"
        )
    entries = _entries(node, path, f"source '{name}'")
    lines = {"": line} | {key: key_line for key, (key_line, _) in entries.items()}
    if "format" not in entries:
        raise SourcesError(f"{where}: there is no 'format'; write one of {', '.join(FORMATS)}")
    values: dict[str, Any] = {}
    for key, (key_line, value) in entries.items():
        values[key] = _value(value, path, f"{path}, line {key_line}: source '{name}', '{key}'", key)
    file_format = values["format"]
    if file_format not in FORMATS:
        raise SourcesError(
            f"{path}, line {lines['format']}: source '{name}', 'format': '{file_format}' is unknown"
            f"{_nearest(str(file_format), FORMATS)}; the formats are {', '.join(FORMATS)}"
        )
    allowed = list(_COMMON)
    if file_format != "segment":
        allowed += ["columns", *CANONICAL_COLUMNS]
    if file_format == "csv":
        allowed += _CSV_ONLY
    for key in values:
        if key not in allowed:
            raise SourcesError(
                f"{path}, line {lines[key]}: source '{name}': unknown key '{key}'"
                f" for format {file_format}{_nearest(key, allowed)};"
                f" the keys are {', '.join(allowed)}"
            )
    if file_format != "segment":
        for key in _REQUIRED:
            if key not in values:
                raise SourcesError(
                    f"{where}: there is no '{key}'; a {file_format} source needs one: an SQL"
                    " expression over the file's columns"
                )
    mapping = {key: values.pop(key) for key in list(values) if key in CANONICAL_COLUMNS}
    try:
        source = Source(
            name=name, path=str(path), lines=lines, mapping=mapping,
            **{key: value for key, value in values.items() if value is not None},
        )  # fmt: skip
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0]) if problem["loc"] else ""
        raise SourcesError(
            f"{path}, line {lines.get(key, line)}: source '{name}', '{key}': "
            f"{problem['msg'].removeprefix('Value error, ')}"
        ) from None
    if source.format == "csv" and not source.header and not source.columns:
        raise source.error(
            "header", "files without a header need 'columns', in order: {name: type, ...}"
        )
    for column, declared in source.columns.items():
        if not _TYPE.fullmatch(declared):
            raise source.error(
                "columns", f"'{declared}' (of {column}) is no type; write e.g. bigint or timestamp"
            )
    return source


def _value(node: yaml.Node, path: Path, where: str, key: str) -> Any:
    """Return the Python value of a key; an expression keeps the text that stands in the file."""
    if key in _LISTS and isinstance(node, yaml.SequenceNode):
        if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            raise SourcesError(f"{where}: must be a list of column names")
        return [str(item.value) for item in node.value]
    if key == "columns":
        return {
            column: _scalar(value, f"{where}, '{column}'")
            for column, (_, value) in _entries(node, path, f"{where}").items()
        }
    text = _scalar(node, where)
    if key in ("makes_sessions", "header", "time_is_corrected"):
        value = yaml.safe_load(text)
        if value is None and key == "time_is_corrected":
            return None
        if not isinstance(value, bool):
            raise SourcesError(f"{where}: '{text}' must be true or false")
        return value
    if text == "" and key != "delimiter":
        raise SourcesError(f"{where}: is empty; write a value or remove the key")
    return text


def _scalar(node: yaml.Node, where: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise SourcesError(f"{where}: must be one value, not a list or a mapping")
    return str(node.value).strip(" \n") if node.style else str(node.value).strip()


def _nearest(word: str, allowed: list[str] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word.lower(), allowed, n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _suggest_name(name: str) -> str:
    words = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")
    return words if _NAME.fullmatch(words) else f"source_{words}".rstrip("_")
