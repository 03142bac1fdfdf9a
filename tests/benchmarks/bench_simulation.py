"""The simulation's engines beside each other, beside a model of the same in SimPy, and beside simfaas.

Run ``python -m tests.benchmarks.bench_simulation``: about two minutes. Two loads: functions alone, which simfaas can do
as well (``uv pip install simfaas`` adds it; without it its row says so), and the event-driven architecture with all its
parts. Each engine gets as many requests as it does in some seconds; the table has requests per second of CPU time, how
many times slower than counting with the compiled engine that is, and a figure that all of them have to agree on.

Then runs of growing length, counted and not kept: time has to grow as they do, and memory not at all.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.simulation import direct, kernel, oracle
from resources.simulation import system as codes
from resources.simulation.building import Caller, build_system
from resources.simulation.figures import PART, parts, simulate_figures
from resources.simulation.parameters import bundled
from resources.simulation.system import Counted, Load, Result, System
from tests.simpy_model import SimpyModel
from tests.simulated_systems import constant_draws, ints, load, system
from workloads.scenarios import scenarios

_SECOND = 1_000_000
_PER_S, _WARM_S, _KEEP_S = 20.0, 0.5, 10.0
_ORDERS = 10_000
Timed = tuple[int, float, float]  # requests, CPU seconds, the figure


def _functions(count: int) -> tuple[System, Load]:
    """Poisson arrivals, exponential work, environments that are kept for ten seconds: what simfaas models."""
    random = np.random.default_rng(1)
    due_us = np.cumsum(random.exponential(1e6 / _PER_S, count)).astype(np.int64)
    work_us = random.exponential(_WARM_S * 1e6, count).astype(np.int64)
    room = {"partition_writes": 10**6, "write_capacity": 10**6, "max_capacity": 10**6}
    draws = constant_draws(idle=round(_KEEP_S * 1e6))
    return system(account_concurrency=1000, draws=draws, sample_every_us=10**12, **room), load(due_us, work_us=work_us)


def _whole(count: int, name: str = "event_driven") -> tuple[System, Load]:
    """An architecture at a thousand requests per second, with the bundled parameters."""
    style = architectures()[name]
    due_us = np.sort(np.random.default_rng(2).integers(0, max(1, count // 1000) * _SECOND, count))
    query = ints(np.arange(count) % 2)
    one = build_system(
        style,
        StackSettings(),
        scenarios()["steady"],
        int(due_us[-1]),
        bundled(),
        caller=Caller(0, 29 * _SECOND),
        consumers=5,
        seed=1,
    )
    return one, load(due_us, query=query, queued=np.ones(count), seeded=np.ones(count))


def _timed(run: Callable[[System, Load], float], make: Callable[[int], tuple[System, Load]], count: int) -> Timed:
    both = make(count)
    began = time.process_time()
    figure = run(*both)
    return count, time.process_time() - began, figure


def _counted_cold_share(one: System, calls: Load) -> float:
    counted = direct.stream(one, parts(calls, PART), calls.seeded)
    assert counted is not None
    return float(counted.functions[:, 1].sum() / counted.functions[:, 0].sum())


def _event_by_event_cold_share(one: System, calls: Load) -> float:
    functions = kernel.stream(one, parts(calls, PART), calls.seeded).functions
    return float(functions[:, 1].sum() / functions[:, 0].sum())


def _counted_p50_ms(one: System, calls: Load) -> float:
    return (simulate_figures(one, calls).completions.quantile_us(0.5) or np.nan) / 1000


def _parts(count: int, style: str) -> Iterator[Load]:
    """The load of an architecture at a thousand requests per second, made as it is asked for."""
    queued = style == "event_driven"
    for first in range(0, count, PART):
        random = np.random.default_rng([3, first])
        many = min(PART, count - first)
        due_us = np.sort(random.integers(0, PART * 1000, many)) + first * 1000
        yield load(
            due_us,
            query=np.arange(many) % 2,
            function=np.arange(many) % 2 * (not queued),
            queued=np.full(many, queued),
            order=random.integers(0, _ORDERS, many),
            seeded=np.ones(_ORDERS),
        )


def _direct(system: System, loads: Iterable[Load], seeded: codes.Ints) -> Counted:
    counted = direct.stream(system, loads, seeded)
    assert counted is not None
    return counted


def _streamed(console: Console, title: str, style: str, stream: Any, counts: list[int]) -> None:
    table = Table(title=f"{title}, counted and not kept", title_justify="left")
    for heading in ("requests", "CPU s", "requests/s", "largest memory so far, MB"):
        table.add_column(heading, justify="right")
    one, _ = _whole(10, style)
    for count in counts:
        began = time.process_time()
        stream(one._replace(sample_every_us=10 * _SECOND), _parts(count, style), np.ones(_ORDERS, np.int64))
        seconds = time.process_time() - began
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table.add_row(f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{memory_mb:,.0f}")
    console.print(table)


def _cold_share(result: Result) -> float:
    return float(result.invocations[:, 4].mean())


def _p50_ms(result: Result, due_us: codes.Ints) -> float:
    stored = result.commits > 0
    return float(np.median((result.stamp_us - due_us)[stored]) / 1000)


def _simfaas(count: int) -> Timed | None:
    try:
        from simfaas.ServerlessSimulator import (  # type: ignore[import-not-found]  # noqa: PLC0415 - absent mostly
            ServerlessSimulator,
        )
    except ImportError:
        return None
    simulator: Any = ServerlessSimulator(
        arrival_rate=_PER_S,
        warm_service_rate=1 / _WARM_S,
        cold_service_rate=1 / _WARM_S,
        expiration_threshold=_KEEP_S,
        max_time=count / _PER_S,
    )
    began = time.process_time()
    simulator.generate_trace(debug_print=False, progress=False)
    return count, time.process_time() - began, simulator.total_cold_count / simulator.total_req_count


def _print(console: Console, title: str, figure: str, rows: dict[str, Timed | None]) -> None:
    table = Table(title=title, title_justify="left")
    for heading in ("engine", "requests", "CPU s", "requests/s", "times slower", figure):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    first = rows["numba, counted"]
    assert first is not None
    for name, row in rows.items():
        if row is None:
            table.add_row(name, "not installed: uv pip install simfaas")
            continue
        count, seconds, value = row
        slower = (seconds / count) / (first[1] / first[0])
        table.add_row(name, f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}", f"{slower:,.1f}", f"{value:.4g}")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000, help="of the compiled engine; others get fewer")
    parser.add_argument("--longest", type=int, default=10_000_000, help="requests of the longest run")
    options = parser.parse_args()
    console, many = Console(width=110), options.requests
    began = time.perf_counter()
    compiled = kernel.is_compiled()
    kernel.simulate(*_functions(10))
    simulate_figures(*_functions(10))
    console.print(
        f"loading the compiled engine took {time.perf_counter() - began:.1f} s"
        f" ({'compiled before' if compiled else 'compiled now'})"
    )

    def simpy_cold(one: System, calls: Load) -> float:
        return SimpyModel(one, calls, 1).run().cold / len(calls.due_us)

    _print(
        console,
        "Functions alone: 20 requests/s, 0.5 s of work, kept for 10 s",
        "cold share",
        {
            "numba, counted": _timed(_counted_cold_share, _functions, many),
            "numba, counted event by event": _timed(_event_by_event_cold_share, _functions, many),
            "numba, with rows": _timed(lambda one, calls: _cold_share(kernel.simulate(one, calls)), _functions, many),
            "oracle (heapq)": _timed(
                lambda one, calls: _cold_share(oracle.simulate(one, calls)), _functions, many // 20
            ),
            "SimPy": _timed(simpy_cold, _functions, many // 50),
            "simfaas": _simfaas(many // 100),
        },
    )

    def p50(simulate: Callable[[System, Load], Result]) -> Callable[[System, Load], float]:
        return lambda one, calls: _p50_ms(simulate(one, calls), calls.due_us)

    def simpy_p50(one: System, calls: Load) -> float:
        committed_us = SimpyModel(one, calls, 1).run().committed_us
        return float(np.nanmedian(committed_us - calls.due_us) / 1000)

    _print(
        console,
        "Event-driven, all parts: 1,000 requests/s",
        "written p50, ms",
        {
            "numba, counted": _timed(_counted_p50_ms, _whole, many),
            "numba, with rows": _timed(p50(kernel.simulate), _whole, many),
            "oracle (heapq)": _timed(p50(oracle.simulate), _whole, many // 20),
            "SimPy": _timed(simpy_p50, _whole, many // 50),
        },
    )
    counts = [count for count in (10**6, 10**7, 10**8, 10**9) if count < options.longest] + [options.longest]
    _streamed(console, "Synchronous", "synchronous", _direct, counts)
    _streamed(console, "Event-driven", "event_driven", kernel.stream, counts)


if __name__ == "__main__":
    main()
