"""Objectives: figures that a configuration has to keep below a limit, as people write them.

Put here how an objective is read, and whether figures meet it. Keep out what the figures are
(`assets.analysis.sizing.measuring`), and requirements on comparisons (`assets.analysis.requirements`).
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.quantiles import observations_needed
from workloads.errors import UsageError

_TIMES = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "share": {"%": 0.01, "": 1.0},
    "ms": {unit: 1000 * seconds for unit, seconds in _TIMES.items()},
    "s": _TIMES,
    "usd": {"usd": 1.0, "$": 1.0, "": 1.0},
    "messages": {"": 1.0, "messages": 1.0},
    "environments": {"": 1.0, "environments": 1.0},
}


@dataclass(frozen=True)
class Figure:
    """A figure that an objective may bound: its column in ``grid_cells``, its unit, and its names."""

    column: str
    unit: str
    title: str
    others: tuple[str, ...] = ()

    @property
    def takes(self) -> int:
        """How many requests it takes: of fewer, a quantile is that of a handful."""
        return max(
            (observations_needed(QUANTILES[name]) for name in QUANTILES if f"_{name}_" in self.column), default=1
        )


FIGURES = (
    Figure("refused_share", "share", "refused"),
    Figure("throttled_share", "share", "throttled"),
    Figure("lost_share", "share", "lost"),
    Figure("dead_lettered_share", "share", "dead-lettered", ("dead lettered", "dead letters")),
    Figure("response_p50_ms", "ms", "p50 response", ("response p50", "p50 answer", "median response")),
    Figure("response_p99_ms", "ms", "p99 response", ("response p99", "p99 answer", "answer p99", "response", "answer")),
    Figure("completion_p50_ms", "ms", "p50 completion", ("completion p50", "median completion")),
    Figure("completion_p99_ms", "ms", "p99 completion", ("completion p99", "completion", "done")),
    Figure("drain_s", "s", "drained", ("drain", "drain time")),
    Figure("backlog_peak", "messages", "backlog", ("backlog peak",)),
    Figure("peak_concurrency", "environments", "concurrency", ("peak concurrency",)),
    Figure("cold_share", "share", "cold starts", ("cold",)),
    Figure("usd_per_month", "usd", "cost", ("month", "budget", "bill", "cost a month", "usd a month")),
)
MAYBE_NONE = frozenset({"drain_s", "backlog_peak"})  # figures that there is none of without a queue
_NAMES = {name: figure for figure in FIGURES for name in (figure.column, figure.title, *figure.others)}
_FORM = re.compile(
    r"(?P<what>.+?)\s*(?:<=|<|≤|\bbelow\b|\bunder\b|\bwithin\b|\bat most\b)\s*(?P<limit>[$]?\s*[-+\w.]+?)"
    r"\s*(?P<unit>%|[a-zµ]+|\$|)(?:\s*(?:a|per|/)\s*month)?"
)
DEFAULT = ("refused < 0.1 %", "p99 response < 1 s", "p99 completion < 10 s")


@dataclass(frozen=True)
class Objective:
    """A figure and the limit it has to keep to.

    Attributes:
        figure: Which.
        limit: In the figure's unit.
        text: As the user wrote it.
    """

    figure: Figure
    limit: float
    text: str

    def excess(self, measured: Mapping[str, Any]) -> float:
        """How many times the limit a figure is: up to 1 it is met. What never comes is infinite."""
        value = measured[self.figure.column]
        if value is None:
            # Without a queue nothing has to drain; a time that is not known is that of a request without an answer.
            return 0.0 if self.figure.column in MAYBE_NONE else math.inf
        if self.limit == 0:
            return math.inf if value > 0 else 0.0
        return float(value / self.limit)

    def met(self, measured: Mapping[str, Any]) -> bool:
        """Whether figures keep to it."""
        return self.excess(measured) <= 1

    def value(self, measured: Mapping[str, Any]) -> str:
        """The figure in words, as ``p99 response 412 ms``."""
        return f"{self.figure.title} {written(self.figure, measured[self.figure.column])}"

    def __str__(self) -> str:
        return f"{self.figure.title} at most {written(self.figure, self.limit)}"


def written(figure: Figure, value: float | None) -> str:
    """A figure's value with its unit, rounded for people."""
    if value is None:
        return "nothing to drain" if figure.column == "drain_s" else "never"
    if figure.unit == "share":
        return f"{value * 100:.3g} %"
    if figure.unit == "usd":
        return f"{value:,.2f} USD"
    if figure.unit == "ms":
        return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"
    return f"{value:,.3g} {figure.unit}" if value < 1000 else f"{value:,.0f} {figure.unit}"


def read_objective(text: str) -> Objective:
    """Read an objective, such as ``p99 response < 300 ms``, ``refused < 0.1 %`` or ``cost < 200 USD a month``.

    Raises:
        UsageError: It is none, the figure is unknown, or the limit makes no sense.
    """
    match = _FORM.fullmatch(" ".join(text.split()).lower())
    if match is None:
        raise UsageError(f"{text!r} is no objective: write FIGURE < LIMIT, as in 'p99 response < 300 ms'")
    what = match["what"].strip()
    if (figure := _NAMES.get(what)) is None:
        near = difflib.get_close_matches(what, _NAMES, n=2, cutoff=0.6)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(one.title for one in FIGURES)}"
        )
        raise UsageError(f"{text!r}: unknown figure {what!r}: {hint}")
    units = dict(_UNITS[figure.unit])
    if what == figure.column:
        units.setdefault("", 1.0)
    try:
        number = float(match["limit"].strip(" $").replace("_", ""))
    except ValueError:
        number = math.nan
    if match["unit"] not in units:
        known = " or ".join(unit for unit in units if unit)
        raise UsageError(
            f"{text!r}: the limit of {figure.title} is in {known}, not {match['unit'] or 'without a unit'}"
        )
    limit = number * units[match["unit"]]
    highest = 1.0 if figure.unit == "share" else math.inf
    if not (math.isfinite(limit) and 0 <= limit <= highest and (limit > 0 or figure.unit == "share")):
        bound = "from 0 to 100 %" if figure.unit == "share" else f"above 0 {figure.unit}, and a number"
        raise UsageError(f"{text!r}: the limit of {figure.title} must be {bound}")
    return Objective(figure, limit, text)


def missed(objectives: Iterable[Objective], measured: Mapping[str, Any]) -> list[Objective]:
    """Those that figures do not keep to, the worst first."""
    found = [one for one in objectives if not one.met(measured)]
    return sorted(found, key=lambda one: -one.excess(measured))
