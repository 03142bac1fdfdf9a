"""Chain: three functions, of which each calls the next and waits; queries read from the table.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.function import function
from resources.architectures.parts.table import table

ARCHITECTURE = Architecture(
    name="chain",
    title="Chain",
    description=(
        "API Gateway -> Lambda for the order -> Lambda for the payment -> Lambda for the restaurant, each of which"
        " stores its part, calls the next one and waits. A command is answered 201 once all three parts are stored; an"
        " order's status is read synchronously."
    ),
    position=7,
    queued=frozenset(),
    effects=("order", "payment", "restaurant"),
    nodes={
        "table": table(),
        "restaurant": function("service", node="restaurant", effect="restaurant"),
        "payment": function("service", node="payment", effect="payment", calls="restaurant"),
        "command": function("command", calls="payment"),
        "query": function("query"),
        "api": api(command="command", query="query"),
    },
)
