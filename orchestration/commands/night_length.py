"""How long a night takes: as its cells took before, else as they are planned.

Put here what a night's length is made of. Keep out a comparison's estimate (`orchestration.commands.estimate`) and what
is said of a night's length (`orchestration.nightly`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from orchestration.commands.estimate import estimate
from orchestration.commands.request import CompareRequest
from orchestration.night_history import took_s
from orchestration.nights import NightCell, Nights
from resources.lab.capacity import is_known
from resources.lab.cell import Cell
from resources.lab.settings import LabSettings
from resources.progress import Silent
from resources.targets import targets
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenario

JUDGING_S = 90.0  # of a night's comparison with its report


@dataclass(frozen=True)
class CellLength:
    """How many seconds a cell takes, if that is known, and how it is known or why it is not."""

    seconds: float | None
    how: str


def cell_lengths(
    places: Places, instance: dg.DagsterInstance, nights: Nights, cells: Sequence[NightCell]
) -> dict[Cell, CellLength]:
    """How long each cell takes: as long as the last time, where a night ran it so before; else as it is planned.

    It is not planned on a target whose capacity was never measured on this machine: measuring it starts an emulator.
    """
    took = took_s(instance, cells, nights)
    found = {cell: CellLength(seconds, "as last time") for cell, seconds in took.items()}
    for one in cells:
        if one.cell not in found:
            found[one.cell] = _planned(places, nights, one)
    return found


def night_estimator(places: Places) -> Callable[[dg.DagsterInstance, Nights, Sequence[NightCell]], float | None]:
    """Make what says how many seconds a night takes; None where that is not known of each of its cells."""

    def seconds(instance: dg.DagsterInstance, nights: Nights, cells: Sequence[NightCell]) -> float | None:
        return total_s(cell_lengths(places, instance, nights, cells))

    return seconds


def total_s(lengths: Mapping[Cell, CellLength]) -> float | None:
    """How many seconds a night of these cells takes, its comparison included; None where one is not known."""
    known = [length.seconds for length in lengths.values() if length.seconds is not None]
    return sum(known) + JUDGING_S if len(known) == len(lengths) else None


def _planned(places: Places, nights: Nights, one: NightCell) -> CellLength:
    target = targets()[one.cell.target]
    if not is_known(places, target):
        return CellLength(None, f"not known: what {target.product} takes here was not measured yet")
    try:
        return CellLength(_planned_s(places, nights, one), "planned")
    except ArchduelError as error:
        return CellLength(None, f"cannot run: {error}")


def _planned_s(places: Places, nights: Nights, one: NightCell) -> float:
    settings = LabSettings(
        repetitions=nights.repetitions, aa=one.aa, variants=list(one.variants), target=one.cell.target
    )
    under = {one.cell.scenario: scenario(places, one.cell.scenario)}
    request = CompareRequest(one.cell.workload, under, tuple(nights.compared), settings)
    return estimate(places, request, Silent()).seconds
