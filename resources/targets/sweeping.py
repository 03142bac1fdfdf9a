"""Taking away what was made on a target that goes on without us: everything whose name begins with a prefix.

Belongs here: finding by name and deleting, each kind of resource once. Whose prefix it is, and whether it may go, is
said by whoever asks.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from resources.clients import Clients
from workloads.errors import ArchduelError

Mine = Callable[[str], bool]  # whether a resource of this name is to go

_PATIENCE_S = 10.0


@dataclass(frozen=True)
class _Kind:
    """A kind of resource: what there is of it, as names and identities, and how one goes."""

    name: str
    find: Callable[[Clients], Iterable[tuple[str, str]]]
    delete: Callable[[Clients, str], Any]


def _mappings(clients: Clients) -> Iterator[tuple[str, str]]:
    for one in _pages(clients.lambda_, "list_event_source_mappings", "EventSourceMappings"):
        if one.get("State") != "Deleting":  # AWS keeps it for a while, and will not be asked again
            yield one["FunctionArn"].rpartition(":function:")[2], one["UUID"]


def _queues(clients: Clients) -> Iterator[tuple[str, str]]:
    for url in _pages(clients.sqs, "list_queues", "QueueUrls"):
        yield url.rpartition("/")[2], url


def _delete_usage_plan(clients: Clients, plan: str) -> None:
    """AWS lets a plan go only when no stage is in it."""
    gateway = clients.apigateway
    stages = gateway.get_usage_plan(usagePlanId=plan).get("apiStages", [])
    operations = [
        {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"} for stage in stages
    ]
    if operations:
        gateway.update_usage_plan(usagePlanId=plan, patchOperations=operations)
    gateway.delete_usage_plan(usagePlanId=plan)


# In the order they go: what calls before what is called.
_KINDS = (
    _Kind(
        "event source mapping", _mappings, lambda clients, uuid: clients.lambda_.delete_event_source_mapping(UUID=uuid)
    ),
    _Kind(
        "usage plan",
        lambda clients: ((one["name"], one["id"]) for one in _pages(clients.apigateway, "get_usage_plans", "items")),
        _delete_usage_plan,
    ),
    _Kind(
        "API key",
        lambda clients: ((one["name"], one["id"]) for one in _pages(clients.apigateway, "get_api_keys", "items")),
        lambda clients, key: clients.apigateway.delete_api_key(apiKey=key),
    ),
    _Kind(
        "REST API",
        lambda clients: ((one["name"], one["id"]) for one in _pages(clients.apigateway, "get_rest_apis", "items")),
        lambda clients, api: clients.apigateway.delete_rest_api(restApiId=api),
    ),
    _Kind(
        "HTTP API",
        lambda clients: ((one["Name"], one["ApiId"]) for one in _pages(clients.apigatewayv2, "get_apis", "Items")),
        lambda clients, api: clients.apigatewayv2.delete_api(ApiId=api),
    ),
    _Kind(
        "function",
        lambda clients: ((one["FunctionName"],) * 2 for one in _pages(clients.lambda_, "list_functions", "Functions")),
        lambda clients, function: clients.lambda_.delete_function(FunctionName=function),
    ),
    _Kind("queue", _queues, lambda clients, url: clients.sqs.delete_queue(QueueUrl=url)),
    _Kind(
        "table",
        lambda clients: ((name, name) for name in _pages(clients.dynamodb, "list_tables", "TableNames")),
        lambda clients, table: clients.dynamodb.delete_table(TableName=table),
    ),
    _Kind(
        "log group",
        lambda clients: (
            (one["logGroupName"].removeprefix("/aws/lambda/"), one["logGroupName"])
            for one in _pages(clients.logs, "describe_log_groups", "logGroups")
        ),
        lambda clients, group: clients.logs.delete_log_group(logGroupName=group),
    ),
)

_NO_SUCH_SERVICE = {404, 501}  # and so none of it
_GONE = {"NotFoundException", "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"}


def sweep(clients: Clients, mine: Mine) -> int:
    """Delete every resource whose name is ``mine``; how many there were.

    Returns once none of them is found any more; `ArchduelError` names what will not go. May be asked again at any time.
    """
    deadline = time.monotonic() + _PATIENCE_S
    seen: set[tuple[str, str]] = set()
    while True:
        left = list(_found(clients, mine))
        seen |= {(kind.name, identity) for kind, _, identity in left}
        if not left:
            return len(seen)
        if time.monotonic() > deadline:
            names = ", ".join(f"{kind.name} {name}" for kind, name, _ in left)
            raise ArchduelError(f"{clients.endpoint_url} keeps what was made on it: {names}")
        refused = [_delete(clients, kind, identity) for kind, _, identity in left]
        if not all(refused):
            time.sleep(0.2)  # something was in use; what used it goes meanwhile


def _found(clients: Clients, mine: Mine) -> Iterator[tuple[_Kind, str, str]]:
    for kind in _KINDS:
        try:
            yield from ((kind, name, identity) for name, identity in kind.find(clients) if mine(name))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in _NO_SUCH_SERVICE:
                raise


def _delete(clients: Clients, kind: _Kind, identity: str) -> bool:
    """Whether it went."""
    try:
        kind.delete(clients, identity)
    except ClientError as error:
        return error.response["Error"]["Code"] in _GONE
    return True


def _pages(client: Any, operation: str, key: str) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate():
        yield from page.get(key, [])


def reachable(clients: Clients) -> str | None:
    """Why the services behind ``clients`` are none of AWS's; None where they are."""
    try:
        clients.sqs.list_queues()
    except (ClientError, BotoCoreError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    return None
