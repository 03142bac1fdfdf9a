"""Days of the built-in customers. Data, one TOML file each, found by listing this folder: adding a day edits nothing.

Belongs here: which days there are, and how a file is read. The model whose parameters they set is
`workloads.customers.customer`; what the customers do is carried out by `workloads.customers.session`.
"""

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from workloads.customers.customer import Population, busiest_per_s
from workloads.errors import UsageError

_FOLDER = Path(__file__).parent
_ABOUT = {"title", "description", "position", "architecture", "scenario", "customers"}


@dataclass(frozen=True)
class Day:
    """A kind of day. ``scenario``: what breaks meanwhile, by its name; None for nothing."""

    name: str
    title: str
    description: str
    position: int
    architecture: str
    scenario: str | None
    population: Population

    @property
    def minutes(self) -> float:
        """How long it takes unless it is told otherwise."""
        return self.population.duration_s / 60

    def scaled(self, *, minutes: float | None = None, peak: float | None = None) -> Population:
        """Its population for ``minutes``, with on average ``peak`` requests a second when they are busiest.

        Both as the day has them where they are not given. The peak is one of intentions, each answered at once.
        """
        population = self.population if minutes is None else replace(self.population, duration_s=minutes * 60)
        if peak is None:
            return population
        return replace(population, peak_per_s=population.peak_per_s * peak / busiest_per_s(population))

    def described(self) -> list[str]:
        """The model and its parameters, for people."""
        population = self.population
        lines = [
            f"{self.name}: {self.title}. {self.description}",
            f"  {self.minutes:g} minutes, {busiest_per_s(population):.1f} requests/s when busiest; ordering from"
            f" {self.architecture}" + (f", under {self.scenario}" if self.scenario else ""),
        ]
        names = [one for one in fields(population) if one.metadata]
        width = max(len(one.name) for one in names)
        return lines + [
            f"  {one.name:{width}}  {_shown(getattr(population, one.name)):>15}  {one.metadata['about']}"
            for one in names
        ]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in value)
    return "as before" if value is None else f"{value:g}"


def read_day(path: Path) -> Day:
    """The day in a TOML file. `UsageError` for a parameter there is not."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    parameters = told.get("customers", {})
    known = {one.name for one in fields(Population)}
    for name in [*(told.keys() - _ABOUT), *(parameters.keys() - known)]:
        choices = ", ".join(sorted(known if name in parameters else _ABOUT))
        raise UsageError(f"{path.name}: unknown {name}: choose from {choices}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()
    }
    return Day(
        name=path.stem,
        title=told["title"],
        description=told["description"],
        position=told["position"],
        architecture=told.get("architecture", "hybrid"),
        scenario=told.get("scenario"),
        population=Population(**values),
    )


@cache
def days() -> dict[str, Day]:
    """Every day there is, in the order of their positions."""
    found = [read_day(path) for path in _FOLDER.glob("*.toml")]
    return {day.name: day for day in sorted(found, key=lambda one: (one.position, one.name))}
