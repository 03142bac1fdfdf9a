"""What SQS does with messages: when they can be received, how often and in which order, and how they are counted.

Put here behaviours of queues. Keep out what pollers do (`resources.conformance.behaviours.event_source_mapping`).
"""

import json
import time
from collections import Counter
from itertools import pairwise

from botocore.exceptions import ClientError

from resources.conformance.bench import ProbeBench, Queue, wait_until
from resources.conformance.probes import Observation, absent, different, not_provocable, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
_REFERENCE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference"
_STANDARD = f"{_GUIDE}/standard-queues.html"
_VISIBILITY = f"{_GUIDE}/sqs-visibility-timeout.html"

_TRIED = 500  # messages: what was never seen in them is rarer than 0.6 % (rule of three), or not there


@probe(
    "a message delivered more than once by a standard queue",
    expected="possible: at-least-once delivery",
    documented_at=_STANDARD,
    affects=("E10",),
)
def duplicates(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    queue.send(_TRIED)
    times = Counter(message["MessageId"] for message in queue.take_all())
    more = sum(count > 1 for count in times.values())
    words = f"{more} of {len(times)} messages received more than once"
    return reproduced(words) if more else not_provocable(f"never in {len(times)} messages")


@probe(
    "messages of a standard queue out of order",
    expected="possible: best-effort ordering",
    documented_at=_STANDARD,
    affects=("E10",),
)
def reordering(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    queue.send(_TRIED)
    ids = [json.loads(message["Body"])["id"] for message in queue.take_all()]
    inversions = sum(later < earlier for earlier, later in pairwise(ids))
    if inversions:
        return reproduced(f"{inversions} in {len(ids)} messages")
    return not_provocable(f"never in {len(ids)} messages")


def _seen_after(queue: Queue, at_most_s: float) -> float | None:
    """Seconds until a message can be received; None when it cannot within ``at_most_s``."""
    began = time.monotonic()
    return time.monotonic() - began if wait_until(queue.receive, seconds=at_most_s) else None


def _judge_wait(waited_s: float | None, documented_s: float) -> Observation:
    """Whether a message stayed hidden for about as long as documented."""
    if waited_s is None:
        return different(f"not seen again within {documented_s + 4:.0f} s")
    words = f"hidden for {waited_s:.1f} s"
    if waited_s < documented_s / 2:
        return absent(words)
    # A late one is due to the machine or the poller; SQS counts whole seconds, so a little early is not early.
    return reproduced(words) if waited_s >= documented_s - 0.2 else different(words)


@probe(
    "visibility timeout",
    expected="a received message is hidden for as long, and then comes again, counted",
    documented_at=_VISIBILITY,
    affects=("E4", "E11", "E13", "T1", "T2"),
)
def visibility_timeout(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=2)
    queue.send(1)
    if not queue.receive():
        return different("the message could not be received at all")
    began = time.monotonic()
    again = wait_until(queue.receive, seconds=6)
    if not again:
        return different("not received again within 6 s")
    judged = _judge_wait(time.monotonic() - began, 2)
    receives = again[0]["Attributes"]["ApproximateReceiveCount"]
    if receives != "2":
        return different(f"{judged.observed}, and the second receive is counted as {receives}")
    return judged


@probe(
    "DelaySeconds of a message",
    expected="hidden for as long after sending",
    documented_at=f"{_GUIDE}/sqs-message-timers.html",
    affects=("E3", "E7"),
)
def message_delay(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody="{}", DelaySeconds=2)
    return _judge_wait(_seen_after(queue, 6), 2)


@probe(
    "a delay queue",
    expected="every message is hidden for DelaySeconds after sending",
    documented_at=f"{_GUIDE}/sqs-delay-queues.html",
    affects=("E3", "E7"),
)
def delay_queue(bench: ProbeBench) -> Observation:
    queue = bench.queue(DelaySeconds=2)
    queue.send(1)
    return _judge_wait(_seen_after(queue, 6), 2)


@probe(
    "retention of 14 days",
    expected="accepted, and a second more is refused (that messages are deleted then is not waited for)",
    documented_at=f"{_REFERENCE}/API_SetQueueAttributes.html",
    affects=("E4", "E9", "E13"),
)
def retention(bench: ProbeBench) -> Observation:
    longest_s = 14 * 86_400
    kept = bench.queue(MessageRetentionPeriod=longest_s).attributes()["MessageRetentionPeriod"]
    if kept != str(longest_s):
        return different(f"kept as {kept} s")
    try:
        bench.queue(MessageRetentionPeriod=longest_s + 1)
    except ClientError as error:
        return reproduced(f"{kept} s kept, a second more: {error.response['Error']['Code'].rpartition('.')[2]}")
    return different(f"{kept} s kept, and a second more as well")


@probe(
    "backlog counts of a queue",
    expected="approximate; right a minute or more after the last send",
    documented_at=f"{_REFERENCE}/API_GetQueueAttributes.html",
    affects=("E9", "E13"),
)
def backlog_counts(bench: ProbeBench) -> Observation:
    queue = bench.queue(VisibilityTimeout=30)
    queue.send(7)
    bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody="{}", DelaySeconds=30)
    received = sum(len(queue.receive(1)) for _ in range(3))
    visible, in_flight, delayed = queue.counts()
    words = f"{visible} visible, {in_flight} in flight, {delayed} delayed"
    true = (7 - received, received, 1)
    exact = (visible, in_flight, delayed) == true
    return reproduced(f"exact at once: {words}") if exact else different(f"{words}, where {true} are")


@probe(
    "a FIFO queue",
    expected="in order within a group: nothing of it while one of its messages is in flight",
    documented_at=f"{_GUIDE}/FIFO-queues-understanding-logic.html",
    affects=("E10",),
)
def fifo(bench: ProbeBench) -> Observation:
    queue = bench.queue(fifo=True, ContentBasedDeduplication="true", VisibilityTimeout=30)
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=group)
    first = [message["Body"] for message in queue.receive(1)]
    rest = [message["Body"] for message in queue.receive(10)]
    words = f"first {first}, then {rest} with it in flight"
    if first == ["a1"] and rest == ["b1"]:
        return reproduced(words)
    return absent(words) if "a2" in rest else different(words)


@probe(
    "a message sent twice to a standard queue",
    expected="both are delivered: whoever sends again, after no answer, orders again",
    documented_at=_STANDARD,
    affects=(),
)
def sent_twice(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    for _ in range(2):
        bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody="the same")
    delivered = len(list(queue.take_all()))
    words = f"{delivered} of 2 delivered"
    return reproduced(words) if delivered == 2 else different(words)


@probe(
    "a message sent twice to a FIFO queue",
    expected="accepted twice and delivered once, by its deduplication id, for five minutes",
    documented_at=f"{_GUIDE}/FIFO-queues-exactly-once-processing.html",
    affects=(),
)
def sent_twice_in_order(bench: ProbeBench) -> Observation:
    queue = bench.queue(fifo=True)
    same = {"MessageGroupId": "a", "MessageDeduplicationId": "order 7"}
    for body in ("the same", "the same, tried again"):
        bench.clients.sqs.send_message(QueueUrl=queue.url, MessageBody=body, **same)
    bodies = [message["Body"] for message in queue.take_all()]
    words = f"{len(bodies)} of 2 delivered"
    if bodies == ["the same"]:
        return reproduced(words)
    return absent(words) if len(bodies) == 2 else different(f"{words}: {bodies}")


@probe(
    "a redrive from the dead-letter queue",
    expected="StartMessageMoveTask brings its messages back into the queue they came from",
    documented_at=f"{_REFERENCE}/API_StartMessageMoveTask.html",
    affects=("E13",),
)
def redrive(bench: ProbeBench) -> Observation:
    queue = bench.queue(dead_letters_after=1, VisibilityTimeout=0)
    dead = bench.dead_letter_queue(queue)
    queue.send(2)

    def all_dead() -> bool:
        queue.receive()
        return dead.counts()[0] == 2

    if not wait_until(all_dead, seconds=5):
        return different("received too often, its messages did not get to the dead-letter queue")
    try:
        bench.clients.sqs.start_message_move_task(SourceArn=dead.arn)
    except ClientError as error:
        return absent(f"refused: {error.response['Error']['Code']}")
    back = wait_until(lambda: queue.counts()[0] == 2, seconds=5)
    words = f"{queue.counts()[0]} of 2 back in their queue, {dead.counts()[0]} still in the other"
    return reproduced(words) if back else different(words)
