"""Measuring: wall seconds, CPU seconds of all threads, and the peak of the process's memory."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent


class Clock:
    """Named spans of wall and CPU seconds. CPU seconds are what to compare on a machine that others use."""

    def __init__(self) -> None:
        self.spans: dict[str, dict[str, float]] = {}

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Add the time of a block to a span."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            span = self.spans.setdefault(name, {"wall": 0.0, "cpu": 0.0})
            span["wall"] = round(span["wall"] + time.perf_counter() - wall, 3)
            span["cpu"] = round(span["cpu"] + cpu_seconds() - cpu, 3)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process so far, user and system, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_memory() -> int:
    """Return the greatest memory this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_process_of_its_own(
    module: str, *arguments: str, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run `python -m module arguments`; return the JSON object on the last line of its output.

    A process of its own for each measurement: memory that one took must not count for the next.
    """
    import os

    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed:\n{done.stdout}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
