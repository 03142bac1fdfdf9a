"""The judgements of a night's comparison: verdicts, noise, cost, history, requirements, recommendation and decision
table; a node each.

Put here which judgements are nodes, and what they show and check. Keep out how they are made (`assets.analysis.judge`)
and the claims (`assets.claims`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets import plots
from assets.analysis.judge import ask, judge_one
from assets.architectures import OWNERS
from assets.presentation import rows_metadata, table_metadata
from assets.report.decisions import tables_of_rows
from assets.report.markdown import decisions_as_markdown
from resources.dagster_resources import ComparisonResource
from resources.version import code_version
from workloads.places import Places

GROUP = "comparison"
_REGRESSIONS = "no_regressions"

# What each is made of, what it says of itself, and its plot where it has one.
_NODES: dict[str, tuple[tuple[str, ...], str, plots.Plot | None]] = {
    "pairwise": (
        ("ledger", "latency"),
        "Each architecture against the baseline: difference, interval and verdict per scenario, operation and measure.",
        plots.PAIRWISE,
    ),
    "noise": (
        ("pairwise",),
        "The A/A arm: what comparing an architecture with itself shows, and the power that leaves.",
        None,
    ),
    "cost": (
        ("ledger",),
        "USD per million committed commands by item: counts observed, durations modelled.",
        plots.COST,
    ),
    "history": (
        ("ledger", "latency"),
        "The night beside the last fourteen: what changed beyond their noise.",
        plots.HISTORY,
    ),
    "requirements": (
        ("pairwise", "cost"),
        "What was asked of each architecture: met, missed, undecided, or not shown here.",
        None,
    ),
    "recommendations": (
        ("requirements", "pairwise", "cost", "claims"),
        "What to build, why, and what would change it.",
        None,
    ),
    "decisions": (
        ("ledger", "latency", "cost"),
        "The decision table: what people ask of every architecture, with evidence and query.",
        None,
    ),
}


class _InComparison(TypedDict):
    group_name: str
    partitions_def: dg.PartitionsDefinition
    owners: Sequence[str]
    code_version: str


def in_comparison(nights: dg.PartitionsDefinition) -> _InComparison:
    """What all nodes of a night's comparison have in common, as `dagster.asset` takes it."""
    return {"group_name": GROUP, "partitions_def": nights, "owners": OWNERS, "code_version": code_version()}


def judgement_assets(nights: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Downstream of the published warehouse, partitioned by night."""
    return [_judgement(name, nights) for name in _NODES]


def _judgement(name: str, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    needs, description, plot = _NODES[name]
    key = dg.AssetKey([GROUP, name])
    checks = (
        [dg.AssetCheckSpec(_REGRESSIONS, asset=key, description="Nothing got worse beyond the noise of past nights.")]
        if name == "history"
        else []
    )

    @dg.asset(
        key=key,
        deps=[[GROUP, need] for need in needs],
        kinds={"duckdb"},
        description=description,
        **in_comparison(nights),
        check_specs=checks,
    )
    def judgement(
        context: dg.AssetExecutionContext, comparison: ComparisonResource, warehouse: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        if name == "requirements" and comparison.requirements:
            ask(warehouse, comparison_id, Path(comparison.requirements))
        rows = judge_one(warehouse, comparison_id, name)
        return dg.MaterializeResult(
            metadata={
                **(plots.comparison_plots(warehouse, comparison_id, plot) if plot else {}),
                **(_decision_tables(rows) if name == "decisions" else {}),
                name: table_metadata(rows.drop_columns(["comparison_id"])),
                "comparison_id": comparison_id,
                **rows_metadata(rows, name),
            },
            check_results=[_regressions(rows)] if checks else [],
        )

    return judgement


def _decision_tables(rows: pa.Table) -> dict[str, dg.MetadataValue[str]]:
    tables = tables_of_rows(rows.to_pylist())
    return {"decision_table": dg.MetadataValue.md("\n\n".join(map(decisions_as_markdown, tables)))}


def _regressions(history: pa.Table) -> dg.AssetCheckResult:
    worse = history.filter(pc.equal(history.column("verdict"), "worse"))
    return dg.AssetCheckResult(
        check_name=_REGRESSIONS,
        passed=not worse.num_rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"worse": table_metadata(worse.drop_columns(["comparison_id"]))},
    )
