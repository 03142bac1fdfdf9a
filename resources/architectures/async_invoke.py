"""Asynchronous invocation: commands are queued by Lambda itself, queries read from the table.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.asynchronous_invocation import invoking
from resources.architectures.parts.event_source_mapping import CONSUMER
from resources.architectures.parts.function import function
from resources.architectures.parts.table import table
from workloads.scenarios.model import Reliance

ARCHITECTURE = Architecture(
    name="async_invoke",
    title="Asynchronous invocation",
    description=(
        "API Gateway -> Lambda, invoked asynchronously -> DynamoDB. A command is answered 202 once Lambda has queued"
        " it; what fails is tried again after one and two minutes, then kept in a queue. An order's status is read"
        " synchronously."
    ),
    position=5,
    queued=frozenset({"command"}),
    queueing="lambda",
    rests_on=(
        Reliance(
            behaviour="an asynchronous invocation through a REST API",
            component=CONSUMER,
            decides=("acknowledged", "done", "response", "completion", "backlog"),
        ),
        Reliance(
            behaviour="what fails when invoked asynchronously",
            component=CONSUMER,
            decides=("done", "completion", "backlog"),
        ),
    ),
    nodes={
        "table": table(),
        **invoking(),
        "query": function("query"),
        "api": api(command=CONSUMER, query="query"),
    },
)
