"""Personal data ends before what analysts read: no table that is published has it."""

import re
from typing import Any

import pytest

from orchestration.database import connect, quote
from tests.installation import Installation, call

SOURCES = """
sources:
  web: {format: segment}
  shop:
    format: csv
    event_name: what
    event_at: at
    user_id: customer
    session_id: mail
    page_url: address
    properties: [mail, ip, note]
"""

EMAIL = re.compile(
    r"(ada|bob|cy|dee|eve|fay|gus)[^ ]*(@|%40)[a-z0-9-]+\.(example|test)", re.IGNORECASE
)
IP = re.compile(r"\b(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+\b|2001:db8:")
AT = "2026-01-05T10:00:00Z"


def lines() -> list[str]:
    """Return calls with addresses of people and machines wherever a sender may put them."""
    url = "https://x.example/welcome?mail=bob.b%40mail.example&ref=bob.b@mail.example"
    context: dict[str, Any] = {
        "ip": "192.0.2.1",
        "page": {
            "url": url, "path": "/u/ada@mail.example", "title": "Hello cy+1@mail.example",
            "referrer": "https://mail.example/?to=dee@mail.example",
        },
        "traits": {"email": "eve@mail.example", "ip": "192.0.2.2"},
        "userAgent": "Reader/2.0 (like Mozilla; +mailto:fay@mail.example)",
        "campaign": {"source": "fay@mail.example", "name": "for gus@mail.example"},
    }  # fmt: skip
    return [
        call(1, AT, userId="Ada@mail.example", anonymousId="bob.b@mail.example", context=context),
        call(2, AT, userId="ada@MAIL.example", context=context),
        call(3, AT, userId="cy@mail.example", anonymousId="198.51.100.7", context=context),
        call(4, AT, userId="dee@mail.example", anonymousId="2001:db8:1:2:3:4:5:6"),
        call(
            5, AT, type="track", event="Mailed ada@mail.example", name=None,
            properties={"to": "ada@mail.example", "ip": "203.0.113.1", "n": {"ip": "203.0.113.2"}},
        ),
        call(
            6, AT, type="identify", userId="u6", name=None,
            traits={"email": "ada@mail.example", "ip": "203.0.113.3", "plan": "pro"},
        ),
        call(7, AT, type="group", userId="u6", groupId="gus@mail.example", name=None),
        call(8, AT, type="alias", userId="u6", previousId="fay@mail.example", name=None),
        call(9, AT, messageId="eve@mail.example", name="Page of eve@mail.example"),
        call(10, "never", userId="ada@mail.example", context=context, receivedAt=None),
        call(11, AT, userId="mailto:ada@mail.example", anonymousId="tab-7:bob.b%40mail.example"),
        '{"userId": "ada@mail.example", "context": {"ip": "192.0.2.9", "was": "2001:db8::7", ',
    ]  # fmt: skip


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every text of every published table and view of every schema, by table and column."""
    home = Installation(tmp_path_factory.mktemp("private"), SOURCES)
    home.deliver("web", "a.jsonl", lines())
    home.deliver(
        "shop", "a.csv",
        [
            "what,at,customer,address,mail,ip,note",
            f"sale,{AT},eve@mail.example,https://x.example/?m=eve@mail.example,eve@mail.example,"
            "203.0.113.9,call gus@mail.example",
            f"sale,{AT},eve@mail.example,only five columns",
        ],
    )  # fmt: skip
    outcome = home.job()
    assert outcome.code == 0, outcome.output
    found: dict[str, list[str]] = {}
    with connect(home.settings.published, read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where database_name = 'published' and not internal"
        ).fetchall()
        for schema, table, column in columns:
            rows = connection.execute(
                f"select cast({quote(column)} as varchar) from {quote(schema)}.{quote(table)}"
            ).fetchall()
            found[f"{schema}.{table}.{column}"] = [text for (text,) in rows if text is not None]
    return found


@pytest.mark.parametrize("pattern", [EMAIL, IP], ids=["an e-mail address", "an IP address"])
def test_no_published_column_has(pattern: re.Pattern[str], texts: dict[str, list[str]]) -> None:
    leaks = {
        place: [text for text in found if pattern.search(text)][:2]
        for place, found in texts.items()
        if any(pattern.search(text) for text in found)
    }
    assert leaks == {}


def test_the_planted_addresses_would_be_found(texts: dict[str, list[str]]) -> None:
    assert len([line for line in lines() if EMAIL.search(line)]) == len(lines())
    assert len([line for line in lines() if IP.search(line)]) >= 6
    masked = [text for found in texts.values() for text in found if "[email]" in text]
    assert len(masked) > 10
    assert len(texts["main.events.event_key"]) == 11


def test_user_ids_that_are_addresses_stay_apart_and_are_the_same_in_any_case(
    texts: dict[str, list[str]],
) -> None:
    users = set(texts["main.users.user_id"])
    assert len([user for user in users if user.startswith("email_")]) >= 4
    web = [user for user in texts["main.events.user_id"] if user.startswith("email_")]
    assert len(web) == 6
    assert len(set(web)) == 5, "Ada@ and ada@ are one person, the others are different ones"
    devices = set(texts["main.events.anonymous_id"])
    assert len([device for device in devices if device.startswith("ip_")]) == 2
    assert len([device for device in devices if device.startswith("email_")]) == 2


def test_a_user_agent_keeps_its_words_without_its_addresses(texts: dict[str, list[str]]) -> None:
    agents = texts["main_internal.user_agents.user_agent"]
    assert agents == ["Reader/2.0 (like Mozilla; +mailto:[email])"]


def test_a_quarantined_line_keeps_its_words_without_its_addresses(
    texts: dict[str, list[str]],
) -> None:
    raw = texts["main.quarantined_events.raw"]
    assert len(raw) == 3
    assert any(
        '"userId": "[email]", "context": {"ip": "[ip]", "was": "[ip]"' in text for text in raw
    )
