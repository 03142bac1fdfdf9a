"""The resources architectures are made of, each made with boto3 and found again when it is there already.

Belongs here: one maker per AWS resource. Which architecture uses which is its own module's business.
"""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from resources.architectures.packaging import code_digest, package
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles
from resources.aws.integrations import (
    QUEUE_RESPONSES,
    REQUEST_BODY,
    STAGE,
    function_integration,
    integrate,
    queue_integration,
)
from resources.aws.patience import once, patiently

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


def _tags(stack: Stack, parameter: str = "Tags") -> dict[str, Any]:
    """As a map, as most services take them; nothing where there are none."""
    return {parameter: dict(stack.tags)} if stack.tags else {}


def _tag_list(stack: Stack) -> dict[str, Any]:
    """As pairs, as DynamoDB and IAM take them."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()]} if stack.tags else {}


def _make_role(stack: Stack, name: str, service: str, statements: Sequence[roles.Statement]) -> str:
    """The ARN of a role of ``service`` that may do no more than ``statements``."""
    iam, name = stack.clients.iam, stack.resource_name(name)
    try:
        trusted = json.dumps(roles.trusting(service))
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **_tag_list(stack))
    except ClientError as error:
        if not _exists(error, "EntityAlreadyExists"):
            raise
        made = iam.get_role(RoleName=name)
    _permit(stack, name, "least", statements)
    return str(made["Role"]["Arn"])


def _permit(stack: Stack, role: str, policy: str, statements: Sequence[roles.Statement]) -> None:
    document = json.dumps(roles.document(*statements))
    stack.clients.iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)


def _make_table(stack: Stack) -> Facts:
    name, tables = stack.resource_name("orders"), stack.clients.dynamodb
    try:
        made = tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **_tag_list(stack),
        )["TableDescription"]
    except ClientError as error:
        if not _exists(error, "ResourceInUseException"):
            raise
        made = tables.describe_table(TableName=name)["Table"]
    if made.get("TableStatus") == "CREATING":
        once(
            lambda: tables.describe_table(TableName=name)["Table"]["TableStatus"],
            lambda status: bool(status == "ACTIVE"),
            f"table {name} did not become active",
            stack.clients.pace,
        )
    return {"name": name, "arn": made["TableArn"], "billing": "PAY_PER_REQUEST"}


def table() -> Node:
    """The orders table, on demand, keyed by order id."""
    return Node((), _make_table, "dynamodb", "The orders: one item each, keyed by the order's id.")


def _wait_until_active(stack: Stack, name: str) -> Facts:
    def look() -> Facts:
        configuration: Facts = stack.clients.lambda_.get_function_configuration(FunctionName=name)
        return configuration

    def ready(told: Facts) -> bool:
        return told["State"] == "Active" and told.get("LastUpdateStatus") != "InProgress"

    return once(look, ready, f"function {name} did not become active", stack.clients.pace)


def _make_log_group(stack: Stack, function: str) -> str:
    """Made here, so that a role needs no right to make one, and with tags; its ARN."""
    name, place = f"/aws/lambda/{function}", stack.clients
    try:
        place.logs.create_log_group(logGroupName=name, **_tags(stack, "tags"))
    except ClientError as error:
        if not _exists(error, "ResourceAlreadyExistsException"):
            raise
    return f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{name}"


def _make_function(stack: Stack, entry: str) -> Facts:
    name = stack.resource_name(entry)
    settings = stack.settings
    may = roles.running(entry, stack.facts["table"]["arn"], _make_log_group(stack, name))
    configuration = {
        "Runtime": RUNTIME,
        "Role": _make_role(stack, entry, roles.FUNCTIONS, may),
        "Handler": f"{'delivery' if entry == 'consumer' and settings.delivery_faults else 'orders'}.{entry}",
        "Timeout": settings.function_timeout_s,
        "MemorySize": 512,
        "Environment": {
            "Variables": {
                "TABLE_NAME": stack.facts["table"]["name"],
                "VARIANT": settings.variant,
                "WORK_US": str(settings.work_us),
                "TABLE_TIMEOUT_MS": str(settings.table_timeout_ms),
                **({"AWS_ENDPOINT_URL_DYNAMODB": stack.table_endpoint_url} if stack.table_endpoint_url else {}),
                **({} if stack.clients.shares_clock else {"CLOCK": "wall"}),
            }
        },
    }
    functions = stack.clients.lambda_
    try:
        patiently(
            lambda: functions.create_function(
                FunctionName=name, Code={"ZipFile": package()}, **configuration, **_tags(stack)
            ),
            stack.clients.pace,
        )
    except ClientError as error:
        if not _exists(error, "ResourceConflictException"):
            raise
        if _wait_until_active(stack, name)["CodeSha256"] != code_digest():
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
    url = stack.clients.sqs.create_queue(QueueName=name, Attributes=attributes, **_tags(stack, "tags"))["QueueUrl"]
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
    functions, settings, pace = stack.clients.lambda_, stack.settings, stack.clients.pace
    queue, consumer = stack.facts[QUEUE]["arn"], stack.facts["consumer"]["name"]
    may = [roles.polling(queue), *([roles.copying(queue)] if settings.delivery_faults else [])]
    _permit(stack, consumer, "polling", may)  # the role is called as its function
    wanted = {"EventSourceArn": queue, "FunctionName": consumer}
    found = functions.list_event_source_mappings(**wanted)["EventSourceMappings"]
    made = (
        found[0]
        if found
        else patiently(
            lambda: functions.create_event_source_mapping(
                **wanted,
                BatchSize=settings.batch_size,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                **_tags(stack),
            ),
            pace,
        )
    )
    if made.get("State") == "Creating":
        once(
            lambda: functions.get_event_source_mapping(UUID=made["UUID"])["State"],
            lambda state: bool(state == "Enabled"),
            f"the event source mapping of {consumer} was not enabled",
            pace,
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
    place, gateway = stack.clients, stack.clients.apigateway
    name = stack.resource_name("api")
    for old in gateway.get_rest_apis(limit=500)["items"]:
        if old["name"] == name:
            gateway.delete_rest_api(restApiId=old["id"])
    api_id = gateway.create_rest_api(name=name, endpointConfiguration={"types": ["REGIONAL"]}, **_tags(stack, "tags"))[
        "id"
    ]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    orders = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="orders")["id"]
    order = gateway.create_resource(restApiId=api_id, parentId=orders, pathPart="{id}")["id"]
    role = ""
    if QUEUE in (command, query):
        role = _make_role(stack, "api", roles.APIS, [roles.sending(stack.facts[QUEUE]["arn"])])
    for target in dict.fromkeys(one for one in (command, query) if one != QUEUE):
        place.lambda_.add_permission(
            FunctionName=stack.facts[target]["arn"],
            StatementId=f"api-{api_id}",
            Action="lambda:InvokeFunction",
            Principal=roles.APIS,
            SourceArn=f"arn:{place.partition}:execute-api:{place.region}:{place.account}:{api_id}/*",
        )
    queue_routes: list[dict[str, str]] = []
    for resource, method, target, message in (
        (orders, "POST", command, REQUEST_BODY),
        (order, "GET", query, _QUERY_MESSAGE),
    ):
        route = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        gateway.put_method(**route, authorizationType="NONE")
        if target == QUEUE:
            integration = queue_integration(
                stack.facts[QUEUE]["name"],
                message,
                role=role,
                account=place.account,
                region=place.region,
                partition=place.partition,
            )
            patiently(lambda: integrate(gateway, route, integration, QUEUE_RESPONSES), place.pace)  # noqa: B023 - now
            queue_routes.append({"resource": resource, "method": method, "uri": integration["uri"]})
        else:
            arn = stack.facts[target]["arn"]
            integrate(gateway, route, function_integration(arn, region=place.region, partition=place.partition))
    patiently(lambda: gateway.create_deployment(restApiId=api_id, stageName=STAGE), place.pace)
    return {
        "name": name,
        "id": api_id,
        "url": place.api_url(api_id, STAGE),
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
