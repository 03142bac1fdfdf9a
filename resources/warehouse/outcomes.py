"""Outcomes on disk: one partition for each comparison, cell and architecture. Where they are, not what is in them."""

from pathlib import Path

from resources.evidence import Tables
from resources.warehouse.partitions import write_partition
from workloads.places import Places


def write_outcomes(places: Places, comparison_id: str, cell: str, architecture: str, outcomes: Tables) -> Path:
    """Replace one partition, whole or not at all; returns its folder."""
    return write_partition(places.outcomes / comparison_id / cell / architecture, outcomes)
