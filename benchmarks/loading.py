"""Loading JSON lines against DuckDB's bare strict read of the same files into a table.

python -m benchmarks.loading FOLDER SESSIONS
"""

import gzip
import json
import random
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks import generator
from benchmarks.measuring import Clock
from orchestration import loading
from orchestration.database import connect, literal
from orchestration.loading.catalog import SEGMENT_COLUMNS
from orchestration.settings import Settings
from orchestration.sources import read_sources

DAYS = 5
#: Of a file with bad lines, one in so many is cut short.
BAD_LINES = 500


def write_files(folder: Path, sessions: int) -> dict[str, list[Path]]:
    """Write the same calls plain, gzipped, and with lines that cannot be read."""
    files: dict[str, list[Path]] = {"clean": [], "gzipped": [], "bad lines": []}
    pick = random.Random(7)
    for back in range(DAYS):
        day = generator.LAST_DAY - timedelta(days=back)
        plain = folder / "clean" / f"{day}.json"
        with duckdb.connect() as connection:
            generator.write_file(connection, day, plain, sessions)
        packed = folder / "gzipped" / f"{day}.json.gz"
        packed.parent.mkdir(parents=True, exist_ok=True)
        with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target)
        broken = folder / "bad lines" / f"{day}.json"
        broken.parent.mkdir(parents=True, exist_ok=True)
        with plain.open() as source_text, broken.open("w") as target_text:
            for line in source_text:
                target_text.write(line[:80] + "\n" if pick.randrange(BAD_LINES) == 0 else line)
        for kind, path in (("clean", plain), ("gzipped", packed), ("bad lines", broken)):
            files[kind].append(path)
    return files


def bare_read(files: list[Path], database: Path) -> None:
    """Read files as strictly as DuckDB can, into a table of a new file."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in SEGMENT_COLUMNS.items())
    names = ", ".join(literal(str(file)) for file in files)
    with connect(database) as connection:
        connection.execute(
            f"create table calls as from read_json([{names}], columns = {{{columns}}},"
            " format = 'newline_delimited', records = true)"
        )


def load(files: list[Path], home: Path) -> int:
    """Load files as a run does; return the rows."""
    settings = Settings(landing=home / "landing", sources=home / "sources.yml", home=home / "var")
    settings.prepare()
    settings.sources.write_text(generator.SOURCES_YML)
    target = settings.landing / generator.SOURCE
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        file.rename(target / file.name)
    sources = read_sources(settings.sources)
    with connect(settings.raw) as connection:
        loading.prepare(connection, sources)
        found = loading.scan(settings.landing, sources).files[generator.SOURCE]
        result = loading.load_source(connection, sources[generator.SOURCE], found)
    return result.rows + result.unreadable_rows


def main() -> None:
    """Measure, and print the seconds as JSON."""
    folder, sessions = Path(sys.argv[1]), int(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = write_files(folder, sessions)
    clock = Clock()
    rows = {}
    for kind in ("clean", "gzipped"):
        with clock.span("bare" if kind == "clean" else "bare, gzipped"):
            bare_read(files[kind], folder / f"{kind}.duckdb")
    for kind, paths in files.items():
        with clock.span(kind):
            rows[kind] = load(paths, folder / f"home of {kind}")
    if len(set(rows.values())) > 1:
        raise SystemExit(f"not all rows were accounted for: {rows}")
    shutil.rmtree(folder)
    print(json.dumps({**clock.spans, "rows": rows}))


if __name__ == "__main__":
    main()
