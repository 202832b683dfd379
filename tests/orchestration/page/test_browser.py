"""The page in a real browser: it runs nothing but its own script, asks nobody, and fits."""

import itertools
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from orchestration.database import connect
from orchestration.page import INDEX, write_page
from tests.conftest import Built
from tests.installation import Installation
from tests.orchestration.page.conftest import (
    HOSTILE,
    HOSTILE_ATTRIBUTE,
    HOSTILE_RAW,
    write_report,
)

LAPTOP, PHONE = (1280, 900), (390, 844)
SECTIONS = ["Incidents", "Checks", "Volumes", "Tracking plan", "Quarantine", "Event catalog"]
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine: `make browser` installs Debian's")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@dataclass
class Seen:
    """What a page asked for and complained of."""

    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., tuple[Page, Seen]]]:
    """Return what opens a file; only files of its folder are let through, everything asked for is noted."""
    contexts = []

    def make(
        path: Path, size: tuple[int, int] = LAPTOP, scheme: str = "light", script: bool = True
    ) -> tuple[Page, Seen]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=script,
        )
        contexts.append(context)
        seen = Seen()

        def let_through(route: Route) -> None:
            seen.requests.append(route.request.url)
            if route.request.url.startswith(f"{path.parent.as_uri()}/"):
                route.continue_()
            else:
                route.abort()

        context.route("**/*", let_through)
        page = context.new_page()
        page.on("console", lambda message: seen.messages.append(message.text))
        page.on("pageerror", lambda error: seen.messages.append(str(error)))

        def dismiss(dialog: object) -> None:
            seen.dialogs.append(str(dialog))
            dialog.dismiss()  # type: ignore[attr-defined]

        page.on("dialog", dismiss)
        page.goto(path.as_uri())
        return page, seen

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def index(built: Built, home: Installation) -> Path:
    """Write the page of the sample with hostile names in every place, an anomaly and runs before it."""
    settings = home.settings
    for file in (settings.published, settings.warehouse):
        with connect(file) as connection:
            given = {"name": HOSTILE, "attribute": HOSTILE_ATTRIBUTE, "raw": HOSTILE_RAW}
            for sql in (
                "update alerts set observed = $name || observed, message = $attribute, sample = to_json([$attribute])",
                "update check_results set observed = $attribute || observed",
                "update load_files set file = $name where file like '%02/16%'",
            ):
                used = {name: text for name, text in given.items() if f"${name}" in sql}
                connection.execute(sql, used)
            if file == settings.published:
                for sql in (
                    "update event_catalog set event_name = $name, sources = $attribute where event_name = 'Logged Out'",
                    "update event_hours set event_name = $name where event_name = 'Logged Out'",
                    "update quarantined_events set raw = $raw, file = $attribute where reason = 'invalid_json'",
                    "update plan_conformity set event_name = $name, property = $attribute"
                    " where event_name = 'Report Exported'",
                    "update planned_events set owner = $attribute where event_name = 'page'",
                    "insert into anomalies select 'web', $name, $attribute, 'volume', data_until - interval 30 hour,"
                    " data_until - interval 6 hour, 2, 40, 20, 66, 7, $attribute from data_until",
                ):
                    used = {name: text for name, text in given.items() if f"${name}" in sql}
                    connection.execute(sql, used)
    write_report(settings, "before", at="09:00", errors=[HOSTILE], notes=[HOSTILE_ATTRIBUTE])
    write_report(settings, "no page", at="08:00", tables={"events": 1})
    assert write_page(settings, "before")["problems"] == []
    assert write_page(settings, built.first.run_id)["problems"] == []
    return settings.reports / INDEX


def visible(page: Page, selector: str) -> list[str]:
    """Return the texts of the elements that are shown."""
    found: list[str] = page.locator(selector).evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_it_fits_asks_nobody_and_complains_of_nothing(
    index: Path, open_page: Callable[..., tuple[Page, Seen]], size: tuple[int, int], scheme: str
) -> None:
    page, seen = open_page(index, size, scheme)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
    assert page.locator("h1").count() == 1
    assert page.locator("section > h2[id]").all_inner_texts() == SECTIONS
    assert seen == Seen([index.as_uri()])
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in re.findall(r"\d+", background)[:3]) > 380
    assert light == (scheme == "light")


def test_hostile_names_are_text(index: Path, open_page: Callable[..., tuple[Page, Seen]]) -> None:
    page, seen = open_page(index)
    page.evaluate(OPEN_ALL)
    assert page.title() != "3" and seen.dialogs == []
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, form, link[rel=stylesheet]").count() == 0
    for section, text in (
        ("incidents", HOSTILE),
        ("incidents", HOSTILE_ATTRIBUTE),
        ("checks", HOSTILE_ATTRIBUTE),
        ("volumes", HOSTILE),
        ("volumes", HOSTILE_ATTRIBUTE),
        ("plan", HOSTILE),
        ("plan", HOSTILE_ATTRIBUTE),
        ("quarantine", HOSTILE_ATTRIBUTE),
        ("quarantine", HOSTILE_RAW),
        ("catalog", HOSTILE),
        ("catalog", HOSTILE_ATTRIBUTE),
    ):
        assert text in page.locator(f"#{section}").inner_text(), (section, text)
    page, seen = open_page(index.with_name("before.html"))
    assert HOSTILE in page.locator(".errors").inner_text()
    assert HOSTILE_ATTRIBUTE in (page.locator("#run details").text_content() or "")
    assert seen.dialogs == []


def test_failing_only_leaves_what_fails(
    index: Path, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, _ = open_page(index)
    rows = page.locator("#checks tbody tr")
    failing = page.locator("#checks tbody tr[data-state=fail]").count()
    assert 0 < failing < rows.count()
    page.get_by_label("Failing only").check()
    assert len(visible(page, "#checks tbody tr")) == failing
    assert page.locator("#check-count").inner_text() == f"{failing} shown"
    page.get_by_label("Failing only").uncheck()
    assert page.locator("details.suite:visible").count() == page.locator("details.suite").count()
    page.get_by_label("Search checks").fill("session_id_unique")
    assert visible(page, "#checks tbody .name") == ["session_id_unique"]
    page.get_by_label("Search checks").fill("no such check")
    expect(page.get_by_text("No check matches.")).to_be_visible()


def test_the_catalog_can_be_sorted_and_searched(
    index: Path, home: Installation, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, _ = open_page(index)
    names = page.locator("#events tbody th")
    first = page.locator("#events tbody tr").first

    def asked(order: str) -> list[str]:
        rows = home.read(f"select event_name, person_count from event_catalog order by {order}")
        return [name for name, _ in rows]

    assert names.first.inner_text() == asked("event_count desc, event_name")[0]
    people = page.locator("#events thead th", has_text="people")
    people.get_by_role("button").click()
    assert people.get_attribute("aria-sort") == "descending"
    ((most,),) = home.read("select max(person_count) from event_catalog")
    assert first.locator("td").nth(1).inner_text() == f"{most:,}"
    people.get_by_role("button").click()
    assert people.get_attribute("aria-sort") == "ascending"
    ((least,),) = home.read("select min(person_count) from event_catalog")
    assert first.locator("td").nth(1).inner_text() == f"{least:,}"
    page.locator("#events thead th").first.get_by_role("button").click()
    found = [name.lower() for name in names.all_inner_texts() if re.fullmatch(r"[\w ]+", name)]
    found = [name for name in found if "_" not in name]
    assert found == sorted(found)
    assert page.locator("#events thead th[aria-sort]").count() == 1
    page.get_by_label("Search events").fill("signup")
    found = visible(page, "#events tbody tr")
    assert found and all("signup" in row.lower() for row in found)
    page.get_by_label("Search events").fill("nothing like it")
    expect(page.get_by_text("No event matches.")).to_be_visible()


def test_earlier_runs_open_and_lead_back(
    index: Path, built: Built, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, seen = open_page(index)
    marks = page.locator(".strip li")
    assert marks.count() == 3
    assert [mark.locator("a").count() for mark in marks.all()] == [0, 1, 1]
    assert page.locator(".strip [aria-current=page]").get_attribute("href") == f"{built.first.run_id}.html"  # fmt: skip
    page.get_by_role("link", name="2026-03-01 09:00 UTC: failed").click()
    expect(page.locator("h1")).to_contain_text("Failed")
    page.get_by_role("link", name="Latest page").click()
    expect(page.locator("h1")).to_contain_text("Published, with a held batch")
    assert [Path(url).name for url in seen.requests] == [INDEX, "before.html", INDEX]


def test_it_reads_without_its_script(
    index: Path, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, _ = open_page(index, script=False)
    for title in SECTIONS:
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    assert page.locator(".controls:visible, button:visible").count() == 0
    assert page.locator("#events tbody tr:visible").count() > 20
    assert page.locator("#incidents article").first.is_visible()


def test_it_can_be_used_with_keyboard_and_screen_reader(
    index: Path, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, _ = open_page(index)
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    nameless = "svg:not([aria-hidden=true]):not([role=img][aria-label]), thead th:not([scope=col])"
    assert page.locator(nameless).count() == 0 < page.locator("svg[role=img]").count()
    levels = page.locator("h1, h2, h3").evaluate_all(
        "all => all.map(one => Number(one.tagName[1]))"
    )
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.locator(".suite > summary").last.focus()
    page.keyboard.press("Enter")
    assert page.locator(".suite").last.evaluate("one => one.open")


def test_it_says_how_old_it_is(index: Path, open_page: Callable[..., tuple[Page, Seen]]) -> None:
    page, _ = open_page(index)
    assert page.locator("#age").inner_text() == ", less than an hour ago"
    written = page.locator("#age").get_attribute("data-at")
    assert written is not None
    datetime.fromisoformat(written)
    old = index.with_name("old.html")
    old.write_text(re.sub(r'data-at="[^"]+"', 'data-at="2026-01-01T00:00:00Z"', index.read_text()))
    page, _ = open_page(old)
    assert re.fullmatch(r", \d+ days ago", page.locator("#age").inner_text())


def test_it_prints_everything_on_white(
    index: Path, open_page: Callable[..., tuple[Page, Seen]]
) -> None:
    page, _ = open_page(index, scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("nav:visible, .controls:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(229, 232, 234)"
