"""The node ``comparison/agreement``: whether what a comparison found holds on another target too.

Put here what the node shows and checks. Keep out how verdicts of two targets are matched (`agreement.sql` in
`resources/warehouse`) and made (`assets.analysis`).
"""

from collections import Counter

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets.judgements import GROUP, in_comparison
from assets.presentation import rows_metadata, table_metadata
from resources.dagster_resources import ComparisonResource
from resources.warehouse.reading import query
from workloads.places import Places

_OPEN = "no_open_disagreements"
_KEYS = ["comparison_id", "other_comparison_id"]


def agreement_asset(places: Places, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The node, partitioned by night; it has no rows where only one target was compared so far.

    Args:
        places: Where the published results are.
        nights: The nights.
    """
    key = dg.AssetKey([GROUP, "agreement"])

    @dg.asset(
        key=key,
        deps=[[GROUP, "published"]],
        kinds={"duckdb"},
        description="Verdicts that another target has too: they agree, differ for a known reason, or are open.",
        **in_comparison(nights),
        check_specs=[
            dg.AssetCheckSpec(
                _OPEN, asset=key, description="No two targets decided otherwise without a behaviour that explains it."
            )
        ],
    )
    def agreement(context: dg.AssetExecutionContext, comparison: ComparisonResource) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        sql = "SELECT * FROM agreement WHERE $1 IN (comparison_id, other_comparison_id) ORDER BY ALL"
        rows = query(places, sql, [comparison_id])
        return dg.MaterializeResult(
            metadata={
                "agreement": table_metadata(_shown(rows, "agrees", "explained", "open")),
                **Counter(rows.column("agreement").to_pylist()),
                "comparison_id": comparison_id,
                **rows_metadata(rows, "agreement"),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=_OPEN,
                    passed=not _shown(rows, "open").num_rows,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"open": table_metadata(_shown(rows, "open"))},
                )
            ],
        )

    return agreement


def _shown(rows: pa.Table, *agreements: str) -> pa.Table:
    shown = pc.is_in(rows.column("agreement"), value_set=pa.array(agreements))
    return rows.filter(shown).drop_columns(_KEYS)
