"""How often the whole rule finds a difference where there is none, and how often it finds one that matters."""

import numpy as np
import pytest

from assets.analysis.statistics.power import power
from assets.analysis.statistics.sequential import FIRST_LOOK, interim_looks
from assets.analysis.statistics.verdicts import Comparand, judge_family
from tests.calibration.generators import PROCESSES, Floats

METRICS = ("acknowledged_share", "done_share", "response_p50", "response_p99", "completion_p50", "completion_p99")
SHARES = 2
REQUESTS = 600
LOOKS = interim_looks(FIRST_LOOK, 24)
MARGIN_IN_NOISES = 0.25
"""Margins this small never excuse: what is called a difference is decided by the tests alone."""


def replays(generator: np.random.Generator, count: int) -> Floats:
    """Six correlated metrics of each replay, from its requests, shape ``[count, 6]``; times as logs."""
    process = PROCESSES[int(generator.integers(len(PROCESSES)))]
    # A replay is slower or quicker as a whole: the machine is shared.
    response = process.draw(generator, count, REQUESTS) * np.exp(0.1 * generator.standard_normal((count, 1)))
    waited = response * np.exp(0.3 * generator.standard_normal((count, REQUESTS))) + 20_000
    acknowledged = (response < process.quantile(0.98)).mean(axis=1)
    done = (waited < process.quantile(0.98) + 20_000).mean(axis=1)
    times = [np.log(np.quantile(one, q, axis=1)) for one in (response, waited) for q in (0.5, 0.99)]
    return np.column_stack([acknowledged, done, *times])


def family(differences: Floats, noise: Floats) -> list[Comparand]:
    return [
        Comparand(
            metric=name,
            unit="share" if position < SHARES else "ratio",
            differences=differences[:, position],
            margin=MARGIN_IN_NOISES * float(noise[position]),
            lower_is_better=position >= SHARES,
        )
        for position, name in enumerate(METRICS)
    ]


def noise_of_the_aa_arm() -> Floats:
    generator = np.random.default_rng(20)
    noise: Floats = np.concatenate([_aa(generator, 16) for _ in range(40)]).std(axis=0, ddof=1)
    return noise


def _aa(generator: np.random.Generator, pairs: int) -> Floats:
    both = replays(generator, 2 * pairs)
    return both[:pairs] - both[pairs:]


def wrong_at(pairs: int, comparisons: int) -> float:
    """The share of A/A comparisons in which any of six metrics is called better or worse."""
    noise, wrong = noise_of_the_aa_arm(), 0
    for seed in range(comparisons):
        judged = judge_family(family(_aa(np.random.default_rng([21, pairs, seed]), pairs), noise))
        wrong += any(one.verdict in {"better", "worse"} for one in judged)
    return wrong / comparisons


def wrong_when_looking_again(comparisons: int) -> float:
    """The same at any look, stopped or not: no stopping rule can do worse."""
    noise, wrong = noise_of_the_aa_arm(), 0
    for seed in range(comparisons):
        differences = _aa(np.random.default_rng([22, seed]), LOOKS[-1][0])
        wrong += any(
            one.verdict in {"better", "worse"}
            for repetitions, confidence in LOOKS
            for one in judge_family(family(differences[:repetitions], noise), confidence=confidence)
        )
    return wrong / comparisons


def found_at(pairs: int, comparisons: int, margins: float) -> tuple[float, float]:
    """How often a difference of twice the margin is found in the median response time, and how often `power` says so.

    The margin is so many noises of the A/A arm.
    """
    noise, found = noise_of_the_aa_arm(), 0
    position = METRICS.index("response_p50")
    margin = margins * float(noise[position])
    for seed in range(comparisons):
        differences = _aa(np.random.default_rng([23, pairs, seed]), pairs)
        differences[:, position] += 2 * margin
        one = family(differences, noise)
        one[position] = Comparand(METRICS[position], "ratio", differences[:, position], margin, lower_is_better=True)
        found += judge_family(one)[position].verdict == "worse"
    return found / comparisons, power(pairs, noise=float(noise[position]), margin=margin)


def test_the_simulations_run() -> None:
    assert wrong_at(8, 20) <= 0.25
    assert wrong_when_looking_again(4) <= 0.5
    assert found_at(16, 10, margins=1.5)[0] > 0.5


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestFalsePositives:
    @pytest.mark.parametrize("pairs", [6, 8, 16])
    def test_at_most_one_comparison_in_twenty_is_called_different(self, pairs: int) -> None:
        found = wrong_at(pairs, 1000)
        print(f"\n{pairs} repetitions: {found:.2%} of 1000 A/A comparisons called better or worse")  # noqa: T201  # figures
        assert found <= 0.05

    def test_at_most_one_in_twenty_when_looking_again_and_again(self) -> None:
        found = wrong_when_looking_again(400)
        print(f"\nauto: {found:.2%} of 400 A/A comparisons called better or worse at any look")  # noqa: T201  # figures
        assert found <= 0.05


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("margins", [0.75, 1.0, 1.5])
@pytest.mark.parametrize("pairs", [8, 16])
def test_the_power_for_twice_the_margin_is_what_is_published(pairs: int, margins: float) -> None:
    found, published = found_at(pairs, 500, margins)
    print(f"\n{pairs} repetitions, margin {margins} noises: found {found:.1%}, published {published:.1%}")  # noqa: T201  # figures
    # Published for the clearest of six metrics under normal noise; Holm asks less of the others.
    assert abs(found - published) <= 0.08
