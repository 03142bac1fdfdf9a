"""Two architectures' costs side by side: differences for the claims, and where they break even.

Everything here is `simulated`: counts may be observed, but durations, polls and batches are the model's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq

from resources.prices.book import GATEWAYS, PROCESSORS, Assumptions, Gateway, Prices, Processor
from resources.prices.model import Counts, batch_size, expected_counts, total_usd

EVIDENCE = "simulated"
SYNCHRONOUS, EVENT_DRIVEN = "synchronous", "event_driven"

CURVES = pa.schema(
    [
        pa.field("sweep", pa.string()),  # batch_size, rate, fixed_work
        pa.field("gateway", pa.string()),
        pa.field("processor", pa.string()),
        pa.field("series", pa.string()),
        pa.field("x", pa.float64()),
        pa.field("x_unit", pa.string()),
        pa.field("usd", pa.float64()),  # per million committed commands
        pa.field("evidence", pa.string()),
    ]
)
CROSSINGS = pa.schema(
    [
        pa.field("sweep", pa.string()),
        pa.field("gateway", pa.string()),
        pa.field("processor", pa.string()),
        pa.field("series", pa.string()),
        pa.field("x", pa.float64()),  # null: it never is as cheap, or as dear, as synchronous
        pa.field("x_unit", pa.string()),
        pa.field("usd", pa.float64()),  # null with x
        pa.field("cheaper", pa.string()),  # above, below (x), always, never
        pa.field("sentence", pa.string()),
        pa.field("evidence", pa.string()),
    ]
)


@dataclass(frozen=True)
class BreakEven:
    """``curves`` (schema `CURVES`) to draw, and ``crossings`` (schema `CROSSINGS`), one row or more for each series."""

    curves: pa.Table
    crossings: pa.Table


@dataclass(frozen=True)
class _Sweep:
    """One thing that varies: where, what event-driven is made of there, and how an x reads in a sentence."""

    name: str
    unit: str
    xs: tuple[float, ...]
    series: dict[str, Callable[[float], tuple[Counts, Assumptions]]]
    synchronous: Callable[[float], tuple[Counts, Assumptions]]
    words: str


def break_even(
    prices: Prices,
    assumptions: Assumptions,
    *,
    queries_per_command: float = 0,
    batch_sizes: Sequence[int] = (1, 2, 5, 10),
    windows_s: Sequence[int] = (0, 1, 5),
) -> BreakEven:
    """USD per million commands of synchronous and event-driven where nothing fails, over three things in turn.

    ``batch_size`` (1 to 10,000) in a queue that is never empty; ``rate`` (commands per second), by window, empty polls
    and the batches that come of the rate included; ``fixed_work`` (ms per invocation), by batch size. Crossings are
    computed by Brent's method between neighbouring points of the curves.
    """
    sweeps = _sweeps(assumptions, queries_per_command, batch_sizes, windows_s)
    curves: list[dict[str, Any]] = []
    crossings: list[dict[str, Any]] = []
    for gateway, processor in _bills():
        for sweep in sweeps:
            same = {
                "sweep": sweep.name,
                "gateway": gateway,
                "processor": processor,
                "x_unit": sweep.unit,
                "evidence": EVIDENCE,
            }

            def usd(
                made: Callable[[float], tuple[Counts, Assumptions]],
                x: float,
                gateway: Gateway = gateway,
                processor: Processor = processor,
            ) -> float:
                counts, assumed = made(x)
                return total_usd(counts, prices, assumed, gateway=gateway, processor=processor)

            baseline = [usd(sweep.synchronous, x) for x in sweep.xs]
            curves += [
                {**same, "series": SYNCHRONOUS, "x": x, "usd": y} for x, y in zip(sweep.xs, baseline, strict=True)
            ]
            for series, made in sweep.series.items():
                costs = [usd(made, x) for x in sweep.xs]
                curves += [{**same, "series": series, "x": x, "usd": y} for x, y in zip(sweep.xs, costs, strict=True)]
                surplus = [cost - base for cost, base in zip(costs, baseline, strict=True)]

                def difference(
                    x: float,
                    made: Callable[[float], tuple[Counts, Assumptions]] = made,
                    sweep: _Sweep = sweep,
                    usd: Callable[..., float] = usd,
                ) -> float:
                    return usd(made, x) - usd(sweep.synchronous, x)

                for x, cheaper in _roots(sweep.xs, surplus, difference):
                    at = None if x is None else usd(sweep.synchronous, x)
                    told = _sentence(sweep, series, x, at, cheaper)
                    crossings.append(
                        {**same, "series": series, "x": x, "usd": at, "cheaper": cheaper, "sentence": told}
                    )
    return BreakEven(pa.Table.from_pylist(curves, schema=CURVES), pa.Table.from_pylist(crossings, schema=CROSSINGS))


def _sweeps(
    assumptions: Assumptions, queries_per_command: float, batch_sizes: Sequence[int], windows_s: Sequence[int]
) -> list[_Sweep]:
    operations = ("command", "query")

    def synchronous(_x: float) -> tuple[Counts, Assumptions]:
        return expected_counts((), queries_per_command=queries_per_command), assumptions

    def in_batches(batch: float) -> tuple[Counts, Assumptions]:
        return expected_counts(operations, queries_per_command=queries_per_command, batch=batch), assumptions

    def at_rate(assumed: Assumptions) -> Callable[[float], tuple[Counts, Assumptions]]:
        def made(rate_per_s: float) -> tuple[Counts, Assumptions]:
            batch = batch_size(rate_per_s * (1 + queries_per_command), assumed)
            return (
                expected_counts(
                    operations, queries_per_command=queries_per_command, batch=batch, seconds=1e6 / rate_per_s
                ),
                assumed,
            )

        return made

    def with_fixed_work(queued: Sequence[str], batch: float) -> Callable[[float], tuple[Counts, Assumptions]]:
        def made(fixed_ms: float) -> tuple[Counts, Assumptions]:
            counts = expected_counts(queued, queries_per_command=queries_per_command, batch=batch)
            return counts, assumptions.having(fixed_ms=fixed_ms)

        return made

    return [
        _Sweep(
            "batch_size",
            "messages per batch",
            (*range(1, 11), *range(20, 101, 10), *range(200, 1001, 100), *range(2000, 10_001, 1000)),
            {EVENT_DRIVEN: in_batches},
            synchronous,
            "{} messages per batch",
        ),
        _Sweep(
            "rate",
            "commands per second",
            tuple(float(x) for x in np.geomspace(1e-3, 1e4, 57)),
            {
                f"{EVENT_DRIVEN}, window {window} s": at_rate(assumptions.having(window_s=window))
                for window in windows_s
                if window >= 1 or assumptions.batch_size.value <= 10
            },
            synchronous,
            "{} commands per second",
        ),
        _Sweep(
            "fixed_work",
            "ms per invocation",
            tuple(float(x) for x in (*range(0, 100, 5), *range(100, 1001, 50))),
            {f"{EVENT_DRIVEN}, batch of {size}": with_fixed_work(operations, size) for size in batch_sizes},
            with_fixed_work((), 1),
            "{} ms of fixed work per invocation",
        ),
    ]


def _roots(
    xs: Sequence[float], surplus: Sequence[float], difference: Callable[[float], float]
) -> Iterator[tuple[float | None, str]]:
    """Where event-driven becomes cheaper or dearer, and on which side it is cheaper; where it never does, just that."""
    last: tuple[float, float] | None = None  # the last point where one of the two was dearer
    crossed = False
    for x, y in zip(xs, surplus, strict=True):
        if abs(y) < 1e-9:  # less than a cent in ten million: as dear
            continue
        if last is not None and (last[1] > 0) != (y > 0):
            crossed = True
            yield float(brentq(difference, last[0], x, xtol=1e-9)), "above" if y < 0 else "below"
        last = (x, y)
    if not crossed:
        yield None, "always" if last is not None and last[1] < 0 else "never"


def _sentence(sweep: _Sweep, series: str, x: float | None, usd: float | None, cheaper: str) -> str:
    series = series.replace(EVENT_DRIVEN, "event-driven")
    if x is None or usd is None:
        extent = f"{sweep.xs[0]:,g} to {sweep.words.format(f'{sweep.xs[-1]:,g}')}"
        return f"Modelled, {series} is {cheaper} cheaper than synchronous from {extent}."
    rounded = f"{x:.3g}" if x < 100 else f"{x:,.0f}"
    return (
        f"Modelled, {series} and synchronous both cost {usd:.2f} USD per million commands at"
        f" {sweep.words.format(rounded)}; {cheaper} that event-driven is cheaper."
    )


def _bills() -> Iterator[tuple[Gateway, Processor]]:
    return ((gateway, processor) for gateway in GATEWAYS for processor in PROCESSORS)
