"""Python environments for emulators that cannot share ours: made once under the home with uv, whole or not at all.

Belongs here: finding a Python and installing a distribution of ours with what it depends on. What is installed, and
how it is started, is a target's own module.
"""

import hashlib
import os
import shutil
import sys
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock

from resources.machine.leash import run_leashed
from resources.progress import Reporter
from workloads.errors import ArchduelError

_MADE = ".made"
_INSTALL_S = 600.0
_MOST_WORDS = 300  # of what an installation failed with; all of it is in its log


@dataclass(frozen=True)
class Machine:
    """What is looked for on this machine, and how a program is run on it: its exit code, and what it said."""

    environment: Mapping[str, str]
    which: Callable[[str], str | None]
    run: Callable[[Sequence[str]], tuple[int, str]]


def _run(command: Sequence[str]) -> tuple[int, str]:
    return run_leashed(command, timeout_s=_INSTALL_S)


def this_machine() -> Machine:
    """The machine we run on; our own uv before any other."""
    beside = Path(sys.executable).parent
    return Machine(os.environ, lambda name: shutil.which(name, path=beside) or shutil.which(name), _run)


@dataclass(frozen=True)
class Distribution:
    """A folder with a ``pyproject.toml`` and modules. ``title`` is what people call it."""

    folder: Path
    title: str

    @cached_property
    def _project(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @property
    def python(self) -> str:
        """The Python it needs, as ``3.13``: the least it declares."""
        wanted: str = self._project["project"]["requires-python"]
        least, _, _ = wanted.partition(",")
        return least.removeprefix(">=")

    @property
    def exclude_newer(self) -> str:
        """The day its dependencies are resolved as of."""
        return str(self._project["tool"]["uv"]["exclude-newer"])

    def pinned(self, dependency: str) -> str:
        """The exact version of a dependency."""
        dependencies: list[str] = self._project["project"]["dependencies"]
        pins = (one.split("==") for one in dependencies if "==" in one)
        return next(version for name, version in pins if name.partition("[")[0] == dependency)

    @cached_property
    def digest(self) -> str:
        """Changes with any of its files."""
        code = hashlib.blake2b(digest_size=6)
        for path in sorted(path for path in self.folder.iterdir() if path.suffix in (".py", ".toml")):
            code.update(path.name.encode() + b"\0" + path.read_bytes())
        return code.hexdigest()


def ensure(distribution: Distribution, folder: Path, reporter: Reporter, machine: Machine) -> Path:
    """The interpreter of an environment in ``folder`` with ``distribution`` in it; made now where there is none.

    Raises `ArchduelError` in one sentence when a Python or uv is missing, or the installation fails.
    """
    name = f"{distribution.folder.name}-"
    home = folder / f"{name}{distribution.digest}"
    if _works(home, machine):
        return home / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f"{name}environment.lock"):
        if not _works(home, machine):  # whoever held the lock may have made it
            reporter.stage(f"installing {distribution.title}, once")
            for leftover in folder.glob(f".{name}*"):  # of a run killed in the middle: we hold the lock
                shutil.rmtree(leftover)
            hidden = folder / f".{name}{uuid.uuid4().hex[:8]}"
            try:
                _install(distribution, hidden, folder / f"{name}install.log", machine)
            except BaseException:
                shutil.rmtree(hidden, ignore_errors=True)
                raise
            for old in folder.glob(f"{name}*"):
                if old.is_dir():
                    shutil.rmtree(old)
            hidden.rename(home)
    return home / "bin" / "python"


def _works(home: Path, machine: Machine) -> bool:
    """Whether an environment was made to its end, and its Python is still there."""
    return (home / _MADE).exists() and machine.run([str(home / "bin" / "python"), "-c", ""])[0] == 0


def _install(distribution: Distribution, home: Path, log: Path, machine: Machine) -> None:
    uv = machine.which("uv")
    if uv is None:
        raise ArchduelError(f"{distribution.title} is installed with uv, which .venv lacks: make install")
    python = find_python(distribution, uv, machine)
    install, newest = (
        [uv, "pip", "install", "--quiet", "--native-tls", "--compile-bytecode"],
        distribution.exclude_newer,
    )
    for command in (
        [uv, "venv", "--quiet", "--no-project", "--python", python, str(home)],
        # The index is the machine's own configuration's; the day is the distribution's.
        [*install, "--exclude-newer", newest, "--python", str(home / "bin" / "python"), str(distribution.folder)],
    ):
        code, said = machine.run(command)
        if code:
            log.write_text(f"{' '.join(command)}\n{said}")
            lines = (line.strip() for line in said.splitlines() if not line.startswith("warning"))
            words = " ".join(filter(None, lines))[:_MOST_WORDS] or f"exit code {code}"
            raise ArchduelError(f"{distribution.title} could not be installed ({log}): {words}")
    (home / _MADE).touch()


def find_python(distribution: Distribution, uv: str, machine: Machine) -> str:
    """A Python of the wanted version: ours, on the PATH, through pyenv or uv. `ArchduelError` where there is none."""
    wanted = distribution.python
    for candidate in _candidates(wanted, uv, machine):
        code, said = machine.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if code == 0 and said.strip() == wanted:
            return candidate
    raise ArchduelError(
        f"{distribution.title} needs Python {wanted}, which is neither on the PATH nor known to pyenv or uv:"
        f" .venv/bin/uv python install {wanted}, or pyenv install {wanted}"
    )


def _candidates(wanted: str, uv: str, machine: Machine) -> Iterator[str]:
    yield sys.executable
    if on_path := machine.which(f"python{wanted}"):  # which may be pyenv's and answer for no version in use
        yield on_path
    pyenv = Path(machine.environment.get("PYENV_ROOT") or Path(machine.environment.get("HOME", "/")) / ".pyenv")
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{wanted}*/bin/python"), reverse=True))
    code, said = machine.run([uv, "python", "find", "--no-project", "--system", wanted])
    if code == 0:
        yield said.strip().splitlines()[-1]
