"""Observations written by hand: what a replay would have left behind, a line for each thing seen.

Defaults are those of an uneventful experiment; a test says only what it is about. Nothing here judges.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import pyarrow as pa

from resources.warehouse.observations import SCHEMAS, Tables, rows

KEY = ("comparison_id", "architecture", "variant", "arm", "workload", "scenario", "repetition")
SETTLED_US = 60_000_000


@dataclass
class ObservationsBuilder:
    """Gathers rows; `tables` gives them the observations' schemas. Every method returns the builder."""

    seen: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in SCHEMAS})

    def experiment(self, repetition: int = 1, *, requests: int | None = None, **more: Any) -> Self:
        """One repetition. Without ``requests`` as many were offered as were sent."""
        row = {
            "comparison_id": "c1",
            "architecture": "synchronous",
            "variant": "naive",
            "arm": "main",
            "workload": "food_orders",
            "scenario": "steady",
            "repetition": repetition,
            "instance": (repetition + 1) // 2,
            "night": "2026-11-20",
            "origin": "adhoc",
            "target": "MiniStack",
            "evidence": "observed",
            "seed": 1,
            "speed": 2.5,
            "started_at": datetime(2026, 11, 20, 3, 0, tzinfo=UTC),
            "finished_at": datetime(2026, 11, 20, 3, 1, tzinfo=UTC),
            "requests": requests,
            "duration_us": 30_000_000,
            "recorded_requests": 1_500,
            "recorded_us": 75_000_000,
            "settled_us": SETTLED_US,
            "send_lag_p50_us": 40,
            "send_lag_p99_us": 140,
            "send_lag_max_us": 900,
            "client_lag_p50_us": 40,
            "client_lag_p99_us": 90,
            "client_lag_max_us": 900,
            "displaced_share": 0.0,
            "gaps_distance_us": 30.0,
            "target_cpu_share": 0.2,
            "others_cpu_share": 0.03,
            "cold_starts": 0,
            "queued": [],
            "effects": ["order"],
            "fault_windows": "[]",
            "config": "{}",
            "code_version": "0.1.0+test",
            "dagster_run_id": "run",
        }
        self.seen["experiments"].append({**row, **more})
        return self

    def request(
        self,
        request_id: str = "r",
        status: int | None = 201,
        *,
        operation: str = "command",
        entity: str | None = None,
        route: str | None = None,
        at_us: int = 0,
        lag_us: int = 0,
        took_us: int = 1000,
        fate: str = "responded",
        attempts: int | None = None,
        fetches: int | None = None,
        fetched_us: int | None = None,
        recorded_us: int | None = None,
        work_us: int | None = None,
        repetition: int = 1,
    ) -> Self:
        """One offered request, due at ``at_us``, sent ``lag_us`` later, answered ``took_us`` after that.

        It was sent once, unless ``attempts`` says otherwise, and nobody asked for an answer behind it.
        """
        sent_us = None if fate == "unsent" else at_us + lag_us
        ended = fate in ("responded", "broken")
        self.seen["sent"].append(
            {
                "repetition": repetition,
                "request_id": request_id,
                "operation": operation,
                "entity": entity or f"order-{request_id}",
                "route": route or ("GET /orders/{order}" if operation == "query" else "POST /orders"),
                "payload_bytes": 300 if operation == "command" else 0,
                "scheduled_us": at_us,
                "sent_us": sent_us,
                "client_queue_us": None if sent_us is None else 0,
                "connect_us": None if sent_us is None else 0,
                "responded_us": sent_us + took_us if ended and sent_us is not None else None,
                "status": status if fate == "responded" else None,
                "fate": fate,
                "broken_cause": "reset" if fate == "broken" else None,
                "attempts": (0 if sent_us is None else 1) if attempts is None else attempts,
                "fetches": fetches,
                "fetched_us": fetched_us,
                "recorded_us": recorded_us,
                "work_us": work_us,
            }
        )
        return self

    def item(
        self,
        request_id: str = "r",
        *,
        effect: str | None = None,
        commits: int = 1,
        stamp_us: int = 400,
        found: bool | None = None,
        repetition: int = 1,
    ) -> Self:
        """What the table says of a request, or of one of its effects."""
        row = {"request_id": request_id, "effect": effect, "commits": commits, "stamp_us": stamp_us, "found": found}
        self.seen["items"].append({"repetition": repetition, **row})
        return self

    def message(
        self,
        request_id: str = "r",
        queue: str = "queue",
        *,
        effects: Sequence[str] | None = None,
        receive_count: int = 0,
        repetition: int = 1,
    ) -> Self:
        """A message that was still in a queue after everything had settled."""
        row = {"request_id": request_id, "queue": queue, "effects": effects, "receive_count": receive_count}
        self.seen["messages"].append({"repetition": repetition, **row})
        return self

    def record(
        self,
        request_id: str = "r",
        result: str = "committed",
        *,
        at_us: int = 500,
        receive_count: int | None = None,
        found: bool | None = None,
        worked_us: int | None = None,
        function: str = "command",
        effect: str | None = None,
        repetition: int = 1,
    ) -> Self:
        """One handling of a request, as a handler's log line tells it."""
        number = len(self.seen["records"])
        self.seen["records"].append(
            {
                "repetition": repetition,
                "function": function,
                "invocation_id": f"invocation-{number}",
                "request_id": request_id,
                "effect": effect,
                "result": result,
                "at_us": at_us,
                "receive_count": receive_count,
                "found": found,
                "worked_us": worked_us,
            }
        )
        return self

    def invocation(self, invocation_id: str = "invocation-0", *, repetition: int = 1) -> Self:
        """One invocation of a function."""
        row = {"invocation_id": invocation_id, "function": "command", "started_us": 100, "duration_us": 900}
        more = {"cold": False, "environment": "e1", "batch_size": 1, "outcome": "succeeded"}
        self.seen["invocations"].append({"repetition": repetition, **row, **more})
        return self

    def sample(self, t_us: int, visible: int = 0, in_flight: int = 0, *, repetition: int = 1) -> Self:
        """What the queues held at a moment."""
        row = {"t_us": t_us, "queue_visible": visible, "queue_in_flight": in_flight, "dead_letters": 0, "in_flight": 0}
        self.seen["samples"].append({"repetition": repetition, **row})
        return self

    def tables(self) -> Tables:
        """The observations. A repetition that was not described is an uneventful one."""
        described = {row["repetition"] for row in self.seen["experiments"]}
        for repetition in sorted({row["repetition"] for row in self.seen["sent"]} - described):
            self.experiment(repetition)
        sent: dict[int, int] = {}
        for row in self.seen["sent"]:
            sent[row["repetition"]] = sent.get(row["repetition"], 0) + 1
        for row in self.seen["experiments"]:
            if row["requests"] is None:
                row["requests"] = sent.get(row["repetition"], 0)
        return {name: rows(name, self.seen[name]) for name in SCHEMAS}


def together(cases: Mapping[str, ObservationsBuilder]) -> tuple[Tables, dict[str, int]]:
    """Observations of one repetition each as repetitions of one: reconciling once is quicker. Also returns which is
    which."""
    merged = ObservationsBuilder()
    numbers = {name: number for number, name in enumerate(cases, start=1)}
    for name, observations in cases.items():
        observations.tables()  # describes the experiment where the case did not
        for table, found in observations.seen.items():
            merged.seen[table] += [{**row, "repetition": numbers[name]} for row in found]
    return merged.tables(), numbers


def windows(*spans: tuple[int, int], target: str = "table", kind: str = "down") -> str:
    """Fault windows as the experiment's row carries them."""
    return json.dumps(
        [{"target": target, "kind": kind, "due_us": start, "start_us": start, "end_us": end} for start, end in spans]
    )


def window(start_us: int, end_us: int, **more: Any) -> dict[str, Any]:
    """One fault window, of the table by default."""
    times = {"due_us": start_us, "start_us": start_us, "end_us": end_us}
    return {"target": "table", "kind": "down", **times, **more}


def only(table: pa.Table, **where: Any) -> dict[str, Any]:
    """The one row of ``table`` with these values."""
    found: Sequence[dict[str, Any]] = [
        row for row in table.to_pylist() if all(row[name] == value for name, value in where.items())
    ]
    assert len(found) == 1, f"{len(found)} rows with {where}"
    return dict(found[0])
