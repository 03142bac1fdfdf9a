"""A Lambda function that runs one entry point of the handlers, with its role and its log group.

Put here the function's configuration. Keep out its code (`resources.architectures.handlers`) and how that is packaged
(`resources.architectures.packaging`).
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from botocore.exceptions import ClientError

from resources.architectures.packaging import code_digest, package, package_with
from resources.architectures.parts.making import each_part, has_code, make_role, tags
from resources.architectures.parts.topic import TOPIC
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles
from resources.aws.patience import once, patiently
from resources.services.archive import zipped
from resources.services.model import Function

PUBLISHER = "publisher"  # its entry point, and the name of its node
RUNTIME = "python3.12"
_MEMORY_MB = 512

_DESCRIPTIONS = {
    "command": "Stores the order a POST carries and answers when it is stored.",
    "query": "Reads the order a GET names.",
    "result": "Reads the stored answer to a queued query, which a GET names by its ticket.",
    "publisher": "Publishes the order a POST carries, and answers when the topic has it.",
    "consumer": "Takes batches from the queue, stores what they ask for, reports the messages that failed.",
    "service": "Stores its part of an order that another function calls it with.",
    "invoked": "Stores what one request asks for; raises where it cannot, so that Lambda tries again.",
}


def function(entry: str, *, node: str = "", effect: str = "", handler: str = "", calls: str = "") -> Node:
    """The function for an entry point of the handlers.

    Args:
        entry: ``command``, ``query``, ``result``, ``consumer``, or ``publisher``, which publishes to the node `TOPIC`.
        node: The name of its node, where it is not that of the entry point.
        effect: The effect of a command that it brings about, where that is not the architecture's first.
        handler: The entry point in the code, where the node has another one's place.
        calls: The node of the function that it invokes and waits for.
    """

    def make(stack: Stack) -> Facts:
        if entry == "result":  # hands out what the lab stored
            return _made(stack, entry, None)
        return each_part(
            stack,
            node or entry,
            lambda part: _made(stack, entry, part, node=node or entry, effect=effect, handler=handler, calls=calls),
        )

    needs = ("table", TOPIC) if entry == PUBLISHER else ("table", calls) if calls else ("table",)
    return Node(
        needs,
        make,
        "lambda",
        _DESCRIPTIONS[handler or entry] + (f" Then it calls {calls}, and waits." if calls else ""),
        effects=(effect,) if effect else (),
        calls=calls,
    )


def work_parts(nodes: Mapping[str, Node], name: str) -> int:
    """Into how many equal parts a command's work is divided, of which the function ``name`` does one: as many as there
    are functions that call each other, where it is among these.
    """
    calling = {caller for caller, node in nodes.items() if node.calls}
    return 1 + len(calling) if name in calling | {nodes[caller].calls for caller in calling} else 1


class _Code(NamedTuple):
    archive: bytes
    module: str
    timeout_s: int
    prefix: str = ""  # of the lab's modules
    runtime: str = RUNTIME
    memory_mb: int = _MEMORY_MB
    variables: dict[str, str] = {}  # noqa: RUF012 - a tuple's default, which nobody changes
    tables: list[str] = []  # noqa: RUF012 - likewise; the ARNs of those of the service that it uses
    alone: bool = False  # whether it is the user's handler and nothing of the lab's


def _code(stack: Stack, entry: str, part: Function | None) -> _Code:
    """What a function runs: the user's own service where there is one, but for handing out stored answers."""
    settings, delivery = stack.settings, entry == "consumer" and stack.settings.delivery_faults
    if stack.service is None or part is None:
        return _Code(package(), "delivery" if delivery else "orders", settings.function_timeout_s)
    service = stack.service.service
    names, arns = stack.facts["table"]["of_service"], stack.facts["table"]["arns_of_service"]
    # Whose name is written out in code is in no environment.
    reached = {table for _, table in part.named_tables} | {one.name for one in service.tables if one.fixed_name}
    tables = [arns[one.name] for one in service.tables if one.name in reached]
    own = settings.function_timeout_s == service.longest_timeout_s  # and not a scenario's
    if settings.adopted and entry != "consumer" and part.payload == "1.0":  # its API makes the events that it takes
        return _Code(
            zipped(stack.service.code[part.name]),
            part.handler,
            part.timeout_s,
            "",
            part.runtime,
            part.memory_mb,
            part.variables(names),
            tables,
            alone=True,
        )
    return _Code(
        package_with(stack.service.code[part.name], node=part.node),
        "delivery" if delivery and not part.node else "adapter",
        part.timeout_s if own else settings.function_timeout_s,
        "archduel_",
        part.runtime,
        part.memory_mb,
        {
            **part.variables(names),
            "HANDLERS": "archduel_adapter",
            "ARCHDUEL_HANDLER": part.handler,
            "ARCHDUEL_PAYLOAD": part.payload,
            "ARCHDUEL_ROUTES": json.dumps(part.routes),
            **({"ARCHDUEL_ADOPTED": "1"} if settings.adopted else {}),
        },
        tables,
    )


def _made(
    stack: Stack,
    entry: str,
    part: Function | None,
    *,
    node: str = "",
    effect: str = "",
    handler: str = "",
    calls: str = "",
) -> Facts:
    part_name = stack.part_name(node or entry, part).replace("_", "-")
    name, settings = stack.resource_name(part_name), stack.settings
    own = _code(stack, entry, part)
    table = stack.facts["table"]
    permissions = roles.running(
        handler or entry, "" if own.alone else table["arn"], _make_log_group(stack, name), own.tables
    )
    variables = {"EFFECT": effect} if effect else {}
    if entry == PUBLISHER:
        variables["TOPIC_ARN"] = stack.facts[TOPIC]["arn"]
        permissions.append(roles.publishing(variables["TOPIC_ARN"]))
    if calls:
        permissions.append(roles.calling(stack.facts[calls]["arn"]))
        variables["CALLS"] = stack.facts[calls]["name"]
    if (links := work_parts(stack.nodes, node or entry)) > 1:
        variables["WORK_PARTS"] = str(links)
    configuration = {
        "Runtime": own.runtime,
        "Role": make_role(stack, part_name, roles.FUNCTIONS, permissions),
        "Handler": own.module if own.alone else f"{own.prefix}{own.module}.{handler or entry}",
        "Timeout": own.timeout_s,
        "MemorySize": own.memory_mb,
        "Environment": {
            "Variables": own.variables if own.alone else {**_of_the_lab(stack), **variables, **own.variables}
        },
    }
    lambda_ = stack.clients.lambda_
    try:
        patiently(
            lambda: lambda_.create_function(
                FunctionName=name, Code={"ZipFile": own.archive}, **configuration, **tags(stack)
            ),
            stack.clients.pace,
        )
    except ClientError as error:
        if not has_code(error, "ResourceConflictException"):
            raise
        if _wait_until_active(stack, name)["CodeSha256"] != code_digest(own.archive):
            lambda_.update_function_code(FunctionName=name, ZipFile=own.archive)
            _wait_until_active(stack, name)  # one update at a time
        lambda_.update_function_configuration(FunctionName=name, **configuration)
    facts: Facts = {
        "name": name,
        "arn": _wait_until_active(stack, name)["FunctionArn"],
        "runtime": own.runtime,
        "memory_mb": own.memory_mb,
        "timeout_s": own.timeout_s,
        "variant": settings.variant,
    }
    if settings.reserved_concurrency is not None:
        lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=settings.reserved_concurrency)
        facts["reserved_concurrency"] = settings.reserved_concurrency
    return facts


def _of_the_lab(stack: Stack) -> dict[str, str]:
    """The variables that the lab's handlers read."""
    settings = stack.settings
    return {
        "TABLE_NAME": stack.facts["table"]["name"],
        "VARIANT": settings.variant,
        "WORK_US": str(settings.work_us),
        "CPU_SHARE": str(settings.work_cpu_share),
        "TABLE_TIMEOUT_MS": str(settings.table_timeout_ms),
        **({"AWS_ENDPOINT_URL_DYNAMODB": stack.table_endpoint_url} if stack.table_endpoint_url else {}),
        **({} if stack.clients.shares_clock else {"CLOCK": "wall"}),
    }


def _make_log_group(stack: Stack, function: str) -> str:
    """The ARN of the function's log group. It is made here so that it has tags, and so that the function's role needs
    no right to make it.
    """
    name, clients = f"/aws/lambda/{function}", stack.clients
    try:
        clients.logs.create_log_group(logGroupName=name, **tags(stack, "tags"))
    except ClientError as error:
        if not has_code(error, "ResourceAlreadyExistsException"):
            raise
    return f"arn:{clients.partition}:logs:{clients.region}:{clients.account}:log-group:{name}"


def _wait_until_active(stack: Stack, name: str) -> Facts:
    def look() -> Facts:
        configuration: Facts = stack.clients.lambda_.get_function_configuration(FunctionName=name)
        return configuration

    def ready(configuration: Facts) -> bool:
        return configuration["State"] == "Active" and configuration.get("LastUpdateStatus") != "InProgress"

    return once(look, ready, f"function {name} did not become active", stack.clients.pace)
