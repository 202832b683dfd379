"""`make refresh` and `make rebuild` as commands: the request, the run that fulfils it, and wrong requests."""

from collections.abc import Callable

import pytest

from orchestration import rebuild
from orchestration.database import connect
from tests.installation import Installation, call

SOURCES = "sources:\n  web: {format: segment}\n"


@pytest.mark.long
def test_models_and_days_are_built_again_and_published_although_nothing_is_new(
    new_installation: Callable[[str], Installation],
    capfd: pytest.CaptureFixture[str],
) -> None:
    home = new_installation(SOURCES)
    home.settings.prepare()
    assert rebuild.main(["days", "--from", "2026-01-05", "--to", "2026-01-05"]) == 1
    assert "error: nothing is built yet: `make run`" in capfd.readouterr().out
    home.deliver("web", "a.jsonl", [call(n, f"2026-01-05T10:0{n}:00Z") for n in range(9)])
    assert home.job().code == 0
    good = {name: home.read(f"from {name} order by all") for name in ("sessions", "user_days")}
    with connect(home.settings.warehouse) as connection:
        connection.execute("update sessions set channel = 'Wrong'")
        connection.execute("update user_days set event_count = 99")

    assert rebuild.main(["model", "sessions,retention_weekly"]) == 0
    output = capfd.readouterr().out
    assert (
        "sessions is built in full, and what follows from it; retention_weekly is built anew"
        in output
    )
    assert "built in full: " in output
    assert {name: home.read(f"from {name} order by all") for name in good} == good

    with connect(home.settings.warehouse) as connection:
        connection.execute("delete from main_internal.event_rows where event_id <> 'm4'")
        connection.execute("delete from user_days")
    assert rebuild.main(["days", "--from", "2026-01-05", "--to", "2026-01-05"]) == 0
    output = capfd.readouterr().out
    assert "Events from 2026-01-05 to 2026-01-05 (UTC): 1 batches are taken in again" in output
    assert "built in full: " not in output
    assert {name: home.read(f"from {name} order by all") for name in good} == good

    for arguments, error in (
        (["model"], "error: which model? `make refresh MODEL=name`. Models: "),
        (["model", "sesions"], "error: there is no model 'sesions'. Kept from run to run, "),
        (["model", "touched_rows"], "error: there is no model 'touched_rows'. "),
        (["days", "--from", "yesterday"], "error: FROM is 'yesterday', not a day: "),
        (["days", "--from", "2026-01-05"], "error: TO is '', not a day: "),
    ):
        assert rebuild.main(arguments) == 1
        assert error in capfd.readouterr().out
    assert home.read("select count(*) from sessions") == [(1,)]
