"""Gate 2 looks at what runs touched, and at everything after a build in full."""

import duckdb
import pytest

from expectations.runner import CheckResult, run_suite
from expectations.suite import Suite, load_suites
from orchestration import unchecked

SUITE = Suite.model_validate(
    {
        "name": "orders",
        "gate": 2,
        "relation": "orders",
        "owner": "shop",
        "touched": {
            "orders": {"by": "people", "columns": ["person_id"]},
            "visits": {
                "by": "regions",
                "columns": ["source", "actor_key"],
                "between": "seen_at",
                "from": "stored_visits",
                "whole": "stored_visits",
            },
        },
        "checks": [
            {
                "name": "price_not_null",
                "severity": "critical",
                "description": "Every order has a price.",
                "expectation": "expect_column_values_to_not_be_null",
                "kwargs": {"column": "price"},
            },
            {
                "name": "visits_are_long",
                "severity": "critical",
                "description": "No visit is short.",
                "unexpected_rows": "select * from {touched visits} where seconds < 10",
            },
            {
                "name": "nobody_else",
                "severity": "critical",
                "description": "The tables of all people are as long as this one.",
                "unexpected_rows": "select * from {orders} where (select count(*) from {batch}) > 3",
            },
        ],
    }
)


@pytest.fixture
def shop(warehouse: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    warehouse.execute("""
        create table orders as from (values ('ann', 1), ('bob', null), ('cleo', 3)) as o (person_id, price);
        create table stored_visits as from (values
            ('web', 'd1', timestamp '2026-01-01 10:00:00', 60),
            ('web', 'd1', timestamp '2026-01-02 10:00:00', 5),
            ('app', 'd1', timestamp '2026-01-01 10:00:00', 5)
        ) as v (source, actor_key, seen_at, seconds);
        create or replace table main_internal.unchecked_people as select 'ann' as person_id;
        create or replace table main_internal.unchecked_regions as
        select 'web' as source, 'd1' as actor_key, timestamp '2026-01-01 09:00:00' as from_at,
            timestamp '2026-01-01 10:00:00' as to_at;
    """)
    return warehouse


def failed(results: list[CheckResult]) -> set[str]:
    return {result.check_name for result in results if not result.success}


def test_only_touched_rows_are_looked_at(shop: duckdb.DuckDBPyConnection) -> None:
    lists = unchecked.lists(shop)
    results = run_suite(shop, SUITE, schema="main", lists=lists)
    assert failed(results) == set()
    assert {result.relation for result in results} == {"orders"}
    shop.execute("insert into main_internal.unchecked_people values ('bob')")
    shop.execute("update main_internal.unchecked_regions set to_at = '2026-01-02 10:00:00'")
    results = run_suite(shop, SUITE, schema="main", lists=lists)
    assert failed(results) == {"price_not_null", "visits_are_long"}
    assert [row["person_id"] for row in results[0].failing] == ["bob"]
    assert [row["source"] for row in results[1].failing] == ["web"]


def test_rows_found_by_their_id_are_those_found_by_their_key(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    data = SUITE.model_dump(by_alias=True, exclude_unset=True)
    orders = {"from": "(select rowid, * from orders where price is null)", "by_row_id": True}
    data["touched"]["orders"] |= orders
    suite = Suite.model_validate(data)
    shop.execute("insert into orders values ('ann', null), ('dora', null)")
    found: dict[str, str] = {}
    results = run_suite(shop, suite, schema="main", lists="main_internal", found=found)
    assert failed(results) == {"price_not_null"}
    assert [row["person_id"] for row in results[0].failing] == ["ann"]
    columns = shop.execute("from touched_orders_0").description
    assert [column[0] for column in columns] == ["person_id", "price"]


def test_rows_are_found_by_all_of_their_columns_together(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("insert into stored_visits values ('web', 'd2', '2026-01-01 10:00:00', 5)")
    shop.execute(
        "insert into main_internal.unchecked_regions"
        " select 'app', 'd2', from_at, to_at from main_internal.unchecked_regions"
    )
    assert failed(run_suite(shop, SUITE, schema="main", lists="main_internal")) == set()
    days = {"by": "people", "columns": ["person_id", "day"]}
    data = SUITE.model_dump(by_alias=True, exclude_unset=True)
    data["touched"]["orders"] = days
    shop.execute("alter table orders add column day int default 1")
    shop.execute(
        "create or replace table main_internal.unchecked_people as"
        " from (values ('ann', 1), ('bob', 2)) as people (person_id, day)"
    )
    suite = Suite.model_validate(data)
    assert failed(run_suite(shop, suite, schema="main", lists="main_internal")) == set()
    shop.execute("insert into main_internal.unchecked_people values ('bob', 1)")
    results = run_suite(shop, suite, schema="main", lists="main_internal")
    assert failed(results) == {"price_not_null"}


def test_row_ids_need_a_relation_that_has_them() -> None:
    data = SUITE.model_dump(by_alias=True, exclude_unset=True)
    data["touched"]["orders"]["by_row_id"] = True
    with pytest.raises(ValueError, match="a `from` with a column rowid"):
        Suite.model_validate(data)


def test_everything_is_looked_at_after_a_build_in_full(shop: duckdb.DuckDBPyConnection) -> None:
    shop.execute("insert into main_internal.unchecked_models values ('sessions')")
    assert unchecked.lists(shop) is None
    results = run_suite(shop, SUITE, schema="main", lists=None)
    assert failed(results) == {"price_not_null", "visits_are_long"}
    assert len(results[1].failing) == 2


def test_lists_that_are_not_there_mean_everything(warehouse: duckdb.DuckDBPyConnection) -> None:
    warehouse.execute("drop table main_internal.unchecked_rows")
    assert unchecked.lists(warehouse) is None
    unchecked.clear(warehouse)


def test_what_has_passed_is_not_looked_at_again(shop: duckdb.DuckDBPyConnection) -> None:
    unchecked.clear(shop)
    assert unchecked.lists(shop) == "main_internal"
    shop.execute("update orders set price = null")
    assert failed(run_suite(shop, SUITE, schema="main", lists="main_internal")) == set()


def test_a_name_without_its_meaning_is_an_error() -> None:
    data = SUITE.model_dump(exclude={"touched"}, exclude_unset=True)
    with pytest.raises(ValueError, match="say under `touched` what visits is"):
        Suite.model_validate(data)


def test_every_suite_of_a_table_that_grows_with_events_says_what_a_run_touches() -> None:
    scoped = {suite.relation for suite in load_suites() if suite.gate == 2 and suite.touched}
    assert scoped >= {
        "events", "sessions", "page_views", "users", "user_days", "user_traits", "person_groups", "groups",
    }  # fmt: skip
