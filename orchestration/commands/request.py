"""A request for a comparison, checked and complete.

Put here what follows from the request alone. Keep out options (`orchestration.commands.compare`) and runs
(`orchestration.commands.running`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.cells import shows_noise
from resources.lab.cell import Cell
from resources.lab.settings import NIGHTLY_REPETITIONS, LabSettings
from workloads.scenarios import Scenario


@dataclass(frozen=True)
class CompareRequest:
    """What to compare.

    Attributes:
        workload: The recording's name.
        scenarios: The scenarios by name, in the order they run.
        architectures: The architectures' names.
        settings: How each cell is replayed.
        as_a_night: Whether the A/A arm is added where a night has it.
        requirements: The file of what is asked of the architectures; None: the one in use.
        simulated: Whether the cells are simulated as well, beside what is replayed.
        fewer_where_broken: Whether cells in which something is broken, where no p99 is asked for, have as few
            repetitions as a verdict takes, or a night has.
    """

    workload: str
    scenarios: Mapping[str, Scenario]
    architectures: tuple[str, ...]
    settings: LabSettings
    as_a_night: bool = False
    requirements: Path | None = None
    simulated: bool = True
    fewer_where_broken: bool = False

    @property
    def cells(self) -> list[Cell]:
        """The cells, one for each scenario."""
        return [Cell(self.workload, scenario, self.settings.target) for scenario in self.scenarios]

    def settings_of(self, cell: Cell) -> LabSettings:
        """Return the settings of one cell."""
        settings = self.settings.model_copy(update={"aa": self.settings.aa or (self.as_a_night and shows_noise(cell))})
        if self.fewer_where_broken and "steady" not in self.scenarios[cell.scenario].situations:
            from assets.analysis.statistics.verdicts import MIN_PAIRS  # noqa: PLC0415 - scipy, which --help need not wait for

            enough = NIGHTLY_REPETITIONS if self.as_a_night else MIN_PAIRS
            return settings.model_copy(update={"repetitions": min(settings.repetitions, enough)})
        return settings
