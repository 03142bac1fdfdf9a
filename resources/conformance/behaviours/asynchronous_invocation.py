"""What Lambda does with invocations that it queues itself, for a caller or an API that does not wait for them.

Put here behaviours of asynchronous invocation. Keep out those of functions that callers wait for
(`resources.conformance.behaviours.functions`).
"""

import json

from resources.aws.integrations import ASYNCHRONOUS_RESPONSES, asynchronous_integration
from resources.conformance.bench import Function, ProbeBench, Queue, wait_until
from resources.conformance.probes import Observation, absent, different, probe, reproduced


@probe(
    "an asynchronous invocation through a REST API",
    expected="202 at once, and the function runs afterwards",
    documented_at="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html",
    affects=(),
)
def through_an_api(bench: ProbeBench) -> Observation:
    function = bench.function(warm=1)
    before = len(function.invocations())
    answer = bench.rest_api(asynchronous_integration(function.arn), ASYNCHRONOUS_RESPONSES).post(sleep_ms=1500, id=1)
    ran = wait_until(lambda: len(function.invocations()) > before, seconds=15)
    words = f"{answer.status} after {answer.seconds:.1f} s, and the function {'ran' if ran else 'did not run'}"
    if answer.status == 202 and answer.seconds < 1 and ran:
        return reproduced(words)
    return absent(words) if answer.seconds >= 1 else different(words)


@probe(
    "what fails when invoked asynchronously",
    expected="goes to the destination once its retries are used up; at once where the reserved concurrency is 0",
    documented_at="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html",
    affects=(),
)
def destination_on_failure(bench: ProbeBench) -> Observation:
    function, queue = bench.function(), bench.queue()
    bench.clients.lambda_.put_function_event_invoke_config(
        FunctionName=function.name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
    )
    if _handed_over(function, queue, 1) != {"raise": True, "id": 1}:
        return absent("no record of it reached the destination")
    ran = len(function.invocations())
    function.reserve(0)
    if _handed_over(function, queue, 2) != {"raise": True, "id": 2}:
        return different("with a reserved concurrency of 0 nothing reached the destination within 15 s")
    if len(function.invocations()) > ran:
        return different("with a reserved concurrency of 0 the function ran")
    return reproduced("both records reached the destination, with the event; the second without an invocation")


def _handed_over(function: Function, queue: Queue, number: int) -> object:
    """The event in the record that the destination gets of a failing invocation; None where it gets none."""
    event = {"raise": True, "id": number}
    function.clients.lambda_.invoke(FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event))
    found = wait_until(lambda: list(queue.take_all()), seconds=15)
    return json.loads(found[0]["Body"]).get("requestPayload") if found else None
