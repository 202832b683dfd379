"""Who is meant: from a user id, a device id or a person id to everything that the tables know as that person."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

import duckdb

_EMAIL = re.compile(
    r"[A-Za-z0-9._+-]+(@|%40)[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}", re.ASCII
)
_ADDRESS = re.compile(r"[0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}")


class RequestError(Exception):
    """Nobody, or more than one person, is meant; the message says whom to name instead."""


@dataclass
class Person:
    """A person as the tables and raw rows know them. Keys are texts of uuids."""

    #: What was asked: `user`, `device` or `person`, namespace and identifier.
    asked: tuple[str, str, str]
    person_ids: list[str]
    #: User ids: (namespace, id, key).
    users: list[tuple[str, str, str]]
    #: Spans of devices: (namespace, id, key, valid from, valid to).
    devices: list[tuple[str, str, str, datetime | None, datetime | None]]
    #: Keys of devices that nobody else used.
    own_devices: set[str]

    @property
    def words(self) -> list[str]:
        """The identifiers that mean this person alone, as texts."""
        found = {identifier for _, identifier, _ in self.users}
        found |= {
            identifier for _, identifier, key, _, _ in self.devices if key in self.own_devices
        }
        if self.asked[0] == "user":
            found.add(self.asked[2])
        return sorted(found)

    @property
    def keys(self) -> list[str]:
        """The keys that stand for this person in the tables."""
        found = {*self.person_ids, *(key for _, _, key in self.users), *self.own_devices}
        return sorted(found)


def masked(identifier: str) -> str:
    """Return an identifier as the tables have it: an address as a hash (macro `mask_identifier`)."""
    digest = hashlib.md5(identifier.lower().encode(), usedforsecurity=False).hexdigest()[:16]
    if _EMAIL.search(identifier):
        return f"email_{digest}"
    if _ADDRESS.fullmatch(identifier):
        return f"ip_{digest}"
    return identifier


def find_person(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    kind: str,
    identifier: str,
    namespace: str | None = None,
) -> Person:
    """Find the person of a user id (as sent, or as the tables show it), a device id or a person id.

    The connection is to the warehouse, with raw.duckdb attached as `raw`. Raises `RequestError`.
    """
    connection.execute("begin transaction")
    try:
        # Rows of held batches count too; the transaction is rolled back.
        connection.execute("update raw.files set state = 'pending' where state = 'held'")
        connection.execute(
            "create or replace temp table known_identities (identifier_type varchar, identifier varchar,"
            " identity_namespace varchar, person_id varchar, valid_from timestamp, valid_to timestamp)"
        )
        if connection.execute(
            "select 1 from duckdb_views() where database_name = current_database() and view_name = 'identities'"
            " and schema_name = 'main' union all"
            " select 1 from duckdb_tables() where database_name = current_database() and table_name = 'identities'"
            " and schema_name = 'main'"
        ).fetchall():
            connection.execute(
                "insert into known_identities select identifier_type, identifier, identity_namespace,"
                " cast(person_id as varchar), valid_from, valid_to from main.identities"
            )
        return _find(connection, view, kind, identifier, namespace)
    finally:
        connection.execute("rollback")


def _find(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    kind: str,
    identifier: str,
    namespace: str | None,
) -> Person:
    wanted = identifier if kind == "person" else masked(identifier)
    column = "person_id" if kind == "person" else "identifier"
    among = "" if kind == "person" else f"and identifier_type = '{kind}'"
    found = set(
        connection.execute(
            f"select identity_namespace, person_id from known_identities where {column} = ? {among}",
            [wanted],
        ).fetchall()
    )
    if kind != "person":
        id_column, place = (
            ("user_id", "user_namespace")
            if kind == "user"
            else ("anonymous_id", "device_namespace")
        )
        # A row that no table holds yet names its user all the same.
        found |= {
            (place_found, None)
            for (place_found,) in connection.execute(
                f"select distinct {place} from {view} where {id_column} = ?", [wanted]
            ).fetchall()
        }
        if namespace is not None:
            found = {pair for pair in found if pair[0] == namespace}
        namespaces = sorted({place for place, _ in found})
        if len(namespaces) > 1:
            raise RequestError(
                f"that {kind} id is known in {len(namespaces)} namespaces, and may be another person in each: name one"
                f" with NAMESPACE=. Known: {', '.join(repr(place) for place in namespaces)}"
            )
    people = sorted({person for _, person in found if person is not None})
    if not found:
        raise RequestError(f"no row has that {kind} id")
    if len(people) > 1:
        raise RequestError(
            f"{len(people)} people used that device: name one with PERSON=. Their person ids: {', '.join(people)}"
        )
    members = connection.execute(
        "select identifier_type, identity_namespace, identifier, valid_from, valid_to from known_identities"
        " where list_contains(?, person_id) order by all",
        [people],
    ).fetchall()
    if kind == "user":
        members += [("user", place, wanted, None, None) for place, _ in found]
    elif not people:
        # Only in batches that are in no table: all of the device.
        members += [("device", place, wanted, None, None) for place, _ in found]
    users = {(place, name) for member, place, name, _, _ in members if member == "user"}
    spans = {(place, name, a, b) for member, place, name, a, b in members if member == "device"}
    user_keys = _keys(
        connection,
        users,
        f"select distinct user_namespace, user_id, user_key from {view} where user_id in (select unnest(?))"
        f" union select distinct user_namespace, previous_id, previous_user_key from {view}"
        " where previous_id in (select unnest(?))",
        2,
    )
    device_keys = _keys(
        connection,
        {(place, name) for place, name, _, _ in spans},
        "select distinct device_namespace, anonymous_id, device_key"
        f" from {view} where anonymous_id in (select unnest(?))",
        1,
    )
    shared = set(
        connection.execute(
            "select identity_namespace, identifier from known_identities where identifier_type = 'device'"
            " and not list_contains(?, person_id)",
            [people],
        ).fetchall()
    )
    if not user_keys and not device_keys:
        # The tables are older than the removal of their rows.
        raise RequestError(f"no row has that {kind} id")
    return Person(
        (kind, namespace or "", identifier),
        people,
        sorted((*pair, user_keys[pair]) for pair in users if pair in user_keys),
        sorted(
            (
                (place, name, device_keys[place, name], start, end)
                for place, name, start, end in spans
                if (place, name) in device_keys
            ),
            key=str,
        ),
        {key for pair, key in device_keys.items() if pair not in shared},
    )


def _keys(
    connection: duckdb.DuckDBPyConnection, pairs: set[tuple[str, str]], query: str, parameters: int
) -> dict[tuple[str, str], str]:
    if not pairs:
        return {}
    names = sorted({name for _, name in pairs})
    rows = connection.execute(query, [names] * parameters).fetchall()
    return {(place, name): str(key) for place, name, key in rows if (place, name) in pairs}
