from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.database import connect

HERE = Path(__file__).parent


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables in the shape of the contract, on which every check passes."""
    with connect() as connection:
        connection.execute((HERE / "tables.sql").read_text())
        yield connection


@pytest.fixture
def new_batches() -> Iterator[duckdb.DuckDBPyConnection]:
    """Gate 1's rows: a batch `good` and a batch `bad`, both still without fault."""
    with connect() as connection:
        connection.execute((HERE / "gate_1_rows.sql").read_text())
        yield connection
