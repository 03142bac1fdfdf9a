"""The node ``comparison/conformance``: how the target differs from AWS.

Put here what the node shows. Keep out probing (`resources.conformance`) and what a difference means for a claim
(`assets.analysis.claims`).
"""

from collections import Counter

import dagster as dg
import pyarrow.compute as pc

from assets.judgements import GROUP, in_comparison
from assets.presentation import rows_metadata, table_metadata
from resources.conformance.probes import Status
from resources.lab.lab import Lab

_SHOWN = ["behaviour", "expected", "observed", "status", "affects"]


def conformance_asset(nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Upstream of the comparison's nodes. Starts an emulator once per machine and version, and never again."""

    @dg.asset(
        key=[GROUP, "conformance"],
        kinds={"python", "parquet"},
        description="What AWS documents, what this target does instead, and which claims that touches.",
        **in_comparison(nights),
    )
    def conformance(lab: dg.ResourceParam[Lab]) -> dg.MaterializeResult:
        table = lab.conformance()
        counts = Counter(table.column("status").to_pylist())
        departing = table.filter(pc.not_equal(table.column("status"), Status.REPRODUCED.value))
        return dg.MaterializeResult(
            metadata={
                "differences": table_metadata(departing.select(_SHOWN)),
                **{status.value: counts[status.value] for status in Status},
                "target": table.column("target")[0].as_py(),
                **rows_metadata(table, "conformance"),
            }
        )

    return conformance
