"""Reading what is in an architecture's table, queues and logs. The lab's own eyes: they go around the fault proxy.

Returns rows for `resources.warehouse.observations`; judges nothing, and waits for logs alone, where they come late.
What warm-ups left behind is in none of the rows.
"""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resources.architectures.stack import Stack
from workloads.replay.schedule import WARM_UP_PREFIX

_COMMITS, _STAMP = "commits#", "stamp#"
_REQUEST = re.compile(r"(START|REPORT) RequestId: (\S+)")
_DURATION = re.compile(r"\tDuration: ([0-9.]+) ms")


@dataclass(frozen=True)
class Backlog:
    """How many messages are where. Zeros for an architecture without queues."""

    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    dead_letters: int = 0

    @property
    def waiting(self) -> int:
        return self.visible + self.in_flight + self.delayed


def backlog(stack: Stack) -> Backlog:
    """What the queues say of themselves right now."""
    counts: dict[str, list[int]] = {}
    for name, url in stack.queue_urls.items():
        asked = [f"ApproximateNumberOfMessages{where}" for where in ("", "NotVisible", "Delayed")]
        told = stack.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
        counts[name] = [int(told[attribute]) for attribute in asked]
    visible, in_flight, delayed = counts.get("queue", [0, 0, 0])
    return Backlog(visible, in_flight, delayed, dead_letters=sum(counts.get("dead_letter_queue", [0])))


def stored_items(stack: Stack) -> int:
    """How many items the table holds."""
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(
        TableName=stack.facts["table"]["name"], Select="COUNT", ConsistentRead=True
    )
    return sum(page["Count"] for page in pages)


def commits(stack: Stack, start_ns: int) -> Iterator[dict[str, Any]]:
    """One row per request id that any item carries a commit of. ``start_ns`` is the replay's start by the handlers'
    clock."""
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(
        TableName=stack.facts["table"]["name"], ConsistentRead=True
    )
    for page in pages:
        for item in page["Items"]:
            found = item.get("found", {}).get("BOOL")
            for name, value in item.items():
                request_id = name.removeprefix(_COMMITS)
                if name.startswith(_COMMITS) and not request_id.startswith(WARM_UP_PREFIX):
                    stamp_ns = int(item[_STAMP + request_id]["N"])
                    yield {
                        "request_id": request_id,
                        "commits": int(value["N"]),
                        "stamp_us": (stamp_ns - start_ns) // 1000,
                        "found": found,
                    }


def take_messages(stack: Stack, queue: str) -> Iterator[dict[str, Any]]:
    """Receive, and so hide, every visible message of a queue; one row each."""
    url = stack.queue_urls.get(queue)
    while url:
        messages = stack.clients.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            WaitTimeSeconds=0,
            AttributeNames=["ApproximateReceiveCount"],
        ).get("Messages")
        if not messages:
            return
        for message in messages:
            # Receiving counts as a delivery too, but of ours, not of the consumer's.
            received = int(message["Attributes"]["ApproximateReceiveCount"]) - 1
            yield {"request_id": _request_id(message["Body"]), "queue": queue, "receive_count": received}


def _request_id(body: str) -> str:
    try:
        return str(json.loads(body)["request_id"])
    except (ValueError, KeyError, TypeError):
        return "unreadable"


@dataclass
class _Invocation:
    line: dict[str, Any] | None = None
    duration_us: int | None = None
    ended_ms: int = 0
    timed_out: bool = False
    of_the_lab: bool = False  # it was asked for the time


def _log_events(stack: Stack, function: str) -> Iterator[dict[str, Any]]:
    logs = stack.clients.logs
    group = f"/aws/lambda/{function}"
    if not any(one["logGroupName"] == group for one in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]):
        return  # never invoked
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
        yield from page["events"]


def _read_log(stack: Stack, function: str) -> dict[str, _Invocation]:
    """Invocation id to what its log says. A line may stand in a later invocation's log; it names its own."""
    invocations: dict[str, _Invocation] = {}
    started: dict[str, str] = {}  # log stream to the invocation it is in
    for event in _log_events(stack, function):
        message, stream = event["message"], event["logStreamName"]
        if message.startswith('{"archduel"'):
            line = json.loads(message)
            invocations.setdefault(line["invocation"], _Invocation()).line = line
        elif message.startswith('{"lab"'):
            invocations.setdefault(json.loads(message)["invocation"], _Invocation()).of_the_lab = True
        elif match := _REQUEST.match(message):
            started[stream] = match[2]
            invocation = invocations.setdefault(match[2], _Invocation())
            invocation.ended_ms = event["timestamp"]
            if match[1] == "REPORT" and (duration := _DURATION.search(message)):
                invocation.duration_us = round(float(duration[1]) * 1000)
        elif "Task timed out after" in message and stream in started:
            invocations[started[stream]].timed_out = True
    return {identifier: one for identifier, one in invocations.items() if not one.of_the_lab}


def _read_logs(stack: Stack, committed: Collection[str]) -> dict[str, dict[str, _Invocation]]:
    """Node of a function to its invocations. Where logs come late they are read again, until they have said the same
    for a while and tell of everything ``committed``; what a handler was cut off from telling is not waited for longer
    than the place's patience.
    """
    pace = stack.clients.pace
    said, since = None, time.monotonic()
    deadline = since + pace.patience_s
    while True:
        read = {node: _read_log(stack, function) for node, function in stack.function_names.items()}
        now = time.monotonic()
        if read != said:
            said, since = read, now
        if not pace.logs_s or now > deadline or (now - since >= pace.logs_s and _tell_of(read, committed)):
            return read
        time.sleep(pace.settle_poll_s)


def _tell_of(read: Mapping[str, Mapping[str, _Invocation]], committed: Collection[str]) -> bool:
    lines = (one.line for node in read.values() for one in node.values() if one.line)
    return set(committed) <= {record["id"] for line in lines for record in line["records"]}


def invocations(
    stack: Stack, start_ns: int, start_epoch_ms: float, committed: Collection[str] = ()
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of all invocations, and of the records their handlers logged. What had ended before the start is of an
    earlier replay or a warm-up: some emulators write their logs late, and so into those of the next.

    ``start_ns`` is the replay's start by the handlers' clock, ``start_epoch_ms`` by the logs': an invocation that ended
    without a line of its own is placed by the emulator's stamps, to the millisecond. Logs that come late are waited for
    until they tell of all that is ``committed``, by request id.
    """
    invocation_rows: list[dict[str, Any]] = []
    record_rows: list[dict[str, Any]] = []
    for node, read in _read_logs(stack, committed).items():
        for invocation_id, seen in read.items():
            identity = {"function": node, "invocation_id": invocation_id}
            if seen.line is None:
                duration_us = seen.duration_us or 0
                ended_us = round((seen.ended_ms - start_epoch_ms) * 1000)
                if ended_us < 0:
                    continue
                outcome = "timed_out" if seen.timed_out else "unlogged"
                invocation_rows.append(
                    {**identity, "started_us": ended_us - duration_us, "duration_us": duration_us, "outcome": outcome}
                )
                continue
            line = seen.line
            if line["ended_ns"] < start_ns:
                continue
            failed = sum(record["result"] == "failed" for record in line["records"])
            succeeded = len(line["records"]) - failed
            invocation_rows.append(
                {
                    **identity,
                    "started_us": (line["started_ns"] - start_ns) // 1000,
                    "duration_us": (line["ended_ns"] - line["started_ns"]) // 1000,
                    "cold": line["cold"],
                    "batch_size": len(line["records"]),
                    "outcome": "succeeded" if not failed else "partly_failed" if succeeded else "failed",
                }
            )
            record_rows += (
                {
                    **identity,
                    "request_id": record["id"],
                    "result": record["result"],
                    "at_us": (record["ns"] - start_ns) // 1000,
                    "receive_count": record.get("receive_count"),
                    "found": record.get("found"),
                }
                for record in line["records"]
                if not record["id"].startswith(WARM_UP_PREFIX)
            )
    return invocation_rows, record_rows
