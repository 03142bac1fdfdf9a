"""The cost model: its arithmetic, where it breaks even, and what it makes of a database's counts."""

import bisect
import dataclasses
import functools
import heapq
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.analysis.cost.break_even import BreakEven, break_even, turning_volumes
from assets.analysis.cost.counting import Counted, cost_of, counted, monthly_usd
from resources.architectures import Queueing
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
from resources.prices.model import (
    ITEMS,
    MONTH_S,
    Counts,
    OwnTime,
    Sizes,
    batch_size,
    empty_receives,
    expected_counts,
    itemise,
    month_usd,
    pollers,
    total_usd,
)
from tests.published_tables import published_tables
from workloads.places import REPOSITORY, Places

PRICES = bundled_prices()
ASSUMED = assumptions(Places(Path("no home")))
# aws-facts.md's worked example: warm functions of 512 MB, 0.3 KB of log, 0.5 KB of response, items of 1 KB.
WARM = ASSUMED.having(cold_share=0, log_invocation_bytes=0.3 * 1024, log_record_bytes=0, log_months=0)
NEITHER, BOTH = (), ("command", "query")


def test_a_fifo_queues_requests_have_their_own_price_and_lambdas_own_queue_none() -> None:
    def sends(queueing: Queueing) -> float:
        counts = expected_counts(BOTH, queueing=queueing)
        bill = itemise(counts, PRICES, ASSUMED, gateway="rest", processor="x86")
        return sum(item.usd for item in bill if item.item == "queue_sends")

    assert (sends("standard"), sends("fifo"), sends("lambda")) == (0.40, 0.50, 0.0)


COUNTED = [
    field.name
    for field in dataclasses.fields(Counts)
    if field.name not in {"committed", "batch_evidence", "seconds", "sizes", "queueing", "queues", "own"}
]
amounts = st.floats(0, 1e9)
recorded_s = st.just(0.0) | st.floats(1e-6, 1e9)  # arrivals are stamped to the microsecond
# Without work besides the table's: that is spread over all requests, so that more of these means less for each.
counts = st.builds(
    Counts,
    committed=st.floats(1, 1e9),
    seconds=recorded_s,
    **{name: amounts for name in COUNTED if name != "work_ms"},
)
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
        # 40 orders and 120 queries of an event-driven hour; one order delivered twice and found done, batches of 4, and
        # each answer asked for twice.
        seen = Counts(
            committed=40,
            offered=160,
            requests=162,
            responses=160,
            fetches=240,
            messages=160,
            deliveries=164,
            batches=41,
            order_writes=41,
            answer_writes=123,
            reads=123,
            seconds=3600,
            sizes=Sizes(http_units=1.5, message_units=2, message_kb=80, write_units=3, read_units=1.25),
        )
        items = itemise(seen, PRICES, ASSUMED, gateway="http", processor="arm")
        bill = {one.item: one for one in items}
        # Two pollers, since 0.046 messages a second keep no more busy. Each sees 41 / 2 / 3600 = 0.00569444 batches a
        # second: 0.113889 in the 20 s it waits.
        polls = 41 / (2.718281828459045**0.1138888888888889 - 1) / 40
        by_hand = {
            "api_requests": 162 * 1.5 / 40 * 1.00,  # 6.075
            "fetch_requests": 240 / 40 * 1.00,
            "function_requests": 0.0,
            "fetch_invocations": 240 / 40 * 0.20,
            "consumer_requests": 41 / 40 * 0.20,  # 0.205
            # (240 + 41) x 5 + 164 x 15 + (123 + 240) x 10 = 7,495 ms of half a GB, times 25,000 for a million
            "function_time": 7.495 * 0.5 * 25_000 * 0.0000133334,
            "function_starts": (240 + 41) * 0.01 * 0.084 * 0.5 * 25_000 * 0.0000133334,
            "queue_sends": 160 * 2 / 40 * 0.40,  # 3.20
            # 164 messages of 80 KB are 205 chunks of 64 KB, received in more requests than there are batches
            "queue_receives": (205 + 41) / 40 * 0.40,
            "queue_empty_receives": polls * 0.40,
            "order_writes": 41 * 3 / 40 * 0.625,
            "answer_writes": 123 / 40 * 0.625,
            "order_reads": 123 * 1.25 / 40 * 0.125,
            "fetch_reads": 240 / 40 * 0.125,
            "log_volume": ((240 + 41) * 412 + (240 + 164) * 74) * 25_000 / 2**30 * 0.50,
            "log_storage": ((240 + 41) * 412 + (240 + 164) * 74) * 25_000 / 2**30 * 0.15 * 0.03,
            "response_volume": 400 * 25_000 * 0.5 * 1024 / 2**30 * 0.09,
            "topic_publishes": 0.0,
        }
        assert {item: one.usd for item, one in bill.items()} == pytest.approx(by_hand)
        assert list(bill) == list(ITEMS)
        assert {one.item for one in bill.values() if one.quantity_evidence == "observed"} == {
            "api_requests",
            "fetch_requests",
            "function_requests",
            "fetch_invocations",
            "queue_sends",
            "order_writes",
            "answer_writes",
            "order_reads",
            "fetch_reads",
            "topic_publishes",
        }
        assert all(one.usd == pytest.approx(one.quantity * one.unit_price) for one in items)
        # The month has 730 such hours.
        assert {one.requests_per_month for one in items} == {730 * 160}
        assert all(one.quantity_per_month == pytest.approx(one.quantity * 730 * 40 / 1e6) for one in items)
        assert all(one.usd_per_month == pytest.approx(one.usd * 730 * 40 / 1e6) for one in items)

    @settings(max_examples=60, deadline=None)  # milliseconds each, but not on a busy machine
    @given(counts=counts, name=st.sampled_from([*COUNTED, "seconds"]), more=st.floats(0, 1e9), **bills)
    def test_cost_grows_with_every_count(
        self, counts: Counts, name: str, more: float, gateway: Gateway, processor: Processor
    ) -> None:
        assume(name != "seconds" or counts.seconds > 0)  # without a time there is no month, and no price for its volume
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
        seconds=recorded_s,
        message_kb=st.floats(0, 1024),
    )
    def test_more_batching_never_costs_more(
        self, batch: float, more: float, queries: float, seconds: float, message_kb: float
    ) -> None:
        sizes = Sizes(message_kb=message_kb)
        few, many = (
            expected_counts(BOTH, queries_per_command=queries, batch=size, seconds=seconds, sizes=sizes)
            for size in (batch, batch * more)
        )
        assert usd(many, ASSUMED) <= usd(few, ASSUMED) * (1 + 1e-9)

    def test_nothing_done_costs_nothing(self) -> None:
        bill = itemise(Counts(committed=1), PRICES, ASSUMED, gateway="rest", processor="x86")
        assert [one.item for one in bill] == list(ITEMS)
        assert {one.usd for one in bill} == {0}

    def test_nothing_committed_has_no_cost(self) -> None:
        with pytest.raises(ValueError, match="nothing was committed"):
            usd(Counts(committed=0, requests=5))

    @pytest.mark.parametrize(("batch", "per_message"), [(1, 3), (2, 2), (10, 1.2), (100, 1.2), (10_000, 1.2)])
    def test_a_message_takes_a_send_and_its_share_of_a_receive_and_a_delete(
        self, batch: float, per_message: float
    ) -> None:
        bill = itemise(expected_counts(BOTH, batch=batch), PRICES, ASSUMED, gateway="rest", processor="x86")
        assert math.fsum(one.quantity for one in bill if one.item.startswith("queue_")) == pytest.approx(per_message)


class TestPolling:
    @pytest.mark.parametrize(
        ("rate_per_s", "polling", "batch"),
        [
            (0.001, 2, 1),
            (50, 2, 1),  # of 16 + 5 + 15 ms each: 1.8 in progress
            (100, 3.6, 1),
            (138, 4.968, 1),
            (200, 5, 2.1),  # 40 a second to each of five: 0.84 + 0.6 b arrive in the 21 + 15 b ms of a batch of b
            (290, 5, 9.369),  # at 292 it would be 10 in 171 ms: all that five can take
            (1000, 17.1, 10),
            (100_000, 1250, 10),  # more than the most pollers take
        ],
    )
    def test_batches_fill_once_five_pollers_are_busy_and_more_come_once_batches_are_full(
        self, rate_per_s: float, polling: float, batch: float
    ) -> None:
        assert pollers(rate_per_s, 15, ASSUMED) == pytest.approx(polling, rel=1e-3)
        assert batch_size(rate_per_s, 15, ASSUMED) == pytest.approx(batch, rel=1e-3)

    def test_a_window_gathers_what_arrives_at_a_poller_that_has_a_message(self) -> None:
        gathering = ASSUMED.having(window_s=5)
        assert batch_size(0, 15, gathering) == 1
        assert batch_size(0.8, 15, gathering) == 3  # 0.4 a second to each of two pollers
        assert batch_size(1e6, 15, gathering) == 10

    @pytest.mark.parametrize("window_s", [0, 1, 5])
    def test_batches_grow_with_the_rate_without_a_jump(self, window_s: float) -> None:
        assumed = ASSUMED.having(window_s=window_s)
        sizes = [batch_size(rate, 15, assumed) for rate in np.geomspace(1e-3, 1e4, 5000)]
        assert sizes[0] == pytest.approx(1, abs=0.01)
        assert sizes[-1] == pytest.approx(10)
        # Between two and five pollers all that arrives more is taken by those that are added.
        assert min(np.diff(sizes)) > -1e-9
        assert max(np.diff(sizes)) < 0.5

    @pytest.mark.parametrize(("rate_per_s", "polling"), [(1, 2), (10, 2), (200, 5), (250, 5), (290, 5), (1000, 17)])
    def test_simulated_pollers_take_batches_of_about_this_size(self, rate_per_s: float, polling: int) -> None:
        arrivals = np.random.default_rng(1).exponential(1 / rate_per_s, 20_000).cumsum().tolist()
        free = [0.0] * polling  # when each poller is
        taken = batches = 0
        while taken < len(arrivals):
            starts = max(heapq.heappop(free), arrivals[taken])
            size = min(bisect.bisect_right(arrivals, starts) - taken, 10)
            heapq.heappush(free, starts + 0.021 + 0.015 * size)
            taken, batches = taken + size, batches + 1
        assert batch_size(rate_per_s, 15, ASSUMED) == pytest.approx(len(arrivals) / batches, rel=0.15)

    def test_an_idle_queue_is_polled_by_two_pollers_every_twenty_seconds(self) -> None:
        assert empty_receives(0, MONTH_S, 2, ASSUMED) == 262_800
        assert empty_receives(1, MONTH_S, 2, ASSUMED) == pytest.approx(262_800, rel=1e-5)
        assert empty_receives(1e9, MONTH_S, 2, ASSUMED) == 0

    def test_polling_that_was_simulated_finds_nothing_as_often(self) -> None:
        gaps = np.random.default_rng(7).exponential(1 / 0.05, 200_000)  # one poller, a message every 20 s on average
        empty = np.floor(gaps / 20).sum()
        assert empty_receives(gaps.size, gaps.sum(), 1, ASSUMED) == pytest.approx(empty, rel=0.02)


class TestMonth:
    """Bills of a month of 730 hours, worked out by hand: commands only, REST API, x86, bodies under 1 KB."""

    def test_at_one_command_in_a_hundred_seconds_the_queue_is_polled_in_vain_most(self) -> None:
        commands = 26_280  # 0.01 x 2,628,000 s
        shared = {
            "api_requests": 0.0919800,  # x 3.50 a million
            "order_writes": 0.0164250,  # x 0.625 a million
            "function_time": 0.0043800,  # x 20 ms x 0.5 GB = 262.8 GB-s, x 0.0000166667
            "function_starts": 0.0001840,  # x 1 % x 84 ms x 0.5 GB = 11.0376 GB-s
            "log_volume": 0.0059474,  # x 486 bytes = 0.0118949 GB, x 0.50
            "log_storage": 0.0000535,  # x 0.15 x 0.03
            "response_volume": 0.0011278,  # x 512 bytes = 0.0125313 GB, x 0.09
        }
        by_hand = {**shared, "function_requests": 0.0052560}  # x 0.20 a million
        assert self.month(NEITHER, commands) == pytest.approx(by_hand, abs=1e-7)
        by_hand = {
            **shared,
            "consumer_requests": 0.0052560,
            "queue_sends": 0.0105120,  # x 0.40 a million
            "queue_receives": 0.0210240,  # twice that: a receive and a delete, as messages come one by one
            # Each of two pollers gets 0.005 a second, 0.1 in 20 s: 26,280 / (e^0.1 - 1) = 249,879 polls find nothing.
            "queue_empty_receives": 0.0999515,
        }
        assert self.month(BOTH, commands) == pytest.approx(by_hand, abs=1e-7)
        assert sum(by_hand.values()) / commands * 1e6 == pytest.approx(9.773, abs=1e-3)  # USD per million commands

    def test_at_a_thousand_commands_a_second_batches_are_full_and_the_gateway_grants_its_tiers(self) -> None:
        commands = 2_628_000_000
        shared = {
            "api_requests": 6907.74,  # 333 x 3.50 + 667 x 2.80 + 1,628 x 2.38
            "order_writes": 1642.50,
            "response_volume": 112.78,  # 1,253.13 GB x 0.09
        }
        by_hand = {
            **shared,
            "function_requests": 525.60,
            "function_time": 438.00,  # x 20 ms x 0.5 GB = 26,280,000 GB-s
            "function_starts": 18.40,
            "log_volume": 594.75,  # x 486 bytes = 1,189.49 GB
            "log_storage": 5.35,
        }
        assert self.month(NEITHER, commands) == pytest.approx(by_hand, abs=6e-3)
        # A full batch is held for 16 + 5 + 10 x 15 = 171 ms: 17.1 pollers hand over 100 batches a second.
        by_hand = {
            **shared,
            "consumer_requests": 52.56,  # 262.8 million batches
            "function_time": 339.45,  # 262.8 million x 5 ms + 2,628 million x 15 ms = 40,734,000 s, x 0.5 GB
            "function_starts": 1.84,
            "queue_sends": 1051.20,
            "queue_receives": 210.24,  # 2 x 262.8 million
            "log_volume": 140.98,  # 262.8 million x 412 + 2,628 million x 74 bytes = 281.95 GB
            "log_storage": 1.27,
        }
        assert self.month(BOTH, commands) == pytest.approx(by_hand, abs=6e-3)

    @pytest.mark.parametrize(
        ("per_s", "synchronous", "event_driven"),
        [
            # 2,628 commands: 4.770 USD a million; with a queue 1.20 more, and all but every poll of two pollers is in
            # vain: 2,628 / (e^0.01 - 1) = 261,488 x 0.40 a million = 0.1046 USD.
            (0.001, 0.01254, 0.1203),
            # 26,280 million: the API 333 x 3.50 + 667 x 2.80 + 19,000 x 2.38 + 6,280 x 1.51 = 57,735.9; the rest is ten
            # times that at 1,000 a second, but for responses and logs over 10,240 GB, which cost less.
            (10_000, 90_684, 93_253),
        ],
    )
    def test_the_same_holds_from_a_thousandth_to_ten_thousand_a_second(
        self, per_s: float, synchronous: float, event_driven: float
    ) -> None:
        commands = per_s * MONTH_S
        assert sum(self.month(NEITHER, commands).values()) == pytest.approx(synchronous, rel=1e-3)
        assert sum(self.month(BOTH, commands).values()) == pytest.approx(event_driven, rel=1e-3)

    def test_the_free_tier_is_taken_off_where_it_is_asked_for(self) -> None:
        free = ASSUMED.model_copy(update={"free_tier": True})
        commands = 1_000_000
        paid, less = self.month(BOTH, commands), self.month(BOTH, commands, free)
        # A million requests and 400,000 GB-s of functions, 5 GB of logs, 100 GB of responses: this month takes no more.
        assert set(paid) - set(less) == {
            "consumer_requests",
            "function_time",
            "function_starts",
            "log_volume",
            "log_storage",
            "response_volume",
        }
        # Of 3 million requests of the queue, and those that find nothing, one million is free.
        queue = [sum(usd for item, usd in bill.items() if item.startswith("queue_")) for bill in (paid, less)]
        assert queue[0] - queue[1] == pytest.approx(0.40)
        assert {item: usd for item, usd in less.items() if not item.startswith("queue_")} == pytest.approx(
            {item: paid[item] for item in ("api_requests", "order_writes")}
        )

    def test_without_a_rate_there_is_no_month(self) -> None:
        bill = itemise(expected_counts(BOTH), PRICES, ASSUMED, gateway="rest", processor="x86")
        assert {(one.requests_per_month, one.quantity_per_month, one.usd_per_month) for one in bill} == {(None,) * 3}
        with pytest.raises(ValueError, match="no rate is known"):
            month_usd(expected_counts(BOTH), PRICES, ASSUMED, gateway="rest", processor="x86")

    def test_the_page_on_cost_has_these_figures(self) -> None:
        text = (REPOSITORY / "docs" / "cost.md").read_text(encoding="utf-8")
        rows = re.findall(
            r"^\| ([\d,.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d,.]+) \| ([\d,.]+) \| ([\d.]+) \|$", text, re.M
        )
        assert len(rows) == 9
        for row in rows:
            per_s, polling, batch, *usd = (float(cell.replace(",", "")) for cell in row)
            event_driven = self.month(BOTH, per_s * MONTH_S)
            assert float(f"{pollers(per_s, 15, ASSUMED):.3g}") == polling
            assert float(f"{batch_size(per_s, 15, ASSUMED):.3g}") == batch
            by_model = [
                sum(self.month(NEITHER, per_s * MONTH_S).values()),
                sum(event_driven.values()),
                event_driven.get("queue_empty_receives", 0),
            ]
            assert usd == pytest.approx(by_model, abs=0.0051)

    def month(self, queued: tuple[str, ...], commands: float, assumed: Assumptions = ASSUMED) -> dict[str, float]:
        """What is paid in a month of so many commands, by item."""
        counts = expected_counts(queued, seconds=1e6 / commands * MONTH_S).batched(assumed)
        bill = itemise(counts, PRICES, assumed, gateway="rest", processor="x86")
        usd = {one.item: one.usd_per_month or 0.0 for one in bill}
        return {item: paid for item, paid in usd.items() if paid > 1e-9}


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
        assert {row["evidence"] for row in rows} == {"modelled"}

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
            update={
                name: price.model_copy(update={"usd": 0.0, "tiers": ()}) for name, price in PRICES.entries().items()
            }
        )
        assert {row["cheaper"] for row in break_even(free, ASSUMED).crossings.to_pylist()} == {"never"}

    def crossings(
        self, sweep: str, assumed: Assumptions | None = None, gateway: Gateway = "rest"
    ) -> list[dict[str, Any]]:
        found = broken_even(assumed or self.FACTS).crossings.to_pylist()
        return [
            row for row in found if row["sweep"] == sweep and row["gateway"] == gateway and row["processor"] == "x86"
        ]


class TestTurningVolumes:
    """From how many requests a month on another architecture is cheaper."""

    # 200 ms an invocation whatever its batch: full batches save nine tenths of it.
    HEAVY = ASSUMED.having(fixed_ms=200)

    def test_both_cost_the_same_there_and_the_named_one_less_beyond(self) -> None:
        one, other = self.contender("synchronous", NEITHER), self.contender("event_driven", BOTH)
        (turning,) = turning_volumes(one, other, PRICES, self.HEAVY)
        assert (turning.cheaper_below, turning.cheaper_above) == ("synchronous", "event_driven")
        for volume, cheaper in ((0.9, one), (1.1, other)):
            usd = {
                contender.architecture: self.usd(contender, turning.requests_per_month * volume)
                for contender in (one, other)
            }
            assert min(usd, key=lambda name: usd[name]) == cheaper.architecture
        there = turning.requests_per_month
        assert self.usd(one, there) == pytest.approx(self.usd(other, there), rel=1e-6)
        assert turning.usd_per_month == pytest.approx(self.usd(one, there))
        assert "requests a month on event_driven is cheaper than synchronous" in turning.sentence

    def test_there_is_none_where_one_is_always_cheaper(self) -> None:
        one, other = self.contender("synchronous", NEITHER), self.contender("event_driven", BOTH)
        assert turning_volumes(one, other, PRICES, ASSUMED.having(batch_size=1)) == []

    def contender(self, name: str, queued: tuple[str, ...]) -> Counted:
        return Counted("w", name, "idempotent", "MiniStack", expected_counts(queued))

    def usd(self, one: Counted, volume: float) -> float:
        return monthly_usd(one, PRICES, self.HEAVY, requests_per_month=volume)


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
    payload_bytes: int = 300,
    attempts: int = 1,
    fetches: int = 0,
) -> None:
    """A replay of a part of a recording that has 1,000 requests in 5,000 s; ``redelivered`` commands are delivered
    twice, and ``fetches`` are of each query's answer.
    """
    key = f"'c', '{architecture}', 'idempotent', '{arm}', 'w', '{scenario}', {repetition}"
    names = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
    run = connection.execute
    run(
        f"INSERT INTO experiments ({names}, target, speed, duration_us, recorded_requests, recorded_us, valid, config)"
        f" VALUES ({key}, 'MiniStack', 6, 10000000, 1000, 5000000000, {valid}, '{config}')"
    )
    for operation, number in (("command", commands), ("query", queries)):
        is_queued = operation in queued
        if not number:
            continue
        run(
            f"INSERT INTO requests ({names}, request_id, operation, entity, payload_bytes, scheduled_us, sent_us,"
            f" status, outcome, attempts) SELECT {key}, '{operation}' || i, '{operation}', 'order' || i,"
            f" {payload_bytes if operation == 'command' else 0}, i, i, {202 if is_queued else 200},"
            f" '{'accepted' if is_queued else 'answered'}', {attempts} FROM range({number}) r(i)"
        )
        run(
            f"INSERT INTO effects ({names}, request_id, operation, state, deliveries, commits)"
            f" SELECT {key}, '{operation}' || i, '{operation}', 'committed',"
            f" 1 + ('{operation}' = 'command' AND i < {redelivered})::INT, 1 FROM range({number}) r(i)"
        )
        stored = number if committed is None or operation == "query" else committed
        run(
            f"INSERT INTO ledger ({names}, operation, offered, committed, fetches)"
            f" VALUES ({key}, '{operation}', {number}, {stored}, {fetches * number if operation == 'query' else 0})"
        )
        if not is_queued:
            run(
                f"INSERT INTO invocations ({names}, function, batch_size)"
                f" SELECT {key}, '{operation}', 1 FROM range({number}) r(i)"
            )
    for function, invocations in (("consumer", batches), ("result", fetches * queries)):
        run(
            f"INSERT INTO invocations ({names}, function, batch_size)"
            f" SELECT {key}, '{function}', 2 FROM range({invocations}) r(i)"
        )


class TestFanOut:
    PUBLISHED = Counts(
        committed=40,
        offered=40,
        messages=80,
        published=40,
        queues=2,
        deliveries=80,
        batches=80,
        order_writes=80,
        seconds=3600,
        sizes=Sizes(message_units=2, write_units=3),
    )

    def test_is_billed_by_what_is_published_and_what_each_queue_takes(self) -> None:
        items = itemise(self.PUBLISHED, PRICES, ASSUMED, gateway="rest", processor="x86")
        bill = {one.item: one.usd for one in items}
        assert bill["topic_publishes"] == pytest.approx(2 * 0.50)
        # Of 40 publications and 80 writes, 15 ms each; 80 invocations of 5 ms: half a GB, times 25,000 for a million.
        assert bill["function_time"] == pytest.approx((120 * 15 + 80 * 5) / 1000 * 0.5 * 25_000 * 0.0000166667)
        assert bill["queue_sends"] == pytest.approx(2 * 2 * 0.40)
        assert bill["order_writes"] == pytest.approx(2 * 3 * 0.625)

    def test_each_queue_has_pollers_of_its_own_and_half_of_the_messages(self) -> None:
        half = dataclasses.replace(self.PUBLISHED, messages=40, deliveries=40, batches=40, queues=1)
        assert self.PUBLISHED.batched(ASSUMED).batches == pytest.approx(2 * half.batched(ASSUMED).batches)
        both, one = (
            {item.item: item.usd for item in itemise(counts, PRICES, ASSUMED, gateway="rest", processor="x86")}
            for counts in (self.PUBLISHED, half)
        )
        assert both["queue_empty_receives"] == pytest.approx(2 * one["queue_empty_receives"])


class TestCounting:
    def test_counts_each_effect_and_every_queue_behind_a_topic(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "fan_out", commands=3, queries=2, queued=("command",))
        names = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
        database.execute(
            f"INSERT INTO effect_parts ({names}, request_id, effect, state, deliveries, commits) SELECT {names},"
            " request_id, effect, 'committed', 1 + (effect = 'order')::INT, 1 FROM effects,"
            " (VALUES ('order'), ('notification')) e(effect) WHERE operation = 'command'"
        )
        for function in ("consumer", "notification_consumer", "publisher"):
            database.execute(
                f"INSERT INTO invocations ({names}, function, batch_size) SELECT DISTINCT {names}, '{function}', 1"
                " FROM effects"
            )
        (found,) = counted(database, "c", ASSUMED)
        counts = found.counts
        assert (counts.published, counts.messages, counts.queues) == (3, 6, 2)
        assert (counts.deliveries, counts.order_writes, counts.reads) == (9, 9, 2)
        assert (counts.batches, counts.function_invocations) == (2, 2 + 1)

    def test_functions_that_call_each_other_share_the_work_and_are_paid_while_they_wait(
        self, database: duckdb.DuckDBPyConnection
    ) -> None:
        replay(database, "chain", commands=4, queries=2, config='{"work_us": 60000}')
        names = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
        database.execute(
            f"INSERT INTO effect_parts ({names}, request_id, effect, state, deliveries, commits) SELECT {names},"
            " request_id, effect, 'committed', 1, 1 FROM effects,"
            " (VALUES ('order'), ('payment'), ('restaurant')) e(effect) WHERE operation = 'command'"
        )
        (found,) = counted(database, "c", ASSUMED)
        counts = found.counts
        assert (counts.order_writes, counts.reads) == (12, 2)
        # The order's function waits for the payment's and, through it, the restaurant's, for which the payment's waits.
        assert counts.waits == 4 * 3
        # 20 ms in each of three: 60 an order, and 20 more for each wait.
        assert counts.waited_work_ms == 4 * 3 * 20

    def test_counts_every_repetition_retry_redelivery_and_fetch(self, database: duckdb.DuckDBPyConnection) -> None:
        seen = functools.partial(replay, database, "event_driven", queued=BOTH, redelivered=1, batches=5)
        for repetition in (1, 2):
            seen(repetition=repetition, attempts=2, fetches=3)
        (found,) = counted(database, "c", ASSUMED)
        assert found.counts == Counts(
            committed=8,
            offered=24,
            requests=48,
            responses=48,
            fetches=48,
            function_invocations=0,
            messages=24,
            deliveries=26,
            batches=10,
            order_writes=10,
            answer_writes=16,
            reads=16,
            seconds=120,  # recorded: 5 for each request, however fast and with whatever pauses it was replayed
            batch_evidence="observed",
            sizes=Sizes(message_kb=8 * 300 / 24 / 1024),
        )

    @pytest.mark.parametrize(
        ("payload_bytes", "http", "message", "write", "read"),
        [
            (0, 1, 1, 1, 1),
            (924, 1, 1, 1, 1),  # with 100 bytes more it is stored in one KB
            (925, 1, 1, 2, 1),
            (4_000, 1, 1, 5, 2),  # 4,100 bytes
            (65_536, 1, 1, 65, 17),
            (65_537, 1, 2, 65, 17),
            (600_000, 2, 10, 587, 147),
        ],
    )
    def test_sizes_are_those_that_were_recorded_in_the_units_that_are_billed(
        self,
        database: duckdb.DuckDBPyConnection,
        payload_bytes: int,
        http: int,
        message: int,
        write: int,
        read: int,
    ) -> None:
        # Each of four orders is read once; three queries ask for others.
        replay(database, "hybrid", queries=7, queued=("command",), payload_bytes=payload_bytes)
        (found,) = counted(database, "c", ASSUMED)
        sizes = found.counts.sizes
        assert sizes.http_units == pytest.approx((4 * http + 7) / 11)
        assert (sizes.message_units, sizes.message_kb) == (message, payload_bytes / 1024)
        assert sizes.write_units == write
        assert sizes.read_units == pytest.approx((4 * read + 3) / 7)

    def test_a_write_is_as_large_as_the_order_before_or_after_it(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "synchronous", commands=3, queries=1)
        # One order, read last: 2,000 bytes, then 300, then 1,000. Written as 3, 3 and 2 KB; read as under 4.
        for number, size in enumerate((2_000, 300, 1_000)):
            database.execute(
                f"UPDATE requests SET entity = 'order', payload_bytes = {size}, scheduled_us = {number}"
                f" WHERE request_id = 'command{number}'"
            )
        database.execute("UPDATE requests SET entity = 'order', scheduled_us = 9 WHERE operation = 'query'")
        (found,) = counted(database, "c", ASSUMED)
        assert found.counts.sizes.write_units == pytest.approx(8 / 3)
        assert found.counts.sizes.read_units == 1

    def test_the_month_is_at_the_recordings_own_rate(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "event_driven", queued=BOTH, fetches=2)
        rows = cost_of(database, "c", PRICES, ASSUMED).to_pylist()
        per_month = 0.2 * MONTH_S  # 1,000 requests in 5,000 s
        assert all(row["requests_per_month"] == pytest.approx(per_month) for row in rows)
        (found,) = counted(database, "c", ASSUMED)
        published = math.fsum(
            row["usd_per_month"] for row in rows if (row["gateway"], row["processor"]) == ("rest", "x86")
        )
        assert monthly_usd(found, PRICES, ASSUMED, requests_per_month=per_month) == pytest.approx(published)
        # A third of the requests are commands, all committed.
        per_million = math.fsum(row["usd"] for row in rows if (row["gateway"], row["processor"]) == ("rest", "x86"))
        assert published == pytest.approx(per_million * per_month / 3 / 1e6)

    @pytest.mark.parametrize("recorded", ["recorded_us = 0", "recorded_us = NULL"])
    def test_a_recording_without_a_length_has_no_month(
        self, database: duckdb.DuckDBPyConnection, recorded: str
    ) -> None:
        replay(database, "event_driven", queued=BOTH)
        database.execute(f"UPDATE experiments SET {recorded}")
        rows = cost_of(database, "c", PRICES, ASSUMED).to_pylist()
        assert {row["usd_per_month"] for row in rows} == {None}
        assert all(row["usd"] >= 0 for row in rows)

    @pytest.mark.parametrize("volume", [0, -1, math.nan])
    def test_no_requests_make_no_month(self, database: duckdb.DuckDBPyConnection, volume: float) -> None:
        replay(database, "synchronous")
        (found,) = counted(database, "c", ASSUMED)
        with pytest.raises(ValueError, match="takes requests"):
            monthly_usd(found, PRICES, ASSUMED, requests_per_month=volume)

    def test_a_mix_is_counted_by_operation(self, database: duckdb.DuckDBPyConnection) -> None:
        replay(database, "hybrid", queued=("command",), batches=2, config='{"work_us": 3000}')
        (found,) = counted(database, "c", ASSUMED)
        assert (found.counts.function_invocations, found.counts.batches, found.counts.messages) == (8, 2, 4)
        assert (found.counts.order_writes, found.counts.answer_writes, found.counts.reads) == (4, 0, 8)
        assert found.counts.work_ms == 36

    def test_work_as_recorded_is_paid_for_each_time_a_request_is_handled(
        self, database: duckdb.DuckDBPyConnection
    ) -> None:
        replay(database, "hybrid", queued=("command",), batches=2, config='{"work_us": 3000}')
        database.execute("UPDATE requests SET work_us = 5000 WHERE operation = 'command'")
        (found,) = counted(database, "c", ASSUMED)
        assert found.counts.work_ms == 36 + 4 * 5

    def test_a_service_of_the_users_own_is_paid_for_as_long_as_it_took_at_its_own_memory(
        self, database: duckdb.DuckDBPyConnection
    ) -> None:
        config = '{"service": "mine@0", "memory_mb": 1024, "work_us": 3000}'
        replay(database, "hybrid", queued=("command",), batches=2, config=config)  # 4 commands, 8 queries
        database.execute("UPDATE invocations SET duration_us = CASE function WHEN 'consumer' THEN 70000 ELSE 40000 END")
        (found,) = counted(database, "c", ASSUMED)
        assert found.counts.own == OwnTime(by_api_ms=8 * 40, by_queue_ms=2 * 70, memory_mb=1024)
        assert found.counts.work_ms == 0
        assert found.counts.message_ms(ASSUMED) == 2 * 70 / 4
        rows = cost_of(database, "c", PRICES, ASSUMED).to_pylist()
        [time] = [
            row for row in rows if (row["item"], row["gateway"], row["processor"]) == ("function_time", "rest", "x86")
        ]
        assert time["quantity"] == pytest.approx(0.460 * 1_000_000 / 4), "460 ms at 1 GB for four commands"
        assert "at the service's 1024 MB" in time["source"]
        assert time["quantity_evidence"] == "observed"
        calls = {
            (row["item"], row["quantity_evidence"]) for row in rows if row["item"] in ("order_writes", "order_reads")
        }
        assert calls == {("order_writes", "modelled"), ("order_reads", "modelled")}, "its own calls are not counted"

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
