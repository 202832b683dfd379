"""`sources.yml`: what it may say, and the errors that name line, key and remedy."""

from pathlib import Path

import pytest

from orchestration.sources import SourcesError, parse_sources, read_sources

FILE = Path("conf/sources.yml")


def test_sources_are_read_in_order_with_their_defaults() -> None:
    sources = parse_sources(
        """
sources:
  web: {format: segment}
  shop:
    format: csv
    delimiter: "\\t"
    header: no
    columns: {at: timestamp, n: "decimal(10, 2)"}
    identity_namespace: shop
    owner: growth
    makes_sessions: false
    time_is_corrected: true
    event_name: "'sale'"
    event_at: at
    is_bot: false
    event_order: 1
    properties: [n, 2]
    traits: "{'n': n}"
""",
        FILE,
    )
    assert list(sources) == ["web", "shop"]
    web, shop = sources["web"], sources["shop"]
    assert (web.format, web.identity_namespace, web.owner) == ("segment", None, None)
    assert (web.makes_sessions, web.time_is_corrected, web.is_plain) == (True, None, False)
    assert (shop.delimiter, shop.header, shop.encoding) == ("\t", False, "utf-8")
    assert shop.columns == {"at": "timestamp", "n": "decimal(10, 2)"}
    assert (shop.identity_namespace, shop.owner) == ("shop", "growth")
    assert (shop.makes_sessions, shop.time_is_corrected) == (False, True)
    assert shop.mapping == {
        "event_name": "'sale'", "event_at": "at", "is_bot": "false", "event_order": "1",
        "properties": ["n", "2"], "traits": "{'n': n}",
    }  # fmt: skip


def test_no_sources_are_no_error() -> None:
    assert list(parse_sources("sources:\n", FILE)) == []
    assert list(parse_sources("sources: {}\n", FILE)) == []


PLAIN = "sources:\n  shop:\n    format: csv\n    event_name: a\n    event_at: b\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "write 'sources:'"),
        ("a: 1\n", 1, "unknown key 'a'; the one key is 'sources'"),
        ("sources: [a]\n", 1, "must be a mapping"),
        ("sources:\n  web: [\n", 3, "this is not YAML"),
        ("sources:\n  web: {}\n", 2, "there is no 'format'; write one of segment, csv"),
        ("sources:\n  web:\n    format: segmnt\n", 3, "'segmnt' is unknown (did you mean 'segment'?)"),
        ("sources:\n  web:\n    format: xml\n", 3, "the formats are segment, csv, jsonl, parquet"),
        ("sources:\n\n  My Shop: {format: segment}\n", 3, "rename it, e.g. 'my_shop'"),
        ("sources:\n  web: {format: segment}\n  web: {format: csv}\n", 3, "stands twice"),
        (PLAIN + "    user_idd: x\n", 6, "unknown key 'user_idd' for format csv (did you mean 'user_id'?)"),
        (PLAIN.replace("csv", "jsonl") + "    delimiter: ','\n", 6, "unknown key 'delimiter'"),
        ("sources:\n  web:\n    format: segment\n    event_at: x\n", 4, "unknown key 'event_at'"),
        ("sources:\n  a:\n    format: csv\n    event_at: x\n", 2, "there is no 'event_name'"),
        ("sources:\n  a:\n    format: parquet\n    event_name: x\n", 2, "there is no 'event_at'"),
        (PLAIN + "    user_id:\n", 6, "'user_id': is empty; write a value or remove the key"),
        (PLAIN + "    user_id: [a]\n", 6, "'user_id': must be one value"),
        (PLAIN + "    makes_sessions: maybe\n", 6, "'maybe' must be true or false"),
        (PLAIN + "    delimiter: '::'\n", 6, "must be one ASCII character"),
        (PLAIN + "    encoding: utf-9\n", 6, "is no known encoding; write e.g."),
        (PLAIN + "    header: false\n", 6, "files without a header need 'columns'"),
        (PLAIN + "    columns: {a: 'int); drop'}\n", 6, "is no type; write e.g. bigint"),
        (PLAIN + "    properties: [[a]]\n", 6, "must be a list of column names"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_the_line_and_the_remedy(text: str, line: int, words: str) -> None:
    with pytest.raises(SourcesError) as error:
        parse_sources(text, FILE)
    message = str(error.value)
    assert message.startswith(f"conf/sources.yml, line {line}:")
    assert words in message


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SourcesError, match="does not exist; write it, or let FOOTPATH_SOURCES"):
        read_sources(tmp_path / "sources.yml")


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("\ufeffsources:\n  web: {format: segment}\n")
    assert list(read_sources(path)) == ["web"]
    path.write_bytes(b"sources: \xff")
    with pytest.raises(SourcesError, match="cannot be read"):
        read_sources(path)
