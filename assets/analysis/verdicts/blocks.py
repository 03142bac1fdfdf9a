"""What a few repetitions can show: intervals from blocks of time within them, paired between contenders.

Put reading requests by block and resampling them here. Keep out counting (`assets.analysis.outcomes.intervals`) and
when such an interval decides (`assets.analysis.statistics.verdicts`): it does not know how repetitions differ.
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
    """Whose requests are counted: the key of its outcomes, without the comparison."""

    architecture: str
    variant: str
    arm: str
    workload: str
    scenario: str


@dataclass(frozen=True)
class BlockCounts:
    """One contender's requests of one operation, counted by block; the blocks of its repetitions follow each other.

    Attributes:
        offered: requests, shape ``[blocks]``.
        events: by metric, requests that count as successes, shape ``[blocks]``.
        bins: by measure, requests by latency bin, shape ``[blocks, bins]``.
    """

    offered: Counts
    events: dict[str, Counts]
    bins: dict[str, Counts]


@dataclass
class Blocks:
    """The intervals of one comparison. Each contender's requests are read once, when they are first needed.

    Attributes:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        confidence: of the intervals.
    """

    connection: duckdb.DuckDBPyConnection
    comparison_id: str
    confidence: float
    _tables: dict[Contender, Columns] = field(default_factory=dict)

    def interval(self, pairing: Pairing) -> tuple[float, float] | None:
        """Return the interval of a pairing's difference, on the judging scale.

        Returns:
            Lower and upper end; None where blocks cannot say: only one side measured anything, a time lies beyond what
            was watched, or the two sides were not offered the same requests.
        """
        family, name = pairing.family, pairing.metric.name
        cell = (family.workload, family.scenario)
        baseline, candidate = (
            self._counted(Contender(architecture, family.variant, arm, *cell), family.operation, pairing.repetitions)
            for architecture, arm in ((family.baseline, "main"), (family.candidate, family.arm))
        )
        if not baseline.offered.any() or (baseline.offered != candidate.offered).any():
            return None
        used = baseline.offered > 0
        repetition = _repetition_of_block(pairing)[used]
        if pairing.metric.unit == "share":
            low, high = bootstrap.share_difference_interval(
                baseline.events[name][used],
                candidate.events[name][used],
                baseline.offered[used],
                repetition=repetition,
                confidence=self.confidence,
            )
        else:
            quantile, measure = name.rpartition("_")[2], pairing.measure
            [(_, low, high)] = bootstrap.quantile_ratio_intervals(
                baseline.bins[measure][used],
                candidate.bins[measure][used],
                EDGES,
                [QUANTILES[quantile]],
                repetition=repetition,
                confidence=self.confidence,
            )
        return (float(low), float(high)) if np.isfinite([low, high]).all() else None

    def _counted(self, contender: Contender, operation: str, repetitions: tuple[int, ...]) -> BlockCounts:
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

        return BlockCounts(
            offered=per_block("offered"),
            events={name: per_block(name) for name in ("acknowledged_share", "done_share")},
            bins={name: per_bin(name) for name in ("response", "completion", "response_of_all", "completion_of_all")},
        )

    def _table(self, contender: Contender) -> Columns:
        if contender not in self._tables:
            key = {"comparison_id": self.comparison_id, **contender._asdict()}
            condition = " AND ".join(f"{column} = ${column}" for column in key)
            sources = ", ".join(
                f"{name} AS (FROM main.{name} WHERE {condition}{' AND valid' if name == 'experiments' else ''})"
                for name in ("requests", "effects", "experiments")
            )
            self._tables[contender] = counted_by_block(self.connection, sources, key)
        return self._tables[contender]


def _repetition_of_block(pairing: Pairing) -> npt.NDArray[np.int64]:
    return np.repeat(np.asarray(pairing.repetitions, dtype=np.int64), PER_REPETITION)
