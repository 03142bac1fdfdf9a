"""Scenarios: the faults and settings under which a recording is replayed, the same for every architecture.

Put here which scenarios there are: one TOML file each, found by listing this folder and the user's own, and those of
plug-ins. Keep out what
they may say (`workloads.scenarios.model`, `workloads.scenarios.faults`), how a file is read
(`workloads.scenarios.reading`) and how a fault is carried out (`resources.faults`, `workloads.replay.shaping`).
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from workloads.atomic import replacing
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places
from workloads.plugins import plugin_of, with_plugins
from workloads.scenarios.model import Scenario
from workloads.scenarios.reading import read_scenario

__all__ = [
    "DEFAULT_SCENARIOS",
    "Scenario",
    "adopt",
    "own_scenario",
    "read_scenario",
    "scenario",
    "scenario_files",
    "scenarios",
]

# What `compare` and the nights run by default.
DEFAULT_SCENARIOS = ("steady", "backend_outage", "concurrency_limit")
_BUNDLED = Path(__file__).parent


@cache
def _registered() -> dict[str, Scenario]:
    """The bundled ones and those of plug-ins."""
    bundled = [read_scenario(path) for path in _BUNDLED.glob("*.toml")]
    return with_plugins("scenario", {scenario.name: scenario for scenario in bundled}, _faults_of)


def _faults_of(entry: object) -> Iterator[str]:
    if not isinstance(entry, Scenario):
        yield "it is no Scenario: read_scenario makes one of a TOML file"


def scenario_files(places: Places) -> dict[str, Path]:
    """List the user's own scenarios: name to file, whether that can be read or not."""
    return {path.stem: path for path in sorted(places.scenarios.glob("[!.]*.toml")) if path.stem not in _registered()}


def scenario(places: Places, name: str) -> Scenario:
    """Look up a scenario by its name: bundled, a plug-in's or the user's own.

    Raises:
        UsageError: There is none of that name, or its file is wrong.
    """
    if name in _registered():
        return _registered()[name]
    return read_scenario(choose(dict.fromkeys(_registered(), Path()) | scenario_files(places), name, "scenario"))


def scenarios(places: Places | None = None) -> dict[str, Scenario]:
    """List scenarios in order of their positions.

    Args:
        places: Where the user's own scenarios are; None for the others only.

    Returns:
        By name every scenario that can be read: a wrong file does not hide the others.
    """
    known = dict(_registered())
    for name, path in (scenario_files(places) if places is not None else {}).items():
        try:
            known[name] = read_scenario(path)
        except UsageError:
            continue  # `scenario` says what is wrong with it
    return dict(sorted(known.items(), key=lambda item: (item[1].position, item[0])))


def _whose(name: str) -> str:
    plugin = plugin_of("scenario", name)
    return f"a scenario of the plug-in {plugin.package}" if plugin else "a bundled scenario"


def own_scenario(path: Path) -> Scenario:
    """Read a scenario from a user's own file.

    Raises:
        UsageError: The file is wrong, or has the name of one that is not the user's own.
    """
    own = read_scenario(path)
    if own.name in _registered():
        raise UsageError(f"{path}: {own.name} is {_whose(own.name)}: give the file another name")
    return own


def adopt(places: Places, path: Path) -> str:
    """Copy a user's file into ``places``, in place of an earlier one of its name.

    The graph knows scenarios by name, so that a later run or another process must find the file.

    Returns:
        The scenario's name.

    Raises:
        UsageError: The file is wrong, or has the name of one that is not the user's own.
        ArchduelError: It cannot be written.
    """
    name = own_scenario(path).name
    try:
        with replacing(places.scenarios / f"{name}.toml") as hidden:
            hidden.write_bytes(path.read_bytes())
    except OSError as error:
        raise ArchduelError(f"cannot keep {path} in {places.scenarios}: {error.strerror or error}") from error
    return name
