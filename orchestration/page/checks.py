"""Every check: what it found last, and in the runs before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from expectations import anomalies, freshness, spot_check
from expectations.suite import Suite
from orchestration.page.charts import FAIL, NOT_RUN, PASS
from orchestration.page.tables import Tables

#: Runs that checked something, back from the last one.
RUNS = 20
#: Checks that the page shows, those that fail first.
MAX_CHECKS = 1000


@dataclass(frozen=True)
class Checked:
    """One check on one relation. `state` is what it found last (pass, fail), none where it never ran.

    `states` has one for each of the last runs, the oldest first.
    """

    suite: str
    name: str
    relation: str
    severity: str
    owner: str
    description: str
    state: str
    observed: str
    checked_at: datetime | None
    states: Sequence[str]

    @property
    def in_last_run(self) -> bool:
        """Whether the last of the runs made this check."""
        return bool(self.states) and self.states[-1] != NOT_RUN

    @property
    def history_words(self) -> str:
        """The marks as text."""
        counts = [
            f"{self.states.count(kind)} {word}" for kind, word in _WORDS if kind in self.states
        ]
        return f"last {len(self.states)} runs: {', '.join(counts)}" if self.states else "never run"


@dataclass(frozen=True)
class CheckedSuite:
    """The checks of a suite, those that fail first."""

    name: str
    description: str
    checks: list[Checked] = field(default_factory=list)

    @property
    def failing(self) -> int:
        """How many fail."""
        return sum(one.state == FAIL for one in self.checks)

    @property
    def owners(self) -> list[str]:
        """Who owns them."""
        return sorted({one.owner for one in self.checks if one.owner})


@dataclass(frozen=True)
class Checks:
    """All suites, those with failing checks first; `left_out` checks are not shown."""

    suites: Sequence[CheckedSuite]
    run_count: int
    check_count: int
    failing: int
    left_out: int


_WORDS = ((PASS, "passed"), (FAIL, "failed"), (NOT_RUN, "not run"))
_SQL = """
with runs as (
    select run_id, max(checked_at) as checked_at
    from main.check_results
    group by run_id
    order by 2 desc, 1 desc
    limit ?
)
select check_results.*, dense_rank() over (order by runs.checked_at, runs.run_id) - 1 as run_number
from main.check_results
inner join runs on check_results.run_id = runs.run_id
order by run_number, check_results.suite, check_results.check_name, check_results.relation
"""


def gather(
    status: Tables, suites: Sequence[Suite], owners: Mapping[str, str | None], anomaly_owner: str
) -> Checks:
    """Read the results of the last runs; `owners` names the owner of a source, where it has one."""
    results = status.rows(_SQL, [RUNS]) if status.has("check_results") else []
    run_count = len({row["run_id"] for row in results})
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {
        (suite.name, check.name, suite.relation): []
        for suite in suites
        for check in suite.checks
        if suite.gate == 2
    }
    for row in results:
        found.setdefault((row["suite"], row["check_name"], row["relation"]), []).append(row)
    known = {(suite.name, check.name): (suite, check) for suite in suites for check in suite.checks}
    by_suite: dict[str, CheckedSuite] = {}
    for (suite_name, name, relation), rows in found.items():
        suite, check = known.get((suite_name, name), (None, None))
        owner, description = suite.owner if suite else "", check.description if check else ""
        if suite_name == anomalies.SUITE:
            owner, description = anomaly_owner, anomalies.DESCRIPTION
            source = name.partition("/")[0]
        else:
            source = relation.removeprefix("raw.") if relation.startswith("raw.") else ""
        if suite_name == freshness.SUITE:
            owner, description = freshness.OWNER, freshness.DESCRIPTION
        elif suite_name == spot_check.SUITE and name in spot_check.CHECKS:
            owner, description = spot_check.OWNER, spot_check.CHECKS[name][1]
        owner = owners.get(source) or owner
        last = rows[-1] if rows else None
        states = [NOT_RUN] * run_count
        for row in rows:
            states[row["run_number"]] = PASS if row["success"] else FAIL
        by_suite.setdefault(
            suite_name, CheckedSuite(suite_name, suite.description if suite else "")
        ).checks.append(
            Checked(
                suite_name,
                name,
                relation,
                last["severity"] if last else (check.severity if check else ""),
                owner,
                description,
                (PASS if last["success"] else FAIL) if last else NOT_RUN,
                last["observed"] if last else "",
                last["checked_at"] if last else None,
                states,
            )
        )
    everything = sorted(
        (one for suite in by_suite.values() for one in suite.checks),
        key=lambda one: (one.state != FAIL, one.severity, one.suite, one.relation, one.name),
    )
    shown = []
    kept = {id(one) for one in everything[:MAX_CHECKS]}
    for one in sorted(by_suite.values(), key=lambda suite: (-suite.failing, suite.name)):
        checks = [check for check in everything if check.suite == one.name and id(check) in kept]
        if checks:
            shown.append(CheckedSuite(one.name, one.description, checks))
    return Checks(
        suites=shown,
        run_count=run_count,
        check_count=len(everything),
        failing=sum(one.state == FAIL for one in everything),
        left_out=max(len(everything) - MAX_CHECKS, 0),
    )
