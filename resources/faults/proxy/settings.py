"""Checks of a fault's settings: each returns the value or raises `ValueError` with a reason for people.

Put here checks of single values. Keep out which settings there are (`resources.faults.proxy.behaviours`,
`resources.faults.proxy.fault`).
"""

import math
from typing import Any


def number(name: str, value: Any, *, minimum: float, maximum: float = math.inf) -> float:
    """A finite number within these bounds."""
    if type(value) not in {int, float} or not math.isfinite(value) or not minimum <= value <= maximum:
        bounds = f"from {minimum:g} to {maximum:g}" if math.isfinite(maximum) else f"of at least {minimum:g}"
        raise ValueError(f"{name} must be a number {bounds}, not {value!r}")
    return float(value)


def whole(name: str, value: Any, *, minimum: int, maximum: int) -> int:
    """A whole number within these bounds."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise ValueError(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}")
    return value


def flag(name: str, value: Any) -> bool:
    """A boolean."""
    if type(value) is not bool:
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def text(name: str, value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value


def texts(name: str, value: Any) -> frozenset[str]:
    """The texts of a list that is not empty."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be a list of names, not {value!r}")
    return frozenset(value)
