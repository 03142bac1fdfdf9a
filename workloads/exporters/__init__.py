"""Recordings for other load generators: what an exporter is, and the registry of those there are.

A tool is one module of this package with an ``EXPORTER``; adding it edits nothing else. What is exported are the
recorded methods and paths, for replaying elsewhere, and not the lab's requests; which requests those are is `targets`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from workloads.discovery import discover
from workloads.recordings.recording import Recording


class Exporter(Protocol):
    """One load generator."""

    @property
    def name(self) -> str:
        """As on the command line, in lower case."""

    @property
    def description(self) -> str:
        """One line for people: what is written, and how to run it."""

    def write(self, recording: Recording, base_url: str, folder: Path, *, speed: float, seed: int) -> list[Path]:
        """Writes files named after the recording into ``folder`` and says which, the one to run last."""


def exporters() -> Mapping[str, Exporter]:
    """Every load generator there is, by name."""
    return discover(sys.modules[__name__], "EXPORTER")
