"""The food-ordering backend: one Lambda function per entry point, the same for every architecture.

Put here what runs inside Lambda. Keep out what a queue may do to a message
(`resources.architectures.handlers.delivery`).

A failure of the table makes no handler raise but the one for which Lambda queues requests itself (`invoked`): a handler
that raises loses its warm environment on some emulators, and an outage then becomes a storm of cold starts. Each
invocation prints exactly one line, which archduel reads as its observation of what happened. ``started_ns`` and the
records' ``ns`` are CLOCK_MONOTONIC, which the processes of one machine share; where functions run on other machines,
the environment's ``CLOCK`` is ``wall``.

An item is one order. Every write adds 1 to ``commits#<request id>``, so that a write applied twice counts as two and
cannot hide behind overwriting; ``stamp#<request id>`` is the clock just before the first write. Where a command has
several effects, the environment's ``EFFECT`` names the one that a function brings about, unless it is the first: it has
an item of its own, ``<effect>/<order id>``, and counts as ``commits#<request id>#<effect>``. ``CALLS`` is the function
that a function calls and waits for once its own effect is there; ``WORK_PARTS`` the number of functions that call each
other so, which divide a command's work.

The environment's ``VARIANT`` is ``idempotent``, where a request delivered again changes nothing, ``naive``, where it is
written again, or ``sdk_defaults``: idempotent, with the retries of the SDK's defaults. ``WORK_US`` is how long every
request works, besides what it asks for itself (``work_us``, as it was recorded, and ``work_ms``, of a fault);
``CPU_SHARE`` is the part of it that uses the CPU, where the rest waits. ``TABLE_TIMEOUT_MS`` is how long one attempt at
the table may take. ``TOPIC_ARN`` is where the publisher publishes.
"""

import base64
import functools
import json
import os
import re
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
_EFFECT = os.environ.get("EFFECT", "")
_CALLS = os.environ.get("CALLS", "")
_WORK_PARTS = int(os.environ.get("WORK_PARTS", "1"))
_VARIANT = os.environ.get("VARIANT", "idempotent")
_IDEMPOTENT = {"idempotent": True, "naive": False, "sdk_defaults": True}[_VARIANT]
_WORK_S = int(os.environ.get("WORK_US", "0")) / 1e6
_CPU_SHARE = float(os.environ.get("CPU_SHARE", "0"))
_TABLE_TIMEOUT_S = int(os.environ.get("TABLE_TIMEOUT_MS", "1000")) / 1000
_MAX_WORK_MS = 60_000
_CLOCK = {"monotonic": time.CLOCK_MONOTONIC, "wall": time.CLOCK_REALTIME}[os.environ.get("CLOCK", "monotonic")]
_dynamodb = boto3.client(
    "dynamodb",
    # Fail fast: callers and queues do the retrying. One retry of the SDK's holds an environment for another 90 ms, and
    # on an emulator the extra environments that an outage then needs cost more CPU to start than the machine has:
    # 6 s without a table became 25 s of 502s. The SDK's own bounds are ten attempts of 60 s each, and the function's
    # time-out ends the invocation before.
    config=Config(
        connect_timeout=_TABLE_TIMEOUT_S,
        read_timeout=_TABLE_TIMEOUT_S,
        **({} if _VARIANT == "sdk_defaults" else {"retries": {"total_max_attempts": 1}}),
    ),
)
# One attempt, as at the table. How long it waits is the business of both functions' time-outs.
_functions = (
    boto3.client("lambda", config=Config(connect_timeout=1, read_timeout=60, retries={"total_max_attempts": 1}))
    if _CALLS
    else None
)
_ENVIRONMENT = os.urandom(4).hex()  # a module is loaded once in each
_LAB_FIELD = "archduel"  # `workloads.replay.schedule` fills it
_cold = True

# How a dependency can fail. Anything else is a bug here and raises.
UNAVAILABLE = (BotoCoreError, ClientError)


class ServiceFailed(Exception):  # noqa: N818 - as callers know it
    """A function that was called did not carry its part out."""


class NotCarriedOut(Exception):  # noqa: N818 - likewise
    """What Lambda hears of a request that it is to hand over again."""


class InvalidOrder(Exception):  # noqa: N818 - named as the records and users know it
    """The request itself is at fault: repeating it does not help, and no other request suffers from it."""


def _now_ns() -> int:
    return time.clock_gettime_ns(_CLOCK)


def logged(handle: Callable[[Event, Records], Response]) -> Callable[[Event, Any], Response]:
    """An entry point that runs ``handle(event, records)`` and prints the invocation's one line."""

    def entry(event: Event, context: Any) -> Response:
        global _cold  # a module's global is how Lambda tells a cold start
        started_ns, cold, _cold = _now_ns(), _cold, False
        if "warm_up" in event:
            time.sleep(event["warm_up"]["hold_ms"] / 1000)
            print("{}")
            return {}
        if "clock" in event:
            now_ns = _now_ns()
            print(json.dumps({"lab": 1, "invocation": context.aws_request_id}))  # not an invocation of the replay
            return {"now_ns": now_ns}
        records: Records = []
        response, failure = {}, None
        try:
            response = handle(event, records)
        except NotCarriedOut as error:
            failure = error
        line = {
            "archduel": 1,
            "invocation": context.aws_request_id,
            "started_ns": started_ns,
            "ended_ns": _now_ns(),
            "cold": cold,
            "environment": _ENVIRONMENT,
            "records": records,
        }
        print(json.dumps(line, separators=(",", ":")))
        if failure is not None:
            raise failure
        return response

    return entry


def record(records: Records, request_id: str, result: str, **details: Any) -> None:
    records.append({"id": request_id, "result": result, "ns": _now_ns(), **details})


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):  # the latter for brackets nested by the thousand
        return {}
    return message if isinstance(message, dict) else {}


def parse(body: str | None) -> dict[str, Any]:
    """The JSON object in ``body``; an empty one where there is none.

    A request with a recorded route has a body of its own: what the lab has to know is sealed in the line before it.
    """
    sealed, behind, rest = (body or "").partition("\n")
    return _opened(sealed, rest) if behind and re.fullmatch("[A-Za-z0-9_-]+", sealed) else _object(body or "")


def _opened(sealed: str, body: str | None) -> dict[str, Any]:
    """What the lab has to know of a request, with its body for the order's details."""
    try:
        known = _object(base64.urlsafe_b64decode(f"{sealed}=="))
    except ValueError:
        return {}
    return {"details": body or "", **known} if known else {}


def asked(event: Event) -> dict[str, Any]:
    """What a request behind the API asks for: sealed in its query where its route is a recorded one, else its body."""
    sealed = (event.get("queryStringParameters") or {}).get(_LAB_FIELD)
    return parse(event.get("body")) if sealed is None else _opened(sealed, event.get("body"))


def _is_text(value: Any) -> bool:
    """Whether it is text that the table can hold: JSON can spell half a character, UTF-8 cannot."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _request_id(message: dict[str, Any]) -> str:
    """The request id; empty where it cannot be read."""
    request_id = message.get("request_id")
    return str(request_id) if _is_text(request_id) else ""


def _check(message: dict[str, Any]) -> None:
    """Raise `InvalidOrder` unless every field can be worked with."""
    if not all(_is_text(message.get(name)) and message[name] for name in ("request_id", "order_id")):
        raise InvalidOrder("the body must be JSON with request_id and order_id, both text and not empty")
    if not _is_text(message.get("details", "")):
        raise InvalidOrder("details must be text")
    _asked_s(message)


def _asked_s(message: dict[str, Any]) -> float:
    """How long a request asks to be worked on; `InvalidOrder` where that cannot be read."""
    work_ms, work_us = message.get("work_ms", 0), message.get("work_us", 0)
    if isinstance(work_us, str):  # gateways pass it on as text, which is empty where a request had none
        work_us = int(work_us) if re.fullmatch("[0-9]{1,12}", work_us) else 0 if not work_us else -1
    for name, asked in (("work_ms", work_ms), ("work_us", work_us)):
        if type(asked) is not int or asked < 0:  # JSON's true is an int to isinstance
            raise InvalidOrder(f"{name} must be a whole number, 0 or more")
    return float(min(work_ms, _MAX_WORK_MS) / 1000 + min(work_us, _MAX_WORK_MS * 1000) / 1e6)


def _call(operation: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
    """Call the table; `InvalidOrder` where it would never accept the request, such as an order id of 3,000 bytes."""
    try:
        return operation(TableName=_TABLE, **request)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise InvalidOrder("the table cannot hold such an order") from error
        raise


def write(key: str, request_id: str, **attributes: dict[str, Any]) -> str:
    """Write the attributes, the count of the request's commits and the clock before it, in one call.

    Returns "committed", or "duplicate" where the request was applied before and nothing was written.
    """
    of = f"{request_id}#{_EFFECT}" if _EFFECT else request_id
    names = {"#commits": f"commits#{of}", "#stamp": f"stamp#{of}"}
    values = {":one": {"N": "1"}, ":stamp": {"N": str(_now_ns())}}
    sets = ["#stamp = if_not_exists(#stamp, :stamp)"]
    for index, (name, value) in enumerate(attributes.items()):
        names[f"#a{index}"], values[f":a{index}"] = name, value
        sets.append(f"#a{index} = :a{index}")
    # The request's id is the key of idempotency, not the order's: an order has several commands, and with
    # attribute_not_exists(id) every one after the first would pass for a duplicate and be dropped. It is kept in the
    # order's own item, where one write both tests and sets it: a table of keys beside it would take a transaction.
    condition = {"ConditionExpression": "attribute_not_exists(#commits)"} if _IDEMPOTENT else {}
    try:
        _call(
            _dynamodb.update_item,
            Key={"id": {"S": key}},
            UpdateExpression=f"SET {', '.join(sets)} ADD #commits :one",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            **condition,
        )
    except _dynamodb.exceptions.ConditionalCheckFailedException:
        return "duplicate"
    return "committed"


def _read(key: str) -> dict[str, Any] | None:
    return _call(_dynamodb.get_item, Key={"id": {"S": key}}, ConsistentRead=True).get("Item")


def _work(message: dict[str, Any]) -> dict[str, int]:
    """Take the time that a request takes besides the table.

    Returns what its record says of it: ``worked_us``, how long that was; nothing where there was nothing to do.
    """
    work_s = (_WORK_S + _asked_s(message)) / _WORK_PARTS
    started_ns = time.perf_counter_ns()
    end_s = time.thread_time() + work_s * _CPU_SHARE
    while time.thread_time() < end_s:
        pass
    time.sleep(work_s * (1 - _CPU_SHARE))
    return {"worked_us": (time.perf_counter_ns() - started_ns) // 1000} if work_s else {}


def _place(order: dict[str, Any]) -> str:
    details = {"S": order.get("details", "")}
    key = f"{_EFFECT}/{order['order_id']}" if _EFFECT else order["order_id"]
    return write(key, order["request_id"], status={"S": "placed"}, details=details)


def _call_next(order: dict[str, Any]) -> None:
    """Call the function that comes next, where there is one, and wait until it has carried its part out."""
    if _functions is None:
        return
    answer = _functions.invoke(FunctionName=_CALLS, Payload=json.dumps(order))
    said = answer["Payload"].read()
    if answer.get("FunctionError") or _object(said).get("result") not in ("committed", "duplicate"):
        raise ServiceFailed(_CALLS)


def _answer(status: int, body: dict[str, Any]) -> Response:
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


@logged
def command(event: Event, records: Records) -> Response:
    """POST /orders, or any command, behind the API: 201 once stored, 400 for an invalid order, 503 without a table."""
    order = asked(event)
    request_id = _request_id(order)
    worked: dict[str, int] = {}
    try:
        _check(order)
        worked = _work(order)
        result = _place(order)
    except InvalidOrder as error:
        if request_id:
            record(records, request_id, "failed", error="InvalidOrder", **worked)
        return _answer(400, {"error": str(error)})
    except UNAVAILABLE as error:
        record(records, request_id, "failed", error=type(error).__name__, **worked)
        return _answer(503, {"error": "the table is unavailable", "request_id": request_id})
    record(records, request_id, result, **worked)  # its own part is done, whatever becomes of the others
    try:
        _call_next(order)
    except (ServiceFailed, *UNAVAILABLE):
        return _answer(503, {"error": f"{_CALLS} is unavailable", "request_id": request_id})
    return _answer(201, {"request_id": request_id, "order_id": order["order_id"], "status": "placed"})


@functools.cache
def _sns() -> Any:
    """The publisher's client, which no other entry point pays for. One attempt, as at the table."""
    return boto3.client("sns", config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}))


@logged
def publisher(event: Event, records: Records) -> Response:
    """POST /orders, or any command, behind the API: 202 once the topic has it, 503 without a topic.

    What is published is not looked at: an invalid order fails at those who take it, as one of a queue's does.
    """
    sealed = (event.get("queryStringParameters") or {}).get(_LAB_FIELD)
    body = event.get("body") or ""
    request_id = _request_id(asked(event))
    try:
        _sns().publish(TopicArn=os.environ["TOPIC_ARN"], Message=body if sealed is None else f"{sealed}\n{body}")
    except UNAVAILABLE as error:
        if request_id:
            record(records, request_id, "failed", error=type(error).__name__)
        return _answer(503, {"error": "the topic is unavailable", "request_id": request_id})
    if request_id:
        record(records, request_id, "published")
    return _answer(202, {"request_id": request_id})


@logged
def query(event: Event, records: Records) -> Response:
    """GET /orders/{id}, or any query, behind the API: 200 with the order, 404 where there is none (yet), 503 without a
    table.
    """
    parameters = event.get("queryStringParameters") or {}
    if _LAB_FIELD in parameters:
        parameters = asked(event)
    request_id = parameters.get("request_id", "")
    order_id = parameters.get("order_id") or event["pathParameters"].get("id", "")
    worked: dict[str, int] = {}
    try:
        worked = _work(parameters)
        item = _read(order_id)
    except InvalidOrder as error:
        record(records, request_id, "failed", error="InvalidOrder", **worked)
        return _answer(400, {"error": str(error), "request_id": request_id})
    except UNAVAILABLE as error:
        record(records, request_id, "failed", error=type(error).__name__, **worked)
        return _answer(503, {"error": "the table is unavailable", "request_id": request_id})
    record(records, request_id, "answered", found=item is not None, **worked)
    if item is None:
        return _answer(404, {"request_id": request_id, "order_id": order_id, "error": "no such order"})
    return _answer(200, {"request_id": request_id, "order_id": order_id, "status": item["status"]["S"]})


@logged
def result(event: Event, records: Records) -> Response:
    """GET /results/{ticket} behind the API: 200 with the answer to a queued query, 404 while there is none, 503 without
    a table. The ticket is the query's request id.
    """
    ticket = event["pathParameters"]["ticket"]
    try:
        item = _read(f"answer/{ticket}")
    except InvalidOrder as error:
        record(records, ticket, "failed", error="InvalidOrder")
        return _answer(400, {"error": str(error), "request_id": ticket})
    except UNAVAILABLE as error:
        record(records, ticket, "failed", error=type(error).__name__)
        return _answer(503, {"error": "the table is unavailable", "request_id": ticket})
    record(records, ticket, "answered", found=item is not None)
    if item is None:
        return _answer(404, {"request_id": ticket, "error": "no answer yet"})
    return _answer(200, {"request_id": ticket, "status": item["status"]["S"], "found": item["found"]["BOOL"]})


def _process(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Carry out one queued message: place a command, or store a query's answer where the caller can look for it.

    Returns the result, and the details for its record.
    """
    if message.get("operation") != "query":
        return _place(message), {}
    item = _read(message["order_id"])
    found = item is not None
    status = item["status"]["S"] if item else "unknown"
    request_id = message["request_id"]
    result = write(f"answer/{request_id}", request_id, status={"S": status}, found={"BOOL": found})
    return result, {"found": found}


@logged
def consumer(event: Event, records: Records) -> Response:
    """Carry out a batch from the queue and report the messages that failed; these alone come again after the
    visibility timeout.

    An invalid message fails each time and so ends as a dead letter; the rest of its batch is carried out. Of a FIFO
    queue, what follows a failed message of its group fails with it: it would overtake it.
    """
    failures = []
    unavailable: str | None = None
    blocked: set[str] = set()  # groups
    for message in event["Records"]:
        receive_count = int(message["attributes"]["ApproximateReceiveCount"])
        body = parse(message["body"])
        group = message["attributes"].get("MessageGroupId")
        result = "failed"
        details: dict[str, Any] = {}
        worked: dict[str, int] = {}
        try:
            _check(body)
            if group in blocked:
                details = {"error": "Blocked"}
            elif unavailable is None:
                worked = _work(body)
                result, details = _process(body)
            else:
                details = {"error": unavailable}
        except InvalidOrder:
            details = {"error": "InvalidOrder"}
        except UNAVAILABLE as error:
            # The table is gone for the rest of the batch as well: trying each would outlast the function's
            # timeout, and the whole batch, the committed part included, would be delivered again.
            unavailable = type(error).__name__
            details = {"error": unavailable}
        record(records, _request_id(body) or "unreadable", result, receive_count=receive_count, **worked, **details)
        if result == "failed":
            if group is not None:
                blocked.add(group)
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


@logged
def service(event: Event, records: Records) -> Response:
    """Carry out one part of an order that another function calls this one with, and waits for; then the parts that come
    next. Answers what became of it, and never raises.
    """
    worked: dict[str, int] = {}
    try:
        _check(event)
        worked = _work(event)
        result = _place(event)
    except (InvalidOrder, *UNAVAILABLE) as error:
        name = type(error).__name__
        record(records, _request_id(event) or "unreadable", "failed", error=name, **worked)
        return {"result": "failed", "error": name}
    record(records, event["request_id"], result, **worked)
    try:
        _call_next(event)
    except (ServiceFailed, *UNAVAILABLE) as error:
        return {"result": "failed", "error": type(error).__name__}
    return {"result": result}


@logged
def invoked(event: Event, records: Records) -> Response:
    """Carry out one request that Lambda queued itself. Where that fails it raises, by which Lambda learns that it is to
    hand the request over again: one that is invalid, too, until it goes to the destination for what failed.
    """
    worked: dict[str, int] = {}
    try:
        _check(event)
        worked = _work(event)
        result, details = _process(event)
    except (InvalidOrder, *UNAVAILABLE) as error:
        name = type(error).__name__
        record(records, _request_id(event) or "unreadable", "failed", error=name, **worked)
        raise NotCarriedOut(name) from error
    record(records, event["request_id"], result, **worked, **details)
    return {}
