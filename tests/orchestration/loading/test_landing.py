"""What a scan finds in the landing folder."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.loading import scan
from orchestration.sources import parse_sources


def test_files_are_found_at_any_depth_in_order(project: Any) -> None:
    for name in [
        "b.json",
        "a/2.jsonl.gz",
        "a/1.ndjson.zst",
        "a.log",
        "1700000000.1.abc.gz",
        "A.JSON",
    ]:
        project.write(f"web/{name}", "")
    found = scan(project.landing, project.sources)
    assert [file.name for file in found.files["web"]] == [
        "1700000000.1.abc.gz", "A.JSON", "a.log", "a/1.ndjson.zst", "a/2.jsonl.gz", "b.json",
    ]  # fmt: skip
    assert found.files["web"][3].path == project.landing / "web/a/1.ndjson.zst"
    assert found.ignored == []


def test_what_no_source_takes_is_told(project: Any) -> None:
    for name in [
        "web/x.csv", "web/x.json.tmp", "web/.x.json", "web/.hidden/x.json", "web/x.json.part",
        "web/x.csv.gz", "web/x.tar.gz", "web/.gitkeep", "shop/x.csv", "other/x.json", "loose.json",
    ]:  # fmt: skip
        project.write(name, "")
    (project.landing / "lake").mkdir()
    found = scan(project.landing, project.sources)
    assert [ignored.name for ignored in found.ignored] == [
        "web/.hidden/x.json", "web/.x.json", "web/x.csv", "web/x.csv.gz", "web/x.json.part",
        "web/x.json.tmp", "web/x.tar.gz",
    ]  # fmt: skip
    assert found.unclaimed == ["loose.json", "other/"]
    assert found.missing == ["app"]
    assert found.empty == ["web", "lake"]
    messages = found.messages()
    assert len(messages) == 12
    assert any("source 'app' has no folder" in message for message in messages)
    assert any("no source claims the folder" in message for message in messages)
    assert any("x.csv is not read: a segment source reads .json" in message for message in messages)
    assert any("x.json.part is not read: its ending says" in message for message in messages)


def test_a_missing_landing_folder_is_told(tmp_path: Path) -> None:
    sources = parse_sources("sources:\n  web: {format: segment}\n", Path("sources.yml"))
    found = scan(tmp_path / "nowhere", sources)
    assert found.files == {"web": []}
    assert found.messages() == [f"{tmp_path / 'nowhere'} does not exist: there is nothing to load"]


def test_links_to_folders_are_followed_once(project: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.json").write_text("")
    (elsewhere / "round").symlink_to(elsewhere)
    (project.landing / "web").symlink_to(elsewhere)
    assert [file.name for file in scan(project.landing, project.sources).files["web"]] == ["x.json"]


def test_a_name_that_is_not_utf8_is_told(project: Any) -> None:
    project.write("web/x.json", "")
    try:
        (project.landing / "web" / "\udcff.json").write_text("")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    found = scan(project.landing, project.sources)
    assert [file.name for file in found.files["web"]] == ["x.json"]
    assert [ignored.name for ignored in found.ignored] == ["web/\\xff.json"]
    "".join(found.messages()).encode()
