"""What comparisons leave on disk: outcomes, one partition for each cell and contender, and the judgements made of them.

Where they are, not what is in them.
"""

from pathlib import Path

import pyarrow as pa

from resources.warehouse.observations import Tables
from resources.warehouse.partitions import write_partition
from workloads.places import Places

# Outcomes condensed to what the report draws: small however many requests there were.
CONDENSED = ("distributions", "timeline", "backlog", "fates", "last_commits")
# The tables of judgements. Each is made of what is published, and published in its turn.
JUDGEMENTS = ("pairwise", "noise", "cost", "claims", "history", "recommendations")


def write_outcomes(places: Places, comparison_id: str, cell: str, architecture: str, outcomes: Tables) -> Path:
    """Replace one partition, whole or not at all; returns its folder."""
    return write_partition(places.outcomes / comparison_id / cell / architecture, outcomes)


def write_judgement(places: Places, comparison_id: str, name: str, rows: pa.Table) -> Path:
    """Replace what a comparison comes to in one of the `JUDGEMENTS`; returns its folder."""
    return write_partition(places.judgements / comparison_id / name, {name: rows})
