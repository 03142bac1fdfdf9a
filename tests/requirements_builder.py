"""Single requests of planted replays, of which it is known what each architecture meets and misses.

For tests of requirements and of what is recommended. A replay lasts 30 s, its fault the middle third. Nothing here
judges.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from resources.conformance.probes import Status
from tests.published_tables import published_tables
from workloads.scenarios import scenarios

DURATION_US = 30_000_000
WINDOW_US = (10_000_000, 20_000_000)
_STARTED = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ROUTES = {"command": ("POST /orders",), "query": ("GET /orders/{order}",)}


@dataclass
class Asked:
    """Gathers replays of a comparison of ``food_orders``; every method that plants returns it.

    Attributes:
        target: The comparison's target.
        evidence: ``observed`` or ``simulated``.
        lacks: Behaviours of AWS that the target lacks; all others are reproduced.
        month: Requests of the recording in a month of 730 hours.
        name: The comparison's.
        speed: How many times as fast as recorded it was played.
        beside: The simulated comparison beside it.
    """

    target: str = "MiniStack 1.5.33"
    evidence: str = "observed"
    lacks: Iterable[str] = ()
    month: float = 4_380_000.0
    name: str = "c1"
    speed: float = 1.0
    beside: "Asked | None" = None
    _tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def replay(
        self,
        architecture: str,
        scenario: str = "steady",
        repetition: int = 1,
        *,
        offered: Mapping[str, int] | None = None,
        refused: float = 0.0,
        in_window_only: bool = False,
        lost: int = 0,
        dead_lettered: int = 0,
        out_of_turn: int = 0,
        stale: int = 0,
        queued: Iterable[str] = (),
        response_us: int = 5_000,
        completion_us: int = 6_000,
        routes: Mapping[str, tuple[str, ...]] = ROUTES,
        refused_routes: Iterable[str] | None = None,
        invalid: str | None = None,
    ) -> Self:
        """One replay, evenly over its time.

        Args:
            architecture: Who is replayed.
            scenario: Under which; any but ``steady`` has a fault in the middle third.
            repetition: From 1.
            offered: Requests by operation; by default 600 commands and 600 queries.
            refused: Share of commands that fail.
            in_window_only: Whether only commands due in the fault's window fail.
            lost: Acknowledged commands that are nowhere.
            dead_lettered: Acknowledged commands that are in the dead-letter queue.
            out_of_turn: Commands stored after a later one of their entity.
            stale: Queries that do not find what was acknowledged.
            queued: Operations that a ticket comes back for.
            response_us: How long each answer takes.
            completion_us: How long it takes until each is done.
            routes: Routes by operation, which take turns.
            refused_routes: The routes that ``refused`` is about; all by default.
            invalid: Why the replay is not valid.
        """
        key = {
            "comparison_id": self.name,
            "architecture": architecture,
            "variant": "idempotent",
            "arm": "main",
            "workload": "food_orders",
            "scenario": scenario,
            "repetition": repetition,
        }
        windows = [] if scenario == "steady" else [{"start_us": WINDOW_US[0], "end_us": WINDOW_US[1]}]
        experiment = {
            **key,
            "target": self.target,
            "evidence": self.evidence,
            "speed": self.speed,
            "valid": invalid is None,
            "invalid_reason": invalid,
            "duration_us": DURATION_US,
            "settled_us": 2 * DURATION_US,
            "fault_windows": json.dumps(windows),
            "recorded_requests": self.month / 43_800,
            "recorded_us": 60_000_000,
            "started_at": _STARTED,
            "finished_at": _STARTED + timedelta(seconds=60),
        }
        self._add("experiments", pa.Table.from_pylist([experiment]))
        counts = {"command": 600, "query": 600} if offered is None else offered
        for operation, n in counts.items():
            number = np.arange(n)
            due = number * DURATION_US // max(n, 1)
            named = np.array(routes[operation], dtype=object)[number % len(routes[operation])]
            fails = np.zeros(n, dtype=bool)
            if operation == "command" and refused:
                may = np.ones(n, dtype=bool)
                if in_window_only:
                    may &= (due >= WINDOW_US[0]) & (due < WINDOW_US[1])
                if refused_routes is not None:
                    may &= np.isin(named, list(refused_routes))
                chosen = np.flatnonzero(may)
                fails[_spread(chosen, round(refused * chosen.size))] = True
            state = np.where(fails, "rejected", "committed").astype(object)
            entity = np.array([f"{operation}-{one}" for one in number], dtype=object)
            committed = (due + completion_us).astype(object)
            found = np.ones(n, dtype=bool)
            if operation == "command":
                kept = np.flatnonzero(~fails)
                # A late one shares its entity with the next, and is stored after it.
                for one in _spread(kept[kept % 2 == 0], out_of_turn):
                    entity[one + 1] = entity[one]
                    committed[one] = int(due[one + 1]) + completion_us + 1_000
                state[_spread(kept[1::2], lost)] = "lost"
                state[_spread(kept[1::2], dead_lettered)] = "dead_lettered"
            elif stale:
                entity[-stale:] = "command-0"
                found[-stale:] = False
            committed[state != "committed"] = None
            ids = [f"{operation}-{one}" for one in number]
            ticket = "accepted" if operation in queued else "answered"
            about = {name: [value] * n for name, value in key.items()} | {
                "request_id": ids,
                "operation": [operation] * n,
            }
            self._add(
                "requests",
                pa.table(
                    {
                        **about,
                        "entity": entity,
                        "route": named,
                        "scheduled_us": due,
                        "sent_us": due,
                        "responded_us": due + response_us,
                        "status": np.where(fails, 503, 200),
                        "outcome": np.where(fails, "failed", ticket),
                        "response_us": np.full(n, response_us),
                    }
                ),
            )
            self._add(
                "effects",
                pa.table(
                    {
                        **about,
                        "route": named,
                        "state": state,
                        "committed_us": pa.array(committed.tolist(), pa.int64()),
                        "completion_us": pa.array(
                            [None if at is None else at - since for at, since in zip(committed, due, strict=True)],
                            pa.int64(),
                        ),
                        "commits": np.where(state == "committed", 1, 0),
                        "found": found,
                    }
                ),
            )
        return self

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database with what was planted."""
        planted = [self, *([self.beside] if self.beside else [])]
        comparisons = [
            {"comparison_id": one.name, "target": one.target, "evidence": one.evidence, "config": "{}"}
            for one in planted
        ]
        behaviours = {one.behaviour for scenario in scenarios().values() for one in scenario.rests_on}
        probed = [
            {
                "target": self.target,
                "behaviour": name,
                "status": (Status.ABSENT if name in self.lacks else Status.REPRODUCED).value,
            }
            for name in sorted(behaviours)
        ]
        self._tables["comparisons"] = [pa.Table.from_pylist(comparisons)]
        self._tables["conformance"] = [pa.Table.from_pylist(probed)]
        with published_tables() as connection:
            for name, tables in ((name, tables) for one in planted for name, tables in one._tables.items()):
                connection.register("planted", pa.concat_tables(tables, promote_options="permissive"))
                connection.execute(f"INSERT INTO {name} BY NAME FROM planted")
                connection.unregister("planted")
            yield connection

    def moved(self, parameter: str, factor: float, unchanged: float, changed: float, architecture: str) -> Self:
        """What an assumed parameter changes of the commands' p50 under ``steady``, microseconds."""
        row = {
            "comparison_id": self.name,
            "architecture": architecture,
            "variant": "idempotent",
            "arm": "main",
            "workload": "food_orders",
            "scenario": "steady",
            "operation": "command",
            "measure": "response_p50_us",
            "parameter": parameter,
            "factor": factor,
            "unchanged": unchanged,
            "changed": changed,
        }
        self._add("sensitivity", pa.Table.from_pylist([row]))
        return self

    def _add(self, name: str, table: pa.Table) -> None:
        self._tables.setdefault(name, []).append(table)


def _spread(places: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.intp]:
    """So many of these places, evenly among them."""
    chosen: npt.NDArray[np.intp] = places[np.linspace(0, places.size - 1, n).astype(int)]
    return chosen


def bills(**usd_per_month: float) -> list[dict[str, Any]]:
    """Rows of ``cost``: one item per architecture, a month of 4,380,000 requests."""
    return [
        {
            "comparison_id": "c1",
            "architecture": architecture,
            "variant": "idempotent",
            "workload": "food_orders",
            "gateway": "rest",
            "processor": "x86",
            "item": "all",
            "usd": usd,
            "usd_per_month": usd,
            "requests_per_month": 4_380_000.0,
        }
        for architecture, usd in usd_per_month.items()
    ]
