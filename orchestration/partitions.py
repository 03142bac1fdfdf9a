"""What a run is about: a cell (workload and scenario) and a night."""

import dagster as dg

from resources.lab import CELL_SEPARATOR
from workloads.library import DEFAULT_WORKLOAD, Library
from workloads.places import Places
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

FIRST_NIGHT = "2026-11-20"


def cell(workload: str, scenario: str) -> str:
    """A cell's key."""
    return f"{workload}{CELL_SEPARATOR}{scenario}"


def cells(places: Places) -> list[str]:
    """Every cell there can be: each recording under each scenario."""
    return [cell(workload, scenario) for workload in Library(places).paths() for scenario in scenarios(places)]


def nightly_cells() -> list[str]:
    """The declared list that every night runs."""
    return [cell(DEFAULT_WORKLOAD, scenario) for scenario in DEFAULT_SCENARIOS]


def night_partitions() -> dg.DailyPartitionsDefinition:
    """Nights up to and including today's: a tick at 02:00 asks for its own date."""
    return dg.DailyPartitionsDefinition(FIRST_NIGHT, end_offset=1)


def cell_partitions(places: Places, nights: dg.DailyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"cell": dg.StaticPartitionsDefinition(cells(places)), "night": nights})
