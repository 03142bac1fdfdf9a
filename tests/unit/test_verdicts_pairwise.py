"""The verdicts between architectures, on planted outcomes of which the truth is known; and the noise of the A/A arm.

Whether the statistics are right is `test_statistics*`.
"""

import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.analysis.verdicts.noise import noise
from assets.analysis.verdicts.pairwise import pairwise
from assets.analysis.verdicts.rules import rules
from resources.warehouse.schema import declaration
from tests.judgement_builder import OPERATIONS, JudgementBuilder

METRICS = [metric.name for metric in rules().metrics]
Row = dict[str, Any]


def jittered(seed: int, size: float = 0.02) -> "itertools.count[Any] | Any":
    """Factors near 1, one after another, the same for the same seed."""
    generator = np.random.default_rng(seed)
    return (math.exp(one) for one in iter(lambda: generator.normal(0, size), None))


def runs(
    builder: JudgementBuilder, architecture: str, repetitions: int = 8, *, factor: float = 1.0, **more: Any
) -> None:
    """Repetitions of noisy times, ``factor`` times the usual ones."""
    noise_of = jittered(sum(map(ord, architecture + more.get("arm", ""))))
    for repetition in range(1, repetitions + 1):
        times = [round(us * factor * next(noise_of)) for us in (5_000, 20_000, 6_000, 30_000)]
        builder.replay(
            architecture,
            repetition,
            **{"response_us": (times[0], times[1]), "completion_us": (times[2], times[3]), **more},
        )


def judged(builder: JudgementBuilder, comparison_id: str = "c1") -> pa.Table:
    with builder.connect() as connection:
        return pairwise(connection, comparison_id)


def found(table: pa.Table, **where: Any) -> list[Row]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in where.items())]


def verdicts(table: pa.Table, **where: Any) -> dict[str, str]:
    return {row["metric"]: row["verdict"] for row in found(table, **where)}


def assert_sound(table: pa.Table) -> None:
    """What holds of every row whatever was planted."""
    for row in table.to_pylist():
        numbers = [value for value in row.values() if isinstance(value, float)]
        assert all(math.isfinite(value) for value in numbers), row
        assert row["reason"] or row["verdict"] != "inconclusive", row
        assert row["decides"] == (row["verdict"] != "inconclusive" and row["not_shown_here"] is None), row
        assert not {"None", "nan", "inf"} & set(row["reason"].replace(",", " ").split()), row["reason"]
        assert row["reason"] == "" or row["reason"].endswith("."), row["reason"]
        assert row["pairs_needed"] is None or row["pairs_needed"] > row["pairs"]
        if row["ci_low"] is not None and row["ci_high"] is not None and row["difference"] is not None:
            assert row["ci_low"] <= row["difference"] <= row["ci_high"], row


class TestVerdicts:
    @pytest.mark.parametrize(
        ("factor", "verdict"), [(1.0, "equivalent"), (1.5, "worse"), (0.6, "better"), (1.1, "inconclusive")]
    )
    def test_follow_a_planted_difference_of_times(self, factor: float, verdict: str) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        runs(builder, "hybrid", factor=factor)
        table = judged(builder)
        assert_sound(table)
        assert {verdicts(table, operation="command")[name] for name in METRICS[2:]} == {verdict}
        assert verdicts(table, operation="command")["done_share"] == "equivalent"
        [row] = found(table, operation="query", metric="response_p99")
        assert row["difference"] == pytest.approx(factor - 1, abs=0.05)
        assert row["margin"] == 0.1
        assert row["candidate_value"] / row["baseline_value"] == pytest.approx(factor, abs=0.05)

    @pytest.mark.parametrize(
        ("acknowledged", "verdict"), [(1000, "better"), (700, "equivalent"), (400, "worse"), (705, "equivalent")]
    )
    def test_follow_a_planted_difference_of_shares(self, acknowledged: int, verdict: str) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", acknowledged=700)
        runs(builder, "hybrid", acknowledged=acknowledged)
        [row] = found(judged(builder), operation="command", metric="acknowledged_share")
        assert row["verdict"] == verdict
        assert row["difference"] == pytest.approx(acknowledged / 1000 - 0.7)
        assert (row["baseline_value"], row["candidate_value"]) == (0.7, acknowledged / 1000)

    def test_hold_every_candidate_against_the_baseline_in_every_cell_and_variant(self) -> None:
        builder = JudgementBuilder()
        for scenario, variant in (("steady", "idempotent"), ("steady", "naive"), ("burst", "idempotent")):
            for name in ("synchronous", "event_driven", "hybrid"):
                runs(builder, name, scenario=scenario, variant=variant)
        table = judged(builder)
        families = {(row["scenario"], row["variant"], row["operation"], row["candidate"]) for row in table.to_pylist()}
        assert table.num_rows == 3 * 2 * 2 * len(METRICS)
        assert len(families) == 3 * 2 * 2
        assert set(table.column("baseline").to_pylist()) == {"synchronous"}

    def test_hold_against_the_baseline_the_comparison_names(self) -> None:
        builder = JudgementBuilder().comparison(config={"baseline": "hybrid"})
        runs(builder, "synchronous", factor=2)
        runs(builder, "hybrid")
        table = judged(builder)
        assert set(table.column("candidate").to_pylist()) == {"synchronous"}
        assert verdicts(table, operation="query")["response_p50"] == "worse"

    def test_are_stricter_where_it_was_looked_at_more_than_once(self) -> None:
        widths = []
        for config in ({}, {"budget_s": 600, "repetitions": 24}):
            builder = JudgementBuilder().comparison(config=config)
            runs(builder, "synchronous", 12)
            runs(builder, "hybrid", 12, factor=1.3)
            [row] = found(judged(builder), operation="query", metric="response_p50")
            widths.append(row["ci_high"] - row["ci_low"])
        assert widths[1] > widths[0]

    def test_of_no_failures_are_as_sure_as_the_rule_of_three(self) -> None:
        for offered, verdict in ((1000, "equivalent"), (20, "inconclusive")):
            builder = JudgementBuilder()
            for name in ("synchronous", "hybrid"):
                runs(builder, name, offered=offered)
            [row] = found(judged(builder), operation="command", metric="done_share")
            assert row["verdict"] == verdict
            assert row["ci_high"] == pytest.approx(3 / (8 * offered))

    @settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        seed=st.integers(0, 10_000),
        factor=st.floats(0.5, 2),
        acknowledged=st.integers(0, 1000),
        repetitions=st.integers(1, 9),
    )
    def test_mirror_when_candidate_and_baseline_change_places(
        self, seed: int, factor: float, acknowledged: int, repetitions: int
    ) -> None:
        mirrored = {"better": "worse", "worse": "better"}
        both = []
        for baseline in ("synchronous", "hybrid"):
            builder = JudgementBuilder().comparison(config={"baseline": baseline})
            scatter = jittered(seed, 0.05)
            for repetition in range(1, repetitions + 1):
                times = (round(5000 * factor * next(scatter)), round(20_000 * factor * next(scatter)))
                builder.replay("synchronous", repetition, operations=["query"])
                builder.replay("hybrid", repetition, response_us=times, acknowledged=acknowledged, operations=["query"])
            both.append(judged(builder))
            assert_sound(both[-1])
        there, back = (found(table, operation="query") for table in both)
        assert [mirrored.get(row["verdict"], row["verdict"]) for row in there] == [row["verdict"] for row in back]
        for one, other in zip(there, back, strict=True):
            if one["unit"] == "share" and one["difference"] is not None:
                assert one["difference"] == pytest.approx(-other["difference"])
            elif one["difference"] is not None:
                assert (1 + one["difference"]) * (1 + other["difference"]) == pytest.approx(1)


def undecided(builder: JudgementBuilder, **where: Any) -> Row:
    """The one row of that description; all of the table is sound and this row undecided."""
    table = judged(builder)
    assert_sound(table)
    [row] = found(table, **{"operation": "command", "candidate": "hybrid", "arm": "main", **where})
    assert row["verdict"] == "inconclusive"
    return row


class TestBadInput:
    def test_one_repetition_judges_no_times_and_says_how_many_would(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", 1)
        runs(builder, "hybrid", 1, factor=3)
        row = undecided(builder, metric="response_p50")
        assert row["pairs"] == 1
        assert row["pairs_needed"] >= 8
        needed = row["pairs_needed"]
        assert row["reason"].startswith(f"One repetition cannot judge a difference of times; {needed - 1} more")
        assert row["difference"] == pytest.approx(2, abs=0.2), "shown, if not judged"

    def test_the_noise_of_the_aa_arm_counts_where_it_is_more(self) -> None:
        advice = []
        for size in (0.001, 0.1):
            builder = JudgementBuilder()
            for repetition, factor in enumerate(itertools.islice(jittered(3, size), 4), start=1):
                for name in ("synchronous", "hybrid"):
                    builder.replay(name, repetition)
                    builder.replay(name, repetition, arm="aa", response_us=(round(5000 * factor), 20_000))
            advice.append(undecided(builder, metric="response_p50")["pairs_needed"])
        assert advice[0] == 7, "four different tests: the shares are the same, and both quantiles of completion"
        assert advice[1] is not None
        assert advice[1] > 8

    def test_repetitions_missing_on_one_side_are_left_out_and_named(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", 5)
        runs(builder, "hybrid", 3)
        row = undecided(builder, metric="response_p50")
        assert row["pairs"] == 3
        assert "2 repetitions are left out, not valid on both sides." in row["reason"]

    def test_times_too_short_for_the_loads_own_lag_are_not_compared_and_shares_are(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", 8, lag_us=2_500)  # of a p99 of 20 ms
        runs(builder, "hybrid", 8, factor=3.0, lag_us=2_500)  # of one of 60 ms: the shorter one counts
        row = undecided(builder, metric="response_p50")
        assert row["pairs"] == 0
        assert row["pairs_needed"] is None, "more repetitions are not what is lacking"
        assert "own lag at p99 was more than a tenth of the shorter p99 in 8 repetitions" in row["reason"]
        [completion] = found(judged(builder), operation="command", metric="completion_p50")
        assert completion["pairs"] == 8, "its p99 is 30 ms: what is compared counts"
        assert verdicts(judged(builder), operation="command", metric="done_share") == {"done_share": "equivalent"}

    def test_repetitions_whose_load_was_late_are_left_out_of_times_and_named(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", 4)
        runs(builder, "hybrid", 3)
        builder.replay("hybrid", 4, lag_us=40_000)
        row = undecided(builder, metric="response_p50")
        assert row["pairs"] == 3
        assert "1 repetition is left out, the load was late for times so short." in row["reason"]

    @pytest.mark.parametrize(
        ("planted", "says"),
        [
            ({"synchronous": {"invalid": "send lag"}, "hybrid": {}}, "no valid replay of synchronous, the baseline,"),
            (
                {"synchronous": {}, "hybrid": {"invalid": "send lag"}},
                "no valid replay of hybrid under steady: send lag.",
            ),
            ({"event_driven": {}, "hybrid": {}}, "synchronous, the baseline, was not replayed under steady."),
            (
                {"synchronous": {"operations": ["query"]}, "hybrid": {"operations": ["query"]}},
                "No command was offered.",
            ),
            (
                {"synchronous": {"acknowledged": 0}, "hybrid": {"acknowledged": 0}},
                "synchronous and hybrid acknowledged no command in the same repetition: there is no response time",
            ),
        ],
    )
    def test_what_cannot_be_judged_says_why(self, planted: dict[str, dict[str, Any]], says: str) -> None:
        builder = JudgementBuilder()
        for name, more in planted.items():
            runs(builder, name, **more)
        row = undecided(builder, metric="response_p50")
        assert says in row["reason"]
        assert row["pairs_needed"] is None, "more repetitions are not what is lacking"

    def test_an_architecture_missing_from_one_cell_only_has_its_rows_there(self) -> None:
        builder = JudgementBuilder()
        for name in ("synchronous", "hybrid"):
            runs(builder, name)
        runs(builder, "synchronous", scenario="burst")
        row = undecided(builder, metric="done_share", scenario="burst")
        assert row["reason"] == "hybrid was not replayed under burst."

    def test_all_refused_on_both_sides_is_the_same_share_and_no_time(self) -> None:
        builder = JudgementBuilder()
        for name in ("synchronous", "hybrid"):
            runs(builder, name, acknowledged=0)
        table = judged(builder)
        assert_sound(table)
        assert verdicts(table, operation="query") == {
            name: "equivalent" if name.endswith("share") else "inconclusive" for name in METRICS
        }

    def test_constant_times_are_equivalent_and_no_accident(self) -> None:
        builder = JudgementBuilder()
        for name, repetition in itertools.product(("synchronous", "hybrid"), range(1, 9)):
            builder.replay(name, repetition, response_us=(0, 0))
        table = judged(builder)
        assert_sound(table)
        assert set(verdicts(table).values()) == {"equivalent"}

    def test_beyond_what_was_watched_is_worse_by_at_least_the_bound(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        runs(builder, "hybrid", completion_us=(6_000, None), low_us=60_000_000)
        table = judged(builder)
        assert_sound(table)
        [row] = found(table, operation="command", metric="completion_p99")
        assert row["verdict"] == "worse"
        assert (row["candidate_value"], row["ci_high"]) == (None, None)
        assert row["ci_low"] > 1000

    def test_beyond_what_was_watched_on_both_sides_is_undecided(self) -> None:
        builder = JudgementBuilder()
        for name in ("synchronous", "hybrid"):
            runs(builder, name, completion_us=(6_000, None))
        assert "lies beyond what was watched" in undecided(builder, metric="completion_p99")["reason"]

    def test_a_baseline_alone_or_an_unknown_comparison_has_no_rows(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        assert judged(builder).num_rows == 0
        assert judged(builder, "another").num_rows == 0


def survivors(**hybrid: Any) -> JudgementBuilder:
    """Synchronous refuses four in ten commands, the slow ones; what gets through is quick."""
    builder = JudgementBuilder()
    runs(builder, "synchronous", acknowledged=600, factor=0.5)
    runs(builder, "hybrid", **hybrid)
    return builder


class TestThoseWhoRefuse:
    def test_are_compared_over_all_offered_requests(self) -> None:
        table = judged(survivors())
        assert_sound(table)
        [row] = found(table, operation="command", metric="response_p99")
        assert (row["verdict"], row["requests"]) == ("better", "offered")
        assert (row["baseline_value"], row["ci_low"]) == (None, None), "four in ten never came"
        [median] = found(table, operation="command", metric="response_p50")
        assert (median["verdict"], median["requests"]) == ("worse", "offered"), "of all, the median came twice as soon"

    def test_are_compared_over_acknowledged_ones_if_both_refuse_as_many(self) -> None:
        table = judged(survivors(acknowledged=605))
        [row] = found(table, operation="command", metric="response_p99")
        assert (row["verdict"], row["requests"]) == ("worse", "acknowledged")

    def test_have_no_time_to_compare_where_it_never_came_on_either_side(self) -> None:
        row = undecided(survivors(acknowledged=700), metric="response_p99")
        assert row["requests"] == "offered"
        assert row["reason"].startswith("So much was refused by synchronous and hybrid, or never done, that the p99 of")
        assert row["pairs_needed"] is None

    def test_acknowledge_nothing_at_worst(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous", acknowledged=0)
        runs(builder, "hybrid")
        assert verdicts(judged(builder), operation="command")["response_p50"] == "better"


class TestTheSummary:
    @pytest.mark.parametrize(("offered", "p99"), [(1000, 20_000), (400, None)])
    def test_has_times_of_those_answered_and_of_all(self, offered: int, p99: int | None) -> None:
        builder = JudgementBuilder()
        builder.replay("hybrid", offered=offered)
        builder.replay("synchronous", offered=offered, acknowledged=offered * 6 // 10)
        with builder.connect() as connection:
            connection.execute(declaration("summary"))
            rows = connection.execute(
                "SELECT architecture, response_p50_us, response_p50_of_all_us, response_p99_us, response_p99_of_all_us"
                " FROM summary WHERE operation = 'command' ORDER BY ALL"
            ).fetchall()
        assert rows == [("hybrid", 5_000, 5_000, p99, p99), ("synchronous", 5_000, 5_000, p99, None)]


class TestFewRequests:
    @pytest.mark.parametrize(("offered", "given"), [(499, False), (500, True)])
    def test_give_a_quantile_with_five_of_them_beyond_it(self, offered: int, given: bool) -> None:
        builder = JudgementBuilder()
        for name, factor in (("synchronous", 1.0), ("hybrid", 2.0)):
            runs(builder, name, factor=factor, offered=offered)
        table = judged(builder)
        assert_sound(table)
        assert verdicts(table, operation="command")["response_p50"] == "worse"
        [row] = found(table, operation="command", metric="response_p99")
        assert (row["verdict"] == "worse", row["baseline_value"] is not None) == (given, given)
        if not given:
            assert row["reason"] == (
                "Too few: p99 takes 500 acknowledged commands in a repetition, so that five lie beyond it, and there"
                " were 499 at most."
            )
            assert row["pairs_needed"] is None

    @pytest.mark.parametrize(
        ("offered", "refused", "verdict"),
        [(28, 0, "inconclusive"), (28, 1, "inconclusive"), (224, 1, "equivalent")],
    )
    def test_with_as_few_refused_on_both_sides_are_not_equal_to_the_last_digit(
        self, offered: int, refused: int, verdict: str
    ) -> None:
        builder = JudgementBuilder()
        for name, repetition in itertools.product(("synchronous", "hybrid"), range(1, 9)):
            builder.replay(name, repetition, offered=offered, acknowledged=offered - refused * (repetition == 1))
        [row] = found(judged(builder), operation="command", metric="acknowledged_share")
        assert row["verdict"] == verdict
        assert row["ci_high"] == pytest.approx(3 / (8 * offered))

    def test_leave_room_for_as_many_more_as_differed(self) -> None:
        builder = JudgementBuilder()
        for name, repetition in itertools.product(("synchronous", "hybrid"), range(1, 9)):
            refused = repetition == (1 if name == "hybrid" else 2)
            builder.replay(name, repetition, offered=100, acknowledged=100 - refused)
        [row] = found(judged(builder), operation="command", metric="acknowledged_share")
        assert row["difference"] == 0
        assert row["ci_high"] >= 4.2 / 800


class TestSentences:
    def test_of_a_difference_on_the_margin_say_that_it_cannot_be_called(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        runs(builder, "hybrid", factor=1.095)
        row = undecided(builder, metric="response_p50")
        assert "% is too near the margin, 10 %, to be called: at the noise seen no number of" in row["reason"]
        assert row["pairs_needed"] is None

    @pytest.mark.parametrize("factor", [1.0, 1.05, 2.0])
    def test_tell_that_invalid_replays_struck_one_side_more(self, factor: float) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        runs(builder, "hybrid", factor=factor)
        for repetition in (9, 10):
            builder.replay("synchronous", repetition)
            builder.replay("hybrid", repetition, invalid="the load was late")
        says = "Of hybrid 2 of 10 replays were invalid, of synchronous none: what is left of hybrid may be its better"
        rows = found(judged(builder), operation="command")
        assert {row["verdict"] for row in rows} >= {"equivalent"}
        assert all(says in row["reason"] for row in rows)

    def test_do_not_tell_where_both_sides_lost_as_many(self) -> None:
        builder = JudgementBuilder()
        for name in ("synchronous", "hybrid"):
            runs(builder, name)
            builder.replay(name, 9, invalid="the load was late")
        assert {row["reason"] for row in found(judged(builder), operation="command")} == {""}


class TestReach:
    def test_of_times_ends_where_the_services_differ(self) -> None:
        builder = JudgementBuilder()
        runs(builder, "synchronous")
        runs(builder, "hybrid", factor=2)
        table = judged(builder)
        assert_sound(table)
        rows = {(row["operation"], row["metric"]): row for row in table.to_pylist()}
        assert rows["command", "response_p50"]["verdict"] == "worse"
        assert not rows["command", "response_p50"]["carries_over"]
        assert not rows["command", "response_p50"]["decides"]
        assert rows["command", "done_share"]["decides"]
        assert rows["query", "response_p50"]["decides"], "both read the table by the same function"

    def test_ends_at_a_behaviour_that_the_target_lacks(self) -> None:
        builder = JudgementBuilder().conformance(a_consumer_that_is_throttled="absent")
        runs(builder, "synchronous", scenario="concurrency_limit", acknowledged=700)
        runs(builder, "hybrid", scenario="concurrency_limit")
        rows = {row["metric"]: row for row in found(judged(builder), operation="command")}
        assert rows["done_share"]["verdict"] == "better"
        assert "a consumer that is throttled" in rows["done_share"]["not_shown_here"]
        assert not rows["done_share"]["decides"]
        assert rows["acknowledged_share"]["decides"]


class TestFewRepetitions:
    """Blocks of time within the repetitions."""

    @staticmethod
    def planted(repetitions: int, **failed: list[int]) -> JudgementBuilder:
        builder = JudgementBuilder()
        for name, repetition in itertools.product(("synchronous", "hybrid"), range(1, repetitions + 1)):
            times = np.random.default_rng(repetition + len(name)).lognormal(8.5 + 0.3 * (name == "hybrid"), 0.4, 1000)
            refused = failed.get(name, [])
            p50, p99 = np.quantile(times, [0.5, 0.99])
            builder.replay(
                name,
                repetition,
                operations=["query"],
                acknowledged=1000 - len(refused),
                response_us=(int(p50), int(p99)),
                completion_us=(int(p50), int(p99)),
            )
            builder.requests(name, repetition, times_us=[int(us) for us in times], failed=refused)
        return builder

    def test_judge_shares_in_one_repetition(self) -> None:
        table = judged(self.planted(1, synchronous=list(range(0, 1000, 4))))
        assert_sound(table)
        [row] = found(table, operation="query", metric="done_share")
        assert row["verdict"] == "better"
        assert row["method"] == "block_bootstrap"
        assert 0.2 < row["ci_low"] < 0.25 < row["ci_high"] < 0.3

    def test_are_less_sure_of_failures_that_come_together(self) -> None:
        widths = []
        for refused in (list(range(0, 1000, 4)), list(range(300, 550))):
            [row] = found(judged(self.planted(1, synchronous=refused)), operation="query", metric="done_share")
            widths.append(row["ci_high"] - row["ci_low"])
        assert widths[1] > 3 * widths[0]

    @pytest.mark.parametrize("repetitions", [1, 3])
    def test_show_times_and_judge_none(self, repetitions: int) -> None:
        table = judged(self.planted(repetitions))
        assert_sound(table)
        [row] = found(table, operation="query", metric="response_p50")
        assert row["verdict"] == "inconclusive"
        assert row["ci_low"] < row["difference"] < row["ci_high"]
        # Two medians of a thousand have a standard error of 2 % between them: one draw of the interval may miss 0.3.
        assert row["difference"] == pytest.approx(math.expm1(0.3), abs=0.1)
        assert 0.05 < row["ci_high"] - row["ci_low"] < 0.25 if repetitions == 1 else row["ci_high"] > row["ci_low"]
        assert row["pairs"] == repetitions

    def test_say_nothing_where_other_requests_were_offered(self) -> None:
        builder = self.planted(1)
        builder.rows["requests"] = builder.rows["requests"][:-100]
        [row] = found(judged(builder), operation="query", metric="done_share")
        assert (row["verdict"], row["ci_low"]) == ("inconclusive", None)


class TestNoise:
    def test_identical_runs_are_equivalent_and_their_scatter_is_the_noise(self) -> None:
        builder = JudgementBuilder()
        for name, arm in itertools.product(("synchronous", "hybrid"), ("main", "aa")):
            runs(builder, name, arm=arm)
        with builder.connect() as connection:
            pairs = pairwise(connection, "c1")
            floor = noise(connection, "c1", pairs)
        assert_sound(pairs)
        assert {(row["baseline"], row["candidate"]) for row in found(pairs, arm="aa")} == {
            ("hybrid", "hybrid"),
            ("synchronous", "synchronous"),
        }
        assert set(verdicts(pairs, arm="aa").values()) <= {"equivalent", "inconclusive"}
        assert floor.num_rows == 2 * len(OPERATIONS) * len(METRICS)
        [row] = found(floor, architecture="hybrid", operation="query", metric="response_p50")
        assert 0.01 < row["noise"] < 0.06, "of differences of two, each scattered by 0.02"
        assert 0.9 < row["power_8"] <= row["power_16"] <= 1
        [share] = found(floor, architecture="hybrid", operation="query", metric="done_share")
        assert (share["noise"], share["verdict"]) == (0.0, "equivalent")

    def test_one_repetition_shows_none(self) -> None:
        builder = JudgementBuilder().replay("hybrid").replay("hybrid", arm="aa")
        with builder.connect() as connection:
            floor = noise(connection, "c1", pairwise(connection, "c1"))
        assert set(floor.column("noise").to_pylist()) == {None}
        assert set(floor.column("power_8").to_pylist()) == {None}

    def test_without_an_aa_arm_there_is_none(self) -> None:
        builder = JudgementBuilder().replay("synchronous").replay("hybrid")
        with builder.connect() as connection:
            assert noise(connection, "c1", pairwise(connection, "c1")).num_rows == 0
