"""The food-ordering backend: one Lambda function per entry point, whichever architecture calls it.

Belongs here: what runs inside Lambda. No failure of a dependency makes it raise (a raising handler loses its warm
environment on some emulators, and an outage then becomes a storm of cold starts), and it prints exactly one line per
invocation, which is archduel's evidence of what happened: ``started_ns`` and the records' ``ns`` are CLOCK_MONOTONIC,
which the processes of one machine share.

An item is one order. Every write adds 1 to ``commits#<request id>``, so that a write done twice counts twice and
cannot hide behind overwriting; ``stamp#<request id>`` is the clock just before the first write.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Event = dict[str, Any]
Response = dict[str, Any]
Records = list[dict[str, Any]]

_TABLE = os.environ["TABLE_NAME"]
_WORK_S = int(os.environ.get("WORK_US", "0")) / 1e6
_dynamodb = boto3.client(
    "dynamodb",
    # Fail fast: callers and queues do the retrying. One retry of the SDK's holds an environment for another 90 ms, and
    # on an emulator the extra environments that an outage then needs cost more CPU to start than the machine has:
    # 6 s without a table became 25 s of 502s. The SDK's own bounds are ten attempts of 60 s.
    config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}),
)
_cold = True

# What a dependency can do to us. Anything else is a bug of ours and raises.
_UNAVAILABLE = (BotoCoreError, ClientError)


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _logged(handle: Callable[[Event, Records], Response]) -> Callable[[Event, Any], Response]:
    """Run ``handle(event, records)`` and print the invocation's one line, whatever happens."""

    def entry(event: Event, context: Any) -> Response:
        global _cold  # a module's global is how Lambda tells a cold start
        started_ns, cold, _cold = _now_ns(), _cold, False
        if "warm_up" in event:
            time.sleep(event["warm_up"]["hold_ms"] / 1000)
            print("{}")
            return {}
        records: Records = []
        response = handle(event, records)
        line = {
            "archduel": 1,
            "invocation": context.aws_request_id,
            "started_ns": started_ns,
            "ended_ns": _now_ns(),
            "cold": cold,
            "records": records,
        }
        print(json.dumps(line, separators=(",", ":")))
        return response

    return entry


def _record(records: Records, request_id: str, result: str, **more: Any) -> None:
    records.append({"id": request_id, "result": result, "ns": _now_ns(), **more})


def _write(key: str, request_id: str, **attributes: dict[str, Any]) -> None:
    """One write per command: the order's attributes, the count of its commits, the clock before it."""
    if _WORK_S:
        time.sleep(_WORK_S)
    names = {"#commits": f"commits#{request_id}", "#stamp": f"stamp#{request_id}"}
    values = {":one": {"N": "1"}, ":stamp": {"N": str(_now_ns())}}
    sets = ["#stamp = if_not_exists(#stamp, :stamp)"]
    for index, (name, value) in enumerate(attributes.items()):
        names[f"#a{index}"], values[f":a{index}"] = name, value
        sets.append(f"#a{index} = :a{index}")
    _dynamodb.update_item(
        TableName=_TABLE,
        Key={"id": {"S": key}},
        UpdateExpression=f"SET {', '.join(sets)} ADD #commits :one",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def _read(key: str) -> dict[str, Any] | None:
    if _WORK_S:
        time.sleep(_WORK_S)
    item: dict[str, Any] | None = _dynamodb.get_item(TableName=_TABLE, Key={"id": {"S": key}}, ConsistentRead=True).get(
        "Item"
    )
    return item


def _place(order: dict[str, Any]) -> None:
    details = {"S": order.get("details", "")}
    _write(order["order_id"], order["request_id"], status={"S": "placed"}, details=details)


def _answer(status: int, body: dict[str, Any]) -> Response:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


@_logged
def command(event: Event, records: Records) -> Response:
    """POST /orders behind the API: stored when it answers 201; 503 when the table is unavailable."""
    try:
        order = json.loads(event.get("body") or "")
        request_id, order_id = order["request_id"], order["order_id"]
    except (ValueError, KeyError, TypeError):
        return _answer(400, {"error": "the body must be JSON with request_id and order_id"})
    try:
        _place(order)
    except _UNAVAILABLE as error:
        _record(records, request_id, "failed", error=type(error).__name__)
        return _answer(503, {"error": "the table is unavailable", "request_id": request_id})
    _record(records, request_id, "committed")
    return _answer(201, {"request_id": request_id, "order_id": order_id, "status": "placed"})


@_logged
def query(event: Event, records: Records) -> Response:
    """GET /orders/{id} behind the API: 200 with the order, 404 when there is none (yet), 503 without a table."""
    request_id = (event.get("queryStringParameters") or {}).get("request_id", "")
    order_id = event["pathParameters"]["id"]
    try:
        item = _read(order_id)
    except _UNAVAILABLE as error:
        _record(records, request_id, "failed", error=type(error).__name__)
        return _answer(503, {"error": "the table is unavailable", "request_id": request_id})
    _record(records, request_id, "answered", found=item is not None)
    if item is None:
        return _answer(404, {"request_id": request_id, "order_id": order_id, "error": "no such order"})
    return _answer(200, {"request_id": request_id, "order_id": order_id, "status": item["status"]["S"]})


def _process(message: dict[str, Any]) -> dict[str, Any]:
    """One queued message: a command is placed; a query's answer is stored where its asker can look for it."""
    if message.get("operation") != "query":
        _place(message)
        return {}
    item = _read(message["order_id"])
    found = item is not None
    status = item["status"]["S"] if item else "unknown"
    _write(f"answer/{message['request_id']}", message["request_id"], status={"S": status}, found={"BOOL": found})
    return {"found": found}


@_logged
def consumer(event: Event, records: Records) -> Response:
    """A batch from the queue. Failed messages alone are reported and come again after the visibility timeout."""
    failures = []
    unavailable: str | None = None
    for message in event["Records"]:
        receive_count = int(message["attributes"]["ApproximateReceiveCount"])
        try:
            body = json.loads(message["body"])
            request_id, _ = body["request_id"], body["order_id"]
        except (ValueError, KeyError, TypeError) as error:  # it alone is at fault, and ends as a dead letter
            _record(records, "unreadable", "failed", receive_count=receive_count, error=type(error).__name__)
            failures.append({"itemIdentifier": message["messageId"]})
            continue
        more: dict[str, Any] = {}
        if unavailable is None:
            try:
                more = _process(body)
            except _UNAVAILABLE as error:
                # The table is gone for the rest of the batch as well: trying each would outlast the function's
                # timeout, and the whole batch, the committed part included, would be delivered again.
                unavailable = type(error).__name__
        if unavailable is None:
            _record(records, request_id, "committed", receive_count=receive_count, **more)
        else:
            _record(records, request_id, "failed", receive_count=receive_count, error=unavailable)
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
