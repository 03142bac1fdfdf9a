"""The command line run as a user's shell runs it: a process of its own, with a home of the test's own.

Belongs here: running a command to its end. What should come of it, and runs that are killed, are the tests' business.
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
    """``archduel`` with ``arguments``, however it exits; `subprocess.TimeoutExpired` when it has not by then.

    ``environment`` is put over our own.
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
