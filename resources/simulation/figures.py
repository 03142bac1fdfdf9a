"""What a simulation comes to without a row for each request: counts, distributions, peaks, and what a bill is made of.

Put here the figures and how they are counted from an engine's result. Keep out the engines
(`resources.simulation.kernel`, `resources.simulation.oracle`) and what a figure means for a decision.
`simulate_figures` is what to call for many runs, such as a grid: its arguments are those of the engines, and stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from resources.architectures import Queueing
from resources.prices.model import Counts, Sizes
from resources.simulation import system as codes
from resources.simulation.system import (
    BIN_BITS,
    BINS,
    BY_CONCURRENCY,
    LIMITS,
    NEVER,
    OUTCOMES,
    Counted,
    Ints,
    Load,
    Result,
    System,
)

OPERATIONS = ("command", "query")
ANSWERED, ACCEPTED, THROTTLED, FAILED, TIMED_OUT = range(len(OUTCOMES))
PART = 16_384  # requests


def bins_of(times_us: Ints) -> Ints:
    """The number of each time's bin."""
    power = np.maximum(np.frexp(times_us.astype(float))[1] - 1 - BIN_BITS, 0)
    # A float has 53 bits: what it rounds up to the next power of two belongs below it.
    power -= (np.int64(1) << (power + BIN_BITS)) > np.maximum(times_us, 1 << BIN_BITS)
    numbers: Ints = (power << BIN_BITS) + (times_us >> power)
    return numbers


def bin_starts_us(numbers: Ints) -> Ints:
    """The least time of each bin."""
    power = np.maximum((numbers >> BIN_BITS) - 1, 0)
    starts_us: Ints = (numbers - (power << BIN_BITS)) << power
    return starts_us


@dataclass(frozen=True)
class Distribution:
    """Times in bins of at most 0.4 % of themselves.

    Attributes:
        bins: How many are in each bin, `BINS` of them.
        sum_us: All times together.
        max_us: The greatest; `NEVER` where there is none.
    """

    bins: Ints
    sum_us: int
    max_us: int

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.bins.sum())

    @property
    def mean_us(self) -> float | None:
        """Their mean, which is exact; None where there is none."""
        return self.sum_us / self.count if self.count else None

    def quantile_us(self, share: float, of: int | None = None) -> float | None:
        """The time that this share of them does not exceed, to 0.4 %.

        Args:
            share: From 0 to 1.
            of: Of how many this is a share, where some never came to an end: they count as greater than all others.

        Returns:
            Microseconds; None where there is none, or the quantile is among those that never came to an end.
        """
        upto = np.cumsum(self.bins)
        rank = max(1, int(np.ceil(share * (self.count if of is None else of) - 1e-9)))
        if rank > upto[-1]:
            return None
        number = np.searchsorted(upto, rank)
        start_us = int(bin_starts_us(np.array([number]))[0])
        width_us = 1 << max(int(number >> BIN_BITS) - 1, 0)
        return float(min(start_us + (width_us - 1) / 2, self.max_us))


@dataclass(frozen=True)
class Figures:
    """What one simulated run came to. Of operations: commands first, then queries. Moments are microseconds.

    Attributes:
        outcomes: How many requests of each operation had each of `OUTCOMES`, by their last answer.
        statuses: How often each status was the last answer, all operations together; 0 for none.
        response: From when a request was due until it was acknowledged, of each operation; of those that were.
        completion: The same until it was written, or its queued query answered.
        attempts: How often requests of each operation were sent.
        fetches: How often answers to queued queries were asked for.
        committed: Acknowledged requests of each operation that were written.
        commits: Writes in all.
        dead: Messages in the dead-letter queue at the end.
        messages: Messages that the queue took of each operation.
        deliveries: Requests of each operation handed to a function that handles them, again included.
        invocations: Of each function.
        cold: Those of them that had to wait for a new environment.
        busy_us: What each function's invocations took in all.
        concurrency: The most environments of each function that were at work at once, new ones included.
        backlog: The most messages waiting or being worked on, as sampled.
        drained_us: When the queue was empty for the last time after anything was in it, as sampled; 0 without any.
        bound: How often each of `LIMITS` refused or delayed something, by name; those that did so.
        bound_first_us: When it did so first.
        samples: As those of `resources.simulation.system.Result`: at most 40,000 moments.
        init_us: What the new environments took in all.
        work_us: What handlers worked in all, besides calling the table.
        sizes: How large requests are, in what AWS bills.
        consumer: The number of the function that takes from the queue; `NEVER` for none.
        result: The number of the one that hands out answers; likewise.
        duration_us: When the last request was due.
        settled_us: When nothing moved any more.
    """

    outcomes: npt.NDArray[np.int64]
    statuses: dict[int, int]
    response: tuple[Distribution, Distribution]
    completion: tuple[Distribution, Distribution]
    attempts: Ints
    fetches: int
    committed: Ints
    commits: int
    dead: int
    messages: Ints
    deliveries: Ints
    invocations: Ints
    cold: Ints
    busy_us: Ints
    concurrency: Ints
    backlog: int
    drained_us: int
    bound: dict[str, int]
    bound_first_us: dict[str, int]
    samples: npt.NDArray[np.int64]
    init_us: int
    work_us: int
    command_work_us: int
    sizes: Sizes
    consumer: int
    queueing: Queueing
    waited_for: Ints
    result: int
    duration_us: int
    settled_us: int

    @cached_property
    def offered(self) -> int:
        """All requests."""
        return int(self.outcomes.sum())

    @cached_property
    def refused(self) -> int:
        """Requests whose last answer did not acknowledge them, or never came."""
        return int(self.outcomes[:, THROTTLED:].sum())

    @cached_property
    def responses(self) -> Distribution:
        """The responses of both operations together."""
        return _together(self.response)

    @cached_property
    def completions(self) -> Distribution:
        """The completions of both operations together."""
        return _together(self.completion)

    def counts(self, seconds: float | None = None) -> Counts:
        """What a bill is made of (`resources.prices.model`).

        Args:
            seconds: The time in which callers made these requests; None: the run's own.
        """
        direct = [number for number in range(len(self.invocations)) if number not in (self.consumer, self.result)]
        queued = self.messages > 0
        waits = float((self.waited_for * self.invocations).sum())
        parts = 1 + np.count_nonzero(self.waited_for)
        return Counts(
            committed=float(self.committed[0]),
            offered=float(self.offered),
            requests=float(self.attempts.sum()),
            responses=float(self.attempts.sum() - self.outcomes[:, TIMED_OUT].sum()),
            fetches=float(self.fetches),
            function_invocations=float(self.invocations[direct].sum()),
            messages=float(self.messages.sum()),
            deliveries=float(self.deliveries[queued].sum()),
            batches=float(self.invocations[self.consumer]) if self.consumer != NEVER else 0.0,
            order_writes=float(self.deliveries[0]),
            answer_writes=float(self.deliveries[1]) if queued[1] else 0.0,
            reads=float(self.deliveries[1]),
            work_ms=self.work_us / 1000,
            waits=waits,
            waited_work_ms=self.command_work_us
            / 1000
            / parts
            * float(self.waited_for.sum()),  # each does an equal part
            seconds=self.duration_us / 1e6 if seconds is None else seconds,
            batch_evidence="observed",
            sizes=self.sizes,
            queueing=self.queueing,
        )


def _waited_for(system: System) -> Ints:
    """How many functions wait while each function works."""
    counts = np.zeros(len(system.calls), np.int64)
    for function in range(len(system.calls)):
        called, waiting = int(system.calls[function]), 1
        while called != NEVER:
            counts[called] = max(int(counts[called]), waiting)
            called, waiting = int(system.calls[called]), waiting + 1
    return counts


def _queueing(system: System) -> Queueing:
    if system.retry_us != NEVER:
        return "lambda"
    return "fifo" if system.ordered else "standard"


def _together(both: tuple[Distribution, Distribution]) -> Distribution:
    one, other = both
    return Distribution(one.bins + other.bins, one.sum_us + other.sum_us, max(one.max_us, other.max_us))


def distribution(times_us: Ints) -> Distribution:
    """The distribution of some times in microseconds, none of them below 0."""
    bins = np.bincount(bins_of(times_us), minlength=BINS).astype(np.int64)
    return Distribution(bins, int(times_us.sum()), int(times_us.max(initial=NEVER)))


def figures_of(system: System, load: Load, result: Result, sizes: Sizes | None = None) -> Figures:
    """Count the figures of an engine's result: the specification of what a faster way comes to.

    Args:
        system: What was simulated.
        load: What it got.
        result: What happened.
        sizes: How large requests are in what AWS bills; None: one unit each.
    """
    query, sent = load.query.astype(bool), result.status
    handled = (result.records[:, 4] != NEVER) | (codes.functions_of(result) != system.result)
    was_handled = np.zeros(len(sent), bool)
    was_handled[result.records[handled, 1]] = True
    limited = result.bound[list(BY_CONCURRENCY)].any()
    outcome = np.full(len(sent), FAILED)
    outcome[sent == codes.TIMED_OUT] = TIMED_OUT
    outcome[(sent >= 200) & (sent <= 299) | (sent == 404) & query] = ANSWERED
    outcome[sent == 202] = ACCEPTED
    refused = (sent == system.throttled_status) & ~was_handled & (load.queued == 0) & limited
    outcome[(sent == 429) | refused] = THROTTLED
    acknowledged = outcome <= ACCEPTED
    # A query that a function answered at once is complete with its answer.
    direct = query & (load.queued == 0)
    written_us = codes.done_us(result, load.query)
    written = written_us != NEVER
    done_us = np.where(direct & acknowledged, result.responded_us, written_us)
    done = acknowledged & (done_us != NEVER)
    functions, number_of = len(system.reserved), result.invocations[:, 1]
    of_operation = load.query[result.records[handled, 1]]
    worked_us = load.work_us[result.records[handled, 1]] // system.work_parts[codes.functions_of(result)[handled]]
    first, samples = result.bound > 0, result.samples
    backlog, drained_us = backlog_of(samples)
    taken = np.bincount(load.query[result.status == 202], minlength=2) if system.consumer != NEVER else np.zeros(2)
    return Figures(
        outcomes=np.array([np.bincount(outcome[query == bool(one)], minlength=len(OUTCOMES)) for one in range(2)]),
        statuses={
            int(status): int(number) for status, number in zip(*np.unique(sent, return_counts=True), strict=True)
        },
        response=_by_operation(result.responded_us - load.due_us, acknowledged, query),
        completion=_by_operation(done_us - load.due_us, done, query),
        attempts=np.bincount(load.query, weights=result.attempts, minlength=2).astype(np.int64),
        fetches=int(np.maximum(result.fetches, 0).sum()),
        committed=np.bincount(load.query[acknowledged & (written | direct)], minlength=2).astype(np.int64),
        commits=int(result.commits.sum()),
        dead=int(result.dead.sum()),
        messages=taken.astype(np.int64),
        deliveries=np.bincount(of_operation, minlength=2).astype(np.int64),
        invocations=np.bincount(number_of, minlength=functions).astype(np.int64),
        cold=np.bincount(number_of, weights=result.invocations[:, 4], minlength=functions).astype(np.int64),
        busy_us=np.bincount(number_of, weights=result.invocations[:, 3], minlength=functions).astype(np.int64),
        concurrency=result.concurrency,
        backlog=backlog,
        drained_us=drained_us,
        bound={LIMITS[number]: int(result.bound[number]) for number in np.flatnonzero(first)},
        bound_first_us={LIMITS[number]: int(result.bound_first_us[number]) for number in np.flatnonzero(first)},
        samples=samples,
        init_us=result.init_us,
        work_us=int(worked_us.sum()),
        command_work_us=int(worked_us[of_operation == 0].sum()),
        sizes=sizes or Sizes(),
        consumer=system.consumer,
        queueing=_queueing(system),
        waited_for=_waited_for(system),
        result=system.result,
        duration_us=int(load.due_us[-1]) if len(load.due_us) else 0,
        settled_us=result.settled_us,
    )


def backlog_of(samples: npt.NDArray[np.int64]) -> tuple[int, int]:
    """The most messages waiting or being worked on in some samples, and when there was none for the last time."""
    backlog = samples[:, 1] + samples[:, 2]
    waits = np.flatnonzero(backlog)
    drained_us = int(samples[min(waits[-1] + 1, len(samples) - 1), 0]) if len(waits) else 0
    return int(backlog.max(initial=0)), drained_us


def _by_operation(
    times_us: Ints, kept: npt.NDArray[np.bool_], query: npt.NDArray[np.bool_]
) -> tuple[Distribution, Distribution]:
    return distribution(times_us[kept & ~query]), distribution(times_us[kept & query])


def figures_from(system: System, counted: Counted, sizes: Sizes | None = None) -> Figures:
    """The figures of a run that was counted while it was simulated. Arguments as for `figures_of`."""
    outcomes = counted.outcomes.copy()
    limited = counted.bound[list(BY_CONCURRENCY), 0].any()
    outcomes[:, THROTTLED if limited else FAILED] += counted.limited
    backlog, drained_us = backlog_of(counted.samples)
    bound = np.flatnonzero(counted.bound[:, 0])

    def both(bins: Ints, sums_us: Ints, greatest_us: Ints) -> tuple[Distribution, Distribution]:
        one, other = (Distribution(bins[of], int(sums_us[of]), int(greatest_us[of])) for of in range(2))
        return one, other

    invocations, cold, busy_us, concurrency = counted.functions.T
    return Figures(
        outcomes=outcomes,
        statuses=counted.statuses,
        response=both(counted.response_bins, counted.response_us, counted.response_max_us),
        completion=both(counted.completion_bins, counted.completion_us, counted.completion_max_us),
        attempts=counted.attempts,
        fetches=int(counted.fetches.sum()),
        committed=counted.committed,
        commits=int(counted.commits.sum()),
        dead=counted.dead,
        messages=counted.accepted * (system.consumer != NEVER),
        deliveries=counted.deliveries,
        invocations=invocations,
        cold=cold,
        busy_us=busy_us,
        concurrency=concurrency,
        backlog=backlog,
        drained_us=drained_us,
        bound={LIMITS[number]: int(counted.bound[number, 0]) for number in bound},
        bound_first_us={LIMITS[number]: int(counted.bound[number, 1]) for number in bound},
        samples=counted.samples,
        init_us=counted.init_us,
        work_us=int(counted.work_us.sum()),
        command_work_us=int(counted.work_us[0]),
        sizes=sizes or Sizes(),
        consumer=system.consumer,
        queueing=_queueing(system),
        waited_for=_waited_for(system),
        result=system.result,
        duration_us=counted.duration_us,
        settled_us=counted.settled_us,
    )


def simulate_figures(system: System, load: Load, sizes: Sizes | None = None) -> Figures:
    """Simulate a system under a load, and count.

    Args:
        system: What gets the load (`resources.simulation.building.build_system`).
        load: Requests in the order in which they are due.
        sizes: How large requests are in what AWS bills; None: one unit each.
    """
    from resources.simulation import direct, kernel  # noqa: PLC0415 - numba takes a second; the oracle's figures need none

    if direct.takes(system) and not load.queued.any():
        counted = direct.stream(system, parts(load, PART), load.seeded)
        if counted is not None:
            return figures_from(system, counted, sizes)
    if kernel.can_stream(system, load):
        return figures_from(system, kernel.stream(system, parts(load, PART), load.seeded), sizes)
    return figures_of(system, load, kernel.simulate(system, load), sizes)


def parts(load: Load, count: int) -> Iterator[Load]:
    """A load in parts of so many requests."""
    for first in range(0, len(load.due_us), count):
        columns = {name: getattr(load, name)[first : first + count] for name in Load._fields if name != "seeded"}
        yield load._replace(**columns)
