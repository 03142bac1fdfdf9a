"""The model of a scenario: settings of the resources, and faults whose windows do not overlap.

Put here what a scenario says as a whole. Keep out the kinds of faults (`workloads.scenarios.faults`) and how a file is
read (`workloads.scenarios.reading`).
"""

from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from workloads.errors import UsageError
from workloads.scenarios.faults import Fault, same_place

# What requirements may be asked under, besides a scenario's own name: see `Scenario.situations`.
SITUATIONS = ("any", "steady", "peak", "outage")
_RAISES = frozenset({"burst", "ramp"})
_TAKES_AWAY = frozenset({"down", "hang"})
_SHORTEST_US = 1000


def _whole(minimum: int, maximum: int) -> Any:
    return Field(ge=minimum, le=maximum, strict=True)


Measure = Literal["acknowledged", "done", "response", "completion", "backlog"]
"""What a behaviour of the target may decide: what clients are told, what becomes of requests in the end (stored,
dead-lettered, lost or waiting), both times, and how a queue fills and drains and in which order."""


class Reliance(BaseModel):
    """A behaviour of AWS that decides figures of a scenario, so that a target without it cannot show them.

    Attributes:
        behaviour: As `archduel doctor` names it.
        component: The node of an architecture that behaves so; requests that pass through none rest on nothing.
        decides: The measures that would be others without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    behaviour: Annotated[str, Field(strict=True, min_length=1)]
    component: Annotated[str, Field(strict=True, min_length=1)]
    decides: Annotated[tuple[Measure, ...], Field(min_length=1)]


class Scenario(BaseModel):
    """One scenario. Settings that are None have archduel's own values.

    Attributes:
        name: The name of its file.
        title: For people, in two or three words.
        description: For people, in a sentence.
        position: Its place in lists.
        reserved_concurrency: Shared evenly by an architecture's functions.
        work_us: How long a handler works before it calls the table, in microseconds.
        function_timeout_s: After how long Lambda ends an invocation.
        visibility_timeout_s: After how long a message that was not deleted is delivered again.
        max_receive_count: After how many deliveries a message goes to the dead-letter queue.
        batch_size: The most messages of an invocation.
        table_timeout_ms: How long a handler waits for the table.
        client_retries: How often a client tries a request again.
        environments: How many execution environments of each function that the API calls are warm at the start.
        rests_on: The behaviours of AWS without which a target cannot show some of its figures.
        faults: In any order; those of one target must lie apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: Annotated[str, Field(strict=True, min_length=1)]
    description: Annotated[str, Field(strict=True)]
    position: Annotated[int, _whole(0, 1_000_000)] = 100
    reserved_concurrency: Annotated[int, _whole(1, 1000)] | None = None
    work_us: Annotated[int, _whole(0, 60_000_000)] = 0
    function_timeout_s: Annotated[int, _whole(1, 900)] | None = None
    visibility_timeout_s: Annotated[int, _whole(1, 43_200)] | None = None
    max_receive_count: Annotated[int, _whole(1, 1000)] | None = None
    batch_size: Annotated[int, _whole(1, 10)] | None = None
    table_timeout_ms: Annotated[int, _whole(1, 60_000)] | None = None
    environments: Annotated[int, _whole(0, 64)] | None = None
    client_retries: Annotated[int, _whole(0, 100)] | None = None
    rests_on: tuple[Reliance, ...] = ()
    faults: Annotated[tuple[Fault, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _faults_lie_apart(self) -> Self:
        for one, other in combinations(range(len(self.faults)), 2):
            # Shares and times can be compared only when the replay's length is known: see `windows`.
            pair = (self.faults[one], self.faults[other])
            if len({span.timed for fault in pair for span in (fault.start, fault.length)}) == 1:
                try:
                    self._check_apart(one, other, duration_us=10**12)
                except ValueError as error:
                    raise PydanticCustomError(
                        "faults_overlap", "{words}", {"words": str(error), "fault": other}
                    ) from None
        return self

    @model_validator(mode="after")
    def _messages_outlast_invocations(self) -> Self:
        # AWS refuses the mapping of a queue whose messages come back before the function may have ended.
        visible, timeout = self.visibility_timeout_s, self.function_timeout_s
        if visible is not None and timeout is not None and visible < timeout:
            raise ValueError("visibility_timeout_s must be at least function_timeout_s")
        return self

    @property
    def situations(self) -> frozenset[str]:
        """What requirements hold under it: its name, ``any``, and those of the others that it is.

        ``steady``: nothing is broken or short. ``peak``: more comes than a limit lets through, or than usual.
        ``outage``: the table is away and nothing else is wrong; queues try again as often as they usually do.
        """
        found = {"any", self.name}
        plain = Scenario(**{name: getattr(self, name) for name in ("name", "title", "description", "position")})
        if self == plain:
            found.add("steady")
        if self.limited or any(fault.kind in _RAISES for fault in self.faults):
            found.add("peak")
        away = self.faults and all(fault.target == "table" and fault.kind in _TAKES_AWAY for fault in self.faults)
        if away and not self.limited and self.max_receive_count is None:
            found.add("outage")
        return frozenset(found)

    def limits_more_than_recorded(self, speed: float) -> bool:
        """Whether, at this speed, a limit of its own meets more than the recorded load: it stays as it is."""
        return speed > 1 and self.limited

    @property
    def limited(self) -> bool:
        """Whether it has a limit of requests of its own."""
        return self.reserved_concurrency is not None or any(fault.kind == "throttle" for fault in self.faults)

    def holds_us(self, table_timeout_us: int) -> float:
        """How long a request holds its execution environment longer than usual, on average, under the worst fault.

        Args:
            table_timeout_us: How long a handler waits for the table unless the scenario says it, in microseconds.

        Returns:
            Microseconds.
        """
        timeout_us = table_timeout_us if self.table_timeout_ms is None else self.table_timeout_ms * 1000
        return self.work_us + max((fault.holds_us(timeout_us) for fault in self.faults), default=0.0)

    def windows(self, duration_us: int) -> list[tuple[Fault, int, int]]:
        """Each fault with its window in a replay of ``duration_us``.

        Returns:
            Faults in their order, with the first microsecond of each and the first one after it.

        Raises:
            UsageError: A window does not fit into such a replay.
        """
        if self.faults and not duration_us:
            raise UsageError(f"{self.name}: a replay without any length has no room for a fault: offer more requests")
        found = [(fault, *fault.window_us(duration_us)) for fault in self.faults]
        for fault, start_us, end_us in found:
            if end_us - start_us < _SHORTEST_US:
                raise UsageError(
                    f"{self.name}: {fault.kind} on {fault.target}, {fault.length} from {fault.start}, is over within a"
                    " millisecond: make it longer"
                )
            if end_us > duration_us:
                raise UsageError(
                    f"{self.name}: {fault.kind} on {fault.target}, {fault.length} from {fault.start}, ends after the"
                    f" replay, which lasts {duration_us / 1e6:.1f} s: shorten it, give shares, or lower --speed"
                )
        for one, other in combinations(range(len(self.faults)), 2):
            try:
                self._check_apart(one, other, duration_us)
            except ValueError as error:
                raise UsageError(f"{self.name}: {error}") from None
        return found

    def _check_apart(self, one: int, other: int, duration_us: int) -> None:
        faults = (self.faults[one], self.faults[other])
        first, second = sorted(fault.window_us(duration_us) for fault in faults)
        # The end of one would otherwise end the other, which is recorded as still on.
        if same_place(*faults) and first[1] >= second[0]:
            named = " and ".join(
                f"fault {number + 1} ({fault.kind} on {fault.target}, {fault.length} from {fault.start})"
                for number, fault in zip((one, other), faults, strict=True)
            )
            raise ValueError(f"faults on one target must lie apart: {named} overlap or touch")
