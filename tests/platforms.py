"""Targets as tests open them: everything an instance writes goes into a folder of the test's own."""

from pathlib import Path

from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Platform, open_target
from workloads.places import Places


def platform(folder: Path, target: str = DEFAULT_TARGET) -> Platform:
    """A target that needs to be told nothing."""
    return open_target(target, Places(folder), {}, Silent())
