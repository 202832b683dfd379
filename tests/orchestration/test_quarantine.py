"""What waits in quarantine, is given up, is taken back and is judged anew."""

from pathlib import Path

import pytest

from orchestration import publishing, quarantine
from tests.installation import call
from tests.warehouse import Home, differences

SOURCES = """
sources:
  web: {format: segment}
  shop:
    format: csv
    event_id: id
    event_name: name
    event_at: at
"""
MENDED = SOURCES.replace(
    "event_at: at",
    "event_at: \"coalesce(try_strptime(at, '%d.%m.%Y'), try_cast(at as timestamp))\"",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Three files, of which five lines cannot be used; a run of the job here is one of its models alone."""
    home = Home(tmp_path / "home", SOURCES)
    rows = ["1,pay,2026-01-05", "2,pay,06.01.2026", "3,pay,07.01.2026"]
    home.deliver("shop", "a.csv", ["id,name,at", *rows])
    home.deliver("shop", "b.csv", ["id,name,at", "4,pay,soon", "2,pay,06.01.2026"])
    home.deliver("web", "a.jsonl", [call(1, "2026-01-05T10:00:00Z"), '{"o\'k": "a@example.com"'])

    def run(_: list[str]) -> int:
        home.settings.last_run.write_text("{}")
        home.run()
        publishing.publish(home.settings.warehouse, home.settings.published)
        return 0

    home.settings.prepare()
    run([])
    monkeypatch.setattr("orchestration.quarantine.run.main", run)
    return home


def full(home: Home, folder: Path) -> Home:
    """Return a home with the same raw data, built at once."""
    other = Home(folder, home.settings.sources.read_text())
    other.settings.raw.write_bytes(home.settings.raw.read_bytes())
    other.build()
    home.settings.prepare()
    return other


def states(home: Home) -> list[tuple[str, int, str, str | None]]:
    return home.query(
        "select source || '/' || file, line, reason, note from quarantined_events"
        " left join discarded_events using (source, file, line, reason) order by all"
    )


def accounted(home: Home) -> list[tuple[str, int, int, int, int]]:
    rows = home.query(
        "select source || '/' || file, raw_rows, event_rows, duplicate_rows, quarantined_rows, discarded_rows"
        " from load_files order by all"
    )
    assert all(raw == events + repeats + waiting for _, raw, events, repeats, waiting, _ in rows)
    return [row[:1] + row[2:] for row in rows]


def test_rows_are_listed_shown_given_up_judged_anew_and_taken_back(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*arguments: str) -> str:
        capsys.readouterr()
        assert quarantine.main(list(arguments)) == 0
        return capsys.readouterr().out

    assert "shop   │ unparsable_time │       4 │         0 │     2 │" in say("list")
    shown = say("show", "--source", "web")
    assert 'web/a.jsonl:2  invalid_json\n    {"o\'k": "[email]"' in shown
    assert "Deliver the file again with the line mended" in shown
    assert "shop" not in shown

    assert "1 rows are given up." in say(
        "discard", "--row", "shop/a.csv:3", "--note", "a test, Ann's"
    )
    assert "1 rows are given up." in say("discard", "--reason", "invalid_json", "--note", "cut")
    assert [row for row in states(home) if row[3]] == [
        ("shop/a.csv", 3, "unparsable_time", "a test, Ann's"),
        ("web/a.jsonl", 2, "invalid_json", "cut"),
    ]
    assert accounted(home) == [
        ("shop/a.csv", 1, 0, 2, 1),
        ("shop/b.csv", 0, 0, 2, 0),
        ("web/a.jsonl", 1, 0, 1, 1),
    ]
    listed = say("list")
    assert "shop   │ unparsable_time │       3 │         1 │     2 │" in listed
    assert "invalid_json: The line" not in listed
    assert "shop/a.csv:3  unparsable_time, discarded: a test, Ann's" in say("show", "--file", "a.csv")  # fmt: skip

    # What was given up does not come back with a mended definition; a repeat of it that nobody gave up does.
    home.define(MENDED)
    assert "2 of 4 rows have left quarantine, 1 wait." in say("replay", "--source", "shop")
    assert states(home) == [
        ("shop/a.csv", 3, "discarded", "a test, Ann's"),
        ("shop/b.csv", 2, "missing_time", None),
        ("web/a.jsonl", 2, "invalid_json", "cut"),
    ]
    assert home.query("select event_id, file from events where source = 'shop' order by all") == [
        ("1", "a.csv"),
        ("2", "b.csv"),
        ("3", "a.csv"),
    ]
    assert differences(home, full(home, tmp_path / "full"), places=True) == {}

    assert "1 of 2 rows have left quarantine, 1 wait." in say("restore")
    assert states(home) == [
        ("shop/b.csv", 2, "missing_time", None),
        ("web/a.jsonl", 2, "invalid_json", None),
    ]
    assert accounted(home) == [
        ("shop/a.csv", 3, 0, 0, 0),
        ("shop/b.csv", 0, 1, 1, 0),
        ("web/a.jsonl", 1, 0, 1, 0),
    ]


def test_what_is_not_selected_well_changes_nothing(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (["discard", "--note", "all"], "error: which rows? Give REASON=, SOURCE=, FILE= or ROW=source/file:line"),
        (["discard", "--note", " ", "--source", "shop"], "error: why? DISCARD="),
        (["discard", "--note", "x", "--row", "a.csv"], "error: ROW is 'a.csv': write source/file:line"),
        (["discard", "--note", "x", "--row", "shop/a.csv:2"], "No such row is in quarantine."),
        (["replay", "--reason", "nonsense"], "No such row is in quarantine."),
        (["restore"], "No such row is in quarantine."),
    ):  # fmt: skip
        assert quarantine.main(arguments) == 1
        assert says in capsys.readouterr().out
    assert home.query("select count(*) from discarded_events") == [(0,)]
    assert home.settings.last_run.exists()


def test_before_the_first_run_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Home(tmp_path, SOURCES)
    assert quarantine.main(["list"]) == 1
    assert "nothing was published yet: `make run` first" in capsys.readouterr().out
