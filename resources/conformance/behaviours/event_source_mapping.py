"""What Lambda's pollers do between a queue and a function: batches, windows, concurrency, failures, redrive.

Put here behaviours of event source mappings. Keep out those of queues (`resources.conformance.behaviours.queue`).
"""

import json
import time
from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from resources.conformance.bench import Function, Mapping, ProbeBench, Queue, largest_overlap, wait_until
from resources.conformance.probes import Observation, absent, different, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
_MAPPING = f"{_GUIDE}/with-sqs.html"
_CONFIGURE = f"{_GUIDE}/services-sqs-configure.html"
_SCALING = f"{_GUIDE}/services-sqs-scaling.html"
_ERRORS = f"{_GUIDE}/services-sqs-errorhandling.html"
_BATCHING = f"{_GUIDE}/services-sqs-parameters.html"


def _handled(function: Function, messages: int, seconds: float = 15) -> int:
    """How many messages reached ``function``, waiting until ``messages`` have."""
    wait_until(lambda: len(function.records()) >= messages, seconds=seconds)
    return len(function.records())


def _emptied(queue: Queue, seconds: float = 15) -> bool:
    return wait_until(lambda: sum(queue.counts()) == 0, seconds=seconds)


def _consuming(bench: ProbeBench, queue: Queue, *, warm: int = 1, **options: Any) -> tuple[Function, Mapping]:
    """A function with ``warm`` environments, and a disabled mapping of ``queue`` to it."""
    function = bench.function(timeout_s=2, warm=warm)
    return function, bench.mapping(queue, function, **options)


def _send_failing(queue: Queue, number: int) -> None:
    """A message that the handler will report as failed."""
    queue.clients.sqs.send_message(QueueUrl=queue.url, MessageBody=f'{{"id": {number}, "fail": true}}')


@probe(
    "batch size",
    expected="up to as many messages in one invocation, never more",
    documented_at=_BATCHING,
    affects=("E8", "E10"),
)
def batch_size(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=12)
    function, mapping = _consuming(bench, queue, BatchSize=4)
    queue.send(12)
    mapping.enable()
    _handled(function, 12)
    sizes = sorted((len(fact["records"]) for fact in function.batches()), reverse=True)
    words = f"12 waiting messages in batches of {sizes} at a batch size of 4"
    largest = max(sizes, default=0)
    if largest > 4:
        return absent(words)
    return reproduced(words) if largest > 1 else different(words)


@probe(
    "MaximumConcurrency of a mapping",
    expected="as many batches at once, never more",
    documented_at=_SCALING,
    affects=("E9", "E11"),
)
def maximum_concurrency(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=12)
    options = {"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": 2}}
    function, mapping = _consuming(bench, queue, warm=2, **options)
    queue.send(8, sleep_ms=300)
    mapping.enable()
    _handled(function, 8)
    overlap = largest_overlap(function.batches())
    words = f"{overlap} at once for a maximum of 2"
    if overlap > 2:
        return absent(words)
    return reproduced(words) if overlap == 2 else different(words)


@probe(
    "groups of a FIFO queue side by side",
    expected="messages of two groups at once; of one group one after another",
    documented_at=f"{_GUIDE}/services-sqs-scaling.html",
    affects=(),
)
def groups_side_by_side(bench: ProbeBench) -> Observation:
    queue = bench.queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=12)
    function, mapping = _consuming(bench, queue, warm=2, BatchSize=1)
    for number, group in enumerate(("a", "a", "b", "b")):
        body = json.dumps({"id": number, "sleep_ms": 300})
        bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=group)
    mapping.enable()
    _handled(function, 4)
    overlap = largest_overlap(function.batches())
    words = f"{overlap} at once, two messages of each of two groups waiting"
    if overlap == 1:
        return different(f"{words}: the whole queue in turn")
    return reproduced(words) if overlap == 2 else absent(words)


@probe(
    "MaximumConcurrency of 1",
    expected="refused: 2 is the least, so a mapping alone cannot process one batch after another",
    documented_at=f"{_GUIDE}/API_ScalingConfig.html",
    affects=(),
)
def least_maximum_concurrency(bench: ProbeBench) -> Observation:
    function = bench.function()
    try:
        bench.mapping_of_one_at_once(bench.queue(), function)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return (
            reproduced(code) if code in ("InvalidParameterValueException", "ValidationException") else different(code)
        )
    return absent("accepted")


@probe(
    "batches of a queue processed in parallel",
    expected="five at once from the start",
    documented_at=_SCALING,
    affects=("E10", "E11"),
)
def parallel_batches(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=12)
    function, mapping = _consuming(bench, queue, warm=5, BatchSize=1)
    queue.send(15, sleep_ms=400)
    mapping.enable()
    _handled(function, 15)
    overlap = largest_overlap(function.batches())
    words = f"{overlap} at once, 15 messages waiting"
    if overlap == 1:
        return absent(words)
    return reproduced(words) if overlap >= 5 else different(words)


@probe(
    "pollers of a mapping scale up",
    expected="from 5 concurrent batches by up to 300 a minute, to 1,250",
    documented_at=_SCALING,
    affects=("E11",),
)
def poller_ramp(bench: ProbeBench) -> Observation:
    watched_s = 12
    queue = bench.queue(VisibilityTimeout=30)
    function = bench.function(timeout_s=5, warm=5)
    mapping = bench.mapping(queue, function, BatchSize=1)
    queue.send(60, sleep_ms=2000)
    mapping.enable()

    def at_once() -> int:
        return largest_overlap(function.batches())

    wait_until(lambda: at_once() > 5, seconds=watched_s, pause_s=1.0)
    overlap = at_once()
    waiting = queue.counts()[0]
    mapping.enable(False)
    words = f"{overlap} at once, watched for {watched_s} s with {waiting} still waiting"
    return reproduced(words) if overlap > 5 else absent(words)


@probe(
    "partial batch response",
    expected="only the reported messages come again",
    documented_at=_ERRORS,
    affects=("E4", "E11", "E13", "T1", "T2"),
)
def partial_batch(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=2)
    function, mapping = _consuming(bench, queue, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"])
    queue.send(3)
    _send_failing(queue, 3)
    mapping.enable()
    _handled(function, 5)
    mapping.enable(False)
    times = Counter(record["id"] for record in function.records())
    good = [times[number] for number in range(3)]
    words = f"the failed message came {times[3]} times, the others {'once' if set(good) == {1} else good}"
    if times[3] < 2:
        return different(words)
    return reproduced(words) if set(good) == {1} else absent(words)


@probe(
    "a failed batch without partial responses",
    expected="all of it comes again after the visibility timeout",
    documented_at=_ERRORS,
    affects=("E4", "E10", "E13"),
)
def failed_batch(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=2)
    function, mapping = _consuming(bench, queue, BatchSize=10)
    queue.send(3, **{"raise": True})
    mapping.enable()
    _handled(function, 6)
    mapping.enable(False)
    times = Counter(record["id"] for record in function.records())
    words = f"3 messages of a failed batch came {sorted(times.values(), reverse=True)} times"
    if all(times[number] >= 2 for number in range(3)):
        return reproduced(words)
    return absent(words) if max(times.values(), default=0) < 2 else different(words)


@probe(
    "a mapping backs off from a failing function, without partial responses",
    expected="fewer batches at once for a while after failures; with partial responses as many as before",
    documented_at=_ERRORS,
    affects=(),
)
def back_off(bench: ProbeBench) -> Observation:
    at_most = 3
    queue = bench.queue(VisibilityTimeout=30)
    # Enough warm environments that those which failures end are not missed afterwards.
    function, mapping = _consuming(
        bench, queue, warm=2 * at_most, BatchSize=1, ScalingConfig={"MaximumConcurrency": at_most}
    )
    mapping.enable()
    good = 2 * at_most
    for number, event in ((good, {"sleep_ms": 400}), (at_most, {"raise": True}), (good, {"sleep_ms": 400})):
        awaited = len(function.records()) + number
        queue.send(number, **event)
        _handled(function, awaited)
    batches = function.batches()
    before, failed, after = batches[:good], batches[good : good + at_most], batches[good + at_most :]
    if len(after) < good:
        return different(f"{len(after)} of {good} messages reached the function within 15 s of {len(failed)} failures")
    pause_s = (after[0]["began_ns"] - max(fact["ended_ns"] for fact in failed)) / 1e9
    were, are = largest_overlap(before), largest_overlap(after)
    words = f"{are} at once, {pause_s:.1f} s after {at_most} failures, and {were} before them"
    if are < were:
        return reproduced(words)
    return different(f"a pause, and no fewer: {words}") if pause_s > 0.7 else absent(words)


@probe(
    "redrive to the dead-letter queue",
    expected="after maxReceiveCount receives",
    documented_at="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
    affects=("E4", "E13"),
)
def redrive(bench: ProbeBench) -> Observation:
    queue = bench.queue(dead_letters_after=2, VisibilityTimeout=2)
    function, mapping = _consuming(bench, queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    _send_failing(queue, 0)
    mapping.enable()
    dead = bench.dead_letter_queue(queue)
    arrived = wait_until(lambda: dead.counts()[0], seconds=15)
    receives = max((record["receives"] for record in function.records()), default=0)
    if not arrived:
        return absent(f"not there after 15 s and {receives} receives")
    words = f"there after {receives} receives, for a maxReceiveCount of 2"
    return reproduced(words) if receives == 2 else different(words)


@probe(
    "a consumer that is throttled",
    expected="its messages count as received: they come again after the visibility timeout, then are dead-lettered",
    documented_at=_ERRORS,
    affects=("E5", "E6", "E9"),
)
def throttled_consumer(bench: ProbeBench) -> Observation:
    queue = bench.queue(dead_letters_after=1, VisibilityTimeout=1)
    function = bench.function(timeout_s=1, reserved=0)
    bench.mapping(queue, function, BatchSize=1).enable()
    queue.send(3)
    watched_s = 6
    dead = bench.dead_letter_queue(queue)
    wait_until(lambda: dead.counts()[0] == 3, seconds=watched_s)
    dead_letters = dead.counts()[0]
    waiting = sum(queue.counts())
    words = f"{dead_letters} of 3 dead-lettered in {watched_s} s at a maxReceiveCount of 1, {waiting} still waiting"
    if dead_letters + waiting != 3:
        return different(words)
    return reproduced(words) if dead_letters else absent(words)


@probe(
    "a mapping is disabled and enabled again",
    expected="messages wait, then are processed",
    documented_at=_CONFIGURE,
    affects=("E5", "E6", "E13"),
)
def disable_and_enable(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=12)
    function, mapping = _consuming(bench, queue)
    mapping.enable()
    queue.send(1)
    if not _emptied(queue):
        return different("an enabled mapping left its message in the queue")
    mapping.enable(False)
    time.sleep(1.2)  # a poll that is under way may still take messages
    queue.send(4)
    time.sleep(2.0)
    while_disabled = len(function.records()) - 1
    mapping.enable()
    handled = _handled(function, 5) - 1
    words = f"{while_disabled} of 4 processed in 2 s while disabled, {handled} once enabled"
    if while_disabled:
        return absent(words)
    return reproduced(words) if handled == 4 else different(words)


@probe(
    "MaximumBatchingWindowInSeconds",
    expected="waits for more messages that long before it invokes",
    documented_at=_BATCHING,
    affects=("E8",),
)
def batching_window(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=20)
    function, mapping = _consuming(bench, queue, BatchSize=10, MaximumBatchingWindowInSeconds=3)
    mapping.enable()
    for number in range(3):
        queue.clients.sqs.send_message(QueueUrl=queue.url, MessageBody=f'{{"id": {number}}}')
        time.sleep(0.4)
    _handled(function, 3)
    sizes = [len(fact["records"]) for fact in function.batches()]
    words = f"3 messages within 1.2 s of a 3 s window came in batches of {sizes}"
    return reproduced(words) if sizes == [3] else absent(words)


@probe(
    "a mapping whose queue hides messages for less than the function may run",
    expected="refused: InvalidParameterValueException",
    documented_at=_CONFIGURE,
    affects=(),
)
def short_visibility_refused(bench: ProbeBench) -> Observation:
    function = bench.function(timeout_s=10)
    try:
        bench.mapping(bench.queue(VisibilityTimeout=2), function)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return reproduced(code) if code == "InvalidParameterValueException" else different(code)
    return absent("accepted")


@probe(
    "age of a message at its consumer",
    expected="SentTimestamp and ApproximateReceiveCount in every record",
    documented_at=_MAPPING,
    affects=("E7", "E13"),
)
def message_age(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=12)
    function, mapping = _consuming(bench, queue)
    queue.send(1)
    sent_ms = time.time() * 1000
    time.sleep(1.0)
    mapping.enable()
    _handled(function, 1)
    records = function.records()
    if len(records) != 1:
        return different(f"came {len(records)} times")
    [record] = records
    off_ms = abs(record["sent_ms"] - sent_ms)
    words = f"sent {off_ms:.0f} ms from when it was, received {record['receives']} times"
    return reproduced(words) if off_ms < 500 and record["receives"] == 1 else different(words)
