"""SQL that other engines can read: what each model and each analysis compiles to, parsed in their dialects.

That it parses does not say that an engine has the functions it names: those stand in macros/adapters, one macro each.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from orchestration.dbt_project import DbtProject
from orchestration.settings import PROJECT
from tests.analyses.sql import compile_calls
from tests.warehouse import Home

DIALECTS = ("spark", "snowflake", "bigquery", "redshift", "postgres", "trino", "clickhouse")

DISTINCT = "its union says distinct nowhere, which this dialect wants to hear"
MARKOV = "the removal effects are DuckDB's recursion with whole numbers, a macro of the adapters"
#: What does not parse, and why. An entry that parses after all fails the test.
KNOWN: Mapping[tuple[str, str], str] = {
    ("stg_segment__calls", "spark"): "DuckDB's struct literal, which keeps the call as one text",
    ("touched_devices", "bigquery"): DISTINCT,
    ("touched_devices", "clickhouse"): DISTINCT,
    ("merged_users_now", "bigquery"): DISTINCT,
    ("merged_users_now", "clickhouse"): DISTINCT,
    ("identities", "bigquery"): DISTINCT,
    ("identities", "clickhouse"): DISTINCT,
    ("region_events", "snowflake"): "a window with a name",
    **{("channel_attribution", dialect): MARKOV for dialect in DIALECTS},
}
KNOWN_CALLS = {("attribution, markov", dialect): MARKOV for dialect in DIALECTS}


#: The same of what an incremental run asks.
KNOWN_OF_INCREMENTAL_RUNS = {
    (f"touched_{name}", dialect): DISTINCT
    for name in ("aliases", "components", "events", "groups", "people", "regions", "rows")
    for dialect in ("bigquery", "clickhouse")
}

SOURCES = "sources: {site: {format: jsonl, event_name: e, event_at: t}}"

STEPS = (
    "['Signed Up', {'event': 'Checkout Started', 'filter': {'plan': ['team', 'business']}}, 'Paid']"
)
FILTERED = "{'event': 'B', 'filter': {'b': 1}}"
OPTIONAL = "['A', {'event': 'B', 'optional': true}, {'event': 'C', 'first_time': true}]"
RANGE = "date_from='2026-01-01', date_to='2026-03-31', timezone='Europe/Berlin'"
NUMBER = "footpath.decimal_of(footpath.json_member('properties', 'revenue'))"

CALLS: Mapping[str, str] = {
    "funnel": f"footpath.funnel({STEPS}, 604800)",
    "funnel, levels": "footpath.funnel(['A', 'B'], 604800, times=false)",
    "funnel, unordered levels": f"footpath.funnel({STEPS}, 3600, order='unordered', times=false)",
    "funnel, range": f"footpath.funnel({STEPS}, 604800, {RANGE}, clip_to_range=true)",
    "funnel, any window": f"footpath.funnel({STEPS}, none)",
    "funnel, strict": f"footpath.funnel({STEPS}, 3600, order='strict')",
    "funnel, unordered": f"footpath.funnel({STEPS}, 3600, order='unordered')",
    "funnel, first entry": f"footpath.funnel({STEPS}, 3600, reentry='first_entry_only')",
    "funnel, previous step": f"footpath.funnel({STEPS}, 60, window_anchor='previous_step', ties='strict_increase')",
    "funnel, optional": f"footpath.funnel({OPTIONAL}, 3600)",
    "funnel, per session": f"footpath.funnel({STEPS}, 3600, per='session')",
    "funnel, exclusion": f"footpath.funnel({STEPS}, 60, exclusions=[{{'event': 'X', 'from_step': 1, 'to_step': 2}}])",
    "funnel, unordered exclusion": f"footpath.funnel({STEPS}, 60, order='unordered', exclusions=[{{'event': 'X'}}])",
    **{
        f"funnel, {attribution}": f"footpath.funnel({STEPS}, 3600, breakdown='plan', breakdown_limit=5,"
        f" breakdown_attribution='{attribution}')"
        for attribution in ("first_touch", "last_touch", "all_events", "step_2")
    },
    "funnel_trend": f"footpath.funnel_trend({STEPS}, 3600, interval='week', week_start='sunday', {RANGE})",
    "funnel_trend, breakdown": f"footpath.funnel_trend({STEPS}, 3600, interval='month', breakdown='plan')",
    "funnel_times": f"footpath.funnel_times({STEPS}, 3600)",
    "funnel_times, bins": f"footpath.funnel_times({STEPS}, 3600, from_step=2, to_step=3, bin_count=10)",
    **{
        f"window_funnel, {mode}": f"footpath.window_funnel({STEPS}, 3600, modes=['{mode}'])"
        for mode in (
            "strict_order", "strict_deduplication", "strict_increase", "strict_once", "deduplication"
        )
    },
    "window_funnel": f"footpath.window_funnel({STEPS}, 3600)",
    "retention": "footpath.retention('A')",
    **{
        f"retention, {preset}": f"footpath.retention('A', 'B', preset='{preset}', period='day', {RANGE})"
        for preset in ("posthog", "mixpanel", "amplitude")
    },
    "retention, first ever": "footpath.retention('A', cohort='first_ever', period='month', returned='on_or_before')",
    "retention, brackets": f"footpath.retention('A', returned=[1, 3, 7], period='day', {RANGE})",
    "retention, rolling months": f"footpath.retention('A', clock='rolling', period='month', {RANGE})",
    "retention, value": f"footpath.retention('A', value={NUMBER}, value_aggregation='average', min_occurrences=2)",
    "retention_average": "footpath.retention_average(footpath.retention('A'))",
    "retention_average, double": "footpath.retention_average(footpath.retention('A'), weighting='double')",
    "lifecycle": "footpath.lifecycle()",
    "lifecycle, days": f"footpath.lifecycle('A', interval='day', new_by='matching_event', {RANGE})",
    "stickiness": "footpath.stickiness('A')",
    "stickiness, cumulative": "footpath.stickiness('A', 'week', criterion='exactly', cumulative=true)",
    "stickiness, periods": f"footpath.stickiness('A', period_length=2, {RANGE})",
    "trend": "footpath.trend()",
    "trend, sum": f"footpath.trend('A', 'sum', value={NUMBER}, interval='week', rolling=4, {RANGE})",
    "trend, breakdown": "footpath.trend('A', 'people', breakdown='utm_source', breakdown_limit=3)",
    "trend, formula": "footpath.trend([{'event': 'A'}, {'event': 'B', 'aggregate': 'people'}], formula='A / B')",
    "trend, percentile": f"footpath.trend('A', 'percentile', value={NUMBER}, percentile=0.9)",
    "cohort": "footpath.cohort('A')",
    **{
        f"cohort, {criterion}": f"footpath.cohort('A', '{criterion}', 1, {RANGE})"
        for criterion in ("at_most", "exactly", "never", "first")
    },
    "cohort_and": "footpath.cohort_and([footpath.cohort('A'), footpath.cohort_not(footpath.cohort('B'))])",
    "cohort_or": "footpath.cohort_or([footpath.cohort('A'), footpath.cohort('B')])",
    "people": "footpath.retention('A', people=footpath.cohort('B'))",
    "paths": "footpath.paths()",
    "paths, events": f"footpath.paths('event', edge_limit=20, start_point='A', end_point='B', {RANGE})",
    "paths, anchor": "footpath.paths('event', anchor='A', exclude=['X'])",
    "next_event": "footpath.next_event(['A', 'B'])",
    "next_event, backward": "footpath.next_event(['A'], direction='backward', match='last_match')",
    "next_event, head": f"footpath.next_event(['A', {{'event': none, 'filter': {{'b': 1}}}}], match='head', {RANGE})",
    "attribution": "footpath.attribution(['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay'])",
    "attribution, markov": "footpath.attribution(['markov'])",
    "attribution, range": f"footpath.attribution(['linear'], 86400, {RANGE})",
    "conversion_drivers": "footpath.conversion_drivers('A', 'B', window_seconds=3600)",
    "conversion_drivers, driver": f"footpath.conversion_drivers('A', {FILTERED}, driver='page_path', {RANGE})",
    "feature_engagement": "footpath.feature_engagement()",
    "feature_engagement, weeks": f"footpath.feature_engagement(['A', {FILTERED}], 'days', 'week', {RANGE})",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Keep sqlglot from saying what it does not know: it is counted here."""
    with caplog.at_level(logging.CRITICAL, "sqlglot"):
        yield


def unreadable(statements: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return what does not parse, by name and dialect, with the parser's word for it."""
    found = {}
    for name, sql in statements.items():
        for dialect in DIALECTS:
            try:
                parsed = sqlglot.parse(sql, dialect=dialect)
            except SqlglotError as error:
                found[name, dialect] = str(error).splitlines()[0]
            else:
                # What the parser gives up on it takes as a command.
                if any(isinstance(statement, exp.Command) for statement in parsed):
                    found[name, dialect] = "not understood"
    return found


MODELS = (
    "--select",
    "resource_type:model",
    "--exclude",
    "resource_type:test",
    "resource_type:unit_test",
)


def compiled_models(project: DbtProject) -> dict[str, str]:
    outcome = project._invoke(["--log-level", "none", "compile", *MODELS], lambda _: None)
    assert outcome.success, outcome.exception
    nodes = [result.node for result in outcome.result]
    return {
        node.name: node.compiled_code
        for node in nodes
        if node.resource_type == "model" and node.language == "sql"
    }


@pytest.fixture(scope="module")
def calls() -> dict[str, str]:
    """Return the SQL of every call."""
    return compile_calls({name: f"{{{{ {call} }}}}" for name, call in CALLS.items()})


def test_models_parse_in_other_dialects(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", SOURCES)
    home.load()

    models = compiled_models(home.dbt)

    assert len(models) > 50
    assert set(unreadable(models)) == set(KNOWN)


@pytest.mark.long
def test_models_of_an_incremental_run_parse_in_other_dialects(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", SOURCES)
    home.deliver("site", "a.jsonl", ['{"e": "A", "t": "2026-01-01T00:00:00Z"}'])
    home.run()

    assert set(unreadable(compiled_models(home.dbt))) == {*KNOWN, *KNOWN_OF_INCREMENTAL_RUNS}


def test_analyses_parse_in_other_dialects(calls: dict[str, str]) -> None:
    assert set(unreadable(calls)) == set(KNOWN_CALLS)


#: What only DuckDB and few others have, as it stands in the text of a macro.
ONLY_DUCKDB = {
    "a cast": r"::",
    "qualify": r"\bqualify\b",
    "an ASOF join": r"\basof\b",
    "filter of an aggregate": r"\bfilter\s*\(\s*where\b",
    "group by all": r"\b(group|order)\s+by\s+all\b",
    "stars with exceptions": r"\*\s*(exclude|replace|rename)\b",
    "lists and structs": r"\b(list|struct|array|map)_\w+\s*\(|\bunnest\s*\(",
    "functions of times": r"\b(epoch\w*|date_diff|datediff|date_trunc|generate_series)\s*\(",
    "functions of JSON": r"\bjson_extract\w*\s*\(|->>",
    "comparison of nulls": r"\bis\s+(not\s+)?distinct\s+from\b",
    "distinct on": r"\bdistinct\s+on\b",
    "range frames": r"\brange\s+between\b",
}


#: Where the analyses have such a thing all the same, and why.
KNOWN_IN_ANALYSES: Mapping[tuple[str, str], str] = {
    ("funnel_ordered.sql", "range frames"): "a frame over whole numbers; Redshift has none",
    ("funnel_strict.sql", "range frames"): "a frame of one instant; Redshift has none",
    (
        "funnel_unordered.sql",
        "range frames",
    ): "a frame over times; not every engine has one",
}


def test_analyses_leave_what_differs_to_the_adapters() -> None:
    found = set()
    for path in (PROJECT / "macros" / "analyses").glob("*.sql"):
        text = re.sub(r"\{#.*?#\}|^\s*--.*?$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        for what, pattern in ONLY_DUCKDB.items():
            if re.search(pattern, text, re.IGNORECASE):
                found.add((path.name, what))
    assert found == set(KNOWN_IN_ANALYSES)


def test_functions_that_are_not_common_come_from_the_adapters(calls: dict[str, str]) -> None:
    adapters = "".join(path.read_text() for path in (PROJECT / "macros" / "adapters").glob("*.sql"))
    uncommon: dict[str, str] = {}
    for name, sql in calls.items():
        if (name, DIALECTS[0]) in KNOWN_CALLS:
            continue
        tree = sqlglot.parse_one(sql, dialect="duckdb")
        for node in tree.find_all(exp.IntDiv, exp.Qualify, exp.Filter, exp.Lambda, exp.Struct):
            uncommon[node.sql("duckdb")] = name
        for function in tree.find_all(exp.Anonymous):
            if not re.search(rf"\b{function.name}\s*\(", adapters, re.IGNORECASE):
                uncommon[function.name] = name
    assert uncommon == {}


def test_every_analysis_has_a_call() -> None:
    macros = {
        name
        for path in (PROJECT / "macros" / "analyses").glob("*.sql")
        for name, arguments in re.findall(
            r"\{%-? macro (\w+)\((.*?)\) -?%\}", path.read_text(), re.DOTALL
        )
        if "events=none" in arguments
    }
    called = set(re.findall(r"footpath\.(\w+)\(", " ".join(CALLS.values())))

    # what the analyses themselves are made of
    parts = {name for name in macros if name.endswith("_events")} - {"next_event"}
    assert macros - called - parts == set()
