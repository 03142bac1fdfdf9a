"""Taking away what was made on a target that goes on without us: everything whose name begins with a prefix.

Belongs here: finding by name and by tags, and deleting, each kind of resource once. Whose prefix it is, and whether it
may go, is said by whoever asks.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from resources.aws.clients import Services
from workloads.errors import ArchduelError

Mine = Callable[[str], bool]  # whether a resource of this name is to go

Tags = Mapping[str, str]


@dataclass(frozen=True)
class _Kind:
    """A kind of resource: what there is of it, as names and identities, how one goes, and which tags one has: None
    where none are given, so that its name alone counts."""

    name: str
    find: Callable[[Services], Iterable[tuple[str, str]]]
    delete: Callable[[Services, str], Any]
    tags: Callable[[Services, str], Tags] | None = None


def _mappings(clients: Services) -> Iterator[tuple[str, str]]:
    for one in _pages(clients.lambda_, "list_event_source_mappings", "EventSourceMappings"):
        if one.get("State") != "Deleting":  # AWS keeps it for a while, and will not be asked again
            yield one["FunctionArn"].rpartition(":function:")[2], one["UUID"]


def _queues(clients: Services) -> Iterator[tuple[str, str]]:
    for url in _pages(clients.sqs, "list_queues", "QueueUrls"):
        yield url.rpartition("/")[2], url


def _delete_usage_plan(clients: Services, plan: str) -> None:
    """AWS lets a plan go only when no stage is in it."""
    gateway = clients.apigateway
    stages = gateway.get_usage_plan(usagePlanId=plan).get("apiStages", [])
    operations = [
        {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"} for stage in stages
    ]
    if operations:
        gateway.update_usage_plan(usagePlanId=plan, patchOperations=operations)
    gateway.delete_usage_plan(usagePlanId=plan)


def _roles(clients: Services) -> Iterator[tuple[str, str]]:
    for one in _pages(clients.iam, "list_roles", "Roles"):
        yield one["RoleName"], one["RoleName"]


def _delete_role(clients: Services, role: str) -> None:
    """AWS lets a role go only when no policy is in it."""
    for policy in clients.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        clients.iam.delete_role_policy(RoleName=role, PolicyName=policy)
    clients.iam.delete_role(RoleName=role)


def _pairs(tags: Iterable[Mapping[str, str]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _arn(clients: Services, service: str, resource: str) -> str:
    return f"arn:{clients.partition}:{service}:{clients.region}:{clients.account}:{resource}"


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
        lambda clients, api: clients.apigateway.get_rest_api(restApiId=api).get("tags", {}),
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
        lambda clients, name: clients.lambda_.list_tags(Resource=_arn(clients, "lambda", f"function:{name}"))["Tags"],
    ),
    _Kind(
        "role",
        _roles,
        _delete_role,
        lambda clients, role: _pairs(clients.iam.list_role_tags(RoleName=role)["Tags"]),
    ),
    _Kind(
        "queue",
        _queues,
        lambda clients, url: clients.sqs.delete_queue(QueueUrl=url),
        lambda clients, url: clients.sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
    ),
    _Kind(
        "table",
        lambda clients: ((name, name) for name in _pages(clients.dynamodb, "list_tables", "TableNames")),
        lambda clients, table: clients.dynamodb.delete_table(TableName=table),
        lambda clients, table: _pairs(
            clients.dynamodb.list_tags_of_resource(ResourceArn=_arn(clients, "dynamodb", f"table/{table}"))["Tags"]
        ),
    ),
    _Kind(
        "log group",
        lambda clients: (
            (one["logGroupName"].removeprefix("/aws/lambda/"), one["logGroupName"])
            for one in _pages(clients.logs, "describe_log_groups", "logGroups")
        ),
        lambda clients, group: clients.logs.delete_log_group(logGroupName=group),
        lambda clients, group: clients.logs.list_tags_for_resource(
            resourceArn=_arn(clients, "logs", f"log-group:{group}")
        ).get("tags", {}),
    ),
)

_NO_SUCH_SERVICE = {404, 501}  # and so none of it
_GONE = {
    "NotFoundException",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "NoSuchEntity",
}


@dataclass(frozen=True)
class Left:
    """A resource that was found. ``foreign`` where the tags it should have are not on it: somebody else made it."""

    kind: _Kind
    name: str
    identity: str
    foreign: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name}"


def found(clients: Services, mine: Mine, tags: Tags | None = None) -> list[Left]:
    """Every resource whose name is ``mine``, in the order they can go."""
    return list(_found(clients, mine, tags or {}))


def sweep(clients: Services, mine: Mine, tags: Tags | None = None) -> int:
    """Delete every resource whose name is ``mine`` and which has ``tags``; how many there were.

    Returns once none of them is found any more; `ArchduelError` names what will not go. May be asked again at any time.
    """
    pace = clients.pace
    deadline = time.monotonic() + pace.sweep_s
    seen: set[tuple[str, str]] = set()
    why = ""
    while True:
        left = [one for one in _found(clients, mine, tags or {}) if not one.foreign]
        seen |= {(one.kind.name, one.identity) for one in left}
        if not left:
            return len(seen)
        if time.monotonic() > deadline:
            names = ", ".join(map(str, left))
            raise ArchduelError(f"{clients.where} keeps what was made on it: {names}{why and f' ({why})'}")
        refusals = [words for one in left if (words := _refusal(clients, one)) is not None]
        why = next(iter(refusals), "")
        if refusals or pace.sweep_poll_s > 1:  # AWS names what it is deleting for a while, and is not to be pressed
            time.sleep(pace.sweep_poll_s)  # something was in use; what used it goes meanwhile


def _found(clients: Services, mine: Mine, tags: Tags) -> Iterator[Left]:
    for kind in _KINDS:
        try:
            for name, identity in kind.find(clients):
                if mine(name):
                    yield Left(kind, name, identity, _is_foreign(clients, kind, identity, tags))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in _NO_SUCH_SERVICE:
                raise


def _is_foreign(clients: Services, kind: _Kind, identity: str, tags: Tags) -> bool:
    if not tags or kind.tags is None:
        return False
    try:
        has = kind.tags(clients, identity)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return False  # it is going
        raise
    return any(has.get(key) != value for key, value in tags.items())


def _refusal(clients: Services, one: Left) -> str | None:
    """Why it did not go; None when it did, or will by itself."""
    try:
        one.kind.delete(clients, one.identity)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            return str(error)
    return None


def _pages(client: Any, operation: str, key: str) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate():
        yield from page.get(key, [])


def reachable(clients: Services) -> str | None:
    """Why the services behind ``clients`` are none of AWS's; None where they are."""
    try:
        clients.sqs.list_queues()
    except (ClientError, BotoCoreError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    return None
