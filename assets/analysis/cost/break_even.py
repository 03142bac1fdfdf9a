"""Where architectures break even on AWS, by the price model.

Put what a batch size, a rate, fixed work per invocation or a month's volume does to the cost of either here. Keep out
the costs of observed replays (`assets.analysis.cost.counting`) and the model (`resources.prices.model`).

Everything here is `modelled`. `break_even` counts nothing from a replay; `turning_volumes` takes the mix of requests
of one, at volumes that were not replayed.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq

from assets.analysis.cost.counting import Counted, monthly_usd
from resources.prices.book import GATEWAYS, PROCESSORS, Assumptions, Gateway, Prices, Processor
from resources.prices.model import Counts, expected_counts, total_usd

SYNCHRONOUS, EVENT_DRIVEN = "synchronous", "event_driven"
_BATCH_SIZES = (1, 2, 5, 10)
_WINDOWS_S = (0, 1, 5)
# Callers' requests a month, a few from the next: 0.0004 to 11,000 a second.
_VOLUMES = tuple(float(x) for x in np.geomspace(1e3, 3e10, 121))

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
                "evidence": "modelled",
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


@dataclass(frozen=True)
class Turning:
    """A volume at which two contenders cost the same.

    Attributes:
        requests_per_month: Callers' requests.
        usd_per_month: What either costs there.
        cheaper_below: The architecture that costs less at smaller volumes.
        cheaper_above: The one that does at greater volumes.
    """

    requests_per_month: float
    usd_per_month: float
    cheaper_below: str
    cheaper_above: str

    @property
    def sentence(self) -> str:
        """The same for people."""
        return (
            f"Modelled, from {_rounded(self.requests_per_month)} requests a month on {self.cheaper_above} is cheaper"
            f" than {self.cheaper_below}; there both cost {self.usd_per_month:,.2f} USD a month."
        )


def turning_volumes(
    one: Counted,
    other: Counted,
    prices: Prices,
    assumptions: Assumptions,
    *,
    gateway: Gateway = "rest",
    processor: Processor = "x86",
) -> list[Turning]:
    """From how many requests a month on another architecture is the cheaper one, for the mix that was replayed.

    Args:
        one: What the mix took one contender (`assets.analysis.cost.counting.counted`).
        other: What it took another.
        prices: of AWS.
        assumptions: of the model.
        gateway: Kind of API.
        processor: Of the functions.

    Returns:
        Every such volume from a thousand to thirty thousand million requests a month, in order; none where one of the
        two is the cheaper throughout.

    Raises:
        ValueError: One of the two committed nothing.
    """

    def usd(contender: Counted, volume: float) -> float:
        return monthly_usd(
            contender, prices, assumptions, requests_per_month=volume, gateway=gateway, processor=processor
        )

    def surplus_share(volume: float) -> float:
        return usd(other, volume) / usd(one, volume) - 1

    return [
        Turning(
            volume,
            usd(one, volume),
            cheaper_below=(one if cheaper == "above" else other).architecture,
            cheaper_above=(other if cheaper == "above" else one).architecture,
        )
        for volume, cheaper in _roots(_VOLUMES, surplus_share)
        if volume is not None
    ]


def _sweeps(assumptions: Assumptions, queries_per_command: float) -> list[_Sweep]:
    operations = ("command", "query")

    def synchronous(_x: float) -> tuple[Counts, Assumptions]:
        return expected_counts((), queries_per_command=queries_per_command), assumptions

    def in_batches(batch: float) -> tuple[Counts, Assumptions]:
        return expected_counts(operations, queries_per_command=queries_per_command, batch=batch), assumptions

    def at_rate(queued: Sequence[str], assumed: Assumptions) -> Modelled:
        def modelled(rate_per_s: float) -> tuple[Counts, Assumptions]:
            counts = expected_counts(queued, queries_per_command=queries_per_command, seconds=1e6 / rate_per_s)
            return counts.batched(assumed), assumed

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
                f"{EVENT_DRIVEN}, window {window} s": at_rate(operations, assumptions.having(window_s=window))
                for window in _WINDOWS_S
                if window >= 1 or assumptions.batch_size.value <= 10
            },
            at_rate((), assumptions),
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
    return (
        f"Modelled, {series} and synchronous both cost {usd:.2f} USD per million commands at"
        f" {sweep.words.format(_rounded(x))}; {cheaper} that event-driven is cheaper."
    )


def _rounded(x: float) -> str:
    """To three digits, without an exponent."""
    return f"{x:.3g}" if x < 100 else f"{float(f'{x:.3g}'):,.0f}"
