"""Four real dumps through the whole job, against what is known about them.

The dumps are no part of the repository: `FOOTPATH_SHARED` names the folder that has them in `data/`.
"""

import os
from pathlib import Path

import pytest

from orchestration.database import connect
from orchestration.settings import PROJECT
from tests.analyses.sums import disagreements
from tests.installation import Installation, Outcome

SOURCES = """
sources:
  sparkify:
    format: jsonl
    event_id: "file_name || ':' || line_number"   # the dump has none
    event_name: page
    event_at: ts
    event_order: itemInSession
    user_id: userId
    session_id: sessionId
    user_agent: userAgent
    properties: [artist, song, length, level, status]
  online_retail:
    format: csv
    identity_namespace: shop                      # its numbers are also those of GitHub users
    event_id: "file_name || ':' || line_number"   # equal lines of one invoice are real
    event_name: "case when InvoiceNo like 'C%' then 'cancel' else 'purchase' end"
    event_at: InvoiceDate
    event_order: line_number
    user_id: "cast(cast(CustomerID as double) as bigint)"   # written as 17850.0
    properties: [InvoiceNo, StockCode, Description, Quantity, UnitPrice, Country]
  gharchive:
    format: jsonl
    identity_namespace: github
    event_id: id
    event_name: type
    event_at: created_at
    user_id: actor.id
    group_id: org.id
    properties: [repo.name, payload.action]
  wikiticker:
    format: jsonl
    identity_namespace: wikipedia
    event_id: "file_name || ':' || line_number"
    event_name: "case when isNew = true then 'create' else 'edit' end"
    event_at: time
    user_id: user
    is_bot: isRobot
    page_title: page
    properties: [channel, namespace, delta]
"""
NAMES = ("gharchive", "online_retail", "sparkify", "wikiticker")


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Outcome]:
    """All four dumps, modelled together in one run."""
    folder = Path(os.environ.get("FOOTPATH_SHARED", PROJECT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real dumps are not at {folder} (FOOTPATH_SHARED names their folder)")
    home = Installation(tmp_path_factory.mktemp("dumps"), SOURCES)
    for name in NAMES:
        (home.settings.landing / name).symlink_to(folder / name)
    return home, home.job()


def test_no_gate_holds_a_real_batch(dumps: tuple[Installation, Outcome]) -> None:
    home, outcome = dumps
    assert outcome.code == 0, outcome.output
    failed = home.read("select check_name from check_results where not success")
    assert failed == [("somebody_is_there",)], "the shop's rows without a customer: a warning"


def test_the_rows_of_every_file_are_accounted_for(dumps: tuple[Installation, Outcome]) -> None:
    home, _ = dumps
    files = home.read(
        "select source, raw_rows, event_rows + duplicate_rows + quarantined_rows from load_files"
    )
    assert all(raw == found for _, raw, found in files)
    assert home.read(
        "select source, count(*), sum(raw_rows), sum(event_rows), sum(duplicate_rows),"
        " sum(quarantined_rows) from load_files group by source order by source"
    ) == [
        ("gharchive", 2, 15129, 15129, 0, 0),
        ("online_retail", 305, 541909, 541909, 0, 0),
        ("sparkify", 30, 8056, 8056, 0, 0),
        ("wikiticker", 1, 39244, 39244, 0, 0),
    ]


def test_people_are_counted_as_they_are_known(dumps: tuple[Installation, Outcome]) -> None:
    home, _ = dumps
    assert home.read(
        "select source, count(distinct person_id), count(*) - count(person_id)"
        " from events group by source order by source"
    ) == [
        ("gharchive", 6208, 0),
        ("online_retail", 4372, 135080),
        ("sparkify", 97, 286),
        ("wikiticker", 10531, 0),
    ]
    bots = (
        "select count(distinct person_id) from events where is_bot and person_id not in"
        " (select person_id from events where not is_bot and person_id is not null)"
    )
    assert home.read("select count(*) from users") == [
        (6208 + 4372 + 97 + 10531 - home.read(bots)[0][0],)
    ]
    assert home.read(bots)[0][0] > 100


def test_customers_and_github_users_of_one_number_are_different_people(
    dumps: tuple[Installation, Outcome],
) -> None:
    home, _ = dumps
    assert home.read(
        """
        select count(distinct user_id), count(distinct person_id)
        from events
        where source in ('gharchive', 'online_retail') and user_id in (
            select user_id from events where source = 'gharchive'
            intersect
            select user_id from events where source = 'online_retail'
        )
        """
    ) == [(18, 36)]


def test_sessions_of_known_people_split_over_half_an_hour(
    dumps: tuple[Installation, Outcome],
) -> None:
    home, _ = dumps
    assert home.read(
        "select source, count(*) from sessions where source in ('sparkify', 'online_retail')"
        " group by source order by source"
    ) == [("online_retail", 19969), ("sparkify", 911)]
    assert home.read(
        "select count(*) from events where person_id is null and session_id is not null"
    ) == [(0,)]


def test_cancellations_and_invoices_keep_their_words(dumps: tuple[Installation, Outcome]) -> None:
    home, _ = dumps
    assert home.read(
        "select count(distinct properties ->> 'InvoiceNo') from events where source = 'online_retail'"
    ) == [(25900,)]
    assert home.read(
        "select count(distinct event_name) from events where source = 'gharchive'"
    ) == [(14,)]
    assert home.read(
        "select distinct left(properties ->> 'InvoiceNo', 1) from events where event_name = 'cancel'"
    ) == [("C",)]


def test_the_sums_of_the_analyses_agree(dumps: tuple[Installation, Outcome]) -> None:
    home, _ = dumps
    with connect(home.settings.published, read_only=True) as connection:
        assert disagreements(connection) == {}
