"""The command line run as a user's shell runs it: a process of its own, with a home of the test's own.

Put here how a command is run to its end. Keep out runs that are killed, which their tests start themselves; where no
process is needed, `tests.functional.conftest.call` is quicker.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from workloads.places import REPOSITORY, Places

# Beside a replay of another test, whose requests must be on time, a command need not be quick.
YIELDING = ("nice", "-n", "10")
# Of `archduel compare`, as what others use makes a replay invalid.
BESIDE_OTHERS = ("--others-at-most", "1")


def archduel(
    places: Places, *arguments: str, timeout_s: float = 60, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs ``archduel`` with ``arguments`` until it exits, with ``environment`` put over this process's own.

    Raises:
        subprocess.TimeoutExpired: it did not exit in time.
    """
    return subprocess.run(
        [*YIELDING, sys.executable, "-m", "orchestration.commands.main", *arguments],
        env={**os.environ, **(environment or {}), "ARCHDUEL_HOME": str(places.home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
