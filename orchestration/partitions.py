"""What a run is about: a cell (workload, scenario and target) and a night."""

import dagster as dg

from resources.claims import scenarios_needed
from resources.faults.policies import lacking
from resources.lab import cell_name, split_cell
from resources.targets import DEFAULT_TARGET, targets
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


def nightly_targets() -> list[str]:
    """The targets that nights can be on: those that take no options. The default one comes first."""
    return [name for name, target in targets().items() if not target.options]


def nightly_cells(target: str = DEFAULT_TARGET) -> list[str]:
    """The declared list that every night on a target runs: what is compared by default, and what the claims ask for, as
    far as it can be had there.
    """
    wanted = dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed()])
    known = scenarios()
    return [
        cell_name(DEFAULT_WORKLOAD, scenario, target)
        for scenario in wanted
        if not lacking(known[scenario], targets()[target])
    ]


def shows_noise(cell_key: str) -> bool:
    """Whether a night replays everything of a cell once more beside itself: where nothing is broken."""
    return split_cell(cell_key)[:2] == (DEFAULT_WORKLOAD, DEFAULT_SCENARIOS[0])


def night_partitions() -> dg.DailyPartitionsDefinition:
    """Nights up to and including today's: a tick at 02:00 asks for its own date."""
    return dg.DailyPartitionsDefinition(FIRST_NIGHT, end_offset=1)


def cell_partitions(places: Places, nights: dg.DailyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"cell": dg.StaticPartitionsDefinition(cells(places)), "night": nights})
