"""Who used CPU time: this process, other programs or none; what is not known is not guessed."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.machine import cpu_time
from resources.machine.cpu_time import Moment, Others, moment, of_tree, others


@dataclass
class PaperProcess:
    """A process as psutil shows it. ``ends_after`` so many looks it is gone, and its time its parent's."""

    used_s: float
    ended_children_s: float = 0.0
    young: list["PaperProcess"] = field(default_factory=list)
    ends_after: float = float("inf")
    parent: "PaperProcess | None" = None

    def cpu_times(self) -> Any:
        self.ends_after -= 1
        if self.ends_after < 0:
            if self.parent is not None and self in self.parent.young:
                self.parent.young.remove(self)
                self.parent.ended_children_s += self.used_s + self.ended_children_s
            raise psutil.NoSuchProcess(1)
        quarter, rest = self.used_s / 4, self.ended_children_s / 4
        return SimpleNamespace(user=quarter, system=3 * quarter, children_user=3 * rest, children_system=rest)

    def children(self, recursive: bool) -> Iterable["PaperProcess"]:
        assert recursive
        return [found for one in self.young for found in (one, *one.children(recursive=True))]

    def starts(self, **more: Any) -> "PaperProcess":
        child = PaperProcess(parent=self, **more)
        self.young.append(child)
        return child


class TestOfATree:
    def test_is_that_of_all_of_it_and_of_all_that_ended(self) -> None:
        root = PaperProcess(1.0, ended_children_s=0.5)
        root.starts(used_s=2.0, ended_children_s=4.0).starts(used_s=8.0)
        assert of_tree(root) == 15.5

    def test_is_the_same_when_a_short_lived_one_was_waited_for(self) -> None:
        root = PaperProcess(1.0)
        emulator = root.starts(used_s=2.0)
        emulator.starts(used_s=4.0, ended_children_s=8.0, ends_after=1)
        assert of_tree(root) == of_tree(root) == 15.0
        assert emulator.young == []

    def test_is_counted_again_when_one_ends_meanwhile(self) -> None:
        root = PaperProcess(1.0)
        root.starts(used_s=2.0, ends_after=0)
        root.starts(used_s=4.0, ends_after=0)
        root.starts(used_s=8.0)
        assert of_tree(root) == 15.0

    def test_is_not_known_of_what_is_gone(self) -> None:
        with pytest.raises(psutil.NoSuchProcess):
            of_tree(PaperProcess(1.0, ends_after=0))

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows what ended processes used")
    def test_of_this_process_takes_in_a_child_that_came_and_went(self) -> None:
        before_s = of_tree(psutil.Process())
        burning = "import time\nwhile time.process_time() < 0.3: pass"
        subprocess.run(["/bin/sh", "-c", f"{sys.executable} -c '{burning}'; true"], check=True)
        assert of_tree(psutil.Process()) - before_s >= 0.28  # the kernel counts in hundredths


def times(**more: float) -> Any:
    """What a machine of two cores did in its first ten seconds; the rest of twenty was idle."""
    used = {"user": 0.0, "nice": 0.0, "system": 0.0, "iowait": 0.0, "irq": 0.0, "softirq": 0.0, "steal": 0.0, **more}
    return SimpleNamespace(**{"idle": 20.0 - sum(used.values()), **used})


START = Moment(at_s=0.0, cores=2, counted_s=0.0, free_s=0.0, stolen_s=0.0, own_s=0.0)


def after_ten_seconds(own_s: float = 0.0, **used: float) -> Moment:
    found = moment(
        system="linux", machine=lambda: times(**used), own=lambda: own_s, now_s=lambda: 10.0, cores=lambda: 2
    )
    assert found is not None
    return found


class TestOthers:
    @pytest.mark.parametrize(
        ("used", "share", "stolen"),
        [
            pytest.param({}, 0.0, 0.0, id="nothing at all"),
            pytest.param({"user": 4.0, "own_s": 4.0}, 0.0, 0.0, id="own time alone"),
            pytest.param({"user": 4.0, "own_s": 3.0}, 0.05, 0.0, id="own and others"),
            pytest.param({"nice": 10.0}, 0.5, 0.0, id="one core, however nice"),
            pytest.param({"system": 20.0}, 1.0, 0.0, id="everything"),
            pytest.param({"user": 1.0, "steal": 4.0, "own_s": 1.0}, 0.2, 0.2, id="the host's other guests"),
            pytest.param(
                {"irq": 1.0, "softirq": 1.0, "iowait": 3.0}, 0.0, 0.0, id="interrupts and waiting count as free"
            ),
            pytest.param({"user": 1.0, "own_s": 1.2}, 0.0, 0.0, id="counters that disagree by a little"),
        ],
    )
    def test_used_what_was_neither_free_nor_ours(self, used: dict[str, float], share: float, stolen: float) -> None:
        found = others(START, after_ten_seconds(**used))
        assert found is not None
        assert (found.share, found.stolen) == pytest.approx((share, stolen))

    def test_are_seen_by_what_was_not_free_where_samples_of_use_missed_them(self) -> None:
        sampled = replace(after_ten_seconds(user=2.0), counted_s=19.0)
        assert others(START, sampled) == Others(pytest.approx(0.1), 0.0)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "after",
        [
            pytest.param(None, id="nothing is kept there"),
            pytest.param(replace(START, at_s=10.0), id="counters stand still"),
            pytest.param(replace(after_ten_seconds(), cores=16), id="counters of a part of the cores"),
            pytest.param(replace(after_ten_seconds(), counted_s=40.0), id="another machine's counters"),
            pytest.param(START, id="no time went by"),
        ],
    )
    def test_are_not_known_where_the_accounts_say_nothing(self, after: Moment | None) -> None:
        assert others(START, after) is None
        assert others(None, after) is None

    @given(st.floats(0, 1e6), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
    def test_have_a_share_between_nothing_and_all(
        self, at_s: float, counted_s: float, free_s: float, stolen_s: float, own_s: float
    ) -> None:
        found = others(START, Moment(at_s, 2, counted_s, free_s, stolen_s, own_s))
        assert found is None or 0 <= found.stolen <= found.share <= 1


class TestAMoment:
    @pytest.mark.parametrize("system", ["darwin", "win32", "freebsd14"])
    def test_is_not_known_where_ended_processes_are_not_counted(self, system: str) -> None:
        assert moment(system=system) is None

    @pytest.mark.parametrize("error", [FileNotFoundError("/proc/stat"), psutil.AccessDenied(1)])
    def test_is_not_known_where_it_may_not_be_read(self, error: Exception) -> None:
        def refused() -> Any:
            raise error

        assert moment(system="linux", machine=refused) is None
        assert moment(system="linux", machine=times, own=refused) is None

    @pytest.mark.skipif(sys.platform != "linux", reason="there are no accounts")
    def test_of_this_machine_adds_up(self) -> None:
        before, after = moment(), moment()
        assert before is not None
        assert after is not None
        assert before.cores == os.cpu_count()
        assert 0 < before.free_s <= after.free_s
        assert 0 < before.own_s <= after.own_s < cpu_time.of_tree(psutil.Process()) + 1
