"""One experiment: a schedule replayed against a bench under a scenario, watched until nothing moves, written down.

Put here the replay's clock, the sending, and what is sampled meanwhile. Keep out when nothing moves any more
(`resources.lab.settling`), how resources are read (`resources.lab.observation`) and whether the replay is valid
(`resources.lab.validity`).
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from resources.architectures.stack import StackSettings
from resources.faults.conductor import FaultConductor
from resources.lab import observation
from resources.lab.bench import Bench
from resources.lab.clocks import between, clock_of
from resources.lab.fidelity import displaced_share, gaps_distance_us
from resources.lab.observation import Backlog
from resources.lab.settling import settle, take_leftovers
from resources.lab.validity import OTHERS_AT_MOST, invalid_reason, unexplained_throttles, unlogged
from resources.machine import cpu_time
from resources.machine.cpu_time import Others
from resources.warehouse import observations
from workloads.errors import ArchduelError
from workloads.replay.client import BROKEN, TIMED_OUT, UNSENT, Client, Gauge, Responses, tidy_heap
from workloads.replay.connection import CAUSES
from workloads.replay.schedule import Schedule
from workloads.scenarios.model import Scenario

_LEAD_S = 0.3  # from the decision to start to the first request
_TICK_S = 0.05

Progress = Callable[[int, int, int], None]  # requests over, requests in all, messages waiting


@dataclass
class Watch:
    """What is seen while a replay runs. A target that stands still shows nothing of its queues meanwhile."""

    bench: Bench
    start_ns: int
    samples: list[dict[str, Any]] = field(default_factory=list)
    backlog: Backlog = field(default_factory=Backlog)
    accepted: frozenset[str] = frozenset()  # the ids of what Lambda queued itself, which it reports nothing of

    def now_us(self) -> int:
        return (time.monotonic_ns() - self.start_ns) // 1000

    def sample(self, gauge: Gauge) -> Backlog:
        """Look at the queues, and keep what they report; what they reported last where they do not answer in time."""
        seen: Backlog | None
        try:
            seen = observation.backlog(self.bench.stack)
            if self.accepted:
                done = {row["request_id"] for row in observation.commits(self.bench.stack, 0)}
                seen = replace(seen, in_flight=max(0, len(self.accepted - done) - seen.dead_letters))
            self.backlog = seen
        except (ConnectTimeoutError, ReadTimeoutError):
            seen = None
        self.samples.append(
            {
                "t_us": self.now_us(),
                "queue_visible": seen and seen.visible,
                "queue_delayed": seen and seen.delayed,
                "queue_in_flight": seen and seen.in_flight,
                "dead_letters": seen and seen.dead_letters,
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
    """

    tables: observations.Tables
    facts: dict[str, Any]
    stack: StackSettings


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
    """Replay a schedule on fresh state and read all that can be observed.

    Args:
        bench: What it is replayed on, warmed up.
        schedule: What is sent and when.
        scenario: Whose faults are switched meanwhile.
        client: Sends the requests.
        repetition: The replay's number, from 1.
        others_at_most: The share of this machine's CPU that others may use, or the replay is invalid.
        progress: Takes how far the replay is.

    Returns:
        What was observed.

    Raises:
        ArchduelError: The emulator or a proxy died. Whatever else goes wrong is observed.
    """
    bench.fresh(schedule.seeded_order_ids())
    clock_before = clock_of(bench.stack)
    metered = bench.metered(client)
    metered.prepare(schedule, bench.api_url)
    tidy_heap()
    started_at = datetime.now(UTC)
    start_ns = time.monotonic_ns() + round(_LEAD_S * 1e9)
    start_epoch_ms = time.time() * 1000 + (start_ns - time.monotonic_ns()) / 1e6
    watch = Watch(bench, start_ns)
    conductor = FaultConductor(scenario, schedule, bench.stack, bench.proxies, start_ns)
    meter = _CpuMeter(bench)
    gauge = Gauge()
    responses = _send(schedule, metered, watch, conductor, gauge=gauge, progress=progress)
    target_cpu_share, others = meter.used()
    by_lambda = bench.architecture.queueing == "lambda"
    accepted = responses.status == HTTPStatus.ACCEPTED
    if by_lambda:
        watch.accepted = frozenset(schedule.request_ids[i] for i in np.flatnonzero(accepted))

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
    items = list(observation.commits(bench.stack, clock.stamp(start_ns)))
    committed = {row["request_id"] for row in items}
    invocations, records = observation.invocations(bench.stack, clock.stamp(start_ns), start_epoch_ms, committed)
    if by_lambda:
        ours = [row for row in items if row["request_id"] in watch.accepted]
        watch.samples = observation.in_lambdas_queue(watch.samples, responses.responded_us[accepted], ours)
    unknown = 0
    if bench.stack.service is not None:
        items += observation.executed(records)
        queued = np.array([one == "command" and one in bench.architecture.queued for one in schedule.operations], bool)
        accepted = np.flatnonzero(queued & (responses.status == HTTPStatus.ACCEPTED))
        unknown = unlogged([schedule.request_ids[i] for i in accepted], items, messages, invocations)
    bench.check_alive()

    lag_us = responses.sent_us - schedule.due_us
    lag_us = lag_us[responses.sent_us >= 0]
    client_lag_us = responses.client_lag_us(schedule.due_us)
    facts = {
        "started_at": started_at,
        "finished_at": datetime.now(UTC),
        "requests": len(schedule),
        "duration_us": schedule.duration_us,
        "settled_us": settled_us,
        "invalid_reason": invalid_reason(
            client_lag_us,
            scenario,
            fault=gauge.fault,
            throttled=unexplained_throttles(
                responses, conductor.windows, bench.target.throttled_status, conductor.withheld()
            ),
            without_log=unknown,
            target_cpu_share=target_cpu_share,
            # A target elsewhere answers whatever this machine does, and the send lag shows requests that left late.
            others=others if bench.instance.processes else None,
            others_at_most=others_at_most,
        ),
        "send_lag_p50_us": _quantile(lag_us, 0.5),
        "send_lag_p99_us": _quantile(lag_us, 0.99),
        "send_lag_max_us": _quantile(lag_us, 1.0),
        "client_lag_p50_us": _quantile(client_lag_us, 0.5),
        "client_lag_p99_us": _quantile(client_lag_us, 0.99),
        "client_lag_max_us": _quantile(client_lag_us, 1.0),
        "displaced_share": displaced_share(schedule.due_us, responses.sent_us),
        "gaps_distance_us": gaps_distance_us(schedule.due_us, responses.sent_us),
        "target_cpu_share": target_cpu_share,
        "others_cpu_share": None if others is None else others.share,
        "cold_starts": sum(row.get("cold") is True for row in invocations),
        "clock_uncertainty_us": -(-clock.uncertainty_ns // 1000),
        "queued": sorted(bench.architecture.queued),
        "queued_by_api": sorted(bench.architecture.queued_by_api),
        "effects": list(bench.architecture.effects),
        "fault_windows": json.dumps(conductor.windows),
    }
    read = {
        "items": items,
        "messages": messages,
        "records": records,
        "invocations": invocations,
        "samples": watch.samples,
    }
    tables = {"sent": _sent(schedule, responses, repetition)}
    for name, rows in read.items():
        tables[name] = observations.rows(name, [{**row, "repetition": repetition} for row in rows])
    return Replayed(tables, facts, bench.stack.settings)


class _CpuMeter:
    """Measures what the target and others use of this machine's CPU from its making on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._target_s, self._started, self._before = self._cpu_seconds(), time.monotonic(), cpu_time.moment()

    def used(self) -> tuple[float | None, Others | None]:
        """The shares of the target, and of others; None where they are not known."""
        others = cpu_time.others(self._before, cpu_time.moment())
        if self._bench.instance.processes:
            wall_s = time.monotonic() - self._started
            return (self._cpu_seconds() - self._target_s) / (wall_s * (psutil.cpu_count() or 1)), others
        # The target runs elsewhere, or its processes are not archduel's: on this machine it would be among the others.
        return None, others if self._bench.target.genuine else None

    def _cpu_seconds(self) -> float:
        return sum(process.cpu_seconds() for process in self._bench.instance.processes)


def _send(
    schedule: Schedule,
    client: Client,
    watch: Watch,
    conductor: FaultConductor,
    *,
    gauge: Gauge,
    progress: Progress,
) -> Responses:
    """Send in a second thread and switch faults in a third, while this one samples the queues and reports.

    This thread can be interrupted (Ctrl-C, a termination in the UI); the sending one then stops by its gauge.
    """
    bench = watch.bench
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

    unknown = pa.nulls(len(schedule), pa.int64())
    return pa.table(
        {
            "repetition": pa.array(np.full(len(schedule), repetition, np.int32)),
            "request_id": schedule.request_ids,
            "operation": schedule.operations,
            "entity": schedule.entities,
            "route": schedule.routes or pa.nulls(len(schedule), pa.string()),
            "payload_bytes": schedule.payload_bytes,
            "scheduled_us": schedule.due_us,
            "sent_us": moments(responses.sent_us),
            "client_queue_us": moments(responses.client_queue_us),
            "connect_us": moments(responses.connect_us),
            "responded_us": moments(responses.responded_us),
            "status": pa.array(responses.status, mask=responses.status <= 0),
            "fate": pa.array(fates, pa.string()),
            "broken_cause": pa.array(np.array(CAUSES, dtype=object)[responses.cause], mask=responses.cause == 0),
            "attempts": responses.attempts,
            "fetches": moments(responses.fetches),
            "fetched_us": moments(responses.fetched_us),
            "recorded_us": moments(schedule.recorded_us) if len(schedule.recorded_us) else unknown,
            "work_us": moments(schedule.work_us) if len(schedule.work_us) else unknown,
        },
        schema=observations.SCHEMAS["sent"],
    )


def _quantile(values: np.ndarray[Any, Any], q: float) -> int | None:
    return int(np.quantile(values, q)) if len(values) else None
