"""`make explain EVENT=key` (or SESSION=, PERSON=, ROW=source/file:line): where a row came from, and why."""

import argparse
import json
import sys

from rich.console import Console

from orchestration.explain import (
    NotFoundError,
    TablesError,
    explain_event,
    explain_person,
    explain_row,
    explain_session,
    open_tables,
)
from orchestration.settings import Settings

EXPLAIN = {
    "event": explain_event,
    "session": explain_session,
    "person": explain_person,
    "row": explain_row,
}


def main(arguments: list[str] | None = None) -> int:
    """Print the explanation of one row. Returns 1 when it is not in the published tables."""
    parser = argparse.ArgumentParser(prog="orchestration.explain", description=__doc__)
    parser.add_argument("kind", choices=EXPLAIN)
    parser.add_argument(
        "name",
        help="event_key or event id; session_id; person_id, user or device id; source/file:line",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    options = parser.parse_args(arguments)
    console = Console(soft_wrap=True, markup=False, highlight=False)
    settings = Settings.from_environment()
    try:
        with open_tables(settings) as tables:
            answer = EXPLAIN[options.kind](tables, options.name)
    except (NotFoundError, TablesError) as error:
        console.print(f"error: {error}")
        return 1
    if options.json:
        console.print(json.dumps(answer.as_dict(), indent=1, default=str))
    else:
        console.print(answer.text())
        console.print(f"\nas published in {settings.published}; times are UTC")
    return 0


if __name__ == "__main__":
    sys.exit(main())
