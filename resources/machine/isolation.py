"""Programs kept from this machine's files: behind bubblewrap, where it is installed.

Put here what such a program sees. Keep out what is run behind it (`resources.targets.local`,
`resources.services.importing`).
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.errors import UsageError
from workloads.places import REPOSITORY

_NAME = "bwrap"
_NEEDED = "which is in the package bubblewrap, as with apt-get install bubblewrap"
# What people keep is there; what programs need is below other folders, or named below.
_HIDDEN = ("/home", "/root", "/mnt", "/media", "/srv", "/tmp", "/var", "/run")  # noqa: S108 - hidden, not used


def isolated(arguments: Sequence[str], folder: Path, home: Path) -> list[str]:
    """The arguments that start a program behind bubblewrap.

    It reads what is installed, and neither home folders nor archduel's own home; it writes to ``folder`` and nowhere
    else; it sees no process but its own. It has the network, as emulators and their functions reach each other by it.

    Args:
        arguments: The program and its arguments.
        folder: What it may write to.
        home: Archduel's home.

    Raises:
        UsageError: There is no bubblewrap here, or it does not work.
    """
    options = [*_options(home), "--bind", str(folder), str(folder), "--chdir", str(folder)]
    return [_program(), *options, "--", *arguments]


def _options(home: Path = REPOSITORY) -> list[str]:
    kept = [*map(Path, _HIDDEN), Path.home(), REPOSITORY, home]
    hidden = [option for path in dict.fromkeys(kept) if path.is_dir() for option in ("--tmpfs", str(path))]
    return [
        *("--ro-bind", "/", "/", *hidden, "--dev", "/dev", "--proc", "/proc"),
        # A Python of the user's own, and its packages, may be below a home folder.
        *(option for path in _installed() for option in ("--ro-bind", path, path)),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
    ]


def _installed() -> list[str]:
    node = shutil.which("node")
    paths = [sys.base_prefix, sys.prefix, *(str(REPOSITORY / name) for name in ("resources", "workloads"))]
    return [*paths, *([str(Path(node).resolve().parents[1])] if node else [])]


def _program() -> str:
    program = shutil.which(_NAME)
    if program is None:
        raise UsageError(f"isolating code takes bubblewrap's {_NAME}, {_NEEDED}; without --isolate it runs as yours")
    try:
        tried = subprocess.run(
            [program, *_options(), "--", "/bin/true"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{program} does not work here: {error}") from None
    if tried.returncode:
        raise UsageError(f"{program} does not work here: {' '.join(tried.stderr.split())}")
    return program
