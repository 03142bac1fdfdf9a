"""Deleting what was made on a target that goes on without its run: every resource whose name begins with a prefix.

Put here finding resources by name and tags, and deleting them, for each kind. Keep out whose prefix it is, and whether
a resource may be deleted (`resources.targets.leftovers`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from resources.aws.clients import Services
from workloads.errors import ArchduelError

Mine = Callable[[str], bool]  # whether a resource of this name is to be deleted

Tags = Mapping[str, str]


@dataclass(frozen=True)
class _Kind:
    """A kind of resource.

    Attributes:
        name: What people call it.
        find: The names and identities of all there are.
        delete: Deletes one, by its identity.
        tags: The tags of one, by its identity; None where archduel gives it none, so that its name alone counts.
    """

    name: str
    find: Callable[[Services], Iterable[tuple[str, str]]]
    delete: Callable[[Services, str], Any]
    tags: Callable[[Services, str], Tags] | None = None


def _mappings(clients: Services) -> Iterator[tuple[str, str]]:
    for one in _pages(clients.lambda_, "list_event_source_mappings", "EventSourceMappings"):
        if one.get("State") != "Deleting":  # AWS lists it for a while, and refuses to delete it again
            yield one["FunctionArn"].rpartition(":function:")[2], one["UUID"]


def _queues(clients: Services) -> Iterator[tuple[str, str]]:
    for url in _pages(clients.sqs, "list_queues", "QueueUrls"):
        yield url.rpartition("/")[2], url


def _delete_usage_plan(clients: Services, plan: str) -> None:
    """AWS deletes a plan only once no stage is in it."""
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
    """AWS deletes a role only once no policy is in it."""
    for policy in clients.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        clients.iam.delete_role_policy(RoleName=role, PolicyName=policy)
    clients.iam.delete_role(RoleName=role)


def _pairs(tags: Iterable[Mapping[str, str]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _arn(clients: Services, service: str, resource: str) -> str:
    return f"arn:{clients.partition}:{service}:{clients.region}:{clients.account}:{resource}"


# In the order they are deleted: what calls before what is called.
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
        "topic",
        lambda clients: (
            (one["TopicArn"].rpartition(":")[2], one["TopicArn"])
            for one in _pages(clients.sns, "list_topics", "Topics")
        ),
        lambda clients, topic: clients.sns.delete_topic(TopicArn=topic),
        lambda clients, topic: _pairs(clients.sns.list_tags_for_resource(ResourceArn=topic)["Tags"]),
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

_NO_SUCH_SERVICE = {404, 501}  # the target does not have the service
_GONE = {
    "NotFoundException",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "NoSuchEntity",
}


@dataclass(frozen=True)
class Resource:
    """A resource that was found. ``foreign`` where it lacks the tags it should have: others made it."""

    kind: _Kind
    name: str
    identity: str
    foreign: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name}"


def found(clients: Services, mine: Mine, tags: Tags | None = None) -> list[Resource]:
    """Every resource for whose name ``mine`` is true, in the order in which they can be deleted.

    Args:
        clients: Clients of the place.
        mine: Whether a resource of this name is searched for.
        tags: What a resource must be tagged with, or it counts as foreign.
    """
    return list(_found(clients, mine, tags or {}))


def sweep(clients: Services, mine: Mine, tags: Tags | None = None) -> int:
    """Delete every resource for whose name ``mine`` is true and which has ``tags``, and wait until none is left.

    It may be called again at any time.

    Returns:
        How many there were.

    Raises:
        ArchduelError: Some of them cannot be deleted; it names them.
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
        if refusals or pace.sweep_poll_s > 1:  # AWS lists what it is deleting for a while, and throttles callers
            time.sleep(pace.sweep_poll_s)  # something was in use; what used it goes meanwhile


def _found(clients: Services, mine: Mine, tags: Tags) -> Iterator[Resource]:
    for kind in _KINDS:
        try:
            for name, identity in kind.find(clients):
                if mine(name):
                    yield Resource(kind, name, identity, _is_foreign(clients, kind, identity, tags))
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


def _refusal(clients: Services, one: Resource) -> str | None:
    """Why it could not be deleted; None where it could, or is gone."""
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
    """Why the services behind ``clients`` do not answer as AWS's do; None where they do."""
    try:
        clients.sqs.list_queues()
    except (ClientError, BotoCoreError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    return None
