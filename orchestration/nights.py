"""What a night runs: the file ``nights.toml``, its model, and the cells that follow from it.

Put here what such a file may say and what is wrong with a wrong one. Keep out when its runs start
(`orchestration.nightly`) and how they went (`orchestration.night_history`).
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.analysis.claims import scenarios_needed
from resources.alerting import Addresses
from resources.architectures import chosen_architectures
from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS
from resources.lab.cell import Cell
from resources.targets import targets
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.scenarios import scenarios
from workloads.settings_files import read_toml, to_name, wrong

BUNDLED = Path(__file__).with_name("nights.toml")
_Names = tuple[Annotated[str, Field(min_length=1, max_length=200, strict=True)], ...]
_Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cells(_Part):
    """Recordings under scenarios, each through all architectures.

    Attributes:
        recordings: Their names.
        scenarios: Their names, bundled ones or the user's own.
        claims: Whether every scenario that a claim needs is added, where no other cells have it.
        variants: How the functions write; each is replayed.
        aa: Whether everything is replayed once more beside itself.
    """

    recordings: Annotated[_Names, Field(min_length=1)] = (DEFAULT_WORKLOAD,)
    scenarios: _Names = ()
    claims: bool = False
    variants: Annotated[_Names, Field(min_length=1)] = (DEFAULT_VARIANT,)
    aa: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.scenarios and not self.claims:
            raise wrong("needs scenarios, or claims = true")
        return self


class Nights(_Part):
    """A whole file.

    Attributes:
        start: When a night starts, HH:MM in UTC.
        end: By when it should have ended, HH:MM in UTC; earlier than ``start``: on the next day.
        missed: What becomes of a night whose start this machine missed.
        targets: Those that nights run on by default.
        architectures: Those that are compared, ``all`` for all there are; none named: the basic ones.
        repetitions: How often each cell is replayed.
        quiet_within_s: How long all replays of a cell may wait for other programs, in seconds.
        keep_nights: Of how many nights single requests are kept; 0: of all.
        cells: What is replayed.
        alerts: Where a night that went wrong is told.
    """

    start: _Clock = "02:00"
    end: _Clock = "08:00"
    missed: Literal["catch_up", "mark"] = "catch_up"
    targets: _Names = ()
    architectures: _Names = ()
    repetitions: Annotated[int, Field(ge=1, le=1000)] = 8
    quiet_within_s: Annotated[float, Field(ge=0, le=86_400)] = 1800.0
    keep_nights: Annotated[int, Field(ge=0, le=36_500)] = 90
    cells: Annotated[tuple[Cells, ...], Field(min_length=1, max_length=200)]
    alerts: Addresses = Addresses()

    @property
    def compared(self) -> tuple[str, ...]:
        """The architectures that are compared."""
        return chosen_architectures(self.architectures)

    def due(self, night: date) -> datetime:
        """When the night of a date starts."""
        return datetime.combine(night, time.fromisoformat(self.start), UTC)

    def ends_by(self, started: datetime) -> datetime:
        """By when the night that is due to start at ``started`` should have ended."""
        end = datetime.combine(started.date(), time.fromisoformat(self.end), started.tzinfo)
        return end if end > started else end + timedelta(days=1)


def daily(clock: str) -> str:
    """Once a day at HH:MM, as cron has it."""
    at = time.fromisoformat(clock)
    return f"{at.minute} {at.hour} * * *"


@dataclass(frozen=True)
class NightCell:
    """A cell of a night, and how it is replayed there."""

    cell: Cell
    variants: tuple[str, ...]
    aa: bool


def file_in_use(places: Places) -> Path:
    """The file that counts: the user's own, else the bundled one."""
    return places.nights if places.nights.exists() else BUNDLED


def nightly_targets() -> list[str]:
    """Return the targets that nights can run on: those without options, and those in virtual time, which need none of
    theirs. The default one comes first.
    """
    return [name for name, target in targets().items() if not target.options or target.virtual]


def nights_in_use(places: Places) -> Nights:
    """The nights that count; raises as `read`."""
    return read(file_in_use(places))


def read(file: Path) -> Nights:
    """Read a file of nights; a `UsageError` names what is wrong in it, and what would be right."""
    data = read_toml(file)
    try:
        return Nights.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{file.name}: {_complaint(error)}") from None


def cells_of_night(nights: Nights, target: str, places: Places) -> list[NightCell]:
    """The cells that a night runs on a target, in the order of the file.

    Scenarios that the target lacks something for are left out, and so are cells that come again.

    Raises:
        UsageError: a recording, scenario or target does not exist.
    """
    known, platform, found = scenarios(places), choose(targets(), target, "target"), dict[Cell, NightCell]()
    named = {(recording, name) for part in nights.cells for recording in part.recordings for name in part.scenarios}
    for part in nights.cells:
        for recording, name in _pairs(part, named):
            if not why_unavailable(choose(known, name, "scenario"), platform):
                cell = Cell(recording, name, target)
                found.setdefault(cell, NightCell(cell, part.variants, part.aa))
    return list(found.values())


def _pairs(part: Cells, named: Container[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for recording in part.recordings:
        yield from ((recording, name) for name in part.scenarios)
        if part.claims:
            yield from ((recording, name) for name in scenarios_needed() if (recording, name) not in named)


def check(nights: Nights, places: Places) -> None:
    """Raise a `UsageError` for a name in a file of nights that there is not."""
    recordings = Library(places).paths()
    for part in nights.cells:
        for recording in part.recordings:
            choose(recordings, recording, "recording")
        for variant in part.variants:
            choose(dict.fromkeys(VARIANTS), variant, "variant")
    chosen_architectures(nights.architectures)
    for target in nights.targets:
        choose(dict.fromkeys(nightly_targets()), target, "target of nights")
        cells_of_night(nights, target, places)


def _complaint(error: ValidationError) -> str:
    first = to_name(error.errors(include_url=False))
    place: list[Any] = [part + 1 if isinstance(part, int) else part for part in first["loc"]]
    where = " ".join(map(str, place))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    if first["type"] == "string_pattern_mismatch":
        return f"{where}: write it as HH:MM, such as 02:00"
    return f"{where}: {first['msg']}" if where else str(first["msg"])
