"""What is recommended, from planted verdicts of which the truth is known: what for, why, and what is left open."""

from typing import Any

import pyarrow as pa
import pytest

from assets.analysis.recommendation import recommend
from assets.analysis.verdicts.pairwise import pairwise
from resources.warehouse.schema import schema
from tests.judgement_builder import JudgementBuilder

ARCHITECTURES = ("synchronous", "event_driven", "hybrid")
QUEUED = {"synchronous": (), "event_driven": ("command", "query"), "hybrid": ("command",)}
Row = dict[str, Any]


def recommended(builder: JudgementBuilder, cost: list[Row] | None = None) -> dict[str, Row]:
    """The rows by operation; '' is that for all."""
    with builder.connect() as connection:
        claims = connection.sql("FROM claims").to_arrow_table()
        costs = pa.Table.from_pylist(cost or [], schema=schema("cost"))
        table = recommend(connection, "c1", pairs=pairwise(connection, "c1"), cost=costs, claims=claims)
    rows = {row["operation"]: row for row in table.to_pylist()}
    for row in rows.values():
        words = " ".join([row["sentence"], *row["because"], *row["would_change"]])
        assert not {"nan", "None", "inf", "NULL"} & set(words.replace(",", " ").split()), words
    return rows


def an_outage(repetitions: int) -> JudgementBuilder:
    """Synchronous refuses two in five orders, everyone else queues them."""
    builder = JudgementBuilder()
    for repetition in range(1, repetitions + 1):
        for name in ARCHITECTURES:
            kept = 600 if name == "synchronous" else 1000
            builder.replay(
                name,
                repetition,
                scenario="backend_outage",
                operations=["command"],
                acknowledged=kept,
                queued=QUEUED[name],
            )
            builder.replay(name, repetition, operations=["query"], queued=QUEUED[name])
    return builder


def alike(repetitions: int) -> JudgementBuilder:
    builder = JudgementBuilder()
    for repetition in range(1, repetitions + 1):
        for name in ("synchronous", "hybrid"):
            builder.replay(name, repetition, response_us=(5000 + repetition, 20_000), completion_us=(6000, 30_000))
    return builder


class TestWhatIsBuilt:
    def test_is_the_mix_where_commands_want_a_queue_and_queries_an_answer(self) -> None:
        rows = recommended(an_outage(8))
        assert rows[""]["architecture"] == "hybrid"
        assert rows["query"]["architecture"] != "event_driven", "a ticket is no answer"

    def test_names_the_measurement_with_figures_interval_scenario_and_target(self) -> None:
        [why] = [one for one in recommended(an_outage(8))["command"]["because"] if "event-driven" in one][:1]
        for part in (
            "100.0 %",
            "60.0 %",
            "backend_outage",
            "interval",
            "8 repetitions",
            "MiniStack",
        ):
            assert part in why

    def test_is_the_cheaper_one_where_nothing_else_tells_them_apart(self) -> None:
        bill = {
            "gateway": "rest",
            "processor": "x86",
            "workload": "food_orders",
            "variant": "idempotent",
            "item": "all",
        }
        cost = [{**bill, "architecture": "synchronous", "usd": 9.0}, {**bill, "architecture": "hybrid", "usd": 5.0}]
        rows = recommended(alike(10), cost)
        assert rows[""]["architecture"] == "hybrid"
        assert any("9.00 USD" in one and "5.00 USD" in one for one in rows[""]["because"])

    def test_stays_the_baseline_where_no_difference_matters(self) -> None:
        rows = recommended(alike(10))
        assert rows[""]["architecture"] == "synchronous"
        assert "No difference matters" in rows[""]["sentence"]


class TestWhatIsOpen:
    @pytest.mark.parametrize("repetitions", [1, 2])
    def test_few_repetitions_of_the_same_recommend_nothing(self, repetitions: int) -> None:
        row = recommended(alike(repetitions))[""]
        assert row["architecture"] is None
        assert "Undecided" in row["sentence"]
        assert row["would_change"]

    def test_one_valid_architecture_recommends_nothing(self) -> None:
        builder = JudgementBuilder().replay("synchronous").replay("hybrid", invalid="send lag")
        row = recommended(builder)[""]
        assert row["architecture"] is None
        assert row["sentence"].startswith("Nothing can be recommended: only synchronous")

    def test_no_valid_replay_recommends_nothing(self) -> None:
        builder = JudgementBuilder().replay("synchronous", invalid="send lag").replay("hybrid", invalid="send lag")
        assert recommended(builder)[""]["architecture"] is None

    def test_a_steady_comparison_says_how_to_see_a_fault(self) -> None:
        assert any("backend_outage" in one for one in recommended(alike(10))[""]["would_change"])
