"""Hybrid: commands go through the queue, queries read from the table, as in food delivery.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.event_source_mapping import CONSUMING
from resources.architectures.parts.function import function
from resources.architectures.parts.queue import QUEUE
from resources.architectures.parts.table import table

ARCHITECTURE = Architecture(
    name="hybrid",
    title="Hybrid",
    description="Orders are placed by event (202 with a ticket), their status is read synchronously (200 or 404).",
    position=3,
    basic=True,
    queued=frozenset({"command"}),
    nodes={"table": table(), **CONSUMING, "query": function("query"), "api": api(command=QUEUE, query="query")},
)
