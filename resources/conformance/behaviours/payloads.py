"""How much a request, an invocation and a message may carry: what is beyond each service's limit.

Put here behaviours of sizes. Keep out what is inside them (the services' own modules in
`resources.conformance.behaviours`).

The gateway takes 10 MB, a function behind it 6 MB, a queue behind it 1 MiB: what an order may carry depends on the
architecture.
"""

from botocore.exceptions import ClientError

from resources.aws.integrations import QUEUE_RESPONSES, function_integration, queue_integration
from resources.conformance.bench import ProbeBench
from resources.conformance.probes import Answer, Observation, absent, different, probe, reproduced

_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_GATEWAY = (
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html"
)
_SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html"

_MEBIBYTE = 1 << 20


@probe(
    "a request of more than 10 MB to a REST API",
    expected="413",
    documented_at=_GATEWAY,
    affects=(),
    aws_status=413,
)
def beyond_the_gateway(bench: ProbeBench) -> Answer:
    api = bench.rest_api(bench.canned_integration(), [("200", None)])
    return Answer(api.post(padding="x" * (11 * _MEBIBYTE)).status, "for 11 MiB")


@probe(
    "a request of more than 6 MB to a function behind a REST API",
    expected="413",
    documented_at=_LAMBDA,
    affects=(),
    aws_status=413,
)
def beyond_the_function(bench: ProbeBench) -> Answer:
    api = bench.rest_api(function_integration(bench.function().arn))
    return Answer(api.post(padding="x" * (7 * _MEBIBYTE)).status, "for 7 MiB")


def _invoked(bench: ProbeBench, kind: str, size: int) -> Answer:
    """The answer to one invocation of a ``kind`` with a payload of ``size`` bytes."""
    payload = b'{"padding": "' + b"x" * size + b'"}'
    try:
        answer = bench.clients.lambda_.invoke(FunctionName=bench.function().name, InvocationType=kind, Payload=payload)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return Answer(status, error.response["Error"]["Code"])
    return Answer(answer["StatusCode"], f"accepted, {size / _MEBIBYTE:g} MiB", unaffected=answer["StatusCode"])


@probe(
    "an invocation with more than 6 MB",
    expected="413 RequestTooLargeException",
    documented_at=_LAMBDA,
    affects=(),
    aws_status=413,
)
def beyond_an_invocation(bench: ProbeBench) -> Answer:
    return _invoked(bench, "RequestResponse", 7 * _MEBIBYTE)


@probe(
    "an asynchronous invocation with more than 1 MB",
    expected="413 RequestTooLargeException",
    documented_at=_LAMBDA,
    affects=(),
    aws_status=413,
)
def beyond_an_asynchronous_invocation(bench: ProbeBench) -> Answer:
    return _invoked(bench, "Event", 2 * _MEBIBYTE)


@probe(
    "a message of more than 1 MiB",
    expected="refused: InvalidParameterValue; 1 MiB itself is taken (256 KiB until August 2025)",
    documented_at=_SQS,
    affects=(),
)
def beyond_a_message(bench: ProbeBench) -> Observation:
    queue = bench.queue()

    def refusal(size: int) -> str | None:
        try:
            bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody="x" * size)
        except ClientError as error:
            return str(error.response["Error"]["Code"]).rpartition(".")[2]
        return None

    largest, beyond = refusal(_MEBIBYTE), refusal(_MEBIBYTE + 1)
    if largest is not None:
        return different(f"1 MiB is refused already: {largest}")
    if beyond is None:
        return absent("a byte more is taken as well")
    words = f"1 MiB is taken, a byte more refused: {beyond}"
    return reproduced(words) if "InvalidParameterValue" in beyond else different(words)


@probe(
    "a message of more than 1 MiB through a REST API",
    expected="the status mapped to the queue's 4xx (500 here)",
    documented_at=_SQS,
    affects=(),
    aws_status=500,
)
def beyond_a_message_through_an_api(bench: ProbeBench) -> Answer:
    api = bench.rest_api(queue_integration(bench.queue().name), QUEUE_RESPONSES)
    return Answer(api.post(padding="x" * (2 * _MEBIBYTE)).status, "for 2 MiB", unaffected=202)
