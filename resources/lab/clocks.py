"""How far the clock that functions stamp with is from this process's.

Put the estimate and its uncertainty here. Keep out what is stamped (`resources.architectures.handlers`) and what
becomes of the stamps (`resources.lab.observation`).
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from resources.architectures.stack import Stack

_MEASUREMENTS = 9  # the quickest one is the best


@dataclass(frozen=True)
class Clock:
    """A clock of functions, compared with this process's CLOCK_MONOTONIC.

    Attributes:
        offset_ns: What it shows when CLOCK_MONOTONIC is 0, as estimated.
        uncertainty_ns: How far the truth is from that at most.
    """

    offset_ns: int = 0
    uncertainty_ns: int = 0

    def stamp(self, ns: int) -> int:
        """What it shows at ``ns`` of CLOCK_MONOTONIC."""
        return ns + self.offset_ns


SHARED = Clock()  # of functions on this machine: CLOCK_MONOTONIC itself


def estimated(read: Callable[[], int], now: Callable[[], int] = time.monotonic_ns) -> Clock:
    """The clock that ``read`` reads somewhere else, estimated from readings of ``now`` before and after it.

    As NTP does it: it was read somewhere between the two, so at their middle give or take half the round trip; of
    several readings, the one with the shortest round trip counts.

    Args:
        read: Returns what the other clock shows, in nanoseconds.
        now: Returns what this process's clock shows, in nanoseconds.
    """
    seen = []
    for _ in range(_MEASUREMENTS):
        before_ns = now()
        stamp_ns = read()
        after_ns = now()
        seen.append((after_ns - before_ns, stamp_ns - (before_ns + after_ns) // 2))
    trip_ns, offset_ns = min(seen)
    return Clock(offset_ns, (trip_ns + 1) // 2)


def between(before: Clock, after: Clock) -> Clock:
    """The clock of a replay, from one estimate before it and one after it; its drift adds to the uncertainty."""
    drift_ns = abs(after.offset_ns - before.offset_ns)
    return Clock(
        (before.offset_ns + after.offset_ns) // 2,
        max(before.uncertainty_ns, after.uncertainty_ns) + (drift_ns + 1) // 2,
    )


def clock_of(stack: Stack) -> Clock:
    """The clock of a stack's functions, read now.

    The wall clocks of AWS's machines count as one: Amazon keeps them within a millisecond of each other, less than
    an invocation can measure.
    """
    if stack.clients.shares_clock:
        return SHARED
    function = next(iter(stack.function_names.values()))[0]

    def read() -> int:
        answer = stack.clients.lambda_.invoke(FunctionName=function, Payload=json.dumps({"clock": True}))
        return int(json.loads(answer["Payload"].read())["now_ns"])

    return estimated(read)
