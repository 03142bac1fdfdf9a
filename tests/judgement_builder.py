"""Outcomes planted straight into a database: books and quantiles as reconciling would have left them.

For tests of what is made of outcomes. Defaults are uneventful; a test says only what it is about. Nothing here judges.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import duckdb
import pyarrow as pa

from tests.published_tables import published_tables
from workloads.scenarios import scenarios

OPERATIONS = ("command", "query")
_KEY = {
    "comparison_id": "c1",
    "variant": "idempotent",
    "arm": "main",
    "workload": "food_orders",
    "scenario": "steady",
}
_OUTCOMES = ("answered", "accepted", "throttled", "failed", "timed_out", "unsent")
_STATES = ("committed", "dead_lettered", "in_flight", "lost", "rejected")
_GHOSTS = ("ghost_commits", "ghost_dead_lettered", "ghost_in_flight", "ghost_partly_committed", "unknown_effects")
_WITNESSES = ("duplicates", "redeliveries", "reordered", "read_your_writes_misses")
_REPRODUCED = {one.behaviour: "reproduced" for scenario in scenarios().values() for one in scenario.rests_on}
_BOOKS = (*_OUTCOMES, *_STATES, *_GHOSTS, *_WITNESSES)


@dataclass
class JudgementBuilder:
    """Gathers rows. Every method that plants returns the builder."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    behaviours: dict[str, str] = field(default_factory=dict)

    def conformance(self, **statuses: str) -> Self:
        """How the target does single behaviours, spaces in their names written as ``_``; all others it reproduces."""
        self.behaviours |= {behaviour.replace("_", " "): status for behaviour, status in statuses.items()}
        return self

    def comparison(self, comparison_id: str = "c1", *, night: str = "2026-11-20", **more: Any) -> Self:
        """A comparison; ``config`` is a dictionary of settings."""
        config = json.dumps(more.pop("config", {}))
        row = {"comparison_id": comparison_id, "origin": "adhoc", "night": night, "evidence": "observed"}
        finished_at = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
        self._add("comparisons", {**row, "target": "MiniStack", "config": config, "finished_at": finished_at, **more})
        return self

    def replay(
        self,
        architecture: str,
        repetition: int = 1,
        *,
        invalid: str | None = None,
        operations: Iterable[str] = OPERATIONS,
        offered: int = 1000,
        acknowledged: int | None = None,
        queued: Iterable[str] = (),
        done: int | None = None,
        response_us: tuple[int | None, int | None] = (5_000, 20_000),
        completion_us: tuple[int | None, int | None] = (6_000, 30_000),
        low_us: int = 29_000_000,
        lag_us: int = 0,
        **key: Any,
    ) -> Self:
        """One replay; of the operations ``queued`` a ticket came back. Times are p50 and p99; None is beyond what was
        watched, ``low_us`` its lower bound; ``lag_us`` is the load generator's own lag at p99.

        Of all offered requests the times are the same, unless so many were refused
        that the quantile lies among these.
        """
        acknowledged = offered if acknowledged is None else acknowledged
        done = acknowledged if done is None else done
        full = _KEY | {"architecture": architecture, "repetition": repetition, **key}
        about = {"target": "MiniStack", "evidence": "observed", "valid": invalid is None, "invalid_reason": invalid}
        times = {"duration_us": 30_000_000, "settled_us": 60_000_000, "fault_windows": "[]"}
        self._add("experiments", {**full, **about, **times, "client_lag_p99_us": lag_us})
        for operation in operations:
            books = dict.fromkeys(_BOOKS, 0) | {
                "offered": offered,
                "accepted" if operation in queued else "answered": acknowledged,
                "failed": offered - acknowledged,
                "committed": done,
                "lost": acknowledged - done,
                "rejected": offered - acknowledged,
            }
            self._add("ledger", {**full, "operation": operation, **books})
            for measure, quantiles in (("response", response_us), ("completion", completion_us)):
                row = {**full, "operation": operation, "measure": measure, "n": acknowledged, "n_censored": 0}
                of_all = {**full, "operation": operation, "measure": f"{measure}_of_all", "n": offered}
                for name, us, q in zip(("p50", "p99"), quantiles, (0.5, 0.99), strict=True):
                    known = acknowledged > 0
                    row |= {
                        f"{name}_us": us if known else None,
                        f"{name}_low_us": low_us if known and us is None else None,
                    }
                    came = us if acknowledged >= q * offered else None
                    of_all |= {f"{name}_us": came, f"{name}_low_us": low_us if came is None else None}
                self._add("latency", row)
                self._add("latency", of_all)
        return self

    def requests(
        self,
        architecture: str,
        repetition: int = 1,
        *,
        times_us: Sequence[int],
        failed: Iterable[int] = (),
        operation: str = "query",
        **key: Any,
    ) -> Self:
        """Single requests of a replay, evenly over its 30 s: how long each took, and which of them failed."""
        refused = set(failed)
        full = _KEY | {"architecture": architecture, "repetition": repetition, "operation": operation, **key}
        for number, us in enumerate(times_us):
            one = {**full, "request_id": str(number)}
            scheduled_us = number * 30_000_000 // len(times_us)
            outcome, state = ("failed", "rejected") if number in refused else ("answered", "committed")
            self._add("requests", {**one, "scheduled_us": scheduled_us, "outcome": outcome, "response_us": us})
            self._add("effects", {**one, "state": state, "completion_us": None if number in refused else us})
        return self

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database with what was planted; a comparison that was not described is an uneventful one."""
        described = {row["comparison_id"] for row in self.rows.get("comparisons", [])}
        for comparison_id in sorted({row["comparison_id"] for row in self.rows.get("experiments", [])} - described):
            self.comparison(comparison_id)
        for target in sorted({row["target"] for row in self.rows.get("comparisons", [])}):
            for behaviour, status in (_REPRODUCED | self.behaviours).items():
                self._add("conformance", {"target": target, "behaviour": behaviour, "status": status})
        with published_tables() as connection:
            for table, rows in self.rows.items():
                columns = list(dict.fromkeys(name for row in rows for name in row))
                planted = pa.table({name: [row.get(name) for row in rows] for name in columns})
                connection.register("planted", planted)
                connection.execute(f"INSERT INTO {table} BY NAME FROM planted")
                connection.unregister("planted")
            yield connection

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)
