"""What SNS does with what is published to a topic: which queues get it, how often, and in which form.

Put here behaviours of topics. Keep out what queues do with it then (`resources.conformance.behaviours.queue`).
"""

import json
import time
from collections import Counter

from resources.conformance.bench import ProbeBench, Queue, wait_until
from resources.conformance.probes import Observation, absent, different, not_provocable, probe, reproduced

_GUIDE = "https://docs.aws.amazon.com/sns/latest/dg"
_PUBLISHED = 100
_RAW = {"RawMessageDelivery": "true"}


def _bodies(queue: Queue, expected: int) -> list[str]:
    """What a queue has got within three seconds, or once it has as much as expected and a moment for more."""
    got: list[str] = []

    def enough() -> bool:
        got.extend(message["Body"] for message in queue.receive())
        return len(got) >= expected

    wait_until(enough, seconds=3)
    time.sleep(0.3)
    enough()
    return got


@probe(
    "a topic that copies to queues",
    expected="each subscribed queue gets every message, as it was published where delivery is raw",
    documented_at=f"{_GUIDE}/sns-large-payload-raw-message-delivery.html",
    affects=(),
)
def fan_out(bench: ProbeBench) -> Observation:
    queues = [bench.queue(), bench.queue()]
    topic = bench.topic(*queues, attributes=_RAW)
    published = [json.dumps({"id": number}) for number in range(_PUBLISHED)]
    for message in published:
        bench.clients.sns.publish(TopicArn=topic, Message=message)
    got = [_bodies(queue, _PUBLISHED) for queue in queues]
    numbers = " and ".join(f"{len(set(bodies) & set(published))} of {_PUBLISHED}" for bodies in got)
    if not any(got):
        return absent("no queue got anything")
    if all(set(bodies) == set(published) for bodies in got):
        return reproduced(f"two queues got {numbers}, as published")
    return different(f"two queues got {numbers}, as published")


@probe(
    "a message that a topic delivers more than once",
    expected="possible: at-least-once delivery",
    documented_at=f"{_GUIDE}/sns-message-delivery-retries.html",
    affects=(),
)
def duplicates(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    topic = bench.topic(queue, attributes=_RAW)
    for number in range(_PUBLISHED):
        bench.clients.sns.publish(TopicArn=topic, Message=json.dumps({"id": number}))
    times = Counter(_bodies(queue, _PUBLISHED))
    more = sum(count > 1 for count in times.values())
    words = f"{more} of {len(times)} messages delivered more than once"
    return reproduced(words) if more else not_provocable(f"never in {len(times)} messages")


@probe(
    "a subscription's filter policy",
    expected="a queue gets only the messages whose attributes match it",
    documented_at=f"{_GUIDE}/sns-subscription-filter-policies.html",
    affects=(),
)
def filter_policy(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    topic = bench.topic(queue, attributes={**_RAW, "FilterPolicy": json.dumps({"kind": ["wanted"]})})
    for kind in ("wanted", "unwanted", "wanted"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        bench.clients.sns.publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)
    got = Counter(_bodies(queue, 2))
    words = f"of two that match and one that does not, {got['wanted']} and {got['unwanted']} came"
    if got == {"wanted": 2}:
        return reproduced(words)
    return absent(words) if got["unwanted"] else different(words)


@probe(
    "a queue whose policy does not allow the topic",
    expected="it gets nothing",
    documented_at=f"{_GUIDE}/subscribe-sqs-queue-to-sns-topic.html",
    affects=(),
)
def not_allowed(bench: ProbeBench) -> Observation:
    queue = bench.queue()
    topic = bench.topic(queue, allowed=False, attributes=_RAW)
    bench.clients.sns.publish(TopicArn=topic, Message="{}")
    got = _bodies(queue, 1)
    return absent("it got the message") if got else reproduced("it got nothing")
