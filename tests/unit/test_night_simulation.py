"""What a simulation of nights takes for a fault: whatever is not found, is left behind, or grows."""

from dataclasses import replace

import pytest

from orchestration.commands.night_simulation import Played, faults_of

TOLD = ("the check no_regressions of comparison/history failed",)


def nights(count: int = 14) -> list[Played]:
    """Nights as they have to be: one missed, and something found in the ninth."""
    usual = Played("2026-11-20", 1, True, 0, (), 5, 5.0, 9.0, 10, 40, 0)
    played = [replace(usual, number=number, date=f"2026-11-{number:02}") for number in range(1, count + 1)]
    played[4] = replace(played[4], ran=False, told=("it was missed: nothing of it ran",))
    played[8] = replace(played[8], worse=3, told=TOLD)
    return played


def test_nights_as_they_have_to_be_have_no_fault() -> None:
    assert list(faults_of(nights())) == []


@pytest.mark.parametrize(
    ("number", "seen", "fault"),
    [
        (9, {"worse": 0, "told": ()}, "what was planted in night 9 was not found"),
        (9, {"told": ()}, "nobody was told of what was planted"),
        (7, {"worse": 1}, "night 7 found 1 figures worse, and nothing was planted"),
        (5, {"told": ()}, "night 5 was missed, and nobody was told"),
        (3, {"told": ("food_orders__steady failed",)}, "night 3 went wrong"),
        (14, {"processes": 2}, "2 processes are left"),
        (14, {"descriptors": 60}, "open files grew from 40 to 60"),
        (14, {"runs": 28}, "Dagster remembers 28 runs"),
        (14, {"whole": 6}, "6 nights are whole, where 5 are kept"),
    ],
)
def test_what_is_not_as_it_has_to_be_is_a_fault(number: int, seen: dict[str, object], fault: str) -> None:
    played = nights()
    played[number - 1] = replace(played[number - 1], **seen)  # type: ignore[arg-type]
    assert [one for one in faults_of(played) if fault in one]
