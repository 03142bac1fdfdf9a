"""Where synchronous and event-driven break even on AWS, by the price model.

Put what a batch size, a rate or fixed work per invocation does to the cost of either here. Keep out the costs of
observed replays (`assets.analysis.cost.counting`) and the model (`resources.prices.model`).

Everything here is `simulated`: nothing is counted from a replay.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq

from resources.prices.book import GATEWAYS, PROCESSORS, Assumptions, Gateway, Prices, Processor
from resources.prices.model import Counts, batch_size, expected_counts, total_usd

SYNCHRONOUS, EVENT_DRIVEN = "synchronous", "event_driven"
_BATCH_SIZES = (1, 2, 5, 10)
_WINDOWS_S = (0, 1, 5)

Modelled = Callable[[float], tuple[Counts, Assumptions]]  # what serving takes at an x, and what is assumed there

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
    """Curves and their crossings.

    Attributes:
        curves: USD by x, a row for each point of each series (schema `CURVES`).
        crossings: one row or more for each event-driven series (schema `CROSSINGS`).
    """

    curves: pa.Table
    crossings: pa.Table


@dataclass(frozen=True)
class _Sweep:
    """One thing that varies: its values, what the two architectures take there, and how an x reads in a sentence."""

    name: str
    unit: str
    xs: tuple[float, ...]
    series: dict[str, Modelled]
    synchronous: Modelled
    words: str


@dataclass(frozen=True)
class _Bill:
    """Prices with one gateway and one processor."""

    prices: Prices
    gateway: Gateway
    processor: Processor

    def usd(self, modelled: Modelled, x: float) -> float:
        """USD per million committed commands."""
        counts, assumed = modelled(x)
        return total_usd(counts, self.prices, assumed, gateway=self.gateway, processor=self.processor)

    def surplus(self, modelled: Modelled, baseline: Modelled, x: float) -> float:
        """USD more than the baseline."""
        return self.usd(modelled, x) - self.usd(baseline, x)


def break_even(prices: Prices, assumptions: Assumptions, *, queries_per_command: float = 0) -> BreakEven:
    """Model synchronous and event-driven where nothing fails, while one of three things varies.

    - ``batch_size``: 1 to 10,000 messages, in a queue that is never empty.
    - ``rate``: commands per second, by window; empty polls and the batches that result from the rate are included.
    - ``fixed_work``: milliseconds per invocation, by batch size.

    Crossings are found by Brent's method between neighbouring points of the curves.

    Args:
        prices: of AWS.
        assumptions: of the model.
        queries_per_command: how many queries come with each command.

    Returns:
        Curves and crossings for each gateway and processor, in USD per million committed commands.
    """
    sweeps = _sweeps(assumptions, queries_per_command)
    curves: list[dict[str, Any]] = []
    crossings: list[dict[str, Any]] = []
    for gateway, processor in itertools.product(GATEWAYS, PROCESSORS):
        bill = _Bill(prices, gateway, processor)
        for sweep in sweeps:
            same = {
                "sweep": sweep.name,
                "gateway": gateway,
                "processor": processor,
                "x_unit": sweep.unit,
                "evidence": "simulated",
            }
            for series, modelled in {SYNCHRONOUS: sweep.synchronous, **sweep.series}.items():
                curves += [{**same, "series": series, "x": x, "usd": bill.usd(modelled, x)} for x in sweep.xs]
            for series, modelled in sweep.series.items():
                for x, cheaper in _roots(sweep.xs, partial(bill.surplus, modelled, sweep.synchronous)):
                    usd = None if x is None else bill.usd(sweep.synchronous, x)
                    sentence = _sentence(sweep, series, x, usd, cheaper)
                    crossings.append(
                        {**same, "series": series, "x": x, "usd": usd, "cheaper": cheaper, "sentence": sentence}
                    )
    return BreakEven(pa.Table.from_pylist(curves, schema=CURVES), pa.Table.from_pylist(crossings, schema=CROSSINGS))


def _sweeps(assumptions: Assumptions, queries_per_command: float) -> list[_Sweep]:
    operations = ("command", "query")

    def synchronous(_x: float) -> tuple[Counts, Assumptions]:
        return expected_counts((), queries_per_command=queries_per_command), assumptions

    def in_batches(batch: float) -> tuple[Counts, Assumptions]:
        return expected_counts(operations, queries_per_command=queries_per_command, batch=batch), assumptions

    def at_rate(assumed: Assumptions) -> Modelled:
        def modelled(rate_per_s: float) -> tuple[Counts, Assumptions]:
            batch = batch_size(rate_per_s * (1 + queries_per_command), assumed)
            return (
                expected_counts(
                    operations, queries_per_command=queries_per_command, batch=batch, seconds=1e6 / rate_per_s
                ),
                assumed,
            )

        return modelled

    def with_fixed_work(queued: Sequence[str], batch: float) -> Modelled:
        def modelled(fixed_ms: float) -> tuple[Counts, Assumptions]:
            counts = expected_counts(queued, queries_per_command=queries_per_command, batch=batch)
            return counts, assumptions.having(fixed_ms=fixed_ms)

        return modelled

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
                for window in _WINDOWS_S
                if window >= 1 or assumptions.batch_size.value <= 10
            },
            synchronous,
            "{} commands per second",
        ),
        _Sweep(
            "fixed_work",
            "ms per invocation",
            tuple(float(x) for x in (*range(0, 100, 5), *range(100, 1001, 50))),
            {f"{EVENT_DRIVEN}, batch of {size}": with_fixed_work(operations, size) for size in _BATCH_SIZES},
            with_fixed_work((), 1),
            "{} ms of fixed work per invocation",
        ),
    ]


def _roots(xs: Sequence[float], surplus: Callable[[float], float]) -> Iterator[tuple[float | None, str]]:
    """Where event-driven becomes cheaper or dearer, and on which side it is cheaper; a None says that it never does."""
    last: tuple[float, float] | None = None  # the last point where one of the two was dearer
    crossed = False
    for x in xs:
        y = surplus(x)
        if abs(y) < 1e-9:  # less than a cent in ten million: equally dear
            continue
        if last is not None and (last[1] > 0) != (y > 0):
            crossed = True
            yield float(brentq(surplus, last[0], x, xtol=1e-9)), "above" if y < 0 else "below"
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
