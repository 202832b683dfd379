"""Groups, the groups of people and the history of traits follow from the rows, however these arrived."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

from tests.installation import call
from tests.warehouse import Home, differences

SOURCES = "sources: {web: {format: segment}, shop: {format: segment, identity_namespace: shop}}"
BOT = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}


def history(seed: int) -> list[str]:
    """Return calls of a few people who change their groups, their traits and their devices; some come twice."""
    rng = random.Random(seed)
    at = datetime(2026, 1, 30, 23, 0)
    lines = []
    for number in range(14):
        at += timedelta(seconds=rng.choice([0, 0, 1, 1800, 1801, 86400]))
        kind = rng.choice(["track", "page", "identify", "identify", "group", "group", "alias"])
        fields = {
            "messageId": f"{seed}-{number}",
            "type": kind,
            "event": "Project Created" if kind == "track" else None,
            "anonymousId": rng.choice([f"{seed}-d1", f"{seed}-d2", None]),
            "userId": rng.choice([f"{seed}-u1", f"{seed}-u2", None]),
            "previousId": rng.choice([f"{seed}-u1", f"{seed}-d1"]) if kind == "alias" else None,
            "groupId": rng.choice([f"{seed}-g1", f"{seed}-g2", "all", None]),
            "context": rng.choice(
                [{}, {}, BOT, {"groupId": f"{seed}-g2", "traits": {"plan": "x"}}]
            ),
        }
        if kind in ("identify", "group"):
            fields["traits"] = {"plan": rng.choice(["free", "pro", None]), "n": rng.randrange(3)}
        lines.append(call(number, at.isoformat() + "Z", **fields))
        if rng.random() < 0.3:  # the same event, said otherwise and received earlier or later
            again = {**fields, "groupId": f"{seed}-g1", "traits": {"plan": "said again"}}
            received = at + timedelta(seconds=rng.choice([-1, 1]))
            lines.append(
                json.dumps(
                    json.loads(call(number, at.isoformat() + "Z", **again))
                    | {"receivedAt": received.isoformat() + "Z"}
                )
            )
    return lines


def test_groups_and_traits_are_those_of_one_full_build_after_any_cut(tmp_path: Path) -> None:
    lines = [line for seed in range(60) for line in history(seed)]
    rng = random.Random(3)
    shuffled = rng.sample(lines, len(lines))
    cut = Home(tmp_path / "cut", SOURCES)
    cut.deliver("web", "a.jsonl", shuffled[0::3])
    cut.deliver("shop", "a.jsonl", lines[:100])
    cut.run()
    cut.deliver("web", "b.jsonl", shuffled[1::3])
    cut.deliver("web", "c.jsonl", shuffled[2::3])
    cut.run()
    cut.deliver("shop", "a.jsonl", lines[50:80])  # a version without most of the rows before
    cut.deliver("web", "a.jsonl", shuffled[0::3][:40])
    cut.run()

    once = Home(tmp_path / "once", SOURCES)
    once.deliver("web", "a.jsonl", shuffled[0::3][:40])
    once.deliver("web", "b.jsonl", shuffled[1::3])
    once.deliver("web", "c.jsonl", shuffled[2::3])
    once.deliver("shop", "a.jsonl", lines[50:80])
    once.run()
    for table in ("user_traits", "groups", "person_groups"):
        ((count,),) = once.query(f"select count(*) from {table}")
        assert count > 30, f"{table} has too few rows to tell"
    found = differences(cut, once, places=True)
    assert not found, found
