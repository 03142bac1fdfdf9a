"""Two weeks of nights with a compressed clock, whole: `archduel nights --simulate 14`."""

import io

import pytest

from orchestration.commands.night_simulation import simulate_nights
from orchestration.commands.terminal import PlainConsole
from workloads.places import Places


@pytest.mark.long  # a minute of CPU for each night: judging and its report, which a night has whatever it replays
@pytest.mark.timeout(3600)
def test_two_weeks_find_what_was_planted_tell_what_was_missed_and_leave_nothing(places: Places) -> None:
    played = simulate_nights(places, 14, PlainConsole(file=io.StringIO()), limit=120)
    assert next(one.number for one in played if one.worse) == 9
    assert not [path for path in places.temporary.iterdir() if path.is_dir()]
