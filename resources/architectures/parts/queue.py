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


def kind_of(node: str) -> str:
    """What a queue's node is, since an architecture may have several of each: `QUEUE` or `DEAD_LETTER_QUEUE`."""
    return DEAD_LETTER_QUEUE if node.endswith(DEAD_LETTER_QUEUE) else QUEUE


def queue(*, fifo: bool = False, prefix: str = "", effect: str = "") -> Node:
    """A queue of orders, the only one, or one whose node's name begins with ``prefix`` and whose messages are still to
    bring about ``effect``. It moves a message that was received too often to the dead-letter queue.

    A FIFO queue hands out the messages of a group in order, and none of a group of which one is in flight; it drops one
    whose deduplication id it knew in the last five minutes. Both count by group, in its mode of high throughput.
    """
    what = "Accepted requests waiting for the consumer" + (", those of an order in turn." if fifo else ".")
    effects = (effect,) if effect else ()
    need = prefix + DEAD_LETTER_QUEUE
    return Node((need,), lambda stack: _make_queue(stack, prefix, fifo=fifo), "sqs", what, effects=effects)


def dead_letter_queue(*, fifo: bool = False, prefix: str = "", effect: str = "") -> Node:
    """The queue for messages that were received too often; that of a FIFO queue has to be one, too. Arguments as for
    `queue`.
    """
    what = "Where a message goes once it was received too often."
    effects = (effect,) if effect else ()
    return Node((), lambda stack: _make_dead_letter_queue(stack, prefix, fifo=fifo), "sqs", what, effects=effects)


_FIFO = {"FifoQueue": "true"}
_HIGH_THROUGHPUT = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}


def _make_queue(stack: Stack, prefix: str, *, fifo: bool) -> Facts:
    settings = stack.settings
    limits = {"visibility_timeout_s": settings.visibility_timeout_s, "max_receive_count": settings.max_receive_count}

    def attributes(part: Function | None) -> dict[str, str]:
        target = of_part(stack.facts[prefix + DEAD_LETTER_QUEUE], part)["arn"]
        redrive = {"deadLetterTargetArn": target, "maxReceiveCount": settings.max_receive_count}
        return {
            "VisibilityTimeout": str(settings.visibility_timeout_s),
            "RedrivePolicy": json.dumps(redrive),
            **(_FIFO | _HIGH_THROUGHPUT if fifo else {}),
        }

    return {**_make_each(stack, prefix + QUEUE, f"{prefix}orders", attributes), **limits}


def _make_dead_letter_queue(stack: Stack, prefix: str, *, fifo: bool) -> Facts:
    attributes = {"MessageRetentionPeriod": str(_RETENTION_S), **(_FIFO if fifo else {})}
    return _make_each(stack, prefix + DEAD_LETTER_QUEUE, f"{prefix}orders-dead-letters", lambda _part: attributes)


def _make_each(stack: Stack, node: str, name: str, attributes: Callable[[Function | None], dict[str, str]]) -> Facts:
    return each_part(stack, node, lambda part: _make(stack, stack.part_name(node, part, name), attributes(part)))


def _make(stack: Stack, name: str, attributes: dict[str, str]) -> Facts:
    name, sqs = (
        stack.resource_name(name.replace("_", "-")) + (".fifo" if "FifoQueue" in attributes else ""),
        stack.clients.sqs,
    )
    url = sqs.create_queue(QueueName=name, Attributes=attributes, **tags(stack, "tags"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"name": name, "url": url, "arn": arn}
