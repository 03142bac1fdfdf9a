"""The jobs that people and sensors launch.

Put here which assets each job has. Keep the assets out (`assets`).
"""

from typing import Any

import dagster as dg

from assets.judgements import GROUP
from assets.recorded_traffic import GROUP as RECORDINGS_GROUP
from resources.architectures import architectures

Job = Any  # what `define_asset_job` returns has no public name in Dagster 1.13

ONE_CELL = "one_cell"
COMPARISON = "comparison"
IMPORT_RECORDING = "import_recording"


def jobs() -> list[Job]:
    """Make all jobs.

    Returns:
        `ONE_CELL` replays one cell through all architectures, ``one_architecture_NAME`` through a single one.
        `COMPARISON` judges what was replayed for a night, or launched by hand for its date. `IMPORT_RECORDING` imports
        a file of the inbox, or shows a recording's figures.
    """
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
                description=f"One cell through {name} alone. It pairs with nothing: a comparison needs one run.",
            )
            for name in architectures()
        ),
        dg.define_asset_job(
            COMPARISON,
            dg.AssetSelection.groups(GROUP),
            description="What all cells of a night, or of what was launched by hand for its date, come to; the report.",
        ),
        dg.define_asset_job(
            IMPORT_RECORDING,
            dg.AssetSelection.groups(RECORDINGS_GROUP),
            description="One recording: imported if the inbox's sensor asks for that, looked at in any case.",
        ),
    ]
