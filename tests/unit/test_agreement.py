"""Verdicts on two targets side by side: the view ``agreement`` over rows planted by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from resources.warehouse.schema import declaration

ONE, OTHER = "LocalStack 2026.3.0 (host mode)", "MiniStack 1.5.33"
CLAIM = {"claim_id": "S4", "part": "", "evidence": "observed"}
DIFFERENCE = {
    "workload": "food_orders",
    "scenario": "steady",
    "operation": "command",
    "variant": "idempotent",
    "arm": "main",
    "baseline": "synchronous",
    "candidate": "hybrid",
    "metric": "response_p99",
}


class Warehouse:
    """The tables and the view, in memory."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for file in ("tables", "agreement"):
            self.connection.execute(declaration(file))
        self._comparisons = 0

    def plant(self, table: str, **row: Any) -> None:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def judge(self, target: str, table: str, verdict: str, *, kind: str | None = None, **row: Any) -> None:
        """A comparison on a target, later than those before it, with one verdict; ``kind`` is its evidence."""
        self._comparisons += 1
        finished_at = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=self._comparisons)
        comparison_id = f"c{self._comparisons}"
        about = {"comparison_id": comparison_id, "target": target, "evidence": kind}
        self.plant("comparisons", **about, finished_at=finished_at)
        self.plant(table, comparison_id=comparison_id, verdict=verdict, **row)

    def conformance(self, target: str, status: str, affects: str) -> None:
        self.plant("conformance", target=target, behaviour="a handler raises", status=status, affects=affects)

    def found(self) -> list[tuple[Any, ...]]:
        query = "SELECT target, verdict, other_target, other_verdict, agreement, explained_by FROM agreement"
        return self.connection.execute(query).fetchall()


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


@pytest.mark.parametrize(
    ("verdict", "other", "agreement"),
    [
        ("better", "better", "agrees"),
        ("equivalent", "equivalent", "agrees"),
        ("better", "worse", "open"),
        ("better", "inconclusive", "undecided"),
        ("inconclusive", "inconclusive", "undecided"),
    ],
)
def test_differences_are_compared_by_their_verdicts(
    warehouse: Warehouse, verdict: str, other: str, agreement: str
) -> None:
    for target, found in ((OTHER, other), (ONE, verdict)):
        warehouse.judge(target, "pairwise", found, decides=found != "inconclusive", **DIFFERENCE)
    assert warehouse.found() == [(ONE, verdict, OTHER, other, agreement, [])]


def test_a_difference_that_decides_nothing_on_its_target_is_no_disagreement(warehouse: Warehouse) -> None:
    warehouse.judge(ONE, "pairwise", "better", decides=True, **DIFFERENCE)
    warehouse.judge(OTHER, "pairwise", "worse", decides=False, **DIFFERENCE)
    assert [row[4] for row in warehouse.found()] == ["undecided"]


@pytest.mark.parametrize(
    ("statuses", "affects", "agreement", "explained_by"),
    [
        (("reproduced", "different"), "S1, S4", "explained", ["a handler raises"]),
        (("reproduced", "reproduced"), "S1, S4", "open", []),
        (("reproduced", "different"), "S41", "open", []),
        (("reproduced", "unknown"), "S4", "open", []),
        (("reproduced", "not_provocable"), "S4", "open", []),
        (("different", "not_provocable"), "S4", "explained", ["a handler raises"]),
    ],
)
def test_a_disagreement_on_a_claim_is_explained_by_a_behaviour_it_rests_on_or_open(
    warehouse: Warehouse, statuses: tuple[str, str], affects: str, agreement: str, explained_by: list[str]
) -> None:
    warehouse.judge(ONE, "claims", "supported", **CLAIM)
    warehouse.judge(OTHER, "claims", "refuted", **CLAIM)
    for target, status in zip((ONE, OTHER), statuses, strict=True):
        warehouse.conformance(target, status, affects)
    assert warehouse.found() == [(ONE, "supported", OTHER, "refuted", agreement, explained_by)]


def test_a_claim_that_cannot_be_tested_on_one_of_them_is_undecided(warehouse: Warehouse) -> None:
    warehouse.judge(ONE, "claims", "not_testable_here", **CLAIM)
    warehouse.judge(OTHER, "claims", "supported", **CLAIM)
    assert [row[4] for row in warehouse.found()] == ["undecided"]


def test_the_newest_verdict_of_each_target_counts(warehouse: Warehouse) -> None:
    for target, verdict in ((ONE, "worse"), (OTHER, "better"), (ONE, "better")):
        warehouse.judge(target, "pairwise", verdict, decides=True, **DIFFERENCE)
    assert warehouse.found() == [(ONE, "better", OTHER, "better", "agrees", [])]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("pairwise", {**DIFFERENCE, "arm": "aa"}),
        ("claims", {**CLAIM, "evidence": "documented"}),
        ("claims", {**CLAIM, "evidence": "simulated"}),
    ],
)
def test_what_rests_on_no_target_is_left_out(warehouse: Warehouse, table: str, row: dict[str, str]) -> None:
    for target in (ONE, OTHER):
        warehouse.judge(target, table, "supported", **row)
    assert warehouse.found() == []


def test_what_a_simulation_and_an_emulator_say_of_a_claim_is_compared(warehouse: Warehouse) -> None:
    warehouse.judge(ONE, "claims", "supported", kind="observed", **CLAIM)
    warehouse.judge("simulated", "claims", "refuted", kind="simulated", **{**CLAIM, "evidence": "simulated"})
    assert warehouse.found() == [(ONE, "supported", "simulated", "refuted", "open", [])]


def test_one_target_alone_agrees_with_nothing(warehouse: Warehouse) -> None:
    for _ in range(2):
        warehouse.judge(ONE, "pairwise", "better", **DIFFERENCE)
    assert warehouse.found() == []
