"""What is simulated: a system of an API, functions, a queue and a table, and the load that it gets.

Put here the system and the load as plain numbers and arrays, which every engine takes, and the codes in them. Keep out
how they follow from an architecture (`resources.simulation.building`) and what happens (`resources.simulation.oracle`,
which is the specification).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Streams of draws: what a draw is for.
GATEWAY, INVOKE, INIT, PLACEMENT, IDLE, WARM, SEND, DELIVERY, WRITE, READ = range(10)
PARTITION, BACK_OFF, DUPLICATE = range(10, 13)
FAULT_HIT, FAULT_TIME = 100, 200  # plus the fault's number
DISTRIBUTIONS = 10  # the first streams have a table each

# Kinds of faults, and what they hit.
DOWN, RESET, HANG, LATENCY, ERROR, TRUNCATE, THROTTLE, DISABLED = range(8)
AT_API, AT_TABLE, AT_QUEUE, AT_MAPPING, AT_FUNCTION = range(5)  # AT_FUNCTION plus the function's number
COMMANDS, QUERIES = 1, 2  # bits of the operations that a fault hits: at the table, writes and reads

# What became of a call, in place of a status.
TIMED_OUT, UNSENT = -1, -2  # as in `workloads.replay.client`
REFUSED, CUT_SHORT, RESET_BY = -3, -4, -5  # why its connection failed; `REFUSED` is the greatest
NEVER = -1  # in place of a moment

# Results in records, and outcomes of invocations.
COMMITTED, DUPLICATED, ANSWERED, FAILED = range(4)
SUCCEEDED, PARTLY_FAILED, ALL_FAILED, CUT_OFF = range(4)

# Limits that can bind, in `Result.bound` and `Result.bound_first_us`.
LIMITS = (
    "gateway.rate",
    "reserved concurrency",
    "lambda.account_concurrency",
    "lambda.scaling_rate",
    "table capacity",
    "table.partition",
    "mapping.pollers",
    "sqs.max_in_flight",
    "gateway.integration_timeout",
    "sqs.retention",
)
(
    BY_GATEWAY,
    BY_RESERVED,
    BY_ACCOUNT,
    BY_SCALING,
    BY_TABLE,
    BY_PARTITION,
    BY_POLLERS,
    BY_IN_FLIGHT,
    BY_INTEGRATION,
    BY_RETENTION,
) = range(len(LIMITS))

MOST_EFFECTS = 3  # of a command

# What may have refused a request that a function was called for.
BY_CONCURRENCY = (BY_RESERVED, BY_ACCOUNT, BY_SCALING)

# What became of a request, by its last answer, where it is counted and has no row.
OUTCOMES = ("answered", "accepted", "throttled", "failed", "timed_out")
WAS_ANSWERED, WAS_ACCEPTED, WAS_THROTTLED, HAS_FAILED, HAS_TIMED_OUT = range(len(OUTCOMES))
# Times are counted in bins of 1/256 of a power of two; below 256 us every microsecond has its own.
BIN_BITS = 8
BINS = (63 - BIN_BITS) << BIN_BITS


class Load(NamedTuple):
    """Requests in the order in which they are due, one item of each array for each.

    Attributes:
        due_us: When it is sent first, microseconds since the start.
        query: 1 for a query, 0 for a command.
        queued: 1 where the API passes it to the queue.
        function: The number of the function that the API passes it to, where it is not queued.
        order: The number of the order it is about.
        payload_bytes: The size of its body.
        work_us: How long a handler works on it before it calls the table, microseconds.
        poison: 1 where it can never be carried out.
        delivery: 1 where the queue delivers it twice, 2 where it does so late, else 0.
        delay_us: After how many microseconds it does so.
        seeded: One item for each order: 1 where it exists before the start.
    """

    due_us: Ints
    query: Ints
    queued: Ints
    function: Ints
    order: Ints
    payload_bytes: Ints
    work_us: Ints
    poison: Ints
    delivery: Ints
    delay_us: Ints
    seeded: Ints


class System(NamedTuple):
    """What gets the load. Times are microseconds; rates are thousandths per second, so that buckets hold whole numbers.

    The limits that are `NEVER` are off. Of functions, an item of each array for each; so for faults.
    """

    seed: int
    # The caller.
    deadline_us: int
    retries: int
    ask_after_us: int  # `NEVER`: answers to queued queries are not asked for
    # The API.
    gateway_rate: int
    gateway_burst: int
    integration_timeout_us: int
    max_payload_bytes: int
    throttled_status: int
    # The functions.
    account_concurrency: int
    scaling_rate: int
    scaling_burst: int
    reserved: Ints
    timeout_us: Ints
    warm: Ints
    consumer: int  # the number of the function that takes from the queue; `NEVER` where there is none
    result: int  # the one that hands out answers; `NEVER` likewise
    calls: Ints  # the number of the function that each calls for a command, and waits for; `NEVER` where it calls none
    effect: Ints  # which of a command's effects each brings about, from 0
    work_parts: Ints  # into how many parts the work of a request is divided, of which each does one
    effects: int  # of a command, at most `MOST_EFFECTS`: it is done once all of them are there
    # The queue and its mapping.
    visibility_us: int
    max_receives: int
    batch_size: int
    batch_window_us: int
    pollers: int
    poller_every_us: int  # `NEVER`: none is added
    max_pollers: int
    scale_in_us: int
    throttle_backoff_us: int
    max_in_flight: int
    retention_us: int
    duplicate_threshold: int
    ordered: int  # 1: a FIFO queue, in which an order's messages are a group
    # Lambda's own queue of asynchronous invocations, in place of a queue and its mapping: then `retry_us` is how long a
    # failed one waits, and twice as long each further time; `NEVER`: there is a queue. `max_receives` is how often it
    # is tried, `retention_us` how old it becomes; then it goes to its destination, which is the dead-letter queue.
    retry_us: int
    max_backoff_us: int  # of what is throttled, whose back-off doubles from `throttle_backoff_us` on
    # The table.
    table_timeout_us: int
    table_attempts: int
    table_backoff_us: int  # before the second attempt; then twice as long each time
    refused_us: int
    idempotent: int
    write_capacity: int  # units per second, as the next four
    read_capacity: int
    max_capacity: int
    partition_writes: int
    partition_reads: int
    table_burst_s: int
    growth_period_us: int
    # Draws: by stream, and of the faults that make answers late.
    draws: npt.NDArray[np.int64]
    fault_draws: npt.NDArray[np.int64]
    # Faults.
    fault_kind: Ints
    fault_at: Ints
    fault_start_us: Ints
    fault_end_us: Ints
    fault_threshold: Ints  # of the share of calls that it hits
    fault_operations: Ints
    fault_rate: Ints  # calls above it are hit; `NEVER`: all are. Of THROTTLE, the rate
    fault_burst: Ints
    fault_status: Ints
    fault_forwarded: Ints
    # What is looked at meanwhile.
    sample_every_us: int


class Result(NamedTuple):
    """What happened. Moments are microseconds since the start, `NEVER` where there is none.

    Attributes:
        sent_us: When each request was sent first.
        responded_us: When its last answer came.
        status: Its last status; `TIMED_OUT`, or why its connection failed, where there is none.
        attempts: How often it was sent.
        fetches: How often its answer was asked for; -1 where nobody waits for one.
        fetched_us: When that answer came.
        commits: How often it was written.
        stamp_us: When its first write began.
        further_commits: How often each further effect of a command was written, a column each.
        further_stamp_us: When the first write of each began.
        found: Whether a queued query found its order; -1 where that is not known.
        dead: 1 for each message in the dead-letter queue. Messages have their request's number, and the copies that the
            queue makes of them that number plus the number of requests.
        receives: How often each message was received.
        records: A row for each handling: invocation, request, result, moment, receives (-1: no message), found (-1: no
            query).
        invocations: A row each: number, function, start, duration, cold, batch size, outcome, environment.
        samples: A row for each moment: moment, messages visible, in flight, delayed, dead letters.
        concurrency: The most environments of each function that were at work at once, new ones included.
        bound: How often each of `LIMITS` refused or delayed something.
        bound_first_us: When it did so first.
        init_us: What the new environments took in all.
        settled_us: When nothing moved any more.
    """

    sent_us: Ints
    responded_us: Ints
    status: Ints
    attempts: Ints
    fetches: Ints
    fetched_us: Ints
    commits: Ints
    stamp_us: Ints
    further_commits: Ints
    further_stamp_us: Ints
    found: Ints
    dead: Ints
    receives: Ints
    records: npt.NDArray[np.int64]
    invocations: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    concurrency: Ints
    bound: Ints
    bound_first_us: Ints
    init_us: int
    settled_us: int


class Counted(NamedTuple):
    """What happened, without rows. What has two rows is of commands and of queries; moments are microseconds.

    Attributes:
        outcomes: How many requests had each of `OUTCOMES`.
        limited: How many besides these were refused if a function's limit was ever met, and failed if not.
        statuses: How many had each status as their last answer.
        response_bins: Times until requests were acknowledged, of those that were: how many are in each bin.
        response_us: All of them together.
        response_max_us: The greatest; `NEVER` where there is none.
        completion_bins: The same until what they asked for was done.
        completion_us: As above.
        completion_max_us: As above.
        attempts: How often they were sent.
        fetches: How often their answers were asked for.
        committed: Those acknowledged and done.
        commits: How often they were written.
        accepted: Those whose last answer was 202.
        deliveries: How often a function that handles them got them.
        work_us: What handlers worked on them.
        functions: By function: invocations, cold ones, microseconds they took, and the most at work at once.
        bound: For each of `LIMITS` how often it refused or delayed something, and when it did so first.
        samples: As in `Result`.
        dead: Messages in the dead-letter queue.
        init_us: What the new environments took in all.
        duration_us: When the last request was due.
        settled_us: When nothing moved any more.
    """

    outcomes: npt.NDArray[np.int64]
    limited: Ints
    statuses: dict[int, int]
    response_bins: npt.NDArray[np.int64]
    response_us: Ints
    response_max_us: Ints
    completion_bins: npt.NDArray[np.int64]
    completion_us: Ints
    completion_max_us: Ints
    attempts: Ints
    fetches: Ints
    committed: Ints
    commits: Ints
    accepted: Ints
    deliveries: Ints
    work_us: Ints
    functions: npt.NDArray[np.int64]
    bound: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    dead: int
    init_us: int
    duration_us: int
    settled_us: int


def sends(system: System) -> int:
    """How many messages a request may put into the queue: as many as its caller sends it, where answers get lost; one
    into a FIFO queue, which knows it by its deduplication id.
    """
    if system.ordered:
        return 1
    lost = bool(np.any((system.fault_at == AT_API) & (system.fault_kind == TRUNCATE)))
    return 1 + system.retries if lost else 1


def done_us(result: Result, query: Ints) -> Ints:
    """When the last effect of each request was written first; `NEVER` where one was not. A ``query`` has one."""
    further = np.where(query[:, None] == 1, result.stamp_us[:, None], result.further_stamp_us)
    stamps_us = np.column_stack([result.stamp_us, further])
    done: Ints = np.where((stamps_us == NEVER).any(axis=1), NEVER, stamps_us.max(axis=1))
    return done


def functions_of(result: Result) -> Ints:
    """The number of the function that each record is of."""
    function_of = np.zeros(int(result.invocations[:, 0].max(initial=-1)) + 1, np.int64)
    function_of[result.invocations[:, 0]] = result.invocations[:, 1]
    found: Ints = function_of[result.records[:, 0]]
    return found


def differences(one: Result, other: Result) -> list[str]:
    """The names of the fields in which two results differ, each with the first row at fault."""
    found = []
    for name in Result._fields:
        left, right = np.asarray(getattr(one, name)), np.asarray(getattr(other, name))
        if np.shape(left) != np.shape(right):
            found.append(f"{name}: {np.shape(left)} and {np.shape(right)}")
        elif not np.array_equal(left, right):
            found.append(f"{name}: {_first_difference(left, right)}")
    return found


def _first_difference(left: Any, right: Any) -> str:
    if not np.ndim(left):
        return f"{left} and {right}"
    at = int(np.argwhere(left != right)[0][0])
    return f"row {at}: {left[at].tolist()} and {right[at].tolist()}"
