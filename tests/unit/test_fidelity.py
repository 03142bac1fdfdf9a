"""How like the schedule a replay's load was."""

import numpy as np
import pytest

from resources.lab.fidelity import displaced_share, gaps_distance_us

DUE = np.arange(0, 3_000_000, 10_000)


@pytest.mark.parametrize(
    ("sent", "share"),
    [
        pytest.param(DUE, 0.0, id="as due"),
        pytest.param(DUE + 400, 0.0, id="a little late, within the second"),
        pytest.param(DUE + 1_000_000, 1 / 3, id="a second late: the first second is empty"),
        pytest.param(np.where(DUE < 1_500_000, DUE, -1), 0.5, id="half of it not sent"),
        pytest.param(np.full(300, 2_999_999), 2 / 3, id="all of it in the last second"),
        pytest.param(np.full(300, -1), 1.0, id="nothing sent"),
    ],
)
def test_displaced_are_those_that_another_second_misses(sent: np.ndarray, share: float) -> None:
    assert displaced_share(DUE, sent) == pytest.approx(share)


@pytest.mark.parametrize(
    ("sent", "distance_us"),
    [
        pytest.param(DUE, 0.0, id="as due"),
        pytest.param(DUE + 90_000, 0.0, id="all of it as late as the rest"),
        pytest.param(DUE[::-1].copy(), 0.0, id="in another order at the same times"),
        pytest.param(DUE // 2, 5_000.0, id="twice as fast"),
        pytest.param(DUE // 20_000 * 20_000, 10_000.0, id="in pairs"),
        pytest.param(np.where(DUE < 1_500_000, DUE, -1), 0.0, id="half of it not sent"),
    ],
)
def test_gaps_are_compared_by_their_lengths(sent: np.ndarray, distance_us: float) -> None:
    assert gaps_distance_us(DUE, sent) == pytest.approx(distance_us, rel=0.01)


def test_without_requests_nothing_is_known() -> None:
    nothing = np.zeros(0, np.int64)
    assert displaced_share(nothing, nothing) is None
    assert gaps_distance_us(DUE[:1], DUE[:1]) is None
