"""The jobs people launch: one cell, one architecture, the comparison of a night."""

from typing import Any

import dagster as dg

from assets.claims import CLAIMS_GROUP
from assets.judgements import GROUP
from assets.recorded_traffic import GROUP as RECORDINGS_GROUP
from resources.architectures import architectures

Job = Any  # what `define_asset_job` returns has no public name in Dagster 1.13

ONE_CELL = "one_cell"
NIGHTLY_COMPARISON = "nightly_comparison"
IMPORT_RECORDING = "import_recording"


def jobs() -> list[Job]:
    """`ONE_CELL` runs all architectures through one cell, ``one_architecture_NAME`` a single one, and
    `NIGHTLY_COMPARISON` compares what a night's cells brought, `IMPORT_RECORDING` imports a file of the inbox, or shows
    what a recording amounts to."""
    return [
        dg.define_asset_job(
            ONE_CELL,
            dg.AssetSelection.groups(*architectures()),
            description="One recording under one scenario through every architecture, interleaved.",
        ),
        *(
            dg.define_asset_job(
                f"one_architecture_{name}",
                dg.AssetSelection.groups(name),
                description=f"One cell through {name} alone. It pairs with nothing: a comparison wants one run.",
            )
            for name in architectures()
        ),
        dg.define_asset_job(
            NIGHTLY_COMPARISON,
            dg.AssetSelection.groups(GROUP, CLAIMS_GROUP),
            description="What all cells of a night come to, judged claim by claim, with the report.",
        ),
        dg.define_asset_job(
            IMPORT_RECORDING,
            dg.AssetSelection.groups(RECORDINGS_GROUP),
            description="One recording: imported if the inbox's sensor asks for that, looked at in any case.",
        ),
    ]
