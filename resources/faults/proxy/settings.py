"""Checking what a fault is told: each check returns the value or raises `ValueError` with a reason for people.

Belongs here: checks. Which settings there are does not.
"""

import math
from typing import Any


def number(name: str, value: Any, *, least: float, most: float = math.inf) -> float:
    """A finite number within these bounds."""
    if type(value) not in {int, float} or not math.isfinite(value) or not least <= value <= most:
        bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        raise ValueError(f"{name} must be a number {bounds}, not {value!r}")
    return float(value)


def whole(name: str, value: Any, *, least: int, most: int) -> int:
    """A whole number within these bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return value


def flag(name: str, value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value


def texts(name: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be a list of names, not {value!r}")
    return frozenset(value)
