"""The settings under which the law is tested: one line each."""

from collections.abc import Mapping
from typing import Any

#: Under these, `make test` asks too.
CHEAP: Mapping[str, Mapping[str, Any] | None] = {
    "default": None,
    "other": {"reporting_timezone": "America/New_York", "session_timeout": 900},
}
#: `make test-long` asks under all of them.
VARIANTS: Mapping[str, Mapping[str, Any] | None] = {
    **CHEAP,
    "bots": {"include_bots": True, "week_start": "sunday"},
}
