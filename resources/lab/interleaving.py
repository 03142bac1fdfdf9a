"""The order in which contenders take turns: none is always first, always last or always after the same other.

Put the order of turns here. Keep out what happens in a turn (`resources.lab.lab`).
"""

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


def turns(contenders: Sequence[_T], repetition: int) -> list[_T]:
    """The order of a repetition, counted from 1: ABC, CBA, BCA, ACB, CAB, BAC, and so on again.

    Each even repetition is the one before it backwards, so over any even number of them all have the same
    mean position, and a machine that slowly warms up or fills favours none; pairs rotate, so that none always follows
    the same other.
    """
    shift = (repetition - 1) // 2 % max(len(contenders), 1)
    order = [*contenders[shift:], *contenders[:shift]]
    return order if repetition % 2 else order[::-1]
