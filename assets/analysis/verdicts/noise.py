"""The noise floor: what comparing an architecture with itself shows, and what can be decided over it.

Belongs here: figures of the A/A arm. Its verdicts are made with all others, in `pairwise`.
"""

import duckdb
import pyarrow as pa

from assets.analysis.statistics.power import power
from assets.analysis.verdicts.pairing import origin, pairings
from assets.analysis.verdicts.rules import Rules, rules
from assets.analysis.verdicts.schemas import NOISE


def noise(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, pairs: pa.Table, by: Rules | None = None
) -> pa.Table:
    """The table ``noise``: a row for each architecture, cell, operation and metric of the A/A arm, without rows where
    there is none. ``pairs`` is the table ``pairwise``, whose verdicts these are. Noise and powers are NULL where fewer
    than two repetitions were compared.
    """
    by = by or rules()
    about = origin(connection, comparison_id, by)
    verdicts = {
        (row["workload"], row["scenario"], row["operation"], row["variant"], row["candidate"], row["metric"]): row
        for row in pairs.to_pylist()
        if row["arm"] == "aa"
    }
    rows = []
    for one in pairings(connection, about, by):
        family = one.family
        key = (family.workload, family.scenario, family.operation, family.variant, family.candidate, one.metric.name)
        if family.arm != "aa" or key not in verdicts:
            continue
        powers = {
            f"power_{repetitions}": None
            if one.noise is None
            else power(
                repetitions,
                noise=one.noise,
                margin=one.margin,
                family=len(by.metrics),
                confidence=about.confidence,
            )
            for repetitions in (8, 16)
        }
        rows.append(
            {
                "comparison_id": comparison_id,
                "workload": family.workload,
                "scenario": family.scenario,
                "operation": family.operation,
                "architecture": family.candidate,
                "variant": family.variant,
                "metric": one.metric.name,
                "unit": one.metric.unit,
                "pairs": len(one.differences),
                "noise": one.noise,
                "margin": one.metric.margin,
                **powers,
                "verdict": verdicts[key]["verdict"],
                "target": about.target,
            }
        )
    return pa.Table.from_pylist(rows, schema=NOISE)
