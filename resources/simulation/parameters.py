"""The model's parameters: the bundled data file, a user's changes to it, and their checks.

Put here reading and checking `parameters.toml` and users' files. Keep out what a parameter does
(`resources.simulation.system`).
"""

import difflib
import math
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workloads.errors import UsageError

_BUNDLED = Path(__file__).with_name("parameters.toml")
# Units of one kind with what one of them is in the first: a user's file may have another unit of the kind.
_KINDS: tuple[dict[str, float], ...] = (
    {"us": 1, "ms": 1e3, "s": 1e6, "min": 6e7},
    {"bytes": 1, "KB": 1024, "MB": 1024**2},
    {"share": 1, "%": 0.01},
    *({unit: 1.0} for unit in ("requests", "messages", "environments", "batches", "status")),
    *({f"{unit}/s": 1.0, f"{unit}/min": 1 / 60} for unit in ("requests", "environments", "batches", "units")),
)
_COUNTED = frozenset({"requests", "messages", "environments", "batches", "status", "bytes"})
_CHANGEABLE = ("value", "quantiles", "max", "unit")
_MIN_POINTS = 2
Known = Literal["documented", "measured", "assumed"]


def _kind(unit: str) -> dict[str, float] | None:
    return next((kind for kind in _KINDS if unit in kind), None)


class Parameter(BaseModel):
    """One parameter: a number, or the quantiles of a distribution.

    Attributes:
        name: As ``lambda.account_concurrency``.
        value: The number in ``unit``; None for a distribution.
        quantiles: Pairs of a share and the value that this share of draws does not exceed; empty for a number.
        max: The greatest value of a distribution; None where it is not known, and the tail goes on.
        unit: Of the value, the quantiles, the maximum and the range.
        range: The least and the greatest value that make sense.
        known: How it is known.
        source: Who says so, or what a guess rests on.
        date: When the figure was measured or looked up.
        about: What it is, for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: Annotated[float, Field(strict=True)] | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    max: float | None = None
    unit: str
    range: tuple[float, float]
    known: Known
    source: Annotated[str, Field(min_length=1)]
    date: date
    about: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _makes_sense(self) -> "Parameter":
        if _kind(self.unit) is None:
            raise ValueError(f"unknown unit {self.unit!r}: use one of {', '.join(_units())}")
        if (self.value is None) == (not self.quantiles):
            raise ValueError("give either a value or quantiles")
        if self.value is not None:
            if self.max is not None:
                raise ValueError("max is for a parameter with quantiles")
            self._check(self.value)
            return self
        shares = [share for share, _ in self.quantiles]
        values = [value for _, value in self.quantiles]
        if len(shares) < _MIN_POINTS:
            raise ValueError("give at least two quantiles, such as [[0.5, 16], [0.99, 105]]")
        if not all(0 < share < 1 for share in shares) or any(one >= other for one, other in pairwise(shares)):
            raise ValueError("the shares of quantiles must rise, and lie between 0 and 1")
        for value in values:
            self._check(value)
        if any(one > other for one, other in pairwise(values)):
            raise ValueError(f"quantiles must not decrease: {', '.join(f'{value:g}' for value in values)}")
        if self.max is not None:
            self._check(self.max)
            if self.max < values[-1]:
                raise ValueError(f"max must not be below the last quantile, {values[-1]:g}")
        return self

    def _check(self, value: float) -> None:
        low, high = self.range
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(
                f"{_plain(value)} {self.unit} is outside of its range, {_plain(low)} to {_plain(high)} {self.unit}"
            )
        if self.unit in _COUNTED and value != round(value):
            raise ValueError(
                f"{_plain(value)} {self.unit} must be a whole number, {_plain(low)} to {_plain(high)} {self.unit}"
            )

    @property
    def is_time(self) -> bool:
        """Whether it is a time."""
        return self.unit in _KINDS[0]

    @property
    def is_counted(self) -> bool:
        """Whether it is a whole number of something."""
        return self.unit in _COUNTED

    @property
    def us(self) -> int:
        """A time in microseconds; `ValueError` for a parameter that is none."""
        if self.value is None or not self.is_time:
            raise ValueError(f"{self.name} is no time")
        return round(self.value * _KINDS[0][self.unit])

    @property
    def number(self) -> float:
        """The value; `ValueError` for a distribution."""
        if self.value is None:
            raise ValueError(f"{self.name} has quantiles and no value")
        return self.value

    @property
    def whole(self) -> int:
        """The value as a whole number."""
        return round(self.number)

    @property
    def quantiles_us(self) -> tuple[tuple[float, float], ...]:
        """Pairs of a share and a time in microseconds; one pair for a parameter that is a number."""
        factor = _KINDS[0][self.unit]
        if self.value is not None:
            return ((0.5, self.value * factor),)
        return tuple((share, value * factor) for share, value in self.quantiles)

    @property
    def range_us(self) -> tuple[float, float]:
        """The least and the greatest time that make sense, in microseconds."""
        low, high = self.range
        return low * _KINDS[0][self.unit], high * _KINDS[0][self.unit]

    @property
    def max_us(self) -> float | None:
        """The greatest time in microseconds; None where it is not known."""
        return None if self.max is None else self.max * _KINDS[0][self.unit]


class Parameters(Mapping[str, Parameter]):
    """All parameters by name, as ``lambda.account_concurrency``.

    Attributes:
        changed: The names of those that a user's file changes.
    """

    def __init__(self, parameters: Mapping[str, Parameter], changed: frozenset[str] = frozenset()) -> None:
        self._parameters = dict(parameters)
        self.changed = changed

    def __getitem__(self, name: str) -> Parameter:
        return self._parameters[name]

    def __iter__(self) -> Any:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def with_changes(self, changes: Mapping[str, Any], where: str) -> "Parameters":
        """These parameters with others in place of some.

        Args:
            changes: By name a number, or a table with ``value``, ``quantiles`` or ``max``, and ``unit`` where it is not
                the parameter's own.
            where: What the changes come from, for messages.

        Raises:
            UsageError: A name or unit is unknown, or a value makes no sense.
        """
        changed = dict(self._parameters)
        for name, change in changes.items():
            if name not in changed:
                near = difflib.get_close_matches(name, changed, n=3, cutoff=0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else "docs/simulation.md says where they all are"
                raise UsageError(f"{where}: unknown parameter {name!r}: {hint}")
            changed[name] = _changed(changed[name], change, where)
        return Parameters(changed, self.changed | frozenset(changes))

    def times(self, name: str, factor: float, where: str) -> "Parameters":
        """These parameters with one of them multiplied, within the range that makes sense.

        Args:
            name: The parameter's.
            factor: By what it is multiplied.
            where: As of `with_changes`.
        """
        one = self[name]
        low, high = one.range

        def multiplied(value: float) -> float:
            found = min(max(value * factor, low), high)
            return float(round(found)) if one.is_counted else found

        if one.value is not None:
            return self.with_changes({name: multiplied(one.value)}, where)
        change: dict[str, Any] = {"quantiles": [(share, multiplied(value)) for share, value in one.quantiles]}
        if one.max is not None:
            change["max"] = multiplied(one.max)
        return self.with_changes({name: change}, where)


@cache
def bundled() -> Parameters:
    """The parameters that archduel comes with."""
    tables = tomllib.loads(_BUNDLED.read_text())
    return Parameters({name: _parameter({"name": name, **fields}, "parameters.toml") for name, fields in _flat(tables)})


def load(path: Path | None = None) -> Parameters:
    """The bundled parameters, with the changes in a file of the user's.

    Args:
        path: A TOML file with some entries of `parameters.toml`, each with another value.

    Raises:
        UsageError: The file cannot be read, or a parameter in it is unknown or makes no sense.
    """
    if path is None:
        return bundled()
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}") from None
    return bundled().with_changes(dict(_flat(tables)), str(path))


def _flat(tables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for service, fields in tables.items():
        if isinstance(fields, dict):
            found += ((f"{service}.{name}", entry) for name, entry in fields.items())
        else:
            found.append((service, fields))
    return found


def _changed(known: Parameter, change: Any, where: str) -> Parameter:
    fields = dict(change) if isinstance(change, dict) else {"value": change}
    for field in fields:
        if field not in _CHANGEABLE:
            raise UsageError(f"{where}: {known.name} has no {field!r} to change: use {', '.join(_CHANGEABLE)}")
    if not fields.keys() & {"value", "quantiles", "max"}:
        raise UsageError(f"{where}: {known.name} has nothing to change: give value, quantiles or max")
    if {"value", "quantiles"} <= fields.keys():
        raise UsageError(f"{where}: {known.name} has both value and quantiles: give one of them")
    unit = fields.pop("unit", known.unit)
    kind = _kind(known.unit) or {}
    if unit not in kind:
        raise UsageError(f"{where}: {known.name} is in {known.unit}, not in {unit!r}: use {' or '.join(kind)}")
    factor = kind[unit] / kind[known.unit]
    merged: dict[str, Any] = {**known.model_dump(), "value": None, "quantiles": (), "max": None, "known": "assumed"}
    merged["source"] = where
    try:
        if "value" in fields:
            merged["value"] = _scaled(fields.pop("value"), factor)
        else:
            points = fields.pop("quantiles", None)
            if points is None:
                merged["quantiles"], merged["value"] = known.quantiles, known.value
            else:
                merged["quantiles"] = tuple((share, _scaled(value, factor)) for share, value in points)
        if "max" in fields:
            merged["max"] = _scaled(fields.pop("max"), factor)
    except (TypeError, ValueError):
        low, high = known.range
        raise UsageError(
            f"{where}: {known.name} must be a number of {known.unit} from {_plain(low)} to {_plain(high)}"
            + (", or quantiles such as [[0.5, 16], [0.99, 105]]" if known.is_time else "")
        ) from None
    if merged["quantiles"] and not known.quantiles:
        raise UsageError(f"{where}: {known.name} is a single value, not a distribution")
    return _parameter(merged, where)


def _plain(value: float) -> str:
    """A number as people write it."""
    return f"{value:,.12g}"


def _scaled(value: Any, factor: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value) * factor


def _parameter(fields: Mapping[str, Any], where: str) -> Parameter:
    try:
        return Parameter(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{where}: {fields['name']}{f' ({field})' if field else ''}: {why}") from None


def _units() -> list[str]:
    return [unit for kind in _KINDS for unit in kind]
