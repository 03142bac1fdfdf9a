"""Waiting for a quiet machine, with a clock and a machine that are set by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from resources.lab.quiet import Quiet
from resources.machine.cpu_time import Others

LIMIT = 0.25


@dataclass
class Machine:
    """Others use these shares of it, a look after the other, the last one for good; each look takes ten seconds."""

    shares: Sequence[float | None]
    at_s: float = 0.0
    looks: int = 0
    said: list[str] = field(default_factory=list)

    def look(self) -> Others | None:
        share = self.shares[min(self.looks, len(self.shares) - 1)]
        self.looks += 1
        self.at_s += 10
        return None if share is None else Others(share, 0.0)

    def stage(self, text: str) -> None:
        self.said.append(text)

    def replaying(self, label: str, done: int, total: int, waiting: int) -> None:
        raise AssertionError("nothing is replayed here")

    def finished(self, label: str, text: str) -> None:
        raise AssertionError("nothing is replayed here")

    def quiet(self, within_s: float = 60, at_most: float = LIMIT) -> Quiet:
        return Quiet(at_most, within_s, self, self.look, lambda: self.at_s)


@pytest.mark.parametrize("share", [0.0, LIMIT, None], ids=["quiet", "just quiet", "not known"])
def test_a_quiet_machine_is_looked_at_once_and_not_waited_for(share: float | None) -> None:
    machine = Machine([share])
    machine.quiet().wait()
    assert (machine.looks, machine.said) == (1, [])


def test_a_busy_machine_is_waited_for_and_that_is_said() -> None:
    machine = Machine([0.61, 0.5, 0.1])
    machine.quiet().wait()
    assert machine.said == [
        "other programs use 61% of this machine's CPU: waiting until it is 25% or less, for 60 s at most",
        "quiet again after 20 s",
    ]


def test_a_machine_that_stays_busy_is_waited_for_up_to_the_bound_in_all_replays_together() -> None:
    machine = Machine([0.9, 0.9, 0.1, 0.9])
    quiet = machine.quiet(within_s=45)
    quiet.wait()
    assert machine.said[-1] == "quiet again after 20 s"
    quiet.wait()
    assert machine.said[-1] == "still busy after 30 s: going on all the same"
    looks = machine.looks
    quiet.wait()
    assert machine.looks == looks, "nothing is left to wait"


@pytest.mark.parametrize(("within_s", "at_most"), [(0, LIMIT), (60, 1.0)], ids=["no waiting", "others may use all"])
def test_nothing_is_looked_at_where_nothing_would_be_waited_for(within_s: float, at_most: float) -> None:
    machine = Machine([0.9])
    machine.quiet(within_s, at_most).wait()
    assert machine.looks == 0
