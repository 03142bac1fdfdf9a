"""What a month costs each architecture, at the volume that is assumed and at any other.

Put here which bill of the table ``cost`` counts for requirements and preferences. Keep out prices
(`resources.prices`) and counting what is paid for (`assets.analysis.cost`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.analysis.requirements.figures import Contender
from assets.analysis.requirements.model import Assumptions

UsdAt = Callable[[Contender, float], float | None]
"""USD a month of a contender at so many requests a month; None where it is not known."""
_BUILD = ("rest", "x86")  # the dearer gateway and the common processor


@dataclass(frozen=True)
class Bills:
    """The bills of one comparison.

    Attributes:
        cost: Rows of its table ``cost``.
        assumptions: How many requests a month has.
        usd_at: Prices another volume; None: only the recorded one is known.
    """

    cost: Sequence[Mapping[str, Any]]
    assumptions: Assumptions
    usd_at: UsdAt | None = None

    def volume(self, workload: str) -> float | None:
        """Requests of a month: as many as are assumed, or else as at the recording's own rate."""
        if self.assumptions.month != "recorded":
            return self.assumptions.month
        return next((row["requests_per_month"] for row in self.cost if row["workload"] == workload), None)

    def usd(self, contender: Contender, measure: str) -> float | None:
        """USD of a contender: ``usd_per_month``, or ``usd_per_million`` committed commands; None if it is not known."""
        if measure == "usd_per_month" and self.assumptions.month != "recorded":
            return self.at(contender, self.assumptions.month)
        column = "usd_per_month" if measure == "usd_per_month" else "usd"
        items: list[float | None] = [
            row[column]
            for row in self.cost
            if tuple(row[name] for name in Contender._fields) == contender
            and (row["gateway"], row["processor"]) == _BUILD
        ]
        known = [usd for usd in items if usd is not None]
        return sum(known) if known and len(known) == len(items) else None

    def at(self, contender: Contender, volume: float) -> float | None:
        """USD a month at so many requests a month; None where it is not known."""
        return None if self.usd_at is None else self.usd_at(contender, volume)
