"""Whether a replay shows what the architecture does, or only what disturbed it.

Put here the bounds beyond which a replay is invalid. Keep out how the figures are measured (`resources.lab.experiment`,
`resources.machine.cpu_time`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from resources.architectures.parts.event_source_mapping import CONSUMER
from resources.machine.cpu_time import Others
from workloads.replay.client import Responses
from workloads.scenarios.model import Scenario

# Beyond these the load generator did not offer what the recording says, or the emulator, not the architecture, was the
# limit.
CLIENT_LAG_P99_BOUND_US = 50_000
TARGET_CPU_SHARE_BOUND = 0.8
# Measured on two cores, at a quarter of their CPU: the median answer took 6 % longer while others used an eighth to a
# fifth, and 20 %, which is twice a verdict's margin, while they used a quarter to a half.
OTHERS_AT_MOST = 0.25

_TOO_MANY_REQUESTS = 429
_LOWER = "lower --speed"


def unexplained_throttles(
    responses: Responses,
    windows: list[dict[str, Any]],
    throttled_status: int,
    withheld: Iterable[tuple[int, float]] = (),
) -> int:
    """How many attempts and fetches the target throttled by limits of its own: while no limit of the scenario was on.

    A fetch that is throttled while there is no answer costs nobody anything: it would have found none.

    Args:
        responses: What came of the requests, and of what was sent besides.
        windows: When each of the scenario's faults was on.
        throttled_status: The status with which the target throttles. One that is not 429 may mean something else, so
            that any fault explains it.
        withheld: From which microsecond to which a fault withheld the answers to queued queries.
    """
    others = np.array(responses.others, dtype=np.int64).reshape(-1, 3)
    sent_us, responded_us, status = (
        np.concatenate([ends, others[:, column]])
        for column, ends in enumerate((responses.sent_us, responses.responded_us, responses.status))
    )
    explained = np.zeros(len(status), dtype=bool)
    for window in windows:
        # A fault that was never on, because all was over before its time, has no start.
        if window.get("present") is False or "start_us" not in window:
            continue
        if throttled_status == _TOO_MANY_REQUESTS and "throttled_status" not in window:
            continue
        if window["kind"] == "concurrency_limit":  # on throughout
            return 0
        end_us = window.get("end_us") or np.inf
        explained |= (responded_us >= window["start_us"]) & (sent_us < end_us)
    # Fetches have no mark of their own: where nothing was tried twice, all that was sent besides is fetches.
    if len(others) and responses.attempts.max(initial=0) <= 1:
        fetched = np.arange(len(status)) >= len(responses.sent_us)
        for start_us, ends_us in withheld:
            explained |= fetched & (sent_us >= start_us) & (sent_us < ends_us)
    return int(((status == throttled_status) & ~explained).sum())


def unlogged(
    accepted: Iterable[str],
    items: Iterable[Mapping[str, Any]],
    messages: Iterable[Mapping[str, Any]],
    invocations: Iterable[Mapping[str, Any]],
) -> int:
    """How many requests were carried out, as far as is known, by nothing but an invocation that left no log.

    Of a service of the user's own only its log says what it did: those would be called lost.

    Args:
        accepted: The ids of commands that the queue accepted.
        items: What was carried out.
        messages: What was left in the queues.
        invocations: What was invoked. Those of other functions than the queue's consumer carry out no message.
    """
    if not any(row["outcome"] == "unlogged" and row["function"].endswith(CONSUMER) for row in invocations):
        return 0
    return len(set(accepted) - {row["request_id"] for row in (*items, *messages)})


def invalid_reason(
    client_lag_us: np.ndarray[Any, Any],
    scenario: Scenario,
    *,
    fault: str | None = None,
    throttled: int,
    without_log: int = 0,
    target_cpu_share: float | None,
    others: Others | None,
    others_at_most: float,
) -> str | None:
    """Why a replay does not show what the architecture does.

    What others did comes first: it may be why the rest is as it is.

    Args:
        client_lag_us: How late the load generator itself came to each request. What a request waited for the target
            before it could be sent, until it took a connection or had one free, is the target's: to leave such replays
            out would hide the worst of a slow architecture.
        scenario: What was replayed.
        fault: What the load generator says of itself, a sentence; None where nothing was wrong.
        throttled: How many requests the target throttled by limits of its own.
        without_log: How many requests may have been carried out by an invocation that left no log.
        target_cpu_share: The share of this machine's CPU that the target used; None where it is not known.
        others: What other programs used; None where it is not known or does not matter.
        others_at_most: The share of this machine's CPU that they may use.

    Returns:
        One sentence; None for a valid replay.
    """
    if not len(client_lag_us):
        return "nothing was sent"
    p99_us = int(np.quantile(client_lag_us, 0.99))
    if others is not None and others.share > others_at_most:
        return _disturbed(others, others_at_most)
    if (late := _late(p99_us, fault)) is not None:
        return late
    return _limited(scenario, throttled, without_log, target_cpu_share)


def _limited(scenario: Scenario, throttled: int, without_log: int, target_cpu_share: float | None) -> str | None:
    """Why the emulator and not the architecture made the replay what it is; None where it did not."""
    if throttled:
        return f"the emulator ran out of environments and refused {throttled} requests: {_LOWER}"
    if without_log:
        return f"an invocation left no log, and may have carried out {without_log} of the requests: run it again"
    if scenario.name == "steady" and target_cpu_share is not None and target_cpu_share > TARGET_CPU_SHARE_BOUND:
        return (
            f"the emulator used {target_cpu_share:.0%} of the machine: it was the limit, not the architecture; {_LOWER}"
        )
    return None


def was_too_fast(reason: str | None) -> bool:
    """Whether a lower speed would mend what `invalid_reason` says."""
    return reason is not None and reason.endswith(_LOWER)


def _late(p99_us: int, fault: str | None) -> str | None:
    """Why the load generator did not offer what the schedule says; None where it did."""
    if fault is not None:
        return fault
    if p99_us > CLIENT_LAG_P99_BOUND_US:
        return (
            f"the load generator's own lag p99 {p99_us / 1000:.1f} ms is over {CLIENT_LAG_P99_BOUND_US / 1000:.0f} ms:"
            " the load was late"
        )
    return None


def _disturbed(others: Others, max_share: float) -> str:
    over = f"used {others.share:.1%} of this machine's CPU meanwhile, more than {max_share:.0%}"
    if others.stolen > others.share / 2:
        return f"others on this virtual machine's host {over}: run it again when they do less, or on another machine"
    return f"other programs {over}: close what else runs, and run it again"
