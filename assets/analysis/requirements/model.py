"""The file of requirements: its model, and what is wrong with a wrong one.

Put here what a requirement may say, and which file counts for a comparison. Keep out the measures
(`assets.analysis.requirements.measures`) and whether a requirement is met (`assets.analysis.requirements.judging`).
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.analysis.requirements.measures import MEASURES, OF_MONTH, PREFERENCES, Measure
from workloads.atomic import replacing
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.scenarios.model import SITUATIONS
from workloads.settings_files import read_toml, to_name, wrong

BUNDLED = Path(__file__).with_name("requirements.toml")
HOURS_PER_MONTH = 730  # as AWS's calculator has it
MINUTES_PER_MONTH = 60 * HOURS_PER_MONTH
OPERATIONS = ("command", "query")
_WIDER = ("all", *OPERATIONS)
_NAME = Annotated[str, Field(min_length=1, max_length=120, strict=True)]
_LIMIT = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Assumptions(_Part):
    """What no replay can show.

    Attributes:
        outage_minutes_per_month: How long the dependency that scenarios of outage take away is away in a month.
        month: Requests a month, or ``recorded``: as many as come at the recording's own rate.
    """

    outage_minutes_per_month: Annotated[float, Field(gt=0, le=MINUTES_PER_MONTH)] = 43.0
    month: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["recorded"] = "recorded"


class Requirement(_Part):
    """One requirement: a measure of some requests under some scenarios, and its bound.

    Attributes:
        name: A phrase for people.
        measure: One of the `MEASURES`.
        unit: Its unit, where the file says it to its reader.
        of: ``command``, ``query``, ``all`` or a route, such as ``GET /cart``.
        under: A situation that scenarios are in, such as ``outage``, or a scenario's name.
        at_most: The most that meets it; None where it has a least.
        at_least: The least that meets it.
    """

    name: _NAME
    measure: str
    unit: str | None = None
    of: _NAME = "all"
    under: _NAME = "any"
    at_most: _LIMIT | None = None
    at_least: _LIMIT | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.measure not in MEASURES:
            raise wrong(f"unknown measure {self.measure!r}: `archduel requirements` lists them")
        measure = self.measured
        if self.unit is not None and self.unit != measure.unit:
            raise wrong(f"{self.measure} is in {measure.unit}, not {self.unit!r}: write unit = {measure.unit!r}")
        if (self.at_most is None) == (self.at_least is None):
            raise wrong("needs at_most or at_least, and not both")
        if measure.unit == "share" and self.limit > 1:
            raise wrong(f"a share lies between 0 and 1, not at {self.limit:g}: 1 % is 0.01")
        if self.of in OPERATIONS and measure.operations and self.of not in measure.operations:
            counted = " or ".join(sorted(measure.operations))
            raise wrong(f"{self.measure} is counted of {counted}, not of {self.of}: write of = {counted!r}")
        if measure.kind == "month" and self.under not in {"outage", "steady"}:
            raise wrong(f'{self.measure} needs under = "outage" or "steady": other scenarios have no part of a month')
        if self.measure.endswith(OF_MONTH) and self.under != "outage":
            raise wrong(f'{self.measure} is for under = "outage"; under "steady" it is the share itself')
        return self

    @property
    def measured(self) -> Measure:
        return MEASURES[self.measure]

    @property
    def bound(self) -> Literal["at_most", "at_least"]:
        return "at_least" if self.at_most is None else "at_most"

    @property
    def limit(self) -> float:
        limit = self.at_least if self.at_most is None else self.at_most
        assert limit is not None  # noqa: S101 - `_makes_sense` has seen to it
        return limit

    @property
    def route(self) -> str | None:
        """The route that it is of, if it is of one."""
        return None if self.of in _WIDER else self.of

    def covers(self, operation: str, route: str | None) -> bool:
        """Whether it is about requests of this operation and route."""
        if not self.measured.operations or operation not in self.measured.operations:
            return False
        return self.of in {"all", operation, route}


class Preference(_Part):
    """What decides among architectures that miss nothing: less of these, the first one first."""

    among_equals: tuple[str, ...] = ("usd_per_month", "components")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in self.among_equals:
            if name not in PREFERENCES:
                raise wrong(f"among_equals cannot have {name!r}: choose from {', '.join(PREFERENCES)}")
        return self


class Requirements(_Part):
    """A whole file: the requirements in their order, all of them musts, with assumptions and preference."""

    assumptions: Assumptions = Assumptions()
    requirement: Annotated[tuple[Requirement, ...], Field(min_length=1, max_length=50)]
    preference: Preference = Preference()

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [one.name for one in self.requirement]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise wrong(f"two requirements are called {twice!r}: name them apart")
        return self


def own_requirements(places: Places) -> Path:
    """The user's own file, which counts for every comparison that has none of its own; it need not exist."""
    return places.home / "requirements.toml"


def of_comparison(places: Places, comparison_id: str) -> Path:
    """The file given for one comparison, kept with its judgements; it need not exist."""
    return places.judgements / comparison_id / "requirements.toml"


def file_in_use(places: Places, comparison_id: str | None = None) -> Path:
    """The file that counts: that of the comparison, else the user's own, else the bundled one."""
    given = [of_comparison(places, comparison_id)] if comparison_id else []
    return next((file for file in (*given, own_requirements(places)) if file.exists()), BUNDLED)


def adopt(places: Places, comparison_id: str, file: Path) -> None:
    """Keep a user's file as that of one comparison.

    Raises:
        UsageError: It cannot be read, or something in it is wrong.
        ArchduelError: It cannot be written.
    """
    read(file)
    kept = of_comparison(places, comparison_id)
    try:
        with replacing(kept) as hidden:
            hidden.write_bytes(file.read_bytes())
    except OSError as error:
        raise ArchduelError(f"cannot keep {file} in {kept.parent}: {error.strerror or error}") from error


def read(file: Path) -> Requirements:
    """Read a file of requirements; a `UsageError` names what is wrong in it, and what would be right."""
    data = read_toml(file)
    try:
        return Requirements.model_validate(data)
    except ValidationError as error:
        raise UsageError(_complaint(file, data, error)) from None


def check(requirements: Requirements, routes: Collection[str], scenarios: Collection[str]) -> None:
    """Raise a `UsageError` for a requirement of a route, or under a scenario, that there is not.

    Args:
        requirements: Those of a file.
        routes: The recording's routes; where it knows none, none is checked.
        scenarios: The names of all scenarios.
    """
    for one in requirements.requirement:
        if one.route is not None and routes and one.route not in routes:
            known = ", ".join(repr(route) for route in sorted(routes)[:10])
            raise UsageError(
                f"requirement {one.name!r}: the recording has no route {one.route!r}: choose from 'command', 'query',"
                f" 'all', {known}"
            )
        if one.under not in {*SITUATIONS, *scenarios}:
            raise UsageError(
                f"requirement {one.name!r}: under has {one.under!r}, neither a scenario nor one of"
                f" {', '.join(SITUATIONS)}"
            )


def cautions(requirements: Requirements) -> list[str]:
    """What is not wrong in a file, and yet not meant: limits that nothing measured can meet, a sentence each."""
    return [
        f"{one.name!r} can be missed and never met: none among n requests leaves up to 3 / n. Allow a little"
        for one in requirements.requirement
        if one.at_most == 0 and one.measured.kind in {"share", "month"}
    ]


def _complaint(file: Path, data: dict[str, Any], error: ValidationError) -> str:
    first = to_name(error.errors(include_url=False))
    place, where = list(first["loc"]), ""
    if place[:2] == ["assumptions", "month"]:  # beyond it are the kinds of value it may have
        return f"{file.name}: assumptions.month must be 'recorded' or a number greater than 0"
    match place:
        case ["requirement", int(number), *place]:
            entry = data["requirement"][number]
            named = repr(entry["name"]) if isinstance(entry, dict) and "name" in entry else str(number + 1)
            where = f"requirement {named}: "
        case ["requirement"]:
            where, place = "a file of requirements has at least one [[requirement]]: ", []
    key = ".".join(str(part) for part in place)
    if first["type"] == "extra_forbidden":
        words = f"unknown {key}: `archduel requirements` shows a file"
    elif first["type"] == "missing":
        words = f"{key} is missing" if key else "there is none"
    else:
        words = f"{key} {first['msg'].replace('Input should be', 'must be')}".strip()
    return f"{file.name}: {where}{words}"
