"""The consumer behind a queue that delivers twice and late: what goes back into the queue, and what is handed on.

Imported from the very zip that is deployed; the queue and the table are in memory. Whether an emulator keeps to the
delays is not tested here.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from resources.architectures.packaging import package
from tests.unit.test_handlers import TABLE, Context, Json, Table, event, on_the_wire

URL = "http://127.0.0.1:9/123456789012/archduel-orders"


class Queue:
    """Accepts messages, or fails at the operation ``failing`` names, in that way."""

    def __init__(self, client: Any) -> None:
        self.calls: list[str] = []
        self.sent: list[Json] = []
        self.failing: dict[str, str] = {}
        on_the_wire(client, self._answer)

    def _answer(self, operation: str, request: Json) -> tuple[int, Json]:
        self.calls.append(operation)
        match self.failing.get(operation):
            case "refused":
                return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}
            case "unreachable":
                raise ConnectTimeoutError(endpoint_url=URL)
        if operation == "GetQueueUrl":
            assert request["QueueName"] == "archduel-orders"
            return 200, {"QueueUrl": URL}
        assert operation == "SendMessage"
        assert request["QueueUrl"] == URL
        self.sent.append({"body": json.loads(request["MessageBody"]), "delay_s": request["DelaySeconds"]})
        return 200, {"MessageId": "00000000-0000-4000-8000-000000000000"}


@dataclass
class Deployed:
    """The handler, the queue before it and the table behind it."""

    delivery: ModuleType
    queue: Queue
    table: Table
    capture: pytest.CaptureFixture[str]
    records: list[Json] = field(default_factory=list)  # of the last invocation

    def invoke(self, *bodies: str) -> list[int]:
        """One batch; returns which of its messages were reported as failed."""
        messages = event("sqs_batch")["Records"][: len(bodies)]
        for message, body in zip(messages, bodies, strict=True):
            message["body"] = body
        answer = self.delivery.consumer({"Records": messages}, Context())
        (line,) = self.capture.readouterr().out.splitlines()
        self.records = json.loads(line)["records"]
        assert set(answer) == {"batchItemFailures"}
        ids = [message["messageId"] for message in messages]
        return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    @property
    def results(self) -> list[tuple[str, str]]:
        return [(record["id"], record["result"]) for record in self.records]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Deployed]:
    settings = {
        "TABLE_NAME": TABLE,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    archive = tmp_path / "handlers.zip"
    archive.write_bytes(package())
    monkeypatch.syspath_prepend(archive)
    delivery = importlib.import_module("delivery")
    try:
        yield Deployed(delivery, Queue(delivery._sqs), Table(delivery.orders._dynamodb), capsys)
    finally:
        del sys.modules["delivery"], sys.modules["orders"]


def order(number: int = 17, **more: Any) -> Json:
    return {"request_id": str(number), "order_id": f"order-{number}", "details": "two dosas", **more}


def marked(kind: str, delay_s: int = 3, number: int = 17) -> str:
    return json.dumps(order(number, delivery={"kind": kind, "delay_s": delay_s}))


class TestTwice:
    def test_hands_the_original_on_and_sends_a_copy_without_the_mark(self, deployed: Deployed) -> None:
        assert deployed.invoke(marked("twice", 3)) == []
        assert deployed.results == [("17", "committed")]
        assert deployed.queue.sent == [{"body": order(), "delay_s": 3}]

    def test_the_copy_is_an_ordinary_message_and_a_duplicate(self, deployed: Deployed) -> None:
        deployed.invoke(marked("twice"))
        (copy,) = deployed.queue.sent
        assert deployed.invoke(json.dumps(copy["body"])) == []
        assert deployed.results == [("17", "duplicate")]
        assert deployed.table.commits("order-17", "17") == 1
        assert len(deployed.queue.sent) == 1, "copies of copies would never end"

    def test_copies_a_query_whole(self, deployed: Deployed) -> None:
        question = {"operation": "query", "request_id": "18", "order_id": "order-17"}
        deployed.invoke(json.dumps({**question, "delivery": {"kind": "twice", "delay_s": 0}}))
        assert deployed.queue.sent == [{"body": question, "delay_s": 0}]


class TestLate:
    def test_counts_as_done_and_is_seen_only_as_its_copy(self, deployed: Deployed) -> None:
        assert deployed.invoke(marked("late", 900)) == []
        assert deployed.results == []
        assert deployed.table.items == {}
        assert deployed.queue.sent == [{"body": order(), "delay_s": 900}]
        deployed.invoke(json.dumps(deployed.queue.sent[0]["body"]))
        assert deployed.results == [("17", "committed")]

    def test_leaves_the_rest_of_its_batch_alone(self, deployed: Deployed) -> None:
        assert deployed.invoke(json.dumps(order(1)), marked("late", number=2), json.dumps(order(3))) == []
        assert deployed.results == [("1", "committed"), ("3", "committed")]


@pytest.mark.parametrize("kind", ["twice", "late"])
class TestACopyThatCannotBeSent:
    @pytest.mark.parametrize("operation", ["GetQueueUrl", "SendMessage"])
    @pytest.mark.parametrize("how", ["refused", "unreachable"])
    def test_makes_its_message_come_again_and_no_other(
        self, deployed: Deployed, kind: str, operation: str, how: str
    ) -> None:
        deployed.queue.failing = {operation: how}
        assert deployed.invoke(json.dumps(order(1)), marked(kind, number=2), json.dumps(order(3))) == [1]
        done = {"twice": ["1", "2", "3"], "late": ["1", "3"]}[kind]
        assert deployed.results == [(request_id, "committed") for request_id in done]
        assert deployed.queue.calls.count(operation) == 1, "it comes again anyway; trying twice only takes time"

    def test_is_sent_when_it_comes_again(self, deployed: Deployed, kind: str) -> None:
        deployed.queue.failing = {"GetQueueUrl": "unreachable"}
        assert deployed.invoke(marked(kind)) == [0]
        deployed.queue.failing = {}
        assert deployed.invoke(marked(kind)) == []
        assert [copy["body"] for copy in deployed.queue.sent] == [order()]


class TestWhatIsHandedOn:
    @pytest.mark.parametrize(
        "mark",
        [
            None,
            "twice",
            [],
            ["twice", 3],
            {},
            {"kind": "twice"},
            {"delay_s": 3},
            {"kind": "thrice", "delay_s": 3},
            {"kind": ["twice"], "delay_s": 3},
            {"kind": "twice", "delay_s": -1},
            {"kind": "late", "delay_s": 901},
            {"kind": "late", "delay_s": 1.5},
            {"kind": "late", "delay_s": "3"},
            {"kind": "late", "delay_s": True},
            {"kind": "late", "delay_s": None},
        ],
    )
    def test_a_mark_that_says_nothing_changes_nothing(self, deployed: Deployed, mark: Any) -> None:
        assert deployed.invoke(json.dumps(order(delivery=mark))) == []
        assert deployed.results == [("17", "committed")]
        assert deployed.queue.calls == []

    def test_an_unmarked_message_is(self, deployed: Deployed) -> None:
        assert deployed.invoke(json.dumps(order())) == []
        assert deployed.results == [("17", "committed")]
        assert deployed.queue.calls == []

    @pytest.mark.parametrize("body", ["no JSON", "", "[]", "null", "[" * 100_000])
    def test_an_unreadable_message_is_and_fails_as_it_would(self, deployed: Deployed, body: str) -> None:
        assert deployed.invoke(body, json.dumps(order())) == [0]
        assert deployed.results == [("unreadable", "failed"), ("17", "committed")]

    def test_an_order_that_failed_is_not_copied_or_every_try_would_add_a_copy(self, deployed: Deployed) -> None:
        mark = {"kind": "twice", "delay_s": 0}
        assert deployed.invoke(json.dumps(order(details=0, delivery=mark))) == [0]
        assert deployed.queue.sent == []

    def test_failures_of_both_kinds_are_reported_together(self, deployed: Deployed) -> None:
        deployed.queue.failing = {"SendMessage": "refused"}
        assert sorted(deployed.invoke("no JSON", marked("late"), json.dumps(order(1)))) == [0, 1]

    def test_a_warm_up_event_is(self, deployed: Deployed) -> None:
        assert deployed.delivery.consumer({"warm_up": {"hold_ms": 0}}, Context()) == {}
        assert deployed.capture.readouterr().out == "{}\n"


class TestTheQueue:
    def test_is_looked_up_once(self, deployed: Deployed) -> None:
        for number in range(2):
            deployed.invoke(marked("twice", number=number), marked("late", number=10 + number))
        assert deployed.queue.calls == ["GetQueueUrl"] + 4 * ["SendMessage"]

    def test_is_where_the_environment_says_and_is_not_waited_for(self, deployed: Deployed) -> None:
        client = deployed.delivery._sqs.meta
        assert client.endpoint_url == "http://127.0.0.1:9"
        assert (client.config.connect_timeout, client.config.read_timeout) == (1, 1)
