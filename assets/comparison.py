"""The comparison of a night: the nodes that publish, the tables they publish, and the report.

Put here what these nodes show. Keep out judgements (`assets.judgements`), claims (`assets.claims`), how the database is
made (`resources.warehouse`) and what the report says (`assets.report`).
"""

from datetime import timedelta

import dagster as dg

from assets import plots
from assets.judgements import GROUP, in_comparison
from assets.presentation import rows_metadata, table_metadata
from assets.report.files import write_report
from resources.architectures import architectures
from resources.dagster_resources import ComparisonResource
from resources.lab.cell import target_suffix
from resources.warehouse.outcomes import JUDGEMENTS
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from workloads.places import Places

_VALID = "every_replay_valid"

# Table of archduel.duckdb, what the node says of itself, its plot, and the query that shows it.
_TABLES = {
    "ledger": (
        "Every offered request accounted for, per architecture and scenario.",
        plots.LEDGER,
        "SELECT * EXCLUDE (comparison_id, arm) FROM ledger WHERE comparison_id = ? ORDER BY ALL",
    ),
    "latency": (
        "Quantiles of response, service and completion time. One repetition shows differences, it cannot judge them.",
        plots.LATENCY,
        "SELECT * EXCLUDE (comparison_id, arm) FROM latency WHERE comparison_id = ? ORDER BY ALL",
    ),
    "recovery": (
        "What each fault did, and how long its traces lasted.",
        plots.OVER_TIME,
        "SELECT * EXCLUDE (comparison_id, arm) FROM recovery WHERE comparison_id = ? ORDER BY ALL",
    ),
}


def comparison_assets(places: Places, nights: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Downstream of all outcomes, partitioned by night alone."""

    @dg.asset(
        key=[GROUP, "warehouse"],
        deps=[[GROUP, "conformance"], *([name, "outcomes"] for name in architectures())],
        kinds={"duckdb"},
        description="archduel.duckdb with all outcomes, made beside the old file and renamed over it.",
        **in_comparison(nights),
    )
    def warehouse() -> dg.MaterializeResult:
        return _published(places)

    @dg.asset(
        key=[GROUP, "published"],
        deps=[[GROUP, name] for name in JUDGEMENTS],
        kinds={"duckdb"},
        description="archduel.duckdb once more, with all judgements.",
        **in_comparison(nights),
    )
    def published() -> dg.MaterializeResult:
        return _published(places)

    @dg.asset(
        key=[GROUP, "report"],
        deps=[[GROUP, name] for name in (*_TABLES, "published")],
        kinds={"html", "markdown", "json"},
        description="The report: one HTML file that opens offline, and the same for pull requests and machines.",
        **in_comparison(nights),
        # A night is over by the next one's start; two missed in a row are a fault.
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=52), warn_window=timedelta(hours=28)
        ),
    )
    def report(context: dg.AssetExecutionContext, comparison: ComparisonResource) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        # Two targets' nights may end in either order: what people open in the morning is the default one's.
        path = write_report(places, comparison_id, target_suffix(comparison.night_on, ""))
        return dg.MaterializeResult(
            metadata={"report": dg.MetadataValue.path(str(path)), "comparison_id": comparison_id}
        )

    return [warehouse, published, report, *(_table_asset(name, places, nights) for name in _TABLES)]


def _published(places: Places) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(publish(places)))})


def _table_asset(name: str, places: Places, nights: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    description, plot, sql = _TABLES[name]
    key = dg.AssetKey([GROUP, name])
    checks = (
        [dg.AssetCheckSpec(_VALID, asset=key, description="The load was on time, the books balance.")]
        if name == "ledger"
        else []
    )

    @dg.asset(
        key=key,
        deps=[[GROUP, "warehouse"]],
        kinds={"duckdb"},
        description=description,
        **in_comparison(nights),
        check_specs=checks,
    )
    def table_node(context: dg.AssetExecutionContext, comparison: ComparisonResource) -> dg.MaterializeResult:
        comparison_id = comparison.of(context.partition_key).comparison_id
        rows = query(places, sql, [comparison_id])
        return dg.MaterializeResult(
            metadata={
                **plots.comparison_plots(places, comparison_id, plot),
                name: table_metadata(rows),
                "comparison_id": comparison_id,
                **rows_metadata(rows, name),
            },
            check_results=[_validity(places, comparison_id)] if checks else [],
        )

    return table_node


def _validity(places: Places, comparison_id: str) -> dg.AssetCheckResult:
    invalid = query(
        places,
        "SELECT scenario, architecture, variant, arm, repetition, invalid_reason FROM experiments"
        " WHERE comparison_id = ? AND NOT valid ORDER BY ALL",
        [comparison_id],
    )
    return dg.AssetCheckResult(
        check_name=_VALID,
        passed=not invalid.num_rows,
        metadata={"invalid": table_metadata(invalid)},
    )
