"""dbt's own tests, which stand in the yml beside each model, on the built sample."""

from tests.conftest import Built


def run(built: Built, kind: str) -> int:
    built.installation.settings.prepare()
    return len(built.installation.dbt.test(f"test_type:{kind}"))


def test_every_data_test_passes_on_the_sample(built: Built) -> None:
    assert run(built, "data") > 100


def test_every_unit_test_passes(built: Built) -> None:
    assert run(built, "unit") > 30
