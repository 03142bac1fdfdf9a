"""What a comparison will make, send and cost where it is paid for.

Put the estimate here, from documented prices and assumptions (`resources.prices`); it leaves out what cannot be known
before, retries and free tiers. Keep out what is allowed (`resources.targets.spending`).
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from resources.architectures import Architecture
from resources.aws.clients import Pace
from resources.lab.bench import HOLD_MS, WARM_UP
from resources.lab.settling import quiet_polls
from resources.prices.book import Assumptions, Prices, assumptions, prices
from resources.prices.model import Counts, Sizes, queue_price, total_usd
from resources.targets import Platform
from workloads.places import Places
from workloads.replay.schedule import Schedule
from workloads.scenarios import Scenario

_TITLES = {
    "apigateway": "REST API",
    "dynamodb": "table",
    "lambda": "function",
    "lambda_mapping": "event source mapping",
    "lambda_retries": "rule for asynchronous invocations",
    "sns": "topic",
    "sqs": "queue",
}


@dataclass(frozen=True)
class Part:
    """One contender's share: an architecture through which a schedule is replayed ``replays`` times at most."""

    architecture: Architecture
    scenario: Scenario
    schedule: Schedule
    replays: int


@dataclass(frozen=True)
class Budget:
    """What a comparison comes to at most.

    Attributes:
        made: How many resources of each kind are made.
        replays: How many replays there are.
        offered: How many requests they send.
        warm_up: How many requests warm up the benches.
        seeded: How many orders are stored before the replays.
        polls: How often queues and tables are read while replays run and settle.
        usd: What all of it costs by documented prices.
        price_date: The oldest date of such a price.
    """

    made: Counter[str] = field(default_factory=Counter)
    replays: int = 0
    offered: int = 0
    warm_up: int = 0
    seeded: int = 0
    polls: int = 0
    usd: float = 0.0
    price_date: dt.date = dt.date.min

    @property
    def requests(self) -> int:
        """How many requests are sent to APIs; ceilings limit these."""
        return self.offered + self.warm_up

    def sentences(self) -> list[str]:
        """The budget for people, a line each."""
        made = ", ".join(f"{count:,} {title}{'s' if count > 1 else ''}" for title, count in self.made.items())
        return [
            f"makes, and takes away again, at most: {made}",
            f"sends at most {self.requests:,} requests in {self.replays} replays, {self.warm_up:,} of them to warm up",
            f"besides: {self.seeded:,} orders stored beforehand, {self.polls:,} reads of queues and tables",
            f"estimated cost: {self.usd:.4f} USD (documented: prices of {self.price_date}; no free tier, no retries)",
        ]

    def __add__(self, other: "Budget") -> "Budget":
        numbers = ("replays", "offered", "warm_up", "seeded", "polls", "usd")
        return Budget(
            made=self.made + other.made,
            price_date=max(self.price_date, other.price_date),
            **{name: getattr(self, name) + getattr(other, name) for name in numbers},
        )


def budget(parts: Iterable[Part], platform: Platform, pace: Pace, places: Places) -> Budget:
    """What ``parts`` come to on a platform that is charged for, where services are polled at ``pace``."""
    target = platform.target
    book, sizes = prices(places), assumptions(places)
    whole = Budget(price_date=min(price.date for price in book.entries().values()))
    for part in parts:
        stacks = 1 if target.empties else part.replays
        environments = len(part.architecture.functions) * target.limits.warm
        held_gb_s = stacks * environments * HOLD_MS / 1000 * sizes.memory_mb.value / 1024  # to be warm
        one = _of_one(part, stacks, pace, book, sizes)
        whole += replace(one, usd=one.usd + held_gb_s * book.function_time_x86.usd)
    return whole


def _of_one(part: Part, stacks: int, pace: Pace, book: Prices, sizes: Assumptions) -> Budget:
    architecture, schedule = part.architecture, part.schedule
    made: Counter[str] = Counter()
    for node in architecture.nodes.values():
        made[_TITLES.get(node.kind, node.kind)] += stacks
    made["role"] += stacks * (
        len(architecture.functions) + bool(architecture.queued_by_api and "queue" in architecture.nodes)
    )
    made["log group"] += stacks * len(architecture.functions)
    seeds = len(schedule.seeded_order_ids())
    queues = sum(node.kind == "sqs" for node in architecture.nodes.values())
    quiet = quiet_polls(pace, queued=bool(queues))
    polls = math.ceil(schedule.duration_us / 1e6 / pace.sample_s) * queues + quiet * (queues + 1)
    polled = any(node.kind == "lambda_mapping" for node in architecture.nodes.values())
    idle = sizes.pollers.value * schedule.duration_us / 1e6 / sizes.poll_wait_s.value * polled  # Lambda's own polls
    counts = _counts(part, seeds, sizes)
    usd = (
        total_usd(counts, book, sizes, gateway="rest", processor="x86") * counts.committed / 1e6
        + (polls + idle * queues) * book.entries()[queue_price(counts.queueing)].usd / 1e6
        + quiet * len(schedule) / 4 * book.table_read_units.usd / 1e6  # each counts all items
    )
    return Budget(
        made,
        part.replays,
        part.replays * len(schedule) + round(part.replays * counts.fetches),
        stacks * len(WARM_UP),
        part.replays * seeds,
        part.replays * polls,
        part.replays * usd,
    )


def _counts(part: Part, seeds: int, sizes: Assumptions) -> Counts:
    """What one replay takes if nothing fails, its seeds and its warm-up included."""
    bodies = np.array(
        [
            size
            for size, operation in zip(part.schedule.payload_bytes, part.schedule.operations, strict=True)
            if operation == "command"
        ],
        np.int64,
    )
    warm = len(WARM_UP) / 2
    number = {operation: part.schedule.operations.count(operation) + warm for operation in ("command", "query")}
    requests = sum(number.values())
    queued = part.architecture.queued
    called = [count for count in part.architecture.waited_for.values() if count]
    worked_ms = part.scenario.work_us / 1000 * requests + float(part.schedule.work_us.sum()) / 1000
    published = sum(count for operation, count in number.items() if operation in queued)
    behind_a_topic = part.architecture.queues_behind_a_topic
    messages = published * max(behind_a_topic, 1)
    answers = number["query"] if "query" in queued else 0
    return Counts(
        committed=number["command"],
        offered=requests,
        requests=requests,
        responses=requests,
        fetches=answers,
        function_invocations=requests - (0 if behind_a_topic else published) + number["command"] * len(called),
        messages=messages,
        deliveries=messages,
        batches=messages,  # of one message each: the dearest case
        order_writes=number["command"] * len(part.architecture.effects) + seeds,
        answer_writes=answers,
        reads=number["query"],
        work_ms=worked_ms,
        waits=number["command"] * sum(called),
        waited_work_ms=worked_ms * sum(called) / (1 + len(called)),
        sizes=Sizes.of(bodies, sizes),
        queueing=part.architecture.queueing,
        published=published if behind_a_topic else 0,
        queues=max(behind_a_topic, 1),
    )
