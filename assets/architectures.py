"""The graph of each registered architecture: its resources, the replay through it, its outcomes.

Put here how these nodes are made and what they show. Keep out what an architecture consists of
(`resources.architectures`: one added there has a graph here), how it is replayed (`resources.lab`) and what outcomes
are (`assets.analysis.outcomes`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.analysis.outcomes import identities, imbalances, reconcile
from assets.plots import outcome_plot
from assets.presentation import facts_metadata, rows_metadata, table_metadata
from assets.report.charts.way_of_requests import markdown_way
from resources.architectures import Architecture, architectures
from resources.dagster_resources import ComparisonResource
from resources.lab.cell import Cell
from resources.lab.lab import Lab
from resources.version import code_version
from resources.warehouse import large
from resources.warehouse.outcomes import write_outcomes
from workloads.places import Places
from workloads.scratch import scratch

_JUDGED = ("ledger", "latency", "experiments")  # the outcomes that a node shows and checks
POOL = "lab"  # one run at a time: two labs on one machine would measure each other
OWNERS = ["team:archduel"]
RECORDED_TRAFFIC = dg.AssetKey("recorded_traffic")
# A group has no description in Dagster 1.13, so that each of its resources says it.
_ORDER = "Arrows show the order in which resources are made; the metadata of `api` show the way of requests."


def cell_and_night(context: dg.AssetExecutionContext) -> tuple[Cell, str]:
    """The two dimensions of the run's partition."""
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey)  # noqa: S101 - these assets have no other partitions
    return Cell.parse(key.keys_by_dimension["cell"]), key.keys_by_dimension["night"]


def _resource_asset(architecture: Architecture, name: str, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    node = architecture.nodes[name]
    shown: dict[str, dg.MetadataValue[Any]] = (
        {"way_of_requests": dg.MetadataValue.md(markdown_way(architecture))} if node.routes else {}
    )

    @dg.asset(
        key=[architecture.name, name],
        deps=[[architecture.name, need] for need in node.needs],
        group_name=architecture.name,
        description=f"{node.description} {_ORDER}",
        metadata=shown,
        kinds={node.kind.split("_")[0]},
        owners=OWNERS,
        code_version=code_version(),
        partitions_def=partitions,
        pool=POOL,
    )
    def resource_node(context: dg.AssetExecutionContext, lab: dg.ResourceParam[Lab]) -> dg.MaterializeResult:
        cell, _ = cell_and_night(context)
        return dg.MaterializeResult(metadata=shown | facts_metadata(lab.ensure(architecture.name, cell, name)))

    return resource_node


def _replay_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """One node across the architectures, so that their repetitions interleave (ABC, CBA, ...)."""
    # A cell needs the one recording it is named for. Dagster 1.13 knows no mapping from a part of a name, and drops
    # mappings of one's own outside the code server, so the edge says all of them; the replay's metadata say which.
    recorded = dg.AssetDep(RECORDED_TRAFFIC, partition_mapping=dg.AllPartitionMapping())
    specs = [
        dg.AssetSpec(
            [architecture.name, "replay"],
            deps=[recorded, *(dg.AssetDep(dg.AssetKey([architecture.name, leaf])) for leaf in architecture.leaves)],
            group_name=architecture.name,
            description="The recording replayed open loop through this architecture: what was observed.",
            kinds={"python"},
            owners=OWNERS,
            code_version=code_version(),
        )
        for architecture in architectures().values()
    ]

    @dg.multi_asset(name="replay", specs=specs, can_subset=True, partitions_def=partitions, pool=POOL)
    def replay(
        context: dg.AssetExecutionContext, lab: dg.ResourceParam[Lab], comparison: ComparisonResource
    ) -> Iterator[dg.MaterializeResult]:
        cell, night = cell_and_night(context)
        chosen = [name for name in architectures() if dg.AssetKey([name, "replay"]) in context.selected_asset_keys]
        for name, summary in lab.replay(chosen, cell, comparison.of(night, cell)):
            yield dg.MaterializeResult(
                asset_key=[name, "replay"],
                metadata={
                    "dagster/row_count": summary.requests,
                    "replay_seconds": summary.seconds,
                    "speed": summary.speed,
                    "recording": cell.workload,
                    "interleaved_with": ", ".join(summary.interleaved),
                },
            )

    return replay


def _outcomes_asset(architecture: Architecture, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    key = dg.AssetKey([architecture.name, "outcomes"])

    @dg.asset(
        key=key,
        deps=[[architecture.name, "replay"]],
        group_name=architecture.name,
        description=(
            "What became of every offered request: requests, effects, invocations, samples, ledger, latency, recovery."
        ),
        kinds={"duckdb", "parquet"},
        owners=OWNERS,
        code_version=code_version(),
        partitions_def=partitions,
        pool=POOL,
        check_specs=[
            dg.AssetCheckSpec("books_balance", asset=key, blocking=True, description="The ledger's four identities."),
            dg.AssetCheckSpec(
                "replay_valid", asset=key, description="The load was on time, the emulator not the limit, others quiet."
            ),
        ],
    )
    def outcomes(
        context: dg.AssetExecutionContext,
        lab: dg.ResourceParam[Lab],
        comparison: ComparisonResource,
        warehouse: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        cell, night = cell_and_night(context)
        added_to = comparison.of(night, cell)
        recorded, alone = lab.recorded(architecture.name, cell, added_to)
        faults: list[str] = []
        outcomes, requests = [], 0
        with scratch(warehouse.temporary) as folder:
            for contender, observations in recorded.items():
                tables = reconcile(observations, folder)
                write_outcomes(warehouse, added_to.comparison_id, str(cell), contender.partition, tables)
                faults += (f"{contender}: {fault}" for fault in imbalances(observations, tables, folder))
                requests, schema = requests + large.count(tables["requests"]), tables["requests"].schema
                outcomes.append({name: tables[name] for name in _JUDGED})
        tables = {name: pa.concat_tables([one[name] for one in outcomes]) for name in _JUDGED}
        experiments = tables["experiments"]
        reasons = [reason for reason in experiments.column("invalid_reason").to_pylist() if reason]
        shares = {"others_cpu_share": experiments.column("others_cpu_share").to_pylist()}  # one per replay
        return dg.MaterializeResult(
            metadata={
                **outcome_plot(warehouse, added_to.comparison_id, cell, architecture.name),
                "ledger": table_metadata(_shown(tables["ledger"])),
                "latency_us": table_metadata(_shown(tables["latency"])),
                "target": tables["experiments"].column("target")[0].as_py(),
                "evidence": tables["experiments"].column("evidence")[0].as_py(),
                "comparison_id": added_to.comparison_id,
                "replayed_alone": alone,
                **rows_metadata(schema.empty_table(), "requests"),
                "dagster/row_count": requests,
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="books_balance",
                    passed=not faults,
                    metadata={
                        **({"faults": faults} if faults else {}),
                        "identities": table_metadata(identities(tables["ledger"])),
                    },
                ),
                dg.AssetCheckResult(
                    check_name="replay_valid", passed=not reasons, metadata={"reasons": reasons, **shares}
                ),
            ],
        )

    return outcomes


def _shown(table: pa.Table) -> pa.Table:
    """A table without the key columns, which the partition says already."""
    hidden = {"comparison_id", "architecture", "arm", "workload", "scenario"}
    return table.select([name for name in table.column_names if name not in hidden])


def architecture_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The graphs of all registered architectures over (cell, night) partitions."""
    graphs = [_replay_asset(partitions)]
    for architecture in architectures().values():
        graphs += [_resource_asset(architecture, name, partitions) for name in architecture.nodes]
        graphs.append(_outcomes_asset(architecture, partitions))
    return graphs
