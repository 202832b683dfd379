"""A lock that makes runs queue and dies with its holder."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}


@contextmanager
def run_lock(path: Path, *, on_wait: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock of `path`; wait while another process has it.

    The operating system frees it when its holder ends, however it ends: no stale lock can remain. Within one
    process it may be taken again while it is held.
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
            fcntl.flock(handle, fcntl.LOCK_EX)
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
