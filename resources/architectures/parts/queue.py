"""The queue of orders in SQS, and the queue for its dead letters.

Put here the queues. Keep out what reads from them (`resources.architectures.parts.event_source_mapping`).
"""

import json
from collections.abc import Callable

from resources.architectures.parts.making import each_part, of_part, tags
from resources.architectures.stack import Facts, Node, Stack
from resources.services.model import Function

QUEUE, DEAD_LETTER_QUEUE = "queue", "dead_letter_queue"  # the nodes' names

_RETENTION_S = 14 * 86_400  # of dead letters: the longest SQS offers


def queue() -> Node:
    """The queue of orders. It moves a message that was received too often to the dead-letter queue."""
    return Node((DEAD_LETTER_QUEUE,), _make_queue, "sqs", "Accepted requests waiting for the consumer.")


def dead_letter_queue() -> Node:
    """The queue for messages that were received too often."""
    return Node((), _make_dead_letter_queue, "sqs", "Where a message goes once it was received too often.")


def _make_queue(stack: Stack) -> Facts:
    settings = stack.settings
    limits = {"visibility_timeout_s": settings.visibility_timeout_s, "max_receive_count": settings.max_receive_count}

    def attributes(part: Function | None) -> dict[str, str]:
        target = of_part(stack.facts[DEAD_LETTER_QUEUE], part)["arn"]
        redrive = {"deadLetterTargetArn": target, "maxReceiveCount": settings.max_receive_count}
        return {"VisibilityTimeout": str(settings.visibility_timeout_s), "RedrivePolicy": json.dumps(redrive)}

    return {**_make_each(stack, QUEUE, "orders", attributes), **limits}


def _make_dead_letter_queue(stack: Stack) -> Facts:
    attributes = {"MessageRetentionPeriod": str(_RETENTION_S)}
    return _make_each(stack, DEAD_LETTER_QUEUE, "orders-dead-letters", lambda _part: attributes)


def _make_each(stack: Stack, node: str, name: str, attributes: Callable[[Function | None], dict[str, str]]) -> Facts:
    return each_part(stack, node, lambda part: _make(stack, stack.part_name(node, part, name), attributes(part)))


def _make(stack: Stack, name: str, attributes: dict[str, str]) -> Facts:
    name, sqs = stack.resource_name(name), stack.clients.sqs
    url = sqs.create_queue(QueueName=name, Attributes=attributes, **tags(stack, "tags"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"name": name, "url": url, "arn": arn}
