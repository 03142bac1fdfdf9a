"""Made-up latencies: how long a service would have taken, by a documented distribution and a seed.

Put here what stands in for a service's own work, as in the bundled recording, whose provenance has the parameters. Keep
out what latencies mean in a replay (`workloads.replay.work`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
import pyarrow as pa

_P99 = NormalDist().inv_cdf(0.99)


@dataclass(frozen=True)
class LogNormal:
    """A log-normal distribution of milliseconds, by its median and its 99th percentile."""

    median_ms: float
    p99_ms: float

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """The distribution that a provenance describes."""
        return cls(float(parameters["median_ms"]), float(parameters["p99_ms"]))

    def us(self, drawn: np.random.Generator, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Draw so many latencies, in microseconds."""
        sigma = np.log(self.p99_ms / self.median_ms) / _P99
        found: np.ndarray[Any, np.dtype[np.int64]] = np.round(
            1000 * self.median_ms * np.exp(sigma * drawn.standard_normal(count))
        ).astype(np.int64)
        return found


def with_latencies(table: pa.Table, model: Mapping[str, Mapping[str, Any]], seed: int) -> pa.Table:
    """A recording's table with latencies drawn for each operation.

    Args:
        table: As `workloads.recordings.recording.SCHEMA` has it.
        model: The parameters of a `LogNormal` by operation.
        seed: What draws them.
    """
    operations = np.array(table.column("operation").to_pylist(), dtype=object)
    latency_us = np.zeros(len(operations), np.int64)
    for number, (operation, parameters) in enumerate(sorted(model.items())):
        of = operations == operation
        latency_us[of] = LogNormal.of(parameters).us(np.random.default_rng([seed, number]), int(of.sum()))
    at = table.schema.get_field_index("recorded_latency_us")
    return table.set_column(at, table.schema.field(at), pa.array(latency_us))
