"""What the simulated world is made of: browsers, bots, places, referrers, campaigns, pages, names.

Browser and crawler user agents are real strings written down by hand; everything about the
product, its customers and its campaigns is invented.
"""

from typing import NamedTuple

from orchestration.sample.choosing import Weighted

SITE = "https://www.planwren.example"
APP = "https://app.planwren.example"


class Browser(NamedTuple):
    """A browser that people use: its user agent and screen size in CSS pixels."""

    user_agent: str
    width: int
    height: int


_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

DESKTOP_BROWSERS: Weighted[Browser] = Weighted(
    [
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/143.0.0.0 Safari/537.36", 1920, 1080), 20),
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/144.0.0.0 Safari/537.36", 1536, 864), 14),
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/131.0.0.0 Safari/537.36", 1366, 768), 3),
        (Browser(f"{_MAC} {_BLINK} Chrome/143.0.0.0 Safari/537.36", 1728, 1117), 14),
        (Browser(f"{_MAC} {_BLINK} Chrome/144.0.0.0 Safari/537.36", 1512, 982), 8),
        (Browser(f"{_LINUX} {_BLINK} Chrome/143.0.0.0 Safari/537.36", 2560, 1440), 3),
        (Browser("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) "
                 f"{_BLINK} Chrome/142.0.0.0 Safari/537.36", 1366, 768), 2),
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
                 1920, 1080), 11),
        (Browser(f"{_MAC} {_BLINK} Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
                 1440, 900), 1),
        (Browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) "
                 "Gecko/20100101 Firefox/146.0", 1920, 1080), 5),
        (Browser("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:146.0) "
                 "Gecko/20100101 Firefox/146.0", 1440, 900), 2),
        (Browser("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:147.0) "
                 "Gecko/20100101 Firefox/147.0", 1920, 1200), 2),
        (Browser("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) "
                 "Gecko/20100101 Firefox/140.0", 1280, 1024), 1),
        (Browser(f"{_MAC} {_WEBKIT} Version/26.1 Safari/605.1.15", 1512, 982), 7),
        (Browser(f"{_MAC} {_WEBKIT} Version/18.6 Safari/605.1.15", 1440, 900), 3),
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0",
                 1920, 1080), 1.5),
        (Browser(f"{_WINDOWS} {_BLINK} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.7.3851.52",
                 1920, 1080), 0.5),
    ]
)  # fmt: skip

MOBILE_BROWSERS: Weighted[Browser] = Weighted(
    [
        (Browser(f"{_IPHONE} {_WEBKIT} Version/26.1 Mobile/15E148 Safari/604.1", 393, 852), 30),
        (Browser("Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) "
                 f"{_WEBKIT} Version/17.6 Mobile/15E148 Safari/604.1", 375, 812), 8),
        (Browser("Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) "
                 f"{_WEBKIT} Version/18.6 Mobile/15E148 Safari/604.1", 820, 1180), 4),
        (Browser(f"{_IPHONE} {_WEBKIT} CriOS/143.0.7499.92 Mobile/15E148 Safari/604.1",
                 390, 844), 6),
        (Browser(f"{_IPHONE} {_WEBKIT} FxiOS/146.0 Mobile/15E148 Safari/605.1.15",
                 390, 844), 1),
        (Browser(f"{_ANDROID} {_BLINK} Chrome/143.0.0.0 Mobile Safari/537.36", 412, 915), 28),
        (Browser(f"{_ANDROID} {_BLINK} Chrome/131.0.0.0 Mobile Safari/537.36", 360, 800), 5),
        (Browser(f"{_ANDROID} {_BLINK} SamsungBrowser/29.0 Chrome/136.0.0.0 "
                 "Mobile Safari/537.36", 384, 854), 6),
        (Browser("Mozilla/5.0 (Android 15; Mobile; rv:146.0) Gecko/146.0 Firefox/146.0",
                 412, 892), 2),
        (Browser(f"{_ANDROID} {_BLINK} Chrome/143.0.0.0 Mobile Safari/537.36 EdgA/143.0.0.0",
                 412, 915), 1),
    ]
)  # fmt: skip


class Phone(NamedTuple):
    """A phone that runs the app; `build` is the app's user agent tail."""

    manufacturer: str
    model: str
    name: str
    system: str
    system_version: str
    width: int
    height: int
    user_agent: str


PHONES: Weighted[Phone] = Weighted(
    [
        (Phone("Apple", "iPhone17,1", "iPhone 16 Pro", "iOS", "26.1", 402, 874,
               "Planwren/3.8.1 CFNetwork/3860.200.71 Darwin/25.1.0"), 18),
        (Phone("Apple", "iPhone15,4", "iPhone 15", "iOS", "18.6", 393, 852,
               "Planwren/3.8.1 CFNetwork/3826.600.41 Darwin/24.6.0"), 20),
        (Phone("Apple", "iPhone14,5", "iPhone 13", "iOS", "17.7", 390, 844,
               "Planwren/3.7.4 CFNetwork/1498.700.2 Darwin/23.6.0"), 12),
        (Phone("Google", "Pixel 9", "tokay", "Android", "16", 412, 923,
               "Dalvik/2.1.0 (Linux; U; Android 16; Pixel 9 Build/BP3A.251005.004)"), 10),
        (Phone("samsung", "SM-S921B", "e1s", "Android", "15", 384, 832,
               "Dalvik/2.1.0 (Linux; U; Android 15; SM-S921B Build/AP3A.240905.015)"), 16),
        (Phone("Xiaomi", "2312DRA50G", "garnet", "Android", "14", 393, 873,
               "Dalvik/2.1.0 (Linux; U; Android 14; 2312DRA50G Build/UKQ1.231003.002)"), 8),
    ]
)  # fmt: skip


class Crawler(NamedTuple):
    """A crawler that runs the tracking script, with its share of all bot calls."""

    name: str
    user_agent: str
    share: float


CRAWLERS = (
    Crawler("Googlebot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
            "Googlebot/2.1; +http://www.google.com/bot.html) Chrome/143.0.0.0 Safari/537.36", 22),
    Crawler("Googlebot smartphone", "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) "
            f"{_BLINK} Chrome/143.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
            "+http://www.google.com/bot.html)", 18),
    Crawler("bingbot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
            "bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/136.0.0.0 Safari/537.36", 14),
    Crawler("AhrefsBot", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 10),
    Crawler("SemrushBot", "Mozilla/5.0 (compatible; SemrushBot/7~bl; "
            "+http://www.semrush.com/bot.html)", 7),
    Crawler("GPTBot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
            "GPTBot/1.2; +https://openai.com/gptbot)", 8),
    Crawler("ClaudeBot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
            "ClaudeBot/1.0; +claudebot@anthropic.com)", 4),
    Crawler("PerplexityBot", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
            "PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)", 2),
    Crawler("YandexBot", "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", 4),
    Crawler("Applebot", f"{_MAC} {_WEBKIT} Version/17.4 Safari/605.1.15 (Applebot/0.1; "
            "+http://www.apple.com/go/applebot)", 3),
    Crawler("DuckDuckBot", "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)", 2),
    Crawler("PetalBot", "Mozilla/5.0 (compatible; PetalBot;"
            "+https://webmaster.petalsearch.com/site/petalbot)", 2),
    Crawler("Bytespider", "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            3),
    Crawler("facebookexternalhit", "facebookexternalhit/1.1 "
            "(+http://www.facebook.com/externalhit_uatext.php)", 1),
)  # fmt: skip


class Place(NamedTuple):
    """Where somebody lives. No offset changes between January and the first week of March."""

    timezone: str
    offset_minutes: int
    locale: str
    country: str
    currency: str


PLACES: Weighted[Place] = Weighted(
    [
        (Place("America/New_York", -300, "en-US", "US", "USD"), 22),
        (Place("America/Chicago", -360, "en-US", "US", "USD"), 9),
        (Place("America/Los_Angeles", -480, "en-US", "US", "USD"), 13),
        (Place("America/Toronto", -300, "en-CA", "CA", "USD"), 4),
        (Place("America/Sao_Paulo", -180, "pt-BR", "BR", "USD"), 3),
        (Place("Europe/London", 0, "en-GB", "GB", "GBP"), 13),
        (Place("Europe/Berlin", 60, "de-DE", "DE", "EUR"), 10),
        (Place("Europe/Paris", 60, "fr-FR", "FR", "EUR"), 6),
        (Place("Europe/Madrid", 60, "es-ES", "ES", "EUR"), 4),
        (Place("Europe/Stockholm", 60, "sv-SE", "SE", "EUR"), 3),
        (Place("Asia/Kolkata", 330, "en-IN", "IN", "USD"), 6),
        (Place("Asia/Tokyo", 540, "ja-JP", "JP", "USD"), 3),
        (Place("Australia/Sydney", 660, "en-AU", "AU", "USD"), 4),
    ]
)


class Origin(NamedTuple):
    """Where a visit comes from.

    `utm` holds (source, medium, campaign, term, content), empty text where there is none;
    `quality` scales how keen the people are who come this way.
    """

    referrer: str = ""
    utm: tuple[str, str, str, str, str] | None = None
    click_id: str = ""
    quality: float = 1.0


DIRECT = Origin()
ORIGINS: Weighted[Origin] = Weighted(
    [
        (DIRECT, 17),
        (Origin("https://www.google.com/", quality=1.1), 21),
        (Origin("https://www.bing.com/"), 4),
        (Origin("https://duckduckgo.com/", quality=1.1), 2.5),
        (Origin("https://www.reddit.com/", quality=0.9), 3),
        (Origin("https://www.linkedin.com/", quality=1.1), 3),
        (Origin("https://t.co/", quality=0.7), 2),
        (Origin("https://chatgpt.com/", ("chatgpt.com", "", "", "", ""), quality=1.3), 3),
        (Origin("https://www.perplexity.ai/", quality=1.2), 1),
        (Origin("https://techcrunch.com/", quality=0.6), 2),
        (Origin("https://www.theverge.com/", quality=0.5), 1),
        (Origin("https://news.ycombinator.com/", quality=0.8), 2),
        (Origin("https://www.google.com/",
                ("google", "cpc", "brand", "planwren", "headline-a"), "gclid", 1.2), 7),
        (Origin("https://www.google.com/",
                ("google", "cpc", "project-planning", "project planning tool", "headline-b"),
                "gclid", 0.9), 9),
        (Origin("https://www.bing.com/",
                ("bing", "cpc", "project-planning", "gantt chart online", ""), "msclkid", 0.9), 2),
        (Origin("https://www.facebook.com/",
                ("facebook", "paid_social", "plan-your-year", "", "video-15s"), "fbclid", 0.55), 7),
        (Origin("https://www.linkedin.com/",
                ("linkedin", "paid_social", "team-leads", "", "carousel"), "", 1.0), 3),
        (Origin("https://partners.tooladvisor.example/",
                ("tooladvisor", "affiliate", "partner-q1", "", ""), "", 1.3), 4),
        (Origin("https://shop.officeblog.example/",
                ("officeblog", "display", "plan-your-year", "", "banner-300x250"), "", 0.4), 2),
    ]
)  # fmt: skip

RETURNS: Weighted[Origin] = Weighted(
    [
        (DIRECT, 48),
        (Origin("https://www.google.com/"), 24),
        (Origin("", ("newsletter", "email", "plan-better-weekly", "", "top-story")), 9),
        (Origin("https://mail.google.com/",
                ("newsletter", "email", "plan-better-weekly", "", "button")), 3),
        (Origin("https://www.facebook.com/",
                ("facebook", "paid_social", "retargeting", "", "still"), "fbclid"), 5),
        (Origin("https://www.google.com/",
                ("google", "cpc", "brand", "planwren", "headline-a"), "gclid"), 7),
    ]
)  # fmt: skip


class Document(NamedTuple):
    """A page of the public site."""

    path: str
    title: str


HOME = Document("/", "Planwren: plans that hold")
PRICING = Document("/pricing", "Pricing | Planwren")
SIGN_UP = Document("/signup", "Start your free trial | Planwren")
LOGIN = Document("/login", "Log in | Planwren")

_BLOG = {
    "weekly-planning-in-30-minutes": "Weekly planning in 30 minutes",
    "gantt-charts-without-tears": "Gantt charts without tears",
    "why-deadlines-slip": "Why deadlines slip",
    "the-two-list-rule": "The two-list rule",
    "remote-stand-ups": "Remote stand-ups that end on time",
    "estimating-with-ranges": "Estimating with ranges",
    "planwren-3-8": "What is new in Planwren 3.8",
}
_DOCS = {
    "getting-started": "Getting started",
    "import-from-spreadsheets": "Import from spreadsheets",
    "invite-your-team": "Invite your team",
    "api/authentication": "API: authentication",
    "api/projects": "API: projects",
    "billing-and-plans": "Billing and plans",
    "keyboard-shortcuts": "Keyboard shortcuts",
}
SECTIONS: dict[str, list[Document]] = {
    "home": [HOME],
    "landing": [
        Document("/lp/project-planning", "The planning tool that your team will use | Planwren"),
        Document("/lp/plan-your-year", "Plan your year in an afternoon | Planwren"),
    ],
    "features": [
        Document("/features/timeline", "Timeline | Planwren"),
        Document("/features/boards", "Boards | Planwren"),
        Document("/features/reports", "Reports | Planwren"),
        Document("/integrations", "Integrations | Planwren"),
    ],
    "pricing": [PRICING],
    "customers": [
        Document("/customers", "Customers | Planwren"),
        Document("/customers/harbour-studio", "How Harbour Studio plans 40 projects | Planwren"),
    ],
    "blog": [Document("/blog", "Blog | Planwren")]
    + [Document(f"/blog/{slug}", f"{title} | Planwren blog") for slug, title in _BLOG.items()],
    "docs": [Document("/docs", "Docs | Planwren")]
    + [Document(f"/docs/{slug}", f"{title} | Planwren docs") for slug, title in _DOCS.items()],
}
NEXT_SECTION: dict[str, Weighted[str]] = {
    "home": Weighted([("features", 40), ("pricing", 28), ("customers", 10), ("blog", 12),
                      ("docs", 10)]),
    "landing": Weighted([("features", 35), ("pricing", 40), ("home", 15), ("customers", 10)]),
    "features": Weighted([("features", 40), ("pricing", 35), ("home", 10), ("docs", 15)]),
    "pricing": Weighted([("features", 40), ("home", 25), ("docs", 15), ("customers", 20)]),
    "customers": Weighted([("customers", 30), ("pricing", 40), ("home", 30)]),
    "blog": Weighted([("blog", 55), ("home", 25), ("features", 20)]),
    "docs": Weighted([("docs", 70), ("pricing", 10), ("home", 20)]),
}  # fmt: skip
FIRST_SECTION = Weighted([("home", 45), ("blog", 28), ("docs", 10), ("features", 10),
                          ("pricing", 7)])  # fmt: skip

PLAN_PRICES = {"starter": 12, "team": 39, "business": 99}
"""Price of a plan a month, in the customer's currency; a year costs ten months."""
PLANS = Weighted([("starter", 45), ("team", 42), ("business", 13)])


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Ada Amir Ana Anders Aoife Ben Bea Camille Carlos Chen Clara Dana Deniz Elif Emma Farah Finn "
    "Gita Greta Hana Hugo Ines Ivan Jana Jörg José Kai Kavya Lars Lena Liam Lucía Maja Marek Mei "
    "Mina Nadia Nils Noor Olga Omar Pia Priya Rafael Renée Rosa Sam Sana Søren Tariq Théo Uma "
    "Vera Viktor Wen Yara Yuki Zoë Zuzana 美咲"
)
LAST_NAMES = _words(
    "Adler Ahmed Almeida Andersen Bauer Berg Blanc Brown Castillo Chowdhury Costa Dubois Evans "
    "Fischer Fournier Garcia Gupta Haas Hansen Ibrahim Ito Jansen Kaya Keller Kim Kowalski Lang "
    "Larsen Lindqvist Lopez Martin Meyer Müller Nakamura Nguyen Novak Okafor Olsen Patel Petrov "
    "Quinn Ramos Reid Rossi Sato Schmidt Silva Singh Sørensen Tanaka Taylor Vargas Weber Wong "
    "Yilmaz Zhang"
)
COMPANY_FIRST = _words(
    "Alder Amber Birch Blue Bright Cedar Clear Copper Elm Fern Granite Harbour Heron Iron Juniper "
    "Kestrel Lark Linden Maple Meadow Mill North Oak Orchard Pebble Pine Quiet Raven River Rowan "
    "Silver Slate South Stone Thistle Tidal Upland Willow Winter Yarrow"
)
COMPANY_LAST = _words("Studio Labs Works Partners Logistics Foods Media Health Design Energy")
INDUSTRIES = ("agency", "software", "construction", "education", "retail", "health", "logistics")
