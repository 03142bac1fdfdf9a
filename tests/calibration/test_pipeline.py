"""What verdicts on planted requests are worth: false ones, power, coverage, looking again, and instances that differ.

Everything is drawn as single requests (AR(1) 0.9 with heavy tails, stalls, shifts of whole replays) and goes through
the rules that reconcile real ones. The figures are printed; `docs/measuring.md` has them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assets.analysis.statistics.sequential import FIRST_LOOK, interim_looks
from tests.calibration.generators import autoregressive, markov_modulated
from tests.calibration.pipeline import REQUESTS, Arm, judged, replays

Row = Mapping[str, Any]
LAST = 24
LOOKS = [repetitions for repetitions, _ in interim_looks(FIRST_LOOK, LAST)]
TIMES = ("response_p50", "response_p99", "completion_p50", "completion_p99")


def called_different(row: Row) -> bool:
    return row["verdict"] in {"better", "worse"}


def families(table: pa.Table, counts: Callable[[Row], bool]) -> float:
    """The share of families in which any row counts, at any look."""
    found: dict[tuple[str, str], bool] = {}
    for row in table.to_pylist():
        key = (row["workload"], row["operation"])
        found[key] = found.get(key, False) or counts(row)
    return sum(found.values()) / len(found)


def share(table: pa.Table, metric: str, counts: Callable[[Row], bool], operation: str | None = None) -> float:
    """The share of rows of one metric that count."""
    rows = [row for row in table.to_pylist() if row["metric"] == metric and operation in {None, row["operation"]}]
    return sum(map(counts, rows)) / len(rows)


def covers(row: Row, truth: float = 0.0) -> bool:
    """Whether the interval holds the true ratio less 1; an open end reaches everywhere."""
    low, high = row["ci_low"], row["ci_high"]
    return (low is None or low <= truth) and (high is None or truth <= high)


def say(text: str) -> None:
    print(f"\n{text}")  # noqa: T201 - the figures


def test_the_simulations_run() -> None:
    same = judged((Arm(), Arm()), 2, seed=6)
    assert same.num_rows == 2 * 2 * 6
    assert set(same.column("pairs").to_pylist()) == {8}
    assert families(same, called_different) == 0
    slower = judged((Arm(noise=0.01), Arm(noise=0.01, factor=3.0)), 1, seed=2)
    assert share(slower, "response_p50", called_different) == 1
    refusing = judged((Arm(refused=0.2), Arm()), 1, seed=3)
    assert {row["requests"] for row in refusing.to_pylist()} == {"offered"}
    looked = judged((Arm(), Arm()), 1, repetitions=12, seed=4, looks=(10, 12))
    assert sorted(set(looked.column("pairs").to_pylist())) == [10, 12]


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestSameAgainstSame:
    @pytest.mark.parametrize("noise", [0.02, 0.05, 0.15])
    def test_is_hardly_ever_called_different(self, noise: float) -> None:
        table = judged((Arm(noise=noise), Arm(noise=noise)), 150, seed=31)
        wrong = families(table, called_different)
        coverage = np.mean([share(table, metric, covers) for metric in TIMES])
        say(f"A/A, noise {noise}: {wrong:.1%} of 300 families called different; coverage {coverage:.1%}")
        assert wrong <= 0.05
        assert coverage >= 0.93

    @pytest.mark.parametrize("refused", [0.02, 0.3])
    def test_is_hardly_ever_called_different_where_requests_are_refused(self, refused: float) -> None:
        table = judged((Arm(refused=refused), Arm(refused=refused)), 150, seed=32)
        wrong = families(table, called_different)
        of_all = share(table, "response_p50", lambda row: row["requests"] == "offered")
        say(f"A/A, {refused:.0%} refused: {wrong:.1%} of 300 families called different, {of_all:.0%} over all requests")
        assert wrong <= 0.05

    def test_is_hardly_ever_called_different_at_any_look(self) -> None:
        table = judged((Arm(), Arm()), 120, repetitions=LAST, seed=33, looks=LOOKS)
        wrong = families(table, called_different)
        say(f"auto, looks after {LOOKS}: {wrong:.1%} of 240 families called different at any")
        assert wrong <= 0.05


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestPower:
    @pytest.mark.parametrize("repetitions", [8, 16])
    @pytest.mark.parametrize("noise", [0.02, 0.05, 0.15])
    def test_differences_that_matter_are_found_and_never_called_equivalent(
        self, noise: float, repetitions: int
    ) -> None:
        figures = []
        for factor in (1.2, 1.3, 1.5):
            table = judged((Arm(noise=noise), Arm(noise=noise, factor=factor)), 40, repetitions=repetitions, seed=41)
            found = [share(table, f"response_{q}", lambda row: row["verdict"] == "worse") for q in ("p50", "p99")]
            wrong = [share(table, f"response_{q}", lambda row: row["verdict"] == "equivalent") for q in ("p50", "p99")]
            figures.append((factor, *found))
            assert max(wrong) <= 0.05
            assert share(table, "response_p50", lambda row: row["verdict"] == "better") == 0
        text = "; ".join(f"+{factor - 1:.0%} p50 {p50:.0%}, p99 {p99:.0%}" for factor, p50, p99 in figures)
        say(f"power of {repetitions} repetitions, noise {noise}: {text}")
        assert [p50 for _, p50, _ in figures] == sorted(p50 for _, p50, _ in figures)


def true_logs(arm: Arm, seed: int) -> np.ndarray:
    """The expected log p50 and p99 of a replay of that arm, from two thousand of them."""
    times, _ = replays(arm, 2000, np.random.default_rng(seed))
    ranks = [int(np.ceil(q * REQUESTS)) - 1 for q in (0.5, 0.99)]  # as `quantile_disc` takes them
    logs: np.ndarray = np.log(np.sort(times, axis=1)[:, ranks]).mean(axis=0)
    return logs


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_intervals_hold_the_truth_where_the_arms_differ_in_shape() -> None:
    arms = (Arm(process=autoregressive(0.9, 0.3)), Arm(process=markov_modulated(), factor=1.2, stalls=2.0))
    truth = np.expm1(true_logs(arms[1], 51) - true_logs(arms[0], 52))
    table = judged(arms, 300, seed=53)
    rows = table.to_pylist()
    coverage = {}
    for metric, true in zip(("response_p50", "response_p99"), truth, strict=True):
        coverage[metric] = float(np.mean([covers(row, true) for row in rows if row["metric"] == metric]))
    say(f"shapes differ (true ratios {np.round(1 + truth, 2)}): coverage of p50 and p99 {list(coverage.values())}")
    assert min(coverage.values()) >= 0.92


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestInstances:
    @pytest.mark.parametrize("quicker", [0.03, 0.06, 0.10])
    def test_one_that_is_quicker_throughout_is_taken_for_its_architecture(self, quicker: float) -> None:
        table = judged((Arm(), Arm(factor=1 - quicker)), 100, seed=61)
        wrong = families(table, called_different)
        coverage = share(table, "response_p50", covers)
        say(
            f"one instance {quicker:.0%} quicker: {wrong:.1%} of 200 families different, coverage of p50 {coverage:.0%}"
        )
        # Within the margin this is hardly ever called a difference, but the interval is of the instance.
        assert wrong <= (0.05 if quicker < 0.1 else 0.5)

    @pytest.mark.parametrize("spread", [0.03, 0.06, 0.10])
    def test_new_ones_turn_what_they_differ_by_into_noise(self, spread: float) -> None:
        figures = {}
        for per, name in ((None, "one for all"), (2, "every second repetition"), (1, "every repetition")):
            arm = Arm(instance=spread, repetitions_per_instance=per)
            table = judged((arm, arm), 100, seed=62)
            figures[name] = (families(table, called_different), share(table, "response_p50", covers))
        text = "; ".join(
            f"{name}: {wrong:.1%} of 200 families, coverage {held:.0%}" for name, (wrong, held) in figures.items()
        )
        say(f"instances that differ by {spread:.0%}: {text}")
        assert figures["every repetition"][0] <= 0.05
        assert figures["every repetition"][1] >= 0.92
        assert figures["one for all"][1] < figures["every second repetition"][1]
