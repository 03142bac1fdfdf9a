"""Where things of ours are left behind when a run is killed: under names of ours, among other people's.

Belongs here: what of it is of dead runs, and what is of no run of ours. How one resource goes is
`resources.targets.sweeping`; whose names are whose, `resources.targets.endpoint.Owner`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from resources.aws.clients import Services
from resources.targets import Leftovers
from resources.targets.sweeping import found, sweep


class Names(Protocol):
    """Whose names are whose."""

    def left_behind(self, name: str) -> bool: ...

    def owns(self, name: str) -> bool: ...


@dataclass(frozen=True)
class OwnCorner:
    """What one owner made with ``clients``, all of it with ``tags``."""

    clients: Services
    owner: Names
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.clients.where

    def left(self, *, everything: bool) -> Leftovers:
        with self.clients.explained():
            seen = found(self.clients, self._mine(everything), self.tags)
        return Leftovers([str(one) for one in seen if not one.foreign], [str(one) for one in seen if one.foreign])

    def sweep(self, *, everything: bool) -> int:
        with self.clients.explained():
            return sweep(self.clients, self._mine(everything), self.tags)

    def _mine(self, everything: bool) -> Callable[[str], bool]:
        return self.owner.owns if everything else self.owner.left_behind
