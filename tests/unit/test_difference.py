"""Two comparisons side by side: what changed is found, what did not is not, and what cannot be judged is not judged."""

from typing import Any

import numpy as np
import pytest

from assets.analysis.difference import Decision, Differences, differences
from tests.judgement_builder import JudgementBuilder
from workloads.errors import UsageError


def compared(*medians_us: int, repetitions: int = 8, noise: float = 0.02, refused: int = 0) -> Differences:
    """Two comparisons of so many repetitions, whose queries took so long; the second refused so many."""
    generator = np.random.default_rng(5)
    builder = JudgementBuilder()
    for number, us in enumerate(medians_us):
        builder.comparison(f"c{number}")
        for repetition in range(1, repetitions + 1):
            took_us = round(us * float(np.exp(generator.normal(0, noise))))
            builder.replay(
                "synchronous",
                repetition,
                comparison_id=f"c{number}",
                operations=["query"],
                acknowledged=1000 - refused * number,
                response_us=(took_us, 4 * took_us),
                completion_us=(took_us, 4 * took_us),
            )
    with builder.connect() as connection:
        return differences(connection, "c0", "c1")


def decided(found: Differences, metric: str) -> Decision:
    [decision] = [one.decision for one in found.figures if one.metric.name == metric]
    return decision


@pytest.mark.parametrize(("second_us", "decision"), [(15_000, "changed"), (10_000, "the same"), (8_000, "changed")])
def test_a_change_is_told_from_none(second_us: int, decision: Decision) -> None:
    found = compared(10_000, second_us)
    assert decided(found, "response_p50") == decision
    [size] = [one.size for one in found.figures if one.metric.name == "response_p50"]
    assert size == pytest.approx(second_us / 10_000 - 1, abs=0.05)


def test_what_scatters_as_much_as_it_differs_is_undecided() -> None:
    assert decided(compared(10_000, 11_500, noise=0.3), "response_p50") == "undecided"


def test_shares_that_never_vary_are_decided() -> None:
    found = compared(10_000, 10_000, refused=100)
    assert decided(found, "acknowledged_share") == "changed"
    assert decided(compared(10_000, 10_000), "acknowledged_share") == "the same"


@pytest.mark.parametrize("repetitions", [1, 2, 4])
def test_few_repetitions_are_not_judged_however_far_apart(repetitions: int) -> None:
    assert {one.decision for one in compared(10_000, 90_000, repetitions=repetitions).figures} == {"not judged"}


@pytest.mark.parametrize(("repetitions", "decision"), [(5, "not judged"), (6, "changed")])
def test_no_time_is_judged_on_fewer_repetitions_than_verdicts_take(repetitions: int, decision: Decision) -> None:
    found = compared(10_000, 90_000, repetitions=repetitions, refused=100)
    assert decided(found, "response_p50") == decision
    assert decided(found, "acknowledged_share") == "changed"


def test_who_sheds_the_slow_ones_is_no_quicker() -> None:
    """The second answers 600 of 1,000, and these in half the time: of all offered requests the p99 never came."""
    shedding = compared(10_000, 5_000, refused=400)
    assert [one.metric.name for one in shedding.figures if one.of_all] == ["response_p50", "completion_p50"]
    assert "response_p99" not in {one.metric.name for one in shedding.figures}
    assert not any(one.of_all for one in compared(10_000, 5_000, refused=5).figures)


def test_a_repetition_that_was_never_over_is_not_left_out_of_what_is_judged() -> None:
    builder = JudgementBuilder().comparison("c0").comparison("c1")
    for number in range(16):
        never = number == 15
        key: dict[str, Any] = {"comparison_id": f"c{number % 2}", "operations": ["query"]}
        builder.replay(
            "hybrid", number // 2 + 1, response_us=(1_000 + number % 2 * 9_000, None if never else 9_000), **key
        )
    with builder.connect() as connection:
        found = differences(connection, "c0", "c1")
    assert (decided(found, "response_p50"), decided(found, "response_p99")) == ("changed", "not judged")


def test_of_unchanged_ones_few_are_called_changed() -> None:
    """Six figures a time, at 95 % together; here four of them vary."""
    alarms = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        builder = JudgementBuilder().comparison("c0").comparison("c1")
        for number in range(10):
            us = round(10_000 * float(np.exp(generator.normal(0, 0.2))))
            key: dict[str, Any] = {"comparison_id": f"c{number % 2}", "operations": ["query"]}
            builder.replay("hybrid", number // 2 + 1, response_us=(us, 4 * us), completion_us=(us, 4 * us), **key)
        with builder.connect() as connection:
            found = differences(connection, "c0", "c1")
        alarms += any(one.decision == "changed" for one in found.figures)
    assert alarms <= 5  # of 40 expected 2 at most


def test_what_else_differed_and_what_one_of_them_lacks_is_said() -> None:
    builder = JudgementBuilder().comparison("c0", code_version="1").comparison("c1", code_version="2")
    for comparison_id in ("c0", "c1"):
        builder.replay("synchronous", comparison_id=comparison_id)
    builder.replay("hybrid", comparison_id="c1")
    with builder.connect() as connection:
        found = differences(connection, "c0", "c1")
        with pytest.raises(UsageError, match="there is no comparison 'nope': the last are c"):
            differences(connection, "c0", "nope")
    assert found.conditions == {("food_orders", "steady"): ["code_version 1 / 2"]}
    assert found.alone == [(1, "steady (food_orders), hybrid")]
