"""The kinds of faults a scenario may have, each with its targets, its fields and their bounds.

Put here the settings of each kind, one class for each. Keep out how a fault is carried out: in hops and components
`resources.faults`, in the traffic `workloads.replay.shaping`.
"""

import math
import re
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator
from pydantic.dataclasses import dataclass

# Errors of the services, with their HTTP statuses.
# docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
TABLE_ERRORS = {
    "ProvisionedThroughputExceededException": 400,
    "RequestLimitExceeded": 400,
    "ThrottlingException": 400,
    "InternalServerError": 500,
    "ServiceUnavailable": 503,
}
# docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
API_ERRORS = {
    "ACCESS_DENIED": 403,
    "THROTTLED": 429,
    "QUOTA_EXCEEDED": 429,
    "DEFAULT_5XX": 500,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
}

# What a stage answers beyond its own limit, and for a throttled function behind a REST proxy integration.
# docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
STAGE_THROTTLED, FUNCTION_THROTTLED = 429, 500

_SPAN = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:/\d+)?)\s*(?P<unit>s|ms|%)?")
_PER_UNIT: dict[str | None, Fraction | int] = {"s": 1_000_000, "ms": 1_000, "%": Fraction(1, 100), None: 1}
_SPAN_WORDS = "a share of the replay (0.25, '1/3', '25 %') or a time ('6 s', '500 ms')"


@dataclass(frozen=True)
class Span:
    """A stretch of the replay: ``amount`` is a share of its length, or microseconds where it is ``timed``."""

    amount: Fraction
    timed: bool = False

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Read a value of a scenario's file, as `_SPAN_WORDS` says; `ValueError` for any other."""
        if isinstance(value, cls):
            return value
        text = str(Fraction(repr(value))) if type(value) is float and math.isfinite(value) else str(value)
        match = _SPAN.fullmatch(text.strip()) if type(value) in (int, float, str) else None
        if match is None:
            raise ValueError(f"must be {_SPAN_WORDS}")
        if type(value) in (int, float) and value > 1:
            raise ValueError(f"is a share of the replay, at most 1: write '{value} s' for seconds")
        try:
            amount = Fraction(match["number"]) * _PER_UNIT[match["unit"]]
        except (ZeroDivisionError, ValueError):  # such as '1/0' and '1.5/2'
            raise ValueError(f"must be {_SPAN_WORDS}") from None
        return cls(amount, match["unit"] in ("s", "ms"))

    def us(self, duration_us: int) -> Fraction:
        """Its length in microseconds, in a replay of ``duration_us``."""
        return self.amount if self.timed else self.amount * duration_us

    def __str__(self) -> str:
        return f"{float(self.amount / 1_000_000):g} s" if self.timed else str(self.amount)


_Span = Annotated[Span, BeforeValidator(Span.parse)]
# Bounds are those of what carries out the fault, so that nothing is refused in the middle of a replay.
Share = Annotated[float, Field(ge=1e-6, le=1, strict=True)]
Rate = Annotated[float, Field(ge=0.001, le=1e6, strict=True)]
Milliseconds = Annotated[float, Field(ge=0.001, le=3_600_000, strict=True)]
DelaySeconds = Annotated[int, Field(ge=0, le=900, strict=True)]  # what SQS takes


class FaultBase(BaseModel):
    """What every fault says.

    Attributes:
        target: The component, hop or part of the traffic.
        kind: The kind of fault.
        start: When it begins.
        length: How long it lasts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    kind: str
    start: _Span
    length: _Span

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.length.amount <= 0:
            raise ValueError("length must be greater than 0")
        if not self.start.timed and self.start.amount >= 1:
            raise ValueError("start must lie before the replay's end, at a share below 1")
        if not self.length.timed and self.length.amount > 1:
            raise ValueError("length must be at most the whole replay, 1: write '6 s' for seconds")
        if not (self.start.timed or self.length.timed) and self.start.amount + self.length.amount > 1:
            raise ValueError("start and length together must not exceed the whole replay, 1")
        return self

    def window_us(self, duration_us: int) -> tuple[int, int]:
        """The first microsecond of the fault, and the first one after it, in a replay of ``duration_us``."""
        start = self.start.us(duration_us)
        return round(start), round(start + self.length.us(duration_us))

    @property
    def throttled_status(self) -> int | None:
        """The HTTP status of requests that this fault throttles; None if it throttles none, but fails them."""
        return None

    def holds_us(self, table_timeout_us: int) -> float:  # noqa: ARG002 - some kinds use it
        """How long a request holds its execution environment longer because of the fault, on average.

        Args:
            table_timeout_us: How long a handler waits for the table, in microseconds.

        Returns:
            Microseconds.
        """
        return 0.0

    @property
    def withholds_answers(self) -> bool:
        """Whether what was accepted into a queue waits for the fault to end."""
        return False

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields of this kind alone, as plain values."""
        common = {"target", "kind", "start", "length"}
        return self.model_dump(exclude=common, exclude_none=True, mode="json")


class Down(FaultBase):
    """A component is not there: connections are refused, a queue takes and gives nothing, functions may not run."""

    kind: Literal["down"]
    target: Literal["api", "functions", "command", "query", "consumer", "payment", "queue", "table"]

    @property
    def throttled_status(self) -> int | None:
        # Functions are stopped by a concurrency of 0, which throttles them.
        return None if self.target in ("api", "queue", "table") else FUNCTION_THROTTLED

    @property
    def withholds_answers(self) -> bool:
        return self.target in ("functions", "consumer", "table")  # without API or queue nothing is accepted


class Disabled(FaultBase):
    """Event source mappings hand out nothing, all of them, or the one of the second of two consumers; messages wait in
    their queues.
    """

    kind: Literal["disabled"]
    target: Literal["event_source_mapping", "notification_event_source_mapping"] = "event_source_mapping"

    @property
    def withholds_answers(self) -> bool:
        return True


class Throttle(FaultBase):
    """The stage lets through ``rate_per_s`` requests a second, and bursts of ``burst``; it answers 429 beyond."""

    kind: Literal["throttle"]
    target: Literal["api"] = "api"
    rate_per_s: Rate
    burst: Annotated[int, Field(ge=1, le=10_000, strict=True)]

    @property
    def throttled_status(self) -> int | None:
        return STAGE_THROTTLED


class HopFault(FaultBase):
    """A fault of requests on their way between two components.

    Attributes:
        share: The share of requests that it concerns, of those the other fields select.
        above_per_s: Only requests beyond this rate; None for all.
        operations: Only these operations; None for all. On the hop to the table they are DynamoDB's, on the one to the
            API ``command`` and ``query``.
    """

    target: Literal["api", "table"]
    share: Share = 1.0
    above_per_s: Rate | None = None
    operations: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _operations_exist(self) -> Self:
        known = ("command", "query") if self.target == "api" else ("GetItem", "UpdateItem")
        if self.operations is not None and (not self.operations or set(self.operations) - set(known)):
            raise ValueError(f"operations on {self.target} must be among {', '.join(known)}")
        return self

    @property
    def withholds_answers(self) -> bool:
        return self.target == "table"


class Reset(HopFault):
    """The connection is reset."""

    kind: Literal["reset"]


class Hang(HopFault):
    """No answer ever comes; ``forwarded`` says whether the request is carried out all the same."""

    kind: Literal["hang"]
    forwarded: StrictBool = False

    def holds_us(self, table_timeout_us: int) -> float:
        return self.share * table_timeout_us if self.target == "table" else 0.0


class Latency(HopFault):
    """Answers come late: by ``median_ms``, lognormal where ``p99_ms`` is given; or evenly between two bounds."""

    kind: Literal["latency"]
    median_ms: Milliseconds | None = None
    p99_ms: Milliseconds | None = None
    min_ms: Annotated[float, Field(ge=0, le=3_600_000, strict=True)] | None = None
    max_ms: Milliseconds | None = None

    @model_validator(mode="after")
    def _one_distribution(self) -> Self:
        uniform = (self.min_ms, self.max_ms)
        if self.median_ms is not None and uniform == (None, None):
            if self.p99_ms is not None and self.p99_ms < self.median_ms:
                raise ValueError("p99_ms must not be below median_ms")
        elif self.median_ms is None and self.p99_ms is None and None not in uniform:
            if uniform[0] > uniform[1]:  # type: ignore[operator]  # neither is None here
                raise ValueError("min_ms must not be above max_ms")
        else:
            raise ValueError("latency needs median_ms (with p99_ms, if it varies) or min_ms and max_ms")
        return self

    @property
    def withholds_answers(self) -> bool:
        return False

    def holds_us(self, table_timeout_us: int) -> float:
        if self.target != "table":
            return 0.0
        typical_ms = self.median_ms if self.median_ms is not None else ((self.min_ms or 0) + (self.max_ms or 0)) / 2
        # Of a lognormal the mean lies above the median: by exp(sigma squared / 2), and p99 by exp(2.33 sigma).
        if self.median_ms is not None and self.p99_ms is not None:
            typical_ms *= math.exp((math.log(self.p99_ms / self.median_ms) / 2.326) ** 2 / 2)
        return self.share * min(typical_ms * 1000, table_timeout_us)


class Error(HopFault):
    """The service's own error, in its own shape."""

    kind: Literal["error"]
    error: str

    @model_validator(mode="after")
    def _error_exists(self) -> Self:
        known = TABLE_ERRORS if self.target == "table" else API_ERRORS
        if self.error not in known:
            raise ValueError(f"error on {self.target} must be one of {', '.join(known)}")
        return self

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return (TABLE_ERRORS if self.target == "table" else API_ERRORS)[self.error]

    @property
    def throttled_status(self) -> int | None:
        return STAGE_THROTTLED if self.target == "api" and self.status == STAGE_THROTTLED else None


class Truncate(HopFault):
    """The request is carried out and its answer cut off in the middle."""

    kind: Literal["truncate"]


class Burst(FaultBase):
    """``factor`` times the requests: each gets ``factor - 1`` clones, which are about orders of their own."""

    kind: Literal["burst"]
    target: Literal["requests"] = "requests"
    factor: Annotated[int, Field(ge=2, le=100, strict=True)]


class Ramp(FaultBase):
    """The window's requests at rates that rise in equal ``steps``: the last step's is ``steps`` times the first's."""

    kind: Literal["ramp"]
    target: Literal["requests"] = "requests"
    steps: Annotated[int, Field(ge=2, le=100, strict=True)]


class Hot(FaultBase):
    """A share of the requests is about one entity."""

    kind: Literal["hot"]
    target: Literal["requests"] = "requests"
    share: Share


class Poison(FaultBase):
    """A share of the commands can never be carried out: their orders are invalid."""

    kind: Literal["poison"]
    target: Literal["commands"] = "commands"
    share: Share


class Work(FaultBase):
    """A share of the commands takes ``work_ms`` of work before anything is stored."""

    kind: Literal["work"]
    target: Literal["commands"] = "commands"
    share: Share
    work_ms: Annotated[int, Field(ge=1, le=60_000, strict=True)]

    def holds_us(self, table_timeout_us: int) -> float:  # noqa: ARG002 - the work comes before the call to the table
        return self.share * self.work_ms * 1000


class Twice(FaultBase):
    """A share of the queued commands is delivered a second time, ``delay_s`` later."""

    kind: Literal["twice"]
    target: Literal["deliveries"] = "deliveries"
    share: Share
    delay_s: DelaySeconds = 0


class Late(FaultBase):
    """A share of the queued commands is delivered ``delay_s`` late, so that later ones overtake them."""

    kind: Literal["late"]
    target: Literal["deliveries"] = "deliveries"
    share: Share
    delay_s: Annotated[int, Field(ge=1, le=900, strict=True)]


TrafficFault = Burst | Ramp | Hot | Poison | Work | Twice | Late
Fault = Annotated[
    Down | Disabled | Throttle | Reset | Hang | Latency | Error | Truncate | TrafficFault,
    Field(discriminator="kind"),
]


# A fault of the first target is one of the others, too.
_MAPPINGS = ("event_source_mapping", "notification_event_source_mapping")
_PARTS = {
    "functions": ("command", "query", "consumer", "payment"),
    "queue": _MAPPINGS,
    "event_source_mapping": _MAPPINGS,
}


def same_place(one: FaultBase, other: FaultBase) -> bool:
    """Whether two faults concern the same target, so that the end of one would end the other."""
    return (
        one.target == other.target
        or other.target in _PARTS.get(one.target, ())
        or one.target in _PARTS.get(other.target, ())
    )
