"""What a client of API Gateway gets: REST APIs before functions and queues, HTTP APIs, time-outs, throttles.

Put here behaviours of APIs. Keep out those of functions alone (`resources.conformance.behaviours.functions`).
"""

import re
from typing import Any

from resources.aws.integrations import QUEUE_RESPONSES, ROLE, function_integration, queue_integration
from resources.conformance.bench import Api, Function, ProbeBench, at_once
from resources.conformance.probes import Answer, Observation, absent, different, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/apigateway/latest/developerguide"
_ERRORS = "https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html"
_THROTTLING = f"{_GUIDE}/api-gateway-request-throttling.html"
_USAGE_PLANS = f"{_GUIDE}/api-gateway-api-usage-plans.html"
_VARIABLES = f"{_GUIDE}/api-gateway-mapping-template-reference.html"
_RESPONSES = f"{_GUIDE}/api-gateway-integration-settings-integration-response.html"
_HTTP_THROTTLING = f"{_GUIDE}/http-api-throttling.html"
_HTTP_QUOTAS = f"{_GUIDE}/http-api-quotas.html"
_HTTP_SERVICES = f"{_GUIDE}/http-api-develop-integrations-aws-services-reference.html"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _throttled(api: Api) -> Answer:
    """Two callers of an API whose function takes one at a time."""
    statuses = sorted(answer.status for answer in at_once([lambda: api.post(sleep_ms=800)] * 2))
    return Answer(statuses[-1], "beside a 200" if statuses[0] == 200 else f"beside a {statuses[0]}")


@probe(
    "a throttled function behind a REST API",
    expected="500: the proxy integration hides Lambda's 429",
    documented_at=_ERRORS,
    affects=("S15",),
    aws_status=500,
)
def rest_throttled_function(bench: ProbeBench) -> Answer:
    function = bench.function(reserved=1, warm=1)
    return _throttled(bench.rest_api(function_integration(function.arn)))


@probe(
    "a throttled function behind an HTTP API",
    expected="500 (503 has been reported too)",
    documented_at=_ERRORS,
    affects=("S15",),
    aws_status=500,
)
def http_throttled_function(bench: ProbeBench) -> Answer:
    function = bench.function(reserved=1, warm=1)
    return _throttled(bench.http_api(bench.http_function_integration(function)))


@probe(
    "a REST API's integration time-out",
    expected="504 once timeoutInMillis (29 s by default) is over",
    documented_at=f"{_GUIDE}/api-gateway-execution-service-limits-table.html",
    affects=("S4",),
    aws_status=504,
)
def rest_integration_timeout(bench: ProbeBench) -> Answer:
    integration = function_integration(bench.function(warm=1).arn)
    answer = bench.rest_api({**integration, "timeoutInMillis": 500}).post(sleep_ms=1500)
    return Answer(answer.status, f"after {answer.seconds:.1f} s, at a time-out of 0.5 s")


@probe(
    "an HTTP API's integration time-out",
    expected="503 once the time-out (30 s by default) is over",
    documented_at=_HTTP_QUOTAS,
    affects=("S4",),
    aws_status=503,
)
def http_integration_timeout(bench: ProbeBench) -> Answer:
    function = bench.function(warm=1)
    answer = bench.http_api(bench.http_function_integration(function, TimeoutInMillis=500)).post(sleep_ms=1500)
    return Answer(answer.status, f"after {answer.seconds:.1f} s, at a time-out of 0.5 s")


def _post_to_function(bench: ProbeBench, function: Function, **event: Any) -> Answer:
    answer = bench.rest_api(function_integration(function.arn)).post(**event)
    return Answer(answer.status)


@probe(
    "a function's time-out behind a REST API",
    expected="502",
    documented_at=_ERRORS,
    affects=("S4", "S13"),
    aws_status=502,
)
def rest_function_timeout(bench: ProbeBench) -> Answer:
    return _post_to_function(bench, bench.function(timeout_s=1), sleep_ms=2500)


@probe("a raising handler behind a REST API", expected="502", documented_at=_ERRORS, affects=("S13",), aws_status=502)
def rest_raising_handler(bench: ProbeBench) -> Answer:
    return _post_to_function(bench, bench.function(), **{"raise": True})


@probe(
    "a malformed answer of a function behind a REST API",
    expected="502",
    documented_at=_ERRORS,
    affects=(),
    aws_status=502,
)
def rest_malformed_answer(bench: ProbeBench) -> Answer:
    return _post_to_function(bench, bench.function(), malformed=True)


def _over_the_limit(api: Api, headers: dict[str, str] | None = None) -> Answer:
    """Six calls at once of an API that allows fewer: 429 if any of them got it, and how many did."""
    statuses = [answer.status for answer in at_once([lambda: api.post(headers)] * 6)]
    seen = 429 if 429 in statuses else max(statuses)
    return Answer(seen, f"for {statuses.count(seen)} of {len(statuses)} calls")


@probe(
    "a REST API's stage throttle",
    expected="429 for what exceeds it",
    documented_at=_THROTTLING,
    affects=("S9", "S14", "E9"),
    aws_status=429,
)
def rest_stage_throttle(bench: ProbeBench) -> Answer:
    api = bench.rest_api(bench.canned_integration(), [("200", None)])
    settings = {"/*/*/throttling/rateLimit": "1", "/*/*/throttling/burstLimit": "1"}
    bench.clients.apigateway.update_stage(
        restApiId=api.api_id,
        stageName=api.stage,
        patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in settings.items()],
    )
    return _over_the_limit(api)


@probe(
    "an HTTP API's stage throttle",
    expected="429 for what exceeds it",
    documented_at=_HTTP_THROTTLING,
    affects=(),
    aws_status=429,
)
def http_stage_throttle(bench: ProbeBench) -> Answer:
    throttle = {"DefaultRouteSettings": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1.0}}
    return _over_the_limit(bench.http_api(bench.http_function_integration(bench.function(warm=1)), throttle))


@probe(
    "an API key is required and not sent",
    expected="403",
    documented_at=_USAGE_PLANS,
    affects=("S9",),
    aws_status=403,
)
def missing_api_key(bench: ProbeBench) -> Answer:
    return Answer(bench.rest_api(bench.canned_integration(), [("200", None)], api_key=True).post().status)


def _api_with_plan(bench: ProbeBench, **limits: Any) -> tuple[Api, str]:
    """An API that requires a key, and a key whose usage plan has ``limits``."""
    gateway = bench.clients.apigateway
    api = bench.rest_api(bench.canned_integration(), [("200", None)], api_key=True)
    key = gateway.create_api_key(name=bench.name("key"), enabled=True, value=bench.name("a-key-of-twenty-characters"))
    stages = [{"apiId": api.api_id, "stage": api.stage}]
    plan = gateway.create_usage_plan(name=bench.name("plan"), apiStages=stages, **limits)
    gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return api, key["value"]


@probe(
    "a usage plan's throttle",
    expected="429 for what exceeds it",
    documented_at=_USAGE_PLANS,
    affects=("S9", "E9"),
    aws_status=429,
)
def usage_plan_throttle(bench: ProbeBench) -> Answer:
    api, key = _api_with_plan(bench, throttle={"rateLimit": 1.0, "burstLimit": 1})
    return _over_the_limit(api, {"X-Api-Key": key})


@probe(
    "a usage plan's quota",
    expected="429 once it is used up",
    documented_at=_USAGE_PLANS,
    affects=("S9", "E9"),
    aws_status=429,
)
def usage_plan_quota(bench: ProbeBench) -> Answer:
    api, key = _api_with_plan(bench, quota={"limit": 3, "period": "DAY"})
    return _over_the_limit(api, {"X-Api-Key": key})


@probe(
    "a REST API before a queue",
    expected="acknowledged once the queue has the message, without waiting for a consumer",
    documented_at=_RESPONSES,
    affects=("E1", "E2", "E3"),
    aws_status=202,
)
def rest_to_queue(bench: ProbeBench) -> Answer | Observation:
    queue = bench.queue()
    answer = bench.rest_api(queue_integration(queue.name), QUEUE_RESPONSES).post(id=7)
    bodies = [message["Body"] for message in queue.take_all()]
    if bodies != ['{"id": 7}']:
        return different(f"{answer.status}, and the queue holds {bodies}")
    return Answer(answer.status, "and the message is in the queue", unaffected=None)


@probe(
    "a deleted queue behind a REST API that maps errors",
    expected="the status mapped to the queue's 4xx (500 here)",
    documented_at=_RESPONSES,
    affects=("E5", "E6"),
    aws_status=500,
)
def rest_to_deleted_queue(bench: ProbeBench) -> Answer:
    queue = bench.queue()
    api = bench.rest_api(queue_integration(queue.name), QUEUE_RESPONSES)
    queue.delete()
    return Answer(api.post().status, unaffected=202)


@probe(
    "a deleted queue behind a REST API with one response for all",
    expected="202: a response without a pattern stands for every status of the queue",
    documented_at=_RESPONSES,
    affects=("E5", "E6"),
    aws_status=202,
)
def rest_to_deleted_queue_unmapped(bench: ProbeBench) -> Answer:
    queue = bench.queue()
    api = bench.rest_api(queue_integration(queue.name), [("202", None)])
    queue.delete()
    return Answer(api.post().status)


def _sent(bench: ProbeBench, template: str, headers: dict[str, str] | None = None) -> str:
    """The message that arrives in the queue from a mapping template."""
    queue = bench.queue()
    bench.rest_api(queue_integration(queue.name, template), QUEUE_RESPONSES).post(headers)
    return "".join(message["Body"] for message in queue.take_all())


@probe(
    "$context.requestId in a mapping template",
    expected="the request's id",
    documented_at=_VARIABLES,
    affects=(),
)
def request_id_in_template(bench: ProbeBench) -> Observation:
    rendered = _sent(bench, "id-$context.requestId")
    if _UUID.fullmatch(rendered.removeprefix("id-")):
        return reproduced("the id")
    return absent(f"rendered as {rendered.removeprefix('id-')!r}")


@probe(
    "a header in a mapping template",
    expected="its value, by the name the client sent",
    documented_at=_VARIABLES,
    affects=(),
)
def header_in_template(bench: ProbeBench) -> Observation:
    template = "$input.params('X-Probe-Order')/$input.params('x-probe-order')"
    same, _, lower = _sent(bench, template, {"X-Probe-Order": "noodles"}).partition("/")
    if same == "noodles":
        return reproduced("its value")
    if lower == "noodles":
        return different(f"{same!r}; its value by the name in lower case alone")
    return absent(f"{same!r}, by the name in lower case {lower!r}")


@probe(
    "an HTTP API before a function",
    expected="200 with the function's answer",
    documented_at=f"{_GUIDE}/http-api-develop-integrations-lambda.html",
    affects=(),
    aws_status=200,
)
def http_to_function(bench: ProbeBench) -> Answer | Observation:
    answer = bench.http_api(bench.http_function_integration(bench.function())).post()
    if '"probe": 1' not in answer.body:
        return different(f"{answer.status}, without the function's answer")
    return Answer(answer.status, "with the function's answer", unaffected=None)


@probe(
    "an HTTP API before a queue",
    expected="200, the message in the queue (SQS-SendMessage)",
    documented_at=_HTTP_SERVICES,
    affects=(),
)
def http_to_queue(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    integration = {
        "IntegrationType": "AWS_PROXY",
        "IntegrationSubtype": "SQS-SendMessage",
        "PayloadFormatVersion": "1.0",
        "CredentialsArn": ROLE,
        "RequestParameters": {"QueueUrl": queue.url, "MessageBody": "$request.body"},
    }
    answer = bench.http_api(integration).post(id=7)
    messages = len(list(queue.take_all()))
    words = f"{answer.status}, {messages} messages in the queue"
    if messages:
        return reproduced(words) if answer.status == 200 else different(words)
    return absent(words)
