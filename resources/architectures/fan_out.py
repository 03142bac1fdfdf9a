"""Fan-out: a topic hands each command to two queues, whose consumers store the order and its notification.

Put here which parts it has and how they are connected. Keep out how a part is made (`resources.architectures.parts`).
"""

from resources.architectures import Architecture
from resources.architectures.parts.api import api
from resources.architectures.parts.event_source_mapping import consuming
from resources.architectures.parts.function import PUBLISHER, function
from resources.architectures.parts.table import table
from resources.architectures.parts.topic import TOPIC, topic
from workloads.scenarios.model import Reliance

_ORDER, _NOTIFICATION = "order", "notification"

ARCHITECTURE = Architecture(
    name="fan_out",
    title="Fan-out",
    description=(
        "API Gateway -> Lambda -> SNS -> two SQS queues -> two Lambda functions -> DynamoDB. A command is done once its"
        " order and its notification are stored; an order's status is read synchronously."
    ),
    position=5,
    queued=frozenset({"command"}),
    effects=(_ORDER, _NOTIFICATION),
    rests_on=(
        Reliance(behaviour="a topic that copies to queues", component=TOPIC, decides=("done", "completion", "backlog")),
    ),
    nodes={
        "table": table(),
        **consuming(effect=_ORDER, first=True),
        **consuming(effect=_NOTIFICATION),
        TOPIC: topic("queue", f"{_NOTIFICATION}_queue"),
        PUBLISHER: function(PUBLISHER),
        "query": function("query"),
        "api": api(command=PUBLISHER, query="query"),
    },
)
