"""What few repetitions can show: intervals from blocks of time within them, paired between contenders.

Belongs here: resampling blocks of requests, counted as `assets.analysis.outcomes.intervals` does. They know nothing of
how repetitions differ, so times are not judged by them, and nothing is where there are repetitions enough
(`assets.analysis.statistics.verdicts`).
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from assets.analysis.outcomes.intervals import EDGES, PER_REPETITION, QUANTILES, Columns, counted_by_block
from assets.analysis.statistics import bootstrap
from assets.analysis.verdicts.pairing import Pairing

Counts = npt.NDArray[np.float64]


class Contender(NamedTuple):
    """Whose requests are counted: the key of its outcomes, but for the comparison."""

    architecture: str
    variant: str
    arm: str
    workload: str
    scenario: str


@dataclass(frozen=True)
class Counted:
    """One contender's requests of one operation by blocks: ``offered`` and events, shape [blocks], by metric; counts by
    bin, shape [blocks, bins], by measure. The blocks of its repetitions stand one after another.
    """

    offered: Counts
    events: dict[str, Counts]
    bins: dict[str, Counts]


@dataclass
class Blocks:
    """Intervals of one comparison. Each contender's requests are read once, when first asked for."""

    connection: duckdb.DuckDBPyConnection
    comparison_id: str
    confidence: float
    _tables: dict[Contender, Columns] = field(default_factory=dict)

    def interval(self, pairing: Pairing) -> tuple[float, float] | None:
        """The interval of a pairing's difference, on the judging scale; None where blocks say nothing: something was
        measured on one side only, lies beyond what was watched, or other requests were offered.
        """
        family, name = pairing.family, pairing.metric.name
        cell = (family.workload, family.scenario)
        baseline, candidate = (
            self._counted(Contender(architecture, family.variant, arm, *cell), family.operation, pairing.repetitions)
            for architecture, arm in ((family.baseline, "main"), (family.candidate, family.arm))
        )
        if not baseline.offered.any() or (baseline.offered != candidate.offered).any():
            return None
        asked = baseline.offered > 0
        repetition = _repetition_of_block(pairing)[asked]
        if pairing.metric.unit == "share":
            low, high = bootstrap.share_difference_interval(
                baseline.events[name][asked],
                candidate.events[name][asked],
                baseline.offered[asked],
                repetition=repetition,
                confidence=self.confidence,
            )
        else:
            measure, _, quantile = name.partition("_")
            [(_, low, high)] = bootstrap.quantile_ratio_intervals(
                baseline.bins[measure][asked],
                candidate.bins[measure][asked],
                EDGES,
                [QUANTILES[quantile]],
                repetition=repetition,
                confidence=self.confidence,
            )
        return (float(low), float(high)) if np.isfinite([low, high]).all() else None

    def _counted(self, contender: Contender, operation: str, repetitions: tuple[int, ...]) -> Counted:
        table = self._table(contender)
        kept = (table["operation"] == operation) & np.isin(table["repetition"], repetitions)
        what, bins, n = table["what"][kept], table["bin"][kept], table["n"][kept]
        position = np.searchsorted(repetitions, table["repetition"][kept]) * PER_REPETITION + table["block"][kept]
        size = len(repetitions) * PER_REPETITION

        def per_block(name: str) -> Counts:
            counts = np.zeros(size)
            np.add.at(counts, position[what == name], n[what == name])
            return counts

        def per_bin(name: str) -> Counts:
            counts = np.zeros((size, EDGES.size + 1))
            np.add.at(counts, (position[what == name], bins[what == name]), n[what == name])
            return counts

        return Counted(
            offered=per_block("offered"),
            events={name: per_block(name) for name in ("acknowledged_share", "done_share")},
            bins={name: per_bin(name) for name in ("response", "completion")},
        )

    def _table(self, contender: Contender) -> Columns:
        if contender not in self._tables:
            key = {"comparison_id": self.comparison_id, **contender._asdict()}
            mine = " AND ".join(f"{column} = ${column}" for column in key)
            sources = ", ".join(
                f"{name} AS (FROM main.{name} WHERE {mine}{' AND valid' if name == 'experiments' else ''})"
                for name in ("requests", "effects", "experiments")
            )
            self._tables[contender] = counted_by_block(self.connection, sources, key)
        return self._tables[contender]


def _repetition_of_block(pairing: Pairing) -> npt.NDArray[np.int64]:
    return np.repeat(np.asarray(pairing.repetitions, dtype=np.int64), PER_REPETITION)
