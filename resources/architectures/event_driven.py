"""Event-driven: API Gateway -> SQS -> Lambda -> DynamoDB, the caller gets a ticket.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import RESULT, api
from resources.architectures.parts.event_source_mapping import CONSUMING
from resources.architectures.parts.function import function
from resources.architectures.parts.queue import QUEUE
from resources.architectures.parts.table import table

ARCHITECTURE = Architecture(
    name="event_driven",
    title="Event-driven",
    description=(
        "API Gateway -> SQS -> Lambda -> DynamoDB. Commands and queries are answered 202 with a ticket and done later;"
        " a query's answer is stored in the table, where its caller fetches it by the ticket."
    ),
    position=2,
    basic=True,
    queued=frozenset({"command", "query"}),
    nodes={"table": table(), **CONSUMING, RESULT: function("result"), "api": api(command=QUEUE, query=QUEUE)},
)
