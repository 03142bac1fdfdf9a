"""Targets as tests open them, and the cases a suite over targets has.

Belongs here: which targets can be started by a test, and with what. What is asked of them is the tests' business.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Platform, open_target, targets
from workloads.places import Places

# Those that need to be told nothing can be started. All but the default one take long.
STARTABLE = [name for name, target in targets().items() if not target.options]


def platform(folder: Path, target: str = DEFAULT_TARGET) -> Platform:
    """A target that needs to be told nothing; ``folder`` is the home it is installed into and logs to."""
    return open_target(target, Places(folder), {}, Silent())


def slowed(target: str) -> float:
    """How many times as slowly as on the default target a replay is played on another, which takes less."""
    return 1.0 if target == DEFAULT_TARGET else 4.0


def on_every_target(others: Iterable[str] = ("",)) -> list[ParameterSet]:
    """A case for each target and each of ``others``: a pair of their names."""
    return [
        pytest.param(
            (target, other),
            id="-".join(filter(None, (target, other))),
            marks=() if target == DEFAULT_TARGET else pytest.mark.long,
        )
        for target in STARTABLE
        for other in others
    ]
