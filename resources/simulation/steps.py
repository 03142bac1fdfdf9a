"""What happens, compiled: the steps of `resources.simulation.oracle`, equal to it to the microsecond.

Put here the oracle's steps as numba functions; each has the oracle's name for it, and its comments are there. Keep out
anything that the oracle does not do, what they work on (`resources.simulation.world`), and running them
(`resources.simulation.kernel`).
"""
# ruff: noqa: PLR0911, PLR0912, PLR0915, PLR0917 - one function for each of the oracle's, and numba takes no keywords
# ruff: noqa: F403, F405 - the names of columns, which a list here would say again

import numpy as np

from resources.simulation.draws import GOLDEN, MIX_1, MIX_2
from resources.simulation.oracle import (
    ANSWER,
    BATCH,
    BEGIN,
    CALL,
    CUT,
    DONE,
    DUE,
    FIRST_BACK_OFF_US,
    FIRST_CALL,
    FREE,
    GROW,
    HELD,
    INVOKE,
    ISSUE,
    LONGEST_BACK_OFF_US,
    LONGEST_PAUSE_US,
    READ_UNIT,
    SECOND_US,
    STOP,
    STORED,
    TOKEN,
    VISIBLE,
    WAITED,
    WAKE,
    WRITE_UNIT,
)
from resources.simulation.system import (
    ALL_FAILED,
    ANSWERED,
    AT_API,
    AT_FUNCTION,
    AT_MAPPING,
    AT_QUEUE,
    AT_TABLE,
    BACK_OFF,
    BIN_BITS,
    BY_ACCOUNT,
    BY_GATEWAY,
    BY_IN_FLIGHT,
    BY_INTEGRATION,
    BY_PARTITION,
    BY_POLLERS,
    BY_RESERVED,
    BY_RETENTION,
    BY_SCALING,
    BY_TABLE,
    COMMANDS,
    COMMITTED,
    CUT_OFF,
    CUT_SHORT,
    DELIVERY,
    DISABLED,
    DOWN,
    DUPLICATE,
    DUPLICATED,
    ERROR,
    FAILED,
    FAULT_HIT,
    FAULT_TIME,
    GATEWAY,
    HANG,
    HAS_FAILED,
    HAS_TIMED_OUT,
    IDLE,
    INIT,
    LATENCY,
    MOST_EFFECTS,
    NEVER,
    PARTITION,
    PARTLY_FAILED,
    PLACEMENT,
    QUERIES,
    READ,
    REFUSED,
    RESET,
    RESET_BY,
    SEND,
    SUCCEEDED,
    THROTTLE,
    TIMED_OUT,
    TRUNCATE,
    WARM,
    WAS_ACCEPTED,
    WAS_ANSWERED,
    WAS_THROTTLED,
    WRITE,
)
from resources.simulation.system import (
    INVOKE as INVOKING,
)
from resources.simulation.world import *

_KIND_BITS = 48  # of an event's number; its kind is above
_ANSWER_BASE, _STATUS_BASE = 2048, 1024  # a call and a status in one number
_OF_REQUESTS = 1 << ANSWER | 1 << HELD | 1 << VISIBLE | 1 << STORED | 1 << INVOKE | 1 << DUE  # whose number is one's


@compiled
def _mixed(state):  # type: ignore[no-untyped-def]
    state = state + np.uint64(GOLDEN)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(MIX_1)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(MIX_2)
    return state ^ (state >> np.uint64(31))


@compiled
def _hashed(seed, stream, index, attempt, shift):  # type: ignore[no-untyped-def]
    """The upper bits of `draws.hashed`, all but ``shift`` of them."""
    state = _mixed(np.uint64(seed) + np.uint64(stream) * np.uint64(GOLDEN))
    state = _mixed(state + np.uint64(index) * np.uint64(GOLDEN))
    state = _mixed(state + np.uint64(attempt) * np.uint64(GOLDEN))
    return np.int64(state >> np.uint64(shift))


@compiled
def _drawn(w, stream, index, attempt):  # type: ignore[no-untyped-def]
    """The upper bits of `draws.hashed` for a stream with a table; its first third is the same for all of the stream."""
    state = _mixed(np.uint64(w.streams[stream]) + np.uint64(index) * np.uint64(GOLDEN))
    state = _mixed(state + np.uint64(attempt) * np.uint64(GOLDEN))
    return np.int64(state >> np.uint64(48))


@compiled
def _draw(w, stream, index, attempt):  # type: ignore[no-untyped-def]
    return w.draws[stream, _drawn(w, stream, index, attempt)]


@compiled
def _move(heap, at, time, key, data):  # type: ignore[no-untyped-def]
    heap[at, H_TIME], heap[at, H_KEY], heap[at, H_DATA] = time, key, data


@compiled
def _request_of(w, message):  # type: ignore[no-untyped-def]
    """A message's request; a division takes as long as ten comparisons."""
    count = w.n[COUNT]
    return message if message < count else message % count


@compiled
def _bin(us):  # type: ignore[no-untyped-def]
    """As `figures.bins_of`."""
    power = max(0, bit_length(us) - BIN_BITS - 1)
    return (power << BIN_BITS) + (us >> power)


@compiled
def _outcome(row, status):  # type: ignore[no-untyped-def]
    """As `figures.figures_of` has it; `NEVER` where that depends on whether a limit was ever met."""
    if status == TIMED_OUT:
        return HAS_TIMED_OUT
    if status == 202:
        return WAS_ACCEPTED
    if 200 <= status <= 299 or (status == 404 and row[L_QUERY]):
        return WAS_ANSWERED
    return WAS_THROTTLED if status == 429 else HAS_FAILED


@compiled
def _settle(w, i):  # type: ignore[no-untyped-def]
    """Count a request to which nothing can happen any more."""
    row = w.requests[i]
    query, status = row[L_QUERY], row[R_STATUS]
    total = w.totals[query]
    total[T_ATTEMPTS] += row[R_ATTEMPTS]
    total[T_FETCHES] += max(0, row[R_FETCHES])
    total[T_COMMITS] += row[R_COMMITS]
    w.statuses[status - FIRST_STATUS] += 1
    outcome = _outcome(row, status)
    if outcome == HAS_FAILED and status == w.c[C_THROTTLED_STATUS] and not row[R_HANDLED] and not row[L_QUEUED]:
        total[T_LIMITED] += 1
        return
    total[T_OUTCOMES + outcome] += 1
    if outcome > WAS_ACCEPTED:
        return
    total[T_ACCEPTED] += status == 202
    took_us = row[R_RESPONDED] - row[L_DUE_US]
    w.responses[query, _bin(took_us)] += 1
    total[T_RESPONSE_US] += took_us
    total[T_RESPONSE_MAX_US] = max(total[T_RESPONSE_MAX_US], took_us)
    done_us = row[R_STAMPS] if row[R_COMMITS] > 0 else NEVER
    for further in range(0 if query else w.c[C_EFFECTS] - 1):
        stamp_us = row[R_FURTHER_STAMPS + further]
        done_us = NEVER if NEVER in (stamp_us, done_us) else max(done_us, stamp_us)
    if query and not row[L_QUEUED]:
        done_us = row[R_RESPONDED]
        total[T_COMMITTED] += 1
    elif done_us != NEVER:
        total[T_COMMITTED] += 1
    if done_us != NEVER:
        took_us = done_us - row[L_DUE_US]
        w.completions[query, _bin(took_us)] += 1
        total[T_COMPLETION_US] += took_us
        total[T_COMPLETION_MAX_US] = max(total[T_COMPLETION_MAX_US], took_us)


@compiled
def _hold(w, i):  # type: ignore[no-untyped-def]
    """Something more may happen to a request."""
    w.requests[i, R_HOLDERS] += 1


@compiled
def _release(w, i):  # type: ignore[no-untyped-def]
    """It has happened."""
    holders = w.requests[i, R_HOLDERS] - 1
    w.requests[i, R_HOLDERS] = holders
    if holders == 0 and w.n[CONDENSED]:
        _settle(w, i)


@compiled
def _at(w, when_us, kind, number, data):  # type: ignore[no-untyped-def]
    """Push an event on the heap."""
    if (_OF_REQUESTS >> kind) & 1:
        _hold(w, _request_of(w, number))
    heap = w.heap
    key = (kind << _KIND_BITS) | number
    at = w.n[HEAP]
    w.n[HEAP] = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent, H_TIME] < when_us or (heap[parent, H_TIME] == when_us and heap[parent, H_KEY] <= key):
            break
        _move(heap, at, heap[parent, H_TIME], heap[parent, H_KEY], heap[parent, H_DATA])
        at = parent
    _move(heap, at, when_us, key, data)


@compiled
def _pop(w):  # type: ignore[no-untyped-def]
    """Remove the first event from the heap."""
    heap = w.heap
    size = w.n[HEAP] - 1
    w.n[HEAP] = size
    time, key, data = heap[size, H_TIME], heap[size, H_KEY], heap[size, H_DATA]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            heap[right, H_TIME] < heap[child, H_TIME]
            or (heap[right, H_TIME] == heap[child, H_TIME] and heap[right, H_KEY] < heap[child, H_KEY])
        ):
            child = right
        if time < heap[child, H_TIME] or (time == heap[child, H_TIME] and key <= heap[child, H_KEY]):
            break
        _move(heap, at, heap[child, H_TIME], heap[child, H_KEY], heap[child, H_DATA])
        at = child
    _move(heap, at, time, key, data)


@compiled
def _bind(w, limit, now):  # type: ignore[no-untyped-def]
    if w.bound[limit, 0] == 0:
        w.bound[limit, 1] = now
    w.bound[limit, 0] += 1


@compiled
def _holds(w, bucket, rate, size, now, tokens):  # type: ignore[no-untyped-def]
    elapsed = now - w.buckets[bucket, 1]
    room = size - w.buckets[bucket, 0]
    if rate > 0 and elapsed > room // rate:
        w.buckets[bucket, 0] = size
    else:
        w.buckets[bucket, 0] += elapsed * rate
    w.buckets[bucket, 1] = now
    return w.buckets[bucket, 0] >= tokens * TOKEN


@compiled
def _take(w, bucket, tokens):  # type: ignore[no-untyped-def]
    w.buckets[bucket, 0] -= tokens * TOKEN


@compiled
def _is_on(w, number, now):  # type: ignore[no-untyped-def]
    return w.faults[number, F_START_US] <= now < w.faults[number, F_END_US]


@compiled
def _is_down(w, place, now):  # type: ignore[no-untyped-def]
    for number in range(len(w.faults)):
        kind = w.faults[number, F_KIND]
        if w.faults[number, F_AT] == place and kind in (DOWN, DISABLED) and _is_on(w, number, now):
            return True
    return False


@compiled
def _fault(w, place, operation, i, attempt, now):  # type: ignore[no-untyped-def]
    for number in range(len(w.faults)):
        if (
            w.faults[number, F_AT] != place
            or w.faults[number, F_KIND] == THROTTLE
            or not _is_on(w, number, now)
            or w.faults[number, F_OPERATIONS] & operation == 0
        ):
            continue
        if w.faults[number, F_KIND] != DOWN and w.faults[number, F_RATE] != NEVER:
            bucket = w.n[FAULT_BUCKETS] + number
            if _holds(w, bucket, w.faults[number, F_RATE], w.faults[number, F_BURST] * TOKEN, now, 1):
                _take(w, bucket, 1)
                continue
        if _hashed(w.c[C_SEED], FAULT_HIT + number, i, attempt, 32) < w.faults[number, F_THRESHOLD]:
            return number
    return NEVER


@compiled
def _late(w, fault, i, attempt):  # type: ignore[no-untyped-def]
    return w.fault_draws[fault, _hashed(w.c[C_SEED], FAULT_TIME + fault, i, attempt, 48)]


# The caller.


@compiled
def _ask(w, i, age_us, now):  # type: ignore[no-untyped-def]
    while w.requests[i, R_TICKET] + age_us < now:
        age_us += min(age_us, LONGEST_PAUSE_US)
    if age_us < w.c[C_DEADLINE_US]:
        w.requests[i, R_AGE] = age_us
        _at(w, w.requests[i, R_TICKET] + age_us, DUE, i, 0)


@compiled
def _answered(w, i, status, now):  # type: ignore[no-untyped-def]
    w.requests[i, R_OPEN] = 0
    if w.requests[i, R_FETCHING]:
        if now > w.requests[i, R_TICKET] + w.c[C_DEADLINE_US]:
            return
        if status == 200:
            w.requests[i, R_FETCHED] = now
        else:
            _ask(w, i, w.requests[i, R_AGE] + min(w.requests[i, R_AGE], LONGEST_PAUSE_US), now)
        return
    deadline_us = w.requests[i, R_SENT] + w.c[C_DEADLINE_US]
    if now > deadline_us:
        return
    w.requests[i, R_STATUS] = status
    w.requests[i, R_RESPONDED] = now
    retried = status <= REFUSED or status in (429, 500, 502, 503, 504)
    if retried and w.requests[i, R_ATTEMPTS] <= w.c[C_RETRIES]:
        longest_us = min(FIRST_BACK_OFF_US << min(w.requests[i, R_ATTEMPTS] - 1, 10), LONGEST_BACK_OFF_US)
        random = _hashed(w.c[C_SEED], BACK_OFF, i, w.requests[i, R_ATTEMPTS], 32)
        again_us = now + ((random * longest_us) >> 32)
        if again_us < deadline_us:
            _at(w, again_us, DUE, i, 0)
    elif status == 202 and w.requests[i, L_QUERY] and w.c[C_ASK_AFTER_US] != NEVER:
        w.requests[i, R_FETCHES] = 0
        w.requests[i, R_FETCHING] = 1
        w.requests[i, R_TICKET] = now
        _ask(w, i, w.c[C_ASK_AFTER_US], now)


@compiled
def _respond(w, i, call, status, now):  # type: ignore[no-untyped-def]
    if not w.requests[i, R_OPEN] or w.requests[i, R_CALLS] != call:
        return
    w.requests[i, R_OPEN] = 0
    if w.requests[i, R_SILENT]:
        return
    if w.requests[i, R_TRUNCATED]:
        status = CUT_SHORT
    if w.requests[i, R_HOLD]:
        _at(w, now + w.requests[i, R_HOLD], HELD, i, call * _ANSWER_BASE + status + _STATUS_BASE)
    else:
        _answered(w, i, status, now)


@compiled
def _let_through(w, now):  # type: ignore[no-untyped-def]
    enough = _holds(w, GATEWAY_BUCKET, w.c[C_GATEWAY_RATE], w.c[C_GATEWAY_BURST] * TOKEN, now, 1)
    for number in range(len(w.faults)):
        if w.faults[number, F_KIND] == THROTTLE and _is_on(w, number, now):
            bucket, size = w.n[FAULT_BUCKETS] + number, w.faults[number, F_BURST] * TOKEN
            enough = _holds(w, bucket, w.faults[number, F_RATE], size, now, 1) and enough
    if not enough:
        return False
    _take(w, GATEWAY_BUCKET, 1)
    for number in range(len(w.faults)):
        if w.faults[number, F_KIND] == THROTTLE and _is_on(w, number, now):
            _take(w, w.n[FAULT_BUCKETS] + number, 1)
    return True


@compiled
def _send(w, i, now):  # type: ignore[no-untyped-def]
    call = w.requests[i, R_CALLS] + 1
    w.requests[i, R_CALLS] = call
    w.requests[i, R_OPEN] = 1
    w.requests[i, R_HOLD] = 0
    w.requests[i, R_TRUNCATED] = 0
    w.requests[i, R_SILENT] = 0
    if w.requests[i, R_FETCHING]:
        w.requests[i, R_FETCHES] += 1
    else:
        w.requests[i, R_ATTEMPTS] += 1
        w.requests[i, R_STATUS] = TIMED_OUT
        w.requests[i, R_RESPONDED] = NEVER
        if w.requests[i, R_ATTEMPTS] == 1:
            w.requests[i, R_SENT] = now
    mask = QUERIES if w.requests[i, L_QUERY] else COMMANDS
    fault = _fault(w, AT_API, mask, i, call, now)
    if fault != NEVER:
        kind = w.faults[fault, F_KIND]
        if kind in (DOWN, RESET):
            _respond(w, i, call, REFUSED if kind == DOWN else RESET_BY, now)
            return
        if kind == ERROR:
            _respond(w, i, call, w.faults[fault, F_STATUS], now)
            return
        if kind == HANG:
            w.requests[i, R_SILENT] = 1
            if not w.faults[fault, F_FORWARDED]:
                return
        if kind == LATENCY:
            w.requests[i, R_HOLD] = _late(w, fault, i, call)
        if kind == TRUNCATE:
            w.requests[i, R_TRUNCATED] = 1
    # The API.
    then = now + _draw(w, GATEWAY, i, call)
    if not _let_through(w, now):
        _bind(w, BY_GATEWAY, now)
        _at(w, then, ANSWER, i, call * _ANSWER_BASE + 429 + _STATUS_BASE)
    elif w.requests[i, L_PAYLOAD_BYTES] > w.c[C_MAX_PAYLOAD_BYTES]:
        _at(w, then, ANSWER, i, call * _ANSWER_BASE + 413 + _STATUS_BASE)
    elif w.requests[i, R_FETCHING] or not w.requests[i, L_QUEUED]:
        _at(w, then + _draw(w, INVOKING, i, call), INVOKE, i, 0)
    elif _is_down(w, AT_QUEUE, then) and w.c[C_RETRY_US] == NEVER:
        _at(w, then, ANSWER, i, call * _ANSWER_BASE + 500 + _STATUS_BASE)
    else:
        _at(w, then + _draw(w, SEND, i, call), STORED, i, 0)


# The queue.


@compiled
def _show(w, message, now):  # type: ignore[no-untyped-def]
    if w.c[C_ORDERED]:
        _into_group(w, message)
    else:
        w.queue[(w.n[HEAD] + w.n[WAITING]) & (len(w.queue) - 1)] = message
    w.n[WAITING] += 1
    _hold(w, _request_of(w, message))
    w.messages[message, M_SHOWN] = now


@compiled
def _into_group(w, message):  # type: ignore[no-untyped-def]
    group = w.requests[_request_of(w, message), L_ORDER]
    of_group = w.groups[group]
    before = of_group[G_LAST]
    if before != NEVER and not _is_before(w, before, message):  # back from a consumer: it is among the first
        before, after = NEVER, of_group[G_FIRST]
        while _is_before(w, after, message):
            before, after = after, w.messages[after, M_FOLLOWING]
    after = of_group[G_FIRST] if before == NEVER else w.messages[before, M_FOLLOWING]
    w.messages[message, M_FOLLOWING] = after
    if before == NEVER:
        of_group[G_FIRST] = message
    else:
        w.messages[before, M_FOLLOWING] = message
    if after == NEVER:
        of_group[G_LAST] = message
    _unlock(w, group)


@compiled
def _is_before(w, one, other):  # type: ignore[no-untyped-def]
    stored_us, than_us = w.messages[one, M_STORED], w.messages[other, M_STORED]
    return stored_us < than_us or (stored_us == than_us and one < other)


@compiled
def _unlock(w, group):  # type: ignore[no-untyped-def]
    of_group = w.groups[group]
    if of_group[G_FIRST] != NEVER and of_group[G_FLYING] == 0 and not of_group[G_READY]:
        of_group[G_READY] = 1
        w.queue[(w.n[HEAD] + w.n[READY]) & (len(w.queue) - 1)] = group
        w.n[READY] += 1


@compiled
def _land(w, message):  # type: ignore[no-untyped-def]
    w.n[IN_FLIGHT] -= 1
    if w.c[C_ORDERED]:
        group = w.requests[_request_of(w, message), L_ORDER]
        w.groups[group, G_FLYING] -= 1
        _unlock(w, group)


@compiled
def _waits(w):  # type: ignore[no-untyped-def]
    """Whether anything may be handed out."""
    return w.n[READY] > 0 if w.c[C_ORDERED] else w.n[WAITING] > 0


@compiled
def _next_waiting(w):  # type: ignore[no-untyped-def]
    """Take the next message out of the queue. Its group stays the first one as long as it has more."""
    n = w.n
    first = w.queue[n[HEAD]]
    n[WAITING] -= 1
    if not w.c[C_ORDERED]:
        n[HEAD] = (n[HEAD] + 1) & (len(w.queue) - 1)
        return first
    of_group = w.groups[first]
    message = of_group[G_FIRST]
    of_group[G_FIRST] = w.messages[message, M_FOLLOWING]
    if of_group[G_FIRST] == NEVER:
        of_group[G_LAST] = NEVER
        _drop_group(w)
    return message


@compiled
def _drop_group(w):  # type: ignore[no-untyped-def]
    """The first group is not handed out any more."""
    w.groups[w.queue[w.n[HEAD]], G_READY] = 0
    w.n[HEAD] = (w.n[HEAD] + 1) & (len(w.queue) - 1)
    w.n[READY] -= 1


@compiled
def _dispatch(w, now, arrived):  # type: ignore[no-untyped-def]
    n = w.n
    if w.c[C_CONSUMER] == NEVER:
        return
    asynchronous = w.c[C_RETRY_US] != NEVER
    if not asynchronous and (_is_down(w, AT_MAPPING, now) or _is_down(w, AT_QUEUE, now)):
        return
    most = 1 if asynchronous else w.c[C_BATCH_SIZE]
    if n[ACTIVE] == 0 and now - n[LAST_ACTIVE] > w.c[C_SCALE_IN_US]:
        n[POLLERS] = w.c[C_POLLERS]
    while _waits(w):
        if not asynchronous and n[ACTIVE] >= n[POLLERS]:
            if not n[GROWING] and w.c[C_POLLER_EVERY_US] != NEVER and n[POLLERS] < w.c[C_MAX_POLLERS]:
                n[GROWING] = 1
                _at(w, now + w.c[C_POLLER_EVERY_US], GROW, 0, 0)
            if arrived:
                _bind(w, BY_POLLERS, now)
            return
        if not asynchronous and n[IN_FLIGHT] >= w.c[C_MAX_IN_FLIGHT]:
            if arrived:
                _bind(w, BY_IN_FLIGHT, now)
            return
        if not asynchronous and not w.c[C_ORDERED] and n[WAITING] < most and w.c[C_BATCH_WINDOW_US]:
            full_us = w.messages[w.queue[n[HEAD]], M_SHOWN] + w.c[C_BATCH_WINDOW_US]
            if now < full_us:
                if full_us != n[WOKEN]:
                    n[WOKEN] = full_us
                    _at(w, full_us, WAKE, len(w.faults), 0)
                return
        first, last, taken = NEVER, NEVER, 0
        while taken < most and _waits(w):
            message = _next_waiting(w)
            if now - w.messages[message, M_STORED] > w.c[C_RETENTION_US]:
                _bind(w, BY_RETENTION, now)
                _release(w, _request_of(w, message))
                continue
            received = max(0, w.messages[message, M_RECEIVES])
            if received >= w.c[C_MAX_RECEIVES]:
                w.messages[message, M_RECEIVES] = received
                w.messages[message, M_DEAD] = 1
                n[DEAD] += 1
                _release(w, _request_of(w, message))
                continue
            w.messages[message, M_RECEIVES] = received + 1
            n[IN_FLIGHT] += 1
            if w.c[C_ORDERED]:
                w.groups[w.requests[_request_of(w, message), L_ORDER], G_FLYING] += 1
            w.messages[message, M_FOLLOWING] = NEVER
            if taken:
                w.messages[last, M_FOLLOWING] = message
            else:
                first = message
            last = message
            taken += 1
        if w.c[C_ORDERED] and taken == most and n[READY] > 0 and w.groups[w.queue[n[HEAD]], G_FLYING] > 0:
            _drop_group(w)  # the rest of it waits for these
        if taken:
            n[ACTIVE] += 1
            n[LAST_ACTIVE] = now
            slot = _new_slot(w, w.c[C_CONSUMER], first)
            w.slots[slot, S_RECEIVED] = now
            _at(w, now + _draw(w, DELIVERY, first, w.messages[first, M_RECEIVES]), BATCH, first, slot)


@compiled
def _free(w, now):  # type: ignore[no-untyped-def]
    w.n[ACTIVE] -= 1
    w.n[LAST_ACTIVE] = now
    _dispatch(w, now, False)


@compiled
def _again(w, message, received_us, now):  # type: ignore[no-untyped-def]
    if w.c[C_RETRY_US] == NEVER:
        _at(w, max(now, received_us + w.c[C_VISIBILITY_US]), VISIBLE, message, 0)
        return
    receives = w.messages[message, M_RECEIVES]
    again_us = now + (w.c[C_RETRY_US] << (receives - 1))
    if receives >= w.c[C_MAX_RECEIVES] or again_us - w.messages[message, M_STORED] > w.c[C_RETENTION_US]:
        _give_up(w, message)
    else:
        _at(w, again_us, VISIBLE, message, 0)


@compiled
def _give_up(w, message):  # type: ignore[no-untyped-def]
    w.messages[message, M_DEAD] = 1
    w.n[DEAD] += 1
    _land(w, message)


@compiled
def _copy(w, message, now):  # type: ignore[no-untyped-def]
    copy = message + w.n[ORIGINALS]
    if w.messages[copy, M_STORED] == NEVER and w.messages[copy, M_RECEIVES] == 0:
        w.messages[copy, M_RECEIVES] = NEVER
        w.n[DELAYED] += 1
        _at(w, now + w.requests[_request_of(w, message), L_DELAY_US], VISIBLE, copy, 0)


@compiled
def _handled(w, message, now):  # type: ignore[no-untyped-def]
    if message < w.n[ORIGINALS] and w.requests[_request_of(w, message), L_DELIVERY] == 1:
        _copy(w, message, now)
    if (
        not w.messages[message, M_DUPLICATED]
        and _hashed(w.c[C_SEED], DUPLICATE, message, w.messages[message, M_RECEIVES], 32) < w.c[C_DUPLICATE_THRESHOLD]
    ):
        w.messages[message, M_DUPLICATED] = 1
        _at(w, now, VISIBLE, message, 0)
    else:
        _land(w, message)


@compiled
def _is_late(w, message):  # type: ignore[no-untyped-def]
    return message < w.n[ORIGINALS] and w.requests[_request_of(w, message), L_DELIVERY] == 2


# The functions.


@compiled
def _new_slot(w, function, first):  # type: ignore[no-untyped-def]
    w.n[FREE_SLOTS] -= 1
    slot = w.slots[w.n[FREE_SLOTS], S_FREE]
    row = w.slots[slot]
    for column in range(S_FREE):  # a slice would be checked for its shape each time
        row[column] = 0
    row[S_FUNCTION] = function
    row[S_FIRST] = first
    row[S_AT] = first
    row[S_ATTEMPT] = 1
    row[S_FOUND] = row[S_BEFORE] = NEVER
    row[S_WELL] = 1
    return slot


@compiled
def _drop_slot(w, slot):  # type: ignore[no-untyped-def]
    w.slots[w.n[FREE_SLOTS], S_FREE] = slot
    w.n[FREE_SLOTS] += 1


@compiled
def _idle(w, function, environment, now, stream, attempt):  # type: ignore[no-untyped-def]
    at = w.functions[function, N_IDLE_COUNT]
    idle = w.idle[w.functions[function, N_IDLE_FIRST] + at]
    idle[0] = environment
    idle[1] = now + w.draws[IDLE, _drawn(w, stream, environment, attempt)]
    w.functions[function, N_IDLE_COUNT] = at + 1


@compiled
def _end(w, slot, outcome, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    of_function = w.functions[row[S_FUNCTION]]
    of_function[N_RUNNING] -= 1
    if w.n[CONDENSED]:
        of_function[N_INVOCATIONS] += 1
        of_function[N_COLD] += row[S_COLD]
        of_function[N_BUSY_US] += now - row[S_STARTED]
        return
    out = w.rows[w.n[ROWS]]
    w.n[ROWS] += 1
    out[0], out[1], out[2], out[3] = row[S_NUMBER], row[S_FUNCTION], row[S_STARTED], now - row[S_STARTED]
    out[4], out[5], out[6], out[7] = row[S_COLD], row[S_HANDED_ON], outcome, row[S_ENVIRONMENT]


@compiled
def _write_record(w, number, i, result, at, receives, found, handled, parts):  # type: ignore[no-untyped-def]
    if w.n[CONDENSED]:
        if handled:
            row = w.requests[i]
            row[R_HANDLED] = 1
            w.totals[row[L_QUERY], T_DELIVERIES] += 1
            w.totals[row[L_QUERY], T_WORK_US] += row[L_WORK_US] // parts
        return
    out = w.records[w.n[RECORDS]]
    w.n[RECORDS] += 1
    out[0], out[1], out[2], out[3], out[4], out[5] = number, i, result, at, receives, found


@compiled
def _record(w, slot, result, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    if row[S_FUNCTION] == w.c[C_CONSUMER]:
        message = row[S_AT]
        w.messages[message, M_RESULT] = result
        w.messages[message, M_RESULT_AT] = now
        w.messages[message, M_RESULT_FOUND] = row[S_FOUND]
    else:
        row[S_RESULT] = result
        row[S_RESULT_AT] = now
        row[S_RESULT_FOUND] = row[S_FOUND]
    row[S_FOUND] = NEVER


@compiled
def _finish(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    number, function = row[S_NUMBER], row[S_FUNCTION]
    if function == w.c[C_CONSUMER]:
        failed = 0
        message = row[S_FIRST]
        while message != NEVER:
            if not _is_late(w, message):
                _write_record(
                    w,
                    number,
                    _request_of(w, message),
                    w.messages[message, M_RESULT],
                    w.messages[message, M_RESULT_AT],
                    w.messages[message, M_RECEIVES] if w.c[C_RETRY_US] == NEVER else NEVER,
                    w.messages[message, M_RESULT_FOUND],
                    True,
                    w.functions[function, N_PARTS],
                )
                failed += w.messages[message, M_RESULT] == FAILED
            message = w.messages[message, M_FOLLOWING]
        outcome = SUCCEEDED
        if failed:
            outcome = PARTLY_FAILED if failed < row[S_HANDED_ON] else ALL_FAILED
        _end(w, slot, outcome, now)
        _idle(w, function, row[S_ENVIRONMENT], now, IDLE, number)
        message = row[S_FIRST]
        while message != NEVER:
            then = w.messages[message, M_FOLLOWING]
            if _is_late(w, message):
                w.n[IN_FLIGHT] -= 1
            elif w.messages[message, M_RESULT] == FAILED:
                _again(w, message, row[S_RECEIVED], now)
            else:
                _handled(w, message, now)
            _release(w, _request_of(w, message))
            message = then
        _drop_slot(w, slot)
        _free(w, now)
        return
    while True:  # up to the first of those that wait for each other
        i, call, result, found = row[S_FIRST], row[S_CALL], row[S_RESULT], row[S_RESULT_FOUND]
        _write_record(
            w,
            row[S_NUMBER],
            i,
            result,
            row[S_RESULT_AT],
            NEVER,
            found,
            function != w.c[C_RESULT],
            w.functions[row[S_FUNCTION], N_PARTS],
        )
        _end(w, slot, ALL_FAILED if result == FAILED else SUCCEEDED, now)
        _idle(w, row[S_FUNCTION], row[S_ENVIRONMENT], now, IDLE, row[S_NUMBER])
        _drop_slot(w, slot)
        if not row[S_CALLED]:
            break
        _release(w, i)
        slot = row[S_CALLER]
        caller = w.slots[slot]
        if not _waits_for(w, slot, row[S_CALLER_NUMBER]):
            return
        caller[S_WAITS] = 0
        caller[S_WELL] = result != FAILED and row[S_WELL]
        row = caller
    if result == FAILED:
        status = 400 if w.requests[i, L_POISON] and function != w.c[C_RESULT] else 503
    elif result == ANSWERED:
        status = 200 if found else 404
    else:
        status = 201 if row[S_WELL] else 503
    _respond(w, i, call, status, now)
    _release(w, i)


@compiled
def _waits_for(w, slot, number):  # type: ignore[no-untyped-def]
    """Whether the invocation of that number is in the slot, and waits for one that it called."""
    return w.slots[slot, S_WAITS] and w.slots[slot, S_NUMBER] == number


@compiled
def _call(w, caller, now):  # type: ignore[no-untyped-def]
    row = w.slots[caller]
    i, function = row[S_FIRST], row[S_FUNCTION]
    slot = _new_slot(w, w.functions[function, N_CALLS], i)
    called = w.slots[slot]
    called[S_CALL] = row[S_CALL]
    called[S_CALLED], called[S_CALLER], called[S_CALLER_NUMBER] = 1, caller, row[S_NUMBER]
    row[S_WAITS] = 1
    _hold(w, i)
    starts_us = _start(w, slot, now)
    if starts_us == NEVER:
        _drop_slot(w, slot)
        _release(w, i)
        row[S_WAITS] = row[S_WELL] = 0
        _finish(w, caller, now)
        return
    _at(w, row[S_STARTED] + w.functions[function, N_TIMEOUT_US], WAITED, row[S_NUMBER], caller)
    if starts_us == now:
        _begin(w, slot, now)


@compiled
def _stop(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    _end(w, slot, CUT_OFF, now)
    first, call = row[S_FIRST], row[S_CALL]
    if row[S_FUNCTION] == w.c[C_CONSUMER]:
        message = first
        while message != NEVER:
            _again(w, message, row[S_RECEIVED], now)
            _release(w, _request_of(w, message))
            message = w.messages[message, M_FOLLOWING]
        _drop_slot(w, slot)
        _free(w, now)
        return
    row[S_WAITS] = 0
    _drop_slot(w, slot)
    if not row[S_CALLED]:
        _respond(w, first, call, 502, now)
    elif _waits_for(w, row[S_CALLER], row[S_CALLER_NUMBER]):
        w.slots[row[S_CALLER], S_WAITS] = w.slots[row[S_CALLER], S_WELL] = 0
        _finish(w, row[S_CALLER], now)
    _release(w, first)


@compiled
def _until(w, slot, when_us, kind):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    deadline_us = row[S_STARTED] + w.functions[row[S_FUNCTION], N_TIMEOUT_US]
    if when_us > deadline_us:
        when_us, kind = deadline_us, STOP
    _at(w, when_us, kind, row[S_NUMBER], slot)


@compiled
def _end_second(w, second):  # type: ignore[no-untyped-def]
    for which in range(2):
        w.units[PEAK, which] = max(w.units[PEAK, which], w.units[IN_SECOND, which])
        w.units[IN_SECOND, which] = 0
    w.n[SECOND] = second


@compiled
def _partition_table(w, now):  # type: ignore[no-untyped-def]
    writes, reads = w.units[CAPACITY, 0], w.units[CAPACITY, 1]
    count = max(1, -(-writes // w.c[C_PARTITION_WRITES]), -(-reads // w.c[C_PARTITION_READS]))
    w.n[PARTITIONS] = count
    for which in range(2):
        bucket = w.n[TABLE_BUCKETS] + which
        w.buckets[bucket, 0] = w.units[CAPACITY, which] * w.c[C_TABLE_BURST_S] * TOKEN
        w.buckets[bucket, 1] = now
        rate = w.c[C_PARTITION_WRITES] if which == 0 else w.c[C_PARTITION_READS]
        for partition in range(count):
            bucket = w.n[PARTITION_BUCKETS] + 2 * partition + which
            w.buckets[bucket, 0] = rate * TOKEN
            w.buckets[bucket, 1] = now


@compiled
def _grow_table(w, now):  # type: ignore[no-untyped-def]
    _end_second(w, now // SECOND_US)
    changed = False
    for which in range(2):
        wanted = min(2 * w.units[PEAK, which], w.c[C_MAX_CAPACITY])
        if wanted > w.units[CAPACITY, which]:
            w.units[CAPACITY, which] = wanted
            changed = True
    w.n[NEXT_GROWTH] = (now // w.c[C_GROWTH_PERIOD_US] + 1) * w.c[C_GROWTH_PERIOD_US]
    if changed:
        _partition_table(w, now)


@compiled
def _has_capacity(w, i, writes, now):  # type: ignore[no-untyped-def]
    if now >= w.n[NEXT_GROWTH]:
        _grow_table(w, now)
    second = now // SECOND_US
    if second != w.n[SECOND]:
        _end_second(w, second)
    which = 0 if writes else 1
    unit = WRITE_UNIT if writes else READ_UNIT
    units = max(1, -(-w.requests[i, L_PAYLOAD_BYTES] // unit))
    partition = _hashed(w.c[C_SEED], PARTITION, w.requests[i, L_ORDER], 0, 32) % w.n[PARTITIONS]
    capacity = w.units[CAPACITY, which]
    rate = w.c[C_PARTITION_WRITES] if writes else w.c[C_PARTITION_READS]
    whole, part = w.n[TABLE_BUCKETS] + which, w.n[PARTITION_BUCKETS] + 2 * partition + which
    enough = _holds(w, whole, capacity * 1000, capacity * w.c[C_TABLE_BURST_S] * TOKEN, now, units)
    enough_there = _holds(w, part, rate * 1000, rate * TOKEN, now, units)
    if not enough:
        _bind(w, BY_TABLE, now)
        return False
    if not enough_there:
        _bind(w, BY_PARTITION, now)
        return False
    _take(w, whole, units)
    _take(w, part, units)
    w.units[IN_SECOND, which] += units
    return True


@compiled
def _apply(w, slot, i, writes, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    if row[S_FUNCTION] == w.c[C_RESULT]:
        row[S_FOUND] = 1 if w.requests[i, R_COMMITS] > 0 else 0
        return ANSWERED
    order = w.requests[i, L_ORDER]
    if not writes:
        row[S_FOUND] = w.exists[order]
        return ANSWERED
    effect = w.functions[row[S_FUNCTION], N_EFFECT]
    commits = R_COMMITS if effect == 0 else R_FURTHER_COMMITS + effect - 1
    stamps = R_STAMPS if effect == 0 else R_FURTHER_STAMPS + effect - 1
    if w.c[C_IDEMPOTENT] and w.requests[i, commits] > 0:
        return DUPLICATED
    w.requests[i, commits] += 1
    if w.requests[i, stamps] == NEVER:
        w.requests[i, stamps] = now
    if w.requests[i, L_QUERY]:
        w.requests[i, R_FOUND] = row[S_FOUND]
    else:
        w.exists[order] = 1
    return COMMITTED


@compiled
def _issue(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    i = _request_of(w, row[S_AT])
    writes = row[S_FUNCTION] != w.c[C_RESULT] and (row[S_SECOND] == 1 or not w.requests[i, L_QUERY])
    w.requests[i, R_OPERATIONS] += 1
    operation = w.requests[i, R_OPERATIONS]
    takes_us = _draw(w, WRITE, i, operation) if writes else _draw(w, READ, i, operation)
    fault = _fault(w, AT_TABLE, COMMANDS if writes else QUERIES, i, operation, now)
    kind = NEVER if fault == NEVER else w.faults[fault, F_KIND]
    row[S_APPLIED] = FAILED
    if kind in (DOWN, RESET):
        takes_us = w.c[C_REFUSED_US]
    elif kind == HANG:
        takes_us = w.c[C_TABLE_TIMEOUT_US]
        if w.faults[fault, F_FORWARDED] and _has_capacity(w, i, writes, now):
            _apply(w, slot, i, writes, now)
    elif kind != ERROR and _has_capacity(w, i, writes, now):
        row[S_APPLIED] = _apply(w, slot, i, writes, now)
        if kind == LATENCY:
            takes_us += _late(w, fault, i, operation)
        if kind == TRUNCATE:
            row[S_APPLIED] = FAILED
    if takes_us > w.c[C_TABLE_TIMEOUT_US]:
        takes_us = w.c[C_TABLE_TIMEOUT_US]
        row[S_APPLIED] = FAILED
    _until(w, slot, now + takes_us, DONE)


@compiled
def _next(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    consumes = row[S_FUNCTION] == w.c[C_CONSUMER]
    fetching = row[S_FUNCTION] == w.c[C_RESULT]
    while row[S_AT] != NEVER:
        message = row[S_AT]
        i = _request_of(w, message)
        late = consumes and _is_late(w, message)
        failed = (w.requests[i, L_POISON] and not fetching) or row[S_UNAVAILABLE]
        if late or failed or _is_blocked(w, slot, i):
            if not late:
                _record(w, slot, FAILED, now)
            row[S_BEFORE] = message
            row[S_AT] = w.messages[message, M_FOLLOWING] if consumes else NEVER
            continue
        row[S_SECOND] = 0
        row[S_ATTEMPT] = 1
        row[S_FOUND] = NEVER
        work_us = 0 if fetching else w.requests[i, L_WORK_US] // w.functions[row[S_FUNCTION], N_PARTS]
        if work_us:
            _until(w, slot, now + work_us, ISSUE)
        else:
            _issue(w, slot, now)
        return
    _finish(w, slot, now)


@compiled
def _is_blocked(w, slot, i):  # type: ignore[no-untyped-def]
    before = w.slots[slot, S_BEFORE]
    if not w.c[C_ORDERED] or before == NEVER or w.slots[slot, S_FUNCTION] != w.c[C_CONSUMER]:
        return False
    same = w.requests[_request_of(w, before), L_ORDER] == w.requests[i, L_ORDER]
    return same and w.messages[before, M_RESULT] == FAILED


@compiled
def _done(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    message = row[S_AT]
    i = _request_of(w, message)
    if row[S_APPLIED] == FAILED:
        if row[S_ATTEMPT] < w.c[C_TABLE_ATTEMPTS]:
            pause_us = w.c[C_TABLE_BACKOFF_US] << (row[S_ATTEMPT] - 1)
            row[S_ATTEMPT] += 1
            _until(w, slot, now + pause_us, ISSUE)
            return
        row[S_UNAVAILABLE] = 1
    elif w.requests[i, L_QUEUED] and w.requests[i, L_QUERY] and not row[S_SECOND] and row[S_FUNCTION] != w.c[C_RESULT]:
        row[S_SECOND] = 1
        row[S_ATTEMPT] = 1
        _issue(w, slot, now)
        return
    if row[S_APPLIED] == FAILED:
        row[S_FOUND] = NEVER
    _record(w, slot, row[S_APPLIED], now)
    row[S_BEFORE] = message
    row[S_AT] = w.messages[message, M_FOLLOWING] if row[S_FUNCTION] == w.c[C_CONSUMER] else NEVER
    if row[S_APPLIED] != FAILED and w.functions[row[S_FUNCTION], N_CALLS] != NEVER:
        number = FIRST_CALL * (1 + w.functions[row[S_FUNCTION], N_EFFECT]) + row[S_CALL]
        _until(w, slot, now + _draw(w, INVOKING, i, number), CALL)
        return
    _next(w, slot, now)


@compiled
def _begin(w, slot, now):  # type: ignore[no-untyped-def]
    row = w.slots[slot]
    row[S_STARTED] = now
    if row[S_FUNCTION] == w.c[C_CONSUMER]:
        message = row[S_FIRST]
        while message != NEVER:
            if _is_late(w, message):
                _copy(w, message, now)
            else:
                row[S_HANDED_ON] += 1
            message = w.messages[message, M_FOLLOWING]
    else:
        row[S_HANDED_ON] = 1
    _next(w, slot, now)


@compiled
def _start(w, slot, now):  # type: ignore[no-untyped-def]
    """As the oracle's; returns when it starts, `NEVER` where Lambda refuses it. The caller begins what starts now."""
    row = w.slots[slot]
    function = row[S_FUNCTION]
    reserved = w.functions[function, N_RESERVED]
    if _is_down(w, AT_FUNCTION + function, now) or (reserved >= 0 and w.functions[function, N_RUNNING] >= reserved):
        _bind(w, BY_RESERVED, now)
        return NEVER
    if reserved < 0:
        running = 0
        for other in range(len(w.functions)):
            if w.functions[other, N_RESERVED] < 0:
                running += w.functions[other, N_RUNNING]
        if running >= w.n[UNRESERVED]:
            _bind(w, BY_ACCOUNT, now)
            return NEVER
    first, idle = w.functions[function, N_IDLE_FIRST], w.functions[function, N_IDLE_COUNT]
    while idle > 0 and w.idle[first + idle - 1, 1] <= now:
        idle -= 1
    starts_us = now
    if idle > 0:
        idle -= 1
        w.functions[function, N_IDLE_COUNT] = idle
        row[S_ENVIRONMENT] = w.idle[first + idle, 0]
    else:
        w.functions[function, N_IDLE_COUNT] = 0
        if not _holds(w, 1 + function, w.c[C_SCALING_RATE], w.c[C_SCALING_BURST] * TOKEN, now, 1):
            _bind(w, BY_SCALING, now)
            return NEVER
        _take(w, 1 + function, 1)
        number = w.n[ENVIRONMENTS]
        w.n[ENVIRONMENTS] += 1
        row[S_ENVIRONMENT] = number
        init_us = _draw(w, INIT, number, 0)
        w.n[INIT_US] += init_us
        starts_us += _draw(w, PLACEMENT, number, 0) + init_us
        row[S_COLD] = 1
    w.functions[function, N_RUNNING] += 1
    w.functions[function, N_MOST] = max(w.functions[function, N_MOST], w.functions[function, N_RUNNING])
    row[S_NUMBER] = w.n[INVOCATIONS]
    w.n[INVOCATIONS] += 1
    if starts_us > now:
        _at(w, starts_us, BEGIN, row[S_NUMBER], slot)
    return starts_us


@compiled
def _invoke(w, i, now):  # type: ignore[no-untyped-def]
    function = w.c[C_RESULT] if w.requests[i, R_FETCHING] else w.requests[i, L_FUNCTION]
    call = w.requests[i, R_CALLS]
    slot = _new_slot(w, function, i)
    w.slots[slot, S_CALL] = call
    _hold(w, i)
    starts_us = _start(w, slot, now)
    if starts_us == NEVER:
        _drop_slot(w, slot)
        _respond(w, i, call, w.c[C_THROTTLED_STATUS], now)
        _release(w, i)
        return
    # Where the function's own time-out comes first, it need not be looked at.
    if starts_us + w.functions[function, N_TIMEOUT_US] > now + w.c[C_INTEGRATION_TIMEOUT_US]:
        _at(w, now + w.c[C_INTEGRATION_TIMEOUT_US], CUT, i, call)
    if starts_us == now:
        _begin(w, slot, now)


@compiled
def _batch(w, slot, now):  # type: ignore[no-untyped-def]
    starts_us = _start(w, slot, now)
    if starts_us != NEVER:
        if starts_us == now:
            _begin(w, slot, now)
        return
    row = w.slots[slot]
    if w.c[C_RETRY_US] != NEVER:
        message = row[S_FIRST]
        again_us = now + min(w.c[C_THROTTLE_BACKOFF_US] << min(row[S_THROTTLED], 20), w.c[C_MAX_BACKOFF_US])
        row[S_THROTTLED] += 1
        runs = w.functions[row[S_FUNCTION], N_RESERVED] != 0 and not _is_down(w, AT_FUNCTION + row[S_FUNCTION], now)
        if runs and again_us - w.messages[message, M_STORED] <= w.c[C_RETENTION_US]:
            _at(w, again_us, BATCH, message, slot)
            return
        _give_up(w, message)
        _release(w, _request_of(w, message))
        _at(w, now, FREE, message, 0)
        _drop_slot(w, slot)
        return
    again_us = now + w.c[C_THROTTLE_BACKOFF_US]
    if again_us < row[S_RECEIVED] + w.c[C_VISIBILITY_US]:
        _at(w, again_us, BATCH, row[S_FIRST], slot)
        return
    message = row[S_FIRST]
    while message != NEVER:
        _again(w, message, row[S_RECEIVED], now)
        _release(w, _request_of(w, message))
        message = w.messages[message, M_FOLLOWING]
    _at(w, again_us, FREE, row[S_FIRST], 0)
    _drop_slot(w, slot)


@compiled
def _sample(w, when_us):  # type: ignore[no-untyped-def]
    out = w.samples[w.n[SAMPLES]]
    w.n[SAMPLES] += 1
    out[0], out[1], out[2], out[3], out[4] = when_us, w.n[WAITING], w.n[IN_FLIGHT], w.n[DELAYED], w.n[DEAD]


@compiled
def prepare_world(w):  # type: ignore[no-untyped-def]
    """Set up the state before the first event."""
    n = w.n
    taken = 0
    for function in range(len(w.functions)):
        taken += max(0, w.functions[function, N_RESERVED])
    n[UNRESERVED] = max(0, w.c[C_ACCOUNT_CONCURRENCY] - taken)
    n[POLLERS] = w.c[C_POLLERS]
    n[WOKEN] = NEVER
    n[NEXT_GROWTH] = w.c[C_GROWTH_PERIOD_US]
    w.buckets[GATEWAY_BUCKET, 0] = w.c[C_GATEWAY_BURST] * TOKEN
    for function in range(len(w.functions)):
        w.buckets[1 + function, 0] = w.c[C_SCALING_BURST] * TOKEN
    for number in range(len(w.faults)):
        w.buckets[n[FAULT_BUCKETS] + number, 0] = w.faults[number, F_BURST] * TOKEN
    w.units[CAPACITY, 0] = w.c[C_WRITE_CAPACITY]
    w.units[CAPACITY, 1] = w.c[C_READ_CAPACITY]
    _partition_table(w, 0)
    for function in range(len(w.functions)):
        for _ in range(w.functions[function, N_WARM]):
            number = n[ENVIRONMENTS]
            n[ENVIRONMENTS] += 1
            _idle(w, function, number, 0, WARM, n[ENVIRONMENTS])
    for number in range(len(w.faults)):
        _at(w, w.faults[number, F_END_US], WAKE, number, 0)


@compiled
def _is_open(w, i, call):  # type: ignore[no-untyped-def]
    # A request that nothing holds may be gone already.
    return i >= w.n[LOW] and w.requests[i, R_OPEN] and w.requests[i, R_CALLS] == call


@compiled
def advance_world(w):  # type: ignore[no-untyped-def]
    """Let things happen until all has happened, or a buffer is nearly full; returns which."""
    n = w.n
    count = n[LOADED]
    room = w.c[C_MAX_POLLERS] + 64
    mask = (1 << _KIND_BITS) - 1
    while n[HEAP] > 0 or n[FOLLOWING] < count or n[MORE]:
        if n[FOLLOWING] == count and n[MORE]:
            return NEEDS_MORE
        if n[HEAP] + room + w.c[C_BATCH_SIZE] > len(w.heap):
            return HEAP_FULL
        if n[FREE_SLOTS] < room:
            return SLOTS_FULL
        if n[WAITING] + w.c[C_BATCH_SIZE] + 2 > len(w.queue):
            return QUEUE_FULL
        if n[RECORDS] + w.c[C_BATCH_SIZE] + MOST_EFFECTS > len(w.records):
            return RECORDS_FULL
        if n[ROWS] + MOST_EFFECTS > len(w.rows):
            return ROWS_FULL
        if n[SAMPLES] + 4 > len(w.samples):
            return SAMPLES_FULL
        following = n[FOLLOWING]
        arrives = following < count
        if arrives and n[HEAP] > 0:
            due_us, key = w.requests[following, L_DUE_US], (DUE << _KIND_BITS) | following
            arrives = due_us < w.heap[0, H_TIME] or (due_us == w.heap[0, H_TIME] and key < w.heap[0, H_KEY])
        if arrives:
            now, kind, number, data = w.requests[following, L_DUE_US], DUE, following, 0
        else:
            now, key, data = w.heap[0, H_TIME], w.heap[0, H_KEY], w.heap[0, H_DATA]
            kind, number = key >> _KIND_BITS, key & mask
            if (kind == CUT and not _is_open(w, number, data)) or (kind == WAITED and not _waits_for(w, data, number)):
                _pop(w)
                continue
        n[SETTLED] = now
        if n[NEXT_SAMPLE] < now:
            _sample(w, n[NEXT_SAMPLE])
            n[NEXT_SAMPLE] += w.c[C_SAMPLE_EVERY_US]
            continue
        if arrives:
            n[FOLLOWING] += 1
        else:
            _pop(w)
        if kind == DUE:
            _send(w, number, now)
        elif kind == INVOKE:
            _invoke(w, number, now)
        elif kind == DONE:
            _done(w, data, now)
        elif kind == BEGIN:
            _begin(w, data, now)
        elif kind == ISSUE:
            _issue(w, data, now)
        elif kind in (STOP, WAITED):
            _stop(w, data, now)
        elif kind == CALL:
            _call(w, data, now)
        elif kind == BATCH:
            _batch(w, data, now)
        elif kind == STORED:
            message = number
            if n[ORIGINALS] != n[COUNT]:
                message += n[COUNT] * (w.requests[number, R_ATTEMPTS] - 1)
            if not w.c[C_ORDERED] or w.messages[message, M_STORED] == NEVER:
                w.messages[message, M_STORED] = now
                _show(w, message, now)
            _respond(w, number, w.requests[number, R_CALLS], 202, now)
            _dispatch(w, now, True)
        elif kind == VISIBLE:
            if w.messages[number, M_STORED] == NEVER:
                w.messages[number, M_STORED] = now
                n[DELAYED] -= 1
            else:
                _land(w, number)
            _show(w, number, now)
            _dispatch(w, now, True)
        elif kind == FREE:
            _free(w, now)
        elif kind == GROW:
            n[GROWING] = 0
            if _waits(w) and n[ACTIVE] >= n[POLLERS] and n[POLLERS] < w.c[C_MAX_POLLERS]:
                n[POLLERS] += 1
                _dispatch(w, now, False)
        elif kind == WAKE:
            _dispatch(w, now, False)
        elif kind == ANSWER:
            _respond(w, number, data // _ANSWER_BASE, data % _ANSWER_BASE - _STATUS_BASE, now)
        elif kind == HELD:
            if w.requests[number, R_CALLS] == data // _ANSWER_BASE:
                _answered(w, number, data % _ANSWER_BASE - _STATUS_BASE, now)
        else:  # CUT
            _bind(w, BY_INTEGRATION, now)
            _respond(w, number, data, 504, now)
        if (_OF_REQUESTS >> kind) & 1:
            _release(w, _request_of(w, number))
    _sample(w, n[SETTLED])
    return FINISHED
