"""The resources architectures are made of, each made with boto3 and found again when it is there already.

Belongs here: one maker per AWS resource. Which architecture uses which is its own module's business.
"""

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from resources.integrations import (
    QUEUE_RESPONSES,
    REQUEST_BODY,
    ROLE,
    STAGE,
    execute_api_url,
    function_integration,
    integrate,
    queue_integration,
)
from resources.packaging import package
from resources.stack import Facts, Node, Stack
from workloads.errors import ArchduelError

QUEUE = "queue"
RUNTIME = "python3.12"

# The recorded request id and order id travel in the body, since headers and $context do not survive every emulator.
# Percent-encoded by hand: a literal inside $util.urlEncode is not interpolated everywhere.
_QUERY_MESSAGE = (
    "%7B%22operation%22%3A%22query%22%2C%22request_id%22%3A%22$util.urlEncode($input.params('request_id'))"
    "%22%2C%22order_id%22%3A%22$util.urlEncode($input.params('id'))%22%7D"
)


def _exists(error: ClientError, *codes: str) -> bool:
    return error.response["Error"]["Code"] in codes


def _make_table(stack: Stack) -> Facts:
    name = stack.resource_name("orders")
    try:
        made = stack.clients.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )["TableDescription"]
    except ClientError as error:
        if not _exists(error, "ResourceInUseException"):
            raise
        made = stack.clients.dynamodb.describe_table(TableName=name)["Table"]
    return {"name": name, "arn": made["TableArn"], "billing": "PAY_PER_REQUEST"}


def table() -> Node:
    """The orders table, on demand, keyed by order id."""
    return Node((), _make_table, "dynamodb", "The orders: one item each, keyed by the order's id.")


def _wait_until_active(stack: Stack, name: str) -> dict[str, Any]:
    # boto3's waiter sleeps at least a second; the emulator needs a few milliseconds.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        configuration: dict[str, Any] = stack.clients.lambda_.get_function_configuration(FunctionName=name)
        if configuration["State"] == "Active" and configuration.get("LastUpdateStatus") != "InProgress":
            return configuration
        time.sleep(0.03)
    raise ArchduelError(f"function {name} did not become active within 30 s")


def _make_function(stack: Stack, entry: str) -> Facts:
    name = stack.resource_name(entry)
    settings = stack.settings
    configuration = {
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": f"{'delivery' if entry == 'consumer' and settings.delivery_faults else 'orders'}.{entry}",
        "Timeout": settings.function_timeout_s,
        "MemorySize": 512,
        "Environment": {
            "Variables": {
                "TABLE_NAME": stack.facts["table"]["name"],
                "VARIANT": settings.variant,
                "WORK_US": str(settings.work_us),
                "TABLE_TIMEOUT_MS": str(settings.table_timeout_ms),
                "AWS_ENDPOINT_URL_DYNAMODB": stack.table_endpoint_url,
            }
        },
    }
    functions = stack.clients.lambda_
    try:
        functions.create_function(FunctionName=name, Code={"ZipFile": package()}, **configuration)
    except ClientError as error:
        if not _exists(error, "ResourceConflictException"):
            raise
        functions.update_function_code(FunctionName=name, ZipFile=package())
        _wait_until_active(stack, name)  # one update at a time
        functions.update_function_configuration(FunctionName=name, **configuration)
    made = _wait_until_active(stack, name)
    facts: Facts = {
        "name": name,
        "arn": made["FunctionArn"],
        "runtime": RUNTIME,
        "memory_mb": 512,
        "timeout_s": settings.function_timeout_s,
        "variant": settings.variant,
    }
    if settings.reserved_concurrency is not None:
        functions.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=settings.reserved_concurrency
        )
        facts["reserved_concurrency"] = settings.reserved_concurrency
    return facts


_ENTRIES = {
    "command": "Stores the order a POST carries and answers when it is stored.",
    "query": "Reads the order a GET names.",
    "consumer": "Takes batches from the queue, stores what they ask for, reports the messages that failed.",
}


def function(entry: str) -> Node:
    """The Lambda function for one entry point of the handlers."""
    return Node(("table",), lambda stack: _make_function(stack, entry), "lambda", _ENTRIES[entry])


def _make_queue(stack: Stack, name: str, attributes: dict[str, str]) -> Facts:
    name = stack.resource_name(name)
    url = stack.clients.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = stack.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return {"name": name, "url": url, "arn": arn}


def _make_dead_letter_queue(stack: Stack) -> Facts:
    return _make_queue(stack, "orders-dead-letters", {"MessageRetentionPeriod": str(14 * 86_400)})


def _make_orders_queue(stack: Stack) -> Facts:
    settings = stack.settings
    redrive = {
        "deadLetterTargetArn": stack.facts["dead_letter_queue"]["arn"],
        "maxReceiveCount": settings.max_receive_count,
    }
    attributes = {"VisibilityTimeout": str(settings.visibility_timeout_s), "RedrivePolicy": json.dumps(redrive)}
    return {
        **_make_queue(stack, "orders", attributes),
        "visibility_timeout_s": settings.visibility_timeout_s,
        "max_receive_count": settings.max_receive_count,
    }


def _make_event_source_mapping(stack: Stack) -> Facts:
    functions, settings = stack.clients.lambda_, stack.settings
    wanted = {
        "EventSourceArn": stack.facts[QUEUE]["arn"],
        "FunctionName": stack.facts["consumer"]["name"],
    }
    found = functions.list_event_source_mappings(**wanted)["EventSourceMappings"]
    made = (
        found[0]
        if found
        else functions.create_event_source_mapping(
            **wanted, BatchSize=settings.batch_size, FunctionResponseTypes=["ReportBatchItemFailures"]
        )
    )
    return {"uuid": made["UUID"], "batch_size": settings.batch_size}


CONSUMING = {
    "dead_letter_queue": Node(
        (), _make_dead_letter_queue, "sqs", "Where a message goes once it was received too often."
    ),
    QUEUE: Node(("dead_letter_queue",), _make_orders_queue, "sqs", "Accepted requests waiting for the consumer."),
    "consumer": function("consumer"),
    "event_source_mapping": Node(
        (QUEUE, "consumer"),
        _make_event_source_mapping,
        "lambda_mapping",
        "Hands batches from the queue to the consumer.",
    ),
}


def _make_api(stack: Stack, command: str, query: str) -> Facts:
    gateway = stack.clients.apigateway
    name = stack.resource_name("api")
    for old in gateway.get_rest_apis(limit=500)["items"]:
        if old["name"] == name:
            gateway.delete_rest_api(restApiId=old["id"])
    api_id = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    orders = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="orders")["id"]
    order = gateway.create_resource(restApiId=api_id, parentId=orders, pathPart="{id}")["id"]
    queue_routes: list[dict[str, str]] = []
    for resource, method, target, message in (
        (orders, "POST", command, REQUEST_BODY),
        (order, "GET", query, _QUERY_MESSAGE),
    ):
        route = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        gateway.put_method(**route, authorizationType="NONE")
        if target == QUEUE:
            integration = queue_integration(stack.facts[QUEUE]["name"], message)
            integrate(gateway, route, integration, QUEUE_RESPONSES)
            queue_routes.append({"resource": resource, "method": method, "uri": integration["uri"]})
        else:
            integrate(gateway, route, function_integration(stack.facts[target]["arn"]))
    gateway.create_deployment(restApiId=api_id, stageName=STAGE)
    return {
        "name": name,
        "id": api_id,
        "url": execute_api_url(stack.clients.endpoint_url, api_id),
        "stage": STAGE,
        "queue_routes": queue_routes,
        "POST /orders": command,
        "GET /orders/{id}": query,
    }


def api(*, command: str, query: str) -> Node:
    """The REST API. Each operation is integrated with a function, or with the queue (`QUEUE`)."""
    needs = [target for target in (command, query) if target != QUEUE]
    if QUEUE in (command, query):
        needs += [QUEUE, "event_source_mapping"]
    return Node(
        tuple(dict.fromkeys(needs)),
        lambda stack: _make_api(stack, command, query),
        "apigateway",
        f"POST /orders -> {command}, GET /orders/{{id}} -> {query}.",
    )
