from pathlib import Path

import duckdb
import pytest

from expectations import duckdb_dialect
from expectations.runner import load_suites, run_suite
from orchestration.database import connect

SUITES = {suite.name: suite for suite in load_suites()}


def test_the_borrowed_connection_stays_open_and_is_forgotten(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    run_suite(warehouse, SUITES["users"])
    assert duckdb_dialect._borrowed == {}
    assert warehouse.execute("select count(*) from users").fetchone() == (2,)


def test_the_owners_open_transaction_is_neither_committed_nor_rolled_back(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    warehouse.execute("begin")
    warehouse.execute("insert into users from users")
    results = {result.check_name: result for result in run_suite(warehouse, SUITES["users"])}
    assert results["person_id_unique"].observed == "4 of 4 rows"  # it saw the owner's rows
    assert warehouse.execute("select count(*) from users").fetchone() == (4,)
    warehouse.execute("rollback")
    assert warehouse.execute("select count(*) from users").fetchone() == (2,)


def test_the_file_is_free_as_soon_as_its_owner_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    tables = (Path(__file__).parent / "tables.sql").read_text()
    with connect(path) as connection:
        connection.execute(tables)
        assert all(result.success for result in run_suite(connection, SUITES["users"]))
    # other settings than the open instance's would be refused while anything still holds the file
    with duckdb.connect(str(path), config={"threads": "1"}, read_only=True) as reader:
        assert reader.execute("select count(*) from users").fetchone() == (2,)


def test_an_overtaken_result_is_an_error_and_not_another_result() -> None:
    with connect() as connection:
        borrower = duckdb_dialect.Connection(connection)
        first, second = borrower.cursor(), borrower.cursor()
        first.execute("select 1")
        second.execute("select ?", [2])
        with pytest.raises(duckdb.ProgrammingError, match="this result is gone"):
            first.fetchone()
        assert second.fetchall() == [(2,)]
