"""What pydantic finds wrong in a file that people write, in their words: the place and the remedy."""

import difflib
from collections.abc import Callable, Iterable, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

#: Where a problem is: keys, and numbers in lists.
Place = tuple[int | str, ...]


def problems(
    error: ValidationError,
    words: Callable[[Place], Iterable[str]] = lambda place: map(str, place),
    known: Callable[[Place], Sequence[str]] = lambda place: (),
) -> list[str]:
    """Return a line for each problem of a file: where it is, and what to do.

    `words` says a place in words; `known` returns the keys that there are where an unknown one stands.
    """
    return [
        ": ".join([*words(one["loc"]), _remedy(one, known(one["loc"]))]) for one in error.errors()
    ]


def _remedy(problem: ErrorDetails, known: Sequence[str]) -> str:
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        names = f"; the keys are {', '.join(known)}" if known and not near else ""
        return f"unknown key: remove it or correct its spelling{hint}{names}"
    if problem["type"] == "missing":
        return "missing: add it"
    if problem["type"] == "literal_error":
        return f"write {problem['ctx']['expected']}"
    if problem["type"] == "string_pattern_mismatch":
        return "a name has lower-case letters, digits and _"
    return problem["msg"].removeprefix("Value error, ")
