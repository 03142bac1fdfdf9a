"""The load generator against the real thing: at 200 requests a second it loses nothing."""

from pathlib import Path

import numpy as np
import pytest

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.lab import experiment
from resources.lab.bench import Bench
from tests.platforms import platform
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

RATE, SECONDS = 200, 4


def test_at_200_requests_a_second_every_request_is_sent_and_answered(tmp_path: Path) -> None:
    count = RATE * SECONDS
    numbers = [str(number) for number in range(count)]
    offered = Schedule(
        request_ids=numbers,
        operations=["command"] * count,
        entities=numbers,
        order_ids=numbers,
        payload_bytes=[300] * count,
        due_us=(np.arange(count) * 1_000_000 // RATE).astype(np.int64),
        seed=1,
    )
    bench = Bench(architectures()["event_driven"], StackSettings(), platform(tmp_path), tmp_path)
    try:
        bench.ready().warm_up()
        client = KeepAliveClient()
        replayed = experiment.run(bench, offered, scenarios()["steady"], client=client, repetition=1)
    finally:
        bench.close()
    sent = replayed.tables["sent"]
    assert set(sent.column("fate").to_pylist()) == {"responded"}
    assert set(sent.column("status").to_pylist()) == {202}
    assert sorted(replayed.tables["items"].column("request_id").to_pylist()) == sorted(numbers)
