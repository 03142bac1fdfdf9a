"""Synchronous: API Gateway -> Lambda -> DynamoDB, the caller waits for the result.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.function import function
from resources.architectures.parts.table import table

ARCHITECTURE = Architecture(
    name="synchronous",
    title="Synchronous",
    description="API Gateway -> Lambda -> DynamoDB. A command is answered 201 once stored, a query 200 or 404.",
    position=1,
    basic=True,
    queued=frozenset(),
    nodes={
        "table": table(),
        "command": function("command"),
        "query": function("query"),
        "api": api(command="command", query="query"),
    },
)
