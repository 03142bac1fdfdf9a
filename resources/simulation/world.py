"""What the compiled engine knows, as rows and columns of whole numbers in memory.

Put here the arrays, the names of their columns, and how compiled code gets at them. Keep out what happens to them
(`resources.simulation.steps`) and running it (`resources.simulation.kernel`).

A compiled function gets one address, `WORLD`, instead of two dozen arrays: handing over these, nine numbers each, took
most of the time of a call. At that address are two numbers for each array, where it is and how many rows it has; how
many columns is in `COLUMNS`.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, datamodel, types
from numba.core.datamodel import models
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from resources.simulation.draws import SIZE
from resources.simulation.system import BINS, OUTCOMES

Array = npt.NDArray[np.int64]

# Numbers of the state that are no arrays. Requests below `LOW` have no row any more, those from `LOADED` on none yet;
# `MORE` are to come.
(
    HEAP,
    FOLLOWING,
    NEXT_SAMPLE,
    SETTLED,
    ENVIRONMENTS,
    INVOCATIONS,
    IN_FLIGHT,
    DELAYED,
    DEAD,
    ACTIVE,
    POLLERS,
    GROWING,
    LAST_ACTIVE,
    WOKEN,
    HEAD,
    WAITING,
    FREE_SLOTS,
    RECORDS,
    ROWS,
    SAMPLES,
    INIT_US,
    SECOND,
    NEXT_GROWTH,
    PARTITIONS,
    ORIGINALS,
    COUNT,
    UNRESERVED,
    FAULT_BUCKETS,
    TABLE_BUCKETS,
    PARTITION_BUCKETS,
    LOADED,
    MORE,
    CONDENSED,
    READY,
    LOW,
) = range(35)
FINISHED, HEAP_FULL, SLOTS_FULL, QUEUE_FULL, RECORDS_FULL, ROWS_FULL, SAMPLES_FULL, NEEDS_MORE = range(8)
# Columns of a slot, which holds an invocation.
(
    S_FUNCTION,
    S_FIRST,
    S_CALL,
    S_RECEIVED,
    S_NUMBER,
    S_ENVIRONMENT,
    S_STARTED,
    S_COLD,
    S_AT,
    S_SECOND,
    S_ATTEMPT,
    S_UNAVAILABLE,
    S_FOUND,
    S_APPLIED,
    S_HANDED_ON,
    S_RESULT,
    S_RESULT_AT,
    S_RESULT_FOUND,
    S_BEFORE,  # the message before the one it works on
    S_THROTTLED,  # how often Lambda refused it
    S_CALLED,  # whether another invocation called it: the one in the slot `S_CALLER`, with that number
    S_CALLER,
    S_CALLER_NUMBER,
    S_WAITS,  # for one that it called
    S_WELL,  # what it called carried its part out
    S_FREE,  # no slot's own, but the stack of free slots
) = range(26)


# The system's numbers, in their order.
(
    C_SEED,
    C_DEADLINE_US,
    C_RETRIES,
    C_ASK_AFTER_US,
    C_GATEWAY_RATE,
    C_GATEWAY_BURST,
    C_INTEGRATION_TIMEOUT_US,
    C_MAX_PAYLOAD_BYTES,
    C_THROTTLED_STATUS,
    C_ACCOUNT_CONCURRENCY,
    C_SCALING_RATE,
    C_SCALING_BURST,
    C_CONSUMER,
    C_RESULT,
    C_EFFECTS,
    C_VISIBILITY_US,
    C_MAX_RECEIVES,
    C_BATCH_SIZE,
    C_BATCH_WINDOW_US,
    C_POLLERS,
    C_POLLER_EVERY_US,
    C_MAX_POLLERS,
    C_SCALE_IN_US,
    C_THROTTLE_BACKOFF_US,
    C_MAX_IN_FLIGHT,
    C_RETENTION_US,
    C_DUPLICATE_THRESHOLD,
    C_ORDERED,
    C_RETRY_US,
    C_MAX_BACKOFF_US,
    C_TABLE_TIMEOUT_US,
    C_TABLE_ATTEMPTS,
    C_TABLE_BACKOFF_US,
    C_REFUSED_US,
    C_IDEMPOTENT,
    C_WRITE_CAPACITY,
    C_READ_CAPACITY,
    C_MAX_CAPACITY,
    C_PARTITION_WRITES,
    C_PARTITION_READS,
    C_TABLE_BURST_S,
    C_GROWTH_PERIOD_US,
    C_SAMPLE_EVERY_US,
) = range(43)
# Columns of a request: of the load, and what came of it.
(
    L_DUE_US,
    L_QUERY,
    L_QUEUED,
    L_FUNCTION,
    L_ORDER,
    L_PAYLOAD_BYTES,
    L_WORK_US,
    L_POISON,
    L_DELIVERY,
    L_DELAY_US,
    R_STATUS,
    R_SENT,
    R_RESPONDED,
    R_ATTEMPTS,
    R_FETCHES,
    R_FETCHED,
    R_CALLS,
    R_OPEN,
    R_FETCHING,
    R_AGE,
    R_TICKET,
    R_HOLD,
    R_TRUNCATED,
    R_SILENT,
    R_COMMITS,
    R_STAMPS,
    R_FOUND,
    R_OPERATIONS,
    R_HANDLED,
    R_FURTHER_COMMITS,  # of the second effect, behind which those of others are
    R_LAST_COMMITS,
    R_FURTHER_STAMPS,
    R_LAST_STAMPS,
    R_HOLDERS,  # events, messages and invocations that may still do something to it
) = range(34)
# Columns of a message.
(
    M_STORED,
    M_SHOWN,
    M_RECEIVES,
    M_DEAD,
    M_DUPLICATED,
    M_FOLLOWING,
    M_RESULT,
    M_RESULT_AT,
    M_RESULT_FOUND,
) = range(9)
# Columns of a group of a FIFO queue: its first and last waiting message, which `M_FOLLOWING` links, how many of it are
# in flight, and whether it is in the queue of groups that may be handed out.
G_FIRST, G_LAST, G_FLYING, G_READY = range(4)
# Columns of a fault.
(
    F_KIND,
    F_AT,
    F_START_US,
    F_END_US,
    F_THRESHOLD,
    F_OPERATIONS,
    F_RATE,
    F_BURST,
    F_STATUS,
    F_FORWARDED,
) = range(10)
# Columns of a function, whose idle environments are those from the number `N_IDLE_FIRST` on; of an event, and rows of
# the table's units.
(
    N_RESERVED,
    N_TIMEOUT_US,
    N_WARM,
    N_CALLS,
    N_EFFECT,
    N_PARTS,
    N_RUNNING,
    N_IDLE_COUNT,
    N_MOST,
    N_IDLE_FIRST,
    N_INVOCATIONS,
    N_COLD,
    N_BUSY_US,
) = range(13)
H_TIME, H_KEY, H_DATA = range(3)
CAPACITY, PEAK, IN_SECOND = range(3)
# What is counted where requests have no rows, of commands and of queries. Of `T_LIMITED` it is known at the end only
# whether a limit refused them.
(
    T_ATTEMPTS,
    T_FETCHES,
    T_COMMITTED,
    T_COMMITS,
    T_DELIVERIES,
    T_WORK_US,
    T_ACCEPTED,
    T_LIMITED,
    T_RESPONSE_US,
    T_RESPONSE_MAX_US,
    T_COMPLETION_US,
    T_COMPLETION_MAX_US,
    T_OUTCOMES,  # the first of `OUTCOMES`
) = range(13)
FIRST_STATUS, STATUSES = -8, 1024
GATEWAY_BUCKET = 0  # then those of the functions' growth, of faults, of the table, of its partitions


class World(NamedTuple):
    """The arrays. Each has a row for each of its things, but for those that are one row of numbers."""

    n: Array
    c: Array
    draws: Array
    fault_draws: Array
    requests: Array
    messages: Array
    functions: Array
    faults: Array
    heap: Array
    idle: Array
    slots: Array
    buckets: Array
    units: Array
    exists: Array
    groups: Array
    bound: Array
    records: Array
    rows: Array
    samples: Array
    queue: Array
    streams: Array
    totals: Array
    statuses: Array
    responses: Array
    completions: Array


COLUMNS = {
    "n": 0,
    "c": 0,
    "draws": SIZE,
    "fault_draws": SIZE,
    "requests": R_HOLDERS + 1,
    "messages": M_RESULT_FOUND + 1,
    "functions": N_BUSY_US + 1,
    "faults": F_FORWARDED + 1,
    "heap": 3,
    "idle": 2,
    "slots": S_FREE + 1,
    "buckets": 2,
    "units": 2,
    "exists": 0,
    "groups": G_READY + 1,
    "bound": 2,
    "records": 6,
    "rows": 8,
    "samples": 5,
    "queue": 0,
    "streams": 0,
    "totals": T_OUTCOMES + len(OUTCOMES),
    "statuses": 0,
    "responses": BINS,
    "completions": BINS,
}


def _cache_folder() -> Path | None:
    """Where compiled code is kept, for this version of all that it is compiled from; None: where numba keeps it.

    Numba looks at one file alone, and would go on with the numbers that another file had before.
    """
    here = Path(__file__).parent
    sources = b"".join(
        (here / f"{name}.py").read_bytes()
        for name in ("direct", "draws", "kernel", "oracle", "steps", "system", "world")
    )
    kept = Path(os.environ.get("NUMBA_CACHE_DIR", here / "__pycache__"))
    folder = kept / f"kernel-{hashlib.blake2b(sources, digest_size=6).hexdigest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a place that this user may not write to
        return None
    return folder


FOLDER = _cache_folder()
if FOLDER is not None:
    numba.config.CACHE_DIR = str(FOLDER)  # type: ignore[attr-defined]  # set when numba is imported

# A wrapper for Python would cost a third of the compilation of each function that only others of these call. None of
# them makes an array: without counting the owners of arrays (`_nrt`) they take half the time.
_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}
compiled: Callable[..., Any] = numba.njit(**_OPTIONS)
entry: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")
# Numba's own functions have no types.
_intrinsic: Callable[..., Any] = intrinsic
_registered: Callable[..., Any] = datamodel.registry.register_default
_lowering: Callable[..., Any] = lower_getattr_generic
_make_array: Callable[..., Any] = make_array
_populate_array: Callable[..., Any] = populate_array
_pack_array: Callable[..., Any] = cgutils.pack_array


class _WorldType(types.Type):
    """The address of a world."""

    def __init__(self) -> None:
        super().__init__(name="World")


WORLD = _WorldType()
_NUMBERS = types.Array(types.int64, 1, "C", aligned=True)
_ROWS = types.Array(types.int64, 2, "C", aligned=True)


@_registered(_WorldType)
class _WorldModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.IntType(64).as_pointer())  # type: ignore[no-untyped-call]  # numba has no types


@infer_getattr
class _WorldAttributes(AttributeTemplate):
    key = _WorldType

    def generic_resolve(self, _world: Any, name: str) -> Any:  # type: ignore[override]  # there it returns nothing yet
        return _ROWS if COLUMNS[name] else _NUMBERS


def _array_at(context: Any, builder: Any, _type: Any, world: Any, name: str) -> Any:
    """One of the arrays of a world."""
    kind = _ROWS if COLUMNS[name] else _NUMBERS
    number = World._fields.index(name)

    def stored(place: int) -> Any:
        return builder.load(builder.gep(world, [ir.Constant(ir.IntType(64), place)]))

    def constant(value: int) -> Any:
        return context.get_constant(types.intp, value)

    array = _make_array(kind)(context, builder)
    columns = COLUMNS[name]
    shape, strides = [stored(2 * number + 1)], [constant(8 * max(columns, 1))]
    if columns:
        shape.append(constant(columns))
        strides.append(constant(8))
    _populate_array(
        array,
        data=builder.inttoptr(stored(2 * number), context.get_data_type(types.int64).as_pointer()),
        shape=_pack_array(builder, shape),
        strides=_pack_array(builder, strides),
        itemsize=constant(8),
        meminfo=None,
    )
    return array._getvalue()  # noqa: SLF001 - numba's way of handing on what it builds


_lowering(_WorldType)(_array_at)


@_intrinsic
def bit_length(_context, _number):  # type: ignore[no-untyped-def]
    """How many bits a number from 0 on has."""

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(ir.IntType(64), 64), zeros)

    return types.int64(types.int64), generate


@_intrinsic
def world_at(_context, _address):  # type: ignore[no-untyped-def]
    """The world whose arrays are listed at an address."""

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())

    return WORLD(types.int64), generate


def addresses(world: World, first: int = 0) -> Array:
    """Where the arrays of a world are, as `world_at` takes it: valid as long as these arrays are.

    Args:
        world: The arrays.
        first: The number of the request and of the message that the first row of theirs is of.
    """
    found = []
    for name, array in world._asdict().items():
        width = array.shape[1] if array.ndim > 1 else 0
        if not array.flags.c_contiguous or array.dtype != np.int64 or width != COLUMNS[name]:
            raise ValueError(f"{name} has not the form that compiled code expects")
        before = first if name in ("requests", "messages") else 0
        found.append([array.ctypes.data - before * width * 8, before + len(array)])
    return np.array(found, np.int64).reshape(-1)
