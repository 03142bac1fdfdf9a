"""Scenarios: what goes wrong while a recording is replayed. Data, one TOML file each, found by listing this folder.

Belongs here: what a scenario may say and how it is read. What its words do to the lab is `resources`' business.
"""

import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from workloads.errors import UsageError

# What `compare` and the nights run unless told otherwise.
DEFAULT_SCENARIOS = ("steady", "backend_outage", "concurrency_limit")

FAULT_KINDS = ("down",)
FAULT_TARGETS = ("table",)


@dataclass(frozen=True)
class Fault:
    """Something broken between ``start`` and ``start + length``, shares of the replay's length."""

    target: str
    kind: str
    start: Fraction
    length: Fraction

    def window_us(self, duration_us: int) -> tuple[int, int]:
        """First microsecond of the fault and first one after it, in a replay of ``duration_us``."""
        return round(self.start * duration_us), round((self.start + self.length) * duration_us)


@dataclass(frozen=True)
class Scenario:
    """What is done to every architecture alike. ``reserved_concurrency`` is shared evenly by an architecture's
    functions; ``work_us`` is what a handler works before it touches the table."""

    name: str
    title: str
    description: str
    faults: tuple[Fault, ...] = ()
    reserved_concurrency: int | None = None
    work_us: int = 0
    position: int = 100

    @property
    def limits(self) -> bool:
        """Whether a concurrency limit is on, so that a refused request may be a throttled one."""
        return self.reserved_concurrency is not None


def _fault(entry: dict[str, Any], where: str) -> Fault:
    if unknown := sorted(set(entry) - {"target", "kind", "start", "length"}):
        raise UsageError(f"{where}: unknown {', '.join(unknown)}: a fault knows target, kind, start and length")
    try:
        fault = Fault(entry["target"], entry["kind"], Fraction(entry["start"]), Fraction(entry["length"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        needs = "a fault needs target, kind, start and length (shares such as '1/3')"
        raise UsageError(f"{where}: {needs}: {error}") from None
    if fault.kind not in FAULT_KINDS or fault.target not in FAULT_TARGETS:
        raise UsageError(f"{where}: a fault is one of {', '.join(FAULT_KINDS)} on {', '.join(FAULT_TARGETS)}")
    if fault.start < 0 or fault.length <= 0 or fault.start + fault.length > 1:
        raise UsageError(f"{where}: a fault starts at 0 or later, lasts a while and ends at 1 or before")
    return fault


def read_scenario(path: Path) -> Scenario:
    """The scenario in a TOML file; its name is the file's. `UsageError` names what is wrong with it."""
    try:
        data = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name}: not a TOML file: {error}") from None
    known = {"title", "description", "position", "reserved_concurrency", "work_us", "faults"}
    if unknown := sorted(set(data) - known):
        raise UsageError(f"{path.name}: unknown {', '.join(unknown)}: a scenario knows {', '.join(sorted(known))}")
    for key in ("title", "description"):
        if not isinstance(data.get(key), str):
            raise UsageError(f"{path.name}: {key} must be a text")
    for key, least in (("position", 0), ("reserved_concurrency", 1), ("work_us", 0)):
        if key in data and not (type(data[key]) is int and data[key] >= least):
            raise UsageError(f"{path.name}: {key} must be a whole number of at least {least}")
    entries = data.pop("faults", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path.name}: faults must be tables, each under [[faults]]")
    faults = tuple(_fault(entry, path.name) for entry in entries)
    in_order = sorted(faults, key=lambda fault: fault.start)
    # The end of one would otherwise end the other, which is recorded as still on.
    if any(one.start + one.length >= other.start for one, other in pairwise(in_order)):
        raise UsageError(f"{path.name}: faults must lie apart: one ends before the next starts")
    return Scenario(name=path.stem, faults=faults, **data)


@cache
def scenarios() -> dict[str, Scenario]:
    """Every scenario by name, in the order of their positions."""
    found = (read_scenario(path) for path in Path(__file__).parent.glob("*.toml"))
    return {scenario.name: scenario for scenario in sorted(found, key=lambda one: (one.position, one.name))}
