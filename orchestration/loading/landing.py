"""What lies in the landing folder: files per source, and what no source takes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.sources import Source, Sources

#: Compressions by file ending, with DuckDB's name.
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

_JSON = (".json", ".jsonl", ".ndjson", ".log")
_ENDINGS = {
    "segment": _JSON,
    "jsonl": _JSON,
    "csv": (".csv", ".tsv", ".txt"),
    "parquet": (".parquet", ".pq"),
}
#: A compressed file may have no inner ending (Segment writes `1700000000.1.a2b.gz`), but not these.
_OTHERS = {ending for endings in _ENDINGS.values() for ending in endings} | {
    ".tar", ".zip", ".xml", ".html", ".pdf", ".xls", ".xlsx", ".avro", ".orc", ".sql", ".bz2",
}  # fmt: skip
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".inprogress", "~")
#: What tools leave in folders and nobody misses.
_SILENT = (".gitkeep", ".gitignore", ".ds_store")


@dataclass(frozen=True)
class LandingFile:
    """One delivered file: its source, its name below the source's folder ('/'), its path."""

    source: str
    name: str
    path: Path


@dataclass(frozen=True)
class Ignored:
    """A file or folder that is not read, and why."""

    name: str
    reason: str


@dataclass
class Scan:
    """The landing folder at one moment; all lists are sorted."""

    landing: Path
    files: dict[str, list[LandingFile]] = field(default_factory=dict)
    #: Entries of the landing folder itself that no source claims; folders end in '/'.
    unclaimed: list[str] = field(default_factory=list)
    #: Sources without a folder.
    missing: list[str] = field(default_factory=list)
    #: Sources whose folder holds no file to read.
    empty: list[str] = field(default_factory=list)
    #: Files below a source's folder that are not read; names start with the source.
    ignored: list[Ignored] = field(default_factory=list)

    def messages(self) -> list[str]:
        """Return what a person should know, one sentence each."""
        words = []
        if not self.landing.is_dir():
            words.append(f"{self.landing} does not exist: there is nothing to load")
            return words
        for name in self.missing:
            words.append(f"source '{name}' has no folder {self.landing / name}: nothing to load")
        for name in self.empty:
            words.append(f"the folder of source '{name}' holds no files to load")
        for name in self.unclaimed:
            kind = "folder" if name.endswith("/") else "file"
            words.append(
                f"no source claims the {kind} {self.landing / name.rstrip('/')}: add a source"
                " named after its folder to sources.yml, or move it away"
                if kind == "folder"
                else f"the file {self.landing / name} lies outside any source's folder:"
                " move it into one"
            )
        for ignored in self.ignored:
            words.append(f"{self.landing / ignored.name} is not read: {ignored.reason}")
        return words


def scan(landing: Path, sources: Sources) -> Scan:
    """List the files of every source, recursively, sorted by name; nothing is opened."""
    result = Scan(landing, files={name: [] for name in sources})
    try:
        entries = sorted(os.scandir(landing), key=lambda entry: entry.name)
    except FileNotFoundError:
        entries = []
    folders = {entry.name for entry in entries if entry.is_dir()}
    for entry in entries:
        if entry.name.lower() in _SILENT or (entry.is_dir() and entry.name in sources):
            continue
        name = os.fsencode(entry.name).decode(errors="backslashreplace")
        result.unclaimed.append(f"{name}/" if entry.is_dir() else name)
    for source in sources.values():
        if source.name not in folders:
            result.missing.append(source.name)
            continue
        root = landing / source.name
        for path in _walk(root, set()):
            name = path.relative_to(root).as_posix()
            reason = _reason_to_ignore(name, source)
            if reason is None:
                result.files[source.name].append(LandingFile(source.name, name, path))
            elif path.name.lower() not in _SILENT:
                shown = os.fsencode(name).decode(errors="backslashreplace")
                result.ignored.append(Ignored(f"{source.name}/{shown}", reason))
        result.files[source.name].sort(key=lambda file: file.name)
        if not result.files[source.name]:
            result.empty.append(source.name)
    result.ignored.sort(key=lambda ignored: ignored.name)
    return result


def _walk(folder: Path, seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:  # a link to a folder above
        return
    seen.add(real)
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _walk(Path(entry.path), seen)
        else:
            yield Path(entry.path)


def _reason_to_ignore(name: str, source: Source) -> str | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not valid UTF-8; rename it"
    lower = name.lower()
    if any(part.startswith(".") for part in name.split("/")):
        return "it is hidden"
    if lower.endswith(_UNFINISHED):
        return "its ending says that it is not finished"
    stem, compression = split_compression(lower)
    ending = Path(stem).suffix
    endings = _ENDINGS[source.format]
    if ending in endings or (compression != "none" and ending not in _OTHERS):
        return None
    return f"a {source.format} source reads {', '.join(endings)}, plain or with .gz or .zst"


def split_compression(name: str) -> tuple[str, str]:
    """Return a file name without its compression's ending, and DuckDB's name of the compression."""
    suffix = Path(name).suffix.lower()
    if suffix in COMPRESSIONS:
        return name[: -len(suffix)], COMPRESSIONS[suffix]
    return name, "none"
