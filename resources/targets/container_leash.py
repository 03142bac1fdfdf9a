"""Containers that cannot outlive their run: a process removes them as soon as the pipe to it closes.

Put here that process (``python -m resources.targets.container_leash URL LABEL FOLDER``) and holding its pipe. Keep out
how a container is removed (`resources.targets.docker_engine`).

A process group that is killed takes no container along, since the engine is their parent; so the process that is left
asks the engine. Where that one was killed as well, the next run removes them by the label.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from resources.targets.docker_engine import Engine
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY

_AGAIN_S = 0.5  # for containers that were just being made
_REMOVE_S = 60.0


class ContainerLeash:
    """Removes labelled containers once it is closed or this process is gone.

    Args:
        url: Where the engine listens.
        label: The label of the containers.
        log_folder: Where the containers' logs are kept.
        secret: A text that is left out of the logs.
    """

    def __init__(self, url: str, label: str, log_folder: Path, secret: str = "") -> None:
        log_folder.mkdir(parents=True, exist_ok=True)
        self._log = log_folder / f"{label}-leash.log"
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, url, label, str(log_folder)],
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
                start_new_session=True,  # Ctrl-C is for this process: the leash learns of it by the pipe
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.write(secret.encode())  # not as an argument: every user can read those
        self._process.stdin.flush()

    def close(self) -> None:
        """Return once the containers are gone; `ArchduelError` where they are not. Closing twice is fine."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.close()
        try:
            code: int | None = self._process.wait(_REMOVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code:
            words = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise ArchduelError(f"containers of this run are left ({self._log}): {words}; the next run removes them")
        self._log.unlink(missing_ok=True)


def hold(url: str, label: str, log_folder: Path) -> None:
    """Wait for the pipe on standard input to close, then remove the labelled containers until there are no more."""
    engine = Engine(url, sys.stdin.read())
    try:
        while engine.remove(lambda one: one == label, log_folder):
            time.sleep(_AGAIN_S)
    finally:
        engine.close()


def main() -> None:
    """Run the process."""
    try:
        hold(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    except ArchduelError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
