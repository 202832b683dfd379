"""The same seed gives the same bytes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from orchestration.sample import simulate


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_command(folder: Path, hash_seed: str) -> dict[str, str]:
    command = [sys.executable, "-m", "orchestration.sample", "--days", "5", "--people", "60"]
    command += ["--landing", str(folder / "landing"), "--corrections", str(folder / "corrections")]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": hash_seed})
    return digests(folder)


def test_two_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path: Path) -> None:
    first = run_command(tmp_path / "a", "1")
    assert first == run_command(tmp_path / "b", "2")
    assert [name for name in first if "web" in name] == [
        f"landing/web/2026/01/{day:02d}.jsonl.gz" for day in range(5, 10)
    ]


def test_writing_again_into_the_same_folder_leaves_the_same_files(tmp_path: Path) -> None:
    facts = simulate(tmp_path, tmp_path / "corrections", days=3, people=20)
    before = digests(tmp_path)
    assert simulate(tmp_path, tmp_path / "corrections", days=3, people=20) == facts
    assert digests(tmp_path) == before


def test_another_seed_writes_other_files(tmp_path: Path) -> None:
    simulate(tmp_path / "a", tmp_path, seed=1, days=2, people=30)
    simulate(tmp_path / "b", tmp_path, seed=2, days=2, people=30)
    assert digests(tmp_path / "a") != digests(tmp_path / "b")
