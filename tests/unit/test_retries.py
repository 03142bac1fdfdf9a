"""Verdicts without retries and with: the view ``retries`` over rows planted by hand."""

import json
from typing import Any

import duckdb
import pytest

from resources.warehouse.schema import declaration

HANG = {"target": "table", "kind": "hang", "due_us": 10, "start_us": 11, "end_us": 20}


class Warehouse:
    """The tables and the view, in memory, with two architectures replayed and judged in each cell."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": 1})
        for file in ("tables", "retries"):
            self.connection.execute(declaration(file))

    def plant(self, table: str, **row: Any) -> None:
        marks = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def cell(
        self,
        scenario: str,
        verdict: str,
        *,
        variant: str = "idempotent",
        retries: int = 0,
        requests: str = "offered",
        decides: bool | None = None,
        **more: Any,
    ) -> None:
        """Two repetitions of each architecture, whose faults began a little late, and the verdict on them."""
        fault = more.pop("fault", HANG)
        key = {"comparison_id": more.pop("comparison_id", "c1"), "workload": "food_orders", "scenario": scenario}
        key |= {"variant": variant, "arm": "main"}
        for number, architecture in enumerate(("synchronous", "hybrid", "synchronous", "hybrid")):
            config = {"speed": 2.5, "retries": retries, "of": architecture, **more}
            windows = [{**fault, "start_us": 11 + number, "end_us": 20 + number, "present": number < 2}]
            row = {"architecture": architecture, "repetition": number // 2 + 1, "valid": True}
            self.plant(
                "experiments",
                **key,
                **row,
                config=json.dumps(config),
                fault_windows=json.dumps(windows, sort_keys=True),
            )
        judged = {"operation": "command", "baseline": "synchronous", "candidate": "hybrid", "metric": "done_share"}
        decides = verdict != "inconclusive" if decides is None else decides
        self.plant("pairwise", **key, **judged, requests=requests, verdict=verdict, decides=decides)

    def found(self) -> list[tuple[Any, ...]]:
        sql = "SELECT who, scenario, scenario_with_retries, verdict, verdict_with_retries, depends FROM retries"
        return self.connection.execute(f"{sql} ORDER BY ALL").fetchall()


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


@pytest.mark.parametrize(
    ("without", "with_retries", "depends"),
    [
        ("better", "better", False),
        ("better", "equivalent", True),
        ("better", "worse", True),
        ("inconclusive", "worse", None),
        ("better", "inconclusive", None),
    ],
)
class TestVerdicts:
    def test_of_handlers_stand_beside_each_other_in_one_cell(
        self, warehouse: Warehouse, without: str, with_retries: str, depends: bool | None
    ) -> None:
        warehouse.cell("backend_hang", without)
        warehouse.cell("backend_hang", with_retries, variant="sdk_defaults")
        assert warehouse.found() == [("handlers", "backend_hang", "backend_hang", without, with_retries, depends)]

    def test_of_callers_stand_beside_those_of_the_scenario_that_differs_in_retries_alone(
        self, warehouse: Warehouse, without: str, with_retries: str, depends: bool | None
    ) -> None:
        warehouse.cell("outage", without)
        warehouse.cell("callers_retry", with_retries, retries=3)
        assert warehouse.found() == [("callers", "outage", "callers_retry", without, with_retries, depends)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"speed": 1.0}, id="another speed"),
        pytest.param({"fault": {**HANG, "kind": "down"}}, id="another fault"),
        pytest.param({"fault": {**HANG, "due_us": 12}}, id="another time"),
        pytest.param({"fault": {**HANG, "share": 0.5}}, id="another share"),
        pytest.param({"comparison_id": "c2"}, id="another comparison"),
    ],
)
def test_scenarios_that_differ_by_more_are_not_compared(warehouse: Warehouse, other: dict[str, Any]) -> None:
    warehouse.cell("outage", "better")
    warehouse.cell("callers_retry", "worse", retries=3, **other)
    assert warehouse.found() == []


@pytest.mark.parametrize("with_retries", [{"decides": False}, {"requests": "acknowledged"}])
def test_what_decides_nothing_or_is_of_other_requests_stays_and_is_not_known(
    warehouse: Warehouse, with_retries: dict[str, Any]
) -> None:
    warehouse.cell("outage", "better")
    warehouse.cell("outage", "worse", variant="sdk_defaults", **with_retries)
    warehouse.cell("callers_retry", "worse", retries=3, **with_retries)
    assert [(row[0], row[5]) for row in warehouse.found()] == [("callers", None), ("handlers", None)]
