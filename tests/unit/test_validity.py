"""What makes a replay invalid. Replays themselves are tested on an emulator."""

import math
from typing import Any

import numpy as np
import pytest

from resources.lab.validity import (
    CLIENT_LAG_P99_BOUND_US,
    OTHERS_AT_MOST,
    invalid_reason,
    unexplained_throttles,
    unlogged,
)
from resources.machine.cpu_time import Others
from workloads.replay.client import Responses
from workloads.scenarios import scenarios

LIMIT = {"target": "functions", "kind": "down", "throttled_status": 500, "start_us": 1000, "end_us": 2000}


def responses(*sent_us: int, status: int = 429) -> Responses:
    """Refused, each answered 100 microseconds after it was sent."""
    refused = Responses.empty(len(sent_us))
    refused.sent_us[:] = sent_us
    refused.responded_us[:] = refused.sent_us + 100
    refused.status[:] = status
    return refused


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
def test_what_the_target_throttles_while_no_limit_is_on_is_unexplained(
    windows: list[dict[str, Any]], unexplained: int
) -> None:
    assert unexplained_throttles(responses(500, 950, 1999, 2000), windows, 429) == unexplained


def test_what_was_tried_again_or_asked_for_counts_though_it_came_right_in_the_end() -> None:
    served = responses(500, status=201)
    served.others += [(100, 200, 429), (1500, 1600, 429), (300, 400, 503), (2500, 2600, 429)]
    assert unexplained_throttles(served, [LIMIT], 429) == 2


def test_a_fetch_that_is_throttled_while_there_is_no_answer_costs_nobody_anything() -> None:
    served = responses(500, status=202)
    served.others += [(100, 200, 429), (1500, 1600, 429), (2500, 2600, 429)]
    assert unexplained_throttles(served, [], 429, [(1000, 2000)]) == 2
    assert unexplained_throttles(served, [], 429, [(1000, math.inf)]) == 1
    served.attempts[:] = 2  # then it may have been an attempt at the request itself
    assert unexplained_throttles(served, [], 429, [(1000, 2000)]) == 3


def test_a_status_that_may_mean_something_else_is_explained_by_any_fault() -> None:
    windows = [{"target": "table", "kind": "down", "start_us": 1000, "end_us": 2000}]
    assert unexplained_throttles(responses(500, 950, 1999, 2000, status=502), windows, 502) == 2


def test_a_status_the_target_does_not_throttle_with_is_no_throttle() -> None:
    assert unexplained_throttles(responses(500, status=502), [], 429) == 0


@pytest.mark.parametrize(
    ("function", "outcome", "carried_out", "left", "unknown"),
    [
        ("consumer", "unlogged", [], [], 2),
        ("consumer", "unlogged", ["1"], [], 1),
        ("consumer", "unlogged", ["1"], ["2"], 0),  # in the queue still, or its dead-letter queue
        ("consumer", "timed_out", [], [], 0),  # its messages come again: these were lost
        ("consumer", "succeeded", [], [], 0),
        ("query", "unlogged", [], [], 0),  # which takes no message: these were lost
    ],
)
def test_what_only_an_invocation_without_a_log_can_have_carried_out_is_not_known(
    function: str, outcome: str, carried_out: list[str], left: list[str], unknown: int
) -> None:
    items, messages = ([{"request_id": name} for name in names] for names in (carried_out, left))
    invocations = [{"function": "consumer", "outcome": "succeeded"}, {"function": function, "outcome": outcome}]
    assert unlogged(["1", "2"], items, messages, invocations) == unknown


def reason(*, lag_us: int = 100, scenario: str = "steady", others_at_most: float = 0.25, **seen: Any) -> str | None:
    """Of an uneventful replay, except for the arguments."""
    uneventful: dict[str, Any] = {"throttled": 0, "target_cpu_share": 0.3, "others": Others(0.02, 0.0)}
    lags_us = np.full(100, lag_us, dtype=np.int64)
    return invalid_reason(lags_us, scenarios()[scenario], others_at_most=others_at_most, **{**uneventful, **seen})


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {"lag_us": CLIENT_LAG_P99_BOUND_US},
        {"target_cpu_share": 0.8},
        {"target_cpu_share": 0.9, "scenario": "burst"},
        {"others": Others(0.25, 0.1)},
        {"others": Others(0.9, 0.1), "others_at_most": 1.0},
        {"others": None, "target_cpu_share": None, "others_at_most": 0.0},
    ],
)
def test_a_replay_within_its_bounds_is_valid_and_so_is_what_is_not_known(seen: dict[str, Any]) -> None:
    assert reason(**seen) is None


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (
            {"lag_us": CLIENT_LAG_P99_BOUND_US + 100},
            "the load generator's own lag p99 50.1 ms is over 50 ms: the load was late",
        ),
        (
            {"fault": "the load generator came to the limit of open files of this process"},
            "the load generator came to the limit of open files of this process",
        ),
        ({"without_log": 6}, "an invocation left no log, and may have carried out 6 of the requests: run it again"),
        ({"throttled": 3}, "the emulator ran out of environments and refused 3 requests: lower --speed"),
        ({"target_cpu_share": 0.81}, "the emulator used 81% of the machine"),
        (
            {"others": Others(0.482, 0.1)},
            "other programs used 48.2% of this machine's CPU meanwhile, more than 25%: close what else runs",
        ),
        (
            {"others": Others(0.4, 0.3)},
            "others on this virtual machine's host used 40.0% of this machine's CPU meanwhile, more than 25%: run it",
        ),
        (
            {"others": Others(0.2, 0.0), "others_at_most": 0.1},
            "used 20.0% of this machine's CPU meanwhile, more than 10%",
        ),
        ({"others": Others(0.5, 0.0), "lag_us": 10**6, "throttled": 3}, "close what else runs"),
    ],
)
def test_a_replay_that_shows_something_else_than_the_architecture_is_invalid_and_says_what_to_do(
    seen: dict[str, Any], words: str
) -> None:
    assert words in (reason(**seen) or "")


def test_a_replay_that_sent_nothing_is_invalid_in_any_case() -> None:
    nothing = np.array([], dtype=np.int64)
    steady = scenarios()["steady"]
    why = invalid_reason(
        nothing, steady, throttled=0, target_cpu_share=0.1, others=Others(0.9, 0.0), others_at_most=OTHERS_AT_MOST
    )
    assert why == "nothing was sent"
