"""Runs queue on one lock; whoever dies lets go of it and leaves nothing that blocks the next."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import JOB, PROCESS_TAG
from tests.installation import Installation

WEB = "sources:\n  web: {format: segment}\n"
HOLD = """
import sys, time
from pathlib import Path
from orchestration.lock import run_lock
with run_lock(Path(sys.argv[1]), on_wait=lambda text: print(text, flush=True)):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(home: Installation) -> Iterator[subprocess.Popen[str]]:
    """Start a process that wants the lock, and holds it until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.settings.lock)],
        env=home.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready, "the process says nothing"
    return process.stdout.readline().strip()


def says_nothing(process: subprocess.Popen[str], seconds: float) -> bool:
    return not select.select([process.stdout], [], [], seconds)[0]


@pytest.fixture
def home(new_installation: Callable[[str], Installation]) -> Installation:
    return new_installation(WEB)


def test_a_second_holder_waits_says_for_whom_and_follows_when_the_first_lets_go(
    home: Installation,
) -> None:
    with holder(home) as first:
        assert line_of(first) == "held"
        with holder(home) as second:
            waiting = f"Another run is going on (process {first.pid}): waiting for it"
            assert line_of(second) == waiting
            assert says_nothing(second, 0.3)
            assert first.stdin is not None
            first.stdin.close()
            assert line_of(second) == "held"


def test_the_lock_of_a_killed_process_is_free(home: Installation) -> None:
    with holder(home) as first:
        assert line_of(first) == "held"
        first.send_signal(signal.SIGKILL)
        first.wait()
    with holder(home) as second:
        assert line_of(second) == "held"


def test_a_release_waits_for_the_run_that_holds_the_lock(copied: Installation) -> None:
    ((batch,),) = copied.raw("select batch_id from files where state = 'held'")
    with holder(copied) as run:
        assert line_of(run) == "held"
        release = subprocess.Popen(
            [sys.executable, "-u", "-m", "orchestration.release", batch],
            env=copied.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert (
                line_of(release) == f"Another run is going on (process {run.pid}): waiting for it"
            )
            assert says_nothing(release, 0.3)
            held = copied.raw("select batch_id from files where state = 'held'")
            assert held == [(batch,)]
            assert run.stdin is not None
            run.stdin.close()
            output, _ = release.communicate(timeout=60)
        finally:
            release.kill()
    assert release.returncode == 0
    assert f"Batch {batch} is released." in output
    assert copied.raw("select state from files where batch_id = " + f"'{batch}'") == [("admitted",)]


@pytest.mark.long
def test_two_runs_started_together_follow_each_other_and_both_end_with_0(
    copied: Installation,
) -> None:
    with holder(copied) as first:
        assert line_of(first) == "held"
        runs = [
            subprocess.Popen(
                [sys.executable, "-m", "orchestration.run"],
                env=copied.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        try:
            for run in runs:
                assert f"Another run is going on (process {first.pid}): waiting" in line_of(run)
            assert first.stdin is not None
            first.stdin.close()
            outputs = [run.communicate(timeout=540)[0] for run in runs]
        finally:
            for run in runs:
                run.kill()
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert all("readers open: " in output and "Traceback" not in output for output in outputs)
    with dg.DagsterInstance.from_config(str(copied.settings.dagster)) as instance:
        times = sorted(
            (record.start_time or 0, record.end_time or 0)
            for record in instance.get_run_records(limit=2)
        )
    assert times[0][0] < times[0][1] <= times[1][0], "the runs overlapped"


def test_the_next_run_marks_runs_whose_process_is_gone_as_failed(copied: Installation) -> None:
    with subprocess.Popen(["true"]) as process:
        gone = process.pid
    while Path(f"/proc/{gone}").exists():
        time.sleep(0.01)
    with dg.DagsterInstance.from_config(str(copied.settings.dagster)) as instance:
        for run_id, process_id in (("dead", gone), ("alive", os.getpid())):
            instance.run_storage.add_run(
                dg.DagsterRun(
                    job_name=JOB,
                    run_id=run_id,
                    status=dg.DagsterRunStatus.STARTED,
                    tags={PROCESS_TAG: str(process_id)},
                )
            )
    assert copied.job().code == 0
    with dg.DagsterInstance.from_config(str(copied.settings.dagster)) as instance:
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert states["dead"] == dg.DagsterRunStatus.FAILURE
    assert states["alive"] == dg.DagsterRunStatus.STARTED
