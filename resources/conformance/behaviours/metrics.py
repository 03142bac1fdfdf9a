"""What CloudWatch counts by itself.

Put here behaviours of metrics. Keep out what a service reports itself (`resources.conformance.behaviours.queue`).

On AWS, metrics appear within one to three minutes. A target that has none within seconds counts as absent, since a
replay could not wait for them either.
"""

from datetime import UTC, datetime, timedelta

from resources.aws.integrations import function_integration
from resources.conformance.bench import Function, ProbeBench, wait_until
from resources.conformance.probes import Observation, absent, different, probe, reproduced

_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"
_SQS = (
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html"
)
_AWAITED_S = 3.0


def _counted(function: Function) -> int:
    """The metric Invocations of a function, over the last minutes."""
    now = datetime.now(UTC)
    points = function.clients.cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": function.name}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))


def _judge(function: Function, made: int) -> Observation:
    wait_until(lambda: _counted(function) >= made, seconds=_AWAITED_S)
    counted = _counted(function)
    words = f"{counted} of {made} invocations counted within {_AWAITED_S:.0f} s"
    if counted == made:
        return reproduced(words)
    return different(words) if counted else absent(words)


@probe(
    "CloudWatch counts direct invocations",
    expected="the metric Invocations counts every one",
    documented_at=_LAMBDA,
    affects=("S12",),
)
def direct(bench: ProbeBench) -> Observation:
    function = bench.function()
    for _ in range(3):
        function.invoke()
    return _judge(function, 3)


@probe(
    "CloudWatch counts invocations through an API",
    expected="the metric Invocations counts every one",
    documented_at=_LAMBDA,
    affects=("S12",),
)
def through_an_api(bench: ProbeBench) -> Observation:
    function = bench.function()
    api = bench.rest_api(function_integration(function.arn))
    for _ in range(3):
        api.post()
    return _judge(function, 3)


@probe(
    "CloudWatch counts invocations through a mapping",
    expected="the metric Invocations counts every one",
    documented_at=_LAMBDA,
    affects=("E12",),
)
def through_a_mapping(bench: ProbeBench) -> Observation:
    function, queue = bench.function(timeout_s=2), bench.queue(VisibilityTimeout=12)
    queue.send(3)
    bench.mapping(queue, function, BatchSize=1).enable()
    wait_until(lambda: len(function.records()) == 3, seconds=15)
    return _judge(function, 3)


@probe(
    "CloudWatch follows a queue",
    expected="NumberOfMessagesSent, ApproximateAgeOfOldestMessage and others",
    documented_at=_SQS,
    affects=("E12",),
)
def of_a_queue(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    queue.send(3)
    dimensions = [{"Name": "QueueName", "Value": queue.name}]

    def names() -> list[str]:
        found = bench.clients.cloudwatch.list_metrics(Namespace="AWS/SQS", Dimensions=dimensions)["Metrics"]
        return sorted(metric["MetricName"] for metric in found)

    found = wait_until(names, seconds=_AWAITED_S)
    if {"NumberOfMessagesSent", "ApproximateAgeOfOldestMessage"} <= set(found):
        return reproduced(", ".join(found))
    return different(", ".join(found)) if found else absent(f"none within {_AWAITED_S:.0f} s")
