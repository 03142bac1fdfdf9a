"""The fast engine: what `resources.simulation.oracle` does, compiled, and equal to it to the microsecond.

Put here running the compiled steps over a system and a load, and reading what came of it. Keep out the steps
(`resources.simulation.steps`). This and what it imports are the only modules that import numba, which takes a second:
import it where something is simulated.

Compiled code is kept on disk, beside this file or in NUMBA_CACHE_DIR. It stops when one of its buffers is nearly full,
and goes on with a larger or an emptied one: what it needs follows from what is under way, not from how much there was.
"""
# ruff: noqa: F403, F405 - the names of columns, which a list here would say again

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from resources.simulation import direct
from resources.simulation.draws import SIZE, first_third
from resources.simulation.steps import advance_world, prepare_world
from resources.simulation.system import DISTRIBUTIONS, LIMITS, NEVER, TIMED_OUT, Counted, Load, Result, System, sends
from resources.simulation.world import *

_WINDOW = 32_768  # requests that have rows at once, unless more are under way: what fits into a core's cache is quicker
_NO_COPIES = 1 << 47  # in place of the number of requests, where messages have the numbers of these


def is_compiled() -> bool:
    """Whether this machine has the compiled code; where it has not, the first simulation takes half a minute longer."""
    names = ("kernel.advance", "direct._decide")  # what is compiled last in each
    return FOLDER is not None and all(any(FOLDER.rglob(f"{name}-*.nbi")) for name in names)


def make_ready(say: Callable[[str], None]) -> None:
    """Compile what this machine has not compiled yet, so that no simulation that is timed has to; ``say`` is told."""
    if not is_compiled():
        say("compiling the simulation, once on this machine: about half a minute")
    none = np.zeros(0, np.int64)
    tables = {"draws": np.zeros((DISTRIBUTIONS, SIZE), np.int64), "fault_draws": np.zeros((0, SIZE), np.int64)}
    kinds = System.__annotations__.items()
    empty = System(**{name: 1 if kind is int else none for name, kind in kinds} | tables)  # type: ignore[arg-type]
    simulate(empty, Load(*[none] * len(Load._fields)))
    _first_held(np.zeros((0, COLUMNS["requests"]), np.int64))
    direct.compile_all()


@entry
def prepare(where):  # type: ignore[no-untyped-def]
    """Set up the world before the first event."""
    prepare_world(world_at(where.ctypes.data))


@entry
def advance(where):  # type: ignore[no-untyped-def]
    """Let things happen until all has happened, or a buffer is nearly full; returns which."""
    return advance_world(world_at(where.ctypes.data))


@entry
def _fill(requests, messages, *load):  # type: ignore[no-untyped-def]
    """Set up the rows of requests and messages in one pass: one for each column would take longer than what follows."""
    due_us, query, queued, function, order, payload_bytes, work_us, poison, delivery, delay_us = load
    for i in range(len(requests)):
        row = requests[i]
        row[L_DUE_US], row[L_QUERY], row[L_QUEUED], row[L_FUNCTION] = due_us[i], query[i], queued[i], function[i]
        row[L_ORDER], row[L_PAYLOAD_BYTES], row[L_WORK_US] = order[i], payload_bytes[i], work_us[i]
        row[L_POISON], row[L_DELIVERY], row[L_DELAY_US] = poison[i], delivery[i], delay_us[i]
        for column in range(R_STATUS, R_HOLDERS):  # a slice would be checked for its shape each time
            row[column] = 0
        row[R_STATUS] = TIMED_OUT
        row[R_SENT] = row[R_RESPONDED] = row[R_FETCHES] = row[R_FETCHED] = row[R_STAMPS] = row[R_FOUND] = NEVER
        row[R_FURTHER_STAMPS] = row[R_LAST_STAMPS] = NEVER
        row[R_HOLDERS] = 1  # that it is due
    for message in range(len(messages)):
        for column in range(M_RESULT_FOUND + 1):
            messages[message, column] = 0
        messages[message, M_STORED] = messages[message, M_FOLLOWING] = NEVER


@entry
def _first_held(requests):  # type: ignore[no-untyped-def]
    """The number of the first row to whose request something may still happen."""
    for i in range(len(requests)):
        if requests[i, R_HOLDERS]:
            return i
    return len(requests)


@entry
def _columns(rows):  # type: ignore[no-untyped-def]
    """The columns of a table, one after another, in one pass."""
    columns = np.empty((rows.shape[1], rows.shape[0]), np.int64)
    for i in range(rows.shape[0]):
        for column in range(rows.shape[1]):
            columns[column, i] = rows[i, column]
    return columns


def _columns_of(load: Load, world: World) -> list[Array]:
    """What `_fill` takes, always of one type: two processes that compile it for two at once would mix these up.

    Raises:
        ValueError: The load asks for what the world has not; compiled code would not notice.
    """
    for name, numbers, count in (
        ("order", load.order, len(world.exists)),
        ("function", load.function, len(world.functions)),
    ):
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < count):
            raise ValueError(f"{name} must be numbers from 0 to {count - 1}")
    if world.c[C_CONSUMER] == NEVER and load.queued.any():
        raise ValueError("requests are queued, and no function takes them from the queue")
    return [np.require(column, np.int64, ["C", "W"]) for column in load[:-1]]  # all but `seeded`


def _new_world(system: System, seeded: Array, requests: int, messages: int) -> World:
    functions, faults = len(system.reserved), len(system.fault_kind)
    reserved = int(np.maximum(system.reserved, 0).sum())
    most_idle = max(system.account_concurrency, reserved) + int(system.warm.sum()) + 1
    capacities = (
        (max(system.max_capacity, system.write_capacity), system.partition_writes),
        (max(system.max_capacity, system.read_capacity), system.partition_reads),
    )
    most_partitions = max(-(-capacity // each) for capacity, each in capacities)
    constants = [getattr(system, name) for name in System._fields if np.ndim(getattr(system, name)) == 0]
    slots = 4 * (system.max_pollers + 64)
    rows = {
        "requests": requests,
        "messages": messages,
        "functions": functions,
        "faults": faults,
        "heap": system.max_pollers + system.batch_size + 4096,
        "idle": functions * most_idle,
        "slots": slots,
        "buckets": 3 + functions + faults + 2 * (most_partitions + 1),
        "units": 3,
        "groups": len(seeded) if system.ordered else 0,
        "bound": len(LIMITS),
        "records": 65_536 + system.batch_size,
        "rows": 65_536,
        "samples": 4096,
        "totals": 2,
        "responses": 2,
        "completions": 2,
    }
    streams = np.array([first_third(system.seed, stream) for stream in range(DISTRIBUTIONS)], np.uint64)
    world = World(
        n=np.zeros(LOW + 1, np.int64),
        c=np.array(constants, np.int64),
        draws=system.draws,
        fault_draws=system.fault_draws,
        exists=seeded.astype(np.int64),
        queue=np.zeros(4096, np.int64),  # a power of two
        streams=streams.view(np.int64),
        statuses=np.zeros(STATUSES, np.int64),
        **{name: np.zeros((count, COLUMNS[name]), np.int64) for name, count in rows.items()},
    )
    numbers = world.n
    numbers[FREE_SLOTS] = slots
    numbers[FAULT_BUCKETS] = 1 + functions
    numbers[TABLE_BUCKETS] = 1 + functions + faults
    numbers[PARTITION_BUCKETS] = 3 + functions + faults
    world.functions[:, N_IDLE_FIRST] = np.arange(functions) * most_idle
    of_functions = (system.reserved, system.timeout_us, system.warm, system.calls, system.effect, system.work_parts)
    for column, values in enumerate(of_functions):
        world.functions[:, column] = values
    for column, name in enumerate(
        name for name in System._fields if name.startswith("fault_") and name != "fault_draws"
    ):
        world.faults[:, column] = getattr(system, name)
    world.slots[:, S_FREE] = np.arange(slots)[::-1]
    world.groups[:, [G_FIRST, G_LAST]] = NEVER
    world.bound[:, 1] = NEVER
    world.totals[:, [T_RESPONSE_MAX_US, T_COMPLETION_MAX_US]] = NEVER
    return world


def _larger(array: Array) -> Array:
    return np.concatenate([array, np.zeros_like(array)])


class _Run:
    """A world, and what is written down of it in the buffers that were full."""

    def __init__(self, world: World, *, keeps: bool = False) -> None:
        """``keeps``: the rows that are dropped are kept for `dropped`."""
        self.world = world
        self.first = 0  # the number of the request that the first row is of
        self._written: dict[str, list[Array]] = {"records": [], "rows": [], "samples": []}
        self._keeps = keeps
        self._gone: list[tuple[Array, Array]] = []

    def until(self, stops: int) -> None:
        """Let things happen until the engine says so."""
        while (why := advance(addresses(self.world, self.first))) != stops:
            if why == HEAP_FULL:
                self.world = self.world._replace(heap=_larger(self.world.heap))
            elif why == SLOTS_FULL:
                self._add_slots()
            elif why == QUEUE_FULL:
                head, queue = int(self.world.n[HEAD]), self.world.queue
                self.world = self.world._replace(queue=_larger(np.roll(queue, -head)))
                self.world.n[HEAD] = 0
            else:
                self._drain({RECORDS_FULL: "records", ROWS_FULL: "rows", SAMPLES_FULL: "samples"}[why])

    def start(self) -> None:
        """Set up what is there before the first event."""
        prepare(addresses(self.world))

    def written(self, name: str) -> Array:
        """All rows of one of the buffers, since this was last called."""
        self._drain(name)
        found, self._written[name] = self._written[name], []
        return np.concatenate(found)

    def dropped(self) -> list[tuple[Array, Array]]:
        """The rows of requests and of messages that were dropped since this was last called."""
        found, self._gone = self._gone, []
        return found

    def load(self, chunk: Load) -> None:
        """Add requests."""
        loaded, count = int(self.world.n[LOADED]), len(chunk.due_us)
        self._make_room(loaded - self.first, count)
        world, at = self.world, loaded - self.first
        _fill(world.requests[at : at + count], world.messages[at : at + count], *_columns_of(chunk, world))
        world.n[LOADED], world.n[LOW] = loaded + count, self.first

    def _make_room(self, used: int, count: int) -> None:
        """Drop the rows at the beginning to which nothing can happen any more, where these are as many as the others;
        where so many more have no room then, get more. So no row is moved often, and few rows stay in use.
        """
        world, gone = self.world, int(_first_held(self.world.requests[:used]))
        kept, room = used - gone, len(world.requests)
        if gone < kept and used + count <= room:
            return
        while room < kept + max(count, kept if gone < kept else 0):
            room *= 2
        if self._keeps:
            messages = 0 if world.c[C_CONSUMER] == NEVER else gone
            self._gone.append((world.requests[:gone].copy(), world.messages[:messages].copy()))
        for name in ("requests", "messages"):
            before = getattr(world, name)
            if name == "messages" and world.c[C_CONSUMER] == NEVER:  # nothing is queued
                continue
            after = before if room == len(before) else np.zeros((room, before.shape[1]), np.int64)
            after[:kept] = before[gone:used]
            world = world._replace(**{name: after})
        self.world, self.first = world, self.first + gone

    def _drain(self, name: str) -> None:
        at = {"records": RECORDS, "rows": ROWS, "samples": SAMPLES}[name]
        self._written[name].append(getattr(self.world, name)[: self.world.n[at]].copy())
        self.world.n[at] = 0

    def _add_slots(self) -> None:
        before, free = len(self.world.slots), int(self.world.n[FREE_SLOTS])
        self.world = self.world._replace(slots=_larger(self.world.slots))
        self.world.slots[free : free + before, S_FREE] = np.arange(before, 2 * before)[::-1]
        self.world.n[FREE_SLOTS] = free + before


def simulate(system: System, load: Load) -> Result:
    """Simulate a system under a load. The result is equal to `resources.simulation.oracle.simulate`'s."""
    count = len(load.due_us)
    used = load.queued.any()
    originals = count * sends(system)
    messages = originals * (2 if load.delivery.any() else 1) if used else 0
    run = _Run(_new_world(system, load.seeded, count, messages + 1))
    world = run.world
    world.n[ORIGINALS], world.n[COUNT], world.n[LOADED] = originals, count, count
    _fill(world.requests, world.messages, *_columns_of(load, world))
    run.start()
    run.until(FINISHED)
    return _result(run, run.world.requests, run.world.messages[:-1] if used else None)


def _result(run: _Run, of_requests: Array, of_messages: Array | None) -> Result:
    """What happened to some requests, by their rows and those of their messages, where any were queued."""
    world, requests = run.world, _columns(of_requests)
    nothing, effects = np.zeros(len(of_requests), np.int64), int(world.c[C_EFFECTS])
    dead, receives = nothing, nothing
    if of_messages is not None:
        messages = _columns(of_messages)
        dead, receives = messages[M_DEAD], np.maximum(messages[M_RECEIVES], 0)
    return Result(
        sent_us=requests[R_SENT],
        responded_us=requests[R_RESPONDED],
        status=requests[R_STATUS],
        attempts=requests[R_ATTEMPTS],
        fetches=requests[R_FETCHES],
        fetched_us=requests[R_FETCHED],
        commits=requests[R_COMMITS],
        stamp_us=requests[R_STAMPS],
        further_commits=requests[R_FURTHER_COMMITS : R_FURTHER_COMMITS + effects - 1].T,
        further_stamp_us=requests[R_FURTHER_STAMPS : R_FURTHER_STAMPS + effects - 1].T,
        found=requests[R_FOUND],
        dead=dead,
        receives=receives,
        records=run.written("records"),
        invocations=run.written("rows"),
        samples=run.written("samples"),
        concurrency=world.functions[:, N_MOST].copy(),
        bound=world.bound[:, 0].copy(),
        bound_first_us=world.bound[:, 1].copy(),
        init_us=int(world.n[INIT_US]),
        settled_us=int(world.n[SETTLED]),
    )


def can_stream(system: System, load: Load) -> bool:
    """Whether `stream` and `simulated_parts` take it: a request has one message at most, which nothing copies."""
    return sends(system) == 1 and not load.delivery.any()


def _begun(system: System, seeded: Array, window: int, *, keeps: bool = False) -> _Run:
    """A run whose requests are yet to come."""
    run = _Run(_new_world(system, seeded, window, window if system.consumer != NEVER else 1), keeps=keeps)
    numbers = run.world.n
    numbers[ORIGINALS] = numbers[COUNT] = _NO_COPIES
    numbers[MORE] = 1
    return run


def _continued(run: _Run, system: System, part: Load, last_us: int) -> int:
    """Let a run go on with more requests, the last before which was due at ``last_us``; returns when their last is."""
    if not len(part.due_us):
        return last_us
    if not can_stream(system, part):
        raise ValueError("a request with several messages needs its rows: use simulate")
    if part.due_us[0] < last_us or (np.diff(part.due_us) < 0).any():
        raise ValueError("requests must be in the order in which they are due, from 0 on")
    run.load(part)
    run.until(NEEDS_MORE)
    return int(part.due_us[-1])


def simulated_parts(
    system: System, loads: Iterable[Load], seeded: Array, *, window: int = _WINDOW
) -> Iterator[tuple[int, Result]]:
    """Simulate a system, with memory for what is under way only: what happened comes in parts. Arguments as `stream`'s.

    Yields:
        The number of a part's first request, and what became of the part's requests, which nothing happens to any more.
        What its records, invocations and samples are of was over since the part before. ``concurrency``, ``bound``
        and the numbers are those of all parts until then.

    Raises:
        ValueError: As `stream`.
    """
    run = _begun(system, seeded, window, keeps=True)
    run.start()
    last_us = first = 0
    for part in loads:
        last_us = _continued(run, system, part, last_us)
        for requests, messages in run.dropped():
            yield first, _result(run, requests, messages if len(messages) else None)
            first += len(requests)
    run.world.n[MORE] = 0
    run.until(FINISHED)
    left = int(run.world.n[LOADED]) - run.first
    queued = system.consumer != NEVER
    yield first, _result(run, run.world.requests[:left], run.world.messages[:left] if queued else None)


def stream(system: System, loads: Iterable[Load], seeded: Array, *, window: int = _WINDOW) -> Counted:
    """Simulate a system and count, with memory for what is under way only.

    Args:
        system: What gets the load; `can_stream` it.
        loads: Its parts, in order. The field ``seeded`` of each is not looked at.
        seeded: As in `Load`, for all of them.
        window: How many requests have rows at once, unless more are under way.

    Returns:
        What `resources.simulation.figures.figures_of` counts in the rows of the same run.

    Raises:
        ValueError: Requests are out of order, or one has several messages.
    """
    run = _begun(system, seeded, window)
    run.world.n[CONDENSED] = 1
    run.start()
    last_us = 0
    for part in loads:
        last_us = _continued(run, system, part, last_us)
    run.world.n[MORE] = 0
    run.until(FINISHED)
    world, total = run.world, run.world.totals
    return Counted(
        outcomes=total[:, T_OUTCOMES:],
        limited=total[:, T_LIMITED],
        statuses={int(at) + FIRST_STATUS: int(world.statuses[at]) for at in np.flatnonzero(world.statuses)},
        response_bins=world.responses,
        response_us=total[:, T_RESPONSE_US],
        response_max_us=total[:, T_RESPONSE_MAX_US],
        completion_bins=world.completions,
        completion_us=total[:, T_COMPLETION_US],
        completion_max_us=total[:, T_COMPLETION_MAX_US],
        attempts=total[:, T_ATTEMPTS],
        fetches=total[:, T_FETCHES],
        committed=total[:, T_COMMITTED],
        commits=total[:, T_COMMITS],
        accepted=total[:, T_ACCEPTED],
        deliveries=total[:, T_DELIVERIES],
        work_us=total[:, T_WORK_US],
        functions=world.functions[:, [N_INVOCATIONS, N_COLD, N_BUSY_US, N_MOST]],
        bound=world.bound,
        samples=run.written("samples"),
        dead=int(world.n[DEAD]),
        init_us=int(world.n[INIT_US]),
        duration_us=last_us,
        settled_us=int(world.n[SETTLED]),
    )
