"""The textbook's claims, a node for each, and the table of all of them.

Put here what a claim's node shows and what it is downstream of. Keep out what decides a claim
(`assets.analysis.claims`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.analysis.claims import Claim, claims
from assets.analysis.judge import judge_one
from assets.architectures import OWNERS
from assets.judgements import GROUP, in_comparison
from assets.plots import CLAIMS, comparison_plots
from assets.presentation import rows_metadata, sql_metadata, table_metadata
from assets.report.markdown import escaped
from resources.architectures import architectures
from resources.dagster_resources import ComparisonResource
from resources.version import code_version
from resources.warehouse.current import query_current
from workloads.places import Places

CLAIMS_GROUP = "claims"
_OF_ALL = "SELECT * EXCLUDE (comparison_id, query) FROM claims WHERE comparison_id = ? ORDER BY position, part"


def claim_assets(nights: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """A node for each claim, and the table of all of them; partitioned by night."""
    known = {claim.id: claim for claim in claims()}
    specs = [
        dg.AssetSpec(
            [CLAIMS_GROUP, claim.id],
            deps=_lineage(claim),
            group_name=CLAIMS_GROUP,
            description=escaped(f"“{claim.text}” {claim.reading}"),
            kinds={"duckdb"},
            owners=OWNERS,
            code_version=code_version(),
            partitions_def=nights,
        )
        for claim in known.values()
    ]

    @dg.multi_asset(name="claims", specs=specs, can_subset=True)
    def judged(
        context: dg.AssetExecutionContext, comparison: ComparisonResource, warehouse: dg.ResourceParam[Places]
    ) -> Iterator[dg.MaterializeResult]:
        rows = judge_one(warehouse, comparison.of(context.partition_key).comparison_id, "claims").to_pylist()
        for key in context.selected_asset_keys:
            parts = [row for row in rows if row["claim_id"] == key.path[-1]]
            yield dg.MaterializeResult(asset_key=key, metadata=_claim_metadata(parts))

    @dg.asset(
        key=[GROUP, "claims"],
        deps=[[CLAIMS_GROUP, name] for name in known],
        kinds={"duckdb"},
        description="Every claim and its parts: verdict, figure, interval, evidence and the query that recomputes it.",
        **in_comparison(nights),
    )
    def claims_table(
        context: dg.AssetExecutionContext, comparison: ComparisonResource, warehouse: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        rows = query_current(warehouse, _OF_ALL, [comparison_id])
        return dg.MaterializeResult(
            metadata={
                **rows_metadata(rows, "claims"),
                "comparison_id": comparison_id,
                "claims": table_metadata(rows),
                **comparison_plots(warehouse, comparison_id, CLAIMS),
            }
        )

    return [judged, claims_table]


def _lineage(claim: Claim) -> list[dg.AssetKey]:
    """What a claim is decided by: outcomes of architectures, judgements of the comparison, the target's fidelity."""
    return [
        dg.AssetKey([GROUP, "conformance"]),
        dg.AssetKey([GROUP, "warehouse"]),
        *(
            dg.AssetKey([name, "outcomes"] if name in architectures() else [GROUP, name])
            for name in sorted(claim.reads)
        ),
    ]


def _claim_metadata(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The roll-up's verdict and figures, and the parts where there are several."""
    [whole] = [row for row in parts if not row["part"]]
    shown = ("verdict", "value", "threshold", "ci_low", "ci_high", "n", "evidence", "target", "reason", "source")
    metadata: dict[str, Any] = {name: whole[name] for name in shown if whole[name] is not None}
    if whole["query"]:
        metadata["query"] = sql_metadata(whole["query"])
    for row in parts:
        if row["part"]:
            metadata[row["part"]] = f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]
    return metadata
