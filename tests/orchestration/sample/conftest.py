"""A middle-sized run of the simulator, shared by the tests of this folder."""

from pathlib import Path

import pytest

from orchestration.sample import simulate

from .dumps import Dumps, read_dumps


@pytest.fixture(scope="session")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Dumps:
    """50 days (the bad day among them) of 250 people."""
    folder: Path = tmp_path_factory.mktemp("sample")
    facts = simulate(folder / "landing", folder / "corrections", days=50, people=250)
    return read_dumps(folder, facts)
