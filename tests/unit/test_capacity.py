"""What a target takes is measured once on a machine that is ours, and again where others used it meanwhile."""

from dataclasses import replace

import pytest

from resources.lab import capacity as module
from resources.lab.capacity import capacity
from resources.progress import Silent
from resources.targets import Limits, Platform, targets
from workloads.places import Places

MINISTACK = targets()["ministack"]


class Measuring:
    """Stands in for a measurement of ten seconds: each is one request a second better than the last."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, _platform: object, _logs: object) -> float:
        self.times += 1
        return 100.0 + self.times


@pytest.fixture
def platform() -> Platform:
    def never(_label: str, _environments: int) -> None:
        raise AssertionError("nothing is started here")

    return Platform(MINISTACK, "MiniStack 0.0.0", never)  # type: ignore[arg-type]  # never returns an instance


def test_it_is_measured_once_and_kept_for_the_next_process(
    places: Places, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring = Measuring()
    for _ in range(2):
        assert capacity(places, platform, Silent(), measuring=measuring, used_by_others=lambda: 0.1) == 101
        monkeypatch.setattr(module, "_beside_others", {})  # as in a process of its own
    assert measuring.times == 1


def test_beside_other_work_it_holds_for_this_process_and_is_measured_again_by_the_next(
    places: Places, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring = Measuring()
    for _ in range(2):
        assert capacity(places, platform, Silent(), measuring=measuring, used_by_others=lambda: 0.9) == 101
    monkeypatch.setattr(module, "_beside_others", {})
    assert capacity(places, platform, Silent(), measuring=measuring, used_by_others=lambda: 0.0) == 102


@pytest.mark.parametrize("kept", ["3", "[]", "[1]", "{", '{"MiniStack 0.0.0": null}'])
def test_what_is_no_figure_is_measured_again(places: Places, platform: Platform, kept: str) -> None:
    places.home.mkdir()
    (places.home / "capacity.json").write_text(kept)
    assert capacity(places, platform, Silent(), measuring=Measuring(), used_by_others=lambda: 0.0) == 101


def test_what_a_target_is_said_to_take_is_never_measured(places: Places, platform: Platform) -> None:
    class Said(type(MINISTACK)):  # type: ignore[misc]  # its class is its module's business
        limits: Limits = replace(MINISTACK.limits, per_s=7.0)

    measuring = Measuring()
    said = replace(platform, target=Said())
    assert capacity(places, said, Silent(), measuring=measuring) == 7
    assert measuring.times == 0
