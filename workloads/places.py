"""Where everything is on disk.

Put here paths. Keep out reading and writing what they lead to (`workloads.recordings.library`, `resources.warehouse`).
"""

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BUNDLED_RECORDINGS = REPOSITORY / "workloads" / "recorded"


@dataclass(frozen=True)
class Places:
    """The folders under one ``ARCHDUEL_HOME``. All of it can be deleted; nothing in it is needed to start.

    Attributes:
        home: The folder.
        store: The address of what several machines share, of which the home holds a copy (`resources.store`); '' where
            the home is all there is.
    """

    home: Path
    store: str = ""

    @classmethod
    def from_environment(cls) -> "Places":
        """The home that ``ARCHDUEL_HOME`` names, by default ``.archduel`` in the repository's root, and the store that
        ``ARCHDUEL_STORE`` names, by default none."""
        home = Path(os.environ.get("ARCHDUEL_HOME") or REPOSITORY / ".archduel").expanduser().resolve()
        return cls(home, os.environ.get("ARCHDUEL_STORE", ""))

    @property
    def database(self) -> Path:
        return self.home / "archduel.duckdb"

    @property
    def outcomes(self) -> Path:
        return self.home / "outcomes"

    @property
    def observations(self) -> Path:
        """What a replay wrote down as it happened; outcomes are made from it without an emulator."""
        return self.home / "observations"

    @property
    def judgements(self) -> Path:
        """What comparisons come to: one partition for each comparison and table."""
        return self.home / "judgements"

    @property
    def prices(self) -> Path:
        """The user's own price list, in place of the bundled one."""
        return self.home / "prices.toml"

    @property
    def nights(self) -> Path:
        """The user's own file of what nights run."""
        return self.home / "nights.toml"

    @property
    def recordings(self) -> Path:
        return self.home / "recordings"

    @property
    def inbox_ledger(self) -> Path:
        """The state of every file that was ever seen in the inbox."""
        return self.home / "inbox.sqlite"

    @property
    def scenarios(self) -> Path:
        """The user's own scenario files."""
        return self.home / "scenarios"

    @property
    def services(self) -> Path:
        """The user's own services, each in a folder of its name with its digest."""
        return self.home / "services"

    @property
    def conformance(self) -> Path:
        """How each target differs from AWS, one file per target."""
        return self.home / "conformance"

    @property
    def grids(self) -> Path:
        """What was simulated besides comparisons: a folder for each grid and each sizing."""
        return self.home / "grids"

    @property
    def calibrations(self) -> Path:
        """Parameters of the simulation fitted to a target, and how well they predict: two files for each target."""
        return self.home / "calibrations"

    @property
    def report(self) -> Path:
        return self.home / "report" / "index.html"

    @property
    def replays(self) -> Path:
        """What services made of recordings that were sent straight to them."""
        return self.home / "replays"

    @property
    def dagster(self) -> Path:
        return self.home / "dagster"

    @property
    def temporary(self) -> Path:
        """What processes need only while they run (`workloads.scratch`)."""
        return self.home / "tmp"

    @property
    def emulators(self) -> Path:
        """Where emulators are installed, and write their logs."""
        return self.home / "emulators"

    @property
    def emulator_logs(self) -> Path:
        return self.emulators
