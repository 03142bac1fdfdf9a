"""A night beside the nights before it: few false alarms, and real changes found."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from assets.analysis.history import expectation, history
from assets.analysis.verdicts.rules import rules
from tests.judgement_builder import JudgementBuilder

TIME, SHARE = rules().metric("response_p99"), rules().metric("done_share")


def nights(
    count: int,
    *,
    last_us: int = 20_000,
    last_acknowledged: int = 1000,
    offered: int = 1000,
    services: Sequence[str | None] = (),
) -> JudgementBuilder:
    """Nearly the same night again and again, and a last one."""
    builder = JudgementBuilder()
    for number in range(1, count + 1):
        last = number == count
        config = {"service": services[number - 1]} if services else {}
        builder.comparison(f"n{number}", origin="nightly", night=f"2026-11-{number:02}", config=config)
        builder.replay(
            "synchronous",
            comparison_id=f"n{number}",
            response_us=(5_000, last_us if last else 20_000 + number % 3 * 100),
            offered=offered,
            acknowledged=min(offered, last_acknowledged) if last else offered,
        )
    return builder


def verdict(builder: JudgementBuilder, comparison_id: str, metric: str) -> list[str]:
    with builder.connect() as connection:
        rows = history(connection, comparison_id).to_pylist()
    return [row["verdict"] for row in rows if row["operation"] == "query" and row["metric"] == metric]


class TestHistory:
    def test_judges_each_figure_by_the_nights_before(self) -> None:
        builder = nights(8, last_us=40_000, last_acknowledged=900)
        assert verdict(builder, "n8", "response_p99") == ["worse"]
        assert verdict(builder, "n8", "response_p50") == ["usual"]
        assert verdict(builder, "n8", "done_share") == ["worse"]

    def test_a_night_that_sheds_the_slow_ones_is_no_better(self) -> None:
        shedding = nights(8, last_us=10_000, last_acknowledged=600)
        assert verdict(shedding, "n8", "response_p99") == ["worse"]  # of all offered ones it never came
        assert verdict(shedding, "n8", "acknowledged_share") == ["worse"]
        assert verdict(nights(8, last_us=10_000, last_acknowledged=995), "n8", "response_p99") == ["better"]
        with shedding.connect() as connection:
            rows = history(connection, "n8").to_pylist()
        assert {row["requests"] for row in rows} == {"offered"}

    def test_says_so_where_nights_are_too_few(self) -> None:
        assert verdict(nights(5, last_us=40_000), "n5", "response_p99") == ["too_few_nights"]

    def test_has_no_p99_of_requests_too_few_for_one(self) -> None:
        few = nights(8, last_us=40_000, offered=499)
        assert verdict(few, "n8", "response_p99") == []
        assert verdict(few, "n8", "response_p50") == ["usual"]

    @pytest.mark.parametrize("before", ["shop@1", "cart@2", None])
    def test_compares_no_service_with_another_or_with_another_digest_and_says_so(self, before: str | None) -> None:
        builder = nights(9, last_us=40_000, services=[before] * 6 + ["shop@2"] * 3)
        assert verdict(builder, "n9", "response_p99") == ["too_few_nights"]
        assert verdict(nights(9, last_us=40_000, services=["shop@2"] * 9), "n9", "response_p99") == ["worse"]
        with builder.connect() as connection:
            rows = history(connection, "n9").to_pylist()
        assert {(row["service"], row["nights"], row["nights_of_others"]) for row in rows} == {("shop@2", 2, 6)}

    def test_is_of_nightly_comparisons_alone(self) -> None:
        assert verdict(JudgementBuilder().replay("synchronous"), "c1", "response_p99") == []


class TestExpectation:
    def test_a_cell_of_steady_nights_gives_an_alarm_one_time_in_twenty_at_most_and_a_change_is_found(self) -> None:
        generator = np.random.default_rng(11)
        metrics, cells = 36, 300
        alarms = found = 0
        for _ in range(cells):
            seen = np.exp(generator.normal(10, 0.08, (metrics, 15)))  # as wide as the margin: it must not decide
            expected = [expectation(list(row[:14]), TIME, alpha=0.05 / metrics, offered=0) for row in seen]
            alarms += any(not one.low <= row[14] <= one.high for one, row in zip(expected, seen, strict=True))
            quiet = np.exp(generator.normal(10, 0.04, 15))
            changed = quiet[14] * math.exp(3 * math.log1p(TIME.margin))
            found += changed > expectation(list(quiet[:14]), TIME, alpha=0.05 / metrics, offered=0).high
        assert alarms <= 0.08 * cells  # 5 %, and two standard errors
        assert found >= 0.9 * cells

    def test_is_never_narrower_than_the_margin_nor_than_the_rule_of_three(self) -> None:
        time = expectation([10_000.0] * 14, TIME, alpha=0.01, offered=0)
        assert time.low == pytest.approx(10_000 / 1.1)
        assert time.high == pytest.approx(11_000)
        assert expectation([1.0] * 14, SHARE, alpha=0.01, offered=30).low == pytest.approx(0.9)
