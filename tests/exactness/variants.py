"""The settings under which the law is tested: one line each."""

from collections.abc import Mapping
from typing import Any

#: `make test` asks under the defaults, `make test-long` under all of them.
VARIANTS: Mapping[str, Mapping[str, Any] | None] = {
    "default": None,
    "last_user-and-cuts": {
        "identity_strategy": "last_user",
        "max_session_length": 3600,
        "split_at_midnight": True,
        "split_on_campaign": True,
        "reporting_timezone": "America/New_York",
    },
    "graph": {"identity_strategy": "graph", "max_identifiers_per_person": 4},
    "graph-without-limit": {"identity_strategy": "graph", "split_at_midnight": True},
    "client": {"session_strategy": "client"},
    "client-and-last_user": {"session_strategy": "client", "identity_strategy": "last_user"},
    "length": {"max_session_length": 1800, "session_timeout": 900},
    "campaign": {"split_on_campaign": True, "week_start": "sunday"},
    "bots": {"include_bots": True, "split_at_midnight": True, "reporting_timezone": "Asia/Tokyo"},
}
