"""Commands synchronously, queries by queue: the opposite of hybrid, made of archduel's own parts."""

from resources.architectures import Architecture
from resources.architectures.parts.api import RESULT, api
from resources.architectures.parts.event_source_mapping import CONSUMING
from resources.architectures.parts.function import function
from resources.architectures.parts.queue import QUEUE
from resources.architectures.parts.table import table

SPLIT = Architecture(
    name="split",
    title="Split",
    description="Orders are placed synchronously (201), their status is asked for by queue (202 with a ticket).",
    queued=frozenset({"query"}),
    nodes={
        "table": table(),
        "command": function("command"),
        **CONSUMING,
        RESULT: function("result"),
        "api": api(command="command", query=QUEUE),
    },
)
