"""Whether this machine can run the lab: what is missing or scarce, and the command that mends it.

Put here checks of the machine. Keep out how an emulator behaves (`resources.conformance`).

Each check takes what it judges as an argument, so that a test can be any machine; `checks` passes this one.
"""

import ctypes
import os
import re
import resource
import shlex
import shutil
import socket
import statistics
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from resources.machine.leash import free_port
from workloads.places import REPOSITORY, Places
from workloads.scratch import PREFIX, abandoned

_GB = 1e9
_INSTALL = "make install"


class Level(StrEnum):
    """The result of a check. Only `MISSING` keeps the lab from running."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One thing that was checked, what was found, and the command that mends it where something should be mended."""

    name: str
    level: Level
    found: str
    mend: str = ""


@dataclass(frozen=True)
class EmulatorProcess:
    """A process of one of archduel's emulators. ``leashed`` ones end with the run they belong to."""

    pid: int
    folder: str
    leashed: bool


def checks(places: Places, environment: Mapping[str, str] = os.environ) -> list[Check]:
    """Run every check on this machine, which takes well under a second.

    Args:
        places: The home whose folders are checked.
        environment: The environment variables.
    """
    processes = list(emulator_processes())
    return [
        python_version(sys.version_info[:3]),
        packages((REPOSITORY / "pyproject.toml").read_bytes(), _installed),
        programs(shutil.which),
        cores(len(psutil.Process().cpu_affinity()) if sys.platform == "linux" else psutil.cpu_count() or 1),
        memory(psutil.virtual_memory().available),
        home(places.home),
        disk(places.home, shutil.disk_usage(_existing(places.home)).free),
        loopback(),
        open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        timers(_has_timerfd(), _sleep_lateness_ms()),
        stray_emulators(processes),
        stray_folders(places.temporary),
        dagster_home(places, environment),
        proxies(environment),
    ]


def python_version(running: tuple[int, ...]) -> Check:
    """``running`` is the interpreter's version."""
    found = ".".join(map(str, running))
    if (3, 11) <= running[:2] <= (3, 13):
        return Check("Python", Level.OK, found)
    return Check("Python", Level.MISSING, f"{found}; 3.11, 3.12 or 3.13 is needed", "make install PYTHON=python3.12")


def packages(project: bytes, installed: Callable[[str], str | None]) -> Check:
    """Whether the dependencies of ``project`` (a pyproject.toml) are installed, pinned ones in exactly that version.

    The emulator is pinned, since its version is part of every figure.
    """
    dependencies = tomllib.loads(project.decode())["project"]["dependencies"]
    wrong, pinned = [], []
    for requirement in dependencies:
        name, pin = re.match(r"([\w.-]+)(?:==([\w.]+))?", requirement).groups()  # type: ignore[union-attr]
        if "sys_platform != 'win32'" in requirement and sys.platform == "win32":
            continue
        found = installed(name)
        if found is None:
            wrong.append(f"{name} is not installed")
        elif pin is not None and found != pin:
            wrong.append(f"{name} is {found} instead of {pin}")
        elif pin is not None:
            pinned.append(f"{name} {found}")
    if wrong:
        return Check("packages", Level.MISSING, "; ".join(wrong), _INSTALL)
    return Check("packages", Level.OK, f"{len(dependencies)} there, {', '.join(pinned)} as pinned")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def programs(which: Callable[[str], str | None]) -> Check:
    """The programs emulators are started with."""
    missing = [program for program in ("sh", "nice") if which(program) is None]
    if missing:
        return Check("programs", Level.MISSING, f"no {' and no '.join(missing)}", "apt-get install coreutils dash")
    return Check("programs", Level.OK, "sh, nice")


def cores(available: int) -> Check:
    """``available`` is how many cores this process may use."""
    if available >= 2:
        return Check("cores", Level.OK, f"{available}")
    found = "1: emulator and load generator share it, replays will be late and so invalid"
    return Check("cores", Level.WARNING, found, "archduel compare --speed 1")


def memory(available_bytes: int) -> Check:
    """``available_bytes`` is what programs can take without swapping."""
    found = f"{available_bytes / _GB:.1f} GB available"
    if available_bytes >= 2 * _GB:
        return Check("memory", Level.OK, found)
    if available_bytes >= 0.7 * _GB:
        tight = f"{found}; three architectures with their functions take up to 2 GB"
        return Check("memory", Level.WARNING, tight, "archduel compare --architecture synchronous")
    return Check("memory", Level.MISSING, f"{found}; 0.7 GB is the least", "ps aux --sort=-rss | head")


def home(folder: Path) -> Check:
    """Whether results can be written to the home ``folder``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Check("home", Level.OK, f"{folder} can be written")
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror}"
        return Check("home", Level.MISSING, found, "export ARCHDUEL_HOME=$HOME/archduel")


def disk(folder: Path, free_bytes: int) -> Check:
    """Room for observations and results: some megabytes a replay."""
    found = f"{free_bytes / _GB:.1f} GB free"
    if free_bytes >= 1 * _GB:
        return Check("disk", Level.OK, found)
    mend = shlex.join(["rm", "-r", str(folder / "observations")])
    if free_bytes >= 0.1 * _GB:
        return Check("disk", Level.WARNING, f"{found} at {folder}; observations of old replays can go", mend)
    return Check("disk", Level.MISSING, f"{found} at {folder}; 0.1 GB is the least", mend)


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def loopback() -> Check:
    """Whether a port on loopback is available, to listen on and to connect to."""
    try:
        port = free_port()
        with socket.create_server(("127.0.0.1", port)) as server:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            server.accept()[0].close()
    except OSError as error:
        return Check("loopback", Level.MISSING, f"127.0.0.1 does not work: {error}", "ip link set lo up")
    return Check("loopback", Level.OK, f"127.0.0.1 answers, ports are free ({port} is one)")


def open_files(limit: int) -> Check:
    """Connections of a replay count against ``limit``, the soft limit of open files."""
    if limit == resource.RLIM_INFINITY or limit >= 1024:
        return Check("open files", Level.OK, "unlimited" if limit == resource.RLIM_INFINITY else f"{limit:,}")
    return Check("open files", Level.WARNING, f"{limit}: a busy replay may need more", "ulimit -n 4096")


def timers(timerfd: bool, late_ms: float) -> Check:
    """``late_ms`` is how late a sleep of one millisecond ends, by the median."""
    found = f"{'timerfd' if timerfd else 'no timerfd'}, a 1 ms sleep ends {late_ms:.1f} ms late"
    if late_ms <= 5:
        return Check("timers", Level.OK, found)
    return Check("timers", Level.WARNING, f"{found}: the machine is busy, replays may be invalid", "top")


def _has_timerfd() -> bool:
    return hasattr(os, "timerfd_create") or hasattr(ctypes.CDLL(None), "timerfd_create")


def _sleep_lateness_ms() -> float:
    late = []
    for _ in range(20):
        began = time.perf_counter()
        time.sleep(0.001)
        late.append(1000 * (time.perf_counter() - began) - 1)
    return max(0.0, statistics.median(late))


def emulator_processes() -> Iterable[EmulatorProcess]:
    """Archduel's emulators that run now, also those of other runs, and whether a leash still holds them.

    Each has a folder of its own, which its workers know as well; workers are left out while their emulator runs.
    """
    found: dict[int, tuple[EmulatorProcess, int]] = {}  # by its number, with its parent's number
    for process in psutil.process_iter():
        try:
            folder = process.environ().get("TMPDIR", "")
            if not Path(folder).name.startswith(PREFIX) or "archduel-leash" in process.cmdline():
                continue
            leashed = any("archduel-leash" in parent.cmdline() for parent in process.parents())
            found[process.pid] = EmulatorProcess(process.pid, folder, leashed), process.ppid()
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    yield from (emulator for emulator, parent in found.values() if parent not in found)


def stray_emulators(processes: Iterable[EmulatorProcess]) -> Check:
    """Emulators that outlived their run and take CPU from every measurement."""
    strays = sorted(process.pid for process in processes if not process.leashed)
    if not strays:
        return Check("stray emulators", Level.OK, "none")
    mend = shlex.join(["kill", *map(str, strays)])
    return Check("stray emulators", Level.WARNING, f"{len(strays)} of runs that are over", mend)


def stray_folders(temporary: Path) -> Check:
    """Folders in ``temporary`` that killed runs left; the next run removes them."""
    strays = [str(folder) for folder in abandoned(temporary)]
    if not strays:
        return Check("stray folders", Level.OK, "none")
    found = f"{len(strays)} of killed runs in {temporary}"
    return Check("stray folders", Level.WARNING, found, shlex.join(["rm", "-r", *strays]))


def dagster_home(places: Places, environment: Mapping[str, str]) -> Check:
    """Where Dagster's history is: every command of archduel uses the home's own."""
    other = environment.get("DAGSTER_HOME")
    if other and Path(other) != places.dagster:
        return Check("Dagster home", Level.OK, f"{places.dagster}; DAGSTER_HOME={other} is not used")
    return Check("Dagster home", Level.OK, str(places.dagster))


def proxies(environment: Mapping[str, str]) -> Check:
    """HTTP proxies of the environment, which nothing on loopback passes through."""
    names = sorted(name for name in environment if name.lower() in ("http_proxy", "https_proxy", "all_proxy"))
    if not names:
        return Check("HTTP proxies", Level.OK, "none in the environment")
    return Check("HTTP proxies", Level.OK, f"{', '.join(names)}: for make install only, the lab does not use them")


def can_run(found: Iterable[Check]) -> bool:
    """Whether nothing needed is missing."""
    return all(check.level is not Level.MISSING for check in found)
