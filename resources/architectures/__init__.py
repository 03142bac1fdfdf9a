"""The registry of architectures: one module here, one entry; nothing else needs an edit.

What an architecture is lives here, what it is made of in `resources.architectures.parts`.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from resources.architectures.stack import Node
from workloads.discovery import discover
from workloads.recordings.recording import Operation


@dataclass(frozen=True)
class Architecture:
    """A way to serve the same two requests: ``POST /orders`` (a command) and ``GET /orders/{id}`` (a query).

    ``nodes`` maps a resource's name to how it is made and what it needs; ``functions`` names those that are Lambda
    functions, ``queued`` the operations that are acknowledged by a queue and done later. ``position`` orders
    architectures in tables and plots.
    """

    name: str
    title: str
    description: str
    nodes: Mapping[str, Node]
    queued: frozenset[Operation]
    position: int = 100

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(name for name, node in self.nodes.items() if node.kind == "lambda")

    @property
    def leaves(self) -> tuple[str, ...]:
        """The nodes no other node needs: what a replay has to wait for."""
        needed = {need for node in self.nodes.values() for need in node.needs}
        return tuple(name for name in self.nodes if name not in needed)


@cache
def architectures() -> dict[str, Architecture]:
    """Every registered architecture by name, in the order of its position."""
    return discover(sys.modules[__name__], "ARCHITECTURE")
