"""Which cells there are to choose from, and which of them a night runs.

Put here lists of cells, in plain Python. Keep out Dagster's partitions of them (`orchestration.partitions`).
"""

from collections.abc import Iterable

from assets.analysis.claims import scenarios_needed
from resources.architectures.stack import DEFAULT_VARIANT, SDK_DEFAULTS
from resources.lab.cell import Cell
from resources.targets import DEFAULT_TARGET, targets
from resources.targets.availability import why_unavailable
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

_HANDLERS_RETRY, _CALLERS_RETRY = "backend_hang", "callers_retry"


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


def nightly_targets() -> list[str]:
    """Return the targets that nights can run on: those without options, and those in virtual time, which need none of
    theirs. The default one comes first.
    """
    return [name for name, target in targets().items() if not target.options or target.virtual]


def nightly_cells(target: str = DEFAULT_TARGET) -> list[Cell]:
    """Return the cells that every night on a target runs.

    These are the default scenarios, those that the claims need, and two that show what retries change: of handlers
    (see `nightly_variants`) and of callers. Scenarios that the target lacks something for are left out.
    """
    known = scenarios()
    return [
        Cell(DEFAULT_WORKLOAD, scenario, target)
        for scenario in dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed(), _HANDLERS_RETRY, _CALLERS_RETRY])
        if not why_unavailable(known[scenario], targets()[target])
    ]


def nightly_variants(cell: Cell) -> list[str]:
    """Return the variants that a night replays in a cell: the default one, and in one cell the SDK's defaults, too."""
    return [DEFAULT_VARIANT, *([SDK_DEFAULTS] if cell.scenario == _HANDLERS_RETRY else [])]


def shows_noise(cell: Cell) -> bool:
    """Whether a night replays all of a cell once more beside itself: the cell where nothing is broken."""
    return (cell.workload, cell.scenario) == (DEFAULT_WORKLOAD, DEFAULT_SCENARIOS[0])
