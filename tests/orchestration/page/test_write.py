"""The files: written at the end of every run, whole or not at all, as many kept as the strip shows."""

import base64
import hashlib
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from orchestration import erasing
from orchestration.database import connect
from orchestration.definitions import PAGE_TAG, build_definitions
from orchestration.erasing import Redaction
from orchestration.page import INDEX, write_page
from orchestration.page import write as writing
from orchestration.report import Report
from orchestration.settings import Settings
from tests.conftest import Built
from tests.installation import Installation
from tests.orchestration.page.conftest import HOSTILE, write_report

FOLDER = Path(writing.__file__).parent


def headline(html: str) -> str:
    found = re.search(r"<h1[^>]*>.*?</span>\s*(.*?)</h1>", html, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_run_writes_its_page_and_names_it(built: Built) -> None:
    reports = built.installation.settings.reports
    index = reports / INDEX
    own = reports / f"{built.first.run_id}.html"
    assert index.read_bytes() == own.read_bytes()
    assert headline(index.read_text()) == "Published, with a held batch"
    assert built.first.output.splitlines()[-2] == f"page: {index}"
    assert "make release BATCH=" in index.read_text()
    assert built.first.report["page"] == {"path": str(index), "problems": []}
    assert not list(reports.glob("*.new"))
    with dg.DagsterInstance.from_config(str(built.installation.settings.dagster)) as instance:
        run = instance.get_run_by_id(built.first.run_id)
    assert run is not None and run.tags[PAGE_TAG] == str(own)


def test_a_page_that_cannot_be_written_changes_nothing_else(
    copied: Installation, monkeypatch: pytest.MonkeyPatch, built: Built
) -> None:
    index = copied.settings.reports / INDEX
    before = index.read_bytes()

    def broken(_: object) -> str:
        raise RuntimeError("no ink")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "render", broken)
        outcome = copied.job()
    assert outcome.code == 0, outcome.output
    assert "not on the page: no ink" in outcome.output
    assert "page: " not in outcome.output.replace("on the page: ", "")
    assert index.read_bytes() == before

    outcome = copied.job()
    assert outcome.code == 0, outcome.output
    html = index.read_text()
    assert headline(html) == "Nothing new"
    assert f'href="{built.first.run_id}.html"' in html
    assert len(re.findall(r'<a class="mark', html)) == 2  # the one that had no ink has no page


def test_a_run_that_cannot_begin_has_a_page(
    new_installation: Callable[[str], Installation],
) -> None:
    home = new_installation("sources: {}\n")
    home.settings.sources.write_text("sources:\n  web: {format: segmnt}\n")
    outcome = home.job()
    assert outcome.code == 1
    index = home.settings.reports / INDEX
    assert f"page: {index}" in outcome.output
    html = index.read_text()
    assert headline(html) == "Failed"
    assert "line 2: source &#39;web&#39;, &#39;format&#39;: &#39;segmnt&#39; is unknown" in html


def test_a_disk_that_is_full_leaves_the_page_of_before(
    bare: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(bare, "one")
    write_page(bare, "one")
    before = (bare.reports / INDEX).read_bytes()
    write_report(bare, "two", at="11:00")
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        write(path, content[:1000])
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        found = write_page(bare, "two")
    assert found == {"path": None, "problems": ["no space left on device"]}
    assert sorted(path.name for path in bare.reports.glob("*.html*")) == [INDEX, "one.html"]
    assert (bare.reports / INDEX).read_bytes() == before


def test_pages_are_kept_for_as_many_runs_as_the_strip_shows(
    bare: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "KEPT", 3)
    for number in range(5):
        write_report(bare, f"run {number}", at=f"1{number}:00")
        os.utime(bare.reports / f"run {number}.json", (number, number))
        assert write_page(bare, f"run {number}")["problems"] == []
    assert sorted(path.name for path in bare.reports.glob("*.html")) == [
        INDEX, "run 2.html", "run 3.html", "run 4.html",
    ]  # fmt: skip
    assert len(list(bare.reports.glob("*.json"))) == 5
    links = re.findall(r'<a class="mark[^>]*href="([^"]+)"', (bare.reports / INDEX).read_text())
    assert links == ["run 2.html", "run 3.html", "run 4.html"]


def test_the_page_of_an_earlier_run_does_not_take_the_place_of_the_latest(bare: Settings) -> None:
    write_report(bare, "early", at="10:00", errors=["the early one"])
    write_report(bare, "late", at="11:00", errors=["the late one"])
    write_page(bare, "late")
    found = write_page(bare, "early")
    assert found["path"] == str(bare.reports / "early.html")
    assert "the early one" in (bare.reports / "early.html").read_text()
    assert "the late one" in (bare.reports / INDEX).read_text()


def test_a_run_that_dagster_started_gets_its_page_from_the_sensor(
    copied: Installation, built: Built
) -> None:
    report = Report(copied.settings.reports, built.first.run_id)
    for name in ("finished_at", "incidents", "held", "page"):
        del report.data[name]
    report.set("errors", [])
    for path in copied.settings.reports.glob("*.html"):
        path.unlink()
    definitions = build_definitions(copied.settings)
    sensor = definitions.get_repository_def().get_sensor_def("alerts_after_cancel")
    with dg.DagsterInstance.from_config(str(copied.settings.dagster)) as instance:
        run = instance.get_run_by_id(built.first.run_id)
        assert run is not None
        (entry,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
        assert entry.dagster_event is not None
        sensor(dg.build_run_status_sensor_context(sensor.name, entry.dagster_event, instance, run))
    html = (copied.settings.reports / INDEX).read_text()
    assert headline(html) == "Failed"
    assert "The run was cancelled." in html
    assert Report(copied.settings.reports, built.first.run_id).get("held")


def test_erasing_a_person_takes_the_pages_away(copied: Installation) -> None:
    pages = sorted(path.name for path in copied.settings.reports.glob("*.html"))
    assert len(pages) == 2
    with connect(copied.settings.warehouse) as connection:
        found = erasing.redact(copied.settings, connection, Redaction(["nobody-1"], []))
    assert [f"reports/{name}" for name in pages] == found
    assert not list(copied.settings.reports.glob("*.html"))


def test_closing_a_request_takes_away_what_was_shown_in_between(copied: Installation) -> None:
    def leave_a_page() -> Path:
        page = copied.settings.reports / "between.html"
        page.write_text("shows rows")
        return page

    page = leave_a_page()
    with erasing.finish_requests(copied.settings):
        pass
    assert page.exists()
    with connect(copied.settings.raw) as connection:
        connection.execute(
            "insert into erasure_requests values ('one', 'check', now() at time zone 'UTC', null)"
        )
    with erasing.finish_requests(copied.settings):
        assert page.exists()
    assert not page.exists()


def test_the_policy_allows_nothing_but_our_own_style_and_script(bare: Settings) -> None:
    write_report(bare, "one", errors=[HOSTILE])
    write_page(bare, "one")
    html = (bare.reports / INDEX).read_text()
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert found is not None
    policy = dict(part.split(" ", 1) for part in found[1].replace("&#39;", "'").split("; "))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[rule] == f"'sha256-{digest}'"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["img-src"] == "data:"
    assert "style=" not in html and not re.search(r"\son\w+=", html)
    assert "&lt;script&gt;alert(1)" in html


def test_what_is_no_text_is_written_all_the_same(bare: Settings) -> None:
    write_report(bare, "one", errors=["half of a pair: \ud800", "a\x00b"])
    assert write_page(bare, "one")["problems"] == []
    assert "half of a pair: ?" in (bare.reports / INDEX).read_text()


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)  # fmt: skip
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_texts_and_marks_stand_out_from_what_is_behind_them(scheme: int) -> None:
    style = (FOLDER / "page.css").read_text()
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    texts = ("text", "muted", "link", "good", "bad", "odd", "idle")
    for text, behind in itertools.product(texts, ("paper", "card")):
        assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for text, behind in (
        ("good", "good-soft"), ("odd", "odd-soft"), ("bad", "bad-soft"), ("idle", "idle-soft"), ("on", "bad"),
        ("text", "sunk"), ("text", "bad-soft"), ("text", "idle-soft"),
    ):  # fmt: skip
        assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for line, behind in (("series", "card"), ("series", "band"), ("odd", "card")):
        assert contrast(colours[line], colours[behind]) >= 3, (line, behind)
