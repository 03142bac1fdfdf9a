"""The function that probes invoke: it does what the event says, and reports when and where it did.

Put here what runs inside Lambda, with the standard library only. Keep out what invokes it
(`resources.conformance.bench`).

It prints exactly one line per invocation, and returns the same facts to a caller that invokes it directly or through an
API. The event, an API's body or a message's body may have ``sleep_ms``, ``raise``, ``malformed``, ``fail`` (report this
message as failed) and ``id``.
"""

import json
import time
import uuid
from typing import Any

_ENVIRONMENT = uuid.uuid4().hex[:12]
_started_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
_cold = True


def handle(event: dict[str, Any], _context: Any) -> Any:
    """Do what the event says, print the facts, and answer in the form that the caller expects."""
    global _cold  # a module's global is how Lambda tells a cold start
    began_ns, cold, _cold = time.clock_gettime_ns(time.CLOCK_MONOTONIC), _cold, False
    records = event.get("Records", [])
    through_api = "body" in event
    orders = [json.loads(record["body"]) for record in records]
    command = json.loads(event["body"] or "{}") if through_api else event
    if records:
        command = {key: value for order in orders for key, value in order.items()}
    time.sleep(command.get("sleep_ms", 0) / 1000)
    facts = {
        "probe": 1,
        "environment": _ENVIRONMENT,
        "cold": cold,
        "age_ms": (began_ns - _started_ns) // 1_000_000,
        "began_ns": began_ns,
        "ended_ns": time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        "records": [
            {
                "id": order.get("id"),
                "receives": int(record["attributes"]["ApproximateReceiveCount"]),
                "sent_ms": int(record["attributes"]["SentTimestamp"]),
            }
            for record, order in zip(records, orders, strict=True)
        ],
    }
    print(json.dumps(facts, separators=(",", ":")))  # noqa: T201 - a Lambda function logs by printing
    if command.get("raise"):
        raise RuntimeError("told to raise")
    if records:
        failed = [record["messageId"] for record, order in zip(records, orders, strict=True) if order.get("fail")]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
    if command.get("malformed"):
        return "not what an API can answer"
    return {"statusCode": 200, "body": json.dumps(facts)} if through_api else facts
