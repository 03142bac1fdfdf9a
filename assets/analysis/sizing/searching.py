"""The smallest configuration of an architecture that meets objectives, and what binds it.

Put here the search and what is said about its result. Keep out the simulated replays (`resources.lab.what_if`), figures
(`assets.analysis.sizing.measuring`) and limits on them (`assets.analysis.sizing.objectives`).

Batch size and memory are tried one after another. For each, concurrency is halved until an objective is missed, since
more of it never makes an answer later: first the same share of what each function would use, then each by itself.
"""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from assets.analysis.sizing.measuring import DELAYING, Measured, binding, measured
from assets.analysis.sizing.objectives import FIGURES, MAYBE_NONE, Objective, missed
from resources.architectures import architectures
from resources.architectures.parts.api import RESULT
from resources.architectures.parts.event_source_mapping import CONSUMER
from resources.lab.what_if import MOST_REQUESTS, WhatIf
from resources.prices.book import Assumptions, Prices
from resources.simulation import varying
from resources.simulation.parameters import Parameters
from resources.simulation.sensitivity import halved_and_doubled
from resources.simulation.varying import MAX_CONCURRENCY, MEMORY, RATE, TRAFFIC, Value, Values
from workloads.errors import UsageError

BATCH_SIZES = (1, 2, 5, 10)
MEMORIES_MB = (128, 256, 512, 1024, varying.VCPU_MB)
MIN_UNRESERVED = 100  # of an account's concurrency, which AWS refuses to have reserved for any function
MIN_MAPPING_CONCURRENCY = 2  # AWS takes no lower maximum concurrency of an event source mapping
_MOST_TIMES = 100.0  # up to so many times the traffic that is sized for, what breaks is looked for
SEEDS = 5  # that each configuration is simulated with
_NEAR = 1.02  # how near traffic that is met and traffic that is not have to be


@dataclass(frozen=True)
class Configuration:
    """What is chosen for an architecture.

    Attributes:
        reserved: Reserved concurrency by function, of those that the API calls and that are called at all.
        max_concurrency: Of the event source mapping; None without one.
        batch_size: Likewise.
        memory_mb: Of each function.
    """

    reserved: Mapping[str, int]
    max_concurrency: int | None
    batch_size: int | None
    memory_mb: int

    @property
    def concurrency(self) -> int:
        """Execution environments in all."""
        return sum(self.reserved.values()) + (self.max_concurrency or 0)


class Simulate(Protocol):
    """Simulates a configuration; see `Simulated.figures`."""

    def __call__(
        self, configuration: Configuration, traffic: float = ..., parameters: Parameters | None = ...
    ) -> Measured: ...


@dataclass
class Sized:
    """What was found for one architecture.

    Attributes:
        architecture: Its name.
        configuration: The smallest that meets all objectives, or the one that comes nearest.
        figures: What it comes to.
        missed: The objectives that it misses, the worst first; none where all are met.
        bound_by: What the next smaller value of each dimension misses.
        breaks_at: How many times the recorded traffic it takes no more; None: it takes all that was tried.
        breaks_objective: What it misses there.
        breaks_limit: The limit that binds there first.
        flips: Assumed parameters that decide whether objectives are met.
        simulations: How many replays were simulated.
    """

    architecture: str
    configuration: Configuration
    figures: Measured
    missed: list[Objective]
    bound_by: list[str] = field(default_factory=list)
    breaks_at: float | None = None
    breaks_objective: str | None = None
    breaks_limit: str | None = None
    flips: list[str] = field(default_factory=list)
    simulations: int = 0


@dataclass(frozen=True)
class Room:
    """Within which a configuration is looked for.

    Attributes:
        functions: The functions that the API calls, with the most environments that each may have.
        queued: Whether there is a queue, and so a mapping and batches.
        max_mapping_concurrency: The highest maximum concurrency that the event source mapping may have.
        batch_sizes: To choose from.
        memories_mb: To choose from.
        reservable: Environments that may be reserved in all.
    """

    functions: Mapping[str, int]
    queued: bool
    max_mapping_concurrency: int
    batch_sizes: Sequence[int]
    memories_mb: Sequence[int]
    reservable: int

    def widest(self) -> list[Configuration]:
        """The configuration with the most concurrency for each batch size and memory."""
        return [
            Configuration(dict(self.functions), self.max_mapping_concurrency if self.queued else None, batch, memory)
            for batch, memory in itertools.product(self.batch_sizes if self.queued else [None], self.memories_mb)
        ]


def smallest(low: int, high: int, meets: Callable[[int], bool]) -> int:
    """The least whole number from ``low`` to ``high`` that meets, where ``high`` does and more never hurts."""
    while low < high:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle + 1
    return high


def search(architecture: str, room: Room, objectives: Sequence[Objective], simulate: Simulate) -> Sized:
    """Find the smallest configuration that meets all objectives: the least concurrency, then the least cost.

    Args:
        architecture: Its name.
        room: What may be chosen.
        objectives: What has to be met.
        simulate: Simulates a configuration.

    Returns:
        It, with what binds it; where none meets them, the one whose worst miss is the smallest.
    """
    widest = [(one, simulate(one)) for one in room.widest()]
    meeting = [(one, found) for one, found in widest if not missed(objectives, found)]
    narrowed = [_narrowed(one, found, objectives, simulate) for one, found in meeting]
    fitting = [(one, simulate(one)) for one in narrowed if one.concurrency <= room.reservable]
    if not fitting:
        one, found = min(meeting or widest, key=lambda each: _worst(objectives, each[1]))
        return Sized(architecture, one, found, missed(objectives, found))
    one, found = min(fitting, key=lambda each: (each[0].concurrency, each[1]["usd_per_month"] or math.inf))
    sized = Sized(architecture, one, found, [])
    sized.bound_by = list(_bound_by(one, objectives, simulate))
    return sized


def _worst(objectives: Iterable[Objective], found: Measured) -> list[float]:
    """How far figures are from the objectives, to be compared: the worst first; but least of what never comes."""
    excesses = sorted((one.excess(found) for one in objectives), reverse=True)
    return [float(sum(map(math.isinf, excesses))), *(one for one in excesses if math.isfinite(one))]


def _narrowed(
    one: Configuration, found: Measured, objectives: Sequence[Objective], simulate: Simulate
) -> Configuration:
    """The least concurrency with the same batch size and memory."""

    def meets(other: Configuration) -> bool:
        return not missed(objectives, simulate(other))

    used: Mapping[str, int] = found["concurrency_of"]
    # A limit at the peak concurrency that this run reached would have throttled nothing: higher ones change nothing.
    top = {name: max(1, min(limit, used[name])) for name, limit in one.reserved.items()}
    mapping = one.max_concurrency and min(one.max_concurrency, max(MIN_MAPPING_CONCURRENCY, used[CONSUMER]))
    start = replace(one, reserved=top, max_concurrency=mapping)
    if not meets(start):
        start = one
        top, mapping = dict(one.reserved), one.max_concurrency
    if mapping:
        mapping = smallest(MIN_MAPPING_CONCURRENCY, mapping, lambda n: meets(replace(start, max_concurrency=n)))
        start = replace(start, max_concurrency=mapping)
    if not top:
        return start
    steps = max(top.values())

    def share_of(step: int) -> dict[str, int]:
        return {name: max(1, math.ceil(limit * step / steps)) for name, limit in top.items()}

    step = smallest(1, steps, lambda n: meets(replace(start, reserved=share_of(n))))
    start = replace(start, reserved=share_of(step))
    for name in top:
        start = _least_of(name, start, meets)
    return start


def _least_of(name: str, one: Configuration, meets: Callable[[Configuration], bool]) -> Configuration:
    return _with(one, name, smallest(1, one.reserved[name], lambda n: meets(_with(one, name, n))))


def _with(one: Configuration, name: str, n: int) -> Configuration:
    return replace(one, reserved={**one.reserved, name: n})


def _bound_by(one: Configuration, objectives: Sequence[Objective], simulate: Simulate) -> Iterable[str]:
    """What one environment less of each kind would miss."""
    smaller = {
        f"reserved concurrency of {name} at {n - 1}": _with(one, name, n - 1)
        for name, n in one.reserved.items()
        if n > 1
    }
    if one.max_concurrency and one.max_concurrency > MIN_MAPPING_CONCURRENCY:
        less = one.max_concurrency - 1
        smaller[f"maximum concurrency at {less}"] = replace(one, max_concurrency=less)
    for words, other in smaller.items():
        found = simulate(other)
        if worst := missed(objectives, found):
            yield f"{words}: {worst[0].value(found)}"


def breaking(sized: Sized, objectives: Sequence[Objective], simulate: Simulate, most: float, at: float) -> None:
    """Find how much more traffic the configuration takes, and what breaks then.

    Args:
        sized: It; gets the answer.
        objectives: What has to be met.
        simulate: Simulates it with more traffic.
        most: The most traffic that can be simulated, as multiples of the recorded one.
        at: The traffic for which it was sized, likewise.
    """
    free, bound, found = at, at, sized.figures
    while not missed(objectives, found):
        free = bound
        if bound >= most:
            return
        bound = min(most, bound * 2)
        found = simulate(sized.configuration, bound)
    while bound / free > _NEAR:
        middle = float(f"{math.sqrt(free * bound):.4g}")
        if not free < middle < bound:
            break
        there = simulate(sized.configuration, middle)
        if missed(objectives, there):
            bound, found = middle, there
        else:
            free = middle
    worst = missed(objectives, found)[0]
    sized.breaks_at, sized.breaks_objective = bound, worst.value(found)
    sized.breaks_limit = _breaking_limit(worst, simulate(sized.configuration, free), found)


def _breaking_limit(worst: Objective, before: Measured, found: Measured) -> str | None:
    """The limit that binds more often than before, of those that refuse where more is refused than may be."""
    was, now = ({name: json.loads(row["limits"])[name] for name in binding(row)} for row in (before, found))
    refuses = worst.figure.column in {"refused_share", "throttled_share"}
    known = [one for one in now if not (refuses and one in DELAYING)] or list(now)
    return max(known, key=lambda one: (one not in was, now[one] - was.get(one, 0)), default=None)


def flipping(sized: Sized, objectives: Sequence[Objective], simulate: Simulate, parameters: Parameters) -> None:
    """Find which assumed parameters decide whether the objectives are met, when they are half or twice as great."""
    met = not sized.missed
    for name, factor, changed in halved_and_doubled(parameters):
        worst = missed(objectives, found := simulate(sized.configuration, parameters=changed))
        if bool(worst) == met:
            words = worst[0].value(found) if worst else "all objectives are met"
            sized.flips.append(f"{name} {'half' if factor < 1 else 'twice'} as great: {words}")


class Simulated:
    """Configurations of one architecture, simulated once each."""

    def __init__(  # noqa: PLR0917 - what a simulation takes
        self,
        what_if: WhatIf,
        name: str,
        fixed: Values,
        prices: Prices,
        assumptions: Assumptions,
        done: Callable[[], None],
    ) -> None:
        self._what_if, self._name, self._fixed, self._done = what_if, name, dict(fixed), done
        self._prices, self._assumptions = prices, assumptions
        self.at = what_if.traffic(fixed)
        self._known: dict[Any, Measured] = {}
        self.simulations = 0

    def figures(
        self, configuration: Configuration, traffic: float | None = None, parameters: Parameters | None = None
    ) -> Measured:
        """What a configuration comes to with the worst of the seeds, and in ``spread`` from what to what.

        Args:
            configuration: It.
            traffic: How many times the recorded traffic; None: that for which it is sized.
            parameters: Of the model; None: the usual ones.
        """
        traffic = self.at if traffic is None else traffic
        asked = (json.dumps(configuration.__dict__, sort_keys=True), traffic)
        if parameters is None and asked in self._known:
            return self._known[asked]
        functions = architectures()[self._name].functions
        values: dict[str, Value] = {name: value for name, value in self._fixed.items() if name not in (RATE, TRAFFIC)}
        values |= {TRAFFIC: traffic, MEMORY: configuration.memory_mb}
        if configuration.batch_size is not None:
            values["batch_size"] = configuration.batch_size
        if configuration.max_concurrency is not None:
            values[MAX_CONCURRENCY] = configuration.max_concurrency
        # What the mapping may hold at once is kept free for the consumer, as AWS advises.
        of_each = {CONSUMER: configuration.max_concurrency, **configuration.reserved}
        reserved = [-1 if (n := of_each.get(name)) is None else n for name in functions]
        of_each_seed: list[Measured] = []
        for number in range(1, SEEDS + 1):
            run = self._what_if.run(self._name, values, reserved, parameters, repetition=number)
            measures = measured(run, self._prices, self._assumptions, self._what_if.seconds)
            measures["concurrency_of"] = dict(zip(functions, run.figures.concurrency.tolist(), strict=True))
            of_each_seed.append(measures)
            self.simulations += 1
            self._done()
        found = worst_of(of_each_seed)
        if parameters is None:
            self._known[asked] = found
        return found

    def room(self, batch_sizes: Sequence[int], memories_mb: Sequence[int]) -> Room:
        """What may be chosen for it, in the account that the parameters describe.

        Raises:
            UsageError: The account has too little concurrency to reserve any.
        """
        architecture = architectures()[self._name]
        account = int(
            self._fixed.get("account_concurrency", self._what_if.parameters["lambda.account_concurrency"].whole)
        )
        reservable = account - MIN_UNRESERVED
        queued = CONSUMER in architecture.functions
        called = [name for name in architecture.functions if name != CONSUMER]
        if RESULT in called and self._what_if.settings.answers == "none":
            called.remove(RESULT)  # nobody asks for answers
        least = len(called) + MIN_MAPPING_CONCURRENCY * queued
        if reservable < least:
            raise UsageError(
                f"account_concurrency: of {account:,} AWS keeps {MIN_UNRESERVED} unreserved, which leaves too few"
                f" for {self._name}: at least {MIN_UNRESERVED + least:,} are needed"
            )
        most = min(reservable, int(varying.find(MAX_CONCURRENCY).high))
        return Room(dict.fromkeys(called, reservable), queued, most, batch_sizes, memories_mb, reservable)


def worst_of(measures: Sequence[Measured]) -> Measured:
    """The figures of the same configuration with several seeds, as one: of each figure the worst, and in ``spread`` the
    least and the greatest. The rest is that of the seed that met a limit first.
    """
    columns = [one.column for one in FIGURES]
    found = dict(min(measures, key=lambda one: math.inf if one["first_limit"] is None else one["first_limit_s"]))
    spread = {}
    for column in columns:
        known = [one[column] for one in measures if one[column] is not None]
        never = len(known) < len(measures)
        spread[column] = (min(known, default=None), None if never else max(known))
        found[column] = spread[column][1] if column not in MAYBE_NONE else max(known, default=None)
    most = [one["concurrency_of"] for one in measures]
    found["concurrency_of"] = {name: max(each[name] for each in most) for name in most[0]}
    found["spread"] = spread
    return found


def most_traffic(what_if: WhatIf, at: float) -> float:
    """The most traffic that is tried, as multiples of the recorded one: a hundred times that of ``at``, or what there
    is room for.
    """
    return min(_MOST_TIMES * at, MOST_REQUESTS / what_if.requests)
