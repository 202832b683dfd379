"""Which rows are an erased person's, and taking them out of raw.duckdb.

A row is erased when its user is erased; when it has no user and its device was theirs at that time; when it is an
alias that names them; when it repeats an event of theirs. What later rows tell (another device of an erased user, a
repeat that came first) extends what is remembered, by the same rules.

All of it works on keys (uuids), in temporary tables of one transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import duckdb

from orchestration.database import literal, quote
from orchestration.erasing.keys import ErasureKey

#: Shorter identifiers are not looked for in unreadable lines: they stand there by chance.
SHORTEST_WORD = 6
_WORDS = f"[A-Za-z0-9@._+%-]{{{SHORTEST_WORD},}}"

_TABLES = """
create or replace temp table held_batches as select batch_id from raw.files where state = 'held';
-- While this transaction lasts, the views show the rows of held batches too.
update raw.files set state = 'pending' where state = 'held';
create or replace temp table erasing_rows (
    batch_id varchar, line bigint, source varchar, file varchar, row_state varchar, is_usable boolean, is_held boolean,
    event_key uuid, event_at timestamp, received_at timestamp, loaded_at timestamp, user_id varchar,
    device_key uuid, user_key uuid, previous_device_key uuid, previous_user_key uuid
);
create or replace temp table erased_users (user_key uuid, requested_at timestamp);
create or replace temp table erased_spans (
    device_key uuid, valid_from timestamp, valid_to timestamp, is_new boolean, requested_at timestamp
);
create or replace temp table erased_events (event_key uuid, is_new boolean);
create or replace temp table erased_lines (batch_id varchar, line bigint, source varchar, file varchar);
"""

#: The order that says which repeat of an event counts, as event_rows has it; between equals, who was erased first.
_PLACE = """
    is_held, received_at nulls last, event_at,
    case row_state when 'event' then 0 when 'duplicate' then 2 else 1 end,
    not coalesce(user_key in (select user_key from erased_users), false), file, line
"""


@dataclass
class Removal:
    """What was removed from raw.duckdb: per file its rows and lines, and per source the total."""

    files: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0
    spans: int = 0

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return sum(int(file["rows"]) for file in self.files)

    @property
    def sources(self) -> dict[str, int]:
        """Rows by source."""
        found: dict[str, int] = {}
        for file in self.files:
            found[file["source"]] = found.get(file["source"], 0) + file["rows"]
        return found


class Search:
    """The search for rows of erased people on a connection to the warehouse, with raw.duckdb attached as `raw`.

    Begins with what is known of the people (`erased_users`, `erased_spans`, `erased_events`) and rows to look at;
    ends with `erased_lines`. Must run in a transaction.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, view: str, key: ErasureKey, strategy: str
    ) -> None:
        self.connection = connection
        self.view = view
        self.key = key
        self.strategy = strategy
        connection.execute(_TABLES)

    def take(self, condition: str) -> None:
        """Look at the rows for which a condition on `row_identifiers` holds."""
        self.connection.execute(
            f"""
            insert into erasing_rows
            select
                found.batch_id, found.line, found.source, found.file, found.row_state, found.is_usable,
                found.batch_id in (select batch_id from held_batches),
                found.event_key, found.event_at, found.received_at, files.loaded_at, found.user_id,
                found.device_key, found.user_key, found.previous_device_key, found.previous_user_key
            from {self.view} as found
            inner join raw.files as files on found.batch_id = files.batch_id
            where ({condition})
            and not exists (
                select 1 from erasing_rows as seen
                where seen.batch_id = found.batch_id and seen.line = found.line
            )
            """
        )

    def hashed(self, kind: str, values: str, into: str) -> None:
        """Put the hashes of the values that a query returns into a temporary table (value, hash)."""
        found = [value for (value,) in self.connection.execute(values).fetchall()]
        self.connection.execute(
            f"create or replace temp table {into} as"
            " select unnest(?::varchar[]) as value, unnest(?::varchar[]) as hash",
            [[str(value) for value in found], self.key.hashes(kind, found)],
        )

    def recognise(self) -> None:
        """Find, among the rows that were taken, those that the remembered hashes mean."""
        self.hashed(
            "user",
            "select user_key from erasing_rows where user_key is not null"
            " union select previous_user_key from erasing_rows where previous_user_key is not null",
            "hashed_users",
        )
        self.hashed(
            "span",
            "select distinct device_key from erasing_rows where device_key is not null and user_key is null",
            "hashed_devices",
        )
        self.hashed(
            "event",
            "select distinct event_key from erasing_rows where event_key is not null",
            "hashed_events",
        )
        self.connection.execute(
            """
            insert into erased_users
            select cast(hashed.value as uuid), max(requests.requested_at)
            from hashed_users as hashed
            inner join raw.erasures as known on known.kind = 'user' and known.hash = hashed.hash
            inner join raw.erasure_requests as requests on known.request_id = requests.request_id
            group by hashed.value;

            insert into erased_spans
            select cast(hashed.value as uuid), known.valid_from, known.valid_to, false, null
            from hashed_devices as hashed
            inner join raw.erasures as known on known.kind = 'span' and known.hash = hashed.hash;

            insert into erased_events
            select distinct cast(hashed.value as uuid), false
            from hashed_events as hashed
            inner join raw.erasures as known on known.kind = 'event' and known.hash = hashed.hash;
            """
        )

    def find(self) -> None:
        """Work out spans, events and rows of the erased people; fill `erased_lines`."""
        if self.found_nobody():
            return
        self.connection.execute(
            """
            create or replace temp table concerned_devices as
            select rows.device_key
            from erasing_rows as rows inner join erased_users using (user_key)
            where rows.device_key is not null
            union
            select rows.previous_device_key as device_key
            from erasing_rows as rows inner join erased_users using (user_key)
            where rows.previous_device_key is not null
            union
            select device_key from erased_spans where is_new
            """
        )
        self.take(
            "found.device_key in (select device_key from concerned_devices)"
            " or found.previous_device_key in (select device_key from concerned_devices)"
        )
        # Which of several rows of one event counts shows only beside all of them.
        self.take(
            """
            found.event_key in (
                select event_key from erasing_rows
                where
                    user_key in (select user_key from erased_users)
                    or previous_user_key in (select user_key from erased_users)
                    or device_key in (select device_key from concerned_devices)
                    or device_key in (select device_key from erased_spans)
                    or previous_device_key in (select device_key from concerned_devices)
                union
                select event_key from erased_events
            )
            """
        )
        self._find_spans()
        self._find_rows()

    def found_nobody(self) -> bool:
        """Whether no row that was taken concerns an erased person."""
        return not self.connection.execute(
            "select 1 from erased_users union all select 1 from erased_spans"
            " union all select 1 from erased_events limit 1"
        ).fetchall()

    def _find_spans(self) -> None:
        """Add the times at which devices were an erased user's, by the rule of device_spans."""
        last_only = "true" if self.strategy == "last_user" else "false"
        self.connection.execute(
            f"""
            create or replace temp table counted_rows as
            select batch_id, line, event_key
            from erasing_rows
            where is_usable
            qualify event_key is null or row_number() over (partition by event_key order by {_PLACE}) = 1;

            -- Up to when a device was known to be somebody's when the request came.
            create or replace temp table device_ends as
            select
                rows.device_key,
                max(rows.event_at) as known_until
            from erasing_rows as rows
            where
                rows.user_key is null
                and rows.device_key in (select device_key from concerned_devices)
                and rows.loaded_at <= coalesce(
                    (select max(requested_at) from erased_users),
                    (select max(requested_at) from erased_spans where is_new)
                )
            group by rows.device_key;

            update erased_spans
            set valid_to = greatest(
                requested_at,
                (select ends.known_until from device_ends as ends where ends.device_key = erased_spans.device_key)
            )
            where is_new and valid_to is null;

            insert into erased_spans
            with marks as (
                select rows.device_key, rows.event_at, rows.user_key, rows.user_id
                from erasing_rows as rows semi join counted_rows using (batch_id, line)
                where rows.user_key is not null and rows.device_key in (select device_key from concerned_devices)
                union all
                select rows.previous_device_key, rows.event_at, rows.user_key, rows.user_id
                from erasing_rows as rows semi join counted_rows using (batch_id, line)
                where
                    rows.user_key is not null
                    and rows.previous_device_key in (select device_key from concerned_devices)
            ),
            instants as (
                select
                    marks.device_key,
                    marks.event_at,
                    arg_min(marks.user_key, [marks.user_id, cast(marks.user_key as varchar)]) as user_key
                from marks
                group by marks.device_key, marks.event_at
            ),
            owned as (
                select
                    instants.*,
                    people.requested_at,
                    people.user_key is not null as is_erased
                from instants left join erased_users as people using (user_key)
                qualify not {last_only} or row_number() over (partition by device_key order by event_at desc) = 1
            ),
            numbered as (
                select
                    *,
                    count(*) filter (where is_change) over (partition by device_key order by event_at) as number
                from (
                    select
                        *,
                        is_erased is distinct from lag(is_erased) over (partition by device_key order by event_at)
                        as is_change
                    from owned
                ) as changes
            ),
            spans as (
                select
                    device_key, number, is_erased, max(requested_at) as requested_at, max(event_at) as last_at
                from numbered
                group by all
            ),
            placed as (
                select
                    device_key,
                    is_erased,
                    requested_at,
                    last_at,
                    lag(last_at) over (partition by device_key order by number) as valid_from,
                    lead(number) over (partition by device_key order by number) is null as is_last
                from spans
            )
            select
                placed.device_key,
                placed.valid_from,
                case
                    when placed.is_last then greatest(placed.last_at, placed.requested_at, ends.known_until)
                    else placed.last_at
                end as valid_to,
                true as is_new,
                placed.requested_at
            from placed left join device_ends as ends using (device_key)
            where placed.is_erased
            """
        )

    def _find_rows(self) -> None:
        self.connection.execute(
            """
            create or replace temp table own_rows as
            select batch_id, line, event_key
            from erasing_rows as rows
            where
                rows.user_key in (select user_key from erased_users)
                or rows.previous_user_key in (select user_key from erased_users)
                or (
                    rows.user_key is null
                    and exists (
                        select 1 from erased_spans as spans
                        where
                            spans.device_key = rows.device_key
                            and (
                                -- Nothing says when: it may be theirs.
                                rows.event_at is null
                                or (
                                    (spans.valid_from is null or rows.event_at > spans.valid_from)
                                    and rows.event_at <= spans.valid_to
                                )
                            )
                    )
                );

            insert into erased_events
            select distinct own_rows.event_key, true
            from own_rows semi join counted_rows using (batch_id, line)
            where
                own_rows.event_key is not null
                and own_rows.event_key not in (select event_key from erased_events);

            insert into erased_lines
            select batch_id, line, source, file
            from erasing_rows
            where
                (batch_id, line) in (select (batch_id, line) from own_rows)
                or event_key in (select event_key from erased_events)
            """
        )

    def find_unreadable(self, words: str, batches: str) -> None:
        """Add the unreadable lines of some batches in which one of the words stands.

        `words` is a query of words, `batches` one of batch ids.
        """
        self.connection.execute(
            f"""
            insert into erased_lines
            select lines.batch_id, lines.line, lines.source, lines.file
            from raw.unreadable as lines
            where
                lines.batch_id in ({batches})
                and lines.line > 0
                and list_has_any(
                    regexp_extract_all(lines.raw, '{_WORDS}'), (select list(word) from ({words}) as w (word))
                )
                and (lines.batch_id, lines.line) not in (select (batch_id, line) from erased_lines)
            """
        )

    def remove(self) -> Removal:
        """Take the rows out of raw.duckdb, count them per batch, and show held batches as held again."""
        connection = self.connection
        removal = Removal()
        for source, file, batch, held, lines in connection.execute(
            """
            select
                lines.source, lines.file, lines.batch_id, lines.batch_id in (select batch_id from held_batches),
                list(lines.line order by lines.line)
            from erased_lines as lines
            group by all
            order by all
            """
        ).fetchall():
            removal.files.append(
                {
                    "source": source,
                    "file": file,
                    "batch_id": batch,
                    "held": held,
                    "rows": len(lines),
                    "lines": lines,
                }
            )
        tables = [quote(f"rows_{source}") for source in removal.sources] + ["unreadable"]
        for table in tables if removal.files else []:
            connection.execute(
                f"delete from raw.{table} as stored using erased_lines as gone"
                " where stored.batch_id = gone.batch_id and stored.line = gone.line"
            )
        for file in removal.files:
            connection.execute(
                "update raw.files set erased_rows = erased_rows + ? where batch_id = ?",
                [file["rows"], file["batch_id"]],
            )
        connection.execute(
            "update raw.files set state = 'held' where batch_id in (select batch_id from held_batches)"
        )
        ((removal.events, removal.spans),) = connection.execute(
            "select (select count(*) from erased_events where is_new), (select count(*) from erased_spans where is_new)"
        ).fetchall()
        return removal

    def remember(self, request: str) -> None:
        """Enter the hashes of what is new into raw.duckdb under a request."""
        self.hashed(
            "span", "select distinct device_key from erased_spans where is_new", "hashed_devices"
        )
        self.hashed("event", "select event_key from erased_events where is_new", "hashed_events")
        self.connection.execute(
            f"""
            insert into raw.erasures
            select distinct 'span', hashed.hash, spans.valid_from, spans.valid_to, {literal(request)}
            from erased_spans as spans
            inner join hashed_devices as hashed on cast(spans.device_key as varchar) = hashed.value
            where
                spans.is_new
                and not exists (
                    select 1 from raw.erasures as known
                    where
                        known.kind = 'span' and known.hash = hashed.hash
                        and (
                            known.valid_from is null
                            or (spans.valid_from is not null and known.valid_from <= spans.valid_from)
                        )
                        and known.valid_to >= spans.valid_to
                );

            insert into raw.erasures select 'event', hash, null, null, {literal(request)} from hashed_events
            """
        )


def leave_out_erased(
    connection: duckdb.DuckDBPyConnection, view: str, key: ErasureKey, strategy: str
) -> Removal:
    """Take the rows of erased people out of batches that were not searched yet, in one transaction.

    A batch is searched once, and again when the definition of its source changes.
    """
    unsearched = """
        select files.batch_id
        from raw.files as files
        inner join raw.sources as sources on files.source = sources.source
        where
            files.state in ('pending', 'admitted', 'held')
            and not exists (
                select 1 from raw.searched_batches as done
                where done.batch_id = files.batch_id and done.definition = sources.definition
            )
    """
    connection.execute("begin transaction")
    try:
        connection.execute(f"create or replace temp table unsearched as {unsearched}")
        if not connection.execute("select 1 from unsearched limit 1").fetchall():
            connection.execute("rollback")
            return Removal()
        search = Search(connection, view, key, strategy)
        search.take("found.batch_id in (select batch_id from unsearched)")
        search.recognise()
        search.find()
        search.hashed(
            "word",
            f"select distinct unnest(regexp_extract_all(raw, '{_WORDS}')) from raw.unreadable"
            " where batch_id in (select batch_id from unsearched) and line > 0",
            "hashed_words",
        )
        search.find_unreadable(
            "select hashed.value from hashed_words as hashed"
            " inner join raw.erasures as known on known.kind = 'word' and known.hash = hashed.hash",
            "select batch_id from unsearched",
        )
        removal = search.remove()
        if removal.events or removal.spans:
            # They belong to what was erased last: a request is a person's, and which one's is not known any more.
            ((request,),) = connection.execute(
                "select arg_max(request_id, requested_at) from raw.erasure_requests"
            ).fetchall()
            search.remember(request)
        note_searched(connection, "select batch_id from unsearched")
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise
    return removal


def erase_person(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    key: ErasureKey,
    strategy: str,
    *,
    request: str,
    asked: str,
    requested_at: datetime,
    users: list[str],
    spans: list[tuple[str, datetime | None, datetime | None]],
    words: list[str],
    do: Literal["remove", "show"] = "remove",
) -> Removal:
    """Take a person's rows out of raw.duckdb and remember them, in one transaction; or only say which rows.

    `users` and the first part of `spans` (device, valid from, valid to) are keys of the tables, `words` texts to
    find in unreadable lines, `asked` what the request named.
    """
    connection.execute("begin transaction")
    try:
        first = not connection.execute("select 1 from raw.erasure_requests limit 1").fetchall()
        visible = (
            "select files.batch_id from raw.files as files inner join raw.sources as sources"
            " on files.source = sources.source where files.state in ('pending', 'admitted', 'held')"
        )
        connection.execute(f"create or replace temp table visible_batches as {visible}")
        search = Search(connection, view, key, strategy)
        connection.execute(
            "insert into erased_users select unnest(?::uuid[]), ?", [users, requested_at]
        )
        connection.execute(
            "insert into erased_spans"
            " select unnest(?::uuid[]), unnest(?::timestamp[]), unnest(?::timestamp[]), true, ?",
            [
                [device for device, _, _ in spans],
                [start for _, start, _ in spans],
                [end for _, _, end in spans],
                requested_at,
            ],
        )
        search.take(
            "found.user_key in (select user_key from erased_users)"
            " or found.previous_user_key in (select user_key from erased_users)"
        )
        search.find()
        long = [word for word in words if len(word) >= SHORTEST_WORD]
        connection.execute(
            "create or replace temp table words as select unnest(?::varchar[]) as word",
            [long],
        )
        search.find_unreadable("select word from words", "select batch_id from visible_batches")
        removal = search.remove()
        if do == "show":
            connection.execute("rollback")
            return removal
        connection.execute(
            "insert into raw.erasure_requests values (?, ?, ?, null)",
            [request, key.check, requested_at],
        )
        search.remember(request)
        for kind, values in (("user", users), ("word", long), ("request", [asked])):
            connection.execute(
                "insert into raw.erasures select ?, unnest(?::varchar[]), null, null, ?",
                [kind, key.hashes(kind, values), request],
            )
        # A batch that was not searched for those who were erased before waits for the next run.
        if first:
            note_searched(connection, "select batch_id from visible_batches")
        connection.execute(
            "delete from raw.searched_batches where batch_id not in (select batch_id from visible_batches)"
        )
        connection.execute("commit")
    except BaseException:
        _roll_back(connection)
        raise
    return removal


def note_searched(connection: duckdb.DuckDBPyConnection, batches: str) -> None:
    """Enter batches as searched under the definition that their source has now."""
    connection.execute(
        f"""
        delete from raw.searched_batches where batch_id in ({batches});
        insert into raw.searched_batches
        select files.batch_id, sources.definition
        from raw.files as files
        inner join raw.sources as sources on files.source = sources.source
        where files.batch_id in ({batches})
        """
    )


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except duckdb.Error:
        return


def was_asked(connection: duckdb.DuckDBPyConnection, key: ErasureKey, asked: str) -> bool:
    """Whether the same was asked before. `connection` has raw.duckdb attached as `raw`."""
    return bool(
        connection.execute(
            "select 1 from raw.erasures where kind = 'request' and hash = ?",
            [key.hash("request", asked)],
        ).fetchall()
    )


def reopen(connection: duckdb.DuckDBPyConnection, key: ErasureKey, asked: str) -> None:
    """Have the next run publish and write the databases anew for a request that was made before."""
    connection.execute(
        "update raw.erasure_requests set completed_at = null where request_id in"
        " (select request_id from raw.erasures where kind = 'request' and hash = ?)",
        [key.hash("request", asked)],
    )


def lift(connection: duckdb.DuckDBPyConnection, key: ErasureKey, asked: str) -> bool:
    """Let the user ids of a request count again in what is delivered from now on. Says whether there was one.

    What was erased does not come back: events and spans of devices stay remembered.
    """
    if not was_asked(connection, key, asked):
        return False
    connection.execute(
        "delete from raw.erasures where kind in ('user', 'word', 'request') and request_id in"
        " (select request_id from raw.erasures where kind = 'request' and hash = ?)",
        [key.hash("request", asked)],
    )
    return True
