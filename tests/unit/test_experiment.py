"""What makes a replay invalid. Replays themselves are tested on an emulator."""

from typing import Any

import numpy as np
import pytest

from resources.experiment import unexplained_throttles
from workloads.replay.client import Responses

LIMIT = {"target": "functions", "kind": "down", "throttled_status": 500, "start_us": 1000, "end_us": 2000}


def responses(*sent_us: int, status: int = 429) -> Responses:
    """Refused, each answered 100 microseconds after it was sent."""
    sent = np.array(sent_us, dtype=np.int64)
    statuses = np.full(len(sent), status, dtype=np.int32)
    return Responses(sent_us=sent, client_queue_us=np.zeros_like(sent), responded_us=sent + 100, status=statuses)


@pytest.mark.parametrize(
    ("windows", "unexplained"),
    [
        ([], 4),
        ([LIMIT], 2),
        ([LIMIT | {"present": False}], 4),
        ([LIMIT | {"end_us": None}], 1),
        ([{name: LIMIT[name] for name in ("target", "kind", "throttled_status")}], 4),
        ([{"target": "table", "kind": "down", "start_us": 0, "end_us": 9000}], 4),
        ([{"kind": "concurrency_limit", "throttled_status": 500, "start_us": 0, "end_us": 10}], 0),
    ],
)
def test_what_the_target_throttles_while_no_limit_is_on_are_limits_of_its_own(
    windows: list[dict[str, Any]], unexplained: int
) -> None:
    assert unexplained_throttles(responses(500, 950, 1999, 2000), windows, 429) == unexplained


def test_a_status_that_may_mean_something_else_is_explained_by_any_fault() -> None:
    windows = [{"target": "table", "kind": "down", "start_us": 1000, "end_us": 2000}]
    assert unexplained_throttles(responses(500, 950, 1999, 2000, status=502), windows, 502) == 2


def test_a_status_the_target_does_not_throttle_with_is_no_throttle() -> None:
    assert unexplained_throttles(responses(500, status=502), [], 429) == 0
