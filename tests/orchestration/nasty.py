"""Small nasty histories: Segment calls of a few devices and users in which everything that can go wrong does.

A history lives in a namespace of its own (a prefix of its ids), so that many share one run. For erasing, which needs
few of them and none that shrinks.
"""

import json
import random
from datetime import datetime, timedelta

START = datetime(2026, 1, 30, 23, 0)
TIMEOUT = 1800
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36"
)
#: Steps between events, in seconds: ties, the exact timeout, one second over it, midnight and months.
GAPS = (0, 0, 1, 60, TIMEOUT - 1, TIMEOUT, TIMEOUT, TIMEOUT + 1, 3600, 86400, 40 * 86400)


def history(seed: int, events: int = 25) -> list[str]:
    """Return the lines of one history, in no order that matters."""
    rng = random.Random(seed)
    space = f"h{seed}"
    devices = [f"{space}-d{number}" for number in range(3)]
    users = [f"{space}-u{number}" for number in range(3)]
    at = START
    lines: list[str] = []
    for number in range(events):
        at += timedelta(seconds=rng.choice(GAPS))
        call = _call(rng, space, number, at, devices, users)
        lines.append(json.dumps(call))
        if rng.random() < 0.15:
            lines.append(json.dumps(_replay(rng, call, devices, users)))
        if rng.random() < 0.05:
            lines.append(json.dumps(call))
    return lines


def _call(
    rng: random.Random, space: str, number: int, at: datetime, devices: list[str], users: list[str]
) -> dict[str, object]:
    kind = rng.choices(
        ["page", "track", "identify", "alias", "screen", "nobody", "broken"], [8, 8, 4, 2, 1, 1, 1]
    )[0]
    call: dict[str, object] = {
        "type": kind if kind in ("page", "track", "identify", "alias", "screen") else "track",
        "anonymousId": rng.choice(devices) if rng.random() < 0.9 else None,
        "userId": rng.choice(users)
        if kind in ("identify", "alias") or rng.random() < 0.25
        else None,
        "timestamp": _text(at),
        "receivedAt": _text(at + timedelta(seconds=rng.choice([0, 1, 3600])))
        if rng.random() < 0.8
        else None,
        "context": {"userAgent": BOT if rng.random() < 0.06 else BROWSER},
    }
    if rng.random() < 0.9:
        call["messageId"] = f"{space}-m{number}"
    if kind == "page":
        call["context"] = {
            "userAgent": BROWSER,
            "page": {
                "url": f"https://x.example/{rng.randrange(3)}?utm_source={rng.choice(['google', 'news'])}"
                f"&utm_medium={rng.choice(['cpc', 'email'])}",
                "referrer": rng.choice(["", "https://www.google.de/", "https://x.example/0"]),
            },
        }
    if kind in ("track", "nobody", "broken"):
        call["event"] = rng.choice(["Signed Up", "Checkout Started", "Payment Details Entered"])
    if kind == "identify":
        call["traits"] = {"plan": rng.choice(["free", "pro"]), f"k{rng.randrange(2)}": number}
    if kind == "alias":
        call["previousId"] = rng.choice([*users, *devices, f"{space}-d9"])
    if kind == "nobody":
        call["anonymousId"] = call["userId"] = None
    if kind == "broken":
        call.update(
            rng.choice(
                [{"timestamp": "soon"}, {"event": None}, {"timestamp": "2031-01-01T00:00:00Z"}]
            )
        )
    if rng.random() < 0.1:  # a clock that is hours off
        call["originalTimestamp"] = call["timestamp"]
        call["sentAt"] = _text(at + timedelta(hours=rng.choice([-3, 2]), seconds=5))
    return call


def _replay(
    rng: random.Random, call: dict[str, object], devices: list[str], users: list[str]
) -> dict[str, object]:
    """Send a call again with the same id, but from another device, as another user or at another time."""
    again = dict(call)
    again[rng.choice(["anonymousId", "userId"])] = rng.choice([*devices, *users, None])
    if rng.random() < 0.5:
        again["timestamp"] = _text(START + timedelta(seconds=rng.choice(GAPS)))
    if rng.random() < 0.5:
        again["receivedAt"] = _text(START + timedelta(days=50, seconds=rng.randrange(9)))
    return again


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"
