"""No row is lost and nothing crashes, whatever a file holds."""

import gzip
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["messageId", "type", "userId", "properties", "context", "name"])
RECORDS = st.dictionaries(KEYS | st.text(max_size=3), VALUES, max_size=5).map(
    lambda value: json.dumps(value).encode()
)
#: Bytes that have broken readers: quotes, control characters, bad UTF-8, separators, brackets.
NASTY = st.lists(
    st.sampled_from(
        [b"{", b"}", b'"', b"[", b"]", b",", b":", b"\\", b"\x00", b"\x01", b"\x02", b"\x02x41", b"\r",
         b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", "ü😀".encode(), b"a", b"1", b" ", b"\t",
         b'{"messageId":1}', b"null", b"'", b";", b"\x1a", b"\x0b", b"\xe2\x80\xa8", b"\xc2\x85"]
    ),
    max_size=8,
).map(b"".join)  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r\n"])
BLANK = b" \t\r"


@st.composite
def files(draw: st.DrawFn, line: st.SearchStrategy[bytes]) -> bytes:
    content = b"".join(draw(line) + draw(ENDS) for _ in range(draw(st.integers(0, 12))))
    return content + draw(line if draw(st.booleans()) else st.just(b""))


def lines_of(content: bytes) -> list[tuple[int, bytes]]:
    """Return the lines that are not blank, with their numbers."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [(n, line) for n, line in enumerate(lines, start=1) if line.strip(BLANK)]


def start_afresh(project: Any, source: str) -> None:
    for table in (f"rows_{source}", "unreadable", "files"):
        project.connection.execute(f"delete from {table}")
    for old in (project.landing / source).glob("*"):
        old.unlink()


def load(project: Any, source: str, content: bytes, ending: str) -> dict[int, str]:
    """Load one file; return what became of each of its lines (row or the reason)."""
    start_afresh(project, source)
    name = f"{source}/a.{'csv' if source == 'shop' else 'json'}"
    project.write(name + ending, content)
    (file,) = project.load(source).files
    found = {line: "row" for (line,) in project.rows(f"select line from rows_{source}")}
    bad = {line: reason for line, reason, _ in project.unreadable()}
    assert not found.keys() & bad.keys()
    assert (file.rows, file.unreadable_rows) == (len(found), len(bad))
    assert project.rows("select raw_rows, unreadable_rows from files") == [
        (len(found) + len(bad), len(bad))
    ]
    # Views read whatever was loaded.
    view = "segment" if source == "web" else "plain"
    assert len(project.rows(f"select * from {view}")) == len(found)
    return found | bad


@pytest.mark.parametrize("source", ["web", "app"])
@given(
    content=files(RECORDS | RECORDS | NASTY | st.just(b"") | st.just(b"  ")),
    ending=st.sampled_from(["", ".gz", ".zst"]),
)
@SETTINGS
def test_each_line_of_a_json_file_is_a_row_or_unreadable(
    project: Any, source: str, content: bytes, ending: str
) -> None:
    outcome = load(project, source, content, ending)
    expected = lines_of(content)
    assert len(outcome) == len(expected)
    if "row" not in outcome.values() or set(outcome.values()) != {"row"}:
        # Line mode: physical numbers, and each line judged as Python judges it.
        assert sorted(outcome) == [number for number, _ in expected]
        for number, line in expected:
            if outcome[number] == "wrong_encoding":
                with pytest.raises(UnicodeDecodeError):
                    line.decode()
            if outcome[number] == "row":
                assert isinstance(json.loads(line), dict)


@given(
    content=files(RECORDS | st.just(b"") | st.just(b"\t")),
    ending=st.sampled_from(["", ".gz", ".zst"]),
)
@SETTINGS
def test_all_lines_of_a_clean_file_are_rows(project: Any, content: bytes, ending: str) -> None:
    for source in ("web", "app"):
        outcome = load(project, source, content, ending)
        bad = [outcome[number] for number in outcome if outcome[number] != "row"]
        lone_surrogates = b"\\ud" in content
        assert not bad or lone_surrogates or b'\\u0000"' in content, bad
        assert len(outcome) == len(lines_of(content))


CELLS = st.text(alphabet="ab1 'ü;\x00\x01\x02\t", max_size=5)
CSV_LINES = st.lists(CELLS, min_size=1, max_size=4).map(lambda cells: ",".join(cells).encode())
#: Without quotes each physical line is one record.
NASTY_UNQUOTED = NASTY.map(lambda line: line.replace(b'"', b"'"))


@given(
    content=files(CSV_LINES | CSV_LINES | NASTY_UNQUOTED | st.just(b"")),
    ending=st.sampled_from(["", ".gz", ".zst"]),
)
@SETTINGS
def test_each_line_of_a_csv_file_without_quotes_is_a_row_or_unreadable(
    project: Any, content: bytes, ending: str
) -> None:
    outcome = load(project, "shop", b"a,b\n" + content, ending)
    assert len(outcome) == len(lines_of(b"a,b\n" + content)) - 1
    if set(outcome.values()) - {"row"}:
        assert sorted(outcome) == [number for number, _ in lines_of(b"a,b\n" + content)[1:]]
        lines = dict(lines_of(b"a,b\n" + content))
        for number, what in outcome.items():
            parts = lines[number].count(b",")
            if what == "wrong_column_count":
                assert parts != 1
            if what == "row":
                assert parts == 1 or (parts == 2 and lines[number].rstrip(b"\r").endswith(b","))


@given(content=files(NASTY), ending=st.sampled_from(["", ".gz", ".zst"]))
@SETTINGS
def test_a_csv_file_with_wild_quotes_loses_no_line(
    project: Any, content: bytes, ending: str
) -> None:
    outcome = load(project, "shop", b"a,b\n" + content, ending)
    lines = [number for number, _ in lines_of(b"a,b\n" + content)[1:]]
    assert bool(lines) == bool(outcome)
    if set(outcome.values()) - {"row"}:
        # A row may span lines; an unreadable line is one, and what follows has its own outcome.
        assert set(outcome) <= set(lines)
        assert min(outcome) == lines[0]
        for line, after in itertools.pairwise(lines):
            if outcome.get(line, "row") != "row":
                assert after in outcome


QUOTED = st.text(alphabet='ab,"\n\r ü', max_size=6)


@given(
    rows=st.lists(st.tuples(QUOTED, QUOTED), max_size=8),
    bad=st.booleans(),
    ending=st.sampled_from(["", ".gz"]),
)
@SETTINGS
def test_quoted_values_come_back_with_and_without_a_bad_line_beside_them(
    project: Any, rows: list[tuple[str, str]], bad: bool, ending: str
) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    text = "".join(f"{quoted(a)},{quoted(b)}\n" for a, b in rows)
    load(project, "shop", ("a,b\n" + text + ("bad\n" if bad else "")).encode(), ending)
    found = project.rows("select a, b from rows_shop order by line")
    assert found == [(a or None, b or None) for a, b in rows]
    assert [reason for _, reason, _ in project.unreadable()] == ["wrong_column_count"] * bad


@given(
    count=st.integers(0, 300), cut=st.floats(0, 1), ending=st.sampled_from(["gz", "zst"]), csv=st.booleans()
)  # fmt: skip
@SETTINGS
def test_a_cut_archive_is_never_taken_for_a_whole_one(
    project: Any, count: int, cut: float, ending: str, csv: bool
) -> None:
    source = "shop" if csv else "web"
    body = (b"a,b\n" if csv else b"") + b"".join(
        b"%d,x\n" % i if csv else b'{"messageId":"%d"}\n' % (i * 7919) for i in range(count)
    )
    whole = gzip.compress(body) if ending == "gz" else zstandard.compress(body)
    data = whole[: int(cut * len(whole))]
    start_afresh(project, source)
    project.write_bytes(f"{source}/a.{'csv' if csv else 'json'}.{ending}", data)
    (file,) = project.load(source).files
    if data == whole:
        assert (file.rows, file.unreadable_rows) == (count, 0)
    elif data:
        assert file.rows <= count
        assert file.unreadable_rows == 1
    else:
        assert file.outcome == "empty"


@pytest.mark.parametrize("name", ["web/a.json.gz", "shop/a.csv.gz"])
def test_a_cut_archive_of_nothing_is_not_taken_for_an_empty_file(project: Any, name: str) -> None:
    project.write_bytes(name, gzip.compress(b"")[:10])
    (file,) = project.load(name.split("/")[0]).files
    assert (file.rows, file.unreadable_rows) == (0, 1)
    assert project.unreadable() == [(1, "cut_off", "")]


def test_the_strategies_reach_both_modes(new_project: Callable[[], Any]) -> None:
    project = new_project()
    assert load(project, "web", b'{"messageId":1}\n', "") == {1: "row"}
    assert load(project, "web", b'{"messageId":1}\n{', "") == {1: "row", 2: "cut_off"}
