"""Sources, media and channels of visits, with the rules as Google words them.

The macros are rendered with jinja and the real adapter macros, and run on DuckDB with
the real seed.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import jinja2
import pytest

ROOT = Path(__file__).parents[2]
SEED = ROOT / "seeds" / "traffic_source_categories.csv"


def load_macros(*files: str) -> SimpleNamespace:
    """Return the macros of these files as one namespace, as dbt offers them by project name."""
    footpath = SimpleNamespace()

    def dispatch(name: str, _project: str) -> Callable[..., str]:
        found = getattr(footpath, f"duckdb__{name}", None) or getattr(footpath, f"default__{name}")
        macro: Callable[..., str] = found
        return macro

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    environment.globals.update(
        footpath=footpath,
        adapter=SimpleNamespace(dispatch=dispatch),
        **{"return": lambda value: value},
    )
    for file in files:
        module = environment.from_string((ROOT / file).read_text()).module
        for name, macro in vars(module).items():
            if callable(macro):
                setattr(footpath, name, macro)
    return footpath


MACROS = load_macros("macros/adapters/text.sql", "macros/core/traffic_source.sql")

CHANNEL_QUERY = f"""
    select {MACROS.default_channel_group("v.source", "v.medium", "v.campaign", "category")}
    from (select $source as source, $medium as medium, $campaign as campaign) as v
    left join categories on lower(v.source) = categories.source
"""

VISIT_COLUMNS = ["utm_source", "utm_medium", "click_source", "referrer_source"]

VISIT_QUERY = f"""
    with clicks as (
        select
            *,
            {MACROS.click_source("page_url")} as click_source,
            {MACROS.referrer_source("referrer_host", "page_host", "page_url")} as referrer_source
        from (
            select
                $page_url as page_url, $page_host as page_host, $referrer_host as referrer_host,
                $utm_source as utm_source, $utm_medium as utm_medium, $utm_campaign as utm_campaign
        )
    ),
    sources as (
        select *, {MACROS.traffic_source(*VISIT_COLUMNS)} as source from clicks
    ),
    media as (
        select
            sources.*,
            categories.category as source_category,
            {MACROS.traffic_medium(*VISIT_COLUMNS, "categories.category")} as medium
        from sources
        left join categories on sources.source = categories.source
    )
    select
        source,
        medium,
        {MACROS.default_channel_group("source", "medium", "utm_campaign", "source_category")}
    from media
"""


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table categories as from read_csv(?, header = true, all_varchar = true)",
        [str(SEED)],
    )
    return connection


def one_row(database: duckdb.DuckDBPyConnection, query: str, values: dict[str, Any]) -> Any:
    # cast so that a null parameter has a type, as a column has
    for name in values:
        query = query.replace(f"${name} as", f"cast(${name} as varchar) as")
    rows = database.execute(query, values).fetchall()
    assert len(rows) == 1
    return rows[0]


def channel(
    database: duckdb.DuckDBPyConnection,
    source: str | None,
    medium: str | None,
    campaign: str | None = None,
) -> str:
    values = {"source": source, "medium": medium, "campaign": campaign}
    name: str = one_row(database, CHANNEL_QUERY, values)[0]
    return name


def visit(
    database: duckdb.DuckDBPyConnection, page_url: str | None, referrer: str | None = None
) -> tuple[str, str, str]:
    """Source, medium and channel of a landing on a page, coming from a referrer."""
    tags = parse_qs(urlsplit(page_url or "").query, keep_blank_values=True)
    found: tuple[str, str, str] = one_row(
        database,
        VISIT_QUERY,
        {
            "page_url": page_url,
            "page_host": urlsplit(page_url or "").hostname,
            "referrer_host": urlsplit(referrer or "").hostname,
            "utm_source": tags.get("utm_source", [None])[0],
            "utm_medium": tags.get("utm_medium", [None])[0],
            "utm_campaign": tags.get("utm_campaign", [None])[0],
        },
    )
    return found


CHANNELS: list[tuple[str, str | None, str | None, str | None]] = [
    # channel, source, medium, campaign
    ("Direct", "(direct)", "(none)", None),
    ("Direct", "(direct)", "(not set)", None),
    ("Direct", None, None, None),
    ("Direct", "(direct)", "(none)", "cross-network"),
    ("Cross-network", "google", "cpc", "summer cross-network 1"),
    ("Cross-network", "google", "(not set)", "Cross-Network"),
    ("Paid Search", "google", "cpc", "cross network"),
    ("Paid Shopping", "amazon.com", "cpc", None),
    ("Paid Shopping", "partner.example", "paid", "eshop sale"),
    ("Paid Shopping", "google", "cpc", "Shopping"),
    ("Paid Shopping", "igshopping", "retargeting", None),
    ("Paid Other", "partner.example", "cpc", "workshop"),
    ("Paid Search", "google", "cpc", None),
    ("Paid Search", "bing", "ppc", None),
    ("Paid Search", "Yahoo", "Paid_Search", None),
    ("Paid Search", "baidu", "retargeting", None),
    ("Paid Search", "google", "ecpc", None),
    ("Paid Search", "google", "cpm", None),
    ("Organic Search", "google", "unpaid", None),
    ("Organic Search", "google", "ppc2", None),
    ("Paid Social", "facebook", "cpc", None),
    ("Paid Social", "t.co", "paid-social", None),
    ("Organic Social", "facebook", "display-retargeting", None),
    ("Paid Video", "youtube", "cpv", None),
    ("Paid Video", "vimeo.com", "paidvideo", None),
    ("Organic Video", "youtube", "video", None),
    ("Display", "partner.example", "display", None),
    ("Display", "facebook", "banner", None),
    ("Display", "google", "expandable", None),
    ("Display", "partner.example", "interstitial", None),
    ("Display", "dfa", "CPM", None),
    ("Unassigned", "partner.example", "displays", None),
    ("Paid Other", "partner.example", "cpc", None),
    ("Paid Other", "chatgpt.com", "paid", None),
    ("Paid Other", "partner.example", "retargeting", None),
    ("Unassigned", "partner.example", "prepaid", None),
    ("Organic Shopping", "ebay", "referral", None),
    ("Organic Shopping", "partner.example", "newsletter", "winter shop"),
    ("Organic Shopping", "google", "organic", "shopping"),
    ("Unassigned", "partner.example", "newsletter", "workshop"),
    ("Organic Social", "t.co", "referral", None),
    ("Organic Social", "reddit.com", "organic", None),
    ("Organic Social", "partner.example", "social", None),
    ("Organic Social", "partner.example", "sm", None),
    ("Organic Social", "partner.example", "Social Media", None),
    ("Unassigned", "partner.example", "social_media", None),
    ("Unassigned", "partner.example", "socials", None),
    ("Organic Video", "youtube.com", "referral", None),
    ("Organic Video", "partner.example", "video-embed", None),
    ("Organic Social", "tiktok", "video", None),
    ("Organic Search", "duckduckgo", "organic", None),
    ("Organic Search", "partner.example", "organic", None),
    ("Organic Search", "bing", "(not set)", None),
    ("Organic Search", "google", "email", None),
    ("Unassigned", "partner.example", "organic-search", None),
    ("AI Assistant", "chatgpt.com", "ai-assistant", None),
    ("AI Assistant", "assistant.example", "ai-assistant", None),
    ("AI Assistant", "chatgpt.com", "(not set)", None),
    ("AI Assistant", "claude.ai", "referral", None),
    ("Unassigned", "assistant.example", "ai", None),
    ("Referral", "blog.example", "referral", None),
    ("Referral", "blog.example", "app", None),
    ("Referral", "email", "link", None),
    ("Unassigned", "blog.example", "referrals", None),
    ("Email", "newsletter", "email", None),
    ("Email", "E-Mail", "march", None),
    ("Email", "newsletter", "e_mail", None),
    ("Email", "newsletter", "e mail", None),
    ("Unassigned", "newsletter", "emails", None),
    ("Affiliates", "partner.example", "affiliate", None),
    ("Affiliates", "partner.example", "Affiliate", None),
    ("Unassigned", "partner.example", "affiliates", None),
    ("Audio", "podcast.example", "audio", None),
    ("Audio", "sms", "audio", None),
    ("Unassigned", "podcast.example", "audio-ad", None),
    ("SMS", "sms", "text", None),
    ("SMS", "crm", "sms", None),
    ("Unassigned", "crm", "sms-blast", None),
    ("Mobile Push Notifications", "crm", "web-push", None),
    ("Mobile Push Notifications", "crm", "mobile-app", None),
    ("Mobile Push Notifications", "crm", "in-app notification", None),
    ("Mobile Push Notifications", "firebase", "campaign", None),
    ("Unassigned", "crm", "pushed", None),
    ("Unassigned", "firebase.example", "campaign", None),
    ("Unassigned", "(not set)", "(not set)", None),
    ("Unassigned", "newsletter", None, None),
]


@pytest.mark.parametrize(("expected", "source", "medium", "campaign"), CHANNELS)
def test_a_visit_has_the_channel_that_google_defines(
    database: duckdb.DuckDBPyConnection,
    expected: str,
    source: str | None,
    medium: str | None,
    campaign: str | None,
) -> None:
    assert channel(database, source, medium, campaign) == expected


def test_each_channel_of_google_has_two_examples() -> None:
    names = [
        "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video",
        "Display", "Paid Other", "Organic Shopping", "Organic Social", "Organic Video",
        "Organic Search", "AI Assistant", "Referral", "Email", "Affiliates", "Audio", "SMS",
        "Mobile Push Notifications", "Unassigned",
    ]  # fmt: skip
    examples = [expected for expected, *_ in CHANNELS]
    assert set(examples) == set(names)
    assert min(examples.count(name) for name in names) >= 2


PAGE = "https://www.shop.example/landing"

REFERRERS = [
    # referrer, source, medium, channel
    (None, "(direct)", "(none)", "Direct"),
    ("", "(direct)", "(none)", "Direct"),
    ("https://www.shop.example/cart", "(direct)", "(none)", "Direct"),
    ("https://shop.example/", "(direct)", "(none)", "Direct"),
    ("https://m.shop.example/", "(direct)", "(none)", "Direct"),
    ("https://www.google.de/", "google", "organic", "Organic Search"),
    ("https://www.google.co.uk/search?q=shoes", "google", "organic", "Organic Search"),
    ("https://GOOGLE.com.br/", "google", "organic", "Organic Search"),
    ("https://news.google.com/", "news.google.com", "organic", "Organic Search"),
    ("https://docs.google.com/document/1", "docs.google.com", "referral", "Referral"),
    ("https://google.blog.example/", "google.blog.example", "referral", "Referral"),
    ("https://notgoogle.com/", "notgoogle.com", "referral", "Referral"),
    ("https://www.google-reviews.example/", "google-reviews.example", "referral", "Referral"),
    ("https://cn.bing.com/", "bing", "organic", "Organic Search"),
    ("https://de.search.yahoo.com/", "yahoo", "organic", "Organic Search"),
    ("https://search.yahoo.co.jp/", "yahoo", "organic", "Organic Search"),
    ("https://mail.yahoo.com/", "mail.yahoo.com", "referral", "Referral"),
    ("https://duckduckgo.com/", "duckduckgo", "organic", "Organic Search"),
    ("https://yandex.com.tr/", "yandex", "organic", "Organic Search"),
    ("https://ya.ru/", "yandex", "organic", "Organic Search"),
    ("https://m.baidu.com/", "baidu", "organic", "Organic Search"),
    ("https://www.ecosia.org/", "ecosia", "organic", "Organic Search"),
    ("https://m.search.naver.com/", "naver", "organic", "Organic Search"),
    ("https://l.facebook.com/l.php", "facebook", "referral", "Organic Social"),
    ("https://lm.facebook.com/", "facebook", "referral", "Organic Social"),
    ("https://l.instagram.com/", "instagram", "referral", "Organic Social"),
    ("https://out.reddit.com/", "reddit", "referral", "Organic Social"),
    ("https://www.linkedin.com/feed", "linkedin", "referral", "Organic Social"),
    ("https://de.pinterest.com/pin/1", "pinterest", "referral", "Organic Social"),
    ("https://pin.it/1", "pinterest", "referral", "Organic Social"),
    ("https://t.co/abc", "twitter", "referral", "Organic Social"),
    ("https://x.com/", "twitter", "referral", "Organic Social"),
    ("https://wix.com/", "wix.com", "referral", "Referral"),
    ("https://news.ycombinator.com/", "news.ycombinator.com", "referral", "Organic Social"),
    ("https://m.youtube.com/watch", "youtube", "referral", "Organic Video"),
    ("https://youtu.be/1", "youtube", "referral", "Organic Video"),
    ("https://www.amazon.co.uk/", "amazon", "referral", "Organic Shopping"),
    ("https://chatgpt.com/", "chatgpt.com", "ai-assistant", "AI Assistant"),
    ("https://gemini.google.com/app", "gemini.google.com", "ai-assistant", "AI Assistant"),
    ("https://www.perplexity.ai/", "perplexity.ai", "ai-assistant", "AI Assistant"),
    ("https://blog.example/post", "blog.example", "referral", "Referral"),
    ("https://blog.shop.example/post", "blog.shop.example", "referral", "Referral"),
]


@pytest.mark.parametrize(("referrer", "source", "medium", "expected"), REFERRERS)
def test_a_referrer_gives_an_untagged_visit_its_source(
    database: duckdb.DuckDBPyConnection,
    referrer: str | None,
    source: str,
    medium: str,
    expected: str,
) -> None:
    assert visit(database, PAGE, referrer) == (source, medium, expected)


QUERIES = [
    # query of the landing page, referrer, source, medium, channel
    ("gclid=1", None, "google", "cpc", "Paid Search"),
    ("a=1&gbraid=1", None, "google", "cpc", "Paid Search"),
    ("WBRAID=1#top", "https://blog.example/", "google", "cpc", "Paid Search"),
    ("dclid=1", None, "google", "cpc", "Paid Search"),
    ("msclkid=1", "https://www.bing.com/", "bing", "cpc", "Paid Search"),
    ("ttclid=1", None, "tiktok", "cpc", "Paid Social"),
    ("twclid=1", "https://t.co/1", "twitter", "cpc", "Paid Social"),
    ("li_fat_id=1", None, "linkedin", "cpc", "Paid Social"),
    ("ScCid=1", None, "snapchat", "cpc", "Paid Social"),
    ("rdt_cid=1", None, "reddit", "cpc", "Paid Social"),
    ("yclid=1", None, "yandex", "cpc", "Paid Search"),
    ("gclid=", None, "(direct)", "(none)", "Direct"),
    ("gclid=&a=1", None, "(direct)", "(none)", "Direct"),
    ("notgclid=1", None, "(direct)", "(none)", "Direct"),
    ("gclid=1", "https://www.shop.example/", "google", "cpc", "Paid Search"),
    ("fbclid=1", None, "facebook", "referral", "Organic Social"),
    ("fbclid=1", "https://l.instagram.com/", "instagram", "referral", "Organic Social"),
    ("fbclid=1&gclid=1", None, "google", "cpc", "Paid Search"),
    ("fbclid=1&utm_source=Facebook&utm_medium=CPC", None, "facebook", "cpc", "Paid Social"),
    ("utm_source=newsletter&utm_medium=email", "https://www.google.com/", "newsletter", "email",
     "Email"),
    ("utm_source=newsletter&utm_medium=email&gclid=1", None, "newsletter", "email", "Email"),
    ("utm_source=google&utm_medium=cpc", None, "google", "cpc", "Paid Search"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=cross-network-eu", None, "google", "cpc",
     "Cross-network"),
    ("utm_source=google&gclid=1", None, "google", "cpc", "Paid Search"),
    ("utm_source=chatgpt.com", None, "chatgpt.com", "(not set)", "AI Assistant"),
    ("utm_source=newsletter", "https://www.google.com/", "newsletter", "(not set)", "Unassigned"),
    ("utm_medium=email", "https://www.google.com/", "(not set)", "email", "Email"),
    ("utm_campaign=spring", "https://www.google.com/", "google", "organic", "Organic Search"),
    ("utm_campaign=spring", None, "(direct)", "(none)", "Direct"),
    ("utm_source=&utm_medium=%20", "https://www.google.com/", "google", "organic",
     "Organic Search"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "referrer", "source", "medium", "expected"), QUERIES)
def test_tags_win_over_click_ids_and_click_ids_over_the_referrer(
    database: duckdb.DuckDBPyConnection,
    query: str,
    referrer: str | None,
    source: str,
    medium: str,
    expected: str,
) -> None:
    assert visit(database, f"{PAGE}?{query}", referrer) == (source, medium, expected)


def test_a_visit_without_a_page_is_judged_by_its_referrer(
    database: duckdb.DuckDBPyConnection,
) -> None:
    assert visit(database, None) == ("(direct)", "(none)", "Direct")
    assert visit(database, None, "https://www.bing.com/") == ("bing", "organic", "Organic Search")


def test_every_site_that_gets_a_name_is_in_the_list(database: duckdb.DuckDBPyConnection) -> None:
    """Else a country domain of a listed site would fall to Referral."""
    sites = [
        "google", "bing", "yahoo", "duckduckgo", "yandex", "baidu", "ecosia", "naver", "amazon",
        "ebay", "facebook", "instagram", "linkedin", "pinterest", "reddit", "tiktok", "twitter",
        "youtube", "snapchat",
    ]  # fmt: skip
    rows = database.execute("select source from categories where source in ?", [sites]).fetchall()
    assert {name for (name,) in rows} == set(sites)


def test_the_list_of_sources_is_sorted_unique_and_in_lower_case() -> None:
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sources = [row["source"] for row in rows]
    assert sources == sorted(set(sources))
    assert sources == [source.strip().lower() for source in sources]
    categories = {row["category"] for row in rows}
    assert categories == {"search", "social", "shopping", "video", "ai_assistant"}
