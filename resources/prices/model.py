"""The cost model: from counts to the items of a bill, with batches and polls as AWS makes them.

Put here pure arithmetic. Keep out databases, what was counted (`assets.analysis.cost.counting`), and prices and
assumptions (`resources.prices.book`).
"""

import datetime as dt
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from resources.prices.book import Assumptions, Gateway, Price, Prices, Processor

Evidence = Literal["observed", "modelled"]

_KB, _GB = 2**10, 2**30
_MILLION = 1e6
# Properties of the prices' units and of the services, not of a workload.
_KB_PER_QUEUE_REQUEST = 64  # aws.amazon.com/sqs/pricing
_KB_PER_WRITE_UNIT = 1  # amazondynamodb/latest/developerguide/read-write-operations.html
_KB_PER_READ_UNIT = 4  # same page; strongly consistent, as the handlers read
_MESSAGES_PER_QUEUE_REQUEST = 10  # most that one ReceiveMessage or DeleteMessageBatch carries

ITEMS = (
    "api_requests",
    "function_requests",
    "consumer_requests",
    "function_time",
    "function_starts",
    "queue_sends",
    "queue_receives",
    "queue_empty_receives",
    "order_writes",
    "answer_writes",
    "order_reads",
    "log_volume",
    "response_volume",
)


@dataclass(frozen=True)
class Counts:
    """What serving took in total: counts, not rates. Fractions are allowed.

    Attributes:
        committed: Commands acknowledged and committed.
        requests: Requests to the API.
        responses: Responses of the API.
        function_invocations: Invocations of the functions that the API calls.
        messages: Messages the queue accepted.
        deliveries: Messages handed to the consumer, every redelivery counted.
        batches: Invocations of the consumer.
        order_writes: Writes of orders that were tried.
        answer_writes: Writes of the answers to queries that came through the queue.
        reads: Reads of orders that were tried.
        work_ms: Milliseconds that handlers worked besides.
        seconds: Recorded time that it went on for; 0 where the queue is never found empty.
        batch_evidence: Whether ``batches`` was observed or modelled.
    """

    committed: float
    requests: float = 0
    responses: float = 0
    function_invocations: float = 0
    messages: float = 0
    deliveries: float = 0
    batches: float = 0
    order_writes: float = 0
    answer_writes: float = 0
    reads: float = 0
    work_ms: float = 0
    seconds: float = 0
    batch_evidence: Evidence = "modelled"


@dataclass(frozen=True)
class Item:
    """One line of a bill per million committed commands: a quantity of a ``unit``, and USD at ``unit_price`` each."""

    item: str
    quantity: float
    unit: str
    quantity_evidence: Evidence
    unit_price: float
    usd: float
    price_list_date: dt.date
    source: str


def batch_size(rate_per_s: float, assumptions: Assumptions) -> float:
    """Messages in a batch on AWS, on average, where ``rate_per_s`` of them arrive per second.

    Each of the pollers takes the first message it finds and gathers for the window what arrives at its share of the
    rate, up to the batch size. Without a window that is one message: the dearest case, so it flatters no queue.
    """
    gathered = 1 + rate_per_s * assumptions.window_s.value / assumptions.pollers.value
    return min(gathered, float(assumptions.batch_size.value))


def empty_receives(batches: float, seconds: float, assumptions: Assumptions) -> float:
    """Long polls that find nothing in ``seconds``, ``batches`` others having found something.

    A poller whose messages come at random at rate m waits min(Exp(m), w) for w the longest wait, and so finds nothing
    with chance exp(-m w): 1 / (exp(m w) - 1) empty polls for each that finds something.
    """
    if seconds <= 0:
        return 0.0
    pollers, wait_s = assumptions.pollers.value, assumptions.poll_wait_s.value
    awaited = batches * wait_s / (seconds * pollers)
    if awaited < 1e-9:  # next to nothing arrives: every poll waits its longest
        return seconds * pollers / wait_s
    return batches / math.expm1(awaited) if awaited < 700 else 0.0


def expected_counts(
    queued: Collection[str], *, queries_per_command: float = 0, batch: float = 1, seconds: float = 0
) -> Counts:
    """What a million commands take where nothing fails.

    Args:
        queued: The operations that go through a queue.
        queries_per_command: Queries for each command.
        batch: Messages in a batch, on average.
        seconds: How long it goes on for.
    """
    operations = {"command": _MILLION, "query": _MILLION * queries_per_command}
    messages = sum(number for operation, number in operations.items() if operation in queued)
    requests = sum(operations.values())
    return Counts(
        committed=_MILLION,
        requests=requests,
        responses=requests,
        function_invocations=requests - messages,
        messages=messages,
        deliveries=messages,
        batches=messages / batch,
        order_writes=operations["command"],
        answer_writes=operations["query"] if "query" in queued else 0,
        reads=operations["query"],
        seconds=seconds,
    )


def itemise(
    counts: Counts, prices: Prices, assumptions: Assumptions, *, gateway: Gateway, processor: Processor
) -> list[Item]:
    """The bill per million committed commands: one `Item` for each of `ITEMS`, including those with quantity 0.

    Raises `ValueError` where nothing was committed: there is nothing to divide by.
    """
    if not counts.committed > 0:
        raise ValueError("nothing was committed: there is no cost per committed command")
    sizes = assumptions
    invocations = counts.function_invocations + counts.batches
    busy_ms = (
        sizes.fixed_ms.value * invocations
        + sizes.write_ms.value * (counts.order_writes + counts.answer_writes)
        + sizes.read_ms.value * counts.reads
        + counts.work_ms
    )
    memory_gb = sizes.memory_mb.value / 1024
    # Of more messages than one request of SQS's carries, a batch takes several.
    deletes = max(counts.batches, counts.deliveries / _MESSAGES_PER_QUEUE_REQUEST)
    receives = max(deletes, counts.deliveries * sizes.message_kb.value / _KB_PER_QUEUE_REQUEST)
    empty = empty_receives(counts.batches, counts.seconds, sizes) if counts.messages else 0.0

    def bill(item: str, count: float, price: Price, evidence: Evidence, how: str) -> Item:
        # A count over the commands committed is also its millions per million of them.
        millions = price.unit.startswith("million ")
        quantity = count / counts.committed if millions else count * (_MILLION / counts.committed)
        return Item(
            item=item,
            quantity=quantity,
            unit=price.unit,
            quantity_evidence=evidence,
            unit_price=price.usd,
            usd=quantity * price.usd,
            price_list_date=price.date,
            source=f"{how}; price: {price.source}",
        )

    per_batch = "modelled batches" if counts.batch_evidence == "modelled" else "batches as replayed"
    scenario_work = ", the work the scenario asks for" if counts.work_ms else ""
    writes, reads = prices.table_write_units, prices.table_read_units
    time, queue = prices.function_time(processor), prices.queue_requests
    starts = prices.function_requests(processor)
    return [
        bill("api_requests", counts.requests, prices.api_requests(gateway), "observed", "requests sent"),
        bill("function_requests", counts.function_invocations, starts, "observed", "invocations by the API"),
        bill("consumer_requests", counts.batches, starts, counts.batch_evidence, f"{per_batch} of the consumer"),
        bill(
            "function_time",
            busy_ms / 1000 * memory_gb,
            time,
            "modelled",
            f"{sizes.fixed_ms.value:g} ms an invocation, {sizes.write_ms.value:g} ms a write,"
            f" {sizes.read_ms.value:g} ms a read{scenario_work} at {sizes.memory_mb.value:g} MB",
        ),
        bill(
            "function_starts",
            invocations * sizes.cold_share.value * sizes.init_ms.value / 1000 * memory_gb,
            time,
            "modelled",
            f"{sizes.cold_share.value:.2%} of invocations start cold, {sizes.init_ms.value:g} ms each",
        ),
        bill(
            "queue_sends",
            counts.messages * _units(sizes.message_kb.value, _KB_PER_QUEUE_REQUEST),
            queue,
            "observed",
            f"messages accepted, of {sizes.message_kb.value:g} KB",
        ),
        bill("queue_receives", receives + deletes, queue, "modelled", f"a receive and a delete for {per_batch}"),
        bill(
            "queue_empty_receives",
            empty,
            queue,
            "modelled",
            f"{sizes.pollers.value:g} pollers that wait {sizes.poll_wait_s.value:g} s at most",
        ),
        bill(
            "order_writes",
            counts.order_writes * _units(sizes.item_kb.value, _KB_PER_WRITE_UNIT),
            writes,
            "observed",
            f"writes tried, of items of {sizes.item_kb.value:g} KB",
        ),
        bill(
            "answer_writes",
            counts.answer_writes * _units(sizes.answer_kb.value, _KB_PER_WRITE_UNIT),
            writes,
            "observed",
            f"answers stored, of {sizes.answer_kb.value:g} KB",
        ),
        bill(
            "order_reads",
            counts.reads * _units(sizes.item_kb.value, _KB_PER_READ_UNIT),
            reads,
            "observed",
            f"strongly consistent reads tried, of items of {sizes.item_kb.value:g} KB",
        ),
        bill(
            "log_volume",
            invocations * sizes.log_kb.value * _KB / _GB,
            prices.logs,
            "modelled",
            f"{sizes.log_kb.value:g} KB an invocation",
        ),
        bill(
            "response_volume",
            counts.responses * sizes.response_kb.value * _KB / _GB,
            prices.transfer_out,
            "modelled",
            f"{sizes.response_kb.value:g} KB a response",
        ),
    ]


def total_usd(
    counts: Counts, prices: Prices, assumptions: Assumptions, *, gateway: Gateway, processor: Processor
) -> float:
    """USD per million committed commands. Raises as `itemise`."""
    bill = itemise(counts, prices, assumptions, gateway=gateway, processor=processor)
    return math.fsum(item.usd for item in bill)


def _units(size_kb: float, kb_per_unit: float) -> int:
    """Units begun by one of ``size_kb``, at least one."""
    return max(math.ceil(size_kb / kb_per_unit), 1)
