"""The views `segment` and `plain` over the raw tables, built from sources.yml."""

import json

import duckdb

from orchestration.database import literal, quote, transaction
from orchestration.loading.catalog import (
    SEGMENT_COLUMNS,
    add_columns,
    file_columns,
    fold,
    stored_name,
)
from orchestration.loading.expressions import (
    TEXT_TYPES,
    Bound,
    ExpressionError,
    bind,
    references,
    to_canonical,
)
from orchestration.sources import CANONICAL_COLUMNS, Source, Sources

#: The columns in front of both views.
LEADING_COLUMNS = {
    "source": "VARCHAR",
    "identity_namespace": "VARCHAR",
    "file": "VARCHAR",
    "loaded_at": "TIMESTAMP",
    "batch_id": "VARCHAR",
    "line": "BIGINT",
}
#: `event_at_text` tells a time that is missing from one that is there but cannot be read.
PLAIN_COLUMNS = LEADING_COLUMNS | CANONICAL_COLUMNS | {"event_at_text": "VARCHAR", "record": "JSON"}

_IDS = ("event_id", "anonymous_id", "user_id", "previous_id", "group_id", "session_id")
_VISIBLE = "f.state in ('pending', 'admitted')"
#: What an expression may name besides the columns of the files.
_OURS: dict[tuple[str, ...], str] = {("file_name",): "f.file", ("line_number",): "r.line"}
#: The typing of a column that has a type of its own.
_AS_IT_IS = ""
#: What a column may be of which no parquet file has told the type yet.
_UNKNOWN_TYPES = (*TEXT_TYPES, "TIMESTAMP", "JSON")


def create_views(connection: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    """Rebuild `segment` and `plain`, and one view `mapped_<source>` for each plain source.

    Raises `SourcesError` when a mapping cannot be bound.
    """
    for source in sources.values():
        if source.is_plain:
            create_mapped_view(connection, source)
    segments = [source for source in sources.values() if not source.is_plain]
    plains = [source for source in sources.values() if source.is_plain]
    with transaction(connection):
        _create_union(
            connection,
            "segment",
            [_segment_select(source) for source in segments],
            LEADING_COLUMNS | SEGMENT_COLUMNS,
        )
        _create_union(
            connection,
            "plain",
            [f"select * from {quote(f'mapped_{source.name}')}" for source in plains],
            PLAIN_COLUMNS,
        )
        kept = {f"mapped_{source.name}" for source in plains}
        found = connection.execute(
            "select view_name from duckdb_views() where database_name = current_database()"
            " and schema_name = current_schema() and starts_with(view_name, 'mapped_')"
        ).fetchall()
        for (name,) in found:
            if name not in kept:
                connection.execute(f"drop view {quote(name)}")


def _create_union(
    connection: duckdb.DuckDBPyConnection, name: str, selects: list[str], columns: dict[str, str]
) -> None:
    if not selects:
        nulls = ", ".join(f"cast(null as {kind}) as {quote(c)}" for c, kind in columns.items())
        selects = [f"select {nulls} where false"]
    connection.execute(f"create or replace view {name} as " + " union all ".join(selects))


def _leading(source: Source) -> str:
    namespace = source.identity_namespace
    return (
        f"{literal(source.name)} as source,"
        f" cast({'null' if namespace is None else literal(namespace)} as varchar) as identity_namespace,"
        " f.file, f.loaded_at, r.batch_id, r.line"
    )


def _segment_select(source: Source) -> str:
    columns = ", ".join(f"r.{quote(name)}" for name in SEGMENT_COLUMNS)
    return (
        f"select {_leading(source)}, {columns} from {quote(source.table)} as r"
        f" join files as f on f.batch_id = r.batch_id where {_VISIBLE}"
    )


def create_mapped_view(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Rebuild the view `mapped_<source>` (needed when its raw table got new columns).

    Raises `SourcesError` when the mapping cannot be bound.
    """
    for column, declared in source.columns.items():
        try:
            connection.execute(f"describe select cast(null as {declared})")
        except duckdb.Error as error:
            raise source.error(
                "columns", f"'{declared}' (of {column}) is no type of DuckDB: {error}"
            ) from None
    paths = _paths(source)
    if source.format == "csv":
        # A column that no file has had yet is null, so the raw table must have it.
        wanted = {stored_name(path[0]): "VARCHAR" for path in paths}
        add_columns(connection, source, wanted, file_columns(connection, source))
    table = (
        _JsonTable(source, paths)
        if source.format == "jsonl"
        else _ColumnTable(source, file_columns(connection, source))
    )
    selected = [_leading(source)]
    event_at_text = "cast(null as varchar)"
    for column, kind in CANONICAL_COLUMNS.items():
        value = source.mapping.get(column)
        if value is None:
            sql = f"cast(null as {kind})"
        elif isinstance(value, list):
            sql = table.json_object(value)
        else:
            bound = _bind(connection, source, column, value, table)
            sql = to_canonical(bound, kind, is_id=column in _IDS)
            if column == "event_at":
                event_at_text = to_canonical(bound, "VARCHAR", is_id=True)
        selected.append(f"{sql} as {column}")
    selected.append(f"{event_at_text} as event_at_text")
    selected.append(f"{table.record()} as record")
    connection.execute(
        f"create or replace view {quote(f'mapped_{source.name}')} as select "
        + ", ".join(selected)
        + f" from {table.relation()} where {_VISIBLE}"
    )


def _list_path(source: Source, name: str) -> tuple[str, ...]:
    """Return the path of a listed name: `actor.id` is a path in JSON lines, else a column."""
    if source.format == "jsonl":
        try:
            found = references(name)
        except ExpressionError:
            return (name,)
        if len(found) == 1 and (found[0].start, found[0].end) == (0, len(name)):
            return found[0].path
    return (name,)


def _paths(source: Source) -> list[tuple[str, ...]]:
    """Every column of the files that the mapping names, in the order of sources.yml."""
    paths: dict[tuple[str, ...], None] = {}
    for key, value in source.mapping.items():
        if isinstance(value, list):
            paths |= {_list_path(source, name): None for name in value}
            continue
        try:
            paths |= {reference.path: None for reference in references(value)}
        except ExpressionError as error:
            raise source.error(key, f"{error}. The expression is: {value}") from None
    return [path for path in paths if path not in _OURS]


class _JsonTable:
    """The rows of a JSON lines source: every mapped key is looked up once, in one list."""

    def __init__(self, source: Source, paths: list[tuple[str, ...]]) -> None:
        self.source = source
        self.positions = {path: position for position, path in enumerate(paths, start=1)}

    def relation(self) -> str:
        pointers = "[" + ", ".join(literal(_pointer(path)) for path in self.positions) + "]"
        found = (
            f", json_extract_string(record, {pointers}) as texts,"
            f" json_extract(record, {pointers}) as objects"
            if self.positions
            else ""
        )
        return (
            f"(select batch_id, line, record{found} from {quote(self.source.table)}) as r"
            " join files as f on f.batch_id = r.batch_id"
        )

    def types(self, path: tuple[str, ...]) -> tuple[str, ...]:
        return TEXT_TYPES

    def is_unknown(self, path: tuple[str, ...]) -> bool:
        return False

    def access(self, path: tuple[str, ...], kind: str) -> str:
        position = self.positions[path]
        return f"r.objects[{position}]" if kind == "JSON" else _typed(f"r.texts[{position}]", kind)

    def json_object(self, names: list[str]) -> str:
        values = {
            name: f"nullif(r.objects[{self.positions[_list_path(self.source, name)]}]::varchar,"
            " 'null')"
            for name in names
        }
        return _object(values)

    def record(self) -> str:
        return "r.record"


class _ColumnTable:
    """The rows of a csv or parquet source: each column of the files is one of the table."""

    def __init__(self, source: Source, columns: dict[str, str]) -> None:
        self.source = source
        self.columns = {fold(name): (name, kind) for name, kind in columns.items()}

    def relation(self) -> str:
        return f"{quote(self.source.table)} as r join files as f on f.batch_id = r.batch_id"

    def _find(self, name: str) -> tuple[str, str] | None:
        return self.columns.get(fold(stored_name(name)))

    def types(self, path: tuple[str, ...]) -> tuple[str, ...]:
        found = self._find(path[0])
        if found is None:
            return _UNKNOWN_TYPES
        if found[1] == "VARCHAR" or (found[1] == "JSON" and len(path) > 1):
            return TEXT_TYPES
        return (_AS_IT_IS,)

    def is_unknown(self, path: tuple[str, ...]) -> bool:
        return self._find(path[0]) is None

    def access(self, path: tuple[str, ...], kind: str) -> str:
        found = self._find(path[0])
        if found is None:
            return f"cast(null as {kind})"
        column = f"r.{quote(found[0])}"
        if len(path) > 1:
            if found[1] in ("VARCHAR", "JSON"):
                column = f"({column} ->> {literal(_pointer(path[1:]))})"
            else:
                column += "".join(f".{quote(name)}" for name in path[1:])
        return column if kind == _AS_IT_IS else _typed(column, kind)

    def _json(self, name: str, kind: str) -> str:
        column = f"r.{quote(name)}"
        if kind in ("DOUBLE", "FLOAT"):  # JSON has no NaN and no infinity
            column = f"case when isfinite({column}) then {column} end"
        return f"to_json({column})::varchar"

    def json_object(self, names: list[str]) -> str:
        found = {name: self._find(name) for name in names}
        return _object({name: self._json(*column) for name, column in found.items() if column})

    def record(self) -> str:
        # By name, without what is null, in small letters: neither the order in which files came
        # nor a later file's columns, nor how it writes them, must change the record of a row.
        names = {
            fold(name[:-1] if stored_name(name[:-1]) == name else name): self._json(name, kind)
            for name, kind in self.columns.values()
        }
        return _object(dict(sorted(names.items())))


def _typed(text: str, kind: str) -> str:
    if kind == "VARCHAR":
        return text
    if kind == "DOUBLE":  # so that `isRobot = true` holds, which DuckDB takes for numbers too
        return (
            f"coalesce(try_cast({text} as double),"
            f" case {text} when 'true' then 1.0 when 'false' then 0.0 end)"
        )
    return f"try_cast({text} as {kind})"


def _pointer(path: tuple[str, ...]) -> str:
    """Return a JSON pointer: unlike a path with dots it takes any key."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def _object(values: dict[str, str]) -> str:
    """Return SQL for a JSON object of JSON texts; a null leaves its key out."""
    if not values:
        return "cast('{}' as json)"
    pairs = ", ".join(
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || {value}"
        for name, value in values.items()
    )
    return f"try(cast('{{' || concat_ws(',', {pairs}) || '}}' as json))"


def _bind(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    key: str,
    expression: str,
    table: _JsonTable | _ColumnTable,
) -> Bound:
    def access(path: tuple[str, ...], kind: str) -> str:
        return _OURS.get(path) or table.access(path, kind)

    def types(path: tuple[str, ...]) -> tuple[str, ...]:
        if path in _OURS:
            return (_AS_IT_IS,)
        declared = source.columns.get(".".join(path))
        return (declared,) if declared else table.types(path)

    try:
        return bind(connection, expression, table.relation(), types, access)
    except ExpressionError as error:
        if any(table.is_unknown(reference.path) for reference in references(expression)):
            return Bound("null", "VARCHAR")  # judged when a file has brought the column
        raise source.error(
            key,
            f"DuckDB does not take the expression: {error}. The expression is: {expression}."
            " Columns of text files are text or, where text does not fit, numbers: cast them, or"
            " declare their types, e.g. columns: {price: double}",
        ) from None
