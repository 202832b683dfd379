"""Seeded choices.

Every stream of random numbers has a name, so that streams do not disturb each other: one more draw
in one person's life changes nobody else's.
"""

import random
import uuid
from collections.abc import Iterable
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


def stream(seed: int, *name: object) -> random.Random:
    """Return the random stream of that name; the same for every process and date."""
    # Not for secrets; a text seed is hashed with SHA-512, so PYTHONHASHSEED plays no part.
    return random.Random("/".join(map(str, (seed, *name))))  # noqa: S311


class Weighted(Generic[T]):
    """Items with weights, to pick from."""

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        items, weights = zip(*pairs, strict=True)
        self.items: list[T] = list(items)
        self._cumulative = list(accumulate(weights))

    def pick(self, rng: random.Random) -> T:
        """Return one item, by its weight."""
        return rng.choices(self.items, cum_weights=self._cumulative)[0]


def new_uuid(rng: random.Random) -> str:
    """Return a random UUID (version 4) in lower case."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def token(rng: random.Random, length: int) -> str:
    """Return lower-case hexadecimal characters."""
    return f"{rng.getrandbits(4 * length):0{length}x}"
