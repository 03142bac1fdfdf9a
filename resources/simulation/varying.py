"""What may be varied of a simulated system: its traffic, the settings of its resources, the parameters of the model.

Put here each such parameter with its unit and range, and how values are read and applied. Keep out which values are
tried (`assets.analysis.sizing`) and the parameters' figures (`parameters.toml`).
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from resources.architectures.stack import StackSettings
from resources.simulation.parameters import Parameters, bundled
from workloads.errors import UsageError

if TYPE_CHECKING:  # it imports scipy, for which a mistyped option would wait half a second
    from resources.simulation.building import Caller

TRAFFIC, RATE, MEMORY, RESERVED, MAX_CONCURRENCY = (
    "traffic",
    "rate",
    "memory_mb",
    "reserved_concurrency",
    "max_concurrency",
)
RETRIES, WORK = "client_retries", "work_ms"
DEFAULT_STEPS = 10  # values of a range without a number
MOST_STEPS = 1000
VCPU_MB = 1769  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: one vCPU
_WITHOUT_WINDOW = 10  # messages in a batch that is not gathered: Lambda demands a window of a second for more

Value = int | float
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Varied:
    """A parameter that may be varied.

    Attributes:
        name: As ``--vary`` has it.
        unit: Of its values.
        low: The least that makes sense.
        high: The greatest.
        whole: Whether it is a whole number.
        about: What it is.
        parameter: The parameter of the model that it stands for; empty for another one.
    """

    name: str
    unit: str
    low: float
    high: float
    whole: bool
    about: str
    parameter: str = ""

    @property
    def range(self) -> str:
        """The range in words."""
        return f"{plain(self.low)} to {plain(self.high)} {self.unit}"

    def check(self, value: float, given: str) -> Value:
        """Return a value as the parameter has it.

        Args:
            value: The number.
            given: As the user wrote it.

        Raises:
            UsageError: It is out of range, or not whole where it has to be.
        """
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise UsageError(f"{self.name}: {given} is outside of its range, {self.range}")
        if self.whole:
            if value != round(value):
                raise UsageError(f"{self.name}: {given} must be a whole number, {self.range}")
            return round(value)
        return float(value)


def plain(value: Value) -> str:
    """A value as keys and messages have it: no digit lost, nor one too many."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


_OWN = (
    Varied(TRAFFIC, "times the recorded", 0.001, 1000, False, "Clients, as multiples of the recorded ones."),
    Varied(RATE, "requests/s", 0.001, 1_000_000, False, "Mean requests per second, by more or fewer clients."),
    Varied("batch_size", "messages", 1, 10_000, True, "Messages that the consumer gets at once, at most."),
    Varied(RESERVED, "environments", 1, 1_000_000, True, "Reserved concurrency of each function."),
    Varied(MAX_CONCURRENCY, "batches", 2, 1_000, True, "Maximum concurrency of the event source mapping."),
    Varied(MEMORY, "MB", 128, 10_240, True, "Memory of each function: its price, and how long CPU work takes."),
    Varied(WORK, "ms", 0, 60_000, False, "Work of a handler on each request, besides the recorded."),
    Varied("function_timeout_s", "s", 1, 900, True, "Time-out of each function."),
    Varied("visibility_timeout_s", "s", 1, 43_200, True, "Visibility time-out of the queue."),
    Varied("max_receive_count", "times", 1, 1_000, True, "How often a message is received before it is a dead letter."),
    Varied("table_timeout_ms", "ms", 1, 60_000, True, "How long a handler waits for the table."),
    Varied(RETRIES, "times", 0, 100, True, "How often a client tries again."),
)
_SHORT = {"account_concurrency": "lambda.account_concurrency", "pollers": "mapping.pollers"}
_OF_STACK = (
    "batch_size",
    RESERVED,
    "function_timeout_s",
    "visibility_timeout_s",
    "max_receive_count",
    "table_timeout_ms",
)


@cache
def varied() -> Mapping[str, Varied]:
    """Everything that may be varied, by name: what has a name of its own first, then numbers among the parameters."""
    known = {one.name: one for one in _OWN}
    for name, parameter in bundled().items():
        if parameter.value is None:
            continue
        short = next((short for short, long in _SHORT.items() if long == name), name)
        unit, whole = parameter.unit, parameter.is_counted
        known[short] = Varied(short, unit, *parameter.range, whole, parameter.about, parameter=name)
    return known


def find(name: str) -> Varied:
    """What may be varied under a name, which may be a parameter's long one. Raises `UsageError` for another."""
    known = varied()
    short = {long: short for short, long in _SHORT.items()}.get(name, name)
    if name in bundled() and short not in known:
        raise UsageError(f"{name} is a distribution and no number: change it in a file for --parameters")
    if short not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "archduel vary --list names all that may be varied"
        raise UsageError(f"unknown parameter {name!r}: {hint}")
    return known[short]


def read_values(text: str) -> tuple[str, tuple[Value, ...]]:
    """Read a parameter and its values, as ``batch_size=1,5,10``, ``rate=1..50``, ``rate=1..50:20`` or with ``:log``.

    Returns:
        Its name, and its values in order, each once.

    Raises:
        UsageError: The parameter is unknown, or a value cannot be read or is out of its range.
    """
    name, equals, given = text.partition("=")
    if not equals or not given.strip():
        raise UsageError(f"{text!r} is no parameter with values: give NAME=1,5,10 or NAME=1..50 or NAME=1..50:20")
    one = find(name.strip())
    values = [value for part in given.split(",") for value in _read_part(one, part.strip())]
    return one.name, tuple(sorted(dict.fromkeys(values)))


def _read_part(one: Varied, part: str) -> list[Value]:
    if ".." not in part:
        return [one.check(_number(one, part), part)]
    ends, *more = part.split(":")
    low, high = (_number(one, end) for end in _ends(one, ends))
    for value, given in ((low, ends.partition("..")[0]), (high, ends.partition("..")[2])):
        one.check(value, given)
    if low > high:
        raise UsageError(f"{one.name}: {ends} is reversed: the lower end comes first")
    logarithmic = more[-1:] == ["log"]
    numbers = more[:-1] if logarithmic else more
    if len(numbers) > 1:
        raise UsageError(f"{one.name}: {part} is no range: give LOW..HIGH, LOW..HIGH:STEPS or LOW..HIGH:STEPS:log")
    steps = _steps(one, numbers[0]) if numbers else DEFAULT_STEPS
    if logarithmic and low <= 0:
        raise UsageError(f"{one.name}: a logarithmic range must begin above 0, not at {plain(low)}")
    spaced = np.geomspace(low, high, steps) if logarithmic else np.linspace(low, high, steps)
    values = [float(f"{value:.6g}") for value in spaced]
    values[0] = low
    values[-1] = high if steps > 1 else low
    return [one.check(round(value) if one.whole else value, part) for value in values]


def _ends(one: Varied, text: str) -> Sequence[str]:
    ends = text.split("..")
    if len(ends) != 2 or "..." in text or not all(end.strip() for end in ends):
        raise UsageError(f"{one.name}: {text} is no range: give LOW..HIGH, within {one.range}")
    return ends


def _steps(one: Varied, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_STEPS:
        raise UsageError(f"{one.name}: {text!r} is no number of values: 1 to {MOST_STEPS:,}")
    return int(text)


def _number(one: Varied, text: str) -> float:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{one.name}: {text!r} is no number: its range is {one.range}")
    return number


def check_together(names: Iterable[str]) -> None:
    """Raise `UsageError` where two of these say the same."""
    named = list(names)
    for name in named:
        if named.count(name) > 1:
            raise UsageError(f"{name} is varied twice: give all its values at once")
    if {TRAFFIC, RATE} <= set(named):
        raise UsageError(f"{TRAFFIC} and {RATE} say the same: vary one of them")


def apply(
    values: Values, settings: StackSettings, parameters: Parameters, caller: "Caller"
) -> "tuple[StackSettings, Parameters, Caller]":
    """Settings, parameters and caller with these values in place of theirs; the traffic's and memory are not theirs.

    Raises:
        UsageError: Values that AWS refuses together.
    """
    given: dict[str, int] = {name: int(values[name]) for name in _OF_STACK if name in values}
    settings = replace(settings, **given)  # type: ignore[arg-type]  # all of these are whole numbers
    if WORK in values:
        settings = replace(settings, work_us=settings.work_us + round(values[WORK] * 1000))
    if RETRIES in values:
        caller = replace(caller, retries=int(values[RETRIES]))
    changes: dict[str, Value] = {
        parameter: value for name, value in values.items() if (parameter := varied()[name].parameter)
    }
    if (most := values.get(MAX_CONCURRENCY)) is not None:
        first = changes.get("mapping.pollers", parameters["mapping.pollers"].whole)
        changes |= {"mapping.max_pollers": most, "mapping.pollers": min(first, most)}
    if changes:
        parameters = parameters.with_changes(changes, "--vary")
    _check(settings, parameters)
    return settings, parameters, caller


def _check(settings: StackSettings, parameters: Parameters) -> None:
    window_s = parameters["mapping.batch_window"].us / 1e6
    if settings.batch_size > _WITHOUT_WINDOW and window_s < 1:
        raise UsageError(
            f"batch_size: {settings.batch_size:,} is over {_WITHOUT_WINDOW}, for which Lambda demands a"
            " mapping.batch_window of at least 1,000 ms: vary it too, or give --parameters"
        )
    if settings.visibility_timeout_s < settings.function_timeout_s:
        raise UsageError(
            f"visibility_timeout_s: {settings.visibility_timeout_s} s is less than the function's time-out of"
            f" {settings.function_timeout_s} s, which AWS refuses"
        )


def slower_by(memory_mb: Value | None) -> float:
    """How many times as long CPU work takes with this memory as on one vCPU; a handler has no use for a second one."""
    return max(1.0, VCPU_MB / memory_mb) if memory_mb else 1.0


def key(values: Values) -> str:
    """The name of a combination of values, in the order of their names: ``batch_size=5/traffic=2``."""
    return "/".join(f"{name}={plain(values[name])}" for name in sorted(values))


def parse_key(text: str) -> dict[str, Value]:
    """The values that `key` named.

    Raises:
        UsageError: It is not such a name, or a value is out of its range.
    """
    values: dict[str, Value] = {}
    for part in text.split("/"):
        name, several = read_values(part.strip())
        if len(several) != 1:
            raise UsageError(
                f"{text!r} is no cell: a cell has one value of each parameter, as in traffic=2/batch_size=5"
            )
        check_together([*values, name])
        values[name] = several[0]
    return values
