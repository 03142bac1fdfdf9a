"""The table ``noise``: what comparing an architecture with itself shows, and what could be decided over that noise.

Put figures of the A/A arm here. Keep out its verdicts, which are made with all others
(`assets.analysis.verdicts.pairwise`).
"""

from collections import defaultdict

import duckdb
import pyarrow as pa

from assets.analysis.statistics.power import power
from assets.analysis.verdicts.pairing import Family, pairings, read_comparison
from resources.warehouse.schema import schema


def noise(connection: duckdb.DuckDBPyConnection, comparison_id: str, pairs: pa.Table) -> pa.Table:
    """Make the table ``noise`` of one comparison.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        pairs: its table ``pairwise``, whose verdicts on the A/A arm are repeated.

    Returns:
        A row for each architecture, cell, operation and metric of the A/A arm; none where there is no such arm. Noise
        and powers are NULL where fewer than two repetitions were compared.
    """
    comparison = read_comparison(connection, comparison_id)
    verdicts = {
        (row["workload"], row["scenario"], row["operation"], row["variant"], row["candidate"], row["metric"]): row
        for row in pairs.to_pylist()
        if row["arm"] == "aa"
    }
    compared = pairings(connection, comparison)
    tests: dict[Family, set[bytes]] = defaultdict(set)
    for one in compared:  # metrics that are the same by construction are one test
        tests[one.family].add(one.metric.unit.encode() + one.differences.tobytes())
    rows = []
    for one in compared:
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
                family=len(tests[family]),
                confidence=comparison.confidence,
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
                "target": comparison.target,
            }
        )
    return pa.Table.from_pylist(rows, schema=schema("noise"))
