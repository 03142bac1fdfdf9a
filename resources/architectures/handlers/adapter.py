"""The user's own handler, unmodified, behind the lab's entry points, and behind a queue.

Put here what rebuilds a proxy event, calls the handler and says what came of it. Keep out the lab's own backend
(`resources.architectures.handlers.orders`), which warms up and hands out stored answers here as well.

It is deployed beside the user's code under names that begin with ``archduel_``. The environment's ``ARCHDUEL_HANDLER``
is the handler, ``ARCHDUEL_PAYLOAD`` the version of the event it takes, ``ARCHDUEL_ROUTES`` its API's routes as JSON.
With ``ARCHDUEL_ADOPTED`` requests are those of its users, which say nothing to the lab.

Done means that the handler answered below 500, or as the mapping says of the request. Every execution of a command that
was done is counted, so that one executed twice is a duplicate. What the handler prints goes to the log through standard
error.
"""

import contextlib
import importlib
import io
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlencode

import archduel_orders as lab  # type: ignore[import-not-found]  # `orders`, by its name in the zip

Event = dict[str, Any]
Response = dict[str, Any]
Records = list[dict[str, Any]]

_MAX_PRINTED = 20_000  # characters of an invocation; a log is no place for more
_WARM_UP = "warm-"
_TOKEN = re.compile(r"\{([^{}]+?)(\+?)\}")

parse = lab.parse


def _loaded(handler: str) -> Callable[[Event, Any], Any]:
    module, _, function = handler.rpartition(".")
    loaded: Callable[[Event, Any], Any] = getattr(importlib.import_module(module.replace("/", ".")), function)
    return loaded


def _route(text: str) -> tuple[str, re.Pattern[str], str, list[str]]:
    """A route's method, the expression its paths match, its path as written, and the names of its parameters."""
    method, _, path = text.partition(" ")
    expression, end, names = "", 0, []
    for found in _TOKEN.finditer(path):
        expression += re.escape(path[end : found.start()]) + ("(.+)" if found[2] else "([^/]+)")
        end = found.end()
        names.append(found[1])
    return method, re.compile(expression + re.escape(path[end:]) + "/?"), path, names


_ADOPTED = "ARCHDUEL_ADOPTED" in os.environ
_VERSION = os.environ.get("ARCHDUEL_PAYLOAD", "1.0")
_ROUTES = [_route(one) for one in json.loads(os.environ.get("ARCHDUEL_ROUTES", "[]"))]
try:
    _handler = _loaded(os.environ["ARCHDUEL_HANDLER"])
except (Exception, SystemExit):
    _fault = traceback.format_exc()

    def _handler(_event: Event, _context: Any) -> Any:
        """Fail every time, as Lambda's invocations do where a handler cannot be imported."""
        sys.stderr.write(_fault)
        raise ImportError(f"{os.environ['ARCHDUEL_HANDLER']} cannot be imported")


def _placed(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The resource of a request, and its path's parameters. Of routes that fit the most special one counts."""
    fitting = (
        (place, dict(zip(names, found.groups(), strict=True)))
        for known, expression, place, names in _ROUTES
        if known in (method, "ANY") and (found := expression.fullmatch(path))
    )
    best = min(fitting, key=lambda one: ("+}" in one[0], len(one[1])), default=None)
    if best is None:
        return "/{proxy+}", {"proxy": path.lstrip("/")}
    return best[0], {name: unquote(value) for name, value in best[1].items()}


def _with(headers: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Headers with those given, whose names may be written in other letters."""
    names = {name.lower() for name in given}
    return {**{name: value for name, value in headers.items() if name.lower() not in names}, **given}


def _event(known: dict[str, Any], body: str | None, around: Event, request_id: str) -> Event:
    """The proxy event of a request: as API Gateway would have made it, without what the lab has to know of it.

    Args:
        known: What the lab has to know of it.
        body: Its body.
        around: The event that API Gateway made; empty behind a queue.
        request_id: Of the invocation.
    """
    method, path = known["method"], known["path"]
    resource, parameters = _placed(method, path)
    usual = {"Accept": "application/json", "Content-Type": "application/json"}
    headers = around.get("headers") or _with(usual, known.get("headers", {}))
    context = {**around.get("requestContext", {}), "resourcePath": resource, "httpMethod": method, "path": path}
    context = {"requestId": request_id, "stage": "lab", "identity": {"sourceIp": "127.0.0.1"}, **context}
    query = {name: value for name, value in (around.get("queryStringParameters") or {}).items() if name != "archduel"}
    if _VERSION == "2.0":
        return _of_http_api(method, path, parameters, headers, query, context, body)
    return {
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": context,
        "body": body or None,
        "isBase64Encoded": False,
    }


def _of_http_api(  # noqa: PLR0917 - an event has these parts
    method: str,
    path: str,
    parameters: dict[str, str],
    headers: dict[str, str],
    query: dict[str, str],
    context: dict[str, Any],
    body: str | None,
) -> Event:
    """The same in version 2.0, as HTTP APIs and function URLs have it."""
    route = f"{method} {context['resourcePath']}"
    event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "requestId": context["requestId"],
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": context["identity"].get("sourceIp", "127.0.0.1"),
                "userAgent": "archduel",
            },
        },
        "isBase64Encoded": False,
    }
    # Version 2.0 leaves out what is empty.
    more = {"queryStringParameters": query, "pathParameters": parameters, "body": body}
    return {**event, **{name: value for name, value in more.items() if value}}


class _Printed(io.StringIO):
    """What is printed, up to a limit."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, _MAX_PRINTED - self.tell())])
        return len(text)


def _called(event: Event, context: Any) -> tuple[Response, str]:
    """The handler's answer as API Gateway would pass it on, and why it is none of its own; '' where it is."""
    printed = _Printed()
    why = ""
    answer: Any = None
    try:
        with contextlib.redirect_stdout(printed):
            answer = _handler(event, context)
    except (Exception, SystemExit) as error:  # as Lambda does: whatever it is, the invocation failed
        why = type(error).__name__
        printed.write(traceback.format_exc())
    if not why:
        answer, why = _proxied(answer)
        printed.write(f"{why}\n" if why else "")
    if printed.tell():
        # Marked, or a line of the handler's might pass for one of the lab's.
        sys.stderr.write("> " + printed.getvalue().rstrip("\n").replace("\n", "\n> ") + "\n")
    return (answer, "") if not why else (_ERROR, why)


_ERROR: Response = {"statusCode": 502, "body": '{"message": "Internal server error"}'}


def _proxied(answer: Any) -> tuple[Response, str]:
    """An answer as a response; why it is none."""
    if _VERSION == "2.0" and not (isinstance(answer, dict) and "statusCode" in answer):
        answer = {"statusCode": 200, "body": answer if isinstance(answer, str) else json.dumps(answer, default=str)}
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if type(status) is not int or not 100 <= status <= 599:
        return {}, "no proxy response: a dict with statusCode"
    if not isinstance(answer.get("body", ""), str | None):
        return {}, "no proxy response: its body is no text"
    # What version 2.0 has besides, and API Gateway of version 1.0 refuses.
    kept = ("headers", "multiValueHeaders", "body", "isBase64Encoded")
    return {"statusCode": status, **{name: answer[name] for name in kept if answer.get(name) is not None}}, ""


def _failed(known: dict[str, Any], answer: Response, why: str) -> str:
    """Why a request failed; '' where it was done."""
    status, expected = answer["statusCode"], known.get("success")
    ranges = [one.partition("-") for one in str(expected).split(",")] if expected else [("100", "-", "499")]
    done = any(int(least) <= status <= int(most or least) for least, _, most in ranges)
    return why or ("" if done else f"status {status}")


def _own(known: dict[str, Any]) -> bool:
    """Whether it is a request of the lab's own, which warms up, and nothing for the handler."""
    return "method" not in known or str(known.get("request_id", "")).startswith(_WARM_UP)


def _known(message: dict[str, Any]) -> dict[str, Any]:
    """What is known of the request that a message is: of one of its users, its first line; its id is the message's."""
    if not _ADOPTED:
        return dict(parse(message["body"]))
    head, _, body = message["body"].partition("\n")
    return {**lab.parse(head), "request_id": message["messageId"], "details": body}


def _served(event: Event, context: Any, done: str) -> Response:
    known = lab.asked(event)

    def serve(event: Event, records: Records) -> Response:
        proxied = _event(known, event.get("body"), event, context.aws_request_id)
        started_ns = time.perf_counter_ns()
        answer, why = _called(proxied, context)
        details: dict[str, Any] = {"worked_us": (time.perf_counter_ns() - started_ns) // 1000}
        failed = _failed(known, answer, why)
        if failed:
            details["error"] = failed
        if done == "answered" and not failed:
            details["found"] = answer["statusCode"] != 404
        lab.record(records, known["request_id"], "failed" if failed else done, **details)
        return answer

    response: Response = lab.logged(serve)(event, context)
    return response


def _adopted(event: Event, context: Any) -> Response:
    known = {"method": event["httpMethod"], "path": event["path"]}
    return _called(_event(known, event.get("body"), event, context.aws_request_id), context)[0]


def command(event: Event, context: Any) -> Response:
    """A command behind the API."""
    if _ADOPTED:
        return _adopted(event, context)
    if "httpMethod" not in event or _own(lab.asked(event)):
        return dict(lab.command(event, context))
    return _served(event, context, "committed")


def query(event: Event, context: Any) -> Response:
    """A query behind the API."""
    if _ADOPTED:
        return _adopted(event, context)
    if "httpMethod" not in event or _own(lab.asked(event)):
        return dict(lab.query(event, context))
    return _served(event, context, "answered")


def consumer(event: Event, context: Any) -> Response:
    """A batch from the queue: every message is a request for the handler. One that fails comes again."""
    if any(_own(_known(message)) for message in event.get("Records", [{"body": ""}])):
        return dict(lab.consumer(event, context))

    def serve(event: Event, records: Records) -> Response:
        failures = []
        for message in event["Records"]:
            known = _known(message)
            proxied = _event(known, known["details"], {}, context.aws_request_id)
            started_ns = time.perf_counter_ns()
            answer, why = _called(proxied, context)
            details: dict[str, Any] = {
                "receive_count": int(message["attributes"]["ApproximateReceiveCount"]),
                "worked_us": (time.perf_counter_ns() - started_ns) // 1000,
            }
            result = "committed"
            if failed := _failed(known, answer, why):
                result, details["error"] = "failed", failed
            elif known["operation"] == "query":
                result, details = _keep(known["request_id"], answer, details)
            lab.record(records, known["request_id"], result, **details)
            if result == "failed":
                failures.append({"itemIdentifier": message["messageId"]})
        return {"batchItemFailures": failures}

    response: Response = lab.logged(serve)(event, context)
    return response


def _keep(request_id: str, answer: Response, details: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Store a query's answer where its client asks for it by the ticket."""
    found = answer["statusCode"] != 404
    status = {"S": str(answer["statusCode"])}
    try:
        result = lab.write(f"answer/{request_id}", request_id, status=status, found={"BOOL": found})
    except lab.UNAVAILABLE as error:
        return "failed", {**details, "error": type(error).__name__}
    return result, {**details, "found": found}
