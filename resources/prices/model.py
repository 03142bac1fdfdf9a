"""The cost model: from counts to the items of a bill, with batches and polls as AWS makes them.

Put here pure arithmetic. Keep out databases, what was counted (`assets.analysis.cost.counting`), and prices and
assumptions (`resources.prices.book`).
"""

import datetime as dt
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from resources.architectures import Queueing
from resources.prices.book import UNITS, Assumptions, Gateway, Price, Prices, Processor

Evidence = Literal["observed", "modelled"]

MONTH_S = 730 * 3600.0
_KB, _GB = 2**10, 2**30
_MILLION = 1e6
# Properties of the prices' units and of the services, not of a workload.
BYTES_PER_UNIT = {
    "http": 512 * _KB,  # aws.amazon.com/api-gateway/pricing; a REST API counts requests of any size as one
    "queue": 64 * _KB,  # aws.amazon.com/sqs/pricing
    "write": _KB,  # amazondynamodb/latest/developerguide/read-write-operations.html
    "read": 4 * _KB,  # same page; strongly consistent, as the handlers read
}
_KB_PER_QUEUE_REQUEST = BYTES_PER_UNIT["queue"] / _KB
_MESSAGES_PER_QUEUE_REQUEST = 10  # most that one ReceiveMessage or DeleteMessageBatch carries

ITEMS = (
    "api_requests",
    "fetch_requests",
    "function_requests",
    "fetch_invocations",
    "consumer_requests",
    "function_time",
    "function_starts",
    "queue_sends",
    "queue_receives",
    "queue_empty_receives",
    "order_writes",
    "answer_writes",
    "order_reads",
    "fetch_reads",
    "log_volume",
    "log_storage",
    "response_volume",
    "topic_publishes",
)


@dataclass(frozen=True)
class Sizes:
    """How large the traffic is, in what AWS bills: means over the requests. Small ones take one unit each.

    Attributes:
        http_units: Of a request to an HTTP API, which counts every 512 KB as one.
        message_units: Of a message sent, of which every 64 KB counts as a request of the queue's.
        message_kb: Of a message, in KB.
        write_units: Of a write of an order, 1 KB each.
        read_units: Of a strongly consistent read of an order, 4 KB each.
    """

    http_units: float = 1
    message_units: float = 1
    message_kb: float = 1
    write_units: float = 1
    read_units: float = 1

    @classmethod
    def of(cls, body_bytes: npt.NDArray[np.int64], assumptions: Assumptions) -> "Sizes":
        """Of traffic whose requests have bodies of ``body_bytes`` each, and orders that are as large as these."""
        if not len(body_bytes):
            return cls()

        def units(sizes: npt.NDArray[Any], service: str) -> float:
            return float(np.maximum(np.ceil(sizes / BYTES_PER_UNIT[service]), 1).mean())

        item_bytes = body_bytes + assumptions.item_extra_bytes.value
        return cls(
            units(body_bytes, "http"),
            units(body_bytes, "queue"),
            float(body_bytes.mean()) / _KB,
            units(item_bytes, "write"),
            units(item_bytes, "read"),
        )


@dataclass(frozen=True)
class OwnTime:
    """How long invocations of a service of the user's own took, all of it: its handlers' calls to tables as well.

    Attributes:
        by_api_ms: Those that the API made.
        by_queue_ms: Those that the queue made.
        memory_mb: Of its functions; None where that is not known, and the assumed memory counts.
    """

    by_api_ms: float
    by_queue_ms: float
    memory_mb: float | None


@dataclass(frozen=True)
class Counts:
    """What serving took in total: counts, not rates. Fractions are allowed.

    Attributes:
        committed: Commands acknowledged and committed.
        offered: Requests that callers made, each counted once.
        requests: Requests to the API for them, every attempt counted.
        responses: Responses of the API to these.
        fetches: Requests to the API for the answer to a query that went through the queue.
        function_invocations: Invocations of the functions that the API calls for ``requests``.
        messages: Messages the queue accepted.
        deliveries: Messages handed to the consumer, every redelivery counted.
        batches: Invocations of the consumer.
        order_writes: Writes of orders that were tried.
        answer_writes: Writes of the answers to queries that came through the queue.
        reads: Reads of orders that were tried.
        work_ms: Milliseconds that handlers worked besides.
        waits: Invocations that functions made and waited for, each as often as functions waited meanwhile.
        waited_work_ms: What these worked besides, counted in the same way.
        own: How long the handlers took in place of what is assumed; None where they are the lab's.
        seconds: The recorded time in which callers made ``offered`` requests; 0 where no rate is known: then the queue
            is never found empty, and the first paid tier of each price counts.
        batch_evidence: Whether ``batches`` was observed or modelled.
        sizes: How large requests, messages and orders are.
        queueing: What queues the messages: requests of a FIFO queue have another price, and those that Lambda queues
            itself (``lambda``) come one by one and cost nothing but the invocations.
        published: Messages published to a topic, which passes each on to every queue; 0 without a topic.
        queues: How many queues share the messages, each with pollers of its own.
    """

    committed: float
    offered: float = 0
    requests: float = 0
    responses: float = 0
    fetches: float = 0
    function_invocations: float = 0
    messages: float = 0
    deliveries: float = 0
    batches: float = 0
    order_writes: float = 0
    answer_writes: float = 0
    reads: float = 0
    work_ms: float = 0
    waits: float = 0
    waited_work_ms: float = 0
    own: OwnTime | None = None
    seconds: float = 0
    batch_evidence: Evidence = "modelled"
    sizes: Sizes = Sizes()
    queueing: Queueing = "standard"
    published: float = 0
    queues: int = 1

    @property
    def deliveries_per_s(self) -> float:
        """The rate at which the consumer is handed messages; 0.0 where no rate is known."""
        return self.deliveries / self.seconds if self.seconds > 0 else 0.0

    def message_ms(self, assumptions: Assumptions) -> float:
        """How long the consumer works on a message, on average: a write, and for a query a read before it."""
        if not self.deliveries:
            return 0.0
        if self.own is not None:
            return self.own.by_queue_ms / self.deliveries
        handled = self.order_writes + self.reads
        return (
            assumptions.write_ms.value
            + assumptions.read_ms.value * self.answer_writes / self.deliveries
            + (self.work_ms / handled if handled else 0.0)
        )

    def batched(self, assumptions: Assumptions) -> "Counts":
        """The counts with the batches that AWS makes of the messages at their rate."""
        if not self.deliveries or self.queueing == "lambda":
            return self
        batch = batch_size(self.deliveries_per_s / self.queues, self.message_ms(assumptions), assumptions)
        return replace(self, batches=self.deliveries / batch, batch_evidence="modelled")

    def at(self, requests_per_month: float) -> "Counts":
        """The same traffic at another rate, that of so many callers' requests a month; batches stay as they are."""
        return replace(self, seconds=self.offered * MONTH_S / requests_per_month)


@dataclass(frozen=True)
class Item:
    """One line of a bill per million committed commands: a quantity of a ``unit``, and USD at ``unit_price`` each.

    Those of the month are None where no rate is known.
    """

    item: str
    quantity: float
    unit: str
    quantity_evidence: Evidence
    unit_price: float
    usd: float
    requests_per_month: float | None
    quantity_per_month: float | None
    usd_per_month: float | None
    price_list_date: dt.date
    source: str


def pollers(rate_per_s: float, message_ms: float, assumptions: Assumptions) -> float:
    """How many of Lambda's pollers wait for messages or work on a batch, on average.

    As many as there are batches of one message in progress (Little's law), from the fewest to those that a mapping
    starts with. More only where these cannot take the rate in full batches, since Lambda adds pollers while messages
    are left waiting, and never more than the most.

    Args:
        rate_per_s: Messages that are delivered per second.
        message_ms: How long the consumer works on one.
        assumptions: Of the model.
    """
    size = assumptions.batch_size.value
    held_ms = assumptions.pickup_ms.value + assumptions.fixed_ms.value
    in_progress = rate_per_s * (held_ms + message_ms) / 1000
    quiet = min(max(in_progress, assumptions.pollers_least.value), assumptions.pollers.value)
    in_full_batches = rate_per_s * (held_ms + size * message_ms) / 1000 / size
    return min(max(quiet, in_full_batches), assumptions.pollers_most.value)


def batch_size(rate_per_s: float, message_ms: float, assumptions: Assumptions) -> float:
    """Messages in a batch on AWS, on average; arguments as of `pollers`.

    A poller that waits takes the first message it finds and gathers for the window what arrives at its share of the
    rate. One that is busy finds all that arrived meanwhile. Neither takes more than the batch size.
    """
    share_per_s = rate_per_s / pollers(rate_per_s, message_ms, assumptions)
    window_s, size = assumptions.window_s.value, float(assumptions.batch_size.value)
    held_s, message_s = (assumptions.pickup_ms.value + assumptions.fixed_ms.value) / 1000, message_ms / 1000
    waiting = 1 + share_per_s * window_s
    if share_per_s * (held_s + message_s * waiting) <= 1:
        return min(waiting, size)
    # A batch of b takes held_s + b message_s, in which share_per_s of these arrive: solved for b.
    left_over = 1 - share_per_s * message_s
    return min(share_per_s * (held_s + window_s) / left_over, size) if left_over > 0 else size


def empty_receives(batches: float, seconds: float, polling: float, assumptions: Assumptions) -> float:
    """Long polls of ``polling`` pollers that find nothing in ``seconds``, ``batches`` others having found something.

    A poller whose messages come at random at rate m waits min(Exp(m), w) for w the longest wait, and so finds nothing
    with chance exp(-m w): 1 / (exp(m w) - 1) empty polls for each that finds something.
    """
    if seconds <= 0:
        return 0.0
    wait_s = assumptions.poll_wait_s.value
    awaited = batches * wait_s / (seconds * polling)
    if awaited < 1e-9:  # next to nothing arrives: every poll waits its longest
        return seconds * polling / wait_s
    return batches / math.expm1(awaited) if awaited < 700 else 0.0


def queue_price(queueing: Queueing) -> str:
    """The name of the price of a queue's requests."""
    return "fifo_queue_requests" if queueing == "fifo" else "queue_requests"


def expected_counts(
    queued: Collection[str],
    *,
    queries_per_command: float = 0,
    fetches_per_query: float = 1,
    batch: float = 1,
    seconds: float = 0,
    sizes: Sizes = Sizes(),
    queueing: Queueing = "standard",
    waited_for: Collection[int] = (),
    effects: int = 1,
) -> Counts:
    """What a million commands take where nothing fails.

    Args:
        queued: The operations that go through a queue.
        queries_per_command: Queries for each command.
        fetches_per_query: How often the answer to a query that goes through the queue is asked for.
        batch: Messages in a batch, on average.
        seconds: How long it goes on for.
        sizes: How large requests, messages and orders are.
        queueing: What queues messages.
        waited_for: Of each function that a command is passed on to by a call, how many functions wait for it.
        effects: How many writes a command takes.
    """
    operations = {"command": _MILLION, "query": _MILLION * queries_per_command}
    messages = sum(number for operation, number in operations.items() if operation in queued)
    requests = sum(operations.values())
    answers = operations["query"] if "query" in queued else 0
    return Counts(
        committed=_MILLION,
        offered=requests,
        requests=requests,
        responses=requests,
        fetches=answers * fetches_per_query,
        function_invocations=requests - messages + len(waited_for) * operations["command"],
        messages=messages,
        deliveries=messages,
        batches=messages / batch,
        order_writes=effects * operations["command"],
        answer_writes=answers,
        reads=operations["query"],
        waits=sum(waited_for) * operations["command"],
        seconds=seconds,
        sizes=sizes,
        queueing=queueing,
    )


@dataclass(frozen=True)
class _Line:
    """What is paid for, and how it is known: a count in the unit of the price of this name, but for its millions."""

    item: str
    count: float
    price: str
    evidence: Evidence
    how: str

    @property
    def amount(self) -> float:
        """In the price's unit."""
        return self.count / _MILLION if UNITS[self.price].startswith("million ") else self.count


def itemise(
    counts: Counts, prices: Prices, assumptions: Assumptions, *, gateway: Gateway, processor: Processor
) -> list[Item]:
    """The bill per million committed commands: one `Item` for each of `ITEMS`, including those with quantity 0.

    Price tiers, and the free tier where it is assumed, are those of a month of this rate.

    Raises `ValueError` where nothing was committed: there is nothing to divide by.
    """
    if not counts.committed > 0:
        raise ValueError("nothing was committed: there is no cost per committed command")
    lines = _lines(counts, assumptions, gateway, processor)
    months = MONTH_S / counts.seconds if counts.seconds > 0 else None
    # Tiers are of a price's whole quantity: sends and polls are requests of one queue.
    totals = dict.fromkeys(UNITS, 0.0)
    for line in lines:
        totals[line.price] += line.amount
    entries = prices.entries()
    return [
        _item(line, entries[line.price], counts, totals[line.price], months, free_tier=assumptions.free_tier)
        for line in lines
    ]


def _item(line: _Line, price: Price, counts: Counts, total: float, months: float | None, *, free_tier: bool) -> Item:
    unit_price = price.usd if months is None else price.mean_usd(total * months, free_tier=free_tier)
    quantity = line.amount * (_MILLION / counts.committed)
    per_month = None if months is None else line.amount * months
    return Item(
        item=line.item,
        quantity=quantity,
        unit=price.unit,
        quantity_evidence=line.evidence,
        unit_price=unit_price,
        usd=quantity * unit_price,
        requests_per_month=None if months is None else counts.offered * months,
        quantity_per_month=per_month,
        usd_per_month=None if per_month is None else per_month * unit_price,
        price_list_date=price.date,
        source=f"{line.how}; price: {price.source}",
    )


def _function_time(counts: Counts, assumed: Assumptions) -> tuple[float, float, str]:
    """The GB-milliseconds of invocations and of their cold starts, and how the former are known."""
    lab_gb = own_gb = assumed.memory_mb.value / 1024
    fetch_ms = assumed.fixed_ms.value + assumed.read_ms.value
    start_ms = assumed.cold_share.value * assumed.init_ms.value
    by_service = counts.function_invocations + counts.batches
    if counts.own is None:
        busy_ms = (
            assumed.fixed_ms.value * by_service
            + assumed.write_ms.value * (counts.order_writes + counts.answer_writes + counts.published)
            + assumed.read_ms.value * counts.reads
            + counts.work_ms
            + (assumed.call_ms.value + assumed.fixed_ms.value + assumed.write_ms.value) * counts.waits
            + counts.waited_work_ms
        )
        work = ", the work that was asked for" if counts.work_ms else ""
        published = " or a publication" if counts.published else ""
        work += ", and as long as functions waited for those that they called" if counts.waits else ""
        how = (
            f"{assumed.fixed_ms.value:g} ms an invocation, {assumed.write_ms.value:g} ms a write{published},"
            f" {assumed.read_ms.value:g} ms a read{work} at {assumed.memory_mb.value:g} MB"
        )
    else:
        busy_ms = counts.own.by_api_ms + counts.own.by_queue_ms
        if counts.own.memory_mb is not None:
            own_gb = counts.own.memory_mb / 1024
        how = f"as long as invocations took in the replay, at the service's {own_gb * 1024:g} MB"
        if counts.fetches:
            how += f"; {fetch_ms:g} ms for an answer that is asked for"
    starts = by_service * own_gb + counts.fetches * lab_gb
    return busy_ms * own_gb + fetch_ms * counts.fetches * lab_gb, start_ms * starts, how


def _lines(counts: Counts, assumed: Assumptions, gateway: Gateway, processor: Processor) -> list[_Line]:
    sizes = counts.sizes
    by_api = counts.function_invocations + counts.fetches
    invocations = by_api + counts.batches
    gb_ms, gb_ms_of_starts, busy_how = _function_time(counts, assumed)
    # Of more messages than one request of SQS's carries, a batch takes several.
    deletes = max(counts.batches, counts.deliveries / _MESSAGES_PER_QUEUE_REQUEST)
    receives = max(deletes, counts.deliveries * sizes.message_kb / _KB_PER_QUEUE_REQUEST)
    in_queue = float(counts.queueing != "lambda")  # of the requests of a queue of one's own
    rate_per_s = counts.deliveries_per_s / counts.queues
    polling = counts.queues * pollers(rate_per_s, counts.message_ms(assumed), assumed)
    empty = empty_receives(counts.batches, counts.seconds, polling, assumed) if counts.messages and in_queue else 0.0
    log_bytes = assumed.log_invocation_bytes.value * invocations + assumed.log_record_bytes.value * (
        by_api + counts.deliveries
    )
    log_gb = log_bytes / _GB
    api_units = sizes.http_units if gateway == "http" else 1.0

    per_batch = "modelled batches" if counts.batch_evidence == "modelled" else "batches as replayed"
    writes, reads, queue = "table_write_units", "table_read_units", queue_price(counts.queueing)
    api, time, starts = f"api_{gateway}_requests", f"function_time_{processor}", f"function_requests_{processor}"
    fetched = "answers asked for by their ticket"
    # What the user's own handlers ask their tables for is not seen.
    calls: Evidence = "observed" if counts.own is None else "modelled"
    return [
        _Line("api_requests", counts.requests * api_units, api, "observed", "requests sent" + _of(api_units)),
        _Line("fetch_requests", counts.fetches, api, "observed", fetched),
        _Line("function_requests", counts.function_invocations, starts, "observed", "invocations by the API"),
        _Line("fetch_invocations", counts.fetches, starts, "observed", f"one for each of the {fetched}"),
        _Line("consumer_requests", counts.batches, starts, counts.batch_evidence, f"{per_batch} of the consumer"),
        _Line(
            "function_time",
            gb_ms / 1000,
            time,
            "modelled" if counts.own is None else "observed",
            busy_how,
        ),
        _Line(
            "function_starts",
            gb_ms_of_starts / 1000,
            time,
            "modelled",
            f"{assumed.cold_share.value:.2%} of invocations start cold, {assumed.init_ms.value:g} ms each",
        ),
        _Line(
            "queue_sends",
            counts.messages * sizes.message_units * in_queue,
            queue,
            "observed",
            "messages accepted" + _of(sizes.message_units),
        ),
        _Line(
            "queue_receives",
            (receives + deletes) * in_queue,
            queue,
            "modelled",
            f"a receive and a delete for {per_batch}",
        ),
        _Line(
            "queue_empty_receives",
            empty,
            queue,
            "modelled",
            f"{polling:.3g} pollers that wait {assumed.poll_wait_s.value:g} s at most",
        ),
        _Line(
            "order_writes",
            counts.order_writes * sizes.write_units,
            writes,
            calls,
            ("writes tried" if counts.own is None else "one write a command") + _of(sizes.write_units),
        ),
        _Line("answer_writes", counts.answer_writes, writes, "observed", "answers stored, under 1 KB each"),
        _Line(
            "order_reads",
            counts.reads * sizes.read_units,
            reads,
            calls,
            ("strongly consistent reads tried" if counts.own is None else "one strongly consistent read a query")
            + _of(sizes.read_units),
        ),
        _Line("fetch_reads", counts.fetches, reads, "observed", f"a read for each of the {fetched}"),
        _Line(
            "log_volume",
            log_gb,
            "logs",
            "modelled",
            f"{assumed.log_invocation_bytes.value:g} bytes an invocation and {assumed.log_record_bytes.value:g} for"
            " each request in it",
        ),
        _Line(
            "log_storage",
            log_gb * assumed.log_stored_share.value * assumed.log_months.value,
            "log_storage",
            "modelled",
            f"kept for {assumed.log_months.value:g} months, {assumed.log_stored_share.value:.0%} of it when compressed",
        ),
        _Line(
            "response_volume",
            (counts.responses + counts.fetches) * assumed.response_kb.value * _KB / _GB,
            "transfer_out",
            "modelled",
            f"{assumed.response_kb.value:g} KB a response",
        ),
        _Line(
            "topic_publishes",
            counts.published * sizes.message_units,
            "topic_requests",
            "observed",
            "commands published" + _of(sizes.message_units),
        ),
    ]


def total_usd(
    counts: Counts, prices: Prices, assumptions: Assumptions, *, gateway: Gateway, processor: Processor
) -> float:
    """USD per million committed commands. Raises as `itemise`."""
    bill = itemise(counts, prices, assumptions, gateway=gateway, processor=processor)
    return math.fsum(item.usd for item in bill)


def month_usd(
    counts: Counts, prices: Prices, assumptions: Assumptions, *, gateway: Gateway, processor: Processor
) -> float:
    """USD of a month of 730 hours at the counts' rate; `ValueError` where no rate is known. Else as `itemise`."""
    if not counts.seconds > 0:
        raise ValueError("no rate is known: there is no bill for a month")
    bill = itemise(counts, prices, assumptions, gateway=gateway, processor=processor)
    return math.fsum(item.usd_per_month or 0.0 for item in bill)


def _of(units: float) -> str:
    return "" if units == 1 else f", {units:.3g} units each on average"
