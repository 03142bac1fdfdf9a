"""Days of the built-in customers: one TOML file each, found by listing this folder.

Put here which days there are, and how a file is read. Keep out the model whose parameters they set
(`workloads.customers.customer`).
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
    """A kind of day.

    Attributes:
        name: The name of its file.
        title: For people, in two or three words.
        description: For people, in a sentence or two.
        position: Its place in lists.
        architecture: The name of the one that the customers order from.
        scenario: The name of the one they order under; None for none.
        population: The model's parameters.
    """

    name: str
    title: str
    description: str
    position: int
    architecture: str
    scenario: str | None
    population: Population

    @property
    def minutes(self) -> float:
        """How long it takes by default."""
        return self.population.duration_s / 60

    def scaled(self, *, minutes: float | None = None, peak: float | None = None) -> Population:
        """Return its population for another duration or rate.

        Args:
            minutes: The duration; None for the day's own.
            peak: The expected requests per second in the busiest moment, if each is answered at once; None for the
                day's own.
        """
        population = self.population if minutes is None else replace(self.population, duration_s=minutes * 60)
        if peak is None:
            return population
        return replace(population, peak_per_s=population.peak_per_s * peak / busiest_per_s(population))

    def described(self) -> list[str]:
        """Describe the day and its parameters, in lines for people."""
        population = self.population
        lines = [
            f"{self.name}: {self.title}. {self.description}",
            f"  {self.minutes:g} minutes, {busiest_per_s(population):.1f} requests/s when busiest; ordering from"
            f" {self.architecture}" + (f", under {self.scenario}" if self.scenario else ""),
        ]
        parameters = [parameter for parameter in fields(population) if parameter.metadata]
        width = max(len(parameter.name) for parameter in parameters)
        return lines + [
            f"  {parameter.name:{width}}  {_shown(getattr(population, parameter.name)):>15}"
            f"  {parameter.metadata['about']}"
            for parameter in parameters
        ]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in value)
    return "as before" if value is None else f"{value:g}"


def read_day(path: Path) -> Day:
    """Read a day from a TOML file; it has the file's name. `UsageError` for an unknown parameter."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    parameters = content.get("customers", {})
    known = {parameter.name for parameter in fields(Population)}
    for name in [*(content.keys() - _ABOUT), *(parameters.keys() - known)]:
        choices = ", ".join(sorted(known if name in parameters else _ABOUT))
        raise UsageError(f"{path.name}: unknown {name}: choose from {choices}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()
    }
    return Day(
        name=path.stem,
        title=content["title"],
        description=content["description"],
        position=content["position"],
        architecture=content.get("architecture", "hybrid"),
        scenario=content.get("scenario"),
        population=Population(**values),
    )


@cache
def days() -> dict[str, Day]:
    """All days by name, in order of their positions."""
    found = [read_day(path) for path in _FOLDER.glob("*.toml")]
    return {day.name: day for day in sorted(found, key=lambda day: (day.position, day.name))}
