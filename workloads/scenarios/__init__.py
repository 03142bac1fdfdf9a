"""Scenarios: what is done to every architecture alike while a recording is replayed. Data, one TOML file each, found
by listing this folder and the user's own.

Belongs here: which scenarios there are. What they may say is `workloads.scenarios.model` and `.faults`, how a file is
read `.reading`; what the words do to the lab is `resources`' business.
"""

from functools import cache
from pathlib import Path

from workloads.atomic import replacing
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places
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

# What `compare` and the nights run unless told otherwise.
DEFAULT_SCENARIOS = ("steady", "backend_outage", "concurrency_limit")
_BUNDLED = Path(__file__).parent


@cache
def _bundled() -> dict[str, Scenario]:
    found = [read_scenario(path) for path in _BUNDLED.glob("*.toml")]
    return {scenario.name: scenario for scenario in sorted(found, key=lambda one: (one.position, one.name))}


def scenario_files(places: Places) -> dict[str, Path]:
    """The user's own scenarios: name to file, whatever is in it."""
    return {path.stem: path for path in sorted(places.scenarios.glob("[!.]*.toml")) if path.stem not in _bundled()}


def scenario(places: Places, name: str) -> Scenario:
    """The scenario of that name, bundled or the user's own; `UsageError` where there is none or its file is wrong."""
    if name in _bundled():
        return _bundled()[name]
    return read_scenario(choose(dict.fromkeys(_bundled(), Path()) | scenario_files(places), name, "scenario"))


def scenarios(places: Places | None = None) -> dict[str, Scenario]:
    """Every scenario that can be read, in the order of their positions: one wrong file must not hide the others."""
    known = dict(_bundled())
    for name, path in (scenario_files(places) if places is not None else {}).items():
        try:
            known[name] = read_scenario(path)
        except UsageError:
            continue  # naming it says what is wrong with it
    return dict(sorted(known.items(), key=lambda item: (item[1].position, item[0])))


def own_scenario(path: Path) -> Scenario:
    """The scenario in a user's own file; `UsageError` where it is wrong or named like a bundled one."""
    own = read_scenario(path)
    if own.name in _bundled():
        raise UsageError(f"{path}: {own.name} is a bundled scenario: give the file another name")
    return own


def adopt(places: Places, path: Path) -> str:
    """Take a user's file into ``places``, in place of an earlier one of its name; returns the name.

    The graph's cells are named, so a scenario has to stay where a later run, or another process, finds it.
    """
    name = own_scenario(path).name
    try:
        with replacing(places.scenarios / f"{name}.toml") as hidden:
            hidden.write_bytes(path.read_bytes())
    except OSError as error:
        raise ArchduelError(f"cannot keep {path} in {places.scenarios}: {error.strerror or error}") from error
    return name
