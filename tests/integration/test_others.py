"""What other programs use of the machine during a replay is distinguished from its own use, and makes it invalid past a
bound."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.lab import experiment
from resources.lab.bench import Bench
from resources.lab.experiment import Replayed
from tests.replaying import lunch, warm_bench
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule
from workloads.scenarios import scenarios

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows what ended processes used"),
]

STEADY = scenarios()["steady"]
_BUSY = "import time\nwhile time.process_time() < 20: pass"


@contextmanager
def somebody_else() -> Iterator[None]:
    """A program that keeps a core busy and is not a child of this process: its parent is gone. It ends by itself."""
    started = subprocess.run(
        ["/bin/sh", "-c", '"$@" >/dev/null 2>&1 & echo $!', "sh", sys.executable, "-c", _BUSY],
        capture_output=True,
        check=True,
        text=True,
    )
    try:
        yield
    finally:
        os.kill(int(started.stdout), signal.SIGKILL)


def replayed(bench: Bench, offered: Schedule, at_most: float) -> Replayed:
    return experiment.run(bench, offered, STEADY, client=KeepAliveClient(), repetition=1, others_at_most=at_most)


def test_a_replay_beside_a_busy_program_is_invalid_and_its_own_emulator_does_not_count(tmp_path: Path) -> None:
    offered = lunch(tmp_path, 60, 2.0, STEADY)
    with warm_bench("synchronous", STEADY, offered, tmp_path) as bench:
        with somebody_else():
            spoilt = replayed(bench, offered, at_most=0.05).facts
        # Other tests may be running and count as other programs, but this process must not be among them.
        tolerant = replayed(bench, offered, at_most=1.0).facts
    assert "other programs used" in spoilt["invalid_reason"]
    assert 0.05 < spoilt["others_cpu_share"] <= 1
    assert "programs" not in (tolerant["invalid_reason"] or "")
    assert 0 < tolerant["target_cpu_share"] + tolerant["others_cpu_share"] < 1.1
