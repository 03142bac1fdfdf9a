"""A recording of the library in figures for people.

Put here counts, rates and shares. Keep out how they are printed (`orchestration.commands.workloads`) and the course
over time (`workloads.recordings.traffic`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.errors import ArchduelError
from workloads.recordings.library import Library
from workloads.recordings.rates import RateOverTime


@dataclass(frozen=True)
class Figures:
    """A recording's figures. ``provenance`` is what its import or recorder wrote beside it; empty where nothing is."""

    requests: int
    duration_s: float
    mean_per_s: float
    peak_per_s: float  # requests in the busiest second
    command_share: float  # 0 to 1
    subsecond: str  # "recorded", "synthetic" or "mixed"
    rate: str  # a sparkline
    provenance: Mapping[str, Any]

    @property
    def left_out(self) -> str:
        """How many of an import's lines became no requests, such as ``1 of 10,000``; a dash where it had none."""
        if "lines" not in self.provenance:
            return "-"
        left_out = self.provenance.get("dropped", 0) + self.provenance.get("quarantined", 0)
        return f"{left_out:,} of {self.provenance['lines']:,}"


def figures(library: Library, name: str) -> Figures:
    """Read the figures of a recording of the library; `ArchduelError` if it is damaged or holds no requests."""
    path = library.paths()[name]
    try:
        table = pq.read_table(path, columns=["arrival_us", "operation", "subsecond"])
    except (pa.ArrowException, OSError) as error:
        raise ArchduelError(f"recording {name!r} cannot be read ({path}): {error}; import it again") from None
    arrival_us = table.column("arrival_us").to_numpy()
    if not len(arrival_us):
        raise ArchduelError(f"recording {name!r} holds no requests: record or import it again")
    kinds = pc.unique(table.column("subsecond")).to_pylist()
    duration_us = int(arrival_us[-1] - arrival_us[0])
    rate = RateOverTime()
    rate.add(arrival_us - arrival_us[0])
    return Figures(
        requests=len(arrival_us),
        duration_s=duration_us / 1e6,
        mean_per_s=len(arrival_us) / max(duration_us / 1e6, 1.0),
        peak_per_s=rate.peak_per_s,
        command_share=float(pc.mean(pc.equal(table.column("operation"), "command")).as_py()),
        subsecond=kinds[0] if len(kinds) == 1 else "mixed",
        rate=rate.sparkline(width=12),
        provenance=library.provenance(name),
    )
