"""The REST API: its routes, each integrated with a function or with the queue.

Put here the API and its routes. Keep out what an integration consists of (`resources.aws.integrations`).
"""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

from resources.architectures.parts.asynchronous_invocation import ASYNCHRONOUS_INVOCATION
from resources.architectures.parts.event_source_mapping import CONSUMER, EVENT_SOURCE_MAPPING
from resources.architectures.parts.making import make_role, of_part, tags
from resources.architectures.parts.queue import QUEUE
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles
from resources.aws.integrations import (
    ASYNCHRONOUS_RESPONSES,
    QUEUE_RESPONSES,
    REQUEST_BODY,
    STAGE,
    QueueIdentity,
    asynchronous_integration,
    function_integration,
    integrate,
    queue_integration,
)
from resources.aws.patience import patiently
from resources.services.model import Function
from workloads.recordings.recording import operation_of
from workloads.replay.schedule import LAB_FIELD, RECORDED_RESULTS, SENT_METHODS, sent_as

# The recorded request id and order id travel in the body, since headers and $context do not survive every emulator.
# Percent-encoded by hand: a literal inside $util.urlEncode is not interpolated everywhere.
_QUERY_MESSAGE = (
    "%7B%22operation%22%3A%22query%22%2C%22request_id%22%3A%22$util.urlEncode($input.params('request_id'))"
    "%22%2C%22work_us%22%3A%22$util.urlEncode($input.params('work_us'))"
    "%22%2C%22order_id%22%3A%22$util.urlEncode($input.params('id'))%22%7D"
)

# Of a request with a recorded route the first line says what the lab has to know, and the rest is its body.
_RECORDED_COMMAND = f"$input.params('{LAB_FIELD}')%0A{REQUEST_BODY}"
_RECORDED_QUERY = f"$input.params('{LAB_FIELD}')%0A"

# Of a FIFO queue a message's group is its order, and its deduplication id the request's.
_COMMAND_IDENTITY = QueueIdentity(
    "$util.urlEncode($input.path('$.order_id'))", "$util.urlEncode($input.path('$.request_id'))"
)
_QUERY_IDENTITY = QueueIdentity("$util.urlEncode($input.params('id'))", "$util.urlEncode($input.params('request_id'))")

RESULT = "result"  # the node's name


class _Route(NamedTuple):
    resource: str
    method: str
    path: str
    target: str  # the node
    message: str  # the template of the message, where that is the queue
    identity: QueueIdentity = QueueIdentity()  # likewise, of a FIFO queue
    part: Function | None = None  # of the user's own service


def api(*, command: str, query: str, fifo: bool = False) -> Node:
    """The API that passes commands (``POST /orders``) and queries (``GET /orders/{id}``) on, each to the node of that
    name: a function, or the queue (`QUEUE`). The function that takes from a queue elsewhere (`CONSUMER`) is invoked
    asynchronously: Lambda queues the body of the request itself.

    Where queries are queued their answers are fetched by ticket, the query's request id: ``GET /results/{ticket}`` goes
    to the function `RESULT`.

    Where the queue is a ``fifo`` one, messages about one order are a group, and a request sent again is the same
    message. Then routes are the lab's own: of others no template can say which order they are about.

    Where routes are the recorded ones it takes every path instead, and the method tells commands and queries apart. Of
    a service with several functions each gets its routes, and the first gets the rest.
    """
    needs = [target for target in (command, query) if target != QUEUE]
    if QUEUE in (command, query):
        needs += [QUEUE, EVENT_SOURCE_MAPPING]
    if CONSUMER in (command, query):
        needs.append(ASYNCHRONOUS_INVOCATION)
    fetching = query == QUEUE
    return Node(
        tuple(dict.fromkeys([*needs, *([RESULT] if fetching else [])])),
        lambda stack: _make(stack, command, query, fifo=fifo),
        "apigateway",
        f"POST /orders -> {command}, GET /orders/{{id}} -> {query}"
        + (f", GET /results/{{ticket}} -> {RESULT}." if fetching else "."),
        {"command": command, "query": query},
    )


def _resource(stack: Stack, api_id: str, parent: str, part: str) -> str:
    made = stack.clients.apigateway.create_resource(restApiId=api_id, parentId=parent, pathPart=part)
    return str(made["id"])


def _result_route(stack: Stack, api_id: str, root: str, part: str) -> _Route:
    results = _resource(stack, api_id, root, part)
    ticket = _resource(stack, api_id, results, "{ticket}")
    return _Route(ticket, "GET", f"/{part}/{{ticket}}", RESULT, "")


def _own_routes(stack: Stack, api_id: str, root: str, command: str, query: str) -> list[_Route]:
    orders = _resource(stack, api_id, root, "orders")
    routes = [
        _Route(orders, "POST", "/orders", command, REQUEST_BODY, _COMMAND_IDENTITY),
        _Route(_resource(stack, api_id, orders, "{id}"), "GET", "/orders/{id}", query, _QUERY_MESSAGE, _QUERY_IDENTITY),
    ]
    return routes + ([_result_route(stack, api_id, root, "results")] if query == QUEUE else [])


def _recorded_routes(stack: Stack, api_id: str, root: str, command: str, query: str) -> list[_Route]:
    places = {"/": root}
    served: dict[tuple[str, str], Function | None] = {}
    rest = (
        (method, path, stack.parts(query if operation_of(method) == "query" else command)[0])
        for path in ("/", "/{proxy+}")
        for method in SENT_METHODS
    )
    declared = list(_declared_routes(stack))
    adopted = stack.settings.adopted
    # Of a service that is adopted there is no rest where its routes are declared: its own API has none either.
    for method, path, part in (*declared, *(() if adopted and declared else rest)):
        served.setdefault((method, path), part)
    routes = []
    for (method, path), part in served.items():
        place = _place(stack, api_id, places, path)
        if operation_of(method) == "query":
            message = _adopted_message(method, path) if adopted else _RECORDED_QUERY
            routes.append(_Route(place, method, path, query, message, part=part))
        else:
            message = f"{_adopted_message(method, path)}{REQUEST_BODY}" if adopted else _RECORDED_COMMAND
            routes.append(_Route(place, method, path, command, message, part=part))
    return routes + ([_result_route(stack, api_id, root, RECORDED_RESULTS)] if query == QUEUE else [])


def _adopted_message(method: str, path: str) -> str:
    """The first line of the message that a request of a service's user becomes, which names its method and path."""
    filled = re.sub(
        r"\{([^{}]+?)\+?\}", lambda found: f"$util.urlEncode($input.params('{found[1]}'))", path.replace('"', "")
    )
    known = f'{{"operation":"{operation_of(method)}","method":"{method}","path":"{{}}"}}'
    before, after = (quote(part, safe="") for part in known.split("{}"))
    return f"{before}{filled}{after}%0A"


def _declared_routes(stack: Stack) -> Iterator[tuple[str, str, Function]]:
    """The methods and paths of a service's functions, where it has several; of one that is adopted in any case."""
    parts = stack.service.service.parts if stack.service else []
    for part in parts if len(parts) > 1 or stack.settings.adopted else []:
        for route in part.routes:
            method, _, path = route.partition(" ")
            for one in SENT_METHODS if method == "ANY" else {sent_as(method)} & {*SENT_METHODS}:
                yield one, f"/{path.strip('/')}" if stack.settings.adopted else _anonymous(path), part


def _anonymous(path: str) -> str:
    """A route's path with parameters by their number, as an API may not have two names for one place."""
    names = itertools.count(1)
    named = re.sub(
        r"\{[^{}]*?(\+?)\}", lambda found: "{proxy+}" if found[1] else f"{{part{next(names)}}}", path.strip("/")
    )
    return f"/{named}"


def _place(stack: Stack, api_id: str, places: dict[str, str], path: str) -> str:
    """The resource of a path, made with those above it where they are not there yet; ``places`` has those that are."""
    if path not in places:
        above, _, part = path.rpartition("/")
        places[path] = _resource(stack, api_id, _place(stack, api_id, places, above or "/"), part)
    return places[path]


def _make(stack: Stack, command: str, query: str, *, fifo: bool) -> Facts:
    clients, gateway = stack.clients, stack.clients.apigateway
    name = stack.resource_name("api")
    for old in gateway.get_rest_apis(limit=500)["items"]:
        if old["name"] == name:
            gateway.delete_rest_api(restApiId=old["id"])
    regional = {"types": ["REGIONAL"]}
    api_id = gateway.create_rest_api(name=name, endpointConfiguration=regional, **tags(stack, "tags"))["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    routes = (_recorded_routes if stack.settings.recorded_routes else _own_routes)(stack, api_id, root, command, query)
    role = ""
    if QUEUE in (command, query):
        queues = [stack.facts[QUEUE], *stack.facts[QUEUE].get("others", {}).values()]
        role = make_role(stack, "api", roles.APIS, [roles.sending(one["arn"]) for one in queues])
    functions = {route.target: stack.facts[route.target] for route in routes if route.target != QUEUE}
    for function in (one for facts in functions.values() for one in [facts, *facts.get("others", {}).values()]):
        clients.lambda_.add_permission(
            FunctionName=function["arn"],
            StatementId=f"api-{api_id}",
            Action="lambda:InvokeFunction",
            Principal=roles.APIS,
            SourceArn=f"arn:{clients.partition}:execute-api:{clients.region}:{clients.account}:{api_id}/*",
        )
    queue_routes: list[dict[str, str]] = []
    for resource, method, _, target, message, identity, part in routes:
        route = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        gateway.put_method(**route, authorizationType="NONE")
        if target == QUEUE:
            integration = queue_integration(
                of_part(stack.facts[QUEUE], part)["name"],
                message,
                identity if fifo else None,
                role=role,
                account=clients.account,
                region=clients.region,
                partition=clients.partition,
            )
            patiently(lambda: integrate(gateway, route, integration, QUEUE_RESPONSES), clients.pace)  # noqa: B023 - now
            queue_routes.append({"resource": resource, "method": method, "uri": integration["uri"]})
        else:
            arn = of_part(stack.facts[target], part)["arn"]
            place = {"region": clients.region, "partition": clients.partition}
            if target == CONSUMER:
                integrate(gateway, route, asynchronous_integration(arn, **place), ASYNCHRONOUS_RESPONSES)
            else:
                integrate(gateway, route, function_integration(arn, **place))
    patiently(lambda: gateway.create_deployment(restApiId=api_id, stageName=STAGE), clients.pace)
    return {
        "name": name,
        "id": api_id,
        "url": clients.shown(clients.api_url(api_id, STAGE)),
        "stage": STAGE,
        "queue_routes": queue_routes,
        **{f"{route.method} {route.path}": route.target for route in routes},
    }
