"""All of archduel as Dagster definitions.

Put the assembly here. Keep the parts out (`assets`, and the other modules of `orchestration`).
"""

import os
from collections.abc import Callable
from functools import partial

import dagster as dg

from assets.agreement import agreement_asset
from assets.analysis.stopping import open_verdicts
from assets.architectures import architecture_assets
from assets.claims import claims_asset
from assets.comparison import comparison_assets
from assets.conformance import conformance_asset
from assets.judgements import judgement_assets
from assets.presentation import plugins_metadata
from assets.recorded_traffic import recorded_traffic_asset
from assets.simulated import simulated_assets
from orchestration.deploy.engines import cells_per_run
from orchestration.inbox import inbox_sensor
from orchestration.instance import dead_runs_sensor
from orchestration.jobs import COMPARISON, IMPORT_RECORDING, ONE_CELL, jobs
from orchestration.library import library_sensor
from orchestration.nightly import Estimator, alerts_sensor, comparison_sensor, nightly_schedule
from orchestration.nights import BUNDLED, Nights, nightly_targets, read
from orchestration.partitions import FIRST_NIGHT, GRID_CELLS, RECORDED, cells_by, nights_since
from orchestration.retention import retention_job, retention_schedule
from resources.dagster_resources import ComparisonResource, LogReporter, lab_resource, warehouse_resource
from resources.progress import Reporter
from workloads.inbox import Inbox
from workloads.places import Places


def build_definitions(
    places: Places,
    reporter: Callable[[dg.DagsterLogManager], Reporter] = LogReporter,
    *,
    inbox: Inbox | None = None,
    nights: Nights | None = None,
    estimator: Estimator | None = None,
    first_night: str = FIRST_NIGHT,
) -> dg.Definitions:
    """Put all definitions together.

    Args:
        places: The home they work in.
        reporter: Makes what the lab reports to from a run's log.
        inbox: Where new traffic comes; None without an inbox.
        nights: What nights run; None: what the bundled file says.
        first_night: The first date that partitions go back to.
        estimator: Says how long a night's cells take; None: nobody does.
    """
    known = {job.name: job for job in jobs()}
    dates = nights_since(first_night)
    planned, retention = nights or read(BUNDLED), retention_job(places)
    return dg.Definitions(
        assets=[
            recorded_traffic_asset(places, RECORDED, inbox),
            *architecture_assets(cells_by(dates)),
            conformance_asset(dates),
            *comparison_assets(places, dates),
            *judgement_assets(dates),
            agreement_asset(places, dates),
            claims_asset(dates),
            *simulated_assets(places, GRID_CELLS, RECORDED, cells_per_run(os.environ)),
        ],
        jobs=[*known.values(), retention],
        schedules=[
            nightly_schedule(known[ONE_CELL], target, places, planned, estimator=estimator)
            for target in nightly_targets()
        ]
        + [retention_schedule(retention, planned)],
        sensors=[
            comparison_sensor(known[COMPARISON], places),
            alerts_sensor(places, planned),
            dead_runs_sensor(),
            library_sensor(known[IMPORT_RECORDING], places),
            inbox_sensor([known[name] for name in (IMPORT_RECORDING, ONE_CELL, COMPARISON)], places, inbox),
        ],
        resources={
            "lab": lab_resource(places, reporter, partial(open_verdicts, home=places)),
            "comparison": ComparisonResource(),
            "warehouse": warehouse_resource(places),
        },
        # A cheap step takes 50 ms in process; a process for each cost 27 s for three. And one lab serves all steps.
        executor=dg.in_process_executor,
        metadata=plugins_metadata(),
    )
