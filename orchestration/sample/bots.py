"""Crawlers: few devices, many page calls, round the clock, no pauses to read."""

from orchestration.sample import rates
from orchestration.sample.calls import Call, Visit
from orchestration.sample.catalogue import CRAWLERS, DIRECT, SECTIONS, Browser, Crawler
from orchestration.sample.choosing import new_uuid, stream
from orchestration.sample.people import Device

_DOCUMENTS = [document for section in SECTIONS.values() for document in section]
_TOTAL_SHARE = sum(crawler.share for crawler in CRAWLERS)


def crawl(seed: int, days: int, people: int) -> list[Call]:
    """Return the calls of all crawlers; their number grows with that of the people."""
    calls: list[Call] = []
    for crawler in CRAWLERS:
        a_day = rates.BOT_CALLS_A_DAY * crawler.share / _TOTAL_SHARE * people / 2000
        calls += _crawl_as(crawler, seed, days, a_day)
    return calls


def _crawl_as(crawler: Crawler, seed: int, days: int, calls_a_day: float) -> list[Call]:
    rng = stream(seed, "crawler", crawler.name)
    client = Browser(crawler.user_agent, 1024, 768)
    device = Device(new_uuid(rng), f"203.0.113.{rng.randint(1, 254)}", client)
    calls: list[Call] = []
    for day in range(days):
        wanted = int(rng.expovariate(1 / calls_a_day) + rng.random())
        while wanted > 0:
            starts = rates.FIRST_MS + day * rates.DAY_MS + rng.randrange(rates.DAY_MS)
            visit = Visit(rng, device, None, starts)
            burst = min(wanted, rng.randint(5, 60))
            for _ in range(burst):
                document = rng.choice(_DOCUMENTS)
                visit.land(document.path, document.title, DIRECT)
                visit.wait(2)
            calls += visit.finish()
            wanted -= burst
    return calls
