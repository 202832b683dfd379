"""Each thing that the sample promises to hold is really in it."""

import gzip
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import crawleruseragents
import pytest

from .dumps import Dumps, Record, lines_of, time_of

ADDRESS = re.compile(r"[\w.]+@[\w.]+\.example")


def users_by_device(dumps: Dumps) -> dict[str, set[str]]:
    users: dict[str, set[str]] = defaultdict(set)
    for record in dumps.usable:
        if record["userId"]:
            users[record["anonymousId"]].add(record["userId"])
    return users


def in_time_order(dumps: Dumps) -> list[Record]:
    return sorted(dumps.usable, key=lambda record: str(record["timestamp"]))


def names(dumps: Dumps) -> set[str]:
    return {str(record["event"]) for record in dumps.tracked}


def anonymous_browsing_before_sign_up(dumps: Dumps) -> bool:
    seen: set[str] = set()
    found = 0
    for record in in_time_order(dumps):
        if record["userId"] is None:
            seen.add(record["anonymousId"])
        elif record["type"] == "track" and record["event"] == "Signed Up":
            found += record["anonymousId"] in seen
    return found > 20


def every_call_type(dumps: Dumps) -> bool:
    types = {record["type"] for record in dumps.usable}
    return types == {"track", "page", "screen", "identify", "group", "alias"}


def page_context_and_properties(dumps: Dumps) -> bool:
    pages = [record for record in dumps.usable if record["type"] == "page"]
    keys = {"path", "url", "referrer", "title", "search"}
    return all(
        set(page["context"]["page"]) == keys
        and page["properties"] == page["context"]["page"]
        and urlsplit(page["properties"]["url"]).path == page["properties"]["path"]
        for page in pages
    )


def campaign_agrees_with_the_url(dumps: Dumps) -> bool:
    campaigns = set()
    for record in dumps.usable:
        campaign = record["context"].get("campaign")
        if campaign is not None:
            query = parse_qs(urlsplit(record["context"]["page"]["url"]).query)
            if query["utm_source"] != [campaign["source"]]:
                return False
            campaigns.add((campaign["source"], campaign.get("medium")))
    return campaigns >= {
        ("google", "cpc"),
        ("newsletter", "email"),
        ("facebook", "paid_social"),
        ("tooladvisor", "affiliate"),
    }


def click_ids(dumps: Dumps) -> bool:
    urls = [record["context"].get("page", {}).get("url", "") for record in dumps.usable]
    return all(any(f"{name}=" in url for url in urls) for name in ("gclid", "fbclid"))


def organic_referrers(dumps: Dumps) -> bool:
    hosts = {
        urlsplit(record["context"]["page"]["referrer"]).netloc
        for record in dumps.usable
        if record["type"] == "page"
    }
    return hosts >= {
        "",
        "www.google.com",
        "www.bing.com",
        "duckduckgo.com",
        "www.reddit.com",
        "www.linkedin.com",
        "t.co",
        "chatgpt.com",
        "techcrunch.com",
    }


def identify_traits(dumps: Dumps) -> bool:
    traits = [record["traits"] for record in dumps.usable if record["type"] == "identify"]
    return all({"name", "email", "company"} <= set(each) for each in traits) and any(
        "plan" in each for each in traits
    )


def group_traits(dumps: Dumps) -> bool:
    groups = [record for record in dumps.usable if record["type"] == "group"]
    keys = {"name", "industry", "employees", "plan"}
    return all(record["groupId"] and set(record["traits"]) == keys for record in groups)


def product_events(dumps: Dumps) -> bool:
    return names(dumps) >= {
        "Signed Up",
        "Trial Started",
        "Project Created",
        "Task Completed",
        "Teammate Invited",
        "Report Exported",
        "Checkout Started",
        "Payment Details Entered",
        "Subscription Started",
        "Subscription Cancelled",
    }


def checkout_drops_off(dumps: Dumps) -> bool:
    steps = ("Checkout Started", "Payment Details Entered", "Subscription Started")
    people = [
        len({record["userId"] for record in dumps.tracked if record["event"] == step})
        for step in steps
    ]
    return people[0] > people[1] > people[2] > 0


def weekdays_are_busier(dumps: Dumps) -> bool:
    by_weekday = Counter[int]()
    for record in dumps.tracked:
        time = time_of(record["timestamp"])
        assert time is not None
        by_weekday[time.weekday()] += 1
    return min(by_weekday[day] for day in range(4)) > 1.5 * max(by_weekday[5], by_weekday[6])


def office_hours_are_busier(dumps: Dumps) -> bool:
    by_hour = Counter(
        str(record["timestamp"])[11:13]
        for record in dumps.tracked
        if record["context"]["timezone"] == "Europe/London"
    )
    return sum(by_hour[f"{hour:02d}"] for hour in range(9, 18)) > 3 * sum(
        by_hour[f"{hour:02d}"] for hour in range(6)
    )


def retention_decays(dumps: Dumps) -> bool:
    joined = {}
    active: dict[int, set[str]] = defaultdict(set)
    for record in in_time_order(dumps):
        time, user = time_of(record["timestamp"]), record["userId"]
        assert time is not None
        if record["type"] == "track" and record["event"] == "Signed Up":
            joined[user] = time
        elif user in joined:
            active[(time - joined[user]).days // 7].add(user)
    return len(active[0]) > len(active[1]) > len(active[4]) > 0


def several_devices_a_person(dumps: Dumps) -> bool:
    devices: dict[str, set[str]] = defaultdict(set)
    for device, users in users_by_device(dumps).items():
        for user in users:
            devices[user].add(device)
    return sum(len(each) > 1 for each in devices.values()) > 20


def two_people_on_one_device(dumps: Dumps) -> bool:
    permanent = [
        {user for user in users if user.startswith("usr_")}
        for users in users_by_device(dumps).values()
    ]
    return any(len(users) == 2 for users in permanent)


def anonymous_return_on_a_known_device(dumps: Dumps) -> bool:
    own = {device for device, users in users_by_device(dumps).items() if len(users) == 1}
    logged_out: set[str] = set()
    for record in in_time_order(dumps):
        if record["type"] == "track" and record["event"] == "Logged Out":
            logged_out.add(record["anonymousId"])
        elif record["userId"] is None and record["anonymousId"] in logged_out & own:
            return True
    return False


def new_device_id_after_log_out(dumps: Dumps) -> bool:
    last: dict[tuple[str, str], Record] = {}
    for record in in_time_order(dumps):
        client = (record["userId"], record["context"]["userAgent"])
        before = last.get(client, record)
        moved = before["anonymousId"] != record["anonymousId"]
        if moved and before["type"] == "track" and before["event"] == "Logged Out":
            return True
        if record["userId"]:
            last[client] = record
    return False


def alias_from_a_temporary_id(dumps: Dumps) -> bool:
    known = {record["userId"] for record in dumps.usable}
    aliases = [record for record in dumps.usable if record["type"] == "alias"]
    return any(
        record["previousId"].startswith("tmp_")
        and {record["previousId"], record["userId"]} <= known
        for record in aliases
    )


def alias_from_the_device(dumps: Dumps) -> bool:
    return any(
        record["previousId"] == record["anonymousId"]
        for record in dumps.usable
        if record["type"] == "alias"
    )


def agents(dumps: Dumps, crawlers: bool) -> Counter[str]:
    calls = Counter[str](record["context"]["userAgent"] for record in dumps.usable)
    return Counter(
        {
            agent: count
            for agent, count in calls.items()
            if crawleruseragents.is_crawler(agent) == crawlers
        }
    )


def bots_are_few_and_busy(dumps: Dumps) -> bool:
    calls = agents(dumps, crawlers=True)
    names_found = [
        name
        for name in ("Googlebot", "bingbot", "AhrefsBot", "GPTBot")
        if any(name in agent for agent in calls)
    ]
    return len(names_found) == 4 and max(calls.values()) > 200


def bots_are_exactly_the_crawlers(dumps: Dumps) -> bool:
    return all(
        crawleruseragents.is_crawler(record["context"]["userAgent"])
        == record["context"]["ip"].startswith("203.0.113.")
        for record in {r["context"]["userAgent"]: r for r in dumps.usable}.values()
    )


def many_browsers(dumps: Dumps) -> bool:
    people = agents(dumps, crawlers=False)
    return len([agent for agent in people if agent.startswith("Mozilla/5.0")]) >= 22


def places(dumps: Dumps) -> bool:
    contexts = [record["context"] for record in dumps.usable]
    return (
        len({context.get("locale") for context in contexts}) >= 9
        and len({context.get("timezone") for context in contexts}) >= 10
    )


def addresses_are_for_documentation(dumps: Dumps) -> bool:
    networks = {record["context"]["ip"].rpartition(".")[0] for record in dumps.usable}
    return networks == {"192.0.2", "198.51.100", "203.0.113"}


def clocks_are_hours_off(dumps: Dumps) -> bool:
    off = 0
    for record in dumps.usable:
        sent, received = time_of(record["sentAt"]), time_of(record["receivedAt"])
        assert sent is not None
        assert received is not None
        off += abs(received - sent) > timedelta(minutes=50)
    return off > 50


def corrected_as_segment_does(dumps: Dumps) -> bool:
    for record in dumps.usable:
        times = [
            time_of(record[name])
            for name in ("timestamp", "receivedAt", "sentAt", "originalTimestamp")
        ]
        corrected, received, sent, original = times
        assert corrected and received and sent and original
        if corrected != received - (sent - original):
            return False
    return True


def late_events_in_later_files(dumps: Dumps) -> bool:
    days_late = set()
    for file, records in dumps.records.items():
        for record in records:
            time, received = time_of(record["timestamp"]), time_of(record["receivedAt"])
            if record["type"] == "screen" and time and received and time.year == 2026:
                if f"{received:%Y/%m/%d}" not in file:
                    return False
                days_late.add((received.date() - time.date()).days)
    return max(days_late) in (3, 4, 5, 6) and min(days_late) == 0


def files_hold_their_received_day(dumps: Dumps) -> bool:
    return all(
        f"{time_of(record['receivedAt']):%Y/%m/%d}" in file
        for file, records in dumps.records.items()
        for record in records
        if time_of(record["receivedAt"])
    )


def repeats_within_a_file(dumps: Dumps) -> bool:
    return any(
        max(Counter(record["messageId"] for record in records).values()) > 1
        for records in dumps.records.values()
    )


def malformed_in_several_ways_and_files(dumps: Dumps) -> bool:
    lines = list(itertools.chain.from_iterable(dumps.unreadable.values()))
    latin = [line for line in lines if b"K\xf6ln" in line]
    text = [line for line in lines if not line.startswith(b"{")]
    cut = [line for line in lines if line.startswith(b"{") and b"K\xf6ln" not in line]
    files = [file for file, broken in dumps.unreadable.items() if broken]
    return bool(latin and text and cut) and len(files) > 3


def file_cut_off_at_its_end(dumps: Dumps) -> bool:
    contents = (
        gzip.decompress(path.read_bytes())
        for path in (dumps.folder / "landing" / "web").rglob("*.gz")
    )
    return any(not content.endswith(b"\n") for content in contents)


def addresses_to_mask(dumps: Dumps) -> bool:
    in_urls = [r for r in dumps.usable if "email=" in r["context"].get("page", {}).get("url", "")]
    in_properties = [r for r in dumps.tracked if ADDRESS.search(json.dumps(r["properties"]))]
    return bool(in_urls) and len(in_properties) > 20


def message_ids(dumps: Dumps) -> bool:
    hexadecimal = "[0-9a-f]"
    uuid = rf"{hexadecimal}{{8}}-{hexadecimal}{{4}}-4{hexadecimal}{{3}}-[89ab]{hexadecimal}{{3}}-"
    web = re.compile(rf"(ajs-next-\d{{13}}-)?{uuid}{hexadecimal}{{12}}")
    ids = [record["messageId"] for record in dumps.usable]
    return all(web.fullmatch(each) for each in ids) and any(each.startswith("ajs") for each in ids)


def declared_as_simulated(dumps: Dumps) -> bool:
    libraries = {record["context"]["library"]["name"] for record in dumps.all_records}
    return libraries == {"footpath-simulator"}


def billing_follows_the_checkout(dumps: Dumps) -> bool:
    subscribed = {
        record["userId"] for record in dumps.tracked if record["event"] == "Subscription Started"
    }
    rows = [row for file in dumps.billing.values() for row in file[1:] if len(row) == 7]
    started = {row[1] for row in rows if row[2] == "subscription_started"}
    kinds = {row[2] for row in rows}
    return started == subscribed and kinds == {
        "subscription_started",
        "invoice_paid",
        "subscription_cancelled",
    }


FEATURES: tuple[Callable[[Dumps], bool], ...] = (
    anonymous_browsing_before_sign_up,
    every_call_type,
    page_context_and_properties,
    campaign_agrees_with_the_url,
    click_ids,
    organic_referrers,
    identify_traits,
    group_traits,
    product_events,
    checkout_drops_off,
    weekdays_are_busier,
    office_hours_are_busier,
    retention_decays,
    several_devices_a_person,
    two_people_on_one_device,
    anonymous_return_on_a_known_device,
    new_device_id_after_log_out,
    alias_from_a_temporary_id,
    alias_from_the_device,
    bots_are_few_and_busy,
    bots_are_exactly_the_crawlers,
    many_browsers,
    places,
    addresses_are_for_documentation,
    clocks_are_hours_off,
    corrected_as_segment_does,
    late_events_in_later_files,
    files_hold_their_received_day,
    repeats_within_a_file,
    malformed_in_several_ways_and_files,
    file_cut_off_at_its_end,
    addresses_to_mask,
    message_ids,
    declared_as_simulated,
    billing_follows_the_checkout,
)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.__name__)
def test_sample_has(feature: Callable[[Dumps], bool], dumps: Dumps) -> None:
    assert feature(dumps)


def test_the_broken_file_is_the_corrected_one_with_other_times(dumps: Dumps) -> None:
    bad = dumps.facts.bad_day
    assert bad is not None
    broken = lines_of(dumps.folder / "landing" / bad.file)
    unchanged = set(broken) & set(dumps.lines[bad.file])
    assert 0.5 < len(unchanged) / bad.lines < 0.6
