"""The state of a home at a glance."""

from datetime import UTC, datetime
from pathlib import Path

import filelock
import pytest

from orchestration.commands.status import show_status
from orchestration.commands.terminal import PlainConsole
from tests.report_builder import file_outcomes, home_of, outage
from workloads.places import Places


def shown(places: Places) -> str:
    console = PlainConsole(width=160, force_terminal=False)
    with console.capture() as capture:
        show_status(places, console)
    return capture.get()


def test_of_an_empty_home_there_is_nothing_to_tell(tmp_path: Path) -> None:
    text = shown(Places(tmp_path / "none"))
    assert text.count("nothing") == 3
    assert "there are no results yet" in text
    assert not (tmp_path / "none").exists()


def test_who_has_the_lab_the_last_comparison_and_the_disk_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    places = home_of(
        tmp_path_factory,
        lambda places: file_outcomes(places, outage("hybrid"), "c1/food_orders__backend_outage/hybrid"),
    )
    (places.home / "lab.holder").write_text('{"pid": 7, "who": "run 1234"}')
    with filelock.FileLock(places.home / "lab.lock"):
        text = shown(places)
    assert "the lab is in use by run 1234 (process 7)" in text
    assert "1 cell, 1 of 1 replays valid" in text
    assert f"{places.home}: " in text
    assert "free: " in text
    assert "the lab is in use" not in shown(places)


def test_the_last_comparison_is_the_one_that_was_asked_for_not_what_is_simulated_beside_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    def both(places: Places) -> None:
        for hour, name, evidence in ((1, "c1", "observed"), (2, "c1-simulated", "simulated")):
            ended = datetime(2026, 11, 20, hour, tzinfo=UTC)
            replayed = outage("hybrid", comparison_id=name, evidence=evidence, finished_at=ended)
            file_outcomes(places, replayed, f"{name}/food_orders__backend_outage/hybrid")

    assert "last comparison: c1 on" in shown(home_of(tmp_path_factory, both))
