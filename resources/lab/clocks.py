"""Whose clock functions stamp with, and how far it is from ours.

Belongs here: the estimate and its uncertainty. What is stamped, handlers decide; what is made of stamps is
`resources.lab.observation`.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from resources.architectures.stack import Stack

_ASKED = 9  # times: the quickest answer is the best one


@dataclass(frozen=True)
class Clock:
    """``offset_ns`` is what a stamp says at our CLOCK_MONOTONIC 0; the truth is within ``uncertainty_ns`` of it."""

    offset_ns: int = 0
    uncertainty_ns: int = 0

    def stamp(self, ns: int) -> int:
        """What a stamp says at ``ns`` of our CLOCK_MONOTONIC."""
        return ns + self.offset_ns


SHARED = Clock()  # functions on this machine, by the clock we go by


def estimated(asked: Callable[[], int], now: Callable[[], int] = time.monotonic_ns) -> Clock:
    """The clock that ``asked`` reads somewhere else, between two readings of ours.

    As NTP does it: it was read somewhere between, so at the middle give or take half the round trip; of several
    answers, the one with the shortest.
    """
    seen = []
    for _ in range(_ASKED):
        before_ns = now()
        stamp_ns = asked()
        after_ns = now()
        seen.append((after_ns - before_ns, stamp_ns - (before_ns + after_ns) // 2))
    trip_ns, offset_ns = min(seen)
    return Clock(offset_ns, (trip_ns + 1) // 2)


def between(before: Clock, after: Clock) -> Clock:
    """The clock of a replay, from one estimate before it and one after: what it drifted meanwhile is uncertain, too."""
    drift_ns = abs(after.offset_ns - before.offset_ns)
    return Clock(
        (before.offset_ns + after.offset_ns) // 2,
        max(before.uncertainty_ns, after.uncertainty_ns) + (drift_ns + 1) // 2,
    )


def clock_of(stack: Stack) -> Clock:
    """How the functions of ``stack`` stamp now. Wall clocks of AWS's machines are taken for one: Amazon keeps them
    within a millisecond of each other, which no invocation can tell.
    """
    if stack.clients.shares_clock:
        return SHARED
    function = next(iter(stack.function_names.values()))

    def asked() -> int:
        answer = stack.clients.lambda_.invoke(FunctionName=function, Payload=json.dumps({"clock": True}))
        return int(json.loads(answer["Payload"].read())["now_ns"])

    return estimated(asked)
