"""Reads written dumps back, without the simulator's own code."""

import csv
import gzip
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.sample import Facts

Record = dict[str, Any]


@dataclass
class Dumps:
    """What lies in the folders; `records` and `unreadable` are those after the correction."""

    folder: Path
    facts: Facts
    lines: dict[str, list[bytes]] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)
    unreadable: dict[str, list[bytes]] = field(default_factory=dict)
    billing: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def all_records(self) -> list[Record]:
        """Readable rows of all web files."""
        return [record for records in self.records.values() for record in records]

    @property
    def usable(self) -> list[Record]:
        """Rows with a name and a plausible time."""
        return [record for record in self.all_records if is_usable(record)]

    @property
    def tracked(self) -> list[Record]:
        """Usable track calls."""
        return [record for record in self.usable if record["type"] == "track"]


def read_dumps(folder: Path, facts: Facts) -> Dumps:
    """Read the landing folder, with the corrected file in place of the bad day's."""
    dumps = Dumps(folder, facts)
    for path in sorted((folder / "landing" / "web").rglob("*.gz")):
        file = path.relative_to(folder / "landing").as_posix()
        corrected = folder / "corrections" / file
        dumps.lines[file] = lines_of(corrected if corrected.exists() else path)
        dumps.records[file], dumps.unreadable[file] = parse(dumps.lines[file])
    for path in sorted((folder / "landing" / "billing").iterdir()):
        with path.open(encoding="utf-8", newline="") as text:
            dumps.billing[path.name] = list(csv.reader(text))
    return dumps


def lines_of(path: Path) -> list[bytes]:
    """Return a gzipped file's lines, the last one whether it has an end or not."""
    return gzip.decompress(path.read_bytes()).splitlines()


def parse(lines: list[bytes]) -> tuple[list[Record], list[bytes]]:
    """Split lines into records and unreadable lines."""
    records, unreadable = [], []
    for line in lines:
        try:
            records.append(json.loads(line.decode("utf-8")))
        except ValueError:
            unreadable.append(line)
    return records, unreadable


def time_of(value: object) -> datetime | None:
    """Return a time, or None where there is none."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def is_usable(record: Record) -> bool:
    """Whether a row has an event name and a time in the simulated days."""
    time = time_of(record["timestamp"])
    if record["type"] == "track" and not record["event"]:
        return False
    return time is not None and time.year in (2025, 2026)
