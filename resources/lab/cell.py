"""What identifies a replay: its cell, its contender and its comparison.

Put here how these three are named, in words and in folders. Keep out how a cell is replayed (`resources.lab.lab`) and
which cells a night has (`orchestration.cells`).
"""

from dataclasses import dataclass
from typing import Self

from resources.architectures.stack import DEFAULT_VARIANT
from resources.targets import DEFAULT_TARGET
from workloads.errors import ArchduelError

_SEPARATOR = "__"


def target_suffix(target: str, separator: str) -> str:
    """The end of a name, by target: nothing on the default target, else ``separator`` and the target."""
    return "" if target == DEFAULT_TARGET else separator + target


@dataclass(frozen=True)
class Cell:
    """A recording under a scenario on a target: what all architectures of a comparison are replayed through."""

    workload: str
    scenario: str
    target: str = DEFAULT_TARGET

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cell that ``text`` names, such as ``food_orders__steady``.

        Raises:
            ArchduelError: ``text`` has not the form of a cell's name.
        """
        parts = text.split(_SEPARATOR)
        if len(parts) not in {2, 3}:
            form = cls("WORKLOAD", "SCENARIO", "[TARGET]")
            raise ArchduelError(f"{text!r} is no cell: a cell is {form}")
        return cls(*parts)

    def __str__(self) -> str:
        """Its name as a partition and as a folder."""
        return f"{self.workload}{_SEPARATOR}{self.scenario}{target_suffix(self.target, _SEPARATOR)}"


@dataclass(frozen=True)
class Contender:
    """What is compared: an architecture whose functions write in one of the variants.

    In the arm ``aa`` it is the same again, to be compared with itself.
    """

    architecture: str
    variant: str
    arm: str = "main"

    @property
    def partition(self) -> str:
        """Its folder among a cell's observations and outcomes."""
        return "~".join([self.architecture, self.variant, *([self.arm] if self.arm != "main" else [])])

    def __str__(self) -> str:
        words = [
            *([self.variant] if self.variant != DEFAULT_VARIANT else []),
            *(["once more"] if self.arm == "aa" else []),
        ]
        return self.architecture + (f" ({', '.join(words)})" if words else "")


@dataclass(frozen=True)
class Comparison:
    """Which comparison a replay belongs to."""

    comparison_id: str
    origin: str  # nightly, adhoc
    night: str
