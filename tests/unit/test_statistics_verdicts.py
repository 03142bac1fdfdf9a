"""Verdicts on differences, when there is none, and that no input makes a figure NaN or infinite; power and looks."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.analysis.statistics.power import MAX_PAIRS, SIMULATED_UP_TO, pairs_advised, power
from assets.analysis.statistics.sequential import FIRST_LOOK, interim_looks
from assets.analysis.statistics.verdicts import MIN_PAIRS, Comparand, Judged, judge_family

SMALL_NOISE = np.array([-3, 1, 2, -1, 3, -2, 1, -1]) / 1000


def comparand(differences: Any, **changed: Any) -> Comparand:
    given_ = {"metric": "response_p99", "unit": "ratio", "margin": 0.1, "lower_is_better": True}
    return Comparand(differences=np.asarray(differences, dtype=float), **{**given_, **changed})


def alone(differences: Any, **changed: Any) -> Judged:
    [judged] = judge_family([comparand(differences, **changed)])
    return judged


class TestDeciding:
    @pytest.mark.parametrize(
        ("centre", "lower_is_better", "verdict"),
        [(-0.5, True, "better"), (0.5, True, "worse"), (-0.5, False, "worse"), (0.5, False, "better")],
    )
    def test_beyond_the_margin_the_side_says_which_is_better(
        self, centre: float, lower_is_better: bool, verdict: str
    ) -> None:
        judged = alone(centre + SMALL_NOISE, lower_is_better=lower_is_better)
        assert (judged.verdict, judged.why, judged.method) == (verdict, "decided", "sign_flip")
        assert judged.p_value == 2**-7
        assert judged.pairs_needed is None

    def test_a_sure_difference_within_the_margin_is_equivalent(self) -> None:
        assert alone(0.05 + SMALL_NOISE).verdict == "equivalent"

    def test_an_interval_across_the_margin_is_inconclusive(self) -> None:
        judged = alone(0.1 + SMALL_NOISE)
        assert (judged.verdict, judged.why) == ("inconclusive", "within_noise")
        assert judged.ci_low is not None
        assert judged.ci_high is not None
        assert judged.ci_low < 0.1 < judged.ci_high

    def test_the_correction_counts_the_family(self) -> None:
        others = [comparand(np.array([1, -1] * 4) * (1 + number)) for number in range(5)]
        six = [comparand(0.5 + SMALL_NOISE), *others]
        judged = judge_family(six)[0]
        assert judged.p_adjusted == pytest.approx(6 * 2**-7)
        assert judged.verdict == "worse"
        seven_pairs = judge_family([comparand(0.5 + SMALL_NOISE[:7]), *others])[0]
        assert (seven_pairs.verdict, seven_pairs.why) == ("inconclusive", "too_few_pairs")
        assert seven_pairs.pairs_needed == 8

    def test_metrics_that_are_the_same_are_corrected_as_one(self) -> None:
        one, other, third = (comparand(centre + SMALL_NOISE[:7]) for centre in (0.5, 0.6, 0.0))
        judged = judge_family([one, one, other, other, third, third])
        assert [each.tests for each in judged] == [3] * 6
        assert judged[0].p_adjusted == pytest.approx(3 * 2**-6)
        assert [each.verdict for each in judged] == ["worse"] * 4 + ["equivalent"] * 2

    def test_a_difference_on_the_margin_can_never_be_called(self) -> None:
        judged = alone(0.1 + SMALL_NOISE)
        assert (judged.verdict, judged.at_margin, judged.pairs_needed) == ("inconclusive", True, None)

    def test_a_difference_beside_the_margin_takes_enough_repetitions_to_tell_them_apart(self) -> None:
        judged = alone(0.107 + 5 * SMALL_NOISE)
        assert (judged.verdict, judged.at_margin) == ("inconclusive", False)
        assert judged.pairs_needed is not None
        assert 8 < judged.pairs_needed < MAX_PAIRS

    def test_seven_metrics_are_no_family(self) -> None:
        with pytest.raises(ValueError, match="at most 6"):
            judge_family([comparand([0.0])] * 7)

    def test_a_share_without_events_is_known_no_better_than_three_in_n(self) -> None:
        share = {"unit": "share", "margin": 0.01}
        sure, unsure = (alone(np.zeros(8), floor=floor, **share) for floor in (0.001, 0.02))
        assert (sure.verdict, sure.ci_high) == ("equivalent", 0.001)
        assert (unsure.verdict, unsure.ci_low) == ("inconclusive", -0.02)

    def test_a_pair_without_a_figure_counts_for_nothing(self) -> None:
        assert alone([*(0.5 + SMALL_NOISE), math.nan]) == alone(0.5 + SMALL_NOISE)


class TestCensoring:
    @pytest.mark.parametrize(
        ("censored", "centre", "verdict"),
        [
            ("candidate", 0.5, "worse"),
            ("candidate", -0.5, "inconclusive"),
            ("candidate", 0.0, "inconclusive"),
            ("baseline", -0.5, "better"),
            ("baseline", 0.5, "inconclusive"),
            ("baseline", 0.0, "inconclusive"),
            ("both", 0.5, "inconclusive"),
            ("both", -0.5, "inconclusive"),
        ],
    )
    def test_a_lower_bound_proves_one_side_only(self, censored: str, centre: float, verdict: str) -> None:
        judged = alone(centre + SMALL_NOISE, censored=censored)
        assert judged.verdict == verdict
        assert judged.why == ("decided" if verdict != "inconclusive" else "censored")
        assert (judged.ci_high is None) == (censored in {"candidate", "both"})
        assert (judged.ci_low is None) == (censored in {"baseline", "both"})


class TestFewPairs:
    def test_times_are_shown_and_not_judged(self) -> None:
        judged = alone([0.9], within=(0.8, 1.0))
        assert (judged.verdict, judged.why, judged.method) == ("inconclusive", "too_few_pairs", "block_bootstrap")
        assert (judged.ci_low, judged.ci_high, judged.p_value) == (0.8, 1.0, None)
        assert judged.pairs_needed == MIN_PAIRS

    @pytest.mark.parametrize(
        ("within", "verdict"),
        [((0.2, 0.3), "worse"), ((-0.02, 0.03), "equivalent"), ((0.05, 0.3), "inconclusive")],
    )
    def test_shares_are_judged_by_the_interval_from_blocks(self, within: tuple[float, float], verdict: str) -> None:
        judged = alone([sum(within) / 2], unit="share", within=within)
        assert (judged.verdict, judged.method) == (verdict, "block_bootstrap")

    def test_several_intervals_from_blocks_are_corrected(self) -> None:
        one = comparand([0.2], unit="share", within=(0.11, 0.29))
        assert judge_family([one])[0].verdict == "worse"
        other = comparand([0.2], unit="share", within=(0.11, 0.2900001))
        assert [judged.verdict for judged in judge_family([one, other])] == ["inconclusive"] * 2
        assert [judged.verdict for judged in judge_family([one, one])] == ["worse"] * 2, "the same test"

    def test_without_an_interval_nothing_is_known_but_the_difference(self) -> None:
        judged = alone([0.5] * 5, unit="share")
        assert (judged.difference, judged.ci_low, judged.ci_high, judged.method) == (0.5, None, None, "none")

    def test_a_comparison_without_measurements_says_so(self) -> None:
        judged = alone([])
        assert (judged.why, judged.difference, judged.pairs_needed) == ("nothing_measured", None, None)


any_number = st.floats(allow_nan=True, allow_infinity=True)
any_comparand = st.builds(
    Comparand,
    metric=st.just("any"),
    unit=st.sampled_from(["share", "ratio"]),
    differences=st.lists(any_number | st.just(0.0) | st.floats(-1, 1), max_size=9).map(np.array),
    margin=st.floats(1e-6, 10),
    lower_is_better=st.booleans(),
    floor=st.floats(0, 1),
    censored=st.sampled_from([None, "candidate", "baseline", "both"]),
    within=st.none() | st.tuples(any_number, any_number),
)


@given(st.lists(any_comparand, max_size=6), st.sampled_from([0.95, 0.9882, 0.999]))
@settings(max_examples=30, deadline=None)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # numbers near the largest there are
def test_no_field_is_nan_or_infinite_for_any_input(comparands: list[Comparand], confidence: float) -> None:
    for judged in judge_family(comparands, confidence=confidence):
        for value in dataclasses.astuple(judged):
            assert not isinstance(value, float) or math.isfinite(value)
        assert (judged.why == "decided") == (judged.verdict != "inconclusive")


@pytest.mark.parametrize("changed", [{"margin": 0.0}, {"margin": math.nan}, {"floor": -1.0}, {"floor": math.inf}])
def test_a_comparand_needs_a_margin_and_a_floor(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="needs a"):
        comparand([0.0], **changed)


class TestPower:
    def test_without_noise_the_fewest_pairs_that_pass_the_correction_are_advised(self) -> None:
        advised = [pairs_advised(1, difference=2, noise=0, margin=1, family=family) for family in (1, 2, 3, 6)]
        assert advised == [6, 7, 7, 8]

    @pytest.mark.parametrize(
        ("pairs", "noise", "difference", "advised"),
        [(1, 100, 2, None), (8, 0.1, 2, None), (16, 1, 2, None), (16, 1, 0, 17)],
    )
    def test_advice_is_for_more_repetitions_and_turns_to_equivalence_where_a_difference_would_be_known(
        self, pairs: int, noise: float, difference: float, advised: int | None
    ) -> None:
        assert pairs_advised(pairs, difference=difference, noise=noise, margin=1) == advised

    @pytest.mark.parametrize("pairs", [SIMULATED_UP_TO - 2, SIMULATED_UP_TO + 2])
    def test_it_is_how_often_the_rule_decides(self, pairs: int) -> None:
        generator = np.random.default_rng(4)
        samples, noise = 150, 0.09
        decided = 0
        for _ in range(samples):
            # Beside five that show nothing, so that the planted metric is Holm's first.
            others = [comparand(np.array([1, -1] * (pairs // 2)) * (1 + number)) for number in range(5)]
            family = [comparand(0.2 + noise * generator.standard_normal(pairs)), *others]
            decided += judge_family(family)[0].verdict == "worse"
        expected = power(pairs, noise=noise, margin=0.1)
        assert decided / samples == pytest.approx(expected, abs=0.02 + 3 * math.sqrt(0.25 / samples))

    def test_it_grows_with_pairs_and_shrinks_with_noise(self) -> None:
        by_pairs = [power(pairs, noise=1, margin=1) for pairs in (6, 8, 10, 12, 16, 24)]
        assert by_pairs == sorted(by_pairs)
        assert by_pairs[0] == 0
        assert by_pairs[-1] > 0.95
        by_noise = [power(8, noise=noise, margin=1) for noise in (0.1, 0.5, 1, 2)]
        assert by_noise == sorted(by_noise, reverse=True)

    def test_only_ratios_to_the_margin_matter(self) -> None:
        assert power(8, noise=1, margin=1) == power(8, noise=0.01, margin=0.01)

    @pytest.mark.parametrize("bad", [{"noise": -1.0}, {"noise": math.nan}, {"margin": 0.0}, {"family": 0}])
    def test_an_impossible_noise_margin_or_family_is_refused(self, bad: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"noise|margin|family"):
            power(8, **{"noise": 1.0, "margin": 1.0, **bad})


class TestInterimLooks:
    def test_looks_are_few_even_and_end_at_the_last(self) -> None:
        assert [repetitions for repetitions, _ in interim_looks(FIRST_LOOK, 24)] == [10, 12, 14, 18, 22, 24]
        assert [repetitions for repetitions, _ in interim_looks(FIRST_LOOK, 14)] == [10, 12, 14]

    def test_all_looks_are_judged_alike_and_more_strictly_than_one(self) -> None:
        [confidence] = {confidence for _, confidence in interim_looks(FIRST_LOOK, 24)}
        assert confidence > 0.95
        assert interim_looks(8, 64)[0][1] > confidence
        assert interim_looks(8, 8) == [(8, 0.95)]

    @pytest.mark.parametrize(("pairs", "verdict"), [(FIRST_LOOK, "worse"), (FIRST_LOOK - 1, "inconclusive")])
    def test_the_first_one_is_the_first_that_can_decide_six_metrics(self, pairs: int, verdict: str) -> None:
        planted = np.resize(SMALL_NOISE, pairs) + 0.5
        (_, confidence), *_ = interim_looks(FIRST_LOOK, 24)
        judged = judge_family([comparand(planted * (1 + number)) for number in range(6)], confidence=confidence)
        assert {one.verdict for one in judged} == {verdict}

    @pytest.mark.parametrize(("first", "last"), [(0, 8), (9, 8)])
    def test_looks_need_an_order(self, first: int, last: int) -> None:
        with pytest.raises(ValueError, match="Looks"):
            interim_looks(first, last)
