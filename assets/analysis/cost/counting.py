"""The table ``cost``: what a comparison's replays under `steady` took, counted in the database and priced.

Put which rows count here. Keep out the price model (`resources.prices.model`).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from resources.architectures import Queueing, architectures
from resources.prices.book import GATEWAYS, PROCESSORS, Assumptions, Gateway, Prices, Processor
from resources.prices.model import BYTES_PER_UNIT, Counts, OwnTime, Sizes, itemise, month_usd
from resources.warehouse.schema import schema

_COUNTS = Path(__file__).with_name("counts.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Counted:
    """What serving one workload took one contender; its ``counts`` hold the batches as they were replayed."""

    workload: str
    architecture: str
    variant: str
    target: str
    counts: Counts

    def on_aws(self, assumptions: Assumptions) -> Counts:
        """Return the counts with the batches AWS would have made of the messages, unless replayed ones are assumed."""
        return self.counts if assumptions.batching == "observed" else self.counts.batched(assumptions)


def counted(connection: duckdb.DuckDBPyConnection, comparison_id: str, assumptions: Assumptions) -> list[Counted]:
    """Count a comparison's valid replays under `steady`.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        assumptions: of the price model: how much larger an order in the table is than the body of its request.

    Returns:
        One entry for each workload, architecture and variant with such a replay, even if no command was committed.
    """
    params = {
        "comparison_id": comparison_id,
        "item_extra_bytes": assumptions.item_extra_bytes.value,
        **{f"{name}_bytes": size for name, size in BYTES_PER_UNIT.items()},
    }
    rows = connection.sql(_COUNTS, params=params).to_arrow_table().to_pylist()
    queueing: dict[str, Queueing] = {name: one.queueing for name, one in architectures().items()}
    published = {name: one.queues_behind_a_topic for name, one in architectures().items()}
    identity = ("workload", "architecture", "variant", "target")
    return [
        Counted(
            **of,
            counts=Counts(
                sizes=Sizes(**row.pop("sizes")),
                own=OwnTime(**own) if (own := row.pop("own")) else None,
                batch_evidence="observed",
                queueing=queueing.get(of["architecture"], "standard"),
                **_behind_a_topic(_in_a_chain(row, of["architecture"]), published.get(of["architecture"], 0)),
            ),
        )
        for row in rows
        for of in [{name: row.pop(name) for name in identity}]
    ]


def _behind_a_topic(counts: dict[str, Any], queues: int) -> dict[str, Any]:
    """The counts, in which each message is one of several queues' where a topic passes it on to ``queues``."""
    if not queues:
        return counts
    messages = counts["messages"]
    return {**counts, "messages": messages * queues, "published": messages, "queues": queues}


def _in_a_chain(counts: dict[str, Any], architecture: str) -> dict[str, Any]:
    """The counts, in which functions that call each other each did an equal part of a command's work, and waited for
    those that they called.
    """
    work_ms = counts.pop("command_work_ms")
    known = architectures().get(architecture)
    called = [count for count in known.waited_for.values() if count] if known else []
    if not called:
        return counts
    functions = 1 + len(called)
    once_ms = work_ms / functions  # each has a write, for which the whole work was counted
    return {
        **counts,
        "work_ms": counts["work_ms"] - work_ms + once_ms,
        "waits": counts["order_writes"] / functions * sum(called),
        "waited_work_ms": once_ms / functions * sum(called),
    }


def monthly_usd(
    one: Counted,
    prices: Prices,
    assumptions: Assumptions,
    *,
    requests_per_month: float,
    gateway: Gateway = "rest",
    processor: Processor = "x86",
) -> float:
    """The bill of a month of 730 hours in which callers make so many requests of the kind that was replayed.

    Args:
        one: Of `counted`: what the mix of requests took.
        prices: of AWS.
        assumptions: of the price model.
        requests_per_month: Callers' requests; fetches of answers and repeated attempts come on top, as often as they
            came with the replayed ones.
        gateway: Kind of API.
        processor: Of the functions.

    Returns:
        USD; polls, batches and price tiers are those of that volume.

    Raises:
        ValueError: Nothing was committed or offered, or the volume is not above 0.
    """
    if not (requests_per_month > 0 and one.counts.offered > 0):
        raise ValueError("a month's bill takes requests")
    at_volume = Counted(
        one.workload, one.architecture, one.variant, one.target, one.counts.at(requests_per_month)
    ).on_aws(assumptions)
    return month_usd(at_volume, prices, assumptions, gateway=gateway, processor=processor)


def cost_of(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, prices: Prices, assumptions: Assumptions
) -> pa.Table:
    """Make the table ``cost`` of one comparison: USD under `steady`, item by item.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        prices: of AWS.
        assumptions: of the price model.

    Returns:
        The items for each workload, architecture, variant, gateway and processor, over all valid repetitions of the
        main arm: per million committed commands, and for a month at the recording's own rate. None for a contender
        that committed no command.
    """
    rows = []
    for one in counted(connection, comparison_id, assumptions):
        if not one.counts.committed:
            continue
        counts = one.on_aws(assumptions)
        rows += [
            {
                "comparison_id": comparison_id,
                "architecture": one.architecture,
                "variant": one.variant,
                "workload": one.workload,
                "target": one.target,
                "gateway": gateway,
                "processor": processor,
                **asdict(item),
            }
            for gateway in GATEWAYS
            for processor in PROCESSORS
            for item in itemise(counts, prices, assumptions, gateway=gateway, processor=processor)
        ]
    return pa.Table.from_pylist(rows, schema=schema("cost"))
