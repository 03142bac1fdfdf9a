"""The table ``cost``: what a comparison's replays under `steady` took, counted in the database and priced.

Put which rows count here. Keep out the price model (`resources.prices.model`).
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from resources.prices.book import GATEWAYS, PROCESSORS, Assumptions, Prices
from resources.prices.model import Counts, batch_size, itemise
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
        counts = self.counts
        if assumptions.batching == "observed" or not counts.messages:
            return counts
        rate_per_s = counts.messages / counts.seconds if counts.seconds > 0 else 0.0
        return replace(
            counts, batches=counts.deliveries / batch_size(rate_per_s, assumptions), batch_evidence="modelled"
        )


def counted(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> list[Counted]:
    """Count a comparison's valid replays under `steady`.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.

    Returns:
        One entry for each workload, architecture and variant with such a replay, even if no command was committed.
    """
    rows = connection.sql(_COUNTS, params={"comparison_id": comparison_id}).to_arrow_table().to_pylist()
    identity = ("workload", "architecture", "variant", "target")
    return [
        Counted(
            **{name: row[name] for name in identity},
            counts=Counts(
                **{name: value for name, value in row.items() if name not in identity}, batch_evidence="observed"
            ),
        )
        for row in rows
    ]


def cost_of(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, prices: Prices, assumptions: Assumptions
) -> pa.Table:
    """Make the table ``cost`` of one comparison: USD per million committed commands under `steady`, item by item.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        prices: of AWS.
        assumptions: of the price model.

    Returns:
        The items for each workload, architecture, variant, gateway and processor, over all valid repetitions of the
        main arm; none for a contender that committed no command.
    """
    rows = []
    for one in counted(connection, comparison_id):
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
