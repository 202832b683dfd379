"""Erasing a person: gone from raw data, tables and files, and kept from coming back; everybody else keeps theirs."""

import contextlib
import datetime
import io
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration import erase, erasing, loading, run
from orchestration.database import connect
from orchestration.erasing import rows
from orchestration.erasing.people import masked
from orchestration.steps import Run
from tests.installation import Installation, call
from tests.nasty import history
from tests.warehouse import LOADED_AT, Home, differences

WEB = "sources: {web: {format: segment}}"
SOURCES = """
sources:
  web: {format: segment}
  app: {format: segment, identity_namespace: two}
  shop: {format: csv, event_name: what, event_at: at, user_id: customer}
"""
#: Finds users in another column too.
LATER_SOURCES = SOURCES.replace("customer", "'coalesce(customer, buyer)'")
KEY = "a secret of the tests, long enough"
TABLES = (
    "events", "quarantined_events", "identities", "sessions", "page_views", "users", "user_days", "user_traits",
    "groups", "checkout_funnel", "signup_funnel_weekly", "retention_weekly", "lifecycle_weekly", "daily_activity",
    "conversions", "channel_attribution", "feature_engagement", "event_catalog", "paths_top", "data_until",
)  # fmt: skip
#: After every load of these tests.
REQUESTED_AT = datetime.datetime(2026, 6, 2)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)
    yield


class Small(Home):
    """A home whose runs are load, search for erased people, admit and build: no gates, no Dagster."""

    loaded_at = LOADED_AT

    def load(self, held: str = "held.jsonl") -> None:
        self.settings.prepare()
        with connect(self.settings.raw) as connection:
            loading.prepare(connection, self.sources)
            erasing.key_in_use(connection)
            scan = loading.scan(self.settings.landing, self.sources)
            for name, source in self.sources.items():
                loading.load_source(
                    connection, source, scan.files.get(name, []), loaded_at=lambda: self.loaded_at
                )
        Run(self.settings, self.sources, self.dbt, "test").stage()
        with connect(self.settings.raw) as connection:
            pending = dict(
                connection.execute(
                    "select batch_id, file from files where state = 'pending'"
                ).fetchall()
            )
            loading.hold(
                connection, {batch: "for a test" for batch, file in pending.items() if file == held}
            )
            loading.admit(connection, [batch for batch, file in pending.items() if file != held])

    def run(self, held: str = "held.jsonl") -> None:
        self.load(held)
        self.build()

    def erase(self, *arguments: str, code: int = 0) -> str:
        """Carry out a request, without the run that follows."""
        self.settings.prepare()
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
            patch.setattr(run, "main", lambda _: 0)
            patch.setattr(erase._Erase, "_is_open", lambda *_: False)
            found = erase.main(list(arguments), requested_at=REQUESTED_AT)
        assert found == code, printed.getvalue()
        return printed.getvalue()

    def erased_lines(self) -> dict[str, set[int]]:
        """Return the lines of each file that the reports name."""
        found: dict[str, set[int]] = {}
        for path in self.settings.reports.glob("erasure-*.json"):
            for file in json.loads(path.read_text())["files"]:
                for part in file["lines"].split(", "):
                    first, _, last = part.partition("-")
                    found.setdefault(file["file"], set()).update(
                        range(int(first), int(last or first) + 1)
                    )
        return found

    def raw(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.raw, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.query(f"select * from {table} order by all") for table in TABLES}


def without(lines: Iterable[str], numbers: Iterable[int]) -> list[str]:
    gone = set(numbers)
    return [line for number, line in enumerate(lines, start=1) if number not in gone]


def at(hour: int, minute: int, day: str = "2026-01-05") -> str:
    return f"{day}T{hour:02}:{minute:02}:00Z"


def story(name: str, *calls: dict[str, Any] | str) -> list[str]:
    """Return the lines of one story, with ids of its own: `{name}-` in front of messages, users and devices."""
    lines = []
    for fields in calls:
        if isinstance(fields, str):
            lines.append(fields.replace("~", name))
            continue
        fields = {"anonymousId": "d1"} | fields
        for key in ("userId", "anonymousId", "previousId"):
            if fields.get(key):
                fields[key] = f"{name}-{fields[key]}"
        number, when = fields.pop("n"), fields.pop("at")
        lines.append(call(number, when, messageId=f"{name}-m{number}", **fields))
    return lines


def row(
    n: int, when: str, user: str | None = None, device: str | None = "d1", **more: Any
) -> dict[str, Any]:
    return {"n": n, "at": when, "userId": user, "anonymousId": device, **more}


ADA, BOB = "ada-77", "bob-88"
ONE = {
    # Whose the anonymous events are: 1 ada's, 3 bob's, 5 ada's, 7 ada's (who was there last).
    "shared": story(
        "shared",
        row(1, at(10, 0)),
        row(2, at(10, 5), ADA),
        row(3, at(10, 10)),
        row(4, at(11, 0), BOB),
        row(5, at(11, 5)),
        row(6, at(12, 0), ADA),
        row(7, at(12, 5)),
        row(8, at(12, 6), BOB, "d2"),
    ),
    "early": story(
        "early", row(1, at(8, 0)), row(2, at(8, 0), None, "d6"), row(3, at(8, 0), ADA, "d0")
    ),
    "alias": story(
        "alias",
        row(1, at(10, 0), "ada-old"),
        row(2, at(10, 1), "ada-new", "d2"),
        row(3, at(10, 2), "ada-new", None, type="alias", previousId="ada-old"),
        row(4, at(10, 3), "ada-newest", None, type="alias", previousId="ada-new"),
        row(5, at(10, 4)),
        row(6, at(10, 5), BOB, "d4"),
    ),
    "replay": story(
        "replay",
        row(1, at(10, 0), ADA),
        # bob's came first: it is his event, and ada's repeat of it goes
        row(2, at(10, 1), BOB, "d2"),
        row(2, at(10, 2), ADA),
        # ada's came first: bob's repeat of it must not take its place
        row(3, at(10, 3), ADA),
        row(3, at(10, 4), BOB, "d2"),
    ),
    "device": story("device", row(1, at(10, 0)), row(2, at(10, 1), None, "d2")),
    "person": story("person", row(1, at(10, 0), ADA), row(2, at(10, 1), BOB)),
    "mail": story(
        "mail", row(1, at(10, 0), "Ada@Mail.example"), row(2, at(10, 1), "bob@mail.example")
    ),
    "space": story("space", row(1, at(10, 0), ADA)),
    "again": story("again", row(1, at(10, 0), ADA, "d0")),
    "lift": story("lift", row(1, at(10, 0), ADA)),
    "bad": story(
        "bad",
        row(1, at(10, 0), ADA),
        row(2, "never", ADA, receivedAt=None),
        row(3, "never", BOB, "d2", receivedAt=None),
        # no time: it may be ada's on the device that was once hers
        row(4, "never", receivedAt=None),
        row(5, "never", None, "d2", receivedAt=None),
        row(6, at(10, 1), BOB, "d2"),
        '{"messageId": "~-m7", "userId": "~-ada-77", ',
        '{"messageId": "~-m8", "userId": "~-ada-777", ',
        '{"messageId": "~-m9", "userId": "my-~-ada-77", ',
    ),
}
IN_APP = story("space", row(2, at(10, 0), ADA))
HELD = story("bad", row(11, at(10, 0), ADA), row(12, at(9, 0)), row(13, at(10, 7), BOB, "d2"))
REPLACED = story(
    "again", row(2, at(10, 0), ADA), row(3, at(10, 1), BOB, "d2"), row(4, at(10, 2), ADA)
)
SALES = ["what,at,customer,buyer", "sale,2026-01-05,ada-shop,", "sale,2026-01-06,,ada-shop"]

TWO = {
    "shared": story(
        "shared",
        row(11, at(10, 2)),  # between ada's first events
        row(12, at(10, 30)),  # bob's
        row(13, at(11, 30)),  # in ada's second span
        row(15, at(9, 0, "2026-03-01")),  # before the request, after ada's last event
        row(17, at(10, 25), "carl-99", "d3"),
        row(18, at(10, 20), None, "d3"),
    ),
    # That these devices are ada's too is only known now.
    "early": story(
        "early",
        row(4, at(8, 5), ADA),
        row(5, at(8, 10), BOB),
        row(6, at(8, 15)),
        row(7, at(8, 1), ADA, None, type="alias", previousId="d6"),
    ),
    "alias": story("alias", row(7, at(11, 0), "ada-newest", "d9")),
    "device": story("device", row(3, at(10, 2))),
}
#: After the request, or of what was erased: another order of arrival would not be the same history.
THREE = {
    "shared": story("shared", row(14, at(9, 0, "2026-06-03"))),
    "device": story("device", row(4, at(10, 0, "2026-06-03"), BOB)),
    "replay": story(
        "replay",
        row(1, at(9, 0), BOB, "d2"),
        row(2, at(9, 1), BOB, "d2"),
        row(4, at(9, 2), ADA),
        row(5, at(9, 3), BOB, "d2"),
        row(5, at(9, 4), ADA),
    ),
    "lift": story("lift", row(2, at(10, 0, "2026-06-03"), ADA, "d9")),
}
FOUR = {
    "replay": story("replay", row(4, at(9, 3), BOB, "d2")),
    "lift": story("lift", row(3, at(10, 0, "2026-06-05"), ADA, "d9"), row(1, at(10, 0), ADA)),
}
NASTY = range(2)
#: Identifiers that stand in the rows of erased people alone.
CITED = (
    *(f"{name}-{ADA}" for name in ("shared", "early", "replay", "again", "lift")),
    "alias-ada-old",
    "shared-m5",
)
REQUESTS = (
    *(
        ("--user", f"{name}-{ADA}")
        for name in ("shared", "early", "replay", "bad", "again", "lift")
    ),
    ("--user", "alias-ada-new"),
    ("--user", "mail-ada@mail.EXAMPLE"),
    ("--user", f"space-{ADA}", "--namespace", "two"),
    ("--user", "ada-shop"),
    ("--device", "device-d1"),
    *(("--user", f"h{seed}-u0") for seed in NASTY),
)


@dataclass
class Stories:
    """What the tables said after each step, and the homes to compare."""

    home: Small
    never: Small
    last: Small
    #: Per step, story and event: the user ids of its person, `-` without one.
    events: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    tables: dict[str, dict[str, list[tuple[Any, ...]]]] = field(default_factory=dict)
    raw: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    def note(self, step: str) -> None:
        found: dict[str, dict[str, str]] = {name: {} for name in ONE}
        for event, users in self.home.query(
            """
            select events.event_id, coalesce(string_agg(distinct names.identifier, '+' order by names.identifier), '-')
            from events
            left join identities as names
                on events.person_id = names.person_id and names.identifier_type = 'user'
            where contains(events.event_id, '-m')
            group by all order by all
            """
        ):
            name, _, number = event.partition("-")
            if name in found:
                found[name][number] = users.removeprefix(f"{name}-")
        self.events[step] = found
        self.tables[step] = self.home.tables()
        self.raw[step] = self.home.raw(
            "select source, file, state, raw_rows, erased_rows from files order by all"
        )
        rows = self.home.query(
            "select raw_rows, event_rows, duplicate_rows, quarantined_rows, erased_rows from load_files"
            " where state = 'admitted'"
        )
        assert all(total == sum(parts) for total, *parts in rows), rows


def everything(stories: dict[str, list[str]]) -> list[str]:
    return [line for lines in stories.values() for line in lines]


def nasty() -> list[str]:
    return [line for seed in NASTY for line in history(seed)]


def deliver_one(home: Small, gone: dict[str, set[int]] | None = None) -> None:
    gone = gone or {}
    for source, name, lines in (
        ("web", "a.jsonl", everything(ONE)),
        ("web", "r.jsonl", REPLACED),
        ("web", "n1.jsonl", nasty()[::2]),
        ("web", "n2.jsonl", nasty()[1::2]),
        ("app", "app.jsonl", IN_APP),
    ):
        home.deliver(source, name, without(lines, gone.get(name, ())))
    home.deliver("shop", "s.csv", without(SALES, gone.get("s.csv", ())))


def deliver_two(home: Small) -> None:
    home.deliver("web", "r.jsonl", REPLACED[1:2])
    home.deliver("web", "b.jsonl", everything(TWO))


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """Many small stories of erased people, told in one home; each has ids of its own."""
    folder = tmp_path_factory.mktemp("stories")
    before = dict(os.environ)
    os.environ["FOOTPATH_ERASURE_KEY"] = KEY
    found = Stories(
        home=Small(folder / "home", SOURCES),
        never=Small(folder / "never", SOURCES),
        last=Small(folder / "last", LATER_SOURCES),
    )
    home = found.home
    deliver_one(home)
    home.run()
    home.deliver("web", "held.jsonl", HELD)
    home.load()
    found.note("delivered")

    found.said["device"] = home.erase("--device", "person-d1", code=1)
    ((ada,),) = home.query(
        f"select person_id::varchar from identities where identifier = 'person-{ADA}'"
    )
    found.said["namespace"] = home.erase("--user", f"space-{ADA}", code=1)
    found.said["nobody"] = home.erase("--user", "nobody-0", code=1)
    found.said["dry run"] = home.erase("--user", f"shared-{ADA}", "--dry-run")
    found.raw["dry run"] = home.raw("select * from erasures")
    for request in (*REQUESTS, ("--person", ada)):
        found.said[request[1]] = home.erase(*request)
    found.raw["hashes"] = home.raw("select kind, hash from erasures")
    found.said["cited"] = str(places_of(home, CITED))
    home.run()
    found.note("erased")
    with erasing.finish_requests(home.settings):
        found.said["left"] = str(places_of(home, CITED))
    deliver_one(found.never, home.erased_lines())
    found.never.run()
    found.said["never"] = str(differences(home, found.never))
    home.settings.prepare()
    home.build(full_refresh=True)
    found.tables["refreshed"] = home.tables()

    with connect(home.settings.raw) as connection:
        ((held,),) = connection.execute(
            "select batch_id from files where state = 'held'"
        ).fetchall()
        loading.release(connection, held)
    found.home = home = Small(folder / "home", LATER_SOURCES)
    deliver_two(home)
    home.run()
    found.note("late")
    deliver_one(found.last)
    deliver_two(found.last)
    found.last.deliver("web", "held.jsonl", HELD)
    found.last.run("")
    for request in (*REQUESTS, ("--person", ada)):
        found.last.erase(*request)
    found.last.run()
    found.said["last"] = str(differences(home, found.last, places=True))

    home.loaded_at = REQUESTED_AT + datetime.timedelta(days=9)
    home.deliver("web", "r.jsonl", REPLACED)
    home.deliver("web", "c.jsonl", everything(THREE))
    home.deliver("web", "again1.jsonl", [*everything(ONE), *HELD, *nasty()])
    home.deliver("web", "again2.jsonl", everything(TWO))
    home.deliver("app", "again.jsonl", IN_APP)
    home.run()
    found.note("again")
    found.said["lift"] = home.erase("--user", f"lift-{ADA}", "--lift")
    found.said["lift again"] = home.erase("--user", f"lift-{ADA}", "--lift", code=1)
    home.deliver("web", "d.jsonl", everything(FOUR))
    home.run()
    found.note("lifted")
    os.environ.clear()
    os.environ.update(before)
    return found


@pytest.mark.long
def test_of_two_people_on_one_device_the_other_keeps_exactly_theirs(stories: Stories) -> None:
    assert stories.events["delivered"]["shared"] == {
        **dict.fromkeys(("m1", "m2", "m5", "m6", "m7"), ADA),
        **dict.fromkeys(("m3", "m4", "m8"), BOB),
    }
    assert stories.events["erased"]["shared"] == dict.fromkeys(("m3", "m4", "m8"), BOB)


@pytest.mark.long
def test_the_tables_are_those_of_a_home_that_never_had_the_rows(stories: Stories) -> None:
    assert stories.said["never"] == "{}"
    assert stories.tables["erased"] != stories.tables["delivered"]
    texts = "\n".join(without(nasty()[::2], stories.home.erased_lines()["n1.jsonl"]))
    assert not any(f'"h{seed}-u0"' in texts for seed in NASTY)


@pytest.mark.long
def test_the_tables_are_those_of_a_full_refresh(stories: Stories) -> None:
    assert stories.tables["erased"] == stories.tables["refreshed"]


@pytest.mark.long
def test_late_rows_of_a_shared_device_go_to_whom_they_belong(stories: Stories) -> None:
    kept = dict.fromkeys(("m3", "m4", "m8", "m12"), BOB) | dict.fromkeys(("m17", "m18"), "carl-99")
    assert stories.events["late"]["shared"] == kept
    assert stories.events["again"]["shared"] == kept | {"m14": BOB}, "after the request"


@pytest.mark.long
def test_rows_that_tell_later_of_another_device_take_its_events_too(stories: Stories) -> None:
    assert stories.events["erased"]["early"] == {"m1": "-", "m2": "-"}
    assert stories.events["late"]["early"] == {"m5": BOB, "m6": BOB}


@pytest.mark.long
def test_erasing_before_or_after_the_delivery_leaves_the_same(stories: Stories) -> None:
    assert stories.said["last"] == "{}"
    # r.jsonl: one home had its old version, with rows to erase, before it was replaced.
    counts = (
        "select file, raw_rows, erased_rows from load_files where state = 'admitted' order by all"
    )
    late = [(file, *rest) for _, file, state, *rest in stories.raw["late"] if state == "admitted"]
    assert sorted(late) == stories.last.query(counts)


@pytest.mark.long
def test_all_user_ids_that_aliases_made_one_person_are_erased(stories: Stories) -> None:
    assert set(stories.events["delivered"]["alias"].values()) == {
        "ada-new+alias-ada-newest+alias-ada-old", BOB
    }  # fmt: skip
    assert stories.events["erased"]["alias"] == stories.events["again"]["alias"] == {"m6": BOB}


@pytest.mark.long
def test_a_replay_of_an_erased_event_as_another_user_is_erased_and_one_that_counted_not(
    stories: Stories,
) -> None:
    assert stories.events["erased"]["replay"] == {"m2": BOB}
    # 5: bob's came first, in the same delivery. 4: ada's was erased when it came, and bob's comes later.
    assert stories.events["again"]["replay"] == {"m2": BOB, "m5": BOB}
    assert stories.events["lifted"]["replay"] == {"m2": BOB, "m5": BOB}


@pytest.mark.long
def test_a_device_that_nobody_signed_in_on_is_erased_up_to_the_request(stories: Stories) -> None:
    assert stories.events["late"]["device"] == {"m2": "-"}
    assert stories.events["again"]["device"] == {"m2": "-", "m4": BOB}


@pytest.mark.long
def test_a_device_of_two_people_asks_for_the_person(stories: Stories) -> None:
    assert "2 people used that device: name one with PERSON=" in stories.said["device"]
    assert stories.events["delivered"]["person"] == {"m1": ADA, "m2": BOB}
    assert stories.events["erased"]["person"] == {"m2": BOB}


@pytest.mark.long
def test_a_user_id_of_two_namespaces_asks_for_the_namespace(stories: Stories) -> None:
    assert "name one with NAMESPACE=. Known: '', 'two'" in stories.said["namespace"]
    assert stories.events["erased"]["space"] == stories.events["again"]["space"] == {"m1": ADA}


@pytest.mark.long
def test_an_address_may_be_named_as_it_was_sent(stories: Stories) -> None:
    assert list(stories.events["erased"]["mail"]) == ["m2"]


@pytest.mark.long
def test_who_is_not_known_is_an_error(stories: Stories) -> None:
    assert stories.said["nobody"] == "error: no row has that user id\n"


@pytest.mark.long
def test_rows_in_quarantine_and_in_held_batches_and_unreadable_lines_are_erased(
    stories: Stories,
) -> None:
    def quarantined(step: str) -> list[str]:
        rows = stories.tables[step]["quarantined_events"]
        return sorted(
            match[0]
            for line in rows
            if (match := re.search(r"bad-m\d+", str(line[-1]))) is not None
        )

    assert quarantined("delivered") == [
        "bad-m2",
        "bad-m3",
        "bad-m4",
        "bad-m5",
        "bad-m7",
        "bad-m8",
        "bad-m9",
    ]
    assert quarantined("erased") == ["bad-m3", "bad-m5", "bad-m8", "bad-m9"]
    assert stories.events["erased"]["bad"] == {"m6": BOB}
    assert ("web", "held.jsonl", "held", 3, 2) in stories.raw["erased"]
    assert stories.events["late"]["bad"] == {"m6": BOB, "m13": BOB}
    assert stories.events["again"]["bad"] == {"m6": BOB, "m13": BOB}
    last = set(quarantined("again"))
    assert last == {"bad-m3", "bad-m5", "bad-m8", "bad-m9"}


@pytest.mark.long
def test_landing_files_that_still_hold_rows_are_named_with_their_lines(stories: Stories) -> None:
    assert "  web/a.jsonl, lines 1-2, 5-7\n" in stories.said[f"shared-{ADA}"]
    assert "  web/held.jsonl, lines 1-2\n" in stories.said[f"bad-{ADA}"]
    assert "They are yours: delete or mend them." in stories.said[f"bad-{ADA}"]


@pytest.mark.long
def test_a_delivery_of_everything_again_brings_nothing_back(stories: Stories) -> None:
    late, again = stories.events["late"], stories.events["again"]
    for name in ONE:
        if name not in THREE and name != "again":
            assert again[name] == late[name], name
    # Without file and line, which say which of equal rows is shown.
    rows = {
        step: [
            line[:-2]
            for line in stories.tables[step]["events"]
            if re.match(r"h\d-m\d", str(line[2]))
        ]
        for step in ("late", "again")
    }
    assert rows["again"] == rows["late"] != []


@pytest.mark.long
def test_a_replaced_version_that_is_delivered_again_is_searched_again(stories: Stories) -> None:
    assert stories.events["late"]["again"] == stories.events["again"]["again"] == {"m3": BOB}
    assert ("web", "r.jsonl", "admitted", 3, 2) in stories.raw["again"]


@pytest.mark.long
def test_a_mapping_that_finds_the_user_later_erases_their_rows(stories: Stories) -> None:
    assert ("shop", "s.csv", "admitted", 2, 1) in stories.raw["erased"]
    assert ("shop", "s.csv", "admitted", 2, 2) in stories.raw["late"]


@pytest.mark.long
def test_after_lifting_new_rows_of_the_user_count_and_old_ones_stay_erased(
    stories: Stories,
) -> None:
    assert stories.events["again"]["lift"] == {}
    assert "They count again in what is delivered from now on." in stories.said["lift"]
    assert stories.events["lifted"]["lift"] == {"m3": ADA}
    assert "there is no erasure of that request" in stories.said["lift again"]


@pytest.mark.long
def test_a_dry_run_shows_whom_and_what_and_changes_nothing(stories: Stories) -> None:
    said = stories.said["dry run"]
    assert f"user shared-{ADA}\n" in said
    assert "device shared-d1 (web), from its first event to 2026-01-05 10:05:00\n" in said
    assert "5 raw rows would be removed\n" in said
    assert "  of sessions: " in said
    assert stories.raw["dry run"] == []


@pytest.mark.long
def test_only_keyed_hashes_are_remembered(stories: Stories) -> None:
    remembered = stories.raw["hashes"]
    assert {kind for kind, _ in remembered} == {"user", "span", "event", "word", "request"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for _, digest in remembered)
    words = [f"shared-{ADA}"]
    known = {digest for _, digest in remembered}
    assert set(erasing.ErasureKey(KEY).hashes("word", words)) <= known
    assert not set(erasing.ErasureKey(KEY + "!").hashes("word", words)) & known


@pytest.mark.long
def test_no_file_keeps_what_was_in_the_rows(stories: Stories) -> None:
    assert "warehouse.duckdb: shared-m5" in stories.said["cited"]
    assert stories.said["left"] == "set()"


@pytest.mark.long
@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "people were erased here, and FOOTPATH_ERASURE_KEY is not set"),
        (
            "short",
            "people were erased here, and FOOTPATH_ERASURE_KEY is shorter than 16 characters",
        ),
        (KEY + "!", "FOOTPATH_ERASURE_KEY is not the key that people were erased with here"),
    ],
)
def test_without_the_key_of_the_erasures_nothing_is_loaded(
    secret: str, words: str, stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", secret)
    home = stories.home
    files = home.raw("select count(*) from files")
    home.deliver("web", "more.jsonl", [call(1, at(10, 0))])
    with pytest.raises(erasing.ErasureKeyError, match=words):
        Run(home.settings, home.sources, home.dbt, "test").load("web")
    assert home.raw("select count(*) from files") == files


def command(home: Installation, *arguments: str, code: int = 0) -> str:
    """Run `make erase` in this process, as it is."""
    home.settings.prepare()
    printed = io.StringIO()
    with redirect_stdout(printed):
        found = erase.main(list(arguments))
    assert found == code, printed.getvalue()
    return printed.getvalue()


#: In no row of anybody else.
PLANTED = (
    "ada-planted-7", "device-planted", "planted-message", "planted@mail.example", "planted words", "planted-agent"
)  # fmt: skip


def planted() -> list[str]:
    own: dict[str, Any] = {
        "userId": "ada-planted-7",
        "anonymousId": "device-planted",
        "context": {
            "userAgent": "planted-agent/7.0",
            "page": {"url": "https://x.example/planted words"},
        },
    }
    return [
        call(
            1,
            at(10, 0),
            **own | {"messageId": "planted-message-1", "traits": {"email": "planted@mail.example"}},
        ),
        call(2, at(10, 1), **own | {"messageId": "planted-message-2", "userId": None}),
        call(
            3,
            at(10, 2),
            **own | {"messageId": "planted-message-3", "properties": {"note": "planted words"}},
        ),
        call(4, "never", **own | {"messageId": "planted-message-4", "receivedAt": None}),
        call(5, at(10, 3), userId="bob-8"),
        call(6, at(10, 4), userId="bob-8"),
        '{"userId": "ada-planted-7", "note": "planted words", ',
    ]


def places_of(home: Home, texts: Iterable[str]) -> set[str]:
    """Return the files below FOOTPATH_HOME in which one of the texts stands, as it is."""
    return {
        f"{path.relative_to(home.settings.home)}: {text}"
        for path in home.settings.home.rglob("*")
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    }


def cite_in_files(home: Installation) -> None:
    """Write down what a failed run may cite of a person, where it would stand."""
    sentence = "1 row: user_id ada-planted-7, device device-planted"
    with connect(home.settings.warehouse) as connection:
        connection.execute(
            "insert into check_results values ('x', 's', 'c', 'events', 'warning', false, ?, now())",
            [sentence],
        )
        connection.execute("update alerts set message = ?", [sentence])
    notes = home.settings.dagster / "storage" / "planted" / "compute_logs" / "step.err"
    notes.parent.mkdir(parents=True)
    notes.write_text(sentence)
    (database,) = home.settings.dagster.rglob("runs.db")
    with contextlib.closing(sqlite3.connect(database)) as connection_of_dagster:
        connection_of_dagster.execute(
            "insert into kvs (key, value) values ('planted', ?)",
            [json.dumps({"at": "10:42", "text": sentence})],
        )
        connection_of_dagster.commit()
    (home.settings.target / "run_results.json").write_text(json.dumps({"message": sentence}))
    (home.settings.reports / "planted.json").write_text(
        json.dumps({"errors": [sentence], "rows": 7})
    )


@pytest.mark.long
def test_nothing_of_an_erased_person_stays_in_any_file_and_no_kill_and_no_key_brings_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Installation(tmp_path / "home", WEB)
    home.deliver("web", "a.jsonl", planted())
    monkeypatch.delenv("FOOTPATH_ERASURE_KEY")
    outcome = home.job()
    assert outcome.code == 0, "nobody is erased, so no key is needed\n" + outcome.output
    cite_in_files(home)
    keys = [
        str(key)
        for (key,) in home.query(
            "select person_id from users where user_id = 'ada-planted-7' union"
            " select session_id from sessions where anonymous_id = 'device-planted'"
        )
    ]
    assert len(keys) > 1
    assert len(places_of(home, PLANTED)) > 12

    # Without its secret the command does nothing.
    assert "FOOTPATH_ERASURE_KEY is not set" in command(home, "--user", "ada-planted-7", code=1)
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", "short")
    assert "is shorter than 16 characters" in command(home, "--user", "ada-planted-7", code=1)
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)

    # It dies while rows are removed, then before the tables are built; run again, it completes what it began.
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    said = io.StringIO()
    for owner, name in ((rows.Search, "remove"), (erase._Erase, "_run")):
        with (
            monkeypatch.context() as patch,
            pytest.raises(KeyboardInterrupt),
            redirect_stdout(said),
        ):
            patch.setattr(owner, name, die)
            erase.main(["--user", "ada-planted-7"])
    assert "web/a.jsonl, lines 1-4, 7" in said.getvalue()
    assert home.raw("select completed_at from erasure_requests") == [(None,)]
    assert places_of(home, PLANTED)
    completed = command(home, "--user", "ada-planted-7")
    assert "the request was carried out before" in completed
    assert "ada-planted-7" not in said.getvalue() + completed
    assert not places_of(home, [*PLANTED, *keys])
    cited = json.loads((home.settings.reports / "planted.json").read_text())
    assert cited == {"errors": ["1 row: user_id [erased], device [erased]"], "rows": 7}
    assert home.read("select raw_rows, erased_rows from load_files") == [(7, 5)]
    assert home.read("select event_id from events order by all") == [("m5",), ("m6",)]
    assert home.raw("select count(*) from erasure_requests where completed_at is not null") == [
        (1,)
    ]

    # Delivered again.
    tables = {name: table for name, table in home.tables().items() if name in TABLES}
    home.deliver("web", "again.jsonl", planted())
    monkeypatch.delenv("FOOTPATH_ERASURE_KEY")
    with pytest.raises(
        erasing.ErasureKeyError,
        match="people were erased here, and FOOTPATH_ERASURE_KEY is not set",
    ):
        Run(home.settings, home.sources, home.dbt, "test").load("web")
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY + "!")
    outcome = home.job()
    assert outcome.code == 1
    assert "FOOTPATH_ERASURE_KEY is not the key that people were erased with here" in outcome.output
    assert home.raw("select count(*) from files") == [(1,)], "nothing was admitted"
    monkeypatch.setenv("FOOTPATH_ERASURE_KEY", KEY)
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    assert "note: 5 rows of erased people were left out" in outcome.output
    assert {name: table for name, table in home.tables().items() if name in TABLES} == tables
    assert home.read(
        "select event_rows, duplicate_rows, erased_rows from load_files where file = 'again.jsonl'"
    ) == [(0, 2, 5)]
    assert {place.partition(":")[0] for place in places_of(home, [*PLANTED, *keys])} <= {
        "raw.duckdb"
    }


def test_an_identifier_is_masked_as_the_tables_mask_it(tmp_path: Path) -> None:
    names = [
        "Ada@Mail.example", "x:ada%40mail.example", "203.0.113.9", "2001:db8::1", "ada", "ada@home",
        "10:42", "a:b:c", "1.2.3", "ünï@mail.example", "1.2.3.4.5",
    ]  # fmt: skip
    home = Small(tmp_path / "home", WEB)
    home.deliver(
        "web", "a.jsonl", [call(n, at(10, n), userId=name) for n, name in enumerate(names)]
    )
    home.load()
    home.dbt.build(select=["batches", erasing.VIEW])
    with erasing.workplace(home.settings) as connection:
        found = connection.execute(
            f"select user_id from {erasing.view_of(home.dbt)} order by event_at"
        ).fetchall()
    assert [name for (name,) in found] == [masked(name) for name in names]
