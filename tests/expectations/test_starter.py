"""`make suite-init`: a first suite, on which the table at hand passes and a spoilt one does not."""

from pathlib import Path

import duckdb
import pytest
import yaml

from expectations import starter
from expectations.runner import run_suite
from expectations.starter import StarterError, starter_suite
from expectations.suite import Suite, load_suites
from orchestration.database import connect

ORDERS = """
create table orders as
select
    'o' || number as order_id, date '2026-01-01' + (number % 30)::integer as day,
    case number % 3 when 0 then 'open' when 1 then 'paid' end as state, (number % 7) / 7.0::double as share,
    (number * 10)::bigint as price, -number::decimal(9, 2) as discount, 'note ' || number as note,
    timestamp '2026-01-01' + to_hours(number::integer) as placed_at
from range(100) as r (number);
create table data_until as select timestamp '2026-01-31' as data_until;
"""

#: What is no longer so, and the check that says it.
FAULTS = {
    "order_id_unique": "insert into orders from orders limit 1",
    "order_id_not_null": "update orders set order_id = null where order_id = 'o3'",
    "state_known": "update orders set state = 'lost' where order_id = 'o3'",
    "day_in_range": "update orders set day = '2024-12-31' where order_id = 'o3'",
    "placed_at_in_range": "update orders set placed_at = '2026-02-01 00:00:01' where order_id = 'o3'",
    "share_in_range": "update orders set share = 1.1 where order_id = 'o3'",
    "price_in_range": "update orders set price = -1 where order_id = 'o3'",
    "discount_in_range": "update orders set discount = -149.5 where order_id = 'o3'",
    "not_much_smaller": "delete from orders where price < 510",
}


@pytest.fixture
def shop() -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute(ORDERS)
    return connection


def suite_of(connection: duckdb.DuckDBPyConnection, table: str) -> Suite:
    return Suite.model_validate(yaml.safe_load(starter_suite(connection, table, owner="shop")))


def test_the_suite_says_what_is_so(shop: duckdb.DuckDBPyConnection) -> None:
    suite = suite_of(shop, "orders")
    assert (suite.name, suite.relation, suite.gate, suite.owner) == ("orders", "orders", 2, "shop")
    assert {check.severity for check in suite.checks} == {"warning"}
    names = ("order_id", "day", "share", "price", "discount", "note", "placed_at")
    filled = {f"{name}_not_null" for name in names}
    assert {check.name for check in suite.checks} == set(FAULTS) | filled
    kwargs = {check.name: check.kwargs for check in suite.checks}
    assert kwargs["state_known"]["value_set"] == ["open", "paid"]
    assert kwargs["price_in_range"] == {"column": "price", "min_value": 0, "max_value": 1485}
    assert kwargs["discount_in_range"]["min_value"] == -149
    assert kwargs["share_in_range"] == {"column": "share", "min_value": 0, "max_value": 1}
    assert all(result.success for result in run_suite(shop, suite, schema="main"))


@pytest.mark.parametrize("check", FAULTS)
def test_what_is_no_longer_so_is_found(check: str, shop: duckdb.DuckDBPyConnection) -> None:
    suite = suite_of(shop, "orders")
    shop.execute(FAULTS[check])
    failed = {result.check_name for result in run_suite(shop, suite, schema="main") if not result.success}  # fmt: skip
    assert check in failed


def test_a_key_may_be_of_several_columns_and_some_tables_have_none(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    shop.execute(
        "create table pairs as select (number % 4)::varchar as day, (number // 4)::varchar as state"
        " from range(40) as r (number)"
    )
    keys = {check.name: check.kwargs for check in suite_of(shop, "pairs").checks}
    assert keys["key_unique"] == {"column_list": ["day", "state"]}
    shop.execute("insert into pairs from pairs")
    assert "key_unique" not in {check.name for check in suite_of(shop, "pairs").checks}


def test_every_table_of_the_contract_gets_a_suite_that_passes(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    existing = load_suites()
    for table in ("users", "sessions", "load_files", "page_views", "channel_attribution"):
        text = starter_suite(warehouse, table, owner="shop", existing=existing)
        suite = Suite.model_validate(yaml.safe_load(text))
        assert suite.name == f"{table}_starter"
        shipped = {check.name for one in existing if one.relation == table for check in one.checks}
        assert not shipped & {check.name for check in suite.checks}
        assert all(result.success for result in run_suite(warehouse, suite, schema="main"))


def test_the_command_writes_where_suites_are_read_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPATH_HOME", str(tmp_path))
    own = tmp_path / "own"
    monkeypatch.setenv("FOOTPATH_EXPECTATIONS", str(own))
    assert starter.main(["orders"]) == 1
    assert "published.duckdb does not exist: run `make run` first" in capsys.readouterr().out
    own.mkdir()
    with connect(tmp_path / "published.duckdb") as connection:
        connection.execute(ORDERS)
    assert starter.main(["orders", "--owner", "shop"]) == 0
    assert f"15 checks written to {own / 'orders.yml'}" in capsys.readouterr().out
    (suite,) = load_suites(own)
    assert suite.owner == "shop"
    before = (own / "orders.yml").read_text()
    assert starter.main(["orders"]) == 1
    assert "the suites on orders have all of it already" in capsys.readouterr().out
    (own / "orders_starter.yml").write_text(before.replace("name: orders", "name: other"))
    (own / "orders.yml").write_text(before.replace("order_id_unique", "other"))
    assert starter.main(["orders"]) == 1
    assert "has a check of that name" in capsys.readouterr().out
    (own / "orders.yml").unlink()
    assert starter.main(["nowhere"]) == 1
    said = "there is no published table 'nowhere'; there are: data_until, orders"
    assert said in capsys.readouterr().out


def test_a_file_of_another_suite_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTPATH_HOME", str(tmp_path))
    monkeypatch.setenv("FOOTPATH_EXPECTATIONS", str(tmp_path))
    with connect(tmp_path / "published.duckdb") as connection:
        connection.execute(ORDERS)
    assert starter.main(["orders"]) == 0
    mine = (tmp_path / "orders.yml").read_text()
    mine = mine.replace("name: orders", "name: mine").replace(
        "relation: orders", "relation: others"
    )
    (tmp_path / "orders.yml").write_text(mine)
    capsys.readouterr()
    assert starter.main(["orders"]) == 1
    assert "is there already, and is not overwritten" in capsys.readouterr().out
    assert (tmp_path / "orders.yml").read_text() == mine


def test_an_empty_table_teaches_nothing(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("delete from orders")
    with pytest.raises(StarterError, match="orders is empty"):
        starter_suite(shop, "orders", owner="shop")
