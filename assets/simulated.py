"""The nodes ``simulated/grid`` and ``simulated/growth``: a recording simulated with other values, or more traffic.

Put here what these nodes show. Keep out what a grid is and how its cells are computed (`assets.analysis.sizing.grids`).
"""

import warnings
from collections import defaultdict
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.analysis.sizing import grids
from assets.presentation import rows_metadata, table_metadata
from assets.report.charts.rendering import markdown_image
from assets.report.charts.style import NothingToDraw
from assets.report.what_if import grid_figure
from resources.architectures import chosen_architectures
from resources.lab.settings import LabSettings
from resources.lab.what_if import WhatIf
from resources.progress import Silent
from resources.simulation.varying import TRAFFIC, Value
from resources.targets.simulated import TARGET
from resources.warehouse.publish import publish, update
from workloads.places import Places
from workloads.scenarios import DEFAULT_SCENARIOS

GROUP = "simulated"
_SHOWN = 50  # rows in Dagster's UI
_COLUMNS = [
    "cell",
    "architecture",
    "refused_share",
    "response_p99_ms",
    "completion_p99_ms",
    "usd_per_month",
    "first_limit",
]


def simulated_assets(
    places: Places,
    grid_cells: dg.PartitionsDefinition,
    recordings: dg.PartitionsDefinition,
    cells_per_run: int | None = None,
) -> list[dg.AssetsDefinition]:
    """The nodes.

    Args:
        places: Where results are.
        grid_cells: A partition for each cell of a grid; a backfill of many is one run, which uses all cores.
        recordings: A partition for each recording.
        cells_per_run: How many cells a run of a backfill has at most; None: all.
    """

    def grid(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        update(places)
        asked: dict[str, list[dict[str, Value]]] = defaultdict(list)
        for key in context.partition_keys:
            grid_id, values = grids.parse_partition(key)
            asked[grid_id].append(values)
        found: list[pa.Table] = []
        pictures: dict[str, Any] = {}
        for grid_id, cells in asked.items():
            computing = grids.Computing.of(places, grids.kept(places, grid_id), Silent())
            for values in cells:
                computing.check(values)
            found.append(computing.compute(cells, _told(context, grid_id)))
            varied = sorted(computing.grid.varied)
            pictures |= _picture(f"{grid_id}_plot", computing.rows().to_pylist(), [], varied)
        publish(places)
        return _result(pa.concat_tables(found), pictures)

    with warnings.catch_warnings():
        # Without it a thousand cells are a thousand runs of a second each; its name may change, a test would notice.
        warnings.simplefilter("ignore", dg.BetaWarning)
        grid_asset = dg.asset(
            key=[GROUP, "grid"],
            group_name=GROUP,
            partitions_def=grid_cells,
            backfill_policy=dg.BackfillPolicy.multi_run(cells_per_run)
            if cells_per_run
            else dg.BackfillPolicy.single_run(),
            kinds={"python", "parquet"},
            description="Cells of grids: a recording simulated with one combination of values.",
        )(grid)

    @dg.asset(
        key=[GROUP, "growth"],
        group_name=GROUP,
        partitions_def=recordings,
        kinds={"python", "parquet"},
        description="A recording with up to 500 times the traffic: latency, refusals, cost, limits that bind.",
    )
    def growth(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        update(places)
        settings = LabSettings(target=TARGET.name)
        what_if = WhatIf(places, settings, context.partition_key, DEFAULT_SCENARIOS[0], Silent())
        growing = grids.growth(what_if, None, chosen_architectures(), {})
        grids.keep(places, growing)
        computing = grids.Computing(places, growing, what_if)
        rows = computing.compute(growing.cells(), _told(context, growing.grid_id))
        limits = grids.growth_limits(computing)
        publish(places)
        pictures = _picture("growth_plot", computing.rows().to_pylist(), limits.to_pylist(), [TRAFFIC])
        result = _result(rows, pictures)
        shown = limits.select(["architecture", "limited_by", "traffic", "rate", "refused_share"])
        return dg.MaterializeResult(metadata={**(result.metadata or {}), "limits": table_metadata(shown)})

    return [grid_asset, growth]


def _told(context: dg.AssetExecutionContext, grid_id: str) -> grids.OnProgress:
    """Logs each tenth."""
    told = -1

    def done(count: int, total: int) -> None:
        nonlocal told
        if (tenth := 10 * count // max(total, 1)) > told:
            told = tenth
            context.log.info(f"{grid_id}: {count:,} of {total:,} simulations")

    return done


def _picture(key: str, rows: list[dict[str, Any]], limits: list[dict[str, Any]], varied: list[str]) -> dict[str, Any]:
    try:
        return {key: dg.MetadataValue.md(markdown_image(grid_figure(rows, limits, varied)))}
    except NothingToDraw:
        return {}


def _result(rows: pa.Table, pictures: dict[str, Any]) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows, "grid_cells"),
            "cells": table_metadata(rows.slice(0, _SHOWN).select(_COLUMNS)),
            **pictures,
        }
    )
