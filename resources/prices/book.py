"""Prices and assumptions: two data files, read and checked, each entry replaceable by the user's own.

Put here what such files may contain, and which entries count. Keep out what is made of them (`resources.prices.model`)
and where newer prices come from (`resources.prices.offers`).
"""

import datetime as dt
import itertools
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.settings_files import read_toml, to_name

BUNDLED_PRICES = Path(__file__).with_name("prices.toml")
BUNDLED_ASSUMPTIONS = Path(__file__).with_name("assumptions.toml")

Gateway = Literal["rest", "http"]
Processor = Literal["x86", "arm"]
GATEWAYS: tuple[Gateway, ...] = ("rest", "http")
PROCESSORS: tuple[Processor, ...] = ("x86", "arm")

_SENTENCE = Annotated[str, Field(min_length=1)]
_AMOUNT = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Model = TypeVar("_Model", bound="_Frozen")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Tier(_Frozen):
    """USD per unit of what a month takes ``above`` a quantity, until the next tier."""

    above: _AMOUNT
    usd: _AMOUNT


class Price(_Frozen):
    """USD per ``unit``, the day they were valid, and where they are from.

    Attributes:
        usd: Of the first paid tier.
        tiers: Those after it, in order.
        free: How many units a month cost nothing, whoever has the account and however long.
    """

    usd: _AMOUNT
    unit: str
    date: dt.date
    source: _SENTENCE
    tiers: tuple[Tier, ...] = Field(default=(), strict=False)
    free: _AMOUNT = 0

    @model_validator(mode="after")
    def _tiers_in_order(self) -> Self:
        above = [0.0, *(tier.above for tier in self.tiers)]
        if any(next_ <= last for last, next_ in itertools.pairwise(above)):
            raise ValueError("tiers must be in order, each above the one before")
        return self

    def mean_usd(self, quantity: float, *, free_tier: bool = False) -> float:
        """USD per unit where a month takes ``quantity``, on average over the tiers; the first tier's for none of it."""
        free = self.free if free_tier else 0.0
        first_tier = self.tiers[0].above if self.tiers else math.inf
        if not quantity > 0 or (not free and quantity <= first_tier):
            return self.usd  # to the last digit
        ends = itertools.pairwise([0.0, *(tier.above for tier in self.tiers), math.inf])
        prices = [self.usd, *(tier.usd for tier in self.tiers)]
        paid = (
            max(0.0, min(quantity, end) - max(start, free)) * usd
            for (start, end), usd in zip(ends, prices, strict=True)
        )
        return math.fsum(paid) / quantity


# The unit of each price. A file names it too, for its reader, and is refused where it names another one.
UNITS = {
    "api_rest_requests": "million requests",
    "api_http_requests": "million requests",
    "function_requests_x86": "million requests",
    "function_requests_arm": "million requests",
    "function_time_x86": "GB-second",
    "function_time_arm": "GB-second",
    "queue_requests": "million requests",
    "fifo_queue_requests": "million requests",
    "topic_requests": "million requests",
    "table_write_units": "million write units",
    "table_read_units": "million read units",
    "logs": "GB",
    "log_storage": "GB-month",
    "transfer_out": "GB",
}


class Prices(_Frozen):
    """Every price that the model needs."""

    api_rest_requests: Price
    api_http_requests: Price
    function_requests_x86: Price
    function_requests_arm: Price
    function_time_x86: Price
    function_time_arm: Price
    queue_requests: Price
    fifo_queue_requests: Price
    topic_requests: Price
    table_write_units: Price
    table_read_units: Price
    logs: Price
    log_storage: Price
    transfer_out: Price

    @model_validator(mode="after")
    def _in_known_units(self) -> Self:
        for name, price in self.entries().items():
            if price.unit != UNITS[name]:
                raise ValueError(f"{name}.unit must be {UNITS[name]!r}, not {price.unit!r}")
        return self

    def entries(self) -> dict[str, Price]:
        """Name to price, in the order of the file."""
        return {name: getattr(self, name) for name in UNITS}


class _Assumption(_Frozen):
    """A figure that no replay here can count. ``assumed``: chosen, not measured; ``source`` says why."""

    assumed: bool
    source: _SENTENCE


class Amount(_Assumption):
    """0 or more."""

    value: _AMOUNT


class Share(_Assumption):
    """Between 0 and 1."""

    value: Annotated[float, Field(ge=0, le=1)]


class Whole(_Assumption):
    """A whole number, 1 to 10,000."""

    value: Annotated[int, Field(ge=1, le=10_000)]


class Wait(_Assumption):
    """Seconds a long poll waits, as SQS allows them."""

    value: Annotated[float, Field(gt=0, le=20)]


class Window(_Assumption):
    """Seconds a batch is gathered, as Lambda allows them."""

    value: Annotated[float, Field(ge=0, le=300)]


class Assumptions(_Frozen):
    """Every figure that is assumed. Units are in the names; a KB is 1,024 bytes."""

    batching: Literal["modelled", "observed"]
    free_tier: bool
    memory_mb: Whole
    fixed_ms: Amount
    write_ms: Amount
    read_ms: Amount
    init_ms: Amount
    cold_share: Share
    response_kb: Amount
    log_invocation_bytes: Amount
    log_record_bytes: Amount
    log_months: Amount
    log_stored_share: Share
    item_extra_bytes: Amount
    batch_size: Whole
    window_s: Window
    pollers: Whole
    pollers_least: Whole
    pollers_most: Whole
    pickup_ms: Amount
    call_ms: Amount
    poll_wait_s: Wait

    @model_validator(mode="after")
    def _as_lambda_allows(self) -> Self:
        if self.batch_size.value > 10 and self.window_s.value < 1:
            raise ValueError("window_s must be at least 1 where batch_size is over 10: Lambda demands it")
        if not self.pollers_least.value <= self.pollers.value <= self.pollers_most.value:
            raise ValueError("pollers must be between pollers_least and pollers_most")
        return self

    def having(self, **values: float) -> "Assumptions":
        """These assumptions with some values replaced, which then count as assumed.

        Raises `ValidationError` for impossible ones.
        """
        data = self.model_dump()
        for name, value in values.items():
            data[name] = {"value": value, "assumed": True, "source": "set for this calculation"}
        return Assumptions.model_validate(data)


def own_assumptions(places: Places) -> Path:
    """The file of a user's own assumptions, which need not exist."""
    return places.home / "assumptions.toml"


def prices(places: Places) -> Prices:
    """The prices that count in a home: the bundled ones, each replaced where ``places.prices`` names it.

    Raises `ArchduelError`, which names file and key, where they cannot be read.
    """
    return _read(Prices, BUNDLED_PRICES, places.prices)


def assumptions(places: Places) -> Assumptions:
    """The assumptions that count in a home, as `prices`."""
    return _read(Assumptions, BUNDLED_ASSUMPTIONS, own_assumptions(places))


def bundled_prices() -> Prices:
    """The prices archduel comes with."""
    return _read(Prices, BUNDLED_PRICES, None)


def read_prices(file: Path) -> Prices:
    """The prices of one file, the bundled ones where it has none. Raises as `prices`."""
    return _read(Prices, BUNDLED_PRICES, file)


def _read(model: type[_Model], bundled: Path, own: Path | None) -> _Model:
    data, file = _toml(bundled), bundled
    if own is not None and own.exists():
        data, file = {**data, **_toml(own)}, own
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ArchduelError(_complaint(file, error)) from None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return read_toml(file)
    except UsageError as error:  # of a file that is there whatever the command: none of its arguments is wrong
        raise ArchduelError(error) from None


def _complaint(file: Path, error: ValidationError) -> str:
    first = to_name(error.errors(include_url=False))
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        words = "unknown here: see `archduel prices` for the names"
    elif first["type"] == "missing":
        words = "is missing"
    else:
        words = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{file}: {key} {words}" if key else f"{file}: {words}"
