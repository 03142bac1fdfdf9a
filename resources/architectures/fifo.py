"""FIFO: commands go through a queue that keeps the order of each entity's messages, queries read from the table.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.event_source_mapping import EVENT_SOURCE_MAPPING, consuming
from resources.architectures.parts.function import function
from resources.architectures.parts.queue import QUEUE
from resources.architectures.parts.table import table
from workloads.scenarios.model import Reliance

ARCHITECTURE = Architecture(
    name="fifo",
    title="FIFO",
    description=(
        "API Gateway -> SQS FIFO -> Lambda -> DynamoDB. Commands about one order are carried out one after another and"
        " in turn, a repeated one once; an order's status is read synchronously."
    ),
    position=4,
    queued=frozenset({"command"}),
    queueing="fifo",
    rests_on=(
        Reliance(behaviour="a FIFO queue", component=QUEUE, decides=("done", "completion", "backlog")),
        Reliance(
            behaviour="groups of a FIFO queue side by side",
            component=EVENT_SOURCE_MAPPING,
            decides=("completion", "backlog"),
        ),
    ),
    nodes={
        "table": table(),
        **consuming(fifo=True),
        "query": function("query"),
        "api": api(command=QUEUE, query="query", fifo=True),
    },
)
