"""The node ``comparison/claims``: the textbook's claims, each a check of it.

Put here what the node and its checks show. Keep out what decides a claim (`assets.analysis.claims`).
"""

from typing import Any

import dagster as dg

from assets.analysis.claims import Claim, claims
from assets.analysis.judge import judge_one
from assets.judgements import GROUP, in_comparison
from assets.plots import CLAIMS, comparison_plots
from assets.presentation import rows_metadata, sql_metadata, table_metadata
from assets.report.markdown import escaped
from resources.architectures import architectures
from resources.dagster_resources import ComparisonResource
from workloads.places import Places

_NAME = "claims"
_CONTRADICTED = ("refuted", "partly")
_HIDDEN = ["comparison_id", "query"]  # of the table: a check shows its claim's query


def claims_asset(nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The node, partitioned by night, with a check for each claim.

    Nodes of their own, each with what it is decided by, would be sixty lines across the graph.
    """
    known = {claim.id: claim for claim in claims()}
    key = dg.AssetKey([GROUP, _NAME])
    # What claims read of outcomes the warehouse has.
    judged = sorted({name for claim in known.values() for name in claim.reads} - set(architectures()))

    @dg.asset(
        key=key,
        deps=[[GROUP, name] for name in ("warehouse", *judged)],
        kinds={"duckdb"},
        description=(
            "Every claim and its parts: verdict, figure, interval, evidence and the query that recomputes it. Each is a"
            " check, too, which warns where what was observed contradicts the claim, in whole or in part."
        ),
        **in_comparison(nights),
        check_specs=[
            dg.AssetCheckSpec(claim.id, asset=key, description=escaped(f"“{claim.text}” {claim.reading}"))
            for claim in known.values()
        ],
    )
    def claims_node(
        context: dg.AssetExecutionContext, comparison: ComparisonResource, warehouse: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        table = judge_one(warehouse, comparison_id, _NAME).sort_by([("position", "ascending"), ("part", "ascending")])
        rows = table.to_pylist()
        return dg.MaterializeResult(
            metadata={
                **comparison_plots(warehouse, comparison_id, CLAIMS),
                _NAME: table_metadata(table.drop_columns(_HIDDEN)),
                "comparison_id": comparison_id,
                **rows_metadata(table, _NAME),
            },
            check_results=[
                _checked(claim, [row for row in rows if row["claim_id"] == claim.id]) for claim in known.values()
            ],
        )

    return claims_node


def _checked(claim: Claim, parts: list[dict[str, Any]]) -> dg.AssetCheckResult:
    """The verdict on a claim, its figures, and the verdicts on its parts where there are several."""
    [whole] = [row for row in parts if not row["part"]]
    shown = ("verdict", "value", "threshold", "ci_low", "ci_high", "n", "evidence", "target", "reason", "source")
    metadata: dict[str, Any] = {name: whole[name] for name in shown if whole[name] is not None}
    if whole["query"]:
        metadata["query"] = sql_metadata(whole["query"])
    for row in parts:
        if row["part"]:
            metadata[row["part"]] = f"{row['verdict']}: {row['reason']}" if row["reason"] else row["verdict"]
    return dg.AssetCheckResult(
        check_name=claim.id,
        passed=whole["verdict"] not in _CONTRADICTED,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{whole['verdict'].replace('_', ' ')}.",
        metadata=metadata,
    )
