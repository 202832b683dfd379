"""Every check of gate 1 passes on clean batches and names the batch that has a planted fault."""

import duckdb
import pytest

from expectations.runner import CheckResult, load_suites, run_suite

SUITE = next(suite for suite in load_suites() if suite.name == "batches")

# Of the 40 lines of the batch `bad`, 11 are over both limits (10 rows, 20 %).
ELEVEN = "where batch_id = 'bad' and line <= 11"
ONE = "where batch_id = 'bad' and line = 1"

#: Check: (fault, what is observed of the batch `bad`).
FAULTS = {
    "file_readable": (
        f"update gate_1_rows set line = null, unreadable_reason = 'unreadable_file' {ONE}",
        "the file cannot be read",
    ),
    "lines_mostly_readable": (
        f"update gate_1_rows set unreadable_reason = 'invalid_json' {ELEVEN}",
        "11 of 40 lines are unreadable",
    ),
    "every_line_readable": (
        f"update gate_1_rows set unreadable_reason = 'invalid_json' {ONE}",
        "1 of 40 lines are unreadable",
    ),
    "times_mostly_usable": (
        f"update gate_1_rows set event_at_candidate = null {ELEVEN}",
        "11 of 40 rows have no usable time",
    ),
    "every_time_usable": (
        f"update gate_1_rows set event_at_candidate = null {ONE}",
        "1 of 40 rows have no usable time",
    ),
    "names_mostly_present": (
        f"update gate_1_rows set event_name = case when line < 5 then '' end {ELEVEN}",
        "11 of 40 rows have no event name",
    ),
    "clock_mostly_plausible": (
        "update gate_1_rows set event_at_candidate = case line % 3 "
        "when 0 then timestamp '1999-12-31' "  # before anything
        "when 1 then coalesce(received_at, loaded_at) + interval 24 hour "  # still plausible
        "else coalesce(received_at, loaded_at) + interval '24 hours 1 second' end "
        "where batch_id = 'bad' and line <= 18",
        "12 of 40 rows have an impossible time",
    ),
    "somebody_is_there": (
        "update gate_1_rows set anonymous_id = case when line < 5 then '' end "
        "where batch_id = 'bad' and line <= 21",
        "21 of 40 calls have neither device nor user",
    ),
    "ids_present": (
        f"update gate_1_rows set event_id = null {ONE}",
        "1 of 40 rows have no event id",
    ),
    "ids_rarely_repeat": (
        "update gate_1_rows set event_id = 'e1' where batch_id = 'bad' and line <= 4",
        "3 of 40 ids repeat",
    ),
    "batch_not_empty": (
        "delete from gate_1_rows where batch_id = 'bad' and line > 1;"
        "update gate_1_rows set line = null, event_at_candidate = null where batch_id = 'bad'",
        "no lines",
    ),
}


def run(connection: duckdb.DuckDBPyConnection) -> dict[str, CheckResult]:
    return {result.check_name: result for result in run_suite(connection, SUITE)}


def test_every_check_has_a_planted_fault() -> None:
    assert set(FAULTS) == {check.name for check in SUITE.checks}


def test_all_checks_pass_on_clean_batches(new_batches: duckdb.DuckDBPyConnection) -> None:
    results = run(new_batches)
    assert {result.observed for result in results.values()} == {"no batch"}
    assert all(result.success for result in results.values())


@pytest.mark.parametrize("check", FAULTS)
def test_a_planted_fault_names_its_batch_only(
    new_batches: duckdb.DuckDBPyConnection, check: str
) -> None:
    fault, observed = FAULTS[check]
    new_batches.execute(fault)
    result = run(new_batches)[check]
    assert not result.success
    assert result.failing == [{"batch_id": "bad", "observed": observed}]
    assert result.observed == f"bad: {observed}"


def test_a_batch_without_rows_fails_no_other_check(
    new_batches: duckdb.DuckDBPyConnection,
) -> None:
    new_batches.execute(FAULTS["batch_not_empty"][0])
    failed = [name for name, result in run(new_batches).items() if not result.success]
    assert failed == ["batch_not_empty"]


@pytest.mark.parametrize(
    ("lines", "faulty", "fails"),
    [
        (12, 10, False),  # 83 %, but 10 rows are too few to judge
        (12, 11, True),
        (100, 20, False),  # 20 % exactly
        (100, 21, True),
    ],
)
def test_a_batch_is_held_over_ten_rows_and_a_fifth(
    new_batches: duckdb.DuckDBPyConnection, lines: int, faulty: int, fails: bool
) -> None:
    new_batches.execute(
        f"""
        delete from gate_1_rows;
        insert into gate_1_rows (batch_id, line, loaded_at, event_name, event_at_candidate)
        select 'edge', line, now(), 'buy', case when line > {faulty} then timestamp '2026-01-01' end
        from range(1, {lines + 1}) as lines (line)
        """
    )
    assert run(new_batches)["times_mostly_usable"].success is not fails


def test_all_failing_batches_are_returned_however_many(
    new_batches: duckdb.DuckDBPyConnection,
) -> None:
    new_batches.execute(
        """
        insert into gate_1_rows (batch_id, line, event_name)
        select 'batch ' || number, 1, 'buy' from range(300) as batches (number)
        """
    )
    result = run(new_batches)["every_time_usable"]
    assert len(result.failing) == 300
    assert result.observed.endswith("; and 297 more batches")


def test_the_rows_may_come_from_a_temporary_view(
    new_batches: duckdb.DuckDBPyConnection,
) -> None:
    new_batches.execute("create temporary view pending_rows as from gate_1_rows")
    results = run_suite(new_batches, SUITE, relation="pending_rows")
    assert all(result.success and result.relation == "pending_rows" for result in results)
