"""Which requests a fault hits: those of some operations, above a rate, and of these a share by seeded chance.

Put here reading a fault's settings and choosing. Keep out what happens to the requests that are hit
(`resources.faults.proxy.behaviours`).
"""

import dataclasses
import struct
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from resources.faults.proxy import settings
from resources.faults.proxy.behaviours import KINDS, PASS, Behaviour, Treatment
from resources.faults.proxy.message import Request

_CHOICE_KEYS = {"share", "operations", "above_per_s", "seed"}
_MAX_SEED = 2**63 - 1
_HIT, _KIND = 0, 1  # the first stream decides whether a request is hit, the others belong to the kind


def uniform(seed: int, index: int, stream: int) -> float:
    """A random number of [0, 1) that depends on these three only, and so is the same in every process."""
    digest = blake2b(struct.pack("<qqq", seed, index, stream), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53


class _TokenBucket:
    """A token bucket: lets through ``per_s`` requests a second, after a burst of one second's worth."""

    def __init__(self, per_s: float, clock_ns: Callable[[], int]) -> None:
        self._per_s = per_s
        self._capacity = max(1.0, per_s)
        self._tokens = self._capacity
        self._clock_ns = clock_ns
        self._filled_ns = clock_ns()

    def take(self) -> bool:
        now_ns = self._clock_ns()
        self._tokens = min(self._capacity, self._tokens + (now_ns - self._filled_ns) / 1e9 * self._per_s)
        self._filled_ns = now_ns
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Fault:
    """A fault that is on, from the moment this is made.

    Args:
        options: Its ``kind``, the kind's own settings, and except for ``down``

            - ``operations``: names of `Request.operation`; requests for others pass. By default all match.
            - ``above_per_s``: matching requests within this rate pass (a token bucket with a burst of one second).
            - ``share``: of the others, this share (0 to 1) is hit, by chance. By default all.
            - ``seed``: of that chance. The n-th matching request meets the same chance in every process.
        clock_ns: The time in nanoseconds.

    Raises:
        ValueError: The settings make no sense; it says why, for people.
    """

    def __init__(self, options: Mapping[str, Any], clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        keys = dict(options)
        self._behaviour = _behaviour(keys)
        self.listens = self._behaviour.listens
        self._share = settings.number("share", keys.get("share", 1.0), minimum=0, maximum=1)
        self._seed = settings.whole("seed", keys.get("seed", 0), minimum=0, maximum=_MAX_SEED)
        self._operations = settings.texts("operations", keys["operations"]) if "operations" in keys else None
        self._bucket: _TokenBucket | None = None
        if "above_per_s" in keys:
            self._bucket = _TokenBucket(settings.number("above_per_s", keys["above_per_s"], minimum=0.001), clock_ns)
        self._matched = 0

    def treatment(self, request: Request) -> Treatment:
        """What happens to the next request. It counts the request, so call it once for each."""
        if self._operations is not None and request.operation not in self._operations:
            return PASS
        index = self._matched
        self._matched += 1
        if self._bucket is not None and self._bucket.take():
            return PASS
        if uniform(self._seed, index, _HIT) >= self._share:
            return PASS
        return self._behaviour.treat(request, lambda stream: uniform(self._seed, index, _KIND + stream))


def _behaviour(keys: dict[str, Any]) -> Behaviour:
    """Take the kind and its own keys out of ``keys``, leaving those of the choice."""
    kind = keys.pop("kind", None)
    make = KINDS.get(kind) if isinstance(kind, str) else None
    if make is None:
        raise ValueError(f"no such kind of fault: {kind!r}; there are {', '.join(sorted(KINDS))}")
    fields = dataclasses.fields(make)
    chosen = _CHOICE_KEYS if make.listens else set()
    known = {field.name for field in fields}
    if unknown := sorted(keys.keys() - known - chosen):
        raise ValueError(f"{kind} does not know {', '.join(unknown)}; it knows {', '.join(sorted(known | chosen))}")
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    if missing := sorted(needed - keys.keys()):
        raise ValueError(f"{kind} needs {', '.join(missing)}")
    return make(**{name: keys.pop(name) for name in known & keys.keys()})
