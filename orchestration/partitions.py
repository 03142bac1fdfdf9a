"""What a run is about: a cell (workload, scenario and target) and a night; or a recording.

Cells and recordings are dynamic partitions: a recording brought in while everything runs is one without a restart.
`declare` says to an instance which there are. Any other cell can be launched once it was declared by its name.
"""

import heapq
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import dagster as dg

from assets.analysis.claims import scenarios_needed
from resources.lab.cell import Cell
from resources.targets import DEFAULT_TARGET, targets
from resources.targets.availability import why_unavailable
from workloads.errors import ArchduelError
from workloads.inbox.ledger import Ledger
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

FIRST_NIGHT = "2026-11-20"
CELLS = "cell"
RECORDINGS = "recording"
MOST_OFFERED = 200  # recordings whose cells are offered: of thousands nobody could choose, and the UI would be slow
_AT_ONCE = 500  # SQLite takes so many names in a question


def cells_of(places: Places, workloads: Iterable[str]) -> list[Cell]:
    """Every cell to be offered of these recordings: each under each scenario on each target, but for AWS itself, which
    is paid for and only to be asked for on the command line.
    """
    known = list(scenarios(places))
    offered = [name for name, target in targets().items() if not target.genuine]
    return [Cell(workload, scenario, target) for workload in workloads for target in offered for scenario in known]


def nightly_targets() -> list[str]:
    """The targets that nights can be on: those that take no options. The default one comes first."""
    return [name for name, target in targets().items() if not target.options]


def nightly_cells(target: str = DEFAULT_TARGET) -> list[Cell]:
    """The declared list that every night on a target runs: what is compared by default, and what the claims ask for, as
    far as it can be had there.
    """
    wanted = dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed()])
    known = scenarios()
    return [
        Cell(DEFAULT_WORKLOAD, scenario, target)
        for scenario in wanted
        if not why_unavailable(known[scenario], targets()[target])
    ]


def shows_noise(cell: Cell) -> bool:
    """Whether a night replays everything of a cell once more beside itself: where nothing is broken."""
    return (cell.workload, cell.scenario) == (DEFAULT_WORKLOAD, DEFAULT_SCENARIOS[0])


def night_partitions() -> dg.DailyPartitionsDefinition:
    """Nights up to and including today's: a tick at 02:00 asks for its own date."""
    return dg.DailyPartitionsDefinition(FIRST_NIGHT, end_offset=1)


def cell_partitions(nights: dg.DailyPartitionsDefinition) -> dg.MultiPartitionsDefinition:
    return dg.MultiPartitionsDefinition({"cell": dg.DynamicPartitionsDefinition(name=CELLS), "night": nights})


def recording_partitions() -> dg.DynamicPartitionsDefinition:
    return dg.DynamicPartitionsDefinition(name=RECORDINGS)


def declare(instance: dg.DagsterInstance, places: Places) -> None:
    """Let the instance know every recording there is and the cells of the latest, and forget what is gone.

    A recording that is being brought in is a partition already, though there is nothing in it yet.
    """
    paths = Library(places).paths()
    awaited = [file.recording for file in Ledger(places.inbox_ledger).queued() if file.recording]
    known = set(instance.get_dynamic_partitions(RECORDINGS))
    _add(instance, RECORDINGS, [name for name in dict.fromkeys([*paths, *awaited]) if name not in known])
    for name in sorted(known - paths.keys() - set(awaited)):
        instance.delete_dynamic_partition(RECORDINGS, name)
    declare_cells(instance, cells_of(places, _latest(paths)))
    for key in instance.get_dynamic_partitions(CELLS):
        if not _is_of(key, paths):
            instance.delete_dynamic_partition(CELLS, key)


def _is_of(key: str, workloads: Container[str]) -> bool:
    """Whether ``key`` names a cell of one of these recordings; anybody may have added it by hand in the UI."""
    try:
        return Cell.parse(key).workload in workloads
    except ArchduelError:
        return False


def _latest(paths: Mapping[str, Path]) -> list[str]:
    if len(paths) <= MOST_OFFERED:
        return list(paths)
    written = {name: path.stat().st_mtime for name, path in paths.items() if path.exists()}
    return sorted(heapq.nlargest(MOST_OFFERED, written, key=written.__getitem__))


def declare_cells(instance: dg.DagsterInstance, cells: Iterable[Cell]) -> None:
    """Let the instance know these cells, whatever else it knows."""
    known = set(instance.get_dynamic_partitions(CELLS))
    _add(instance, CELLS, [key for key in map(str, cells) if key not in known])


def _add(instance: dg.DagsterInstance, name: str, keys: list[str]) -> None:
    for start in range(0, len(keys), _AT_ONCE):
        instance.add_dynamic_partitions(name, keys[start : start + _AT_ONCE])
