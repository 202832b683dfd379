"""A process that dies while loading leaves whole files only."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.database import connect
from orchestration.loading import load_source, prepare, scan
from orchestration.sources import parse_sources

ROOT = Path(__file__).resolve().parents[3]
SOURCES = "sources:\n  web: {format: segment}\n"
FILES, ROWS = 30, 3000

LOADER = """
import sys
from pathlib import Path
from orchestration.database import connect
from orchestration.loading import load_source, prepare, scan
from orchestration.sources import parse_sources

folder = Path(sys.argv[1])
sources = parse_sources(sys.argv[2], Path("sources.yml"))
connection = connect(folder / "raw.duckdb")
prepare(connection, sources)
files = scan(folder / "landing", sources).files["web"]
load_source(
    connection, sources["web"], files, progress=lambda file, n, total: print(n, flush=True)
)
"""


@pytest.mark.parametrize("after", [1, 7, 20])
def test_killed_loading_leaves_whole_files_and_the_next_run_does_the_rest(
    tmp_path: Path, after: int
) -> None:
    landing = tmp_path / "landing" / "web"
    landing.mkdir(parents=True)
    for number in range(FILES):
        bad = "{\n" if number % 2 else ""
        lines = (f'{{"messageId":"{number}-{line}"}}\n' for line in range(ROWS))
        (landing / f"{number:02}.json").write_text("".join(lines) + bad)
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, str(tmp_path), SOURCES],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(after):
        assert process.stdout.readline()
    time.sleep(0.004 * after)  # somewhere inside the next file
    process.kill()
    process.wait()
    process.stdout.close()

    sources = parse_sources(SOURCES, Path("sources.yml"))
    connection = connect(tmp_path / "raw.duckdb")

    def files_and_rows() -> list[tuple[int, ...]]:
        return connection.execute(
            "select files.raw_rows, files.unreadable_rows,"
            " (select count(*) from rows_web as r where r.batch_id = files.batch_id),"
            " (select count(*) from unreadable as u where u.batch_id = files.batch_id)"
            " from files"
        ).fetchall()

    left = files_and_rows()
    assert after <= len(left) < FILES
    assert all(
        raw == rows + unreadable and bad == unreadable for raw, bad, rows, unreadable in left
    )
    in_manifest = connection.execute(
        "select count(*) from (select batch_id from rows_web union all select batch_id"
        " from unreadable) where batch_id not in (select batch_id from files)"
    ).fetchone()
    assert in_manifest == (0,)
    prepare(connection, sources)
    result = load_source(
        connection, sources["web"], scan(tmp_path / "landing", sources).files["web"]
    )
    assert len(result.loaded) == FILES - len(left)
    assert sum(rows for _, _, rows, _ in files_and_rows()) == FILES * ROWS
    connection.close()
