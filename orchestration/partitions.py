"""What a run is about: a cell (workload, scenario and target) and a night; or a recording.

Cells and recordings are dynamic partitions: a recording brought in while everything runs is one without a restart.
`declare` says to an instance which there are.
"""

from collections.abc import Iterable

import dagster as dg

from resources.claims import scenarios_needed
from resources.faults.policies import lacking
from resources.lab import cell_name, split_cell
from resources.targets import DEFAULT_TARGET, targets
from workloads.inbox.ledger import Ledger
from workloads.library import DEFAULT_WORKLOAD, Library
from workloads.places import Places
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

FIRST_NIGHT = "2026-11-20"
CELLS = "cell"
RECORDINGS = "recording"
_AT_ONCE = 500  # SQLite takes so many names in a question


def cells(places: Places) -> list[str]:
    """Every cell there can be: each recording under each scenario on each target."""
    return cells_of(places, Library(places).paths())


def cells_of(places: Places, workloads: Iterable[str]) -> list[str]:
    """Every cell of these recordings."""
    known = list(scenarios(places))
    return [
        cell_name(workload, scenario, target) for workload in workloads for target in targets() for scenario in known
    ]


def nightly_targets() -> list[str]:
    """The targets that nights can be on: those that need to be told nothing. The default one comes first."""
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


def cell_partitions(nights: dg.DailyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"cell": dg.DynamicPartitionsDefinition(name=CELLS), "night": nights})


def recording_partitions() -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=RECORDINGS)


def declare(instance: dg.DagsterInstance, places: Places) -> None:
    """Let the instance know every recording and cell there is, and forget those that are gone.

    A recording that is being brought in is a partition already, though there is nothing in it yet.
    """
    names = Library(places).paths()
    awaited = (file.recording for file in Ledger(places.inbox_ledger).queued() if file.recording)
    _keep(instance, RECORDINGS, dict.fromkeys([*names, *awaited]))
    _keep(instance, CELLS, dict.fromkeys(cells_of(places, names)))


def declare_cells(instance: dg.DagsterInstance, keys: Iterable[str]) -> None:
    """Let the instance know these cells, whatever else it knows."""
    known = set(instance.get_dynamic_partitions(CELLS))
    _add(instance, CELLS, [key for key in keys if key not in known])


def _keep(instance: dg.DagsterInstance, name: str, keys: dict[str, None]) -> None:
    known = instance.get_dynamic_partitions(name)
    _add(instance, name, sorted(keys.keys() - set(known)))
    for key in known:
        if key not in keys:
            instance.delete_dynamic_partition(name, key)


def _add(instance: dg.DagsterInstance, name: str, keys: list[str]) -> None:
    for start in range(0, len(keys), _AT_ONCE):
        instance.add_dynamic_partitions(name, keys[start : start + _AT_ONCE])
