"""What a run is about: a cell (workload, scenario and target) and a night."""

import dagster as dg

from resources.claims import scenarios_needed
from resources.lab import cell_name, split_cell
from resources.targets import targets
from workloads.library import DEFAULT_WORKLOAD, Library
from workloads.places import Places
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

FIRST_NIGHT = "2026-11-20"


def cells(places: Places) -> list[str]:
    """Every cell there can be: each recording under each scenario on each target."""
    return [
        cell_name(workload, scenario, target)
        for target in targets()
        for workload in Library(places).paths()
        for scenario in scenarios(places)
    ]


def nightly_cells() -> list[str]:
    """The declared list that every night runs: what is compared by default, and what the claims ask for."""
    wanted = dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed()])
    return [cell_name(DEFAULT_WORKLOAD, scenario) for scenario in wanted]


def shows_noise(cell_key: str) -> bool:
    """Whether a night replays everything of a cell once more beside itself: where nothing is broken."""
    return split_cell(cell_key)[:2] == (DEFAULT_WORKLOAD, DEFAULT_SCENARIOS[0])


def night_partitions() -> dg.DailyPartitionsDefinition:
    """Nights up to and including today's: a tick at 02:00 asks for its own date."""
    return dg.DailyPartitionsDefinition(FIRST_NIGHT, end_offset=1)


def cell_partitions(places: Places, nights: dg.DailyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"cell": dg.StaticPartitionsDefinition(cells(places)), "night": nights})
