"""What killed runs left on a target that goes on without them: an emulator at an endpoint, or an account on AWS.

Put here which resources belong to runs that are over. Keep out how a resource is deleted (`resources.targets.sweeping`)
and which names belong to which home (`resources.targets.endpoint.Owner`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from resources.aws.clients import Services
from resources.targets import Found
from resources.targets.sweeping import found, sweep


class Names(Protocol):
    """Recognises resources by name."""

    def left_behind(self, name: str) -> bool:
        """Whether a run of this home made it that is over."""

    def owns(self, name: str) -> bool:
        """Whether a run of this home made it."""


@dataclass(frozen=True)
class OwnLeftovers:
    """Leftovers among the resources that one ``owner`` made with ``clients``, all of them with ``tags``."""

    clients: Services
    owner: Names
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Where they are, for people."""
        return self.clients.where

    def find(self, *, everything: bool) -> Found:
        """As `Leftovers.find` of `resources.targets`."""
        with self.clients.explained():
            resources = found(self.clients, self._mine(everything), self.tags)
        return Found([str(one) for one in resources if not one.foreign], [str(one) for one in resources if one.foreign])

    def sweep(self, *, everything: bool) -> int:
        """As `Leftovers.sweep` of `resources.targets`."""
        with self.clients.explained():
            return sweep(self.clients, self._mine(everything), self.tags)

    def _mine(self, everything: bool) -> Callable[[str], bool]:
        return self.owner.owns if everything else self.owner.left_behind
