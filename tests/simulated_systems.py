"""Random systems and loads for the simulation's engines: every branch of the model, small enough to be quick."""

from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from resources.simulation import draws
from resources.simulation import system as codes
from resources.simulation.system import NEVER, Load, System

COMMAND, QUERY, CONSUMER, RESULT, PAYMENT, RESTAURANT = range(6)  # the functions' numbers; the last two of a chain


def ints(values: Any) -> codes.Ints:
    return np.array(values, np.int64)


def constant_draws(**values_us: int) -> codes.Ints:
    """The tables of all streams: constants, 0 where none is given. Names are those of the streams in lower case."""
    tables = np.zeros((codes.DISTRIBUTIONS, draws.SIZE), np.int64)
    for name, value_us in values_us.items():
        tables[getattr(codes, name.upper())] = value_us
    return tables


def system(**changes: Any) -> System:
    """A system without limits, delays, draws and faults, with the changes."""
    none = ints([])
    functions = max(
        [4, *(len(changes[name]) for name in ("reserved", "timeout_us", "warm", "calls") if name in changes)]
    )
    defaults: dict[str, Any] = {
        "seed": 1,
        "deadline_us": 29_000_000,
        "retries": 0,
        "ask_after_us": NEVER,
        "gateway_rate": 10**9,
        "gateway_burst": 10**6,
        "integration_timeout_us": 29_000_000,
        "max_payload_bytes": 10**7,
        "throttled_status": 500,
        "account_concurrency": 10_000,
        "scaling_rate": 10**9,
        "scaling_burst": 10**6,
        "reserved": ints([-1] * functions),
        "timeout_us": ints([900_000_000] * functions),
        "warm": ints([0] * functions),
        "consumer": CONSUMER,
        "result": RESULT,
        "calls": ints([NEVER] * functions),
        "effect": ints([0] * functions),
        "work_parts": ints([1] * functions),
        "effects": 1,
        "visibility_us": 12_000_000,
        "max_receives": 10,
        "batch_size": 10,
        "batch_window_us": 0,
        "pollers": 5,
        "poller_every_us": 200_000,
        "max_pollers": 1250,
        "scale_in_us": 60_000_000,
        "throttle_backoff_us": 1_000_000,
        "max_in_flight": 120_000,
        "retention_us": 345_600_000_000,
        "duplicate_threshold": 0,
        "ordered": 0,
        "retry_us": NEVER,
        "max_backoff_us": 300_000_000,
        "table_timeout_us": 1_000_000,
        "table_attempts": 1,
        "table_backoff_us": 50_000,
        "refused_us": 1000,
        "idempotent": 1,
        "write_capacity": 40_000,
        "read_capacity": 40_000,
        "max_capacity": 40_000,
        "partition_writes": 40_000,
        "partition_reads": 40_000,
        "table_burst_s": 300,
        "growth_period_us": 1_800_000_000,
        "draws": constant_draws(idle=10**15),
        "fault_draws": np.zeros((0, draws.SIZE), np.int64),
        **{name: none for name in System._fields if name.startswith("fault_") and name != "fault_draws"},
        "sample_every_us": 250_000,
    }
    return System(**{**defaults, **changes})


def chain(functions: int = 6) -> dict[str, Any]:
    """What a system has whose function of commands calls the fifth, and that one the sixth, each with an effect."""
    numbers = np.arange(functions)
    return {
        "calls": ints(np.select([numbers == COMMAND, numbers == PAYMENT], [PAYMENT, RESTAURANT], NEVER)),
        "effect": ints(np.select([numbers == PAYMENT, numbers == RESTAURANT], [1, 2], 0)),
        "work_parts": ints(np.where(np.isin(numbers, (COMMAND, PAYMENT, RESTAURANT)), 3, 1)),
        "effects": 3,
    }


def load(due_us: Any, **changes: Any) -> Load:
    """Commands about orders of their own, which the function `COMMAND` carries out at once, with the changes."""
    count = len(due_us)
    defaults = {name: np.zeros(count, np.int64) for name in Load._fields}
    defaults |= {"due_us": ints(due_us), "order": np.arange(count), "seeded": np.zeros(count, np.int64)}
    return Load(**{**defaults, **{name: ints(value) for name, value in changes.items()}})


@cache
def lognormal(median_us: int, p99_us: int) -> codes.Ints:
    """A table of draws."""
    return draws.table(((0.5, median_us), (0.99, p99_us)))


_HITS = (codes.AT_API, codes.AT_TABLE)
_SMALL = st.integers(1, 4)


@st.composite
def faults(draw: st.DrawFn, span_us: int) -> dict[str, Any]:
    """Up to four faults of any kind, somewhere in the span."""
    rows: list[tuple[int, ...]] = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.integers(0, 7))
        at = draw(st.sampled_from(_HITS))
        if kind == codes.DOWN:
            at = draw(st.sampled_from([*_HITS, codes.AT_QUEUE, *(codes.AT_FUNCTION + one for one in range(6))]))
        elif kind == codes.DISABLED:
            at = codes.AT_MAPPING
        elif kind == codes.THROTTLE:
            at = codes.AT_API
        start = draw(st.integers(0, span_us))
        limited = kind == codes.THROTTLE or draw(st.booleans())
        rows.append(
            (
                kind,
                at,
                start,
                start + draw(st.integers(1, span_us)),
                draws.threshold(draw(st.sampled_from([1.0, 0.3]))),
                draw(st.sampled_from([1, 2, 3])),
                draw(st.integers(1, 20_000)) if limited else NEVER,
                draw(_SMALL),
                draw(st.sampled_from([400, 403, 429, 500, 504])),
                draw(st.integers(0, 1)),
            )
        )
    columns = ("kind", "at", "start_us", "end_us", "threshold", "operations", "rate", "burst", "status", "forwarded")
    found: dict[str, Any] = {f"fault_{name}": ints([row[at] for row in rows]) for at, name in enumerate(columns)}
    found["fault_draws"] = np.zeros((len(rows), draws.SIZE), np.int64)
    for number in range(len(rows)):
        found["fault_draws"][number] = lognormal(100_000, 900_000)
    return found


@st.composite
def systems_and_loads(draw: st.DrawFn) -> tuple[System, Load]:
    """A random system, small enough that its limits bind, with a random load."""
    count = draw(st.integers(1, 120))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    span_us = draw(st.sampled_from([10_000, 1_000_000, 30_000_000]))
    due_us = np.sort(random.integers(0, span_us, count))
    kinds = {
        codes.GATEWAY: (2_000, 9_000),
        codes.INVOKE: (10_000, 90_000),
        codes.INIT: (80_000, 200_000),
        codes.PLACEMENT: (0, 1),
        codes.IDLE: (100_000, 3_000_000),
        codes.SEND: (5_000, 40_000),
        codes.DELIVERY: (10_000, 100_000),
        codes.WRITE: (5_000, draw(st.sampled_from([30_000, 2_000_000]))),
        codes.READ: (3_000, 20_000),
    }
    tables = constant_draws()
    for stream, (median_us, p99_us) in kinds.items():
        if draw(st.booleans()):
            tables[stream] = lognormal(median_us, p99_us)
    mix = draw(st.sampled_from(["synchronous", "event_driven", "hybrid"]))
    query = random.integers(0, 2, count)
    queued = {"synchronous": 0 * query, "event_driven": 0 * query + 1, "hybrid": 1 - query}[mix]
    marked = draw(st.booleans())
    queueing = draw(st.sampled_from(["standard", "standard", "fifo", "asynchronous"]))
    twice = queueing == "standard"  # neither a FIFO queue nor Lambda's own delivers twice, nor late
    orders = draw(st.integers(1, 40))
    chained = draw(st.booleans())  # the function of commands calls another one, and that one a third
    functions = 6 if chained else 4
    reserved = st.sampled_from([-1, -1, -1, 0, 1, 2, 5])
    one = system(
        seed=draw(st.integers(0, 2**40)),
        retries=draw(st.sampled_from([0, 0, 1, 3])),
        ask_after_us=draw(st.sampled_from([NEVER, 50_000, 250_000])),
        gateway_rate=draw(st.sampled_from([10**9, 5_000, 100_500])),
        gateway_burst=draw(st.sampled_from([1, 10, 10_000])),
        integration_timeout_us=draw(st.sampled_from([29_000_000, 100_000])),
        account_concurrency=draw(st.sampled_from([1000, 3, 10])),
        scaling_rate=draw(st.sampled_from([100_000, 500])),
        scaling_burst=draw(st.sampled_from([1000, 2])),
        reserved=ints([draw(reserved) for _ in range(functions)]),
        timeout_us=ints([draw(st.sampled_from([2_000_000, 60_000, 30_000_000])) for _ in range(functions)]),
        warm=ints([draw(st.integers(0, 3)) for _ in range(functions)]),
        consumer=NEVER if mix == "synchronous" else CONSUMER,
        result=RESULT,
        **(chain(functions) if chained else {}),
        visibility_us=draw(st.sampled_from([300_000, 2_000_000, 12_000_000])),
        max_receives=draw(_SMALL),
        batch_size=draw(st.sampled_from([1, 2, 10])),
        batch_window_us=draw(st.sampled_from([0, 0, 100_000])),
        pollers=draw(_SMALL),
        poller_every_us=draw(st.sampled_from([NEVER, 1_000, 200_000])),
        max_pollers=draw(st.integers(4, 9)),
        scale_in_us=draw(st.sampled_from([0, 500_000])),
        throttle_backoff_us=draw(st.sampled_from([50_000, 1_000_000])),
        max_in_flight=draw(st.sampled_from([3, 120_000])),
        retention_us=draw(st.sampled_from([10**12, 3_000_000])),
        duplicate_threshold=draws.threshold(draw(st.sampled_from([0.0, 0.2]))) if twice else 0,
        ordered=int(queueing == "fifo"),
        retry_us=draw(st.sampled_from([300_000, 2_000_000])) if queueing == "asynchronous" else NEVER,
        max_backoff_us=draw(st.sampled_from([200_000, 5_000_000])),
        table_timeout_us=draw(st.sampled_from([1_000_000, 20_000])),
        table_attempts=draw(st.sampled_from([1, 3])),
        idempotent=draw(st.integers(0, 1)),
        write_capacity=draw(st.sampled_from([4000, 2])),
        read_capacity=draw(st.sampled_from([12_000, 2])),
        partition_writes=draw(st.sampled_from([1000, 1])),
        partition_reads=draw(st.sampled_from([3000, 1])),
        table_burst_s=draw(st.sampled_from([1, 300])),
        growth_period_us=draw(st.sampled_from([1_800_000_000, 1_500_000])),
        draws=tables,
        sample_every_us=draw(st.sampled_from([250_000, 10_000])),
        **draw(faults(span_us)),
    )
    return one, load(
        due_us,
        query=query,
        queued=queued,
        function=query,
        order=random.integers(0, orders, count),
        payload_bytes=np.where(query, 0, random.choice([300, 3000, 11_000_000], count, p=[0.8, 0.15, 0.05])),
        work_us=random.choice([0, 0, 20_000, 150_000, 3_000_000], count) if marked else np.zeros(count),
        poison=(random.random(count) < 0.1 * marked) & (query == 0),
        delivery=random.choice([0, 0, 0, 1, 2], count) * marked * twice * (1 - query),
        delay_us=random.choice([0, 1_000_000], count),
        seeded=random.integers(0, 2, orders),
    )
