"""Recordings as input for other load generators, a module each, found by listing this folder.

Put here what an exporter is; a new one is a module with an ``EXPORTER``. Keep out which requests are exported
(`workloads.exporters.targets`): those are the recorded methods and paths, not the requests of the lab's API.
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
        """The load generator's name on the command line, in lower case."""

    @property
    def description(self) -> str:
        """One line for people: what is written, and how to run it."""

    def write(self, recording: Recording, base_url: str, folder: Path, *, speed: float, seed: int) -> list[Path]:
        """Write files named after the recording.

        Args:
            recording: The recording.
            base_url: Where its requests are to be sent; recorded paths are appended.
            folder: Where to write.
            speed: A factor on recorded time, for load generators that take due times.
            seed: What fills the bodies.

        Returns:
            The files; the last one is to be run.
        """


def exporters() -> Mapping[str, Exporter]:
    """All exporters by name."""
    return discover(sys.modules[__name__], "EXPORTER")
