"""What a standard queue may do and emulators never do: deliver a message twice, or deliver it late.

Put here the consumer that does so to marked messages. Keep out what a delivery means to an order
(`resources.architectures.handlers.orders`) and which messages are marked (`workloads.replay`).

The load generator marks a message with a field in its body::

    "delivery": {"kind": "twice", "delay_s": 3}

``twice``: the original is handed on, and once it is carried out a copy is put into the same queue, to appear after
``delay_s`` (whole seconds, 0 to 900). ``late``: the original is not handed on but counts as carried out, so that the
order is seen once, as the copy. Copies carry no mark.
"""

import functools
import importlib
import json
import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_KINDS = ("twice", "late")
_MAX_DELAY_S = 900  # what SQS accepts

# Its neighbour in the zip, where there are no packages: the lab's own backend, or what calls the user's.
orders: Any = importlib.import_module(os.environ.get("HANDLERS", "orders"))

# AWS_ENDPOINT_URL, which Lambda emulators set, says where. One attempt: a message whose copy failed comes again.
_sqs = boto3.client("sqs", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))


def _mark(body: dict[str, Any]) -> tuple[str, int] | None:
    """The kind of the message's mark and its delay in seconds; None without a mark that can be read."""
    mark = body.get("delivery")
    if not isinstance(mark, dict):
        return None
    kind, delay_s = mark.get("kind"), mark.get("delay_s")
    if kind not in _KINDS or type(delay_s) is not int or not 0 <= delay_s <= _MAX_DELAY_S:
        return None
    return kind, delay_s


@functools.cache
def _queue_url(arn: str) -> str:
    return str(_sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])


def _send_copy(message: dict[str, Any], body: dict[str, Any], delay_s: int) -> bool:
    """Put a copy of the message into its queue; returns whether that worked."""
    copy = {name: value for name, value in body.items() if name != "delivery"}
    try:
        url = _queue_url(message["eventSourceARN"])
        _sqs.send_message(QueueUrl=url, MessageBody=json.dumps(copy, separators=(",", ":")), DelaySeconds=delay_s)
    except (BotoCoreError, ClientError):
        return False
    return True


def consumer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`orders.consumer` behind a queue that delivers marked messages twice or late.

    A message whose copy could not be sent is reported as failed and comes again whole.
    """
    if "Records" not in event:  # a call of the lab, not of the queue
        return dict(orders.consumer(event, context))
    handed_on, twice, failed = [], [], []
    for message in event["Records"]:
        body = orders.parse(message["body"])
        mark = _mark(body)
        kind, delay_s = mark or ("", 0)
        if kind == "late":
            if not _send_copy(message, body, delay_s):
                failed.append(message["messageId"])
            continue
        handed_on.append(message)
        if kind == "twice":
            twice.append((message, body, delay_s))
    # Called for an empty batch too: it prints the invocation's line, and one without output takes 50 ms longer on some
    # emulators.
    answer = orders.consumer({**event, "Records": handed_on}, context)
    failed += [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    # Only of messages that were carried out: one that failed comes again with its mark, and each try would add a copy.
    for message, body, delay_s in twice:
        if message["messageId"] not in failed and not _send_copy(message, body, delay_s):
            failed.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
