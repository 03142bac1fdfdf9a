"""Dagster's partitions: a cell (workload, scenario and target) and a night, a recording, or a cell of a grid.

Cells and recordings are dynamic: a new recording needs no restart. Any other cell can be launched once it was declared
by its name.

Put here what the partitions are and how an instance learns of them. Keep out which cells there are
(`orchestration.cells`).
"""

import heapq
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import dagster as dg

from orchestration.cells import cells_of
from orchestration.instance import prepare_instance
from resources.lab.cell import Cell
from workloads.errors import ArchduelError
from workloads.inbox.ledger import Ledger
from workloads.places import Places
from workloads.recordings.library import Library

CELLS = "cell"
RECORDINGS = "recording"
GRID_CELL = "grid_cell"
CELL_TAG = f"dagster/partition/{CELLS}"  # of runs
MAX_OFFERED = 200  # recordings whose cells are offered: more would be no choice, and make the UI slow
FIRST_NIGHT = "2026-11-20"
_BATCH = 500  # names in a statement: SQLite takes no more


def nights_since(first: str) -> dg.DailyPartitionsDefinition:
    """The nights from a date on, up to and including today's: a tick at 02:00 launches its own date."""
    return dg.DailyPartitionsDefinition(first, end_offset=1)


def cells_by(nights: dg.PartitionsDefinition) -> dg.MultiPartitionsDefinition:
    """Cells by night."""
    return dg.MultiPartitionsDefinition({CELLS: dg.DynamicPartitionsDefinition(name=CELLS), "night": nights})


NIGHTS = nights_since(FIRST_NIGHT)
CELLS_BY_NIGHT = cells_by(NIGHTS)
RECORDED = dg.DynamicPartitionsDefinition(name=RECORDINGS)
GRID_CELLS = dg.DynamicPartitionsDefinition(name=GRID_CELL)


def cell_key(cell: Cell, night: str) -> dg.MultiPartitionKey:
    """Return the partition of a cell in a night, given by its date."""
    return dg.MultiPartitionKey({CELLS: str(cell), "night": night})


def declare(instance: dg.DagsterInstance, places: Places) -> None:
    """Tell the instance of every recording and the cells of the latest, and delete those of recordings that are gone.

    A recording whose import is queued is a partition already.
    """
    paths = Library(places).paths()
    queued = [file.recording for file in Ledger(places.inbox_ledger).queued() if file.recording]
    known = set(instance.get_dynamic_partitions(RECORDINGS))
    _add(instance, RECORDINGS, [name for name in dict.fromkeys([*paths, *queued]) if name not in known])
    for name in sorted(known - paths.keys() - set(queued)):
        instance.delete_dynamic_partition(RECORDINGS, name)
    declare_cells(instance, cells_of(places, _latest(paths)))
    for key in instance.get_dynamic_partitions(CELLS):
        if not _is_of(key, paths):
            instance.delete_dynamic_partition(CELLS, key)


def _is_of(key: str, workloads: Container[str]) -> bool:
    """Whether ``key`` names a cell of one of these recordings; one added by hand in the UI may name none."""
    try:
        return Cell.parse(key).workload in workloads
    except ArchduelError:
        return False


def _latest(paths: Mapping[str, Path]) -> list[str]:
    if len(paths) <= MAX_OFFERED:
        return list(paths)
    written = {name: path.stat().st_mtime for name, path in paths.items() if path.exists()}
    return sorted(heapq.nlargest(MAX_OFFERED, written, key=written.__getitem__))


def declare_cells(instance: dg.DagsterInstance, cells: Iterable[Cell]) -> None:
    """Tell the instance of these cells, beside those it knows."""
    known = set(instance.get_dynamic_partitions(CELLS))
    _add(instance, CELLS, [key for key in map(str, cells) if key not in known])


def declare_grid(places: Places, partitions: Iterable[str]) -> None:
    """Tell the home's instance of these cells of a grid, beside those it knows."""
    prepare_instance(places)
    with dg.DagsterInstance.get() as instance:
        known = set(instance.get_dynamic_partitions(GRID_CELL))
        _add(instance, GRID_CELL, [key for key in partitions if key not in known])


def _add(instance: dg.DagsterInstance, name: str, keys: list[str]) -> None:
    for start in range(0, len(keys), _BATCH):
        instance.add_dynamic_partitions(name, keys[start : start + _BATCH])
