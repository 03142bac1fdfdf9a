"""Messages that fail too often: they end in the dead-letter queue, and the books say so."""

from pathlib import Path

import pytest

from tests.replaying import lunch, replay, warm_bench
from workloads.scenarios.model import Scenario

pytestmark = pytest.mark.emulator

# Two receives a second apart are over long before the fault is.
BROKEN = Scenario.model_validate(
    {
        "name": "broken",
        "title": "Broken",
        "description": "",
        "visibility_timeout_s": 2,
        "max_receive_count": 2,
        "faults": [{"kind": "down", "target": "table", "start": 0, "length": 1}],
    }
)


def test_what_outlasts_its_receives_is_dead_lettered_and_booked_so(tmp_path: Path) -> None:
    offered = lunch(tmp_path, 60, 10.0, BROKEN)
    with warm_bench("event_driven", BROKEN, offered, tmp_path) as bench:
        outcomes = replay(bench, offered, BROKEN)
    books = outcomes["ledger"].to_pylist()
    assert sum(row["accepted"] for row in books) == len(offered)
    assert sum(row["dead_lettered"] for row in books) > len(offered) / 2
    assert sum(row["dead_lettered"] + row["committed"] for row in books) == len(offered)
    dead = [row for row in outcomes["effects"].to_pylist() if row["state"] == "dead_lettered"]
    assert {row["commits"] for row in dead} == {0}
    assert min(row["deliveries"] for row in dead) == 2
