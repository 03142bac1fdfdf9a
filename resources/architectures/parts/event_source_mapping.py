"""The event source mapping: Lambda's pollers, which hand batches from the queue to the consumer.

Put here the mapping, and the parts that consuming from a queue takes (`consuming`). Keep out the queues
(`resources.architectures.parts.queue`) and the consumer (`resources.architectures.parts.function`).
"""

from resources.architectures.parts.function import function
from resources.architectures.parts.making import each_part, of_part, permit, tags
from resources.architectures.parts.queue import DEAD_LETTER_QUEUE, QUEUE, dead_letter_queue, queue
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles
from resources.aws.patience import once, patiently
from resources.services.model import Function

CONSUMER, EVENT_SOURCE_MAPPING = "consumer", "event_source_mapping"  # the nodes' names


def event_source_mapping(*, prefix: str = "") -> Node:
    """The mapping of a queue to its consumer, whose nodes' names begin with ``prefix``. The consumer reports which
    messages of a batch failed.
    """

    def make(stack: Stack) -> Facts:
        return each_part(stack, prefix + EVENT_SOURCE_MAPPING, lambda part: _made(stack, part, prefix))

    what = "Hands batches from the queue to the consumer."
    return Node((prefix + QUEUE, prefix + CONSUMER), make, "lambda_mapping", what)


def _made(stack: Stack, part: Function | None, prefix: str) -> Facts:
    lambda_, settings, pace = stack.clients.lambda_, stack.settings, stack.clients.pace
    queue_arn = of_part(stack.facts[prefix + QUEUE], part)["arn"]
    consumer = of_part(stack.facts[prefix + CONSUMER], part)["name"]
    statements = [roles.polling(queue_arn), *([roles.copying(queue_arn)] if settings.delivery_faults else [])]
    permit(stack, consumer, "polling", statements)  # the function and its role have the same name
    pair = {"EventSourceArn": queue_arn, "FunctionName": consumer}
    found = lambda_.list_event_source_mappings(**pair)["EventSourceMappings"]
    mapping = (
        found[0]
        if found
        else patiently(
            lambda: lambda_.create_event_source_mapping(
                **pair,
                BatchSize=settings.batch_size,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                **tags(stack),
            ),
            pace,
        )
    )
    if mapping.get("State") == "Creating":
        once(
            lambda: lambda_.get_event_source_mapping(UUID=mapping["UUID"])["State"],
            lambda state: bool(state == "Enabled"),
            f"the event source mapping of {consumer} was not enabled",
            pace,
        )
    return {"uuid": mapping["UUID"], "batch_size": settings.batch_size}


def consuming(*, fifo: bool = False, effect: str = "", first: bool = False) -> dict[str, Node]:
    """The parts that consuming from a queue takes.

    Args:
        fifo: Whether the queue is a FIFO one.
        effect: The one effect of a command that its messages bring about, where a command has several; these nodes'
            names begin with it, unless it is the architecture's ``first``.
        first: Whether it is the first, which the handlers take without being told.
    """
    prefix = "" if first or not effect else f"{effect}_"
    return {
        prefix + DEAD_LETTER_QUEUE: dead_letter_queue(fifo=fifo, prefix=prefix, effect=effect),
        prefix + QUEUE: queue(fifo=fifo, prefix=prefix, effect=effect),
        prefix + CONSUMER: function("consumer", node=prefix + CONSUMER, effect="" if first else effect),
        prefix + EVENT_SOURCE_MAPPING: event_source_mapping(prefix=prefix),
    }


CONSUMING = consuming()
