"""What a target takes is measured once on a machine without other work; beside other work, for this process only."""

from dataclasses import replace

import pytest

from resources.lab.capacity import Figures, capacity
from resources.machine.cpu_time import Moment
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


def quiet() -> None:
    """What others use meanwhile is not known."""


@pytest.fixture
def platform() -> Platform:
    def never(_label: str, _environments: int) -> None:
        raise AssertionError("nothing is started here")

    return Platform(MINISTACK, "MiniStack 0.0.0", never)  # type: ignore[arg-type]  # never returns an instance


def test_it_is_measured_once_and_kept_for_the_next_process(places: Places, platform: Platform) -> None:
    measuring = Measuring()
    for _ in range(2):
        per_s = capacity(
            places, platform, Silent(), measuring=measuring, used_by_others=lambda: 0.1, look=quiet, this_process={}
        )
        assert per_s == 101
    assert measuring.times == 1


def test_beside_other_work_it_holds_for_this_process_and_is_measured_again_by_the_next(
    places: Places, platform: Platform
) -> None:
    measuring = Measuring()

    def per_s(others: float, this_process: Figures) -> float:
        return capacity(
            places,
            platform,
            Silent(),
            measuring=measuring,
            used_by_others=lambda: others,
            look=quiet,
            this_process=this_process,
        )

    one: Figures = {}
    assert [per_s(0.9, one), per_s(0.9, one), per_s(0.0, {})] == [101, 101, 102]


def test_other_work_that_begins_after_the_measurement_did_counts_too(places: Places, platform: Platform) -> None:
    moments = iter([Moment(0, 2, 0, 0, 0, 0), Moment(10, 2, 20, 8, 0, 5)])  # 7 of 20 seconds went to others
    first = capacity(
        places,
        platform,
        Silent(),
        measuring=Measuring(),
        used_by_others=lambda: 0.0,
        look=lambda: next(moments),
        this_process={},
    )
    assert first == 101
    assert not (places.home / "capacity.json").exists()


@pytest.mark.parametrize("kept", ["3", "[]", "[1]", "{", '{"MiniStack 0.0.0": null}'])
def test_what_is_no_figure_is_measured_again(places: Places, platform: Platform, kept: str) -> None:
    places.home.mkdir()
    (places.home / "capacity.json").write_text(kept)
    assert capacity(places, platform, Silent(), measuring=Measuring(), used_by_others=lambda: 0.0, look=quiet) == 101


def test_what_a_target_is_known_to_take_is_never_measured(places: Places, platform: Platform) -> None:
    class Known(type(MINISTACK)):  # type: ignore[misc]  # its class is its module's business
        limits: Limits = replace(MINISTACK.limits, per_s=7.0)

    measuring = Measuring()
    known = replace(platform, target=Known())
    assert capacity(places, known, Silent(), measuring=measuring) == 7
    assert measuring.times == 0
