"""The quick engine: functions that are called directly, where nothing is queued, broken or short of the table's units.

Put here such systems, a stage at a time. Keep out all others, which `resources.simulation.kernel` takes from event to
event, and what is counted (`resources.simulation.system.Counted`).

Requests pass the API in the order in which they are due, and reach the functions in an order that sorting finds; when
one that gets an idle environment is done follows from its draws. So all that is left to do one after another is who
has which environment. The figures are equal to those of `kernel.stream`. Where anything happens that is not done here,
such as a timeout, there are none, and that one has to be asked.
"""
# ruff: noqa: PLR0912, PLR0915, PLR0917 - numba takes no keywords, and a call for each request would take longer

from collections.abc import Iterable

import numpy as np

from resources.simulation.draws import GOLDEN, MIX_1, MIX_2, SIZE, first_third
from resources.simulation.oracle import READ_UNIT, SECOND_US, TOKEN, WRITE_UNIT
from resources.simulation.system import (
    BIN_BITS,
    BINS,
    BY_ACCOUNT,
    BY_GATEWAY,
    BY_RESERVED,
    BY_SCALING,
    GATEWAY,
    HAS_FAILED,
    IDLE,
    INIT,
    INVOKE,
    LIMITS,
    NEVER,
    OUTCOMES,
    PARTITION,
    PLACEMENT,
    READ,
    WARM,
    WAS_ANSWERED,
    WAS_THROTTLED,
    WRITE,
    Counted,
    Load,
    System,
)
from resources.simulation.world import FIRST_STATUS, STATUSES, Array, bit_length, compiled, entry

_INDEX_BITS = 20  # of a number that sorts by a time, for which 43 bits are left
_MASK = (1 << _INDEX_BITS) - 1
_LATEST = 1 << 42
_FAR = 1 << 62
_WINDOW_US, _WINDOWS = SECOND_US // 8, 2048  # in which the table's units are counted, and of how many at once
_MOST_PARTITIONS = 64
# Columns of a request between two stages, as many as fill a line of a core's cache. Its flags are, from the lowest bit
# on, whether it is a query, its function, and its units at the table; its number is that of its invocation where that
# says when it gets to the table among all of the same microsecond.
DUE, INVOKED, WORK, TAKES, STARTED, ORDER, NUMBER, FLAGS, _ROW = range(9)
_FUNCTION_BITS = 15
_FUNCTIONS = (1 << _FUNCTION_BITS) - 1
# Columns of an invocation that runs: when it is done, in quarters of a microsecond, and whether that is among those
# that are sorted (1), was found later (2), or is over (0).
H_DONE, H_FUNCTION, H_ENVIRONMENT, H_NUMBER, H_STATE, _HELD = range(6)
# Columns of a function.
F_RESERVED, F_TIMEOUT, F_RUNNING, F_IDLE, F_MOST, F_COUNT, F_COLD, F_BUSY, F_TOKENS, F_FILLED, _FUNCTION = range(11)
# Numbers of the state.
(
    TOKENS,
    FILLED,
    RUNNING,
    UNRESERVED,
    INVOCATIONS,
    ENVIRONMENTS,
    INIT_US,
    SETTLED,
    REFUSED,
    UNDECIDED,
    PEAK,  # of writes, then of reads
    _,
    _NUMBERS,
) = range(13)
# What is counted of commands, and of queries.
T_LIMITED, T_DONE, T_WORK, T_RESPONSE, T_RESPONSE_MAX, T_COMPLETION, T_COMPLETION_MAX, T_OUTCOMES = range(8)


@compiled
def _mixed(state):  # type: ignore[no-untyped-def]
    state = state + np.uint64(GOLDEN)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(MIX_1)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(MIX_2)
    return state ^ (state >> np.uint64(31))


@compiled
def _hash(first, index, attempt):  # type: ignore[no-untyped-def]
    """As `draws.hashed`, by a stream's first third."""
    state = _mixed(np.uint64(first) + np.uint64(index) * np.uint64(GOLDEN))
    return _mixed(state + np.uint64(attempt) * np.uint64(GOLDEN))


@compiled
def _draw(table, first, index, attempt):  # type: ignore[no-untyped-def]
    return np.int64(table[np.int64(_hash(first, index, attempt) >> np.uint64(48))])


@entry
def _draw_each(table, first, since, out):  # type: ignore[no-untyped-def]
    """A draw for each request, a loop that becomes vectors."""
    for k in range(len(out)):
        out[k] = table[np.int64(_hash(first, since + k, 1) >> np.uint64(48))]


@entry
def _draw_table(tables, firsts, query, since, out):  # type: ignore[no-untyped-def]
    """The same for what the table takes, of commands and of queries."""
    for k in range(len(out)):
        out[k] = tables[query[k], np.int64(_hash(firsts[query[k]], since + k, 1) >> np.uint64(48))]


@compiled
def _bin(us):  # type: ignore[no-untyped-def]
    power = max(0, bit_length(us) - BIN_BITS - 1)
    return (power << BIN_BITS) + (us >> power)


@compiled
def _refilled(tokens, rate, size, elapsed):  # type: ignore[no-untyped-def]
    """As `oracle.Bucket.holds` does it, without a division where a product has room."""
    if elapsed >> 31 or rate >> 31:
        return size if rate > 0 and elapsed > (size - tokens) // rate else tokens + elapsed * rate
    return min(size, tokens + elapsed * rate)


@compiled
def _met(bound, limit, now):  # type: ignore[no-untyped-def]
    if bound[limit, 0] == 0:
        bound[limit, 1] = now
    bound[limit, 0] += 1


@compiled
def _refuse(n, now, status, query, throttled_status, statuses, totals):  # type: ignore[no-untyped-def]
    """Count a request that no function took; as `steps._settle`."""
    n[REFUSED] += 1
    n[SETTLED] = max(n[SETTLED], now)
    statuses[status - FIRST_STATUS] += 1
    if status == 429:
        totals[query, T_OUTCOMES + WAS_THROTTLED] += 1
    elif status == throttled_status:
        totals[query, T_LIMITED] += 1
    else:
        totals[query, T_OUTCOMES + HAS_FAILED] += 1


@entry
def _arrive(n, rows, at, since, calls, takes, limits, bound, statuses, totals):  # type: ignore[no-untyped-def]
    """The API lets requests through, whose rows are written from the row ``at`` on. Returns where these end."""
    due, query, function, order, payload, work, gateway_us, invoke_us, takes_us = calls[:6] + takes
    rate, burst, most_bytes, throttled_status = limits
    size = burst * TOKEN
    for k in range(len(due)):
        now, then = due[k], due[k] + gateway_us[k]
        n[TOKENS] = _refilled(n[TOKENS], rate, size, now - n[FILLED])
        n[FILLED] = now
        if n[TOKENS] < TOKEN:
            _met(bound, BY_GATEWAY, now)
            _refuse(n, then, 429, query[k], throttled_status, statuses, totals)
            continue
        n[TOKENS] -= TOKEN
        if payload[k] > most_bytes:
            _refuse(n, then, 413, query[k], throttled_status, statuses, totals)
            continue
        row = rows[at]
        at += 1
        row[DUE], row[INVOKED], row[WORK], row[TAKES] = now, then + invoke_us[k], work[k], takes_us[k]
        row[ORDER], row[NUMBER] = order[k], since + k
        unit = READ_UNIT if query[k] else WRITE_UNIT
        units = 1 if payload[k] <= unit else -(-payload[k] // unit)
        row[FLAGS] = query[k] | function[k] << 1 | units << (_FUNCTION_BITS + 1)
    return at


@entry
def _by_invoked(rows, count, keys):  # type: ignore[no-untyped-def]
    """What sorts rows by when they reach the functions. Returns whether everything has room in it."""
    latest = np.int64(0)
    base = rows[0, DUE]
    for k in range(count):
        then = rows[k, INVOKED] - base
        latest = max(latest, then)
        keys[k] = (then << _INDEX_BITS) | k
    return latest < _LATEST


@compiled
def _quarter(row, is_cold):  # type: ignore[no-untyped-def]
    """When in its microsecond an invocation calls the table: with those that reach the functions in it (0), after
    these where it waited for an environment (1) or worked (2), and last where the request was due in it as well (3).
    """
    if row[WORK] > 0:
        return 2
    return 1 if is_cold else 3 if row[INVOKED] == row[DUE] else 0


@entry
def _by_done(rows, order, held, running, keys):  # type: ignore[no-untyped-def]
    """What sorts invocations by when they are done: those that run, then those that begin, in the order of the latter.

    What happens within one microsecond is put in the engines' order by the quarter it is given (`_quarter`).
    """
    latest = np.int64(0)
    base = rows[0, DUE]
    for k in range(running):
        then = held[k, H_DONE] - 4 * base
        latest = max(latest, then)
        keys[k] = (then << _INDEX_BITS) | k
    for k in range(len(order)):
        row = rows[order[k] & _MASK]
        then = 4 * (row[INVOKED] + row[WORK] + row[TAKES] - base)
        if row[TAKES] == 0:
            then += _quarter(row, False)
        latest = max(latest, then)
        keys[running + k] = (then << _INDEX_BITS) | (running + k)
    return latest < _LATEST


@compiled
def _is_first(heap, one, other):  # type: ignore[no-untyped-def]
    return heap[one, 0] < heap[other, 0] or (heap[one, 0] == heap[other, 0] and heap[one, 1] < heap[other, 1])


@compiled
def _push(heap, size, done, number):  # type: ignore[no-untyped-def]
    heap[size, 0], heap[size, 1] = done, number
    while size > 0:
        parent = (size - 1) >> 1
        if _is_first(heap, parent, size):
            break
        for column in range(2):
            heap[size, column], heap[parent, column] = heap[parent, column], heap[size, column]
        size = parent


@compiled
def _pop(heap, size):  # type: ignore[no-untyped-def]
    """Remove the first of so many; the last one takes its place."""
    size -= 1
    heap[0, 0], heap[0, 1] = heap[size, 0], heap[size, 1]
    at = 0
    while True:
        child = 2 * at + 1
        if child + 1 < size and _is_first(heap, child + 1, child):
            child += 1
        if child >= size or _is_first(heap, at, child):
            break
        for column in range(2):
            heap[at, column], heap[child, column] = heap[child, column], heap[at, column]
        at = child


@entry
def _take_turns(  # type: ignore[no-untyped-def]
    n, rows, order, done, held, running, functions, idle, heap, draws, idle_draws, shortest_idle, firsts, scaling, bound
):
    """The functions: who gets which environment. Returns how many invocations run on."""
    base, most_idle = rows[0, DUE], len(idle) // len(functions)
    rate, size = scaling[0], scaling[1] * TOKEN
    q, late, total = 0, 0, running + len(order)
    unreserved, invocations = n[RUNNING], n[INVOCATIONS]
    for p in range(len(order)):
        row = rows[order[p] & _MASK]
        now = row[INVOKED]
        until = 4 * now + (3 if now == row[DUE] else 0)
        while True:  # what is done by now
            while q < total and held[done[q] & _MASK, H_STATE] != 1 and (done[q] & _MASK) < running + p:
                q += 1
            key, index = _FAR, _FAR
            if q < total:
                key, index = (done[q] >> _INDEX_BITS) + 4 * base, done[q] & _MASK
            if late and (heap[0, 0] < key or (heap[0, 0] == key and heap[0, 1] < index)):
                if heap[0, 0] > until:
                    break
                key, index = heap[0, 0], heap[0, 1]
                _pop(heap, late)
                late -= 1
            elif key > until or index >= running + p:
                break
            else:
                q += 1
            one = held[index]
            one[H_STATE] = 0
            of_function = functions[one[H_FUNCTION]]
            of_function[F_RUNNING] -= 1
            unreserved -= of_function[F_RESERVED] < 0
            free = idle[one[H_FUNCTION] * most_idle + of_function[F_IDLE]]
            free[0], free[1], free[2] = one[H_ENVIRONMENT], key >> 2, one[H_NUMBER]
            of_function[F_IDLE] += 1
        function = (row[FLAGS] >> 1) & _FUNCTIONS
        of_function = functions[function]
        one = held[running + p]
        one[H_STATE] = 0
        row[STARTED] = NEVER
        if of_function[F_RESERVED] >= 0:
            if of_function[F_RUNNING] >= of_function[F_RESERVED]:
                _met(bound, BY_RESERVED, now)
                continue
        elif unreserved >= n[UNRESERVED]:
            _met(bound, BY_ACCOUNT, now)
            continue
        left = of_function[F_IDLE]
        while left > 0:
            last = idle[function * most_idle + left - 1]
            if now - last[1] < shortest_idle:
                break
            stream, attempt = (IDLE, last[2]) if last[2] != NEVER else (WARM, last[0] + 1)
            if last[1] + _draw(idle_draws, firsts[stream], last[0], attempt) > now:
                break
            left -= 1
        starts, state = now, 1
        if left > 0:
            left -= 1
            environment = idle[function * most_idle + left, 0]
        else:
            tokens = _refilled(of_function[F_TOKENS], rate, size, now - of_function[F_FILLED])
            of_function[F_TOKENS], of_function[F_FILLED] = tokens, now
            if tokens < TOKEN:
                of_function[F_IDLE] = 0
                _met(bound, BY_SCALING, now)
                continue
            of_function[F_TOKENS] -= TOKEN
            environment = n[ENVIRONMENTS]
            n[ENVIRONMENTS] += 1
            init_us = _draw(draws[INIT], firsts[INIT], environment, 0)
            n[INIT_US] += init_us
            starts += init_us + _draw(draws[PLACEMENT], firsts[PLACEMENT], environment, 0)
            of_function[F_COLD] += 1
            state = 2 if starts > now else 1
        of_function[F_IDLE] = left
        key = 4 * (starts + row[WORK] + row[TAKES])
        if row[TAKES] == 0:
            key += _quarter(row, state == 2)
        if state == 2:
            _push(heap, late, key, running + p)
            late += 1
        row[STARTED] = starts
        if state == 2 or row[WORK] > 0:
            row[NUMBER] = invocations
        one[H_DONE], one[H_FUNCTION], one[H_ENVIRONMENT], one[H_NUMBER] = key, function, environment, invocations
        one[H_STATE] = state
        invocations += 1
        of_function[F_RUNNING] += 1
        unreserved += of_function[F_RESERVED] < 0
        of_function[F_MOST] = max(of_function[F_MOST], of_function[F_RUNNING])
        of_function[F_COUNT] += 1
        of_function[F_BUSY] += row[WORK] + row[TAKES]
    n[RUNNING], n[INVOCATIONS] = unreserved, invocations
    on = 0
    for index in range(total):
        if held[index, H_STATE]:
            for column in range(H_STATE):
                held[on, column] = held[index, column]
            held[on, H_STATE] = 1
            on += 1
    return on


@entry
def _count(  # type: ignore[no-untyped-def]
    n,
    rows,
    order,
    functions,
    waits,
    throttled_status,
    partitioning,
    windows,
    statuses,
    totals,
    responses,
    completions,
    exists,
    undecided,
):
    """What came of requests. Returns whether all of that is what is counted here."""
    integration_us, deadline_us, table_us = waits
    first, partitions = partitioning
    starts, used, of_seconds, most = windows
    for p in range(len(order)):
        row = rows[order[p] & _MASK]
        query, invoked, units = row[FLAGS] & 1, row[INVOKED], row[FLAGS] >> (_FUNCTION_BITS + 1)
        total = totals[query]
        if row[STARTED] == NEVER:
            _refuse(n, invoked, throttled_status, query, throttled_status, statuses, totals)
            continue
        issued = row[STARTED] + row[WORK]
        done = issued + row[TAKES]
        if (
            row[TAKES] > table_us
            or done - row[STARTED] > functions[(row[FLAGS] >> 1) & _FUNCTIONS, F_TIMEOUT]
            or done - invoked > integration_us
            or done - row[DUE] > deadline_us
        ):
            return False
        n[SETTLED] = max(n[SETTLED], done)
        # The table has units for as long as no window takes more than its share of them.
        window = issued // _WINDOW_US
        slot = window % _WINDOWS
        if starts[slot] != window:
            if starts[slot] > window:
                return False
            starts[slot] = window
            used[slot] = 0
            if slot % 8 == 0 or of_seconds[slot // 8, 2] != window // 8:
                of_seconds[slot // 8, 2] = window // 8
                of_seconds[slot // 8, 0] = of_seconds[slot // 8, 1] = 0
        place = 0
        if partitions > 1:
            place = np.int64(_hash(first, row[ORDER], 0) >> np.uint64(32)) % partitions
        used[slot, query, 0] += units
        used[slot, query, 1 + place] += units
        if used[slot, query, 0] > most[query, 0] or used[slot, query, 1 + place] > most[query, 1]:
            return False
        of_seconds[slot // 8, query] += units
        n[PEAK + query] = max(n[PEAK + query], of_seconds[slot // 8, query])
        total[T_DONE] += 1
        total[T_WORK] += row[WORK]
        total[T_OUTCOMES + WAS_ANSWERED] += 1
        took_us = done - row[DUE]
        responses[query, _bin(took_us)] += 1
        total[T_RESPONSE] += took_us
        total[T_RESPONSE_MAX] = max(total[T_RESPONSE_MAX], took_us)
        if not query:
            took_us = issued - row[DUE]
        completions[query, _bin(took_us)] += 1
        total[T_COMPLETION] += took_us
        total[T_COMPLETION_MAX] = max(total[T_COMPLETION_MAX], took_us)
        # Whether a query finds its order depends on which of them came to the table first.
        if not len(exists):
            statuses[(200 if query else 201) - FIRST_STATUS] += 1
            continue
        number = row[NUMBER]
        key = 4 * issued + _quarter(row, row[STARTED] > invoked)
        known = exists[row[ORDER]]
        if not query:
            statuses[201 - FIRST_STATUS] += 1
            if key < known[0] or (key == known[0] and number < known[1]):
                known[0], known[1] = key, number
        elif known[0] == NEVER:
            statuses[200 - FIRST_STATUS] += 1
        else:
            asked = undecided[n[UNDECIDED]]
            asked[0], asked[1], asked[2] = row[ORDER], key, number
            n[UNDECIDED] += 1
    return True


@entry
def _decide(n, horizon, exists, undecided, statuses):  # type: ignore[no-untyped-def]
    """Which queries found their orders, of those that asked before the horizon."""
    left = 0
    for at in range(n[UNDECIDED]):
        asked = undecided[at]
        if asked[1] >= horizon:
            for column in range(3):
                undecided[left, column] = asked[column]
            left += 1
            continue
        known = exists[asked[0]]
        found = known[0] < asked[1] or (known[0] == asked[1] and known[1] < asked[2])
        statuses[(200 if found else 404) - FIRST_STATUS] += 1
    n[UNDECIDED] = left


class _Run:
    """The state between two parts of a load."""

    def __init__(self, system: System, seeded: Array) -> None:
        functions, most = len(system.reserved), int(np.maximum(system.reserved, 0).sum())
        self.system = system
        self.n = np.zeros(_NUMBERS, np.int64)
        self.n[UNRESERVED] = max(0, system.account_concurrency - most)
        self.n[TOKENS] = system.gateway_burst * TOKEN
        self.firsts = np.array([first_third(system.seed, stream) for stream in range(PARTITION + 1)], np.uint64)
        self.draws = system.draws.astype(np.int32)
        self.table = self.draws[[WRITE, READ]], self.firsts[[WRITE, READ]]
        self.idle_draws = np.require(system.draws[IDLE], np.int64, ["C", "W"])
        self.functions = np.zeros((functions, _FUNCTION), np.int64)
        self.functions[:, F_RESERVED], self.functions[:, F_TIMEOUT] = system.reserved, system.timeout_us
        self.functions[:, F_TOKENS] = system.scaling_burst * TOKEN
        most_idle = max(system.account_concurrency, most) + int(system.warm.sum()) + 1
        self.idle = np.zeros((functions * most_idle, 3), np.int64)
        for function, warm in enumerate(system.warm):
            at, number = function * most_idle, int(self.n[ENVIRONMENTS])
            self.idle[at : at + warm] = np.stack(
                [np.arange(number, number + warm), np.zeros(warm, np.int64), np.full(warm, NEVER)], axis=1
            )
            self.functions[function, F_IDLE] = warm
            self.n[ENVIRONMENTS] += warm
        self.heap = np.zeros((most_idle + 1, 2), np.int64)
        self.rows = np.zeros((0, _ROW), np.int64)
        self.held = np.zeros((0, _HELD), np.int64)
        self.waiting = self.running = self.sent = 0
        self.last_us, self.orders = 0, len(seeded)
        self.bound = np.zeros((len(LIMITS), 2), np.int64)
        self.bound[:, 1] = NEVER
        self.statuses = np.zeros(STATUSES, np.int64)
        self.totals = np.zeros((2, T_OUTCOMES + len(OUTCOMES)), np.int64)
        self.totals[:, [T_RESPONSE_MAX, T_COMPLETION_MAX]] = NEVER
        self.attempts = np.zeros(2, np.int64)
        self.bins = np.zeros((2, 2, BINS), np.int64)
        # Orders that no command is about yet: who writes them first, and when.
        self.exists = np.zeros((0, 2), np.int64)
        if not seeded.all():
            self.exists = np.full((len(seeded), 2), _FAR)
            self.exists[seeded != 0] = NEVER
        self.undecided = np.zeros((0, 3), np.int64)
        capacity = np.array([system.write_capacity, system.read_capacity])
        each = np.array([system.partition_writes, system.partition_reads])
        self.partitions = max(1, *(-(-capacity // each)))
        # Any stretch of time meets two windows more than it is long: what they take is refilled, or there at first.
        whole = np.minimum(capacity // 8, capacity * system.table_burst_s // 2)
        self.windows = (
            np.full(_WINDOWS, NEVER, np.int64),
            np.zeros((_WINDOWS, 2, 1 + self.partitions), np.int64),
            np.full((_WINDOWS // 8, 3), NEVER, np.int64),
            np.stack([whole, np.minimum(each // 8, each // 2)], axis=1),
        )

    def goes_on(self, part: Load) -> bool:
        """Take more requests; whether all that happened is what is done here."""
        one, count = self.system, len(part.due_us)
        if not count:
            return True
        if part.queued.any() or part.poison.any() or not self._knows(part):
            return False
        calls = tuple(
            np.require(column, np.int64, ["C", "W"])
            for column in (part.due_us, part.query, part.function, part.order, part.payload_bytes, part.work_us)
        )
        gateway_us, invoke_us, takes_us = (np.empty(count, np.int64) for _ in range(3))
        for which, drawn in ((GATEWAY, gateway_us), (INVOKE, invoke_us)):
            _draw_each(self.draws[which], self.firsts[which], self.sent, drawn)
        _draw_table(*self.table, calls[1], self.sent, takes_us)
        self.rows = _with_room(self.rows, self.waiting, count)
        limits = (one.gateway_rate, one.gateway_burst, one.max_payload_bytes, one.throttled_status)
        self.waiting = _arrive(
            *(self.n, self.rows, self.waiting, self.sent, calls, (gateway_us, invoke_us, takes_us), limits),
            *(self.bound, self.statuses, self.totals),
        )
        self.sent += count
        self.attempts += np.bincount(part.query, minlength=2)
        self.last_us = int(part.due_us[-1])
        return self._functions(self.last_us + int(self.draws[GATEWAY].min()) + int(self.draws[INVOKE].min()))

    def _knows(self, part: Load) -> bool:
        """Whether these are requests in order, about orders that there are, to functions that are called directly."""
        called, one = np.flatnonzero(np.bincount(part.function, minlength=1)), self.system
        return bool(
            part.due_us[0] >= self.last_us
            and (np.diff(part.due_us) >= 0).all()
            and 0 <= part.order.min() <= part.order.max() < self.orders
            and called[-1] < len(self.functions)
            and not {one.consumer, one.result} & set(called.tolist())
        )

    def _functions(self, until_us: int) -> bool:
        """Let functions take what reaches them until a moment, which nothing that is yet to come does before."""
        rows, keys = self.rows, np.empty(self.waiting, np.int64)
        if not self.waiting:
            return True
        if not _by_invoked(rows, self.waiting, keys):
            return False
        keys.sort()
        base = int(rows[0, DUE])
        count = int(np.searchsorted(keys, min(until_us - base + 1, _LATEST) << _INDEX_BITS))
        order = keys[:count]
        self.held = _with_room(self.held, self.running, count)
        done = np.empty(self.running + count, np.int64)
        if max(self.waiting, len(done)) > _MASK or not _by_done(rows, order, self.held, self.running, done):
            return False
        done.sort()
        one = self.system
        self.running = _take_turns(
            *(self.n, rows, order, done, self.held, self.running, self.functions, self.idle, self.heap),
            *(self.draws, self.idle_draws, int(self.idle_draws.min()), self.firsts),
            *((one.scaling_rate, one.scaling_burst), self.bound),
        )
        self.undecided = _with_room(self.undecided, int(self.n[UNDECIDED]), count)
        if not _count(
            *(self.n, rows, order, self.functions),
            *((one.integration_timeout_us, one.deadline_us, one.table_timeout_us), one.throttled_status),
            *((self.firsts[PARTITION], self.partitions), self.windows, self.statuses, self.totals, *self.bins),
            *(self.exists, self.undecided),
        ):
            return False
        _decide(self.n, 4 * until_us, self.exists, self.undecided, self.statuses)
        later = np.sort(keys[count:] & _MASK)
        rows[: len(later)] = rows[later]
        self.waiting = len(later)
        return not (one.retries and self.n[REFUSED]) and not self._grows()

    def _grows(self) -> bool:
        """Whether the table's capacity has grown."""
        one = self.system
        wanted = np.minimum(2 * self.n[PEAK : PEAK + 2], one.max_capacity)
        grown = (wanted > [one.write_capacity, one.read_capacity]).any()
        return bool(self.n[SETTLED] >= one.growth_period_us and grown)

    def counted(self) -> Counted | None:
        """What all of it comes to."""
        if not self._functions(_FAR // 8):
            return None
        _decide(self.n, _FAR, self.exists, self.undecided, self.statuses)
        total, every_us, settled_us = self.totals, self.system.sample_every_us, int(self.n[SETTLED])
        samples = np.zeros((-(-settled_us // every_us) + 1, 5), np.int64)
        samples[:, 0] = np.minimum(np.arange(len(samples)) * every_us, settled_us)
        nothing = np.zeros(2, np.int64)
        return Counted(
            outcomes=total[:, T_OUTCOMES:],
            limited=total[:, T_LIMITED],
            statuses={int(at) + FIRST_STATUS: int(self.statuses[at]) for at in np.flatnonzero(self.statuses)},
            response_bins=self.bins[0],
            response_us=total[:, T_RESPONSE],
            response_max_us=total[:, T_RESPONSE_MAX],
            completion_bins=self.bins[1],
            completion_us=total[:, T_COMPLETION],
            completion_max_us=total[:, T_COMPLETION_MAX],
            attempts=self.attempts,
            fetches=nothing,
            committed=total[:, T_DONE],
            commits=np.array([total[0, T_DONE], 0]),
            accepted=nothing,
            deliveries=total[:, T_DONE],
            work_us=total[:, T_WORK],
            functions=self.functions[:, [F_COUNT, F_COLD, F_BUSY, F_MOST]],
            bound=self.bound,
            samples=samples,
            dead=0,
            init_us=int(self.n[INIT_US]),
            duration_us=self.last_us,
            settled_us=settled_us,
        )


def _with_room(array: Array, used: int, more: int) -> Array:
    if used + more <= len(array):
        return array
    larger = np.zeros((2 * (used + more), array.shape[1]), np.int64)
    larger[:used] = array[:used]
    return larger


def takes(system: System) -> bool:
    """Whether a system may be one of those that are simulated here."""
    capacities = (system.write_capacity // system.partition_writes, system.read_capacity // system.partition_reads)
    return (
        not len(system.fault_kind)
        and bool((system.calls == NEVER).all())
        and max(capacities) < _MOST_PARTITIONS
        and int(system.draws[[stream for stream in range(len(system.draws)) if stream != IDLE]].max()) < 2**31
        and (system.throttled_status == 429 or 500 <= system.throttled_status <= 599)
    )


def compile_all() -> bool:
    """Compile what this machine has not compiled yet; whether that was all of it."""
    one = np.ones(1, np.int64)
    tables = {"draws": np.zeros((PARTITION, SIZE), np.int64), "fault_draws": np.zeros((0, SIZE), np.int64)}
    kinds = System.__annotations__.items()
    system = System(**{name: 1 if kind is int else one for name, kind in kinds} | tables)  # type: ignore[arg-type]
    system = system._replace(consumer=NEVER, result=NEVER, write_capacity=16, read_capacity=16)
    system = system._replace(partition_writes=16, partition_reads=16)
    load = Load(*[one - 1] * len(Load._fields))
    return stream(system, [load], load.seeded) is not None


def stream(system: System, loads: Iterable[Load], seeded: Array) -> Counted | None:
    """Simulate a system that `takes` says may be simulated here, and count. Arguments as those of `kernel.stream`.

    Returns:
        What that one returns; None where something happens that is not done here.
    """
    run = _Run(system, seeded)
    for part in loads:
        if not run.goes_on(part):
            return None
    return run.counted()
