"""What repeating a comparison takes, from what it took."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.analysis.outcomes import reconcile
from assets.analysis.repeating import Repeating
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.observations_builder import ObservationsBuilder
from workloads.places import Places

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def replayed(architecture: str, *minutes: float, invalid: int = 0) -> ObservationsBuilder:
    """Replays of half a minute that began so many minutes after the first; the first ``invalid`` were not valid."""
    builder = ObservationsBuilder()
    for number, minute in enumerate(minutes, 1):
        begun = START + timedelta(minutes=minute)
        builder.experiment(
            number,
            architecture=architecture,
            started_at=begun,
            finished_at=begun + timedelta(seconds=30),
            invalid_reason="late" if number <= invalid else None,
        ).request(repetition=number)
    return builder


def test_what_a_repetition_takes_holds_what_is_between_replays_and_none_that_was_made_up(places: Places) -> None:
    for architecture, builder in {
        "synchronous": replayed("synchronous", 0, 3, invalid=1),
        "hybrid": replayed("hybrid", 1, 2),
    }.items():
        write_outcomes(places, "c1", "food_orders__steady", architecture, reconcile(builder.tables()))
    publish(places)
    with connect(places) as connection:
        repeating = Repeating.read(connection, "c1")
    # Four replays in three and a half minutes: a repetition of two architectures takes half of that.
    assert repeating.minutes("food_orders", 8) == pytest.approx(8 * 1.75)
    assert repeating.workloads["food_orders"]["architectures"] == ["hybrid", "synchronous"]
