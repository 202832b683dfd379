"""The routing file: who is told, and what its mistakes are answered with."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.alerts.incidents import Incident, failed
from orchestration.alerts.routes import RoutingError, Rules, read_routing, rules_of, url_of
from orchestration.settings import PROJECT, Settings
from tests.orchestration.alerts.conftest import START, result

ROUTES = """
addresses: {a: 'json://a', b: 'json://b', c: 'json://c', boss: 'json://boss'}
routes:
  - {to: [a], severity: critical, escalate_to: [boss]}
  - {to: [b, a], owner: growth}
  - {to: [c], suite: batches, relation: raw.web, source: web}
"""


def incident(**fields: Any) -> Incident:
    return failed(None, result(**fields), "run", START, Rules())[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.yml"
    path.write_text(ROUTES)
    return path


@pytest.mark.parametrize(
    ("fields", "escalated", "names"),
    [
        ({"severity": "critical"}, False, ["a"]),
        ({"severity": "critical"}, True, ["a", "boss"]),
        ({"severity": "warning"}, True, []),
        ({"severity": "warning", "owner": "growth"}, False, ["b", "a"]),
        ({"severity": "critical", "owner": "growth"}, False, ["a", "b"]),
        ({"severity": "warning", "suite": "batches", "relation": "raw.web"}, False, ["c"]),
        ({"severity": "warning", "suite": "batches", "relation": "raw.shop"}, False, []),
    ],
)
def test_every_route_whose_conditions_are_all_met_tells_its_addresses_once(
    file: Path, fields: dict[str, str], escalated: bool, names: list[str]
) -> None:
    assert read_routing(file).to(incident(**fields), escalated=escalated) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("routes: [", "not valid YAML"),
        ("routes: [{to: [night]}]", "route 1: there is no address night: add it"),
        ("routes: [{severity: critical}]", "route 1: to: missing: add it"),
        ("routes: [{to: []}]", "route 1: to: "),
        ("addresses: {a: 'json://a'}\nroutes: [{to: [a], sevrity: x}]", "route 1: sevrity: unknown key"),
        ("addresses: {a: 'json://a'}\nroutes: [{to: [a], severity: bad}]", "'critical' or 'warning'"),
        ("addresses: {Night: 'json://a'}", "a name has lower-case letters"),
        ("addresses: {a: somewhere}", "address a: write a URL"),
        ("addresses: {a: 'mailto://me:secret@x.example'}", "address a: a password stands in the file"),
        ("escalate_after: 1", "escalate_after: "),
        ("[]", "dictionary"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_place_and_remedy(file: Path, text: str, words: str) -> None:
    file.write_text(text)
    with pytest.raises(RoutingError) as error:
        read_routing(file)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{file}: ")
    assert "secret" not in str(error.value)
    assert rules_of(file) == Rules()


def test_a_missing_file_is_an_error_and_an_empty_one_tells_nobody(file: Path) -> None:
    file.write_text("")
    assert read_routing(file).to(incident(), escalated=True) == []
    file.unlink()
    with pytest.raises(RoutingError, match="there is no such file"):
        read_routing(file)


def test_secrets_come_from_the_environment_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        "addresses: {whole: '${HOOK}', part: 'mailto://me:${MAIL_PASSWORD}@x.example', path: 'json://x/${TOKEN}?dedup={key}'}"
    )
    routing = read_routing(file)
    with pytest.raises(RoutingError) as error:
        url_of(file, routing, "part", "key")
    assert str(error.value) == (
        f"{file}: addresses: part: the variable MAIL_PASSWORD is not set: set it where runs start, or take the"
        " address out"
    )
    monkeypatch.setenv("MAIL_PASSWORD", "p@ss:w%rd")
    monkeypatch.setenv("HOOK", "json://x.example/?a=b&c=d")
    monkeypatch.setenv("TOKEN", "T0/B0/x y")
    assert url_of(file, routing, "part", "key") == "mailto://me:p%40ss%3Aw%25rd@x.example"
    assert url_of(file, routing, "whole", "key") == "json://x.example/?a=b&c=d"
    assert url_of(file, routing, "path", "key") == "json://x/T0/B0/x%20y?dedup=key"
    with pytest.raises(RoutingError, match="there is no other any more"):
        url_of(file, routing, "other", "key")


def test_the_file_as_shipped_tells_nobody_and_its_examples_are_right(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOOTPATH_ALERTS", raising=False)
    shipped = Settings.from_environment().alerts
    assert shipped == PROJECT / "expectations" / "alerts.yml"
    routing = read_routing(shipped)
    assert (routing.addresses, routing.routes, routing.escalate_after) == ({}, (), 3)
    examples = [
        line.removeprefix("# ")
        for line in shipped.read_text().splitlines()
        if line.startswith(("# addresses", "# routes", "#   "))
    ]
    file.write_text("\n".join(examples))
    assert set(read_routing(file).addresses) == {"team", "night", "growth", "log"}


def test_the_environment_names_another_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("FOOTPATH_ALERTS", str(file))
    assert Settings.from_environment().alerts == file
