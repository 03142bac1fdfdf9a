"""One experiment: a schedule replayed against a bench under a scenario, watched until nothing moves, written down.

Put here the replay's clock, what is sampled while it runs, and when it is invalid. Keep out when nothing moves any more
(`resources.lab.settling`), how resources are read (`resources.lab.observation`) and what the observations mean
(`assets.analysis.outcomes`).
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from resources.architectures.stack import StackSettings
from resources.faults.conductor import FaultConductor
from resources.lab import observation
from resources.lab.bench import Bench
from resources.lab.clocks import between, clock_of
from resources.lab.observation import Backlog
from resources.lab.settling import settle, take_leftovers
from resources.machine import cpu_time
from resources.machine.cpu_time import Others
from resources.warehouse import observations
from workloads.errors import ArchduelError
from workloads.replay.client import BROKEN, TIMED_OUT, UNSENT, Client, Gauge, Responses, tidy_heap
from workloads.replay.schedule import Schedule
from workloads.scenarios.model import Scenario

_LEAD_S = 0.3  # from the decision to start to the first request
_TICK_S = 0.05

# Beyond these a replay did not offer what the recording says, or the emulator, not the architecture, was the limit.
SEND_LAG_P99_BOUND_US = 50_000
TARGET_CPU_SHARE_BOUND = 0.8
# Measured on two cores, at a quarter of their CPU: the median answer took 6 % longer while others used an eighth to a
# fifth, and 20 %, which is twice a verdict's margin, while they used a quarter to a half.
OTHERS_AT_MOST = 0.25

TOO_MANY_REQUESTS = 429

Progress = Callable[[int, int, int], None]  # requests over, requests in all, messages waiting


@dataclass
class _Watch:
    """What is seen while a replay runs."""

    bench: Bench
    start_ns: int
    samples: list[dict[str, Any]] = field(default_factory=list)
    backlog: Backlog = field(default_factory=Backlog)

    def now_us(self) -> int:
        return (time.monotonic_ns() - self.start_ns) // 1000

    def sample(self, gauge: Gauge) -> Backlog:
        self.backlog = observation.backlog(self.bench.stack)
        self.samples.append(
            {
                "t_us": self.now_us(),
                "queue_visible": self.backlog.visible,
                "queue_delayed": self.backlog.delayed,
                "queue_in_flight": self.backlog.in_flight,
                "dead_letters": self.backlog.dead_letters,
                "in_flight": gauge.in_flight,
            }
        )
        return self.backlog


@dataclass(frozen=True)
class Replayed:
    """What one replay came to.

    Attributes:
        tables: The observations, but for the table `experiments`.
        facts: The replay's row of `experiments`, but for what the comparison and the cell say of it.
        stack: The settings of the resources it was replayed on.
        left_over: Whether messages were left in the queue.
    """

    tables: observations.Tables
    facts: dict[str, Any]
    stack: StackSettings
    left_over: bool


def run(
    bench: Bench,
    schedule: Schedule,
    scenario: Scenario,
    *,
    client: Client,
    repetition: int,
    others_at_most: float = OTHERS_AT_MOST,
    progress: Progress = lambda _done, _total, _waiting: None,
) -> Replayed:
    """Replay ``schedule`` on fresh state and return all that was observed.

    Where others used more than the share ``others_at_most`` of this machine meanwhile, and the target is on it, what
    was observed is not valid.

    Raises `ArchduelError` when the emulator or the proxy dies; whatever else goes wrong is observed.
    """
    bench.fresh(schedule.seeded_order_ids())
    clock_before = clock_of(bench.stack)
    tidy_heap()
    started_at = datetime.now(UTC)
    start_ns = time.monotonic_ns() + round(_LEAD_S * 1e9)
    start_epoch_ms = time.time() * 1000 + (start_ns - time.monotonic_ns()) / 1e6
    client = bench.metered(client)
    watch = _Watch(bench, start_ns)
    conductor = FaultConductor(scenario, schedule, bench.stack, bench.proxies, start_ns)
    cpu_before, wall_before, before = _cpu_seconds(bench), time.monotonic(), cpu_time.moment()
    responses = _send(schedule, client, watch, conductor, progress)
    others = cpu_time.others(before, cpu_time.moment())
    cpu_share = None  # where the target is somebody else's process nobody can tell
    if bench.instance.processes:
        wall_s = time.monotonic() - wall_before
        cpu_share = (_cpu_seconds(bench) - cpu_before) / (wall_s * (psutil.cpu_count() or 1))
    elif not bench.target.genuine:
        others = None  # the target, on this machine, would be among them

    def sample() -> Backlog:
        bench.check_alive()
        watch.sample(Gauge())
        progress(len(schedule), len(schedule), watch.backlog.waiting)
        return watch.backlog

    settle(bench.stack, schedule, sample)
    settled_us = watch.now_us()
    messages = take_leftovers(bench.stack, consuming=bool(watch.backlog.waiting))
    clock = between(clock_before, clock_of(bench.stack))
    if not bench.stack.clients.shares_clock:  # their logs go by their clock as well
        start_epoch_ms = clock.stamp(start_ns) / 1e6
    item_rows = list(observation.commits(bench.stack, clock.stamp(start_ns)))
    committed = {row["request_id"] for row in item_rows}
    invocation_rows, record_rows = observation.invocations(
        bench.stack, clock.stamp(start_ns), start_epoch_ms, committed
    )
    bench.check_alive()

    def tagged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "repetition": repetition} for row in rows]

    lag_us = responses.sent_us - schedule.due_us
    lag_us = lag_us[responses.sent_us >= 0]
    facts = {
        "started_at": started_at,
        "finished_at": datetime.now(UTC),
        "requests": len(schedule),
        "duration_us": schedule.duration_us,
        "settled_us": settled_us,
        "invalid_reason": invalid_reason(
            lag_us,
            scenario,
            throttled=unexplained_throttles(responses, conductor.windows, bench.target.throttled_status),
            target_cpu_share=cpu_share,
            # What is somewhere else answers whatever this machine does; that requests left late, the send lag shows.
            others=others if bench.instance.processes else None,
            others_at_most=others_at_most,
        ),
        "send_lag_p50_us": _quantile(lag_us, 0.5),
        "send_lag_p99_us": _quantile(lag_us, 0.99),
        "send_lag_max_us": _quantile(lag_us, 1.0),
        "target_cpu_share": cpu_share,
        "others_cpu_share": None if others is None else others.share,
        "cold_starts": sum(row.get("cold") is True for row in invocation_rows),
        "clock_uncertainty_us": -(-clock.uncertainty_ns // 1000),
        "queued": sorted(bench.architecture.queued),
        "fault_windows": json.dumps(conductor.windows),
    }
    tables = {
        "sent": _sent(schedule, responses, repetition),
        "items": observations.rows(observations.ITEMS, tagged(item_rows)),
        "messages": observations.rows(observations.MESSAGES, tagged(messages)),
        "records": observations.rows(observations.RECORDS, tagged(record_rows)),
        "invocations": observations.rows(observations.INVOCATIONS, tagged(invocation_rows)),
        "samples": observations.rows(observations.SAMPLES, tagged(watch.samples)),
    }
    in_queue = any(row["queue"] == "queue" for row in messages)
    in_flight = bool(observation.backlog(bench.stack).in_flight)
    return Replayed(tables, facts, bench.stack.settings, left_over=in_queue or in_flight)


def _cpu_seconds(bench: Bench) -> float:
    """CPU time of the target's processes so far."""
    return sum(process.cpu_seconds() for process in bench.instance.processes)


def _send(
    schedule: Schedule, client: Client, watch: _Watch, conductor: FaultConductor, progress: Progress
) -> Responses:
    """Send in a thread of its own, and switch faults in another, while this one samples the queues and reports.

    This thread can be interrupted (Ctrl-C, a termination in the UI); the sending one then stops by its gauge.
    """
    bench, gauge = watch.bench, Gauge()
    result: list[Responses] = []
    failure: list[BaseException] = []

    def send() -> None:
        try:
            result.append(client.send(schedule, bench.api_url, watch.start_ns, gauge))
        except BaseException as error:  # handed over to the waiting thread, which raises it
            failure.append(error)

    sender = threading.Thread(target=send, name="replay-client", daemon=True)
    sender.start()
    conductor.start()
    next_sample_us = 0
    try:
        while sender.is_alive():
            if watch.now_us() >= next_sample_us:
                watch.sample(gauge)
                next_sample_us = watch.now_us() + round(bench.stack.clients.pace.sample_s * 1e6)
                progress(gauge.finished, len(schedule), watch.backlog.waiting)
                bench.check_alive()
                conductor.check()
            sender.join(_TICK_S)
    finally:
        gauge.stop = True
        sender.join(10)
        conductor.finish()
    conductor.check()
    if failure:
        raise failure[0]
    return result[0]


def _sent(schedule: Schedule, responses: Responses, repetition: int) -> pa.Table:
    fates = np.full(len(schedule), "responded", dtype=object)
    for status, fate in ((BROKEN, "broken"), (TIMED_OUT, "timed_out"), (UNSENT, "unsent")):
        fates[responses.status == status] = fate
    if not (responses.status != 0).all():
        raise ArchduelError("the load generator left requests without an end: this is a defect of archduel")

    def moments(values: np.ndarray[Any, Any]) -> pa.Array:
        return pa.array(values, mask=values < 0)

    return pa.table(
        {
            "repetition": pa.array(np.full(len(schedule), repetition, np.int32)),
            "request_id": schedule.request_ids,
            "operation": schedule.operations,
            "entity": schedule.entities,
            "scheduled_us": schedule.due_us,
            "sent_us": moments(responses.sent_us),
            "client_queue_us": moments(responses.client_queue_us),
            "responded_us": moments(responses.responded_us),
            "status": pa.array(responses.status, mask=responses.status <= 0),
            "fate": pa.array(fates, pa.string()),
        },
        schema=observations.SENT,
    )


def _quantile(values: np.ndarray[Any, Any], q: float) -> int | None:
    return int(np.quantile(values, q)) if len(values) else None


def unexplained_throttles(responses: Responses, windows: list[dict[str, Any]], throttled_status: int) -> int:
    """How many requests the target throttled while no limit of the scenario was on: limits of its own.

    ``throttled_status`` is how the target throttles. One that is no 429 may mean something else: any fault explains it.
    """
    explained = np.zeros(len(responses.status), dtype=bool)
    for window in windows:
        # One that was never on, because all was over before its time, has no start.
        if window.get("present") is False or "start_us" not in window:
            continue
        if throttled_status == TOO_MANY_REQUESTS and "throttled_status" not in window:
            continue
        if window["kind"] == "concurrency_limit":  # on throughout
            return 0
        end_us = window.get("end_us") or np.inf
        explained |= (responses.responded_us >= window["start_us"]) & (responses.sent_us < end_us)
    return int(((responses.status == throttled_status) & ~explained).sum())


def invalid_reason(
    lag_us: np.ndarray[Any, Any],
    scenario: Scenario,
    *,
    throttled: int,
    target_cpu_share: float | None,
    others: Others | None,
    others_at_most: float,
) -> str | None:
    """Why a replay does not show what the architecture does, in one sentence; None where nothing says so.

    What others did comes first: it may be why the rest is as it is. ``lag_us`` are the send lags, ``throttled`` is how
    many requests the target refused of its own accord; a share that is None is not known, and held against nobody.
    """
    p99_us = _quantile(lag_us, 0.99)
    if p99_us is None:
        return "nothing was sent"
    if others is not None and others.share > others_at_most:
        return _spoilt(others, others_at_most)
    if p99_us > SEND_LAG_P99_BOUND_US:
        return f"send lag p99 {p99_us / 1000:.1f} ms is over {SEND_LAG_P99_BOUND_US / 1000:.0f} ms: the load was late"
    if throttled:
        return f"the emulator ran out of environments and refused {throttled} requests: lower --speed"
    if scenario.name == "steady" and target_cpu_share is not None and target_cpu_share > TARGET_CPU_SHARE_BOUND:
        return (
            f"the emulator used {target_cpu_share:.0%} of the machine: it was the limit, not the architecture;"
            " lower --speed"
        )
    return None


def _spoilt(others: Others, at_most: float) -> str:
    over = f"used {others.share:.1%} of this machine's CPU meanwhile, more than {at_most:.0%}"
    if others.stolen > others.share / 2:
        return f"others on this virtual machine's host {over}: run it again when they do less, or on another machine"
    return f"other programs {over}: close what else runs, and run it again"
