"""One delivered file into temporary tables: a strict read, or line by line when that fails.

Both ways end in a temporary table or view of the file's columns (`Reading.table`) and the table
`loading_unreadable` (line, reason, raw); nothing is written to raw.duckdb here.
"""

import csv
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.database import literal, quote
from orchestration.loading import salvage
from orchestration.loading.catalog import SEGMENT_COLUMNS, fold, stored_name
from orchestration.loading.landing import split_compression
from orchestration.sources import Source

#: The longest line that is read; a longer one means that the file has another format.
MAX_LINE_BYTES = 256 * 1024 * 1024
#: How much of an unreadable line is kept, in characters.
MAX_RAW_CHARACTERS = 10_000
#: The lines that one quoted CSV value may span where quotes do not match up.
MAX_RECORD_LINES = 10_000

_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"


@dataclass(frozen=True)
class Reading:
    """What the temporary tables hold after a file was read."""

    #: The file's columns in `table`, with their types.
    columns: dict[str, str]
    #: SQL for the line number of a row of `table`.
    line: str
    rows: int
    unreadable: int
    note: str = ""
    #: The temporary table or view that holds the rows.
    table: str = "loading_rows"


class _NotCleanError(Exception):
    """A strict read went through, but not every line is a record."""


def read_file(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    path: Path,
    *,
    complete: bool,
    stored: dict[str, str],
    temporary: Path | None,
) -> Reading:
    """Read one file into the temporary tables.

    `complete` is false when its compressed stream is known to be cut; `stored` are the columns of
    the raw table (parquet values are cast to them); `temporary` is where copies may be made.
    Raises only what is not the file's fault (memory, disk, interrupts).
    """
    _, compression = split_compression(path.name)
    with tempfile.TemporaryDirectory(prefix=".loading-", dir=temporary) as folder:
        try:
            if source.format == "parquet":
                return _read_parquet(connection, path, compression, stored, Path(folder))
            return _read_text(connection, source, path, compression, complete, Path(folder))
        except (salvage.NotReadableError, salvage.DamagedError) as error:
            return _unreadable_file(connection, str(error))
        except duckdb.Error as error:
            raise_if_not_the_file(error)
            return _unreadable_file(connection, reason_of(error))


def drop_temporary_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary tables of the last read."""
    connection.execute("drop view if exists temp.loading_good")
    for table in ("loading_rows", "loading_lines", "loading_records", "loading_unreadable"):
        connection.execute(f"drop table if exists temp.{table}")


def raise_if_not_the_file(error: duckdb.Error) -> None:
    """Raise an error again that no file can be blamed for."""
    ours = (
        duckdb.OutOfMemoryException,
        duckdb.InterruptException,
        duckdb.FatalException,
        duckdb.InternalException,
        duckdb.ConnectionException,
        duckdb.PermissionException,
    )
    text = str(error).lower()
    if isinstance(error, ours) or "no space left" in text or "could not write" in text:
        raise error


def reason_of(error: duckdb.Error) -> str:
    """DuckDB's reason in one line."""
    return str(error).strip().split("\n", maxsplit=1)[0]


def _unreadable_file(connection: duckdb.DuckDBPyConnection, message: str) -> Reading:
    connection.execute("create or replace temp table loading_rows (nothing integer)")
    _create_unreadable(connection)
    connection.execute(
        "insert into loading_unreadable values (0, 'unreadable_file', ?)",
        [message[:MAX_RAW_CHARACTERS]],
    )
    return Reading({}, "0", 0, 1, f"cannot be read: {message}")


def _create_unreadable(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create or replace temp table loading_unreadable (line bigint, reason varchar, raw varchar)"
    )


def _empty(connection: duckdb.DuckDBPyConnection, note: str) -> Reading:
    connection.execute("create or replace temp table loading_rows (nothing integer)")
    return Reading({}, "0", 0, 0, note)


def _glob(path: Path) -> str:
    """Return the SQL string of a path whose name may hold wildcards."""
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(path)))


# parquet


def _read_parquet(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    compression: str,
    stored: dict[str, str],
    folder: Path,
) -> Reading:
    if path.stat().st_size == 0:
        return _empty(connection, "the file is empty")
    if compression != "none":
        salvage.copy_content(path, compression, folder / "content")
        path = folder / "content"
    source = f"read_parquet({_glob(path)}, hive_partitioning=false, file_row_number=true)"
    described = connection.execute(f"describe select * exclude (file_row_number) from {source}")
    kept = {fold(name): (name, kind) for name, kind in stored.items()}
    columns: dict[str, str] = {}
    selected = []
    for name, kind, *_ in described.fetchall():
        target, wanted = kept.get(fold(stored_name(name)), (stored_name(name), _storage_type(kind)))
        columns[target] = wanted
        value = quote(name)
        if wanted != kind:
            cast = f"cast({value} as {wanted})"
            problem = literal(f"column {name} is {kind} here, but {wanted} in earlier files")
            # A cast that rounds or cuts would change what was delivered.
            value = (
                f"case when cast({cast} as {kind}) is distinct from {value}"
                f" then error({problem} || ', and ' || {value}::varchar || ' does not fit')"
                f" else {cast} end"
            )
        selected.append(f"{value} as {quote(target)}")
    connection.execute(
        "create or replace temp table loading_rows as select file_row_number + 1 as line"
        + "".join(f", {column}" for column in selected)
        + f" from {source}"
    )
    rows = _count(connection, "loading_rows")
    return Reading(columns, "line", rows, 0, "" if rows else "the file holds no rows")


def _storage_type(kind: str) -> str:
    """Return the type under which a parquet column is kept.

    The wide type of its family, so that it does not matter which file of a source comes first.
    """
    if kind in ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"):
        return "BIGINT"
    return "DOUBLE" if kind == "FLOAT" else kind


# text: a strict read, else line by line


def _read_text(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    path: Path,
    compression: str,
    complete: bool,
    folder: Path,
) -> Reading:
    damage = None
    if source.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        target = folder / "decoded"
        try:
            salvage.copy_decoded(path, compression, source.encoding, target)
        except salvage.DamagedError as error:
            damage = str(error)
        path, compression, complete = target, "none", damage is None
    if path.stat().st_size == 0 and damage is None:
        return _empty(connection, "the file is empty")
    start, sound = salvage.first_bytes(path, compression)
    complete = complete and sound
    header = None
    if source.format == "csv":
        header = _csv_header(source, start)
    if not start.removeprefix(salvage.BOM).strip() and complete:
        return _empty(connection, "the file is empty")
    # The strict JSON reader takes no byte order mark.
    clean = complete and not (source.format != "csv" and start.startswith(salvage.BOM))
    if clean:
        try:
            return _strict(connection, source, path, compression, header)
        except _NotCleanError:
            pass
        except duckdb.Error as error:
            raise_if_not_the_file(error)
    return _by_line(connection, source, path, compression, header, damage, folder)


@dataclass(frozen=True)
class _Header:
    """The columns of a CSV file: as stored, and the physical line that named them (0: none)."""

    columns: list[str]
    line: int


def _csv_header(source: Source, start: bytes) -> _Header | None:
    """Return the columns of a CSV file from its first line; None when there is no line."""
    if not source.header:
        return _Header(_distinct([stored_name(name) for name in source.columns]), 0)
    lines = start.removeprefix(salvage.BOM).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            text = line.decode().rstrip("\r")
        except UnicodeDecodeError as error:
            raise salvage.NotReadableError(
                f"the header (line {number}) is not {source.encoding}: {error}; set 'encoding'"
            ) from None
        if "\x00" in text or len(text) > 1_000_000:
            raise salvage.NotReadableError(f"line {number} is no CSV header")
        try:
            (names,) = csv.reader([text], delimiter=source.delimiter, strict=True)
        except (csv.Error, ValueError) as error:
            raise salvage.NotReadableError(
                f"the header (line {number}) is broken: {error}"
            ) from None
        return _Header(_distinct([stored_name(name.strip()) for name in names]), number)
    return None


def _distinct(names: list[str]) -> list[str]:
    """Column names as a table can hold them: none empty, no two alike but for case."""
    result: list[str] = []
    taken: set[str] = set()
    for position, name in enumerate(names, start=1):
        base = candidate = name or f"column_{position}"
        number = 1
        while fold(candidate) in taken:
            number += 1
            candidate = f"{base}_{number}"
        taken.add(fold(candidate))
        result.append(candidate)
    return result


def _strict(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    path: Path,
    compression: str,
    header: _Header | None,
) -> Reading:
    """Read a clean file in one go.

    The line number is the row's place in the temporary table: numbering the rows while they are
    read (`row_number() over ()`) would make the parallel read a serial one.
    """
    file = f"{_glob(path)}, compression={literal(compression)}"
    first_line = 1
    if source.format == "csv":
        assert header is not None  # an empty file was handled before
        if header.line > 1:
            raise _NotCleanError
        first_line += header.line
        columns = dict.fromkeys(header.columns, "VARCHAR")
        select = (
            f"select * from read_csv({file}, columns={_struct(columns)}, auto_detect=false,"
            f" header={str(bool(header.line)).lower()}, delim={literal(source.delimiter)},"
            " quote='\"', escape='\"', nullstr='', strict_mode=true)"
        )
        if len(columns) == 1:  # a blank line of a one-column file would be a null
            select += f" where trim({quote(header.columns[0])}, {_BLANKS}) <> ''"
    elif source.format == "segment":
        columns = SEGMENT_COLUMNS
        select = (
            f"select * from read_json({file}, columns={_struct(columns)},"
            " format='newline_delimited', records=true)"
        )
    else:
        columns = {"record": "JSON"}
        select = f"select json as record from read_ndjson_objects({file})"
    connection.execute(f"create or replace temp table loading_rows as {select}")
    if source.format == "jsonl":
        # A line may be any JSON value; a record is an object.
        strangers = "not starts_with(record, '{')"
    elif source.format == "segment":
        # The reader gives a row of nulls for the line `null` (and for `{}`, which is a record).
        strangers = " and ".join(f"{quote(name)} is null" for name in columns)
    else:
        strangers = "false"
    smallest, largest, rows, strange = _row(
        connection,
        f"select min(rowid), max(rowid), count(*), count(*) filter ({strangers}) from loading_rows",
    )
    if strange or (rows and largest - smallest + 1 != rows):
        raise _NotCleanError
    note = ""
    if not rows:
        note = "the file holds a header and no rows" if header and header.line else "no rows"
    return Reading(columns, f"rowid - {smallest or 0} + {first_line}", rows, 0, note)


def _by_line(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    path: Path,
    compression: str,
    header: _Header | None,
    damage: str | None,
    folder: Path,
) -> Reading:
    """Read a file whose strict read failed: its good lines, and beside them the others."""
    copy = salvage.clean_copy(path, compression, folder / "lines")
    damage = damage or copy.damage
    if copy.longest > MAX_LINE_BYTES:
        raise salvage.NotReadableError(
            f"a line has {copy.longest:,} bytes: this is no file with a record in each line"
        )
    _create_unreadable(connection)
    if source.format == "csv":
        columns = dict.fromkeys(header.columns if header else [], "VARCHAR")
        records = _csv_records(connection, source, copy, header, len(columns))
        values = _csv_select(source, list(columns))
    else:
        columns = SEGMENT_COLUMNS if source.format == "segment" else {"record": "JSON"}
        records = _json_records(connection, source, copy)
        values = ", value as record"
        if source.format == "segment":
            values = "".join(f", value.{quote(name)} as {quote(name)}" for name in columns)
    at_end = f"last_line = {copy.lines if copy.open_end else 0}"
    # What follows the last whole line is lost in damage, even if it looks like a record.
    good = f"good and not ({at_end})" if damage is not None else "good"
    connection.execute(
        f"create or replace temp view loading_good as select line{values}"
        f" from (select * from ({records}) where {good})"
    )
    connection.execute(
        f"insert into loading_unreadable select line, if({at_end}, 'cut_off', reason),"
        f" left(text, {MAX_RAW_CHARACTERS}) from ({records}) where not ({good}) order by line"
    )
    if damage is not None:  # one unreadable line stands for it, whatever is left
        connection.execute(
            "insert into loading_unreadable select ?, 'cut_off', '' where not exists"
            " (select * from loading_unreadable where reason = 'cut_off')",
            [copy.lines + 1],
        )
    rows = _count(connection, f"({records}) where {good}")
    unreadable = _count(connection, "loading_unreadable")
    note = f"{unreadable:,} unreadable" if unreadable else ""
    if damage is not None:
        note = f"{damage}; {note}"
    if not rows and not unreadable:
        note = "the file holds a header and no rows" if header and header.line else "no rows"
    return Reading(columns, "line", rows, unreadable, note, table="loading_good")


def _lines(copy: salvage.CleanCopy) -> str:
    """Return SQL for the lines of a clean copy, in order: text, wrong_encoding."""
    return (
        f"select {salvage.unescape_sql('raw')} as text,"
        f" contains(raw, {_chars(salvage.BAD_BYTE)}) as wrong_encoding"
        f" from (select coalesce(raw, '') as raw from read_csv({_glob(copy.path)},"
        " columns={'raw': 'VARCHAR'}, auto_detect=false, header=false,"
        f" delim={literal(salvage.SEPARATOR)}, quote='', escape='', comment='', new_line='\\n',"
        " nullstr='', compression='none',"
        f" max_line_size={max(2_097_152, copy.longest + 16)}))"
    )


def _line_number(connection: duckdb.DuckDBPyConnection, table: str, lines: int) -> str:
    """Return SQL for the line number of a row in a table that holds every line of a clean copy.

    Raises `RuntimeError` if it does not: lines would be lost or counted wrongly.
    """
    smallest, largest, found = _row(
        connection, f"select min(rowid), max(rowid), count(*) from {table}"
    )
    if found != lines or (found and largest - smallest + 1 != found):
        raise RuntimeError(f"{lines} lines were written, but {found} were read back")
    return f"rowid - {smallest or 0} + 1"


def _json_records(
    connection: duckdb.DuckDBPyConnection, source: Source, copy: salvage.CleanCopy
) -> str:
    """Judge every line of a file; return SQL for the lines that are not blank.

    Its columns: line, last_line, text, good, reason, value.
    """
    # JSON that begins with a brace is an object. What is no JSON is left out before it is taken apart: where one text
    # of a vector raises, DuckDB tries all of them one by one.
    value = "text::json"
    if source.format == "segment":
        # The transformation of the strict read; what it cannot take (nested too deep) is null.
        value = f"from_json(text, {literal(json.dumps(SEGMENT_COLUMNS))})"
    connection.execute(
        "create or replace temp table loading_records as select wrong_encoding,"
        " is_object and value is not null as good,"
        " if(is_object and value is not null, null, text) as text,"
        " if(is_object, value, null) as value"
        " from (select *, not wrong_encoding and starts_with(text, '{') as is_object,"
        f" try(case when json_valid(text) then {value} end) as value"
        f" from (select trim(text, {_BLANKS}) as text, wrong_encoding from ({_lines(copy)})))"
    )
    line = _line_number(connection, "loading_records", copy.lines)
    # A good line of damaged text shows its value; the text of good lines is not kept twice.
    return (
        f"select {line} as line, {line} as last_line, coalesce(text, to_json(value)::varchar)"
        " as text, good, if(wrong_encoding, 'wrong_encoding', 'invalid_json') as reason, value"
        " from loading_records where text is null or text <> ''"
    )


def _csv_records(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    copy: salvage.CleanCopy,
    header: _Header | None,
    width: int,
) -> str:
    """Find the CSV records after the header; return SQL for them.

    Its columns: line, last_line, text, good, reason.

    A record is one line, or the lines that a quoted value spans. Whether an odd quote opens such
    a value is tried: lines from one odd quote to the next are one record when together they are
    well-formed, else the first of them stands alone, so that a stray quote costs one line only.
    """
    first = header.line if header else 0
    delimiter = f"[{_regex(source.delimiter)}]"
    plain = f'[^{_regex(source.delimiter)}"\\n][^{_regex(source.delimiter)}\\n]*'
    value = f'(?:"(?:[^"]|"")*"|{plain}|)'
    shape = f"{value}(?:{delimiter}{value})*"

    def well_formed(text: str) -> str:
        return f"regexp_full_match({text}, {literal(shape)})"

    def fits(text: str) -> str:
        # A separator after the last value is taken by the strict read too.
        values = _csv_values(source, text)
        return (
            f"({well_formed(text)} and (len({values}) = {width}"
            f" or len({values}) = {width + 1} and {values}[-1] = ''))"
        )

    connection.execute(f"create or replace temp table loading_lines as {_lines(copy)}")
    number = _line_number(connection, "loading_lines", copy.lines)
    connection.execute(
        f"""
        create or replace temp table loading_records as
        with lines as (
            select {number} as line, *, (length(text) - length(replace(text, '"', ''))) % 2 = 1 as is_odd
            from loading_lines where {number} > {first}
        ),
        odd as (
            select line, lead(line) over (order by line) as last_line,
                row_number() over (order by line) as number
            from lines where is_odd
        ),
        joined as (
            select odd.line, odd.last_line, odd.number,
                rtrim(string_agg(lines.text, chr(10) order by lines.line), chr(13)) as text,
                bool_or(lines.wrong_encoding) as wrong_encoding
            from odd join lines on lines.line between odd.line and odd.last_line
            where odd.last_line - odd.line < {MAX_RECORD_LINES}
            group by all
        ),
        together as (select * from joined where {fits("text")}),
        -- In a run of overlapping candidates each second one begins where a record has ended.
        runs as (
            select *, number - row_number() over (order by number) as run from together
        ),
        spanning as (
            select * from runs
            qualify row_number() over (partition by run order by number) % 2 = 1
        ),
        alone as (
            select lines.line, lines.line as last_line, rtrim(text, chr(13)) as text,
                lines.wrong_encoding
            from lines anti join spanning
                on lines.line between spanning.line and spanning.last_line
            where trim(text, {_BLANKS}) <> ''
        ),
        records as (
            select line, last_line, text, wrong_encoding from spanning
            union all
            select line, last_line, text, wrong_encoding from alone
        )
        select line, last_line, text, not wrong_encoding and {fits("text")} as good,
            case when wrong_encoding then 'wrong_encoding'
                when {well_formed("text")} then 'wrong_column_count'
                else 'unreadable_line' end as reason
        from records
        """
    )
    return "select * from loading_records"


def _csv_values(source: Source, text: str) -> str:
    """Return SQL for the list of the values of a well-formed record, quotes included."""
    delimiter = _regex(source.delimiter)
    pattern = literal(f'[{delimiter}]("(?:[^"]|"")*"|[^{delimiter}]*)')
    return f"regexp_extract_all({literal(source.delimiter)} || {text}, {pattern}, 1)"


def _csv_select(source: Source, columns: list[str]) -> str:
    """Return SQL for the columns of a good record, each after a comma."""
    values = _csv_values(source, "text")

    def value(position: int) -> str:
        v = f"{values}[{position}]"
        inner = f"replace({v}[2:-2], '\"\"', '\"')"
        return f"nullif(case when starts_with({v}, '\"') then {inner} else {v} end, '')"

    return "".join(
        f", {value(position)} as {quote(name)}" for position, name in enumerate(columns, start=1)
    )


def _regex(character: str) -> str:
    """Return a character as it stands inside a regular expression's brackets."""
    return f"\\x{ord(character):02x}"


def _chars(text: str) -> str:
    return " || ".join(f"chr({ord(character)})" for character in text)


def _struct(columns: dict[str, str]) -> str:
    return (
        "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items()) + "}"
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(_row(connection, f"select count(*) from {table}")[0])


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
