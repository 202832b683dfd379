"""Erasing a person: gone from raw data, tables and files, and kept from coming back; everybody else keeps theirs."""

import datetime
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from orchestration import erase, erasing, loading, run
from orchestration.database import connect
from orchestration.erasing.people import masked
from orchestration.steps import Run
from tests.exactness.histories import history
from tests.installation import Installation, call
from tests.warehouse import LOADED_AT, TABLES, Home, differences

WEB = "sources: {web: {format: segment}}"
KEY = "a secret of the tests, long enough"
#: After every load of these tests.
REQUESTED_AT = datetime.datetime(2026, 6, 2)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)
    yield


class Small(Home):
    """A home whose runs are load, search for erased people, admit and build: no gates, no Dagster."""

    def run(self) -> None:
        with connect(self.settings.raw) as connection:
            loading.prepare(connection, self.sources)
            erasing.key_in_use(connection)
            scan = loading.scan(self.settings.landing, self.sources)
            for name, source in self.sources.items():
                loading.load_source(
                    connection, source, scan.files.get(name, []), loaded_at=lambda: LOADED_AT
                )
        Run(self.settings, self.sources, self.dbt, "test").stage()
        with connect(self.settings.raw) as connection:
            pending = connection.execute("select batch_id from files where state = 'pending'")
            loading.admit(connection, [batch for (batch,) in pending.fetchall()])
        self.build()

    def erase(self, *arguments: str, code: int = 0) -> str:
        """Carry out a request; the run that follows is this home's."""
        self.settings.prepare()
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.setattr(run, "main", lambda _: self.run() or 0)
            patch.setattr(erase._Erase, "_is_open", lambda *_: False)
            found = erase.main(list(arguments), requested_at=REQUESTED_AT)
        assert found == code, printed.getvalue()
        return printed.getvalue()

    def report(self) -> dict[str, Any]:
        """Return the only report of an erasure."""
        (path,) = self.settings.reports.glob("erasure-*.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.raw, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def event_ids(self) -> dict[str, str]:
        """Return every event with the user ids of its person, or `-` when nobody signed in."""
        return dict(
            self.query(
                """
                select event_id, coalesce(string_agg(distinct names.identifier, '+' order by names.identifier), '-')
                from events
                left join identities as names
                    on events.person_id = names.person_id and names.identifier_type = 'user'
                group by event_id order by event_id
                """
            )
        )

    def accounts(self) -> None:
        """Assert that every raw row is accounted for."""
        rows = self.query(
            "select raw_rows, event_rows, duplicate_rows, quarantined_rows, erased_rows from load_files"
            " where state = 'admitted'"
        )
        assert all(total == sum(parts) for total, *parts in rows), rows


def without(lines: Iterable[str], numbers: Iterable[int]) -> list[str]:
    gone = set(numbers)
    return [line for number, line in enumerate(lines, start=1) if number not in gone]


def erased_numbers(report: dict[str, Any], file: str) -> list[int]:
    (found,) = [item for item in report["files"] if item["file"] == file]
    numbers = []
    for part in found["lines"].split(", "):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def at(hour: int, minute: int, day: str = "2026-01-05") -> str:
    return f"{day}T{hour:02}:{minute:02}:00Z"


#: Two people on one device. Whose the anonymous ones are: 1 ada, 3 bob, 5 ada, 7 ada (the last before).
SHARED = [
    call(1, at(10, 0)),
    call(2, at(10, 5), userId="ada-7"),
    call(3, at(10, 10)),
    call(4, at(11, 0), userId="bob-8"),
    call(5, at(11, 5)),
    call(6, at(12, 0), userId="ada-7"),
    call(7, at(12, 5)),
    call(8, at(12, 6), anonymousId="d2", userId="bob-8"),
]


def test_of_two_people_on_one_device_the_other_keeps_exactly_theirs(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    assert home.event_ids() == dict(
        m1="ada-7", m2="ada-7", m3="bob-8", m4="bob-8", m5="ada-7", m6="ada-7", m7="ada-7", m8="bob-8"
    )
    home.erase("--user", "ada-7")
    assert home.event_ids() == dict(m3="bob-8", m4="bob-8", m8="bob-8")
    home.accounts()
    never = Small(tmp_path / "never", WEB)
    never.deliver("web", "a.jsonl", [SHARED[2], SHARED[3], SHARED[7]])
    never.run()
    assert not differences(home, never)
    before = {table: home.query(f"select * from {table} order by all") for table in TABLES}
    home.build(full_refresh=True)
    assert {t: home.query(f"select * from {t} order by all") for t in TABLES} == before


LATE = [
    call(11, at(10, 2)),  # between ada's first events
    call(12, at(10, 30)),  # in bob's span
    call(13, at(11, 30)),  # in ada's second span
    call(14, at(9, 0, "2026-06-03")),  # after the request
    call(15, at(9, 0, "2026-03-01")),  # before the request, in the open end
    call(16, at(10, 20), userId="ada-7"),
    call(17, at(10, 25), userId="carl-9", anonymousId="d3"),
    call(18, at(10, 20), anonymousId="d3"),
]


def test_late_rows_of_a_shared_device_go_to_whom_they_belong(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    home.erase("--user", "ada-7")
    home.deliver("web", "late.jsonl", LATE)
    home.run()
    kept = dict(m3="bob-8", m4="bob-8", m8="bob-8")
    assert home.event_ids() == kept | dict(m12="bob-8", m14="bob-8", m17="carl-9", m18="carl-9")
    home.accounts()


def test_erasing_before_or_after_the_delivery_leaves_the_same(tmp_path: Path) -> None:
    # On d5 nothing is known of ada when the request comes: the rows themselves say it later.
    other = [
        call(21, at(8, 0), anonymousId="d5"),
        call(22, at(8, 5), anonymousId="d5", userId="ada-7"),
        call(23, at(8, 10), anonymousId="d5", userId="bob-8"),
        call(24, at(8, 15), anonymousId="d5"),
        call(25, at(8, 20), anonymousId="d6"),
        call(26, at(8, 21), anonymousId=None, type="alias", userId="ada-7", previousId="d6"),
    ]
    first = Small(tmp_path / "first", WEB)
    first.deliver("web", "a.jsonl", SHARED)
    first.deliver("web", "b.jsonl", [other[0], other[4]])
    first.run()
    first.erase("--user", "ada-7")
    assert {"m21", "m25"} <= first.event_ids().keys()
    first.deliver("web", "c.jsonl", [*other[1:4], other[5], *LATE])
    first.run()

    last = Small(tmp_path / "last", WEB)
    last.deliver("web", "a.jsonl", SHARED)
    last.deliver("web", "b.jsonl", [other[0], other[4]])
    last.deliver("web", "c.jsonl", [*other[1:4], other[5], *LATE])
    last.run()
    last.erase("--user", "ada-7")
    found = differences(first, last, places=True)
    assert not found, found
    assert not {"m21", "m22", "m25", "m26"} & first.event_ids().keys()
    first.accounts()
    counts = "select file, raw_rows, erased_rows from load_files order by all"
    assert first.query(counts) == last.query(counts)


def test_all_user_ids_that_aliases_made_one_person_are_erased(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver(
        "web",
        "a.jsonl",
        [
            call(1, at(10, 0), userId="ada-old", anonymousId="d1"),
            call(2, at(10, 1), userId="ada-new", anonymousId="d2"),
            call(3, at(10, 2), type="alias", userId="ada-new", previousId="ada-old", anonymousId=None),
            call(4, at(10, 3), type="alias", userId="ada-newest", previousId="ada-new", anonymousId=None),
            call(5, at(10, 4), anonymousId="d1"),
            call(6, at(10, 5), userId="bob-8", anonymousId="d4"),
        ],
    )
    home.run()
    home.erase("--user", "ada-new")
    assert home.event_ids() == dict(m6="bob-8")
    home.deliver("web", "b.jsonl", [call(7, at(11, 0), userId="ada-newest", anonymousId="d9")])
    home.run()
    assert home.event_ids() == dict(m6="bob-8")
    home.accounts()


def test_a_replay_of_an_erased_event_as_another_user_is_erased_and_a_replay_that_counted_not(
    tmp_path: Path,
) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver(
        "web",
        "a.jsonl",
        [
            call(1, at(10, 0), userId="ada-7"),
            # bob's came first: it is his event, ada's repeat of it goes
            call(2, at(10, 1), userId="bob-8", anonymousId="d2"),
            call(2, at(10, 2), userId="ada-7"),
            # ada's came first: bob's repeat of it must not take its place
            call(3, at(10, 3), userId="ada-7"),
            call(3, at(10, 4), userId="bob-8", anonymousId="d2"),
        ],
    )
    home.run()
    home.erase("--user", "ada-7")
    assert home.event_ids() == dict(m2="bob-8")
    home.deliver(
        "web",
        "b.jsonl",
        [
            call(1, at(9, 0), userId="bob-8", anonymousId="d2"),
            call(2, at(9, 1), userId="bob-8", anonymousId="d2"),
            call(4, at(9, 2), userId="ada-7"),
        ],
    )
    home.run()
    home.deliver("web", "c.jsonl", [call(4, at(9, 3), userId="bob-8", anonymousId="d2")])
    home.run()
    assert home.event_ids() == dict(m2="bob-8")
    home.accounts()
    files = home.query("select file, event_rows, duplicate_rows, erased_rows from load_files order by all")
    assert files == [("a.jsonl", 0, 1, 4), ("b.jsonl", 1, 0, 2), ("c.jsonl", 0, 0, 1)]


def test_a_device_that_nobody_signed_in_on_is_erased_up_to_the_request(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", [call(1, at(10, 0)), call(2, at(10, 1), anonymousId="d2")])
    home.run()
    home.erase("--device", "d1")
    home.deliver("web", "b.jsonl", [call(3, at(10, 2)), call(4, at(10, 0, "2026-06-03"), userId="bob-8")])
    home.run()
    assert home.event_ids() == dict(m2="-", m4="bob-8")


def test_a_device_of_two_people_asks_for_the_person(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    said = home.erase("--device", "d1", code=1)
    assert "2 people used that device: name one with PERSON=" in said
    ((ada,),) = home.query("select person_id::varchar from identities where identifier = 'ada-7'")
    assert ada in said
    home.erase("--person", ada)
    assert home.event_ids() == dict(m3="bob-8", m4="bob-8", m8="bob-8")


def test_a_user_id_of_two_namespaces_asks_for_the_namespace(tmp_path: Path) -> None:
    home = Small(
        tmp_path / "home",
        "sources:\n  web: {format: segment, identity_namespace: one}\n"
        "  app: {format: segment, identity_namespace: two}\n",
    )
    home.deliver("web", "a.jsonl", [call(1, at(10, 0), userId="ada-7")])
    home.deliver("app", "a.jsonl", [call(2, at(10, 0), userId="ada-7")])
    home.run()
    assert "Known: 'one', 'two'" in home.erase("--user", "ada-7", code=1)
    home.erase("--user", "ada-7", "--namespace", "two")
    assert home.event_ids() == dict(m1="ada-7")


def test_rows_in_held_batches_in_quarantine_and_in_unreadable_lines_are_erased(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver(
        "web",
        "a.jsonl",
        [
            *SHARED,
            call(31, "never", userId="ada-7", receivedAt=None),
            call(32, "never", userId="bob-8", receivedAt=None),
            '{"messageId": "m33", "userId": "ada-7", ',
            '{"messageId": "m34", "userId": "ada-77", ',
            '{"messageId": "m35", "userId": "mail-ada-7", ',
        ],
    )
    home.run()
    held = [call(41, at(10, 0), userId="ada-7"), call(42, at(10, 1)), call(43, at(10, 7))]
    home.deliver("web", "held.jsonl", held)
    with connect(home.settings.raw) as connection:
        loading.prepare(connection, home.sources)
        scan = loading.scan(home.settings.landing, home.sources)
        loading.load_source(connection, home.sources["web"], scan.files["web"])
        ((batch,),) = connection.execute("select batch_id from files where state = 'pending'").fetchall()
        loading.hold(connection, {batch: "for a test"})
    said = home.erase("--user", "ada-7")
    assert home.raw("select messageId from rows_web order by all") == [
        ("m3",), ("m32",), ("m4",), ("m43",), ("m8",)
    ]  # fmt: skip
    assert [raw for (raw,) in home.raw("select raw from unreadable order by line")] == [
        '{"messageId": "m34", "userId": "ada-77", ',
        '{"messageId": "m35", "userId": "mail-ada-7", ',
    ]
    assert home.raw("select state, held_reason, raw_rows, erased_rows from files where file = 'held.jsonl'") == [
        ("held", "for a test", 3, 2)
    ]
    assert "web/a.jsonl, lines 1-2, 5-7, 9, 11" in said
    assert "web/held.jsonl, lines 1-2" in said
    assert home.query("select reason, count(*) from quarantined_events group by all order by all") == [
        ("invalid_json", 2), ("missing_time", 0) if False else ("unparsable_time", 1)
    ]  # fmt: skip
    home.accounts()
    with connect(home.settings.raw) as connection:
        loading.release(connection, batch)
    home.run()
    assert home.event_ids()["m43"] == "bob-8"
    assert "m41" not in home.event_ids()
    home.accounts()
    # The same lines again, in another file: nothing of it comes back.
    counts = {table: home.query(f"select count(*) from {table}") for table in TABLES}
    home.deliver("web", "again.jsonl", [line for line in held if "m43" not in line])
    home.deliver("web", "again2.jsonl", ['{"messageId": "m33", "userId": "ada-7", '])
    home.run()
    assert {table: home.query(f"select count(*) from {table}") for table in TABLES} == counts
    home.accounts()


def test_a_replaced_file_that_is_delivered_again_is_searched_again(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    home.deliver("web", "a.jsonl", SHARED[3:4])
    home.run()
    home.erase("--user", "ada-7", code=1)  # nothing of ada is there any more
    home.deliver("web", "b.jsonl", SHARED[5:6])
    home.run()
    home.erase("--user", "ada-7")
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    ((erased,),) = home.query("select erased_rows from load_files where file = 'a.jsonl' and state = 'admitted'")
    assert erased >= 2
    assert not {"m2", "m6"} & home.event_ids().keys()
    home.accounts()


def test_a_mapping_that_finds_the_user_later_erases_their_rows(tmp_path: Path) -> None:
    shop = "sources:\n  shop:\n    format: csv\n    event_name: what\n    event_at: at\n    user_id: customer\n"
    home = Small(tmp_path / "home", shop)
    home.deliver("shop", "a.csv", ["what,at,customer,buyer", "sale,2026-01-05,ada-7,", "sale,2026-01-06,,ada-7"])
    home.run()
    home.erase("--user", "ada-7")
    assert home.query("select count(*) from events") == [(1,)]
    home.settings.sources.write_text(shop.replace("customer", '"coalesce(customer, buyer)"'))
    again = Small(tmp_path / "home", home.settings.sources.read_text())
    again.run()
    assert again.query("select count(*) from events") == [(0,)]
    again.accounts()


def test_nasty_histories_of_erased_people_leave_what_was_never_delivered(tmp_path: Path) -> None:
    seeds = range(6)
    lines = [line for seed in seeds for line in history(seed)]
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", lines[::2])
    home.run()
    home.deliver("web", "b.jsonl", lines[1::2])
    home.run()
    gone: dict[str, set[int]] = {"a.jsonl": set(), "b.jsonl": set()}
    for seed in seeds:
        home.erase("--user", f"h{seed}-u0")
        report = home.report()
        for file in report["files"]:
            gone[file["file"]] |= set(erased_numbers(report, file["file"]))
        next(home.settings.reports.glob("erasure-*.json")).unlink()
    home.accounts()
    assert len(gone["a.jsonl"]) > 10
    texts = "\n".join(without(lines[::2], gone["a.jsonl"]) + without(lines[1::2], gone["b.jsonl"]))
    assert not any(f'"h{seed}-u0"' in texts for seed in seeds)

    never = Small(tmp_path / "never", WEB)
    never.deliver("web", "a.jsonl", without(lines[::2], gone["a.jsonl"]))
    never.deliver("web", "b.jsonl", without(lines[1::2], gone["b.jsonl"]))
    never.run()
    found = differences(home, never)
    assert not found, found

    home.deliver("web", "again.jsonl", lines)
    home.run()
    home.accounts()
    never.deliver("web", "again.jsonl", without(lines[::2], gone["a.jsonl"]))
    never.deliver("web", "again2.jsonl", without(lines[1::2], gone["b.jsonl"]))
    never.run()
    found = differences(home, never)
    assert not found, found
    refreshed = [home.query(f"select * from {table} order by all") for table in TABLES]
    home.build(full_refresh=True)
    assert [home.query(f"select * from {table} order by all") for table in TABLES] == refreshed


def test_only_hashes_are_remembered(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    home.erase("--user", "ada-7")
    ((key,),) = home.query("select user_key::varchar from main_internal.known_users") or [("",)]
    remembered = home.raw("select kind, hash from erasures order by all")
    assert {kind for kind, _ in remembered} == {"user", "span", "event", "request"}
    assert all(len(hash) == 64 for _, hash in remembered)
    assert key not in str(remembered)
    other = erasing.ErasureKey("another secret of the tests")
    assert not set(other.hashes("event", ["m1", "m2"])) & {hash for _, hash in remembered}


def test_a_wrong_or_missing_key_stops_the_run_before_anything_is_admitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Installation(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    assert home.job().code == 0
    monkeypatch.delenv("FOOTPATH_ERASURE_KEY")
    assert home.job().code == 0, "without erasures no key is needed"
    assert "FOOTPATH_ERASURE_KEY is not set" in command(home, "--user", "ada-7", code=1)
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", "short")
    assert "shorter than 16 characters" in command(home, "--user", "ada-7", code=1)
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)
    command(home, "--user", "ada-7")
    home.deliver("web", "b.jsonl", [call(99, at(10, 0), userId="ada-7")])
    monkeypatch.delenv("FOOTPATH_ERASURE_KEY")
    missing = home.job()
    assert missing.code == 1
    assert "people were erased here, and FOOTPATH_ERASURE_KEY is not set" in missing.output
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY + "!")
    wrong = home.job()
    assert wrong.code == 1
    assert "FOOTPATH_ERASURE_KEY is not the key that people were erased with here" in wrong.output
    assert home.raw("select count(*) from files") == [(1,)]
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)
    right = home.job()
    assert right.code == 0, right.output
    assert "note: 1 rows of erased people were left out" in right.output
    assert home.read("select event_rows, erased_rows from load_files where file = 'b.jsonl'") == [(0, 1)]


def command(home: Installation, *arguments: str, code: int = 0) -> str:
    """Run `make erase` in this process, as it is."""
    home.settings.prepare()
    printed = io.StringIO()
    with redirect_stdout(printed):
        found = erase.main(list(arguments))
    assert found == code, printed.getvalue()
    return printed.getvalue()


#: In no row of anybody else.
PLANTED = ("ada-planted-7", "device-planted", "planted-message", "planted@mail.example", "planted words", "planted-agent")


def planted() -> list[str]:
    context = {"userAgent": "planted-agent/7.0", "page": {"url": "https://x.example/planted words"}}
    own: dict[str, Any] = {"userId": "ada-planted-7", "anonymousId": "device-planted", "context": context}
    return [
        call(1, at(10, 0), **own, messageId="planted-message-1", traits={"email": "planted@mail.example"}),
        call(2, at(10, 1), **own | {"userId": None}, messageId="planted-message-2"),
        call(3, at(10, 2), **own, messageId="planted-message-3", properties={"note": "planted words"}),
        call(4, "never", **own, messageId="planted-message-4", receivedAt=None),
        call(5, at(10, 3), userId="bob-8"),
        call(6, at(10, 4), userId="bob-8"),
        '{"userId": "ada-planted-7", "note": "planted words", ',
    ]


def places_of(home: Installation, texts: Iterable[str]) -> set[str]:
    """Return the files below FOOTPATH_HOME in which one of the texts stands, as it is."""
    return {
        f"{path.relative_to(home.settings.home)}: {text}"
        for path in home.settings.home.rglob("*")
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    }


def test_nothing_of_an_erased_person_stays_in_any_file(tmp_path: Path) -> None:
    home = Installation(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", planted())
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    # A failed run whose checks and errors cite the person.
    with connect(home.settings.warehouse) as connection:
        connection.execute(
            "insert into main_internal.event_rows select * from main_internal.event_rows"
            " where user_id = 'ada-planted-7' and row_state = 'event'"
        )
    home.deliver("web", "b.jsonl", [call(7, at(10, 5), userId="bob-8")])
    assert home.job().code == 1
    with connect(home.settings.warehouse) as connection:
        connection.execute(
            "insert into check_results values ('x', 's', 'c', 'events', 'warning', false,"
            " '1 row: user_id ada-planted-7', now())"
        )
    note = home.settings.dagster / "storage" / "planted" / "compute_logs" / "step.err"
    note.parent.mkdir(parents=True)
    note.write_text("Conversion Error: ada-planted-7 is no number\n")
    (home.settings.target / "run_results.json").write_text(
        json.dumps({"results": [{"message": "value ada-planted-7 twice", "seconds": 1.5}]})
    )
    run_report = home.settings.reports / "planted.json"
    run_report.write_text(json.dumps({"errors": ["events: device-planted is there twice"], "n": 7}))
    assert len(places_of(home, PLANTED)) > 8
    with connect(home.settings.warehouse, read_only=True) as connection:
        keys = [
            str(value)
            for (value,) in connection.execute(
                "select person_id from users where user_id = 'ada-planted-7' union"
                " select session_id from sessions where anonymous_id = 'device-planted'"
            ).fetchall()
        ]
    assert keys

    said = command(home, "--user", "ada-planted-7")
    found = {place for place in places_of(home, [*PLANTED, *keys])}
    assert not found, (found, said)
    assert "ada-planted-7" not in said
    assert json.loads(run_report.read_text()) == {"errors": ["events: [erased] is there twice"], "n": 7}
    assert home.read("select count(*), sum(erased_rows) from load_files") == [(2, 5)]
    assert home.read("select event_id from events order by all") == [("m5",), ("m6",), ("m7",)]
    assert home.raw("select completed_at is not null from erasure_requests") == [(True,)]
    # The landing file is the user's own, and named with its lines.
    assert "web/a.jsonl, lines 1-4, 7" in said

    tables = {name: rows for name, rows in home.tables().items() if name in TABLES}
    home.deliver("web", "again.jsonl", planted())
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    assert {name: rows for name, rows in home.tables().items() if name in TABLES} == tables
    assert home.read("select event_rows, duplicate_rows, erased_rows from load_files where file = 'again.jsonl'") == [
        (0, 2, 5)
    ]
    assert not places_of(home, ["ada-planted-7"]) - {"raw.duckdb: ada-planted-7"}


def test_a_dry_run_shows_whom_and_what_and_changes_nothing(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    before = home.raw("select * from files order by all"), home.event_ids()
    said = home.erase("--user", "ada-7", "--dry-run")
    assert "user ada-7" in said
    assert "device d1 (web), from its first event to 2026-01-05 10:05:00" in said
    assert "5 raw rows would be removed" in said
    assert "of sessions: " in said
    assert (home.raw("select * from files order by all"), home.event_ids()) == before
    assert home.raw("select count(*) from erasures") == [(0,)]


def test_a_command_that_dies_midway_is_completed_by_running_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Installation(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", planted())
    assert home.job().code == 0

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for place in ("remove", "_run"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(
                *((erasing.rows.Search, place, die) if place == "remove" else (erase._Erase, place, die))
            )
            command(home, "--user", "ada-planted-7")
    assert home.raw("select completed_at from erasure_requests") == [(None,)]
    said = command(home, "--user", "ada-planted-7")
    assert "the request was carried out before" in said
    assert not places_of(home, PLANTED)
    assert home.raw("select count(*) from erasure_requests where completed_at is not null") == [(1,)]
    assert "error: no row has that user id" in command(home, "--user", "nobody-0", code=1)


def test_after_lifting_new_rows_of_the_user_count_and_old_ones_stay_erased(tmp_path: Path) -> None:
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", SHARED)
    home.run()
    home.erase("--user", "ada-7")
    home.deliver("web", "b.jsonl", [call(51, at(10, 0, "2026-06-05"), userId="ada-7", anonymousId="d9")])
    home.run()
    assert "m51" not in home.event_ids()
    assert "count again" in home.erase("--user", "ada-7", "--lift")
    home.deliver("web", "c.jsonl", [call(52, at(10, 0, "2026-06-06"), userId="ada-7", anonymousId="d9"), *SHARED])
    home.run()
    assert home.event_ids() == dict(m3="bob-8", m4="bob-8", m8="bob-8", m52="ada-7")
    assert "there is no erasure of that request" in home.erase("--user", "ada-7", "--lift", code=1)


def test_an_identifier_is_masked_as_the_tables_mask_it(tmp_path: Path) -> None:
    names = [
        "Ada@Mail.example", "x:ada%40mail.example", "203.0.113.9", "2001:db8::1", "ada", "ada@home",
        "10:42", "a:b:c", "1.2.3", "ünï@mail.example", "1.2.3.4.5",
    ]  # fmt: skip
    home = Small(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", [call(n, at(10, n), userId=name) for n, name in enumerate(names)])
    home.run()
    found = home.query("select user_id from events order by event_at")
    assert [name for (name,) in found] == [masked(name) for name in names]
    home.erase("--user", "ada@mail.example")
    assert len(home.event_ids()) == len(names) - 1


def test_environment_is_left_alone() -> None:
    assert os.environ["FOOTPATH_ERASURE_KEY"] == KEY
