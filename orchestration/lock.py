"""A lock that makes runs queue and dies with its holder."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}


@contextmanager
def run_lock(
    path: Path,
    *,
    on_wait: Callable[[str], None] = lambda _: None,
    patience: float | None = None,
) -> Iterator[None]:
    """Hold the lock of `path`; wait while another process has it, for `patience` seconds or as long as it takes.

    The operating system frees it when its holder ends, however it ends: no stale lock can remain. Within one
    process it may be taken again while it is held. Raises `TimeoutError` when patience ends.
    """
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            on_wait(
                f"Another run is going on (process {handle.read().strip() or '?'}): waiting for it"
            )
            _wait(handle, patience)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        _held[path] = handle
        try:
            yield
        finally:
            del _held[path]
            fcntl.flock(handle, fcntl.LOCK_UN)


def _wait(handle: IO[str], patience: float | None) -> None:
    if patience is None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{handle.name} is still locked") from error
            time.sleep(0.1)
