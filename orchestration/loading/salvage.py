"""Bytes of a delivered file: hash, first bytes, and a clean copy when a strict read fails.

The copy is made in large chunks, never line by line. In it every line is valid UTF-8, ends with a
line feed, and holds neither NUL, nor a carriage return, nor the column separator of the line
reader: those bytes are written as `ESCAPE` and a code, which SQL turns back (`unescape_sql`).
"""

import codecs
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

ESCAPE = "\x02"
SEPARATOR = "\x01"
BAD_BYTE = ESCAPE + "x"
BOM = b"\xef\xbb\xbf"

_CODES = {"\r": "r", "\x00": "0", SEPARATOR: "1"}
_CHUNK = 1 << 20


class DamagedError(Exception):
    """The compressed stream ends or breaks here; what came before it is good."""


class NotReadableError(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file is: the hash of its bytes, and whether its compressed stream is complete."""

    sha256: str
    complete: bool


def fingerprint(path: Path, compression: str) -> Fingerprint:
    """Hash a file.

    A cut .zst file is found here, since DuckDB reads one silently up to the cut.
    """
    digest = hashlib.sha256()
    check = zstandard.ZstdDecompressor().decompressobj() if compression == "zstd" else None
    complete, at_end = True, True
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            rest = chunk
            while check is not None and complete and rest:
                try:
                    check.decompress(rest)
                except zstandard.ZstdError:
                    complete = False
                    break
                at_end, rest = check.eof, check.unused_data
                if at_end:
                    check = zstandard.ZstdDecompressor().decompressobj()
    return Fingerprint(digest.hexdigest(), complete and at_end)


def decompressed(path: Path, compression: str) -> Iterator[bytes]:
    """Return the content of a file in chunks.

    Raises `DamagedError` where a compressed stream breaks, `NotReadableError` where it never began.
    """
    with path.open("rb") as file:
        if compression == "none":
            while chunk := file.read(_CHUNK):
                yield chunk
        else:
            yield from _stream(file, compression)


def _stream(file: BinaryIO, compression: str) -> Iterator[bytes]:
    name = {"gzip": "gzip", "zstd": "Zstandard"}[compression]
    started = False
    decoder = None
    rest = b""
    while True:
        chunk = rest or file.read(_CHUNK)
        if not chunk:
            break
        rest = b""
        if decoder is None:
            # Padding with zeros after the last member is allowed (tapes, some writers).
            if started and not chunk.strip(b"\0"):
                continue
            decoder = (
                zlib.decompressobj(31)
                if compression == "gzip"
                else zstandard.ZstdDecompressor().decompressobj()
            )
        try:
            content = decoder.decompress(chunk)
        except (zlib.error, zstandard.ZstdError) as error:
            if not started:
                raise NotReadableError(f"this is not a {name} file ({error})") from None
            raise DamagedError(f"the {name} stream is damaged ({error})") from None
        started = True
        if content:
            yield content
        if decoder.eof:
            rest = decoder.unused_data
            decoder = None
    if decoder is not None:
        raise DamagedError(f"the {name} stream ends too early")


def first_bytes(path: Path, compression: str) -> tuple[bytes, bool]:
    """Return the content up to and with its first line that is not blank, and whether it is sound.

    Not sound: the stream breaks before that line ends; damage further on is found when it is read.
    Raises `NotReadableError`.
    """
    start = b""
    try:
        for chunk in decompressed(path, compression):
            start += chunk
            if b"\n" in start.lstrip(b"\xef\xbb\xbf \t\r\n") or len(start) > 64 * _CHUNK:
                break
    except DamagedError:
        return start, False
    return start, True


def copy_decoded(path: Path, compression: str, encoding: str, target: Path) -> None:
    """Write the content as UTF-8 into `target`.

    A byte that the encoding does not have stays as it is, so that its line is found unreadable.
    Raises `DamagedError` (what came before is written) and `NotReadableError`.
    """
    decode = codecs.getincrementaldecoder(encoding)(errors="surrogateescape").decode
    with target.open("wb") as out:
        try:
            for chunk in decompressed(path, compression):
                out.write(decode(chunk).encode("utf-8", "surrogateescape"))
            out.write(decode(b"", True).encode("utf-8", "surrogateescape"))
        except UnicodeError as error:
            raise NotReadableError(f"the file is not {encoding} ({error})") from None


def copy_content(path: Path, compression: str, target: Path) -> None:
    """Write the decompressed content into `target`, as it is."""
    with target.open("wb") as out:
        for chunk in decompressed(path, compression):
            out.write(chunk)


@dataclass
class CleanCopy:
    """A clean copy of a text file."""

    path: Path
    #: Physical lines, a last one without a line feed included.
    lines: int = 0
    #: Bytes of the longest line.
    longest: int = 0
    #: Whether the last line lacks its line feed.
    open_end: bool = False
    #: Why the content stops before the end of the file; None when it does not.
    damage: str | None = None


def _escape_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(f"{BAD_BYTE}{byte:02x}" for byte in bad), error.end


codecs.register_error("footpath_escape", _escape_bytes)


def clean_copy(path: Path, compression: str, target: Path) -> CleanCopy:
    """Write a clean copy of a text file into `target` (see the module)."""
    copy = CleanCopy(target)
    # The escape character itself is escaped before decoding, so that every code is ours.
    decode = codecs.getincrementaldecoder("utf-8")(errors="footpath_escape").decode
    open_line = 0  # bytes of the line that the last chunk left unfinished
    first = True

    def write(text: str) -> None:
        nonlocal open_line
        for character, code in _CODES.items():
            if character in text:
                text = text.replace(character, ESCAPE + code)
        data = text.encode()
        out.write(data)
        head, *others = data.split(b"\n")
        copy.lines += len(others)
        copy.longest = max(copy.longest, open_line + len(head), *map(len, others))
        open_line = len(others[-1]) if others else open_line + len(head)

    with target.open("wb") as out:
        try:
            for chunk in decompressed(path, compression):
                text = decode(chunk.replace(ESCAPE.encode(), f"{ESCAPE}2".encode()))
                if first and text:
                    text, first = text.removeprefix("\ufeff"), False
                write(text)
        except DamagedError as error:
            copy.damage = str(error)
        write(decode(b"", True))
        copy.open_end = open_line > 0
        if copy.open_end:
            copy.lines += 1
            out.write(b"\n")
    return copy


def unescape_sql(column: str) -> str:
    r"""Return SQL that turns a clean copy's line back into its text; bad bytes show as `\xNN`."""
    sql = column
    for character, code in _CODES.items():
        sql = f"replace({sql}, {_sql(ESCAPE + code)}, {_sql(character)})"
    sql = f"replace({sql}, {_sql(BAD_BYTE)}, '\\x')"
    sql = f"replace({sql}, {_sql(ESCAPE + '2')}, {_sql(ESCAPE)})"
    return f"case when contains({column}, {_sql(ESCAPE)}) then {sql} else {column} end"


def _sql(text: str) -> str:
    return " || ".join(f"chr({ord(c)})" if ord(c) < 32 else f"'{c}'" for c in text)
