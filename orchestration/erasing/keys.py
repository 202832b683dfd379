"""The secret that turns identifiers into the hashes that are remembered of erased people."""

import hmac
import os
from collections.abc import Iterable

import duckdb

VARIABLE = "FOOTPATH_ERASURE_KEY"
#: Fewer characters could be guessed.
SHORTEST = 16


class ErasureKeyError(RuntimeError):
    """The key is missing, too short, or not the one that the erasures were made with."""


class ErasureKey:
    """HMAC-SHA-256 with the secret of the environment. The secret is kept nowhere."""

    def __init__(self, secret: str) -> None:
        if len(secret) < SHORTEST:
            raise ErasureKeyError(
                f"{VARIABLE} is shorter than {SHORTEST} characters: make one with `openssl rand -hex 32`"
            )
        self._secret = secret.encode()

    @classmethod
    def from_environment(cls) -> "ErasureKey":
        """Read the secret. Raises `ErasureKeyError` when there is none."""
        secret = os.environ.get(VARIABLE, "")
        if not secret:
            raise ErasureKeyError(
                f"{VARIABLE} is not set: it is the secret with which erased people are remembered"
            )
        return cls(secret)

    def hash(self, kind: str, value: object) -> str:
        """Return the hash of one value; the same value of another kind has another hash."""
        return hmac.digest(self._secret, f"{kind}\x1f{value}".encode(), "sha256").hex()

    def hashes(self, kind: str, values: Iterable[object]) -> list[str]:
        """Return the hashes of values, in their order."""
        return [self.hash(kind, value) for value in values]

    @property
    def check(self) -> str:
        """What tells this key from another, without telling the key."""
        return self.hash("check", "footpath")


def key_in_use(connection: duckdb.DuckDBPyConnection, schema: str = "main") -> ErasureKey | None:
    """Return the key that the remembered erasures need; None when nobody was erased.

    `connection` sees the tables of raw.duckdb in `schema`. Raises `ErasureKeyError` when the key is missing or
    another one: without it, rows of erased people could not be told from others.
    """
    checks = {
        check
        for (check,) in connection.execute(
            f"select distinct key_check from {schema}.erasure_requests"
        ).fetchall()
    }
    if not checks:
        return None
    try:
        key = ErasureKey.from_environment()
    except ErasureKeyError as error:
        raise ErasureKeyError(
            f"people were erased here, and {error}. Without it their rows could come back: nothing was done"
        ) from None
    if checks != {key.check}:
        raise ErasureKeyError(
            f"{VARIABLE} is not the key that people were erased with here. With another one their rows could come"
            " back: nothing was done. Set the key of the first erasure"
        )
    return key
