"""Outcomes and judgements on disk: which tables they are and where they go.

Put here the names of these tables and the writing of their partitions. Keep out what is in them (`assets.analysis`) and
how a partition is replaced (`resources.warehouse.partitions`).
"""

from pathlib import Path

import pyarrow as pa

from resources.store.copy import store_of
from resources.warehouse.observations import Tables
from resources.warehouse.partitions import write_partition
from workloads.places import Places

# Outcomes condensed to what the report draws: small however many requests there were.
CONDENSED = (
    "distributions",
    "service_times",
    "timeline",
    "backlog",
    "fates",
    "last_commits",
    "sensitivity",
    "concurrency",
)
# The tables of judgements, each made of outcomes and of those before it in `assets.analysis.judge.STAGES`.
JUDGEMENTS = ("pairwise", "noise", "cost", "claims", "history", "requirements", "recommendations", "decisions")

BESIDE = "-simulated"  # the end of the name of a comparison that stands beside another one


def beside(comparison_id: str) -> str:
    """The name of the simulated comparison beside a comparison; a night's is the same night's on that target."""
    return comparison_id + BESIDE


def write_outcomes(places: Places, comparison_id: str, cell: str, architecture: str, outcomes: Tables) -> Path:
    """Replace the outcomes of one contender in one cell, whole or not at all.

    Args:
        places: Where the results are.
        comparison_id: The comparison, which all rows have to be of.
        cell: The cell's key.
        architecture: The contender's partition.
        outcomes: All outcomes by table.

    Returns:
        The folder of the new version.
    """
    return write_partition(places.outcomes / comparison_id / cell / architecture, outcomes, store_of(places))


def write_judgement(places: Places, comparison_id: str, name: str, rows: pa.Table) -> Path:
    """Replace a comparison's rows of one of the `JUDGEMENTS`; returns the folder of the new version."""
    return write_partition(places.judgements / comparison_id / name, {name: rows}, store_of(places))
