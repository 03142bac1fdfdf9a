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


def event_source_mapping() -> Node:
    """The mapping of the queue to the consumer. The consumer reports which messages of a batch failed."""
    return Node((QUEUE, CONSUMER), _make, "lambda_mapping", "Hands batches from the queue to the consumer.")


def _make(stack: Stack) -> Facts:
    return each_part(stack, EVENT_SOURCE_MAPPING, lambda part: _made(stack, part))


def _made(stack: Stack, part: Function | None) -> Facts:
    lambda_, settings, pace = stack.clients.lambda_, stack.settings, stack.clients.pace
    queue_arn, consumer = of_part(stack.facts[QUEUE], part)["arn"], of_part(stack.facts[CONSUMER], part)["name"]
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


def consuming(*, fifo: bool = False) -> dict[str, Node]:
    """The parts that consuming from a queue takes."""
    return {
        DEAD_LETTER_QUEUE: dead_letter_queue(fifo=fifo),
        QUEUE: queue(fifo=fifo),
        CONSUMER: function("consumer"),
        EVENT_SOURCE_MAPPING: event_source_mapping(),
    }


CONSUMING = consuming()
