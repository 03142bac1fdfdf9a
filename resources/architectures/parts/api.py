"""The REST API: its routes, each integrated with a function or with the queue.

Put here the API and its routes. Keep out what an integration consists of (`resources.aws.integrations`).
"""

from resources.architectures.parts.event_source_mapping import EVENT_SOURCE_MAPPING
from resources.architectures.parts.making import make_role, tags
from resources.architectures.parts.queue import QUEUE
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
from resources.aws.patience import patiently

# The recorded request id and order id travel in the body, since headers and $context do not survive every emulator.
# Percent-encoded by hand: a literal inside $util.urlEncode is not interpolated everywhere.
_QUERY_MESSAGE = (
    "%7B%22operation%22%3A%22query%22%2C%22request_id%22%3A%22$util.urlEncode($input.params('request_id'))"
    "%22%2C%22work_us%22%3A%22$util.urlEncode($input.params('work_us'))"
    "%22%2C%22order_id%22%3A%22$util.urlEncode($input.params('id'))%22%7D"
)

RESULT = "result"  # the node's name


def api(*, command: str, query: str) -> Node:
    """The API that passes commands (``POST /orders``) and queries (``GET /orders/{id}``) on, each to the node of that
    name: a function, or the queue (`QUEUE`).

    Where queries are queued their answers are fetched by ticket, the query's request id: ``GET /results/{ticket}`` goes
    to the function `RESULT`.
    """
    needs = [target for target in (command, query) if target != QUEUE]
    if QUEUE in (command, query):
        needs += [QUEUE, EVENT_SOURCE_MAPPING]
    fetching = query == QUEUE
    return Node(
        tuple(dict.fromkeys([*needs, *([RESULT] if fetching else [])])),
        lambda stack: _make(stack, command, query),
        "apigateway",
        f"POST /orders -> {command}, GET /orders/{{id}} -> {query}"
        + (f", GET /results/{{ticket}} -> {RESULT}." if fetching else "."),
        {"command": command, "query": query},
    )


def _make(stack: Stack, command: str, query: str) -> Facts:
    clients, gateway = stack.clients, stack.clients.apigateway
    name = stack.resource_name("api")
    for old in gateway.get_rest_apis(limit=500)["items"]:
        if old["name"] == name:
            gateway.delete_rest_api(restApiId=old["id"])
    regional = {"types": ["REGIONAL"]}
    api_id = gateway.create_rest_api(name=name, endpointConfiguration=regional, **tags(stack, "tags"))["id"]
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    orders = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="orders")["id"]
    order = gateway.create_resource(restApiId=api_id, parentId=orders, pathPart="{id}")["id"]
    routes = [
        (orders, "POST", "/orders", command, REQUEST_BODY),
        (order, "GET", "/orders/{id}", query, _QUERY_MESSAGE),
    ]
    if query == QUEUE:
        results = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="results")["id"]
        result = gateway.create_resource(restApiId=api_id, parentId=results, pathPart="{ticket}")["id"]
        routes.append((result, "GET", "/results/{ticket}", RESULT, ""))
    role = ""
    if QUEUE in (command, query):
        role = make_role(stack, "api", roles.APIS, [roles.sending(stack.facts[QUEUE]["arn"])])
    for target in dict.fromkeys(target for *_, target, _ in routes if target != QUEUE):
        clients.lambda_.add_permission(
            FunctionName=stack.facts[target]["arn"],
            StatementId=f"api-{api_id}",
            Action="lambda:InvokeFunction",
            Principal=roles.APIS,
            SourceArn=f"arn:{clients.partition}:execute-api:{clients.region}:{clients.account}:{api_id}/*",
        )
    queue_routes: list[dict[str, str]] = []
    for resource, method, _, target, message in routes:
        route = {"restApiId": api_id, "resourceId": resource, "httpMethod": method}
        gateway.put_method(**route, authorizationType="NONE")
        if target == QUEUE:
            integration = queue_integration(
                stack.facts[QUEUE]["name"],
                message,
                role=role,
                account=clients.account,
                region=clients.region,
                partition=clients.partition,
            )
            patiently(lambda: integrate(gateway, route, integration, QUEUE_RESPONSES), clients.pace)  # noqa: B023 - now
            queue_routes.append({"resource": resource, "method": method, "uri": integration["uri"]})
        else:
            arn = stack.facts[target]["arn"]
            integrate(gateway, route, function_integration(arn, region=clients.region, partition=clients.partition))
    patiently(lambda: gateway.create_deployment(restApiId=api_id, stageName=STAGE), clients.pace)
    return {
        "name": name,
        "id": api_id,
        "url": clients.shown(clients.api_url(api_id, STAGE)),
        "stage": STAGE,
        "queue_routes": queue_routes,
        **{f"{method} {path}": target for _, method, path, target, _ in routes},
    }
