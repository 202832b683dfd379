import subprocess
import sys
from pathlib import Path

import pytest

from expectations.suite import SUITES, SuiteError, load_suites

GOOD = """
name: orders
gate: 2
relation: orders
owner: shop
checks:
  - name: id_not_null
    severity: critical
    description: Every order has an id.
    expectation: expect_column_values_to_not_be_null
    kwargs: {column: id}
  - name: no_gifts
    severity: warning
    description: Nothing is free.
    unexpected_rows: select * from {batch} where price = 0
"""

PUBLISHED = {
    "events",
    "sessions",
    "page_views",
    "users",
    "identities",
    "user_days",
    "load_files",
    "quarantined_events",
    "user_traits",
    "groups",
    "person_groups",
    "shared_devices",
    "people_with_many_identifiers",
    "merges_by_day",
    "daily_activity",
    "retention_weekly",
    "lifecycle_weekly",
    "event_hours",
    "property_days",
    "received_hours",
    "event_catalog",
    "conversions",
    "channel_attribution",
    "funnel_days",
}


def test_every_published_table_has_a_suite() -> None:
    gates = {suite.relation: suite.gate for suite in load_suites()}
    assert gates == {"gate_1_rows": 1} | dict.fromkeys(PUBLISHED | {"plan_conformity"}, 2)


def test_a_suite_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "orders.yml").write_text(GOOD)
    (suite,) = load_suites(tmp_path)
    not_null, gifts = suite.checks
    assert (not_null.severity, not_null.class_name) == ("critical", "ExpectColumnValuesToNotBeNull")
    assert gifts.query("orders", "main") == 'select * from "main"."orders" where price = 0'


def test_suites_of_ones_own_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "orders.yml").write_text(GOOD)
    shipped = [suite.name for suite in load_suites()]
    assert [suite.name for suite in load_suites(SUITES, tmp_path)] == [*shipped, "orders"]

    (tmp_path / "orders.yml").write_text(GOOD.replace("name: orders", "name: users"))
    with pytest.raises(SuiteError, match="another file already has a suite named users"):
        load_suites(SUITES, tmp_path)

    (tmp_path / "orders.yml").write_text(
        GOOD.replace("relation: orders", "relation: users").replace(
            "id_not_null", "person_id_unique"
        )
    )
    with pytest.raises(SuiteError, match="person_id_unique: another suite on users has a check of"):
        load_suites(SUITES, tmp_path)

    with pytest.raises(SuiteError, match="there is no such folder of suites"):
        load_suites(SUITES, tmp_path / "gone")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            "severity: critical",
            "severity: fatal",
            "check id_not_null: severity: write 'critical' or 'warning'",
        ),
        ("    description: Nothing is free.\n", "", "check no_gifts: description: missing: add it"),
        ("owner: shop", "owner: shop\ncolour: red", "colour: unknown key: remove it"),
        ("name: no_gifts", "name: id_not_null", "two checks are named id_not_null"),
        ("{batch}", "orders", "check no_gifts: `unexpected_rows` must read from {batch}"),
        ("    unexpected_rows: select * from {batch} where price = 0\n", "", "give either"),
        ("gate: 2", "gate: 1", "one row per failing batch"),
        ("gate: 2", "gate: [", "not valid YAML"),
        (GOOD, "- a list", "a suite is a mapping with name"),
    ],
)
def test_a_wrong_suite_names_its_file_and_the_remedy(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    assert right in GOOD
    path = tmp_path / "orders.yml"
    path.write_text(GOOD.replace(right, wrong))
    with pytest.raises(SuiteError) as raised:
        load_suites(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")
    assert says in str(raised.value)


def test_two_suites_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD)
    with pytest.raises(SuiteError, match=r"b\.yml: another file already has a suite named orders"):
        load_suites(tmp_path)


def test_reading_suites_does_not_import_great_expectations() -> None:
    code = (
        "import sys, expectations, expectations.runner as runner; runner.load_suites();"
        "print([name for name in sys.modules if name.startswith('great_expectations')])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
