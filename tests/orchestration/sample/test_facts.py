"""What the simulator says it wrote is what lies in the files."""

from collections import Counter
from pathlib import Path

import pytest

from orchestration.sample import simulate

from .dumps import Dumps, is_usable, lines_of, parse, time_of


def test_every_line_is_accounted_for(dumps: Dumps) -> None:
    facts = dumps.facts
    records = dumps.all_records
    usable = dumps.usable
    distinct = {record["messageId"] for record in usable}
    assert facts.web_lines == sum(map(len, dumps.lines.values()))
    assert facts.malformed_lines == sum(map(len, dumps.unreadable.values()))
    assert sum(facts.quarantine_rows.values()) == len(records) - len(usable)
    assert facts.web_events == len(distinct)
    assert facts.repeats == len(usable) - len(distinct)
    assert facts.web_lines == (
        facts.web_events
        + facts.repeats
        + facts.malformed_lines
        + sum(facts.quarantine_rows.values())
    )


def test_events_are_counted_by_name(dumps: Dumps) -> None:
    names = {
        record["messageId"]: record["event"] if record["type"] == "track" else record["type"]
        for record in dumps.usable
    }
    assert dumps.facts.events_by_name == Counter(names.values())


def test_quarantine_rows_are_counted_by_reason(dumps: Dumps) -> None:
    counted = Counter[str]()
    for record in dumps.all_records:
        if is_usable(record):
            continue
        time = time_of(record["timestamp"])
        if record["type"] == "track" and not record["event"]:
            counted["no_event_name"] += 1
        elif time is None:
            counted["unparsable_time"] += 1
        else:
            counted["time_in_future" if time.year == 2031 else "time_too_early"] += 1
    assert dumps.facts.quarantine_rows == counted
    assert len(counted) == 4


def test_repeats_in_later_files_are_counted(dumps: Dumps) -> None:
    file_of: dict[str, str] = {}
    later = 0
    for file, records in dumps.records.items():
        for record in filter(is_usable, records):
            later += file_of.setdefault(record["messageId"], file) != file
    assert dumps.facts.repeats_in_later_files == later > 0


def test_devices_and_bots_are_counted(dumps: Dumps) -> None:
    assert dumps.facts.anonymous_ids == len({record["anonymousId"] for record in dumps.usable})
    by_bots = [
        record for record in dumps.usable if record["context"]["ip"].startswith("203.0.113.")
    ]
    assert dumps.facts.bots == len({record["anonymousId"] for record in by_bots}) == 14
    assert dumps.facts.bot_events == len({record["messageId"] for record in by_bots})


def test_billing_rows_are_counted(dumps: Dumps) -> None:
    facts = dumps.facts
    rows = [row for file in dumps.billing.values() for row in file[1:]]
    right = [row for row in rows if len(row) == 7]
    distinct = {(row[0], row[2]) for row in right}
    assert facts.billing_rows == len(distinct)
    assert facts.billing_repeats == len(right) - len(distinct) > 0
    assert facts.billing_malformed_lines == len(rows) - len(right) == 1
    assert facts.events == facts.web_events + facts.billing_rows


def test_bad_day_has_no_time_in_two_of_five_rows(dumps: Dumps) -> None:
    bad = dumps.facts.bad_day
    assert bad is not None
    assert bad.file == "web/2026/02/17.jsonl.gz"
    lines = lines_of(dumps.folder / "landing" / bad.file)
    records, unreadable = parse(lines)
    without_time = [
        record
        for record in records
        if not any(
            time_of(record[name]) for name in ("timestamp", "originalTimestamp", "receivedAt")
        )
    ]
    assert (bad.lines, bad.rows_without_time, bad.unreadable_lines) == (
        len(lines),
        len(without_time),
        len(unreadable),
    )
    assert 0.35 < len(without_time) / len(lines) < 0.45
    assert unreadable


def test_correction_of_the_bad_day_is_right_and_the_only_one(dumps: Dumps) -> None:
    bad = dumps.facts.bad_day
    assert bad is not None
    files = [path for path in (dumps.folder / "corrections").rglob("*") if path.is_file()]
    assert files == [dumps.folder / "corrections" / bad.file]
    assert not dumps.unreadable[bad.file]
    assert all(map(is_usable, dumps.records[bad.file]))
    assert len(dumps.records[bad.file]) == bad.lines


def test_no_bad_day_where_the_days_end_before_it(tmp_path: Path) -> None:
    facts = simulate(tmp_path / "landing", tmp_path / "corrections", days=4, people=20)
    assert facts.bad_day is None
    assert not (tmp_path / "corrections").exists()


def test_nothing_but_claimed_files_lies_in_the_landing_folder(dumps: Dumps) -> None:
    files = [path for path in (dumps.folder / "landing").rglob("*") if path.is_file()]
    assert len(files) == dumps.facts.web_files + len(dumps.billing)


@pytest.mark.parametrize(("days", "people"), [(0, 5), (5, 0)])
def test_nothing_to_simulate_is_an_error(tmp_path: Path, days: int, people: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        simulate(tmp_path, tmp_path, days=days, people=people)


def test_full_size_is_about_two_thousand_people_and_200_000_events(tmp_path: Path) -> None:
    facts = simulate(tmp_path / "landing", tmp_path / "corrections")
    assert 190_000 <= facts.events <= 215_000
    assert 1_950 <= facts.people <= 2_000
    assert facts.web_files == 60
    assert facts.bad_day is not None
