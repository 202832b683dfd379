"""Each file once; new content replaces old; the states of batches."""

import os
from pathlib import Path
from typing import Any

import pytest

from orchestration.loading import BatchError, admit, hold, reading, release, salvage
from orchestration.loading import load as load_module

A, B = (f'{{"messageId":"{letter}"}}\n' for letter in "ab")


def ids(project: Any) -> list[str]:
    return [value for (value,) in project.rows('select "messageId" from rows_web order by all')]


def visible(project: Any) -> list[str]:
    return [value for (value,) in project.rows('select "messageId" from segment order by all')]


def deliver(project: Any, content: str, name: str = "x.json") -> Any:
    project.write(f"web/{name}", content)
    (file,) = [file for file in project.load("web").files if file.file == name]
    return file


def test_a_file_is_loaded_once_with_its_manifest_entry(project: Any) -> None:
    first = deliver(project, A + "{\n", "2024/x.json")
    assert (first.outcome, first.rows, first.unreadable_rows) == ("new", 1, 1)
    again = project.load("web").files[0]
    assert (again.outcome, again.batch_id, again.rows) == ("unchanged", first.batch_id, 0)
    assert project.rows(
        "select source, file, length(sha256), batch_id, loaded_at::varchar, state, held_reason,"
        " raw_rows, unreadable_rows, size_bytes from files"
    ) == [
        ("web", "2024/x.json", 64, first.batch_id, "2024-01-01 00:00:01", "pending", None, 2, 1, 20)
    ]
    assert project.rows("select source, batch_id, file from unreadable") == [
        ("web", first.batch_id, "2024/x.json")
    ]


def test_the_batch_id_is_the_same_everywhere(project: Any) -> None:
    import hashlib

    sha256 = hashlib.sha256(A.encode()).hexdigest()
    text = f"web\x1fx.json\x1f{sha256}"
    assert deliver(project, A).batch_id == hashlib.md5(text.encode()).hexdigest()[:16]


def test_a_file_that_was_not_touched_is_not_even_hashed(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(project, A)

    def fail(*_: object) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr(salvage, "fingerprint", fail)
    assert project.load("web").files[0].outcome == "unchanged"
    os.utime(project.landing / "web/x.json", ns=(1, 1))
    with pytest.raises(AssertionError, match="hashed"):
        project.load("web")


def test_the_same_content_with_a_new_time_is_hashed_once(project: Any) -> None:
    deliver(project, A)
    os.utime(project.landing / "web/x.json", ns=(1, 1))
    assert project.load("web").files[0].outcome == "unchanged"
    assert project.rows("select mtime_ns from files") == [(1,)]
    assert ids(project) == ["a"]


def test_new_content_waits_beside_the_admitted_one_until_it_is_admitted(project: Any) -> None:
    first = deliver(project, A + "{\n")
    admit(project.connection, [first.batch_id])
    second = deliver(project, B)
    assert second.outcome == "replaced"
    assert project.states() == {first.batch_id: "admitted", second.batch_id: "pending"}
    assert ids(project) == ["a", "b"]
    admit(project.connection, [second.batch_id])
    assert project.states() == {first.batch_id: "replaced", second.batch_id: "admitted"}
    assert ids(project) == visible(project) == ["b"]
    assert project.unreadable() == []


def test_a_held_batch_is_not_visible_and_the_admitted_one_stays(project: Any) -> None:
    first = deliver(project, A)
    admit(project.connection, [first.batch_id])
    second = deliver(project, B)
    hold(project.connection, {second.batch_id: "too few rows"})
    assert visible(project) == ["a"]
    assert project.rows("select held_reason from files where state = 'held'") == [("too few rows",)]
    assert project.load("web").files[0].outcome == "unchanged"
    release(project.connection, second.batch_id)
    assert visible(project) == ids(project) == ["b"]
    assert project.rows(
        "select state, held_reason from files where batch_id = ?", second.batch_id
    ) == [("admitted", None)]


@pytest.mark.parametrize("held", [True, False])
def test_a_newer_delivery_overtakes_one_that_waits(project: Any, held: bool) -> None:
    first = deliver(project, A + "{\n")
    if held:
        hold(project.connection, {first.batch_id: "bad"})
    second = deliver(project, B)
    assert project.states() == {first.batch_id: "replaced", second.batch_id: "pending"}
    assert ids(project) == ["b"]
    assert project.unreadable() == []
    with pytest.raises(BatchError, match="is replaced, not held"):
        release(project.connection, first.batch_id)


def test_a_file_that_goes_back_to_replaced_content_is_loaded_again(project: Any) -> None:
    first = deliver(project, A)
    admit(project.connection, [first.batch_id])
    admit(project.connection, [deliver(project, B).batch_id])
    third = deliver(project, A)
    assert (third.outcome, third.batch_id, third.rows) == ("replaced", first.batch_id, 1)
    assert ids(project) == ["a", "b"]
    assert project.rows(
        "select state, loaded_at::varchar from files where batch_id = ?", first.batch_id
    ) == [("pending", "2024-01-01 00:00:01")]
    admit(project.connection, [third.batch_id])
    assert ids(project) == ["a"]
    assert project.load("web").files[0].outcome == "unchanged"


@pytest.mark.parametrize("held", [True, False])
def test_going_back_to_the_admitted_content_drops_the_version_that_waits(
    project: Any, held: bool
) -> None:
    first = deliver(project, A)
    admit(project.connection, [first.batch_id])
    second = deliver(project, B)
    if held:
        hold(project.connection, {second.batch_id: "bad"})
    third = deliver(project, A)
    assert (third.outcome, third.batch_id) == ("unchanged", first.batch_id)
    assert project.states() == {first.batch_id: "admitted", second.batch_id: "replaced"}
    assert ids(project) == ["a"]
    # The dropped content is new again when it comes back, though it came before.
    fourth = deliver(project, B)
    assert (fourth.outcome, fourth.batch_id) == ("replaced", second.batch_id)
    assert project.states()[second.batch_id] == "pending"


def test_equal_content_under_two_names_is_two_batches(project: Any) -> None:
    assert deliver(project, A, "x.json").batch_id != deliver(project, A, "y.json").batch_id
    admit(project.connection, list(project.states()))
    assert visible(project) == ["a", "a"]


def test_an_unknown_batch_is_refused_with_what_is_held(project: Any) -> None:
    held = deliver(project, A)
    hold(project.connection, {held.batch_id: "bad"})
    with pytest.raises(
        BatchError, match=rf"no batch 'nope'; held batches: {held.batch_id} \(web/x"
    ):
        release(project.connection, "nope")
    with pytest.raises(BatchError, match="no batch"):
        admit(project.connection, [held.batch_id, "nope"])
    assert project.states() == {held.batch_id: "held"}


def test_an_admitted_batch_cannot_be_held_or_released(project: Any) -> None:
    batch = deliver(project, A).batch_id
    admit(project.connection, [batch])
    with pytest.raises(BatchError, match="is admitted, not pending or held"):
        hold(project.connection, {batch: "late"})
    with pytest.raises(BatchError, match="is admitted, not held"):
        release(project.connection, batch)
    admit(project.connection, [batch])
    assert project.states() == {batch: "admitted"}


def test_a_file_that_changes_while_it_is_read_is_left_for_next_time(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path: Path = project.write("web/x.json", A)
    read = reading.read_file

    def read_while_it_grows(*arguments: Any, **options: Any) -> Any:
        result = read(*arguments, **options)
        path.write_text(A + B)
        return result

    monkeypatch.setattr(load_module, "read_file", read_while_it_grows)
    (file,) = project.load("web").files
    assert (file.outcome, file.batch_id) == ("skipped", None)
    assert ids(project) == []
    monkeypatch.undo()
    assert project.load("web").files[0].rows == 2


def test_a_file_that_is_gone_since_the_scan_does_not_stop_the_others(project: Any) -> None:
    from orchestration.loading import load_source, scan

    path = project.write("web/x.json", A)
    project.write("web/y.json", B)
    files = scan(project.landing, project.sources).files["web"]
    path.unlink()
    seen: list[tuple[str, int, int]] = []
    result = load_source(
        project.connection,
        project.sources["web"],
        files,
        progress=lambda file, number, total: seen.append((file.file, number, total)),
    )
    assert [file.outcome for file in result.files] == ["skipped", "new"]
    assert seen == [("x.json", 1, 2), ("y.json", 2, 2)]


def test_a_failure_inside_a_file_leaves_nothing_of_it(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(project, A, "a.json")
    project.write("web/b.json", B + "{\n")

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(load_module._Loader, "_enter", fail)
    with pytest.raises(RuntimeError, match="killed"):
        project.load("web")
    monkeypatch.undo()
    assert ids(project) == ["a"]
    assert project.unreadable() == []
    assert project.load("web").rows == 1
    assert ids(project) == ["a", "b"]
