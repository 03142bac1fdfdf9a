"""Reading what is in an architecture's table, queues and logs, past the fault proxy.

Put here what is read, as rows of `resources.warehouse.observations` without those of warm-ups. Keep out when it is read
(`resources.lab.experiment`, `resources.lab.settling`) and what it means (`assets.analysis.outcomes`).
"""

import json
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.architectures.parts.api import RESULT
from resources.architectures.parts.queue import DEAD_LETTER_QUEUE, QUEUE, kind_of
from resources.architectures.stack import Stack, effect_of
from workloads.replay.schedule import WARM_UP_PREFIX, opened

_COUNTS = [f"ApproximateNumberOfMessages{where}" for where in ("", "NotVisible", "Delayed")]
_COMMITS, _STAMP = "commits#", "stamp#"
_REQUEST = re.compile(r"(START|REPORT) RequestId: (\S+)")
_OF_THE_PLATFORM = re.compile(r'(?:START|END|REPORT|INIT_START) |\{"(?:archduel|lab)"|\{\}')
_EVENTS_IN_A_PAGE = 10_000  # at most: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents
_DURATION = re.compile(r"\tDuration: ([0-9.]+) ms")


@dataclass(frozen=True)
class Backlog:
    """How many messages are where; all 0 for an architecture without queues."""

    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    dead_letters: int = 0

    @property
    def waiting(self) -> int:
        """How many messages are in the queue: visible, in flight or delayed."""
        return self.visible + self.in_flight + self.delayed


def backlog(stack: Stack) -> Backlog:
    """What the queues report right now."""
    counts = {QUEUE: [0, 0, 0], DEAD_LETTER_QUEUE: [0, 0, 0]}
    for name, urls in stack.queue_urls.items():
        for url in urls:
            read = stack.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
            counts[kind_of(name)] = [
                count + int(read[attribute]) for count, attribute in zip(counts[kind_of(name)], _COUNTS, strict=True)
            ]
    visible, in_flight, delayed = counts[QUEUE]
    return Backlog(visible, in_flight, delayed, dead_letters=sum(counts[DEAD_LETTER_QUEUE]))


def stored_items(stack: Stack) -> int:
    """How many items the table holds."""
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(
        TableName=stack.facts["table"]["name"], Select="COUNT", ConsistentRead=True
    )
    return sum(page["Count"] for page in pages)


def commits(stack: Stack, start_ns: int) -> Iterator[dict[str, Any]]:
    """The commits that the table's items carry.

    Args:
        stack: The architecture's resources.
        start_ns: The replay's start by the handlers' clock.

    Yields:
        A row of the table `items` for each request id with a commit, and effect, without its repetition.
    """
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(
        TableName=stack.facts["table"]["name"], ConsistentRead=True
    )
    for page in pages:
        for item in page["Items"]:
            found = item.get("found", {}).get("BOOL")
            for name, value in item.items():
                request_id, _, effect = (of := name.removeprefix(_COMMITS)).partition("#")
                if name.startswith(_COMMITS) and not request_id.startswith(WARM_UP_PREFIX):
                    stamp_ns = int(item[_STAMP + of]["N"])
                    yield {
                        "request_id": request_id,
                        "effect": effect or None,
                        "commits": int(value["N"]),
                        "stamp_us": (stamp_ns - start_ns) // 1000,
                        "found": found,
                    }


def executed(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The executions of commands by a service of the user's own, whose items say nothing of requests.

    What was executed and cut off before its line was logged is not among them.

    Args:
        records: Rows of the table `records`.

    Returns:
        A row of the table `items` for each request, without its repetition; a query's answer behind a queue is stored
        by the lab, and counted there.
    """
    rows: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["result"] == "committed" and record["found"] is None:
            at_us = record["at_us"]
            row = rows.setdefault(
                record["request_id"],
                {"request_id": record["request_id"], "commits": 0, "stamp_us": at_us, "found": None},
            )
            row["commits"] += 1
            row["stamp_us"] = min(row["stamp_us"], at_us)
    return list(rows.values())


def take_messages(stack: Stack) -> Iterator[dict[str, Any]]:
    """Receive every visible message of all queues, which hides it, or deletes it where it would hide others.

    Yields:
        A row of the table `messages` for each, without its repetition.
    """
    for node, urls in stack.queue_urls.items():
        of = {"queue": kind_of(node), "effects": stack.nodes[node].effects or None}
        yield from ({**of, **message} for message in _taken_from(stack, list(urls)))


def _taken_from(stack: Stack, urls: list[str]) -> Iterator[dict[str, Any]]:
    while urls:
        url = urls[-1]
        messages = stack.clients.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            WaitTimeSeconds=0,
            AttributeNames=["ApproximateReceiveCount"],
        ).get("Messages")
        if not messages:
            urls.pop()
            continue
        for message in messages:
            # Receiving counts as a delivery too, but not one to the consumer.
            received = int(message["Attributes"]["ApproximateReceiveCount"]) - 1
            if url.endswith(".fifo"):  # which gives out no other of its group while this one is there
                stack.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield {"request_id": _request_id(message["Body"]), "receive_count": received}


def _request_id(body: str) -> str:
    known = opened(body)
    payload = known.get("requestPayload")  # of what failed when it was invoked asynchronously
    return str((payload if isinstance(payload, dict) else known).get("request_id", "unreadable"))


def in_lambdas_queue(
    samples: Sequence[Mapping[str, Any]], accepted_us: npt.NDArray[np.int64], items: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The samples of an architecture whose functions are invoked asynchronously, with how many requests were queued.

    Lambda reports nothing of its own queue. In it, or being worked on, is what was accepted by then and neither stored
    nor handed over to the queue for what failed.

    Args:
        samples: Rows of the table `samples`.
        accepted_us: When each request was accepted, microseconds since the start.
        items: Rows of the table `items`, of the requests that were accepted.
    """
    at_us = np.array([row["t_us"] for row in samples], np.int64)
    stored_us = np.sort(np.array([row["stamp_us"] for row in items], np.int64))
    given_up = np.array([row["dead_letters"] or 0 for row in samples], np.int64)
    queued = np.searchsorted(np.sort(accepted_us), at_us, side="right")
    waiting = np.maximum(queued - np.searchsorted(stored_us, at_us, side="right") - given_up, 0)
    return [
        {**row, "queue_in_flight": None if row["dead_letters"] is None else count}
        for row, count in zip(samples, waiting.tolist(), strict=True)
    ]


@dataclass
class _Invocation:
    line: dict[str, Any] | None = None
    duration_us: int | None = None
    ended_ms: int = 0
    timed_out: bool = False
    by_lab: bool = False  # the lab read the clock with it
    reported: bool = False


def _log_events(stack: Stack, function: str) -> Iterator[dict[str, Any]]:
    logs = stack.clients.logs
    group = f"/aws/lambda/{function}"
    if not any(one["logGroupName"] == group for one in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]):
        return  # never invoked
    since: dict[str, int] = {}
    read: list[tuple[str, str]] = []  # of the millisecond from which on it goes on
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **since)
        events = [event for page in pages for event in page["events"]]
        again = Counter(read)
        for event in events:
            if again[one := (event["logStreamName"], event["message"])] and event["timestamp"] == since["startTime"]:
                again[one] -= 1
            else:
                yield event
        if len(events) != _EVENTS_IN_A_PAGE:
            return
        # As many as a page may hold: an emulator names no next page.
        last_ms = events[-1]["timestamp"]
        if last_ms == since.get("startTime"):
            since, read = {"startTime": last_ms + 1}, []
        else:
            since = {"startTime": last_ms}
            read = [(one["logStreamName"], one["message"]) for one in events if one["timestamp"] == last_ms]


def last_logged(stack: Stack, characters: int = 3_000) -> str:
    """The end of what the functions logged themselves, without Lambda's lines and those of the lab."""
    functions = (function for named in stack.function_names.values() for function in named)
    events = [event for function in functions for event in _log_events(stack, function)]
    events.sort(key=lambda event: event["timestamp"])
    lines = [event["message"].rstrip() for event in events if not _OF_THE_PLATFORM.match(event["message"])]
    return "\n".join(lines)[-characters:]


def _read_log(stack: Stack, functions: Sequence[str]) -> dict[str, _Invocation]:
    """What the logs say of each invocation, by id. A line may stand in a later invocation's log; it names its own."""
    invocations: dict[str, _Invocation] = {}
    started: dict[str, str] = {}  # log stream to the invocation it is in
    tries: Counter[str] = Counter()  # of an invocation, whose id stays where Lambda tries again
    for event in (event for function in functions for event in _log_events(stack, function)):
        message, stream = event["message"], event["logStreamName"]
        if message.startswith('{"archduel"'):
            line = json.loads(message)
            name = _tried(line["invocation"], tries)
            if (known := invocations.get(name)) and known.line and known.line["started_ns"] != line["started_ns"]:
                tries[line["invocation"]] += 1
                name = _tried(line["invocation"], tries)
            invocations.setdefault(name, _Invocation()).line = line
        elif message.startswith('{"lab"'):
            invocations.setdefault(json.loads(message)["invocation"], _Invocation()).by_lab = True
        elif match := _REQUEST.match(message):
            name = _tried(match[2], tries)
            if match[1] == "START" and name in invocations and invocations[name].reported:
                tries[match[2]] += 1
                name = _tried(match[2], tries)
            started[stream] = name
            invocation = invocations.setdefault(name, _Invocation())
            invocation.reported |= match[1] == "REPORT"
            invocation.ended_ms = event["timestamp"]
            if match[1] == "REPORT" and (duration := _DURATION.search(message)):
                invocation.duration_us = round(float(duration[1]) * 1000)
        elif "Task timed out after" in message and stream in started:
            invocations[started[stream]].timed_out = True
    return {identifier: one for identifier, one in invocations.items() if not one.by_lab}


def _tried(invocation_id: str, tries: Mapping[str, int]) -> str:
    """What an attempt is called: the second and further ones have their number behind the id."""
    return f"{invocation_id}/{tries[invocation_id] + 1}" if tries.get(invocation_id) else invocation_id


def _read_logs(stack: Stack, committed: Collection[str]) -> dict[str, dict[str, _Invocation]]:
    """Each function's node with its invocations by id.

    Where logs come late they are read again until they have not changed for a while and mention every request
    ``committed``; for what a handler was cut off from logging, the wait ends with the services' patience.
    """
    pace = stack.clients.pace
    seen, since = None, time.monotonic()
    deadline = since + pace.patience_s
    while True:
        read = {node: _read_log(stack, functions) for node, functions in stack.function_names.items()}
        now = time.monotonic()
        if read != seen:
            seen, since = read, now
        if not pace.logs_s or now > deadline or (now - since >= pace.logs_s and _mention(read, committed)):
            return read
        time.sleep(pace.settle_poll_s)


def _mention(read: Mapping[str, Mapping[str, _Invocation]], committed: Collection[str]) -> bool:
    """Whether lines of what carried them out name them all; a line of what hands out an answer does not count."""
    lines = (one.line for node, ones in read.items() if node != RESULT for one in ones.values() if one.line)
    return set(committed) <= {record["id"] for line in lines for record in line["records"]}


def invocations(
    stack: Stack, start_ns: int, start_epoch_ms: float, committed: Collection[str] = ()
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All invocations of a replay, and the records their handlers logged.

    What had ended before the start belongs to an earlier replay or a warm-up: some emulators write their logs late, and
    so into those of the next. An invocation that ended without a line of its own is placed by the emulator's stamps, to
    the millisecond.

    Args:
        stack: The architecture's resources.
        start_ns: The replay's start by the handlers' clock.
        start_epoch_ms: The same by the logs' clock.
        committed: The request ids that late logs are waited for to mention.

    Returns:
        Rows of the tables `invocations` and `records`, without their repetition.
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
                    "environment": line["environment"],
                    "batch_size": len(line["records"]),
                    "outcome": "succeeded" if not failed else "partly_failed" if succeeded else "failed",
                }
            )
            record_rows += (
                {
                    **identity,
                    "request_id": record["id"],
                    "effect": effect_of(stack.nodes[node]),
                    "result": record["result"],
                    "at_us": (record["ns"] - start_ns) // 1000,
                    "receive_count": record.get("receive_count"),
                    "found": record.get("found"),
                    "worked_us": record.get("worked_us"),
                }
                for record in line["records"]
                if not record["id"].startswith(WARM_UP_PREFIX)
            )
    return invocation_rows, record_rows
