"""From an architecture, a scenario and a schedule to what the engines take: a system and a load.

Put here how each part of an architecture and each fault becomes numbers. Keep out what the engines do with them
(`resources.simulation.oracle`) and how results become observations (`resources.simulation.observing`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from resources.architectures import Architecture
from resources.architectures.parts.api import RESULT
from resources.architectures.parts.asynchronous_invocation import attempts
from resources.architectures.parts.event_source_mapping import CONSUMER, EVENT_SOURCE_MAPPING
from resources.architectures.parts.function import work_parts
from resources.architectures.stack import SDK_DEFAULTS, StackSettings, effect_of
from resources.simulation import draws
from resources.simulation import system as codes
from resources.simulation.parameters import Parameters
from resources.simulation.system import NEVER, Load, System
from workloads.recordings.recording import Operation
from workloads.replay.client import DEADLINE_S, Client
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule
from workloads.scenarios.faults import Disabled, Down, Error, Fault, Hang, HopFault, Latency, Reset, Throttle, Truncate
from workloads.scenarios.model import Scenario

SAMPLES_PER_S = 4
_MAX_SAMPLES = 40_000
_SDK_ATTEMPTS, _SDK_BACKOFF_US = 10, 50_000  # of boto3's client of DynamoDB, as botocore's data/_retry.json has it
_MAX_WORK_MS = 60_000  # what the handlers allow
_PARAMETERS = {
    codes.GATEWAY: "gateway.latency",
    codes.INVOKE: "lambda.invoke_latency",
    codes.INIT: "lambda.init",
    codes.PLACEMENT: "lambda.placement",
    codes.IDLE: "lambda.idle",
    codes.SEND: "sqs.send_latency",
    codes.DELIVERY: "sqs.delivery_latency",
    codes.WRITE: "table.write_latency",
    codes.READ: "table.read_latency",
}
_ASYNCHRONOUS = {codes.SEND: "lambda.async_accept", codes.DELIVERY: "lambda.async_delivery"}  # in place of the queue's
_KINDS: Mapping[type[Any], int] = {
    Reset: codes.RESET,
    Hang: codes.HANG,
    Latency: codes.LATENCY,
    Error: codes.ERROR,
    Truncate: codes.TRUNCATE,
}
_PLACES = {"api": codes.AT_API, "table": codes.AT_TABLE, "queue": codes.AT_QUEUE}
_OPERATIONS = {
    "command": codes.COMMANDS,
    "query": codes.QUERIES,
    "UpdateItem": codes.COMMANDS,
    "GetItem": codes.QUERIES,
}
_ALL = codes.COMMANDS | codes.QUERIES


@dataclass(frozen=True)
class Caller:
    """How the caller sends.

    Attributes:
        retries: How often it tries a request again.
        deadline_us: How long it waits, all attempts together, in microseconds.
        ask_after_us: How long after its ticket it asks for an answer; None: it does not.
    """

    retries: int
    deadline_us: int
    ask_after_us: int | None = None


def caller_of(client: Client) -> Caller:
    """How a client sends, as the engines take it."""
    if not isinstance(client, KeepAliveClient):
        return Caller(0, round(DEADLINE_S * 1e6))
    ask_after_us = None if client.ask_after_s is None else round(client.ask_after_s * 1e6)
    return Caller(client.retries, round(client.deadline_s * 1e6), ask_after_us)


def replay_seed(seed: int, *named: str | int) -> int:
    """A seed of its own for each replay, by what it is named: with a common one, repetitions would be equal and pairs
    not independent.
    """
    text = "/".join(map(str, (seed, *named)))
    return int(np.frombuffer(hashlib.blake2b(text.encode(), digest_size=8).digest(), np.uint64)[0] >> 2)


def build_load(architecture: Architecture, settings: StackSettings, schedule: Schedule) -> Load:
    """What an architecture gets of a schedule."""
    count = len(schedule)
    operations = np.array([operation == "query" for operation in schedule.operations], np.int64)
    routes = {name: _route(architecture, name) for name in ("command", "query")}
    queued, function = (
        np.where(operations == 1, routes["query"][at], routes["command"][at]).astype(np.int64) for at in (0, 1)
    )
    known = {order: number for number, order in enumerate(dict.fromkeys(schedule.order_ids))}
    seeded = np.zeros(len(known), np.int64)
    seeded[[known[order] for order in schedule.seeded_order_ids()]] = 1
    marks = {name: np.zeros(count, np.int64) for name in ("poison", "delivery", "delay_us")}
    work_us = np.full(count, settings.work_us, np.int64)
    if len(schedule.work_us):
        work_us += np.clip(schedule.work_us, 0, _MAX_WORK_MS * 1000)
    for index, extra in schedule.extras.items():
        work_us[index] += min(extra.get("work_ms", 0), _MAX_WORK_MS) * 1000
        marks["poison"][index] = not isinstance(extra.get("details", ""), str)
        if settings.delivery_faults and "delivery" in extra and queued[index]:
            marks["delivery"][index] = {"twice": 1, "late": 2}[extra["delivery"]["kind"]]
            marks["delay_us"][index] = extra["delivery"]["delay_s"] * 1_000_000
    return Load(
        due_us=np.asarray(schedule.due_us, np.int64),
        query=operations,
        queued=queued,
        function=function,
        order=np.array([known[order] for order in schedule.order_ids], np.int64),
        payload_bytes=np.array(schedule.payload_bytes, np.int64),
        work_us=work_us,
        seeded=seeded,
        **marks,
    )


def _route(architecture: Architecture, operation: Operation) -> tuple[int, int]:
    """Whether the API queues an operation, and the number of the function that gets it otherwise."""
    targets = [node.routes[operation] for node in architecture.nodes.values() if operation in node.routes]
    if architecture.nodes[targets[0]].kind == "lambda" and targets[0] != CONSUMER:
        return 0, architecture.functions.index(targets[0])
    return 1, 0


def build_system(
    architecture: Architecture,
    settings: StackSettings,
    scenario: Scenario,
    duration_us: int,
    parameters: Parameters,
    *,
    caller: Caller,
    consumers: int,
    seed: int,
) -> System:
    """The system that an architecture is under a scenario.

    Args:
        architecture: What it is made of.
        settings: The settings of its resources.
        scenario: Whose faults hit it.
        duration_us: How long the replay is, in microseconds, which their windows depend on.
        parameters: How AWS behaves.
        caller: Who sends.
        consumers: How many environments of the consumer are warm at most.
        seed: Of all draws.

    Raises:
        UsageError: There is no model of one of its parts.
    """
    architecture.check_modelled()
    functions = architecture.functions

    def number_of(name: str) -> int:
        return functions.index(name) if name in functions else NEVER

    limit = NEVER if settings.reserved_concurrency is None else settings.reserved_concurrency
    most_warm = settings.environments if limit == NEVER else min(limit, settings.environments)
    polled = EVENT_SOURCE_MAPPING in architecture.nodes
    warm = [min(most_warm, consumers) if polled and name == CONSUMER else most_warm for name in functions]
    p = parameters
    per_minute = p["mapping.pollers_per_minute"].number
    sdk = settings.variant == SDK_DEFAULTS
    fifo, by_lambda = architecture.queueing == "fifo", architecture.queueing == "lambda"
    named = {**_PARAMETERS, **(_ASYNCHRONOUS if by_lambda else {})}
    return System(
        seed=seed,
        deadline_us=caller.deadline_us,
        retries=caller.retries,
        ask_after_us=NEVER if caller.ask_after_us is None else caller.ask_after_us,
        gateway_rate=_milli(p["gateway.rate"].number),
        gateway_burst=p["gateway.burst"].whole,
        integration_timeout_us=p["gateway.integration_timeout"].us,
        max_payload_bytes=p["gateway.max_payload"].whole,
        throttled_status=p["gateway.throttled_function_status"].whole,
        account_concurrency=p["lambda.account_concurrency"].whole,
        scaling_rate=_milli(p["lambda.scaling_rate"].number),
        scaling_burst=p["lambda.scaling_burst"].whole,
        reserved=np.full(len(functions), limit, np.int64),
        timeout_us=np.full(len(functions), settings.function_timeout_s * 1_000_000, np.int64),
        warm=np.array(warm, np.int64),
        consumer=number_of(CONSUMER),
        result=number_of(RESULT),
        calls=np.array([number_of(architecture.nodes[name].calls) for name in functions], np.int64),
        effect=np.array([_effect_of(architecture, name) for name in functions], np.int64),
        work_parts=np.array([work_parts(architecture.nodes, name) for name in functions], np.int64),
        effects=len(architecture.effects),
        visibility_us=settings.visibility_timeout_s * 1_000_000,
        max_receives=attempts(settings.max_receive_count) if by_lambda else settings.max_receive_count,
        batch_size=settings.batch_size,
        batch_window_us=0 if fifo else p["mapping.batch_window"].us,  # which a FIFO queue cannot have
        pollers=p["mapping.pollers"].whole,
        poller_every_us=round(60e6 / per_minute) if per_minute else NEVER,
        max_pollers=max(p["mapping.max_pollers"].whole, p["mapping.pollers"].whole),
        scale_in_us=p["mapping.scale_in"].us,
        throttle_backoff_us=p["lambda.async_back_off" if by_lambda else "mapping.throttle_backoff"].us,
        max_in_flight=p["sqs.max_in_flight"].whole,
        retention_us=p["lambda.async_age" if by_lambda else "sqs.retention"].us,
        duplicate_threshold=0 if fifo or by_lambda else draws.threshold(p["sqs.duplicate_share"].number),
        ordered=int(fifo),
        retry_us=p["lambda.async_retry"].us if by_lambda else NEVER,
        max_backoff_us=p["lambda.async_longest_back_off"].us,
        table_timeout_us=settings.table_timeout_ms * 1000,
        table_attempts=_SDK_ATTEMPTS if sdk else 1,
        table_backoff_us=_SDK_BACKOFF_US,
        refused_us=p["table.refused"].us,
        idempotent=int(settings.variant != "naive"),
        write_capacity=p["table.write_capacity"].whole,
        read_capacity=p["table.read_capacity"].whole,
        max_capacity=p["table.max_capacity"].whole,
        partition_writes=p["table.partition_writes"].whole,
        partition_reads=p["table.partition_reads"].whole,
        table_burst_s=round(p["table.burst"].us / 1e6),
        growth_period_us=p["table.growth_period"].us,
        draws=_draws(tuple((p[name].quantiles_us, p[name].max_us) for name in named.values())),
        **_faults(scenario.windows(duration_us), functions),
        sample_every_us=max(1_000_000 // SAMPLES_PER_S, duration_us // _MAX_SAMPLES),
    )


def _effect_of(architecture: Architecture, function: str) -> int:
    effect = effect_of(architecture.nodes[function])
    return architecture.effects.index(effect) if effect else 0


def _milli(rate: float) -> int:
    """A rate as the engines take it."""
    return max(1, round(rate * 1000))


@cache
def _draws(quantiles: tuple[tuple[tuple[tuple[float, float], ...], float | None], ...]) -> codes.Ints:
    tables = np.zeros((codes.DISTRIBUTIONS, draws.SIZE), np.int64)
    for stream, (known, max_us) in zip(_PARAMETERS, quantiles, strict=True):
        tables[stream] = _table(known, max_us)
    return tables


_table = cache(draws.table)


def _faults(windows: Sequence[tuple[Fault, int, int]], functions: Sequence[str]) -> dict[str, Any]:
    rows: list[dict[str, int]] = []
    late: list[codes.Ints] = []
    for fault, start_us, end_us in windows:
        for hit in _hits(fault, functions):
            rows.append({"start_us": start_us, "end_us": end_us, **hit})
            late.append(_lateness(fault))
    empty = {
        "kind": 0,
        "at": 0,
        "start_us": 0,
        "end_us": 0,
        "threshold": draws.threshold(1),
        "operations": _ALL,
        "rate": NEVER,
        "burst": 1,
        "status": 0,
        "forwarded": 0,
    }
    columns = {
        f"fault_{name}": np.array([{**empty, **row}[name] for row in rows], np.int64).reshape(-1) for name in empty
    }
    return {**columns, "fault_draws": np.array(late, np.int64).reshape(-1, draws.SIZE)}


def _hits(fault: Fault, functions: Sequence[str]) -> list[dict[str, int]]:
    """What a fault is in the engines; nothing for one in the traffic, or of a component that is not there."""
    match fault:
        case Down(target="api" | "table" | "queue"):
            return [{"kind": codes.DOWN, "at": _PLACES[fault.target]}]
        case Down():
            named = (number for number, name in enumerate(functions) if fault.target in ("functions", name))
            return [{"kind": codes.DOWN, "at": codes.AT_FUNCTION + number} for number in named]
        case Disabled(target="event_source_mapping"):
            return [{"kind": codes.DISABLED, "at": codes.AT_MAPPING}]
        case Throttle():
            limits = {"rate": _milli(fault.rate_per_s), "burst": fault.burst}
            return [{"kind": codes.THROTTLE, "at": codes.AT_API, **limits}]
        case HopFault():
            hit = {"kind": _KINDS[type(fault)], "at": _PLACES[fault.target], "threshold": draws.threshold(fault.share)}
            if fault.operations is not None:
                hit["operations"] = sum({_OPERATIONS[name] for name in fault.operations})
            if fault.above_per_s is not None:
                hit |= {"rate": _milli(fault.above_per_s), "burst": max(1, round(fault.above_per_s))}
            return [
                {**hit, "status": getattr(fault, "status", 0), "forwarded": int(getattr(fault, "forwarded", False))}
            ]
    return []


def _lateness(fault: Fault) -> codes.Ints:
    if not isinstance(fault, Latency):
        return np.zeros(draws.SIZE, np.int64)
    if fault.median_ms is None:
        return draws.uniform((fault.min_ms or 0) * 1000, (fault.max_ms or 0) * 1000)
    points = [(0.5, fault.median_ms * 1000)]
    if fault.p99_ms is not None and fault.p99_ms > fault.median_ms:
        points.append((0.99, fault.p99_ms * 1000))
    return draws.table(points)
