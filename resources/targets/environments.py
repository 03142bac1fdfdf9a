"""Python environments for emulators that cannot share archduel's: made once under the home with uv, completely or not.

Put here finding a Python and installing a distribution with its dependencies. Keep out what is installed
(`resources.targets.localstack_host`) and how it is started (`resources.targets.localstack`).
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
_MAX_CHARACTERS = 300  # of what an installation failed with; all of it is in its log


@dataclass(frozen=True)
class Machine:
    """A machine to install on.

    Attributes:
        environment: Its environment variables.
        which: Finds a program by its name; None where there is none.
        run: Runs a command; returns its exit code and output.
    """

    environment: Mapping[str, str]
    which: Callable[[str], str | None]
    run: Callable[[Sequence[str]], tuple[int, str]]


def _run(command: Sequence[str]) -> tuple[int, str]:
    # An installation compiles on every core for half a minute: beside a replay, it took the emulator's share of them.
    return run_leashed(("nice", "-n", "19", *command), timeout_s=_INSTALL_S)


def this_machine() -> Machine:
    """The machine this process runs on, with the uv of archduel's own environment before any other."""
    beside = Path(sys.executable).parent
    return Machine(os.environ, lambda name: shutil.which(name, path=beside) or shutil.which(name), _run)


@dataclass(frozen=True)
class Distribution:
    """A ``folder`` with a ``pyproject.toml`` and modules. ``title`` is what people call it."""

    folder: Path
    title: str

    @cached_property
    def _project(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @property
    def python(self) -> str:
        """The Python it needs, such as ``3.13``: the earliest that it declares."""
        required: str = self._project["project"]["requires-python"]
        return required.partition(",")[0].removeprefix(">=")

    @property
    def exclude_newer(self) -> str:
        """The day as of which its dependencies are resolved."""
        return str(self._project["tool"]["uv"]["exclude-newer"])

    def pinned(self, dependency: str) -> str:
        """The exact version of a pinned dependency."""
        dependencies: list[str] = self._project["project"]["dependencies"]
        pins = (one.split("==") for one in dependencies if "==" in one)
        return next(version for name, version in pins if name.partition("[")[0] == dependency)

    @cached_property
    def digest(self) -> str:
        """A digest of its files, those from elsewhere included."""
        code = hashlib.blake2b(digest_size=6)
        build = self._project.get("tool", {}).get("hatch", {}).get("build", {})
        elsewhere = build.get("targets", {}).get("wheel", {}).get("force-include", {})
        own = sorted(path for path in self.folder.iterdir() if path.suffix in (".py", ".toml"))
        for path in [*own, *(self.folder / name for name in elsewhere)]:
            code.update(path.name.encode() + b"\0" + path.read_bytes())
        return code.hexdigest()


def ensure(distribution: Distribution, folder: Path, reporter: Reporter, machine: Machine) -> Path:
    """Make an environment with a distribution installed, unless there is one.

    Args:
        distribution: What is installed.
        folder: Where environments are.
        reporter: Called with the progress of the installation.
        machine: Where it is installed.

    Returns:
        The environment's interpreter.

    Raises:
        ArchduelError: A Python or uv is missing, or the installation fails; in one sentence.
    """
    name = f"{distribution.folder.name}-"
    home = folder / f"{name}{distribution.digest}"
    if _works(home, machine):
        return home / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f"{name}environment.lock"):
        if not _works(home, machine):  # the process that held the lock may have made it
            reporter.stage(f"installing {distribution.title}, once")
            for leftover in folder.glob(f".{name}*"):  # of a run that was killed
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
    """Whether an environment is complete, and its Python still works."""
    return (home / _MADE).exists() and machine.run([str(home / "bin" / "python"), "-c", ""])[0] == 0


def _install(distribution: Distribution, home: Path, log: Path, machine: Machine) -> None:
    uv = machine.which("uv")
    if uv is None:
        raise ArchduelError(f"{distribution.title} is installed with uv, which .venv lacks: make install")
    python = find_python(distribution, uv, machine)
    install = [uv, "pip", "install", "--quiet", "--native-tls", "--compile-bytecode"]
    install += ["--exclude-newer", distribution.exclude_newer, "--python", str(home / "bin" / "python")]
    for command in (
        [uv, "venv", "--quiet", "--no-project", "--python", python, str(home)],
        [*install, str(distribution.folder)],  # from the index that the machine is configured with
    ):
        code, output = machine.run(command)
        if code:
            log.write_text(f"{' '.join(command)}\n{output}")
            lines = (line.strip() for line in output.splitlines() if not line.startswith("warning"))
            words = " ".join(filter(None, lines))[:_MAX_CHARACTERS] or f"exit code {code}"
            raise ArchduelError(f"{distribution.title} could not be installed ({log}): {words}")
    (home / _MADE).touch()


def find_python(distribution: Distribution, uv: str, machine: Machine) -> str:
    """A Python of the version a distribution needs: this process' own, on the PATH, or known to pyenv or uv.

    Raises `ArchduelError` where there is none.
    """
    version = distribution.python
    for candidate in _candidates(version, uv, machine):
        code, output = machine.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if code == 0 and output.strip() == version:
            return candidate
    raise ArchduelError(
        f"{distribution.title} needs Python {version}, which is neither on the PATH nor known to pyenv or uv:"
        f" .venv/bin/uv python install {version}, or pyenv install {version}"
    )


def _candidates(version: str, uv: str, machine: Machine) -> Iterator[str]:
    yield sys.executable
    if on_path := machine.which(f"python{version}"):  # it may be pyenv's, which only works for a version in use
        yield on_path
    pyenv = Path(machine.environment.get("PYENV_ROOT") or Path(machine.environment.get("HOME", "/")) / ".pyenv")
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{version}*/bin/python"), reverse=True))
    code, output = machine.run([uv, "python", "find", "--no-project", "--system", version])
    if code == 0:
        yield output.strip().splitlines()[-1]
