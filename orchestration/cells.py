"""Which cells there are to choose from.

Put here lists of cells, in plain Python. Keep out Dagster's partitions of them (`orchestration.partitions`) and which
of them a night runs (`orchestration.nights`).
"""

from collections.abc import Iterable

from resources.lab.cell import Cell
from resources.targets import targets
from resources.targets.availability import why_unavailable
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios


def cells_of(places: Places, workloads: Iterable[str]) -> list[Cell]:
    """Return the cells of these recordings that can run here: each under each scenario that is available on a target.

    AWS is left out: it is paid for, and available on the command line alone. So is what needs to be told something,
    as an endpoint its URL, and what this machine lacks something for, as Docker.
    """
    known = scenarios(places)
    offered = {
        name: [key for key, scenario in known.items() if not why_unavailable(scenario, target)]
        for name, target in targets().items()
        if not target.genuine and target.options.keys() <= target.defaults.keys() and not target.absent()
    }
    return [
        Cell(workload, scenario, target)
        for workload in workloads
        for target, available in offered.items()
        for scenario in available
    ]


def shows_noise(cell: Cell) -> bool:
    """Whether all of a cell is replayed once more beside itself where claims are judged: where nothing is broken."""
    return (cell.workload, cell.scenario) == (DEFAULT_WORKLOAD, DEFAULT_SCENARIOS[0])
