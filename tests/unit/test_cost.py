"""The cost model: its arithmetic, where it breaks even, and what it makes of a database's counts."""

import dataclasses
import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.analysis.cost.break_even import BreakEven, break_even
from assets.analysis.cost.counting import cost_of, counted
from resources.prices.book import (
    GATEWAYS,
    PROCESSORS,
    UNITS,
    Assumptions,
    Gateway,
    Prices,
    Processor,
    assumptions,
    bundled_prices,
)
from resources.prices.model import ITEMS, Counts, batch_size, empty_receives, expected_counts, itemise, total_usd
from tests.published_tables import published_tables
from workloads.places import Places

PRICES = bundled_prices()
ASSUMED = assumptions(Places(Path("no home")))
# aws-facts.md's worked example: warm functions of 512 MB, 0.3 KB of log, 0.5 KB of response, items of 1 KB.
WARM = ASSUMED.having(cold_share=0)
NEITHER, BOTH = (), ("command", "query")

COUNTED = [
    field.name for field in dataclasses.fields(Counts) if field.name not in {"committed", "batch_evidence", "seconds"}
]
amounts = st.floats(0, 1e9)
counts = st.builds(Counts, committed=st.floats(1, 1e9), seconds=st.floats(0, 1e7), **dict.fromkeys(COUNTED, amounts))
bills = {"gateway": st.sampled_from(GATEWAYS), "processor": st.sampled_from(PROCESSORS)}


def usd(counts: Counts, assumptions: Assumptions = WARM, gateway: Gateway = "rest", prices: Prices = PRICES) -> float:
    return total_usd(counts, prices, assumptions, gateway=gateway, processor="x86")


class TestWorkedTable:
    @pytest.mark.parametrize(
        ("queued", "batch", "fixed_ms", "per_order_ms", "rest", "http"),
        [
            (NEITHER, 1, 20, 80, 5.34, 2.84),
            (BOTH, 1, 20, 80, 6.54, 4.04),
            (BOTH, 10, 20, 80, 5.37, 2.87),
            (BOTH, 10, 90, 10, 4.84, 2.34),
        ],
        ids=["synchronous", "batch 1", "batch 10, 20 + 80 ms", "batch 10, 90 + 10 ms"],
    )
    def test_comes_out_to_the_cent(
        self, queued: tuple[str, ...], batch: float, fixed_ms: float, per_order_ms: float, rest: float, http: float
    ) -> None:
        assumed = WARM.having(fixed_ms=fixed_ms, write_ms=per_order_ms)
        orders = expected_counts(queued, batch=batch)
        assert round(usd(orders, assumed, "rest"), 2) == rest
        assert round(usd(orders, assumed, "http"), 2) == http

    def test_one_message_per_batch_costs_three_requests_of_the_queue_more(self) -> None:
        assert usd(expected_counts(BOTH)) - usd(expected_counts(NEITHER)) == pytest.approx(1.20)


class TestModel:
    def test_agrees_with_a_bill_worked_out_by_hand(self) -> None:
        # 40 orders and 120 queries of an event-driven day; one order delivered twice and found done, batches of 4.
        seen = Counts(
            committed=40,
            requests=162,
            responses=160,
            messages=160,
            deliveries=164,
            batches=41,
            order_writes=41,
            answer_writes=123,
            reads=123,
            seconds=3600,
        )
        bill = {one.item: one for one in itemise(seen, PRICES, ASSUMED, gateway="http", processor="arm")}
        # A poller (of 5) sees 41 / 5 / 3600 = 0.00227778 batches a second: 0.0455556 in the 20 s it waits.
        polls = 41 / (2.718281828459045**0.04555555555555556 - 1) / 40
        by_hand = {
            "api_requests": 162 / 40 * 1.00,  # 4.05
            "function_requests": 0.0,
            "consumer_requests": 41 / 40 * 0.20,  # 0.205
            # 41 x 5 + 164 x 15 + 123 x 10 = 3,895 ms of half a GB, times 25,000 for a million
            "function_time": 3.895 * 0.5 * 25_000 * 0.0000133334,  # 0.649...
            "function_starts": 41 * 0.01 * 0.084 * 0.5 * 25_000 * 0.0000133334,
            "queue_sends": 160 / 40 * 0.40,  # 1.60
            "queue_receives": 2 * 41 / 40 * 0.40,  # 0.82
            "queue_empty_receives": polls * 0.40,
            "order_writes": 41 / 40 * 0.625,
            "answer_writes": 123 / 40 * 0.625,
            "order_reads": 123 / 40 * 0.125,
            "log_volume": 41 * 25_000 * 0.3 * 1024 / 2**30 * 0.50,
            "response_volume": 160 * 25_000 * 0.5 * 1024 / 2**30 * 0.09,
        }
        assert {item: one.usd for item, one in bill.items()} == pytest.approx(by_hand)
        assert {one.item for one in bill.values() if one.quantity_evidence == "observed"} == {
            "api_requests",
            "function_requests",
            "queue_sends",
            "order_writes",
            "answer_writes",
            "order_reads",
        }
        assert all(one.usd == pytest.approx(one.quantity * one.unit_price) for one in bill.values())

    @settings(max_examples=60, deadline=None)  # milliseconds each, but not on a busy machine
    @given(counts=counts, name=st.sampled_from([*COUNTED, "seconds"]), more=st.floats(0, 1e9), **bills)
    def test_cost_grows_with_every_count(
        self, counts: Counts, name: str, more: float, gateway: Gateway, processor: Processor
    ) -> None:
        grown = dataclasses.replace(counts, **{name: getattr(counts, name) + more})
        before, after = (
            total_usd(one, PRICES, ASSUMED, gateway=gateway, processor=processor) for one in (counts, grown)
        )
        assert math.isfinite(before)
        assert after >= before * (1 - 1e-9)

    @settings(max_examples=60, deadline=None)  # milliseconds each, but not on a busy machine
    @given(counts=counts, name=st.sampled_from(list(UNITS)), more=st.floats(0, 1e3), **bills)
    def test_cost_grows_with_every_price(
        self, counts: Counts, name: str, more: float, gateway: Gateway, processor: Processor
    ) -> None:
        price = PRICES.entries()[name]
        dearer = PRICES.model_copy(update={name: price.model_copy(update={"usd": price.usd + more})})
        before, after = (
            total_usd(counts, one, ASSUMED, gateway=gateway, processor=processor) for one in (PRICES, dearer)
        )
        assert after >= before * (1 - 1e-12)

    @settings(max_examples=60, deadline=None)  # milliseconds each, but not on a busy machine
    @given(counts=counts, factor=st.floats(1e-3, 1e3))
    def test_only_ratios_of_counts_matter(self, counts: Counts, factor: float) -> None:
        scaled = dataclasses.replace(
            counts, **{name: getattr(counts, name) * factor for name in (*COUNTED, "committed", "seconds")}
        )
        assert usd(scaled) == pytest.approx(usd(counts), rel=1e-6)

    @settings(max_examples=60, deadline=None)  # milliseconds each, but not on a busy machine
    @given(
        batch=st.floats(1, 10_000),
        more=st.floats(1, 100),
        queries=st.floats(0, 20),
        seconds=st.floats(0, 1e9),
        message_kb=st.floats(0, 1024),
    )
    def test_more_batching_never_costs_more(
        self, batch: float, more: float, queries: float, seconds: float, message_kb: float
    ) -> None:
        assumed = ASSUMED.having(message_kb=message_kb)
        few, many = (
            expected_counts(BOTH, queries_per_command=queries, batch=size, seconds=seconds)
            for size in (batch, batch * more)
        )
        assert usd(many, assumed) <= usd(few, assumed) * (1 + 1e-9)

    def test_nothing_done_costs_nothing(self) -> None:
        bill = itemise(Counts(committed=1), PRICES, ASSUMED, gateway="rest", processor="x86")
        assert [one.item for one in bill] == list(ITEMS)
        assert {one.usd for one in bill} == {0}

    def test_nothing_committed_has_no_cost(self) -> None:
        with pytest.raises(ValueError, match="nothing was committed"):
            usd(Counts(committed=0, requests=5))

    @pytest.mark.parametrize(
        ("item", "counts", "units_by_kb"),
        [
            ("order_writes", Counts(1, order_writes=1), {0: 1, 0.3: 1, 1: 1, 1.01: 2, 3.5: 4}),
            ("order_reads", Counts(1, reads=1), {1: 1, 4: 1, 4.1: 2, 9: 3}),
        ],
    )
    def test_write_units_are_kilobytes_started_and_read_units_four_of_them(
        self, item: str, counts: Counts, units_by_kb: dict[float, int]
    ) -> None:
        for size_kb, units in units_by_kb.items():
            bill = itemise(counts, PRICES, ASSUMED.having(item_kb=size_kb), gateway="rest", processor="x86")
            assert {one.item: one.quantity for one in bill}[item] == units, size_kb

    @pytest.mark.parametrize(("batch", "per_message"), [(1, 3), (2, 2), (10, 1.2), (100, 1.2), (10_000, 1.2)])
    def test_a_message_takes_a_send_and_its_share_of_a_receive_and_a_delete(
        self, batch: float, per_message: float
    ) -> None:
        bill = itemise(expected_counts(BOTH, batch=batch), PRICES, ASSUMED, gateway="rest", processor="x86")
        assert math.fsum(one.quantity for one in bill if one.item.startswith("queue_")) == pytest.approx(per_message)

    def test_batches_grow_with_rate_and_window_up_to_their_size(self) -> None:
        gathering = ASSUMED.having(window_s=5)
        assert batch_size(1000, ASSUMED) == 1
        assert batch_size(0, gathering) == 1
        assert batch_size(2, gathering) == 3  # 0.4 a second to each of five pollers
        assert batch_size(1e6, gathering) == 10

    def test_an_idle_queue_is_polled_by_five_pollers_every_twenty_seconds(self) -> None:
        month_s = 30 * 86_400
        assert empty_receives(0, month_s, ASSUMED) == 648_000
        assert empty_receives(1, month_s, ASSUMED) == pytest.approx(648_000, rel=1e-5)
        assert empty_receives(1e9, month_s, ASSUMED) == 0

    def test_polling_that_was_simulated_finds_nothing_as_often(self) -> None:
        gaps = np.random.default_rng(7).exponential(1 / 0.05, 200_000)  # one poller, a message every 20 s on average
        empty = np.floor(gaps / 20).sum()
        seconds = gaps.sum()
        one_poller = ASSUMED.having(pollers=1)
        assert empty_receives(gaps.size, seconds, one_poller) == pytest.approx(empty, rel=0.02)


@functools.cache
def broken_even(assumptions: Assumptions) -> BreakEven:
    return break_even(PRICES, assumptions)


class TestBreakEven:
    FACTS = WARM.having(fixed_ms=20, write_ms=80)

    def test_curves_are_complete_and_finite(self) -> None:
        found = break_even(PRICES, ASSUMED)
        rows = found.curves.to_pylist()
        assert {row["sweep"] for row in rows} == {"batch_size", "rate", "fixed_work"}
        assert {(row["gateway"], row["processor"]) for row in rows} == {(g, p) for g in GATEWAYS for p in PROCESSORS}
        assert all(math.isfinite(row["usd"]) and row["usd"] > 0 for row in rows)
        assert found.curves.num_rows == len({tuple(row.values())[:5] for row in rows})
        assert {row["evidence"] for row in rows} == {"simulated"}

    @pytest.mark.parametrize("gateway", GATEWAYS)
    def test_batches_break_even_where_algebra_says(self, gateway: Gateway) -> None:
        # Saved per order in batches of b: (1 - 1/b) of a request, 20 ms and a log line. Paid: 1.2 queue requests.
        saved = 0.20 + 20 / 1000 * 0.5 * 1e6 * 0.0000166667 + 1e6 * 0.3 * 1024 / 2**30 * 0.50
        (row,) = self.crossings("batch_size", gateway=gateway)
        assert row["x"] == pytest.approx(1 / (1 - 0.48 / saved), rel=1e-6)
        assert row["cheaper"] == "above"
        assert "messages per batch; above that event-driven is cheaper" in row["sentence"]

    def test_fixed_work_breaks_even_where_algebra_says(self) -> None:
        rows = {row["series"]: row for row in self.crossings("fixed_work")}
        other = 0.9 * (0.20 + 1e6 * 0.3 * 1024 / 2**30 * 0.50)
        usd_per_ms = 1e6 / 1000 * 0.5 * 0.0000166667
        assert rows["event_driven, batch of 10"]["x"] == pytest.approx((0.48 - other) / (0.9 * usd_per_ms), rel=1e-5)
        assert rows["event_driven, batch of 1"]["x"] is None
        assert rows["event_driven, batch of 1"]["cheaper"] == "never"
        assert "never cheaper than synchronous from 0 to 1,000 ms" in rows["event_driven, batch of 1"]["sentence"]

    def test_an_idle_queue_makes_the_rate_matter(self) -> None:
        heavy = WARM.having(fixed_ms=200)
        (row,) = [row for row in self.crossings("rate", heavy) if row["series"] == "event_driven, window 5 s"]
        assert row["cheaper"] == "above"
        assert row["x"] > 0.001

    def test_a_crossing_lies_on_both_curves(self) -> None:
        found = broken_even(self.FACTS)
        (row,) = [
            row
            for row in found.crossings.to_pylist()
            if row["sweep"] == "batch_size" and row["gateway"] == "rest" and row["processor"] == "x86"
        ]
        assert row["usd"] == pytest.approx(usd(expected_counts(NEITHER), self.FACTS))
        assert row["usd"] == pytest.approx(usd(expected_counts(BOTH, batch=row["x"]), self.FACTS))

    def test_where_everything_is_free_nothing_is_cheaper(self) -> None:
        free = PRICES.model_copy(
            update={name: price.model_copy(update={"usd": 0.0}) for name, price in PRICES.entries().items()}
        )
        assert {row["cheaper"] for row in break_even(free, ASSUMED).crossings.to_pylist()} == {"never"}

    def crossings(
        self, sweep: str, assumed: Assumptions | None = None, gateway: Gateway = "rest"
    ) -> list[dict[str, Any]]:
        found = broken_even(assumed or self.FACTS).crossings.to_pylist()
        return [
            row for row in found if row["sweep"] == sweep and row["gateway"] == gateway and row["processor"] == "x86"
        ]


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with published_tables() as connection:
        yield connection


def replay(
    connection: duckdb.DuckDBPyConnection,
    architecture: str,
    *,
    commands: int = 4,
    queries: int = 8,
    committed: int | None = None,
    queued: tuple[str, ...] = (),
    repetition: int = 1,
    scenario: str = "steady",
    arm: str = "main",
    valid: bool = True,
    redelivered: int = 0,
    batches: int = 0,
    config: str = "{}",
) -> None:
    """A replay of 10 s at 6 times the recorded speed; ``redelivered`` commands are delivered twice."""
    key = f"'c', '{architecture}', 'idempotent', '{arm}', 'w', '{scenario}', {repetition}"
    names = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
    run = connection.execute
    run(
        f"INSERT INTO experiments ({names}, target, speed, duration_us, valid, config)"
        f" VALUES ({key}, 'MiniStack', 6, 10000000, {valid}, '{config}')"
    )
    for operation, number in (("command", commands), ("query", queries)):
        is_queued = operation in queued
        if not number:
            continue
        run(
            f"INSERT INTO requests ({names}, request_id, operation, sent_us, status, outcome)"
            f" SELECT {key}, '{operation}' || i, '{operation}', i, {202 if is_queued else 200},"
            f" '{'accepted' if is_queued else 'answered'}' FROM range({number}) r(i)"
        )
        run(
            f"INSERT INTO effects ({names}, request_id, operation, state, deliveries, commits)"
            f" SELECT {key}, '{operation}' || i, '{operation}', 'committed',"
            f" 1 + ('{operation}' = 'command' AND i < {redelivered})::INT, 1 FROM range({number}) r(i)"
        )
        stored = number if committed is None or operation == "query" else committed
        run(
            f"INSERT INTO ledger ({names}, operation, offered, committed)"
            f" VALUES ({key}, '{operation}', {number}, {stored})"
        )
        if not is_queued:
            run(
                f"INSERT INTO invocations ({names}, function, batch_size)"
                f" SELECT {key}, '{operation}', 1 FROM range({number}) r(i)"
            )
    run(
        f"INSERT INTO invocations ({names}, function, batch_size)"
        f" SELECT {key}, 'consumer', 2 FROM range({batches}) r(i)"
    )


class TestCounting:
    def test_counts_every_repetition_retry_and_redelivery(self, database: duckdb.DuckDBPyConnection) -> None:
        for repetition in (1, 2):
            replay(database, "event_driven", queued=BOTH, redelivered=1, batches=5, repetition=repetition)
        (found,) = counted(database, "c")
        assert found.counts == Counts(
            committed=8,
            requests=24,
            responses=24,
            function_invocations=0,
            messages=24,
            deliveries=26,
            batches=10,
            order_writes=10,
            answer_writes=16,
            reads=16,
            seconds=120,
            batch_evidence="observed",
        )

    def test_a_mix_is_counted_by_operation(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "hybrid", queued=("command",), batches=2, config='{"work_us": 3000}')
        (found,) = counted(database, "c")
        assert (found.counts.function_invocations, found.counts.batches, found.counts.messages) == (8, 2, 4)
        assert (found.counts.order_writes, found.counts.answer_writes, found.counts.reads) == (4, 0, 8)
        assert found.counts.work_ms == 36

    @pytest.mark.parametrize("other", [{"valid": False}, {"arm": "aa"}, {"scenario": "burst"}])
    def test_only_valid_steady_replays_of_the_main_arm_count(
        self, database: duckdb.DuckDBPyConnection, other: dict[str, Any]
    ) -> None:
        replay(database, "synchronous")
        alone = cost_of(database, "c", PRICES, ASSUMED)
        replay(database, "synchronous", commands=1, queries=90, repetition=2, **other)
        assert cost_of(database, "c", PRICES, ASSUMED).equals(alone)

    def test_the_items_fit_the_published_table_and_add_up(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "synchronous")
        rows = cost_of(database, "c", PRICES, ASSUMED)
        database.register("found", rows)
        database.execute("INSERT INTO cost BY NAME SELECT * FROM found")
        totals = dict(
            database.execute(
                "SELECT gateway || ' ' || processor, sum(usd) FROM cost WHERE isfinite(usd) GROUP BY ALL"
            ).fetchall()
        )
        # Four orders, eight queries: 2 queries per command.
        by_hand = expected_counts((), queries_per_command=2)
        assert totals == pytest.approx(
            {
                f"{gateway} {processor}": total_usd(by_hand, PRICES, ASSUMED, gateway=gateway, processor=processor)
                for gateway in GATEWAYS
                for processor in PROCESSORS
            }
        )

    @pytest.mark.parametrize(
        ("batching", "evidence", "quantity"), [("modelled", "modelled", 3), ("observed", "observed", 1.5)]
    )
    def test_batches_are_those_of_aws_unless_replayed_ones_are_assumed(
        self, database: duckdb.DuckDBPyConnection, batching: str, evidence: str, quantity: float
    ) -> None:
        replay(database, "event_driven", queued=BOTH, batches=6)
        assumed = ASSUMED.model_copy(update={"batching": batching})
        rows = cost_of(database, "c", PRICES, assumed).to_pylist()
        assert {(row["quantity_evidence"], row["quantity"]) for row in rows if row["item"] == "consumer_requests"} == {
            (evidence, quantity)
        }

    @pytest.mark.parametrize("planted", [{"scenario": "burst"}, {"valid": False}, {"commands": 0}, {"committed": 0}])
    def test_a_contender_without_a_committed_command_has_no_cost_and_the_others_have_theirs(
        self, database: duckdb.DuckDBPyConnection, planted: dict[str, Any]
    ) -> None:
        assert cost_of(database, "c", PRICES, ASSUMED).num_rows == 0
        replay(database, "hybrid", **planted)
        replay(database, "synchronous")
        assert {row["architecture"] for row in cost_of(database, "c", PRICES, ASSUMED).to_pylist()} == {"synchronous"}
