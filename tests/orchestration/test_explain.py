"""`make explain`: each answer names the files, lines and values from which a reader can check it."""

import json
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.database import connect
from orchestration.explain import (
    Answer,
    NotFoundError,
    Tables,
    TablesError,
    explain_event,
    explain_person,
    explain_row,
    explain_session,
    open_tables,
)
from orchestration.explain import __main__ as command
from orchestration.explain.rules import QUARANTINE
from tests.installation import Installation, call

SOURCES = "sources:\n  web: {format: segment}\n  back: {format: segment, makes_sessions: false}\n"
BOT = {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}


def at(time: str, day: int = 5) -> str:
    return f"2026-01-{day:02}T{time}Z"


def track(number: int, time: str, **fields: Any) -> str:
    return call(number, at(time), **{"type": "track", "event": "Signed Up", **fields})


#: One line a case; the line numbers are what the answers have to name.
VISITS = [
    call(1, at("10:00:00")),  # 1: before the sign-in
    call(2, at("10:20:00"), type="identify", userId="u1"),  # 2: the sign-in of d1
    call(3, at("10:50:01"), messageId=None),  # 3: one second more than the timeout later
    call(3, at("10:50:01"), messageId=None),  # 4: the same row again, no id
    # 5: a clock that is three hours behind
    call(4, at("12:00:00"), anonymousId="d2", originalTimestamp=at("12:00:00"), sentAt=at("12:00:05"),
         receivedAt=at("15:00:05")),
    # 6: the sender has corrected it: its timestamp is not its original one
    call(5, at("15:00:00"), anonymousId="d3", originalTimestamp=at("12:00:00"), sentAt=at("12:00:05"),
         receivedAt=at("15:00:07")),
    track(6, "16:00:00", anonymousId=None),  # 7: nobody's
    track(7, "16:00:00", anonymousId="d4", context=BOT),  # 8: a bot's
    track(8, "09:00:00", anonymousId="d5", userId="u3"),  # 9: three users that aliases make one
    call(9, at("09:10:00"), type="alias", anonymousId=None, userId="u3", previousId="u2"),  # 10
    call(10, at("09:20:00"), type="alias", anonymousId=None, userId="u2", previousId="u1"),  # 11
]  # fmt: skip

REPEATS = [
    call(1, at("10:00:00"), receivedAt=at("11:00:00")),  # 1: received later than the first file's
    track(20, "08:00:00", anonymousId="d6", receivedAt=at("09:00:00")),  # 2
    track(21, "08:00:00", anonymousId="d6"),  # 3
    track(22, "08:00:00", anonymousId="d6"),  # 4
]

MORE_REPEATS = [
    track(20, "08:00:01", anonymousId="d6", receivedAt=at("09:00:00")),  # 1: a later event_at
    track(21, "08:00:00", anonymousId="d6", event="Left"),  # 2: another content
    track(22, "08:00:00", anonymousId="d6"),  # 3: the same in another file
]

BROKEN = [
    '{"messageId": "bob@x.example"',
    call(30, "soon"),
    json.dumps({"messageId": "m31", "type": "page", "anonymousId": "d1"}),
    call(32, at("10:00:00"), type="track", event=None),
    call(33, "2026-01-07T10:00:01Z", receivedAt=at("10:00:00")),
    call(34, "1999-12-31T00:00:00Z", receivedAt=at("10:00:00")),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation after one run of the whole job; one file is held."""
    with pytest.MonkeyPatch.context() as patch:
        home = Installation(tmp_path_factory.mktemp("explained"), SOURCES)
        for name in ("HOME", "LANDING", "SOURCES"):
            patch.setenv(f"FOOTPATH_{name}", home.environment[f"FOOTPATH_{name}"])
        home.deliver("web", "visits.jsonl", VISITS)
        home.deliver("web", "repeats.jsonl", REPEATS)
        home.deliver("web", "repeats_2.jsonl", MORE_REPEATS)
        home.deliver("web", "sub/broken.jsonl", BROKEN)
        home.deliver("web", "held.jsonl", [call(90 + n, "never") for n in range(12)])
        home.deliver("back", "a.jsonl", [track(40, "10:00:00")])
        outcome = home.job()
        assert "held: web/held.jsonl" in outcome.output, outcome.output
        yield home


@pytest.fixture(scope="module")
def tables(home: Installation) -> Iterator[Tables]:
    """Open what readers have."""
    with open_tables(home.settings) as opened:
        yield opened


def section(answer: Answer, heading: str) -> str:
    """Return what stands under a heading."""
    return "\n".join(
        line for found in answer.sections if found.heading == heading for line in found.lines
    )


def event_at_line(tables: Tables, line: int) -> Answer:
    return explain_row(tables, f"web/visits.jsonl:{line}")


def test_an_event_names_the_file_line_batch_and_load_time_of_each_copy(tables: Tables) -> None:
    answer = explain_event(tables, "m1")
    ((batch, loaded),) = tables.connection.execute(
        "select batch_id, loaded_at from load_files where file = 'visits.jsonl'"
    ).fetchall()
    where = section(answer, "Where from")
    assert (
        f"web/visits.jsonl:1 (batch {batch}, loaded at {loaded}): the kept one of 2 copies" in where
    )
    assert section(answer, "Duplicates").startswith("web/repeats.jsonl:1 (batch ")
    assert explain_event(tables, answer.facts["event_key"]).text() == answer.text()


@pytest.mark.parametrize(
    ("row", "kept", "criterion", "values"),
    [
        ("repeats.jsonl:1", "visits.jsonl:1", "received_at", "2026-01-05 10:00:00 against 2026-01-05 11:00:00"),
        ("repeats_2.jsonl:1", "repeats.jsonl:2", "event_at", "2026-01-05 08:00:00 against 2026-01-05 08:00:01"),
        ("repeats_2.jsonl:3", "repeats.jsonl:4", "file", "repeats.jsonl against repeats_2.jsonl"),
        ("visits.jsonl:4", "visits.jsonl:3", "line", "3 against 4"),
    ],
)  # fmt: skip
def test_a_duplicate_names_the_kept_copy_and_the_criterion_with_both_values(
    row: str, kept: str, criterion: str, values: str, tables: Tables
) -> None:
    answer = explain_row(tables, f"web/{row}")
    assert answer.facts["state"] == "duplicate"
    assert answer.facts["kept"] == f"web/{kept}"
    assert answer.facts["criterion"] == criterion
    assert values in section(answer, "Why the other one was kept")


def test_of_two_contents_the_differing_fields_are_shown(tables: Tables) -> None:
    ((duplicate,),) = tables.connection.execute(
        "select file || ':' || line from main_internal.event_rows where event_id = 'm21' and row_state = 'duplicate'"
    ).fetchall()
    answer = explain_row(tables, f"web/{duplicate}")
    assert answer.facts["criterion"] == "content"
    why = section(answer, "Why the other one was kept")
    assert re.search(r"event_name: (Signed Up against Left|Left against Signed Up)", why)
    assert "event_key" not in why


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (5, "2026-01-05 15:00:00 = received_at 2026-01-05 15:00:05 - (sent_at 2026-01-05 12:00:05 - "
            "original_timestamp 2026-01-05 12:00:00): the client's clock and the way made 10800 s."),
        (6, "2026-01-05 15:00:00 is the timestamp that the row gives. It is not corrected"),
        (1, "A correction by the client's clock needs sent_at, original_timestamp too."),
    ],
)  # fmt: skip
def test_the_time_of_an_event_is_shown_with_its_inputs(
    line: int, words: str, tables: Tables
) -> None:
    assert words in section(event_at_line(tables, line), "When")


def test_an_event_before_a_sign_in_names_the_sign_in_that_it_belongs_to(tables: Tables) -> None:
    sign_in = event_at_line(tables, 2)
    whose = section(event_at_line(tables, 1), "Whose")
    assert "The next sign-in on it counts: user u1 signed in with event " in whose
    assert f"{sign_in.facts['event_key']} at 2026-01-05 10:20:00 (web/visits.jsonl:2)" in whose
    after = section(event_at_line(tables, 3), "Whose")
    assert "No sign-in follows on it, so the last one before counts: user u1" in after
    assert "It names its user, u1." in section(sign_in, "Whose")
    alone = section(event_at_line(tables, 5), "Whose")
    assert "nobody ever signed in on its device d2" in alone


def test_a_chain_of_aliases_is_told_link_by_link(tables: Tables) -> None:
    answer = event_at_line(tables, 9)
    assert answer.facts["person_id"] == event_at_line(tables, 2).facts["person_id"]
    lines = section(answer, "Whose").splitlines()
    assert lines[0] == "It names its user, u3."
    assert "user u2 is user u3: alias event " in lines[2]
    assert lines[2].endswith("at 2026-01-05 09:10:00 (web/visits.jsonl:10)")
    assert "user u1 is user u2: alias event " in lines[3]
    assert lines[3].endswith("(web/visits.jsonl:11)")


def test_a_session_begins_and_ends_where_a_pause_is_over_the_timeout(tables: Tables) -> None:
    first, second = event_at_line(tables, 1), event_at_line(tables, 3)
    assert first.facts["session_id"] != second.facts["session_id"]
    session = section(first, "Session")
    assert f"{first.facts['session_id']}: this is event 1 of 2." in session
    assert "there is no event before it on its device" in session
    pause = "is 1801 s, over session_timeout (1800 s)."
    assert pause in session.splitlines()[2]
    assert pause in section(second, "Session").splitlines()[1]
    assert "there is no event after it yet" in section(second, "Session")


@pytest.mark.parametrize(
    ("row", "heading", "words"),
    [
        ("web/visits.jsonl:7", "Whose", "Nobody's: the row names neither a device nor a user."),
        ("web/visits.jsonl:8", "Session", "None: it is a bot's"),
        ("back/a.jsonl:1", "Session", "source back makes no sessions"),
    ],
)
def test_an_event_without_a_session_says_why(
    row: str, heading: str, words: str, tables: Tables
) -> None:
    answer = explain_row(tables, row)
    assert words in section(answer, heading)
    assert answer.facts["session_id"] is None


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        (1, "invalid_json", '{"messageId": "[email]"'),
        (2, "unparsable_time", '"timestamp":"soon"'),
        (3, "missing_time", "neither a time of its own nor a time of receipt"),
        (4, "missing_event_name", "Its time is 2026-01-05 10:00:00, its type track."),
        (5, "time_in_future", "received at 2026-01-05 10:00:00, so a time up to 2026-01-06 10:00:00 is let in."),
        (6, "time_too_early", "Its time is 1999-12-31 00:00:00; the first one let in is 2000-01-01 00:00:00."),
    ],
)  # fmt: skip
def test_a_row_in_quarantine_says_why_by_which_values_and_what_to_do(
    line: int, reason: str, words: str, tables: Tables
) -> None:
    answer = explain_row(tables, f"web/sub/broken.jsonl:{line}")
    assert answer.facts["reason"] == reason
    text = answer.text()
    assert QUARANTINE[reason][0] in text
    assert words in text
    assert f"Remedy: {QUARANTINE[reason][1]}" in text
    assert "bob@" not in text


def test_every_reason_of_quarantine_has_words() -> None:
    yml = Path("models/core/quarantined_events.yml").read_text()
    listed = re.search(r"values:\n((?:\s+- \w+\n)+)", yml)
    assert listed
    assert set(re.findall(r"- (\w+)", listed.group(1))) == set(QUARANTINE)


def test_a_session_counts_its_events_by_file_and_says_whose_it_is(tables: Tables) -> None:
    session_id = event_at_line(tables, 1).facts["session_id"]
    answer = explain_session(tables, session_id)
    assert "web/visits.jsonl: 2 events, lines 1, 2" in section(answer, "Where from")
    assert "user u1 signed in" in section(answer, "Whose")
    assert "of its first page view " in section(answer, "Channel")
    assert "1801 s" in section(answer, "Why it begins and ends there")


def test_a_person_lists_identifiers_merges_and_files(tables: Tables) -> None:
    answer = explain_person(tables, "u1")
    identifiers = section(answer, "Identifiers")
    for identifier in ("user u1", "user u2", "user u3", "device d1 (namespace web)", "device d5"):
        assert identifier in identifiers
    merges = section(answer, "Made one person by")
    assert "(web/visits.jsonl:10)" in merges
    assert "(web/visits.jsonl:11)" in merges
    # Two visits of d1, the sign-in, d5's event, two aliases; back's device d1 is another one.
    assert "web/visits.jsonl: 6 events, lines 1 to 11" in section(answer, "Where from")
    assert explain_person(tables, answer.facts["person_id"]).text() == answer.text()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("web/held.jsonl:3", "is held at gate 1 (times_mostly_usable: "),
        ("web/visits.jsonl:99", "has 11 rows"),
        ("web/none.jsonl:1", "no file of that name is loaded"),
        ("visits", "source/file:line"),
    ],
)
def test_a_row_that_no_table_has_says_where_it_is(row: str, words: str, tables: Tables) -> None:
    with pytest.raises(NotFoundError) as error:
        explain_row(tables, row)
    assert words in str(error.value)


def test_unknown_names_and_an_empty_home_are_named_errors(
    tables: Tables, tmp_path: Path, home: Installation
) -> None:
    for explain in (explain_event, explain_session, explain_person):
        with pytest.raises(NotFoundError, match="'nothing'"):
            explain(tables, "nothing")
    empty = Installation(tmp_path / "empty", SOURCES)
    with pytest.raises(TablesError, match="nothing is published yet"), open_tables(empty.settings):
        pass


def hold_open(path: str, opened: Any, done: Any) -> None:
    """Write into a DuckDB file until told to stop, as a run does."""
    with connect(path):
        opened.set()
        done.wait(60)


def test_explanations_are_given_while_a_run_writes(home: Installation, tmp_path: Path) -> None:
    busy = home.copy(tmp_path / "busy")
    context = multiprocessing.get_context("spawn")
    opened, done = context.Event(), context.Event()
    process = context.Process(target=hold_open, args=(str(busy.settings.raw), opened, done))
    process.start()
    try:
        assert opened.wait(60)
        with open_tables(busy.settings) as tables:
            assert explain_event(tables, "m1").facts["kept"] == "web/visits.jsonl:1"
            with pytest.raises(NotFoundError, match="which a run is writing: ask again later"):
                explain_row(tables, "web/held.jsonl:3")
    finally:
        done.set()
        process.join()


def test_the_command_prints_text_or_json_and_ends_with_1_when_there_is_no_such_row(
    home: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    home.settings.prepare()
    assert command.main(["row", "web/sub/broken.jsonl:5"]) == 0
    printed = capsys.readouterr().out
    assert "in quarantine" in printed
    assert "as published in" in printed
    assert command.main(["event", "m1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["duplicates"] == ["web/repeats.jsonl:1"]
    assert command.main(["event", "m999"]) == 1
    assert "error: there is no event 'm999'" in capsys.readouterr().out
