"""The plan's YAML: read as written, errors that name file, place and remedy."""

import json
from pathlib import Path

import pytest

from expectations.plan import Plan, PlanError, read_plan
from expectations.plan.plan import as_yaml
from orchestration.database import connect
from orchestration.loading.tracking_plan import write_plan
from orchestration.sample import SAMPLE_PLAN
from orchestration.settings import PROJECT

GOOD = """
event: Order Paid
description: The bank said yes.
owner: shop
status: active
category: checkout
trigger: The webhook of the bank.
sources: [web, app]
since: 2026-01-05
aliases: [order paid]
additional_properties: false
example: {amount: 12.5, plan: team}
properties:
  amount: {description: Gross., required: true, type: number, minimum: 0}
  plan: {type: [string, "null"], enum: [team, null]}
  code: {type: string, pattern: "^[A-Z]+$", minLength: 2, maxLength: 5}
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


def test_an_event_is_read_as_written(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, order=GOOD))
    (event,) = plan.events
    assert (event.event, event.since, event.sources) == ("Order Paid", "2026-01-05", ("web", "app"))
    assert event.schema_ == {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "minimum": 0},
            "plan": {"type": ["string", "null"], "enum": ["team", None]},
            "code": {"type": "string", "pattern": "^[A-Z]+$", "minLength": 2, "maxLength": 5},
        },
        "required": ["amount"],
        "additionalProperties": False,
    }
    assert plan.event_of("order paid", "web") is event
    assert plan.event_of("Order Paid", "billing") is None
    assert plan.event_of("Order", "web") is None


def test_an_event_is_written_as_it_is_read(tmp_path: Path) -> None:
    (event,) = read_plan(write(tmp_path, order=GOOD)).events
    assert read_plan(write(tmp_path, order=as_yaml(event))).events == (event,)


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_an_empty_or_missing_folder_is_no_plan(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("event: not one")
    assert read_plan(tmp_path / folder) == Plan()


def test_the_shipped_folder_has_no_plan_and_the_sample_has_one() -> None:
    assert read_plan(PROJECT / "expectations" / "tracking_plan") == Plan()
    assert len(read_plan(SAMPLE_PLAN).events) > 20


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("event: Order Paid", "", r"order\.yml: event: missing: add it"),
        ("owner: shop", "ownr: shop", r"ownr: unknown key: .*did you mean 'owner'\?"),
        ("owner: shop", "colour: red", "colour: unknown key: remove it .*the keys are event"),
        ("status: active", "status: live", "status: write 'draft', 'active' or 'deprecated'"),
        ("owner: shop", "on_violation: shout", "on_violation: write 'report', 'quarantine' or 'drop'"),
        ("type: number, minimum: 0", "items: {}", "property amount: items: unknown key: .*the keys are description"),
        ("type: number, minimum: 0", "minimun: 0", r"property amount: minimun: .*did you mean 'minimum'\?"),
        ("type: number", "type: float", "property amount: `type`: .*types: string, integer"),
        ("minimum: 0", "minimum: low", "property amount: `minimum`: 'low' is not of type 'number'"),
        ("enum: [team, null]", "enum: [[team]]", "property plan: `enum`: give texts, numbers"),
        ("enum: [team, null]", "enum: []", "property plan: `enum`: "),
        ("^[A-Z]+$", "^(?!A)", "property code: `pattern`: .*without look-around"),
        ("^[A-Z]+$", "[", "property code: `pattern`: "),
        ("required: true", "required: perhaps", "property amount: required: Input should be a valid bool"),
        ("event: Order Paid", "event: [", r"order\.yml: not valid YAML"),
        (GOOD, "- a list", r"order\.yml: a planned event is a mapping"),
    ],
)  # fmt: skip
def test_an_error_names_file_place_and_remedy(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    assert right in GOOD
    with pytest.raises(PlanError, match=says) as found:
        read_plan(write(tmp_path, order=GOOD.replace(right, wrong)))
    assert str(tmp_path / "order.yml") in str(found.value)


@pytest.mark.parametrize(
    "other", ["event: Order Paid", "event: order paid", "event: A\naliases: [Order Paid]"]
)
def test_a_name_stands_for_one_event(tmp_path: Path, other: str) -> None:
    with pytest.raises(PlanError, match=r"'.*' stands in .*order\.yml already, .*: remove one"):
        read_plan(write(tmp_path, order=GOOD, other=other))


@pytest.mark.parametrize(
    ("right", "wrong", "changed"),
    [
        ("The bank said yes.", "Paid.", False),
        ("owner: shop", "owner: bank", False),
        ("Gross.", "Net.", False),
        ("minimum: 0", "minimum: 1", True),
        ("required: true", "required: false", True),
        ("[web, app]", "[web]", True),
        ("[order paid]", "[paid]", True),
        ("additional_properties: false", "additional_properties: true", True),
    ],
)
def test_only_rules_change_verdicts(tmp_path: Path, right: str, wrong: str, changed: bool) -> None:
    before = read_plan(write(tmp_path, order=GOOD))
    after = read_plan(write(tmp_path, order=GOOD.replace(right, wrong)))
    assert before.content != after.content
    assert (before.rules != after.rules) is changed


@pytest.mark.parametrize(
    ("right", "wrong", "changed"),
    [
        ("The bank said yes.", "Paid.", set()),
        ("minimum: 0", "minimum: 1", set()),
        ("[order paid]", "[paid]", {"web", "app"}),
        ("[web, app]", "[web]", {"app"}),
        ("owner: shop", "on_violation: drop", {"web", "app"}),
    ],
)
def test_rows_change_with_names_and_actions_in_their_sources_alone(
    tmp_path: Path, right: str, wrong: str, changed: set[str]
) -> None:
    before = read_plan(write(tmp_path, order=GOOD))
    after = read_plan(write(tmp_path, order=GOOD.replace(right, wrong)))
    sources = {"web", "app", "shop"}
    assert {
        source for source in sources if before.changes(source) != after.changes(source)
    } == changed
    assert before.changes("shop") == ""
    # Once violations have consequences, every rule counts.
    strict = GOOD.replace("owner: shop", "on_violation: quarantine")
    mild = strict.replace("minimum: 0", "minimum: 1")
    changes = [read_plan(write(tmp_path, order=text)).changes("web") for text in (strict, mild)]
    assert changes[0] != changes[1]


def test_the_tables_of_the_plan_are_written_when_it_changed(tmp_path: Path) -> None:
    plan = read_plan(write(tmp_path, order=GOOD))
    with connect() as connection:
        assert not write_plan(connection, Plan())
        assert connection.execute("from plan").fetchall() == [("", "")]
        assert write_plan(connection, plan)
        assert not write_plan(connection, plan)
        assert connection.execute("from plan").fetchall() == [(plan.content, plan.rules)]
        names = "from plan_names order by all"
        assert connection.execute(names).fetchall() == [
            ("Order Paid", "app", "Order Paid", False),
            ("Order Paid", "web", "Order Paid", False),
            ("order paid", "app", "Order Paid", True),
            ("order paid", "web", "Order Paid", True),
        ]
        types = "select property, is_required, types, has_enum, expected_value from plan_properties order by 1"
        assert connection.execute(types).fetchall() == [
            ("amount", True, "|number|", False, ">= 0"),
            ("code", False, "|string|", False, "matches ^[A-Z]+$, at least 2 characters, at most 5 characters"),
            ("plan", False, "|string|null|", True, 'one of "team", null'),
        ]  # fmt: skip
        values = connection.execute("select value from plan_values order by 1").fetchall()
        assert [json.loads(value) for (value,) in values] == ["team", None]
        assert write_plan(connection, Plan())
        assert connection.execute("select count(*) from plan_events").fetchone() == (0,)
