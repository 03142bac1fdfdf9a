"""How long a comparison is said to take before it starts, with a speed given: nothing is measured, nothing started."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.commands.estimate import Estimate, estimate
from orchestration.commands.request import CompareRequest
from resources.architectures import chosen_architectures
from resources.lab.settings import LabSettings
from resources.progress import Silent
from workloads.places import Places
from workloads.scenarios import scenarios


def request(*names: str, as_a_night: bool = False, **settings: Any) -> CompareRequest:
    chosen = {name: scenarios()[name] for name in names or ("steady",)}
    lab = LabSettings(**{"limit": 60, "speed": 5.0, **settings})
    return CompareRequest("food_orders", chosen, chosen_architectures(), lab, as_a_night)


def estimated(places: Places, *names: str, **settings: Any) -> Estimate:
    return estimate(places, request(*names, **settings), Silent())


@pytest.mark.parametrize(
    ("names", "settings", "replays"),
    [
        (("steady",), {}, 3),
        (("steady",), {"repetitions": 8}, 24),
        (("steady",), {"variants": ["idempotent", "naive"], "aa": True}, 12),
        (("steady", "reordering"), {}, 6),
        (("steady", "reordering"), {"as_a_night": True}, 9),  # the steady cell shows the noise
    ],
)
def test_every_contender_is_replayed_in_every_cell(
    places: Places, names: tuple[str, ...], settings: dict[str, Any], replays: int
) -> None:
    assert estimated(places, *names, **settings).replays == replays


def test_a_budget_bounds_the_replays(places: Places) -> None:
    besides_s = estimated(places, repetitions=1).seconds
    assert estimated(places, repetitions=24).seconds > 300
    assert 60 < estimated(places, repetitions=24, budget_s=60).seconds < 60 + besides_s


def test_what_has_to_recover_and_what_was_never_probed_take_longer(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_s = estimated(places).seconds
    assert estimated(places, "backend_outage").seconds == pytest.approx(calm_s + 3 * 5)
    monkeypatch.setattr("orchestration.commands.estimate.stored", lambda *_: "a table")
    assert estimated(places).seconds == pytest.approx(calm_s - 25)


def test_the_estimate_is_what_a_comparison_of_the_bundled_recording_took() -> None:
    """`make compare` of 30 November 2026, but for a repetition that made up for an invalid one: 6.2 minutes."""
    places = Places(Path("no home"))
    asked = request("steady", "backend_outage", "concurrency_limit", limit=None, speed=6.417)
    assert estimate(places, asked, Silent()).seconds == pytest.approx(370, rel=0.25)


def test_the_sentence_says_what_takes_so_long_and_how_much_of_the_pauses_is_cut(places: Places) -> None:
    found = estimated(places, speed=1.0)
    sentence = found.sentence(request(speed=1.0))
    assert sentence.startswith("food_orders: 60 requests at 1 times the recorded speed, ")
    assert f"3 replays: about {found.seconds / 60:.1f} minutes." in sentence
    assert f"Pauses over 1 s are cut, {found.paused_s:.0f} s of each replay (--longest-pause 0 keeps them)." in sentence
    uncut = estimated(places, speed=1.0, longest_pause_s=0)
    assert uncut.paused_s == 0
    assert "Pauses" not in uncut.sentence(request(speed=1.0, longest_pause_s=0))
