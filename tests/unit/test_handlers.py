"""The Lambda functions with the payloads that API Gateway and SQS really send, and a table in memory.

botocore checks every call against the service's own model before the table answers it. What an emulator does with the
code is tested with the emulator.
"""

import contextlib
import importlib.util
import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.architectures.packaging import package
from resources.machine.leash import free_port
from resources.prices.book import assumptions
from workloads.places import REPOSITORY, Places
from workloads.replay.schedule import sealed

EVENTS = Path(__file__).parent.parent / "events"
SOURCE = REPOSITORY / "resources" / "architectures" / "handlers" / "orders.py"
HANDLERS = [SOURCE.with_name("delivery.py"), SOURCE]
TABLE = "archduel-orders"

Json = dict[str, Any]
Load = Callable[..., ModuleType]


@dataclass
class Context:
    """What Lambda passes beside the event."""

    aws_request_id: str = "9d1e6a2c-invocation"


def event(name: str) -> Json:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


def load_orders(patch: pytest.MonkeyPatch, **environment: str | None) -> ModuleType:
    """Imports the handlers afresh, as a cold start does: their settings are read from the environment.

    What is None there is not set.
    """
    settings = {
        "TABLE_NAME": TABLE,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        **environment,
    }
    for name, value in settings.items():
        if value is None:
            patch.delenv(name, raising=False)
        else:
            patch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("orders", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    return lambda **environment: load_orders(monkeypatch, **environment)


def on_the_wire(client: Any, answer: Callable[[str, Json], tuple[int, Json]]) -> None:
    """Let ``answer(operation, request)`` stand in for the service: botocore writes the one, and reads the other."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        target = target.decode() if isinstance(target, bytes) else target
        status, body = answer(target.rpartition(".")[2], json.loads(request.body))
        response = AWSResponse(request.url, status, {}, None)
        response._content = json.dumps(body).encode()
        return response

    client.meta.events.register("before-send.*.*", send)


class Table:
    """A table in memory that understands the handlers' reads and updates, conditions included."""

    def __init__(self, client: Any) -> None:
        self.items: dict[str, Json] = {}
        self.calls: list[str] = []
        self.refusals: list[str | None] = []  # for each call to come: the code it is refused with, or None
        self.loses_its_answers = False
        self.answers_lost = 0  # of the next calls
        on_the_wire(client, self._answer)

    def commits(self, key: str, request_id: str) -> int:
        return int(self.items[key][f"commits#{request_id}"]["N"])

    def _answer(self, operation: str, request: Json) -> tuple[int, Json]:
        assert request["TableName"] == TABLE
        self.calls.append(operation)
        if self.refusals and (code := self.refusals.pop(0)):
            return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "slow down"}
        key = request["Key"]["id"]["S"]
        if operation == "GetItem":
            assert request["ConsistentRead"] is True
            answer: tuple[int, Json] = (200, {"Item": self.items[key]} if key in self.items else {})
        else:
            answer = self._update(key, request)
        self.answers_lost -= 1
        if self.loses_its_answers or self.answers_lost >= 0:
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1:9")
        return answer

    def _update(self, key: str, request: Json) -> tuple[int, Json]:
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        item = self.items.get(key, {"id": {"S": key}})
        if condition := request.get("ConditionExpression"):
            match = re.fullmatch(r"attribute_not_exists\((#\w+)\)", condition)
            assert match, condition
            if names[match[1]] in item:
                return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
        sets, _, added = request["UpdateExpression"].removeprefix("SET ").partition(" ADD ")
        for name, once, value in re.findall(r"(#\w+) = (if_not_exists\(#\w+, )?(:\w+)", sets):
            if not (once and names[name] in item):
                item[names[name]] = values[value]
        name, value = added.split()
        before = int(item.get(names[name], {"N": "0"})["N"])
        item[names[name]] = {"N": str(before + int(values[value]["N"]))}
        self.items[key] = item
        return 200, {}


def payload(entry: str) -> Json:
    """What is sent to an entry point: the fetch is of the answer to `QUESTION`."""
    if entry == "result":
        return {**event("api_gateway_get"), "pathParameters": {"ticket": "19"}, "queryStringParameters": None}
    return event({"command": "api_gateway_post", "query": "api_gateway_get", "consumer": "sqs_batch"}[entry])


@dataclass
class Handlers:
    """The handlers of one variant and a table in memory behind them; ``printed`` is what the invocations so far did."""

    module: ModuleType
    table: Table
    capture: pytest.CaptureFixture[str]
    second: str  # the result of a request that comes again
    commits: int  # of both together
    printed: list[str] = field(default_factory=list)

    def invoke(self, entry: str, payload: Json) -> Json:
        answer: Json = getattr(self.module, entry)(payload, Context())
        self.printed += self.capture.readouterr().out.splitlines()
        return answer

    @property
    def line(self) -> Json:
        """The one line of the last invocation, the only one since the lines were looked at."""
        (line,) = self.printed
        self.printed.clear()
        return dict(json.loads(line))

    def ask(self, entry: str, **changed: Any) -> tuple[int, Json, list[Json]]:
        """One request behind the API: its status, its answer and its records."""
        answer = self.invoke(entry, {**payload(entry), **changed})
        assert answer["headers"] == {"Content-Type": "application/json"}
        return answer["statusCode"], json.loads(answer["body"]), self.line["records"]

    def post(self, order: Json) -> tuple[int, list[Json]]:
        """One command behind the API: its status, and its records."""
        status, _, records = self.ask("command", body=json.dumps(order))
        return status, records

    def batch(self, messages: list[Json]) -> tuple[list[str], list[Json]]:
        """One batch: the ids of the messages it reported, and its records."""
        answer = self.invoke("consumer", {"Records": messages})
        assert set(answer) == {"batchItemFailures"}
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]], self.line["records"]

    def deliver(self, *bodies: Json) -> tuple[list[str], list[Json]]:
        """One batch of these bodies."""
        messages = event("sqs_batch")["Records"][: len(bodies)]
        return self.batch(
            [{**message, "body": json.dumps(body)} for message, body in zip(messages, bodies, strict=True)]
        )


Make = Callable[..., Handlers]


@pytest.fixture
def make(load: Load, capsys: pytest.CaptureFixture[str]) -> Make:
    """Handlers with this environment."""

    def handlers(**environment: str) -> Handlers:
        module = load(**environment)
        again = ("committed", 2) if environment.get("VARIANT") == "naive" else ("duplicate", 1)
        return Handlers(module, Table(module._dynamodb), capsys, *again)

    return handlers


@pytest.fixture
def handlers(make: Make) -> Handlers:
    return make(VARIANT="idempotent")


@pytest.fixture(params=["idempotent", "naive"])
def variant(make: Make, request: pytest.FixtureRequest) -> Handlers:
    return make(VARIANT=request.param)


UNREADABLE = [
    pytest.param(None, id="none"),
    pytest.param("", id="empty"),
    pytest.param("order=17", id="no JSON"),
    pytest.param('{"request_id": "17"', id="cut off"),
    pytest.param("[" * 100_000, id="nested without end"),
    pytest.param("[]", id="a list"),
    pytest.param("17", id="a number"),
    pytest.param("null", id="null"),
    pytest.param("{}", id="nothing"),
    pytest.param('{"order_id": "order-17"}', id="no request"),
    pytest.param('{"request_id": 17, "order_id": "order-17"}', id="a numeric request"),
    pytest.param('{"request_id": "", "order_id": "order-17"}', id="an empty request"),
    pytest.param('{"request_id": ["17"], "order_id": "order-17"}', id="a list of requests"),
    pytest.param('{"request_id": "\\ud800", "order_id": "order-17"}', id="half a character"),
]

INVALID = [
    pytest.param({}, id="no order"),
    pytest.param({"order_id": 17}, id="a numeric order"),
    pytest.param({"order_id": ""}, id="an empty order"),
    pytest.param({"order_id": "\ud800"}, id="half a character"),
    pytest.param({"order_id": "o", "details": 0}, id="numeric details"),
    pytest.param({"order_id": "o", "details": None}, id="null for details"),
    pytest.param({"order_id": "o", "details": {"S": "x"}}, id="an object for details"),
    pytest.param({"order_id": "o", "work_ms": -1}, id="negative work"),
    pytest.param({"order_id": "o", "work_ms": 1.5}, id="half a millisecond"),
    pytest.param({"order_id": "o", "work_ms": "5"}, id="work as text"),
    pytest.param({"order_id": "o", "work_ms": True}, id="true work"),
    pytest.param({"order_id": "o", "work_ms": None}, id="null for work"),
    pytest.param({"order_id": "o", "work_us": -1}, id="negative recorded work"),
    pytest.param({"order_id": "o", "work_us": "1.5"}, id="recorded work with a point"),
    pytest.param({"order_id": "o", "work_us": "9" * 13}, id="recorded work of a century"),
    pytest.param({"order_id": "o", "work_us": None}, id="null for recorded work"),
]


THROTTLED = "ProvisionedThroughputExceededException"
ORDER = {"request_id": "17", "order_id": "order-17", "details": "two dosas"}
CHANGE = {"request_id": "18", "order_id": "order-17", "details": "three dosas"}
QUESTION = {"operation": "query", "request_id": "19", "order_id": "order-17"}


class Topic:
    """SNS in the handlers' place of it."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.published: list[Json] = []
        self._fault = fault

    def publish(self, **message: str) -> None:
        if self._fault:
            raise self._fault
        self.published.append(message)


class TestPublisher:
    TOPIC = "arn:aws:sns:us-east-1:1:orders"

    def publish(self, make: Make, topic: Topic, **event_: Any) -> tuple[int, Json, list[Json]]:
        handlers = make(TOPIC_ARN=self.TOPIC)
        setattr(handlers.module, "_sns", lambda: topic)  # noqa: B010 - of a module that no type checker knows
        answer = handlers.invoke("publisher", {"queryStringParameters": None, **event_})
        return answer["statusCode"], json.loads(answer["body"]), handlers.line["records"]

    @pytest.mark.parametrize("body", [json.dumps(ORDER), json.dumps({**ORDER, "details": 0})])
    def test_accepts_what_the_topic_took_as_it_came_valid_or_not(self, make: Make, body: str) -> None:
        topic = Topic()
        status, answer, [record] = self.publish(make, topic, body=body)
        assert (status, answer, record["id"], record["result"]) == (202, {"request_id": "17"}, "17", "published")
        assert topic.published == [{"TopicArn": self.TOPIC, "Message": body}]

    def test_refuses_what_the_topic_did_not_take(self, make: Make) -> None:
        fault = ReadTimeoutError(endpoint_url="http://127.0.0.1:9")
        status, answer, [record] = self.publish(make, Topic(fault), body=json.dumps(ORDER))
        assert (status, answer["request_id"], record["result"]) == (503, "17", "failed")

    def test_a_request_that_names_none_is_published_and_recorded_as_none(self, make: Make) -> None:
        topic = Topic()
        assert self.publish(make, topic, body="no JSON") == (202, {"request_id": ""}, [])
        assert [message["Message"] for message in topic.published] == ["no JSON"]


class TestCommand:
    def test_is_created_once_it_is_stored_and_tells_in_its_line_when_the_write_had_returned(
        self, handlers: Handlers
    ) -> None:
        before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        answer = handlers.invoke("command", event("api_gateway_post"))
        after_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert answer["statusCode"] == 201
        assert json.loads(answer["body"]) == {"request_id": "17", "order_id": "order-17", "status": "placed"}
        item = handlers.table.items["order-17"]
        assert set(item) == {"id", "status", "details", "commits#17", "stamp#17"}
        assert (item["status"], item["details"]) == ({"S": "placed"}, {"S": "two dosas, no onion"})
        assert handlers.table.commits("order-17", "17") == 1
        line = handlers.line
        assert set(line) == {"archduel", "invocation", "started_ns", "ended_ns", "cold", "environment", "records"}
        assert (line["archduel"], line["invocation"], line["cold"]) == (1, Context().aws_request_id, True)
        (record,) = line["records"]
        assert (record["id"], record["result"]) == ("17", "committed")
        written_ns = int(item["stamp#17"]["N"])
        assert before_ns <= line["started_ns"] <= written_ns <= record["ns"] <= line["ended_ns"] <= after_ns

    def test_stores_an_effect_that_is_not_the_first_in_an_item_of_its_own_and_counts_it_apart(self, make: Make) -> None:
        handlers = make(EFFECT="notification")
        handlers.invoke("command", event("api_gateway_post"))
        assert set(handlers.table.items) == {"notification/order-17"}
        item = handlers.table.items["notification/order-17"]
        assert set(item) == {"id", "status", "details", "commits#17#notification", "stamp#17#notification"}

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_refuses_a_body_that_names_no_request(self, handlers: Handlers, body: str | None) -> None:
        status, answer, records = handlers.ask("command", body=body)
        assert (status, records, handlers.table.calls) == (400, [], [])
        assert "request_id and order_id" in answer["error"]

    @pytest.mark.parametrize("fault", INVALID)
    def test_refuses_an_invalid_order_and_records_it(self, handlers: Handlers, fault: Json) -> None:
        status, answer, (record,) = handlers.ask("command", body=json.dumps({"request_id": "17", **fault}))
        assert (status, handlers.table.calls) == (400, [])
        assert answer["error"]
        assert (record["id"], record["result"], record["error"]) == ("17", "failed", "InvalidOrder")

    def test_takes_an_order_without_details(self, handlers: Handlers) -> None:
        assert handlers.post({"request_id": "17", "order_id": "order-17"})[0] == 201
        assert handlers.table.items["order-17"]["details"] == {"S": ""}


@pytest.mark.parametrize(("entry", "request_id"), [("command", "17"), ("query", "18"), ("result", "19")])
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (THROTTLED, 503, THROTTLED),
        ("InternalServerError", 503, "InternalServerError"),
        pytest.param("ValidationException", 400, "InvalidOrder", id="what the table could never hold"),
    ],
)
def test_a_refusal_of_the_table_is_answered_and_recorded(
    handlers: Handlers, entry: str, request_id: str, code: str, status: int, error: str
) -> None:
    handlers.table.refusals = [code]
    answered, answer, (record,) = handlers.ask(entry)
    assert (answered, len(handlers.table.calls)) == (status, 1)
    assert answer.get("request_id", request_id) == request_id
    assert (record["id"], record["result"], record["error"]) == (request_id, "failed", error)


class TestQuery:
    @pytest.mark.parametrize(
        ("found", "status", "words"), [(True, 200, {"status": "placed"}), (False, 404, {"error": "no such order"})]
    )
    def test_answers_whether_the_order_is_there(
        self, handlers: Handlers, found: bool, status: int, words: dict[str, str]
    ) -> None:
        if found:
            handlers.post(ORDER)
        answered, answer, (record,) = handlers.ask("query")
        assert (answered, answer) == (status, {"request_id": "18", "order_id": "order-17", **words})
        assert (record["id"], record["result"], record["found"]) == ("18", "answered", found)

    def test_serves_a_request_without_a_query_string(self, handlers: Handlers) -> None:
        status, _, (record,) = handlers.ask("query", queryStringParameters=None)
        assert (status, record["id"]) == (404, "")


class TestResult:
    """A fetch of the answer to a queued query, by the query's id."""

    @pytest.mark.parametrize(("found", "status"), [(True, "placed"), (False, "unknown")])
    def test_hands_out_what_the_consumer_stored(self, handlers: Handlers, found: bool, status: str) -> None:
        if found:
            handlers.post(ORDER)
        handlers.deliver(QUESTION)
        answered, answer, (record,) = handlers.ask("result")
        assert (answered, answer) == (200, {"request_id": "19", "status": status, "found": found})
        assert (record["id"], record["result"], record["found"]) == ("19", "answered", True)

    def test_says_that_there_is_none_yet(self, handlers: Handlers) -> None:
        answered, answer, (record,) = handlers.ask("result")
        assert (answered, answer["request_id"]) == (404, "19")
        assert (record["id"], record["result"], record["found"]) == ("19", "answered", False)


class TestSdkDefaults:
    """What the variant changes: the SDK's attempts and time-outs, and nothing about writes."""

    @pytest.fixture
    def eager(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> Handlers:
        monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the SDK's back-off: 25 s on average in all
        return make(VARIANT="sdk_defaults", TABLE_TIMEOUT_MS="60000")

    def test_an_attempt_may_take_a_minute(self, eager: Handlers) -> None:
        config = eager.module._dynamodb.meta.config
        assert (config.connect_timeout, config.read_timeout) == (60, 60)

    @pytest.mark.parametrize(("refusals", "status"), [(9, 201), (10, 503)])
    def test_a_write_has_ten_attempts(self, eager: Handlers, refusals: int, status: int) -> None:
        eager.table.refusals = [THROTTLED] * refusals
        assert eager.post(ORDER)[0] == status
        assert len(eager.table.calls) == 10

    def test_a_retry_of_a_write_whose_answer_was_lost_writes_nothing(self, eager: Handlers) -> None:
        eager.table.answers_lost = 1
        status, (record,) = eager.post(ORDER)
        assert (status, record["result"]) == (201, "duplicate")
        assert eager.table.commits("order-17", "17") == 1

    def test_other_variants_try_once(self, variant: Handlers) -> None:
        variant.table.refusals = [THROTTLED]
        assert variant.post(ORDER)[0] == 503
        assert len(variant.table.calls) == 1


class TestConsumer:
    @pytest.fixture
    def messages(self) -> list[Json]:
        """Ten: the third, the sixth and the last are queries of the orders before them."""
        return list(event("sqs_batch")["Records"])

    def test_does_a_whole_batch_of_commands_and_queries(self, handlers: Handlers, messages: list[Json]) -> None:
        reported, records = handlers.batch(messages)
        assert reported == []
        assert [record["id"] for record in records] == [str(number) for number in range(100, 110)]
        assert {record["result"] for record in records} == {"committed"}
        assert [record["receive_count"] for record in records] == [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
        assert [record["id"] for record in records if record.get("found")] == ["102", "105", "109"]
        assert sorted(record["ns"] for record in records) == [record["ns"] for record in records]
        assert len(handlers.table.items) == 10

    @pytest.mark.parametrize(("found", "status"), [(True, "placed"), (False, "unknown")])
    def test_stores_the_answer_to_a_query_where_its_asker_can_look(
        self, handlers: Handlers, found: bool, status: str
    ) -> None:
        if found:
            handlers.post(ORDER)
        reported, (record,) = handlers.deliver(QUESTION)
        assert (reported, record["found"]) == ([], found)
        answer = handlers.table.items["answer/19"]
        assert (answer["status"], answer["found"]) == ({"S": status}, {"BOOL": found})
        assert handlers.table.commits("answer/19", "19") == 1

    @pytest.mark.parametrize("first", [0, 2, 4, 9])
    def test_stops_at_the_first_refusal_and_reports_it_and_the_rest(
        self, handlers: Handlers, messages: list[Json], first: int
    ) -> None:
        served = sum(2 if "operation" in message["body"] else 1 for message in messages[:first])
        handlers.table.refusals = [None] * served + [THROTTLED]
        reported, records = handlers.batch(messages)
        assert len(handlers.table.calls) == served + 1, "and not one call after it"
        assert reported == [message["messageId"] for message in messages[first:]]
        assert [record["result"] for record in records] == ["committed"] * first + ["failed"] * (10 - first)

    def test_a_query_whose_answer_cannot_be_stored_has_failed(self, handlers: Handlers) -> None:
        handlers.table.refusals = [None, THROTTLED]
        reported, (record,) = handlers.deliver(QUESTION)
        assert (len(reported), record["result"]) == (1, "failed")
        assert handlers.deliver(QUESTION)[0] == [], "the table is tried again in the next batch"

    @pytest.mark.parametrize("body", UNREADABLE[1:])
    def test_reports_an_unreadable_message_alone(self, handlers: Handlers, messages: list[Json], body: str) -> None:
        assert self.record_of_the_odd_one(handlers, messages[:3], body)["id"] == "unreadable"

    @pytest.mark.parametrize("fault", INVALID)
    def test_reports_an_invalid_order_alone_and_names_it(
        self, handlers: Handlers, messages: list[Json], fault: Json
    ) -> None:
        body = json.dumps({"request_id": "17", **fault})
        assert self.record_of_the_odd_one(handlers, messages[:3], body)["id"] == "17"

    def record_of_the_odd_one(self, handlers: Handlers, messages: list[Json], body: str) -> Json:
        """Puts ``body`` between two good orders; both must be done and it alone be reported."""
        messages[1]["body"] = body
        reported, records = handlers.batch(messages)
        assert reported == [messages[1]["messageId"]]
        assert [record["result"] for record in records] == ["committed", "failed", "committed"]
        assert (records[1]["error"], len(handlers.table.calls)) == ("InvalidOrder", 3)
        return records[1]

    def test_goes_on_after_an_order_the_table_could_never_hold(self, handlers: Handlers, messages: list[Json]) -> None:
        handlers.table.refusals = ["ValidationException"]
        assert handlers.batch(messages[:2])[0] == [messages[0]["messageId"]]
        assert "order-101" in handlers.table.items

    def test_an_invalid_order_is_at_fault_itself_even_while_the_table_is_unavailable(self, handlers: Handlers) -> None:
        handlers.table.refusals = [THROTTLED]
        _, records = handlers.deliver(ORDER, {**CHANGE, "details": 0}, CHANGE)
        assert [one["error"] for one in records] == [THROTTLED, "InvalidOrder", THROTTLED]

    def test_reports_what_follows_a_failed_message_of_its_group_and_carries_out_other_groups(
        self, handlers: Handlers, messages: list[Json]
    ) -> None:
        for message, group in zip(messages[:4], ("a", "b", "a", "b"), strict=True):
            message["attributes"]["MessageGroupId"] = group
        messages[0]["body"] = json.dumps({"request_id": "17", "order_id": "order-17", "details": 0})
        reported, records = handlers.batch(messages[:4])
        assert reported == [messages[0]["messageId"], messages[2]["messageId"]]
        assert [record["result"] for record in records] == ["failed", "committed", "failed", "committed"]
        assert [record.get("error") for record in records] == ["InvalidOrder", None, "Blocked", None]


class TestARequestThatComesAgain:
    @pytest.mark.parametrize(("body", "key"), [(ORDER, "order-17"), (QUESTION, "answer/19")])
    def test_succeeds_in_the_queue(self, variant: Handlers, body: Json, key: str) -> None:
        (_, (first,)), (reported, (again,)) = variant.deliver(body), variant.deliver(body)
        assert reported == []
        assert (first["result"], again["result"]) == ("committed", variant.second)
        assert variant.table.commits(key, body["request_id"]) == variant.commits
        assert set(first) == set(again), "the result is all that differs"

    def test_is_answered_as_the_first_time_behind_the_api(self, variant: Handlers) -> None:
        first, again = variant.post(ORDER), variant.post(ORDER)
        assert (first[0], again[0]) == (201, 201)
        assert again[1][0]["result"] == variant.second
        assert variant.table.commits("order-17", "17") == variant.commits

    def test_succeeds_when_only_the_first_answer_was_lost(self, variant: Handlers) -> None:
        variant.table.loses_its_answers = True
        reported, (failed,) = variant.deliver(ORDER)
        assert (len(reported), failed["result"], failed["error"]) == (1, "failed", "ReadTimeoutError")
        variant.table.loses_its_answers = False
        reported, (again,) = variant.deliver(ORDER)
        assert (reported, again["result"]) == ([], variant.second)
        assert variant.table.commits("order-17", "17") == variant.commits

    def test_says_nothing_about_the_table_to_the_rest_of_its_batch(self, variant: Handlers) -> None:
        reported, records = variant.deliver(ORDER, ORDER, CHANGE)
        assert reported == []
        assert [record["result"] for record in records] == ["committed", variant.second, "committed"]
        assert variant.table.commits("order-17", "17") == variant.commits

    def test_is_not_mistaken_for_another_request_of_its_order(self, variant: Handlers) -> None:
        for body in (ORDER, CHANGE):
            assert variant.post(body)[1][0]["result"] == "committed"
        assert variant.table.items["order-17"]["details"] == {"S": "three dosas"}
        variant.post(ORDER)
        overwritten = variant.table.items["order-17"]["details"] == {"S": "two dosas"}
        assert overwritten is (variant.commits == 2), "an old request coming again undoes the newer one only if naive"

    def test_keeps_the_stamp_of_its_first_write(self, variant: Handlers) -> None:
        variant.post(ORDER)
        stamp = variant.table.items["order-17"]["stamp#17"]
        variant.post(ORDER)
        assert variant.table.items["order-17"]["stamp#17"] == stamp


class TestSettings:
    def test_the_variant_is_idempotent_by_default(self, make: Make) -> None:
        handlers = make(VARIANT=None)
        assert [handlers.post(ORDER)[1][0]["result"] for _ in range(2)] == ["committed", "duplicate"]

    def test_an_unknown_variant_does_not_pass_for_one_of_the_two(self, load: Load) -> None:
        with pytest.raises(KeyError, match="Naive"):
            load(VARIANT="Naive")

    @pytest.mark.parametrize(("setting", "seconds"), [({}, 1), ({"TABLE_TIMEOUT_MS": "250"}, 0.25)])
    def test_the_table_may_take_as_long_as_the_environment_says(
        self, load: Load, setting: dict[str, str], seconds: float
    ) -> None:
        config = load(**setting)._dynamodb.meta.config
        assert (config.connect_timeout, config.read_timeout) == (seconds, seconds)

    def test_needs_the_name_of_its_table(self, load: Load) -> None:
        with pytest.raises(KeyError, match="TABLE_NAME"):
            load(TABLE_NAME=None)


def recorded_route(entry: str, body: str | None = None, **known: Any) -> Json:
    """A request with a recorded route: behind the API, or from the queue."""
    known = {"request_id": "17", "order_id": "order-17", **known}
    if entry == "consumer":
        batch = event("sqs_batch")
        batch["Records"] = [{**batch["Records"][0], "body": f"{sealed(known)}\n{body or ''}"}]
        return batch
    asked = event("api_gateway_get" if entry == "query" else "api_gateway_post")
    asked["pathParameters"] = {"proxy": "carts/17"}
    return {**asked, "queryStringParameters": {"archduel": sealed(known)}, "body": body}


class TestRecordedRoute:
    @pytest.mark.parametrize("entry", ["command", "consumer"])
    @pytest.mark.parametrize("body", ['{"item": 3}', "plain\nlines", "", None, '{"request_id": "99"}'])
    def test_an_order_is_stored_with_the_services_own_body(
        self, handlers: Handlers, entry: str, body: str | None
    ) -> None:
        handlers.invoke(entry, recorded_route(entry, body))
        assert handlers.line["records"][0]["result"] == "committed"
        assert handlers.table.items["order-17"]["details"] == {"S": body or ""}

    def test_a_query_finds_its_order_whatever_its_path(self, handlers: Handlers) -> None:
        handlers.invoke("command", recorded_route("command", "x"))
        assert handlers.line["records"][0]["id"] == "17"
        answer = handlers.invoke("query", recorded_route("query", request_id="18", work_us=1000))
        assert answer["statusCode"] == 200
        [record] = handlers.line["records"]
        assert (record["id"], record["found"], record["worked_us"] >= 1000) == ("18", True, True)

    def test_a_queued_query_is_answered_into_the_table(self, handlers: Handlers) -> None:
        handlers.invoke("consumer", recorded_route("consumer", operation="query", request_id="19"))
        assert handlers.line["records"][0]["result"] == "committed"
        assert "answer/19" in handlers.table.items

    @pytest.mark.parametrize("entry", ["command", "consumer"])
    def test_what_a_fault_says_of_it_counts_more_than_its_body(self, handlers: Handlers, entry: str) -> None:
        handlers.invoke(entry, recorded_route(entry, "fine", details=0))
        assert handlers.line["records"][0]["error"] == "InvalidOrder"

    @pytest.mark.parametrize("sealed_wrongly", ["", "A", "!!!", "e30", "W10", "_____w"])
    def test_what_cannot_be_opened_is_refused(self, handlers: Handlers, sealed_wrongly: str) -> None:
        asked = recorded_route("command", '{"request_id": "1"}')
        asked["queryStringParameters"]["archduel"] = sealed_wrongly
        assert handlers.invoke("command", asked)["statusCode"] == 400


class TestWork:
    @pytest.fixture
    def slept(self, handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long the handlers slept, who in truth do not."""
        seconds: list[float] = []
        monkeypatch.setattr(handlers.module.time, "sleep", seconds.append)
        return seconds

    def test_of_one_order_is_done_before_its_write(self, handlers: Handlers) -> None:
        before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert handlers.post({**ORDER, "work_ms": 30})[0] == 201
        assert int(handlers.table.items["order-17"]["stamp#17"]["N"]) - before_ns >= 30_000_000

    @pytest.mark.parametrize(
        ("work_ms", "seconds"), [(0, 0), (250, 0.25), (60_000, 60), (60_001, 60), (10**400, 60), (None, 0)]
    )
    def test_is_the_same_behind_the_queue_and_never_over_a_minute(
        self, handlers: Handlers, slept: list[float], work_ms: int | None, seconds: float
    ) -> None:
        order = ORDER if work_ms is None else {**ORDER, "work_ms": work_ms}
        handlers.post(order)
        handlers.deliver({**order, "request_id": "20"})
        assert slept == [seconds, seconds]

    def test_of_every_request_is_done_once_however_often_the_table_is_called(
        self, handlers: Handlers, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handlers.module, "_WORK_S", 0.1)
        handlers.post(ORDER)
        handlers.deliver({**ORDER, "request_id": "20"}, QUESTION)  # an answer is read and written
        handlers.ask("query")
        assert slept == [0.1, 0.1, 0.1, 0.1]

    @pytest.mark.parametrize("work_us", [25_000, "25000"])
    def test_as_recorded_is_done_by_commands_and_queries_and_behind_the_queue(
        self, handlers: Handlers, slept: list[float], work_us: int | str
    ) -> None:
        handlers.post({**ORDER, "work_us": work_us})
        asked = event("api_gateway_get")
        asked["queryStringParameters"]["work_us"] = str(work_us)
        handlers.invoke("query", asked)
        assert handlers.line["records"][0]["worked_us"] < 25_000, "measured by the clock, without sleeping"
        handlers.deliver({**ORDER, "request_id": "20", "work_us": work_us}, {**QUESTION, "work_us": str(work_us)})
        assert slept == [0.025] * 4

    def test_is_in_its_record_as_it_was_done(self, handlers: Handlers) -> None:
        _, [worked] = handlers.post({**ORDER, "work_us": 20_000})
        _, _, [idle] = handlers.ask("query")
        assert 20_000 <= worked["worked_us"] < 40_000
        assert "worked_us" not in idle

    def test_uses_the_cpu_for_its_share_and_waits_for_the_rest(
        self, handlers: Handlers, slept: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handlers.module, "_CPU_SHARE", 0.25)
        before_s = time.thread_time()
        handlers.post({**ORDER, "work_us": 40_000})
        assert time.thread_time() - before_s >= 0.01
        assert slept == [pytest.approx(0.03)]

    def test_that_cannot_be_read_is_refused_by_a_query_as_well(self, handlers: Handlers) -> None:
        asked = event("api_gateway_get")
        asked["queryStringParameters"]["work_us"] = "soon"
        assert handlers.invoke("query", asked)["statusCode"] == 400
        assert handlers.line["records"][0]["error"] == "InvalidOrder"

    def test_of_an_order_that_the_table_would_not_get_is_left(self, handlers: Handlers, slept: list[float]) -> None:
        handlers.table.loses_its_answers = True
        handlers.deliver({**ORDER, "work_ms": 10}, {**CHANGE, "work_ms": 20})
        assert slept == [0.01], "a batch that fails anyway must not outlast the function's timeout"


ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
LITTLE_WORK = st.integers(max_value=1) | ANY_JSON.filter(lambda value: not isinstance(value, int))
ANY_BODY = st.text() | st.one_of(
    ANY_JSON,
    st.fixed_dictionaries(
        {},
        optional={
            "operation": st.just("query") | ANY_JSON,
            "request_id": st.just("17") | ANY_TEXT | ANY_JSON,
            "order_id": st.just("order-17") | ANY_TEXT | ANY_JSON,
            "details": ANY_TEXT | ANY_JSON,
            "work_ms": LITTLE_WORK,
            "work_us": LITTLE_WORK,
            "delivery": ANY_JSON,
        },
    ),
).map(json.dumps)


@pytest.fixture(scope="module")
def warm() -> Iterator[ModuleType]:
    """Handlers with a table, loaded once for hundreds of examples."""
    with pytest.MonkeyPatch.context() as patch:
        module = load_orders(patch)
        Table(module._dynamodb)
        yield module


class TestAnyBody:
    @pytest.mark.fuzz
    @settings(deadline=None)
    @given(body=ANY_BODY)
    def test_is_done_or_refused_alike_by_command_and_consumer_and_raises_nothing(
        self, warm: ModuleType, body: str
    ) -> None:
        message = {**event("sqs_batch")["Records"][0], "body": body}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            status = warm.command({**event("api_gateway_post"), "body": body}, Context())["statusCode"]
            reported = warm.consumer({"Records": [message]}, Context())["batchItemFailures"]
        assert (status, len(reported)) in {(201, 0), (400, 1)}
        command, consumer = [json.loads(line) for line in printed.getvalue().splitlines()]
        assert len(command["records"]) <= 1
        assert len(consumer["records"]) == 1


@pytest.mark.parametrize("entry", ["command", "query", "result", "consumer"])
class TestEveryEntry:
    def test_answers_without_a_table_and_soon(self, load: Load, capsys: pytest.CaptureFixture[str], entry: str) -> None:
        module = load(AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{free_port()}")
        started = time.monotonic()
        answer = getattr(module, entry)(payload(entry), Context())
        assert time.monotonic() - started < 2, "longer than the function's timeout"
        assert answer.get("statusCode") == 503 or len(answer["batchItemFailures"]) == 10
        (line,) = capsys.readouterr().out.splitlines()
        assert {record["error"] for record in json.loads(line)["records"]} == {"EndpointConnectionError"}

    def test_is_held_by_a_warm_up_event_and_touches_no_table(self, handlers: Handlers, entry: str) -> None:
        started = time.monotonic()
        assert handlers.invoke(entry, {"warm_up": {"hold_ms": 30}}) == {}
        assert time.monotonic() - started >= 0.03
        assert (handlers.printed, handlers.table.calls) == (["{}"], []), "a line that is no observation"


class Called:
    """Lambda in the handlers' place of it: the function that comes next."""

    def __init__(self, answer: Json | None = None, *, raised: bool = False, fault: Exception | None = None) -> None:
        self.orders: list[Json] = []
        self._answer, self._raised, self._fault = answer, raised, fault

    def invoke(self, FunctionName: str, Payload: str) -> Json:  # noqa: N803 - boto3's names
        assert FunctionName == "next"
        self.orders.append(json.loads(Payload))
        if self._fault:
            raise self._fault
        answer = {"Payload": io.BytesIO(json.dumps(self._answer).encode())}
        return {**answer, "FunctionError": "Unhandled"} if self._raised else answer


class TestFunctionsThatCallEachOther:
    FAILURES: ClassVar[list[Called]] = [
        Called({"result": "failed", "error": "ServiceFailed"}),
        Called({"errorMessage": "Task timed out"}, raised=True),
        Called({"result": "committed"}, raised=True),
        Called(None),
        Called(fault=ReadTimeoutError(endpoint_url="http://127.0.0.1:9")),
    ]

    def calling(self, make: Make, called: Called) -> Handlers:
        handlers = make(CALLS="next")
        setattr(handlers.module, "_functions", called)  # noqa: B010 - of a module that no type checker knows
        return handlers

    @pytest.mark.parametrize("result", ["committed", "duplicate"])
    def test_each_does_its_part_and_waits_for_the_next(self, make: Make, result: str) -> None:
        handlers = self.calling(make, called := Called({"result": result}))
        status, [record] = handlers.post(ORDER)
        assert (status, record["result"], called.orders) == (201, "committed", [ORDER])
        handlers = self.calling(make, called := Called({"result": result}))
        assert handlers.invoke("service", ORDER) == {"result": "committed"}
        assert (handlers.table.commits("order-17", "17"), called.orders) == (1, [ORDER])

    @pytest.mark.parametrize("called", FAILURES)
    def test_what_comes_next_and_fails_fails_the_whole_and_leaves_the_own_part(
        self, make: Make, called: Called
    ) -> None:
        handlers = self.calling(make, called)
        status, [record] = handlers.post(ORDER)
        assert (status, record["result"], handlers.table.commits("order-17", "17")) == (503, "committed", 1)
        handlers = self.calling(make, called)
        assert handlers.invoke("service", ORDER)["result"] == "failed"
        [record] = handlers.line["records"]
        assert (record["result"], handlers.table.commits("order-17", "17")) == ("committed", 1)

    @pytest.mark.parametrize(
        ("order", "refusal", "error"), [(ORDER, THROTTLED, THROTTLED), ({**ORDER, "details": 7}, None, "InvalidOrder")]
    )
    def test_one_that_fails_calls_nobody_and_says_so_to_who_called_it(
        self, make: Make, order: Json, refusal: str | None, error: str
    ) -> None:
        handlers = self.calling(make, called := Called({"result": "committed"}))
        handlers.table.refusals = [refusal]
        assert handlers.invoke("service", order) == {"result": "failed", "error": error}
        [record] = handlers.line["records"]
        assert (record["id"], record["result"], record["error"], called.orders) == ("17", "failed", error, [])

    def test_the_last_one_calls_nobody(self, handlers: Handlers) -> None:
        assert handlers.invoke("service", ORDER) == {"result": "committed"}
        assert handlers.invoke("service", ORDER) == {"result": "duplicate"}


class TestInvokedAsynchronously:
    ORDER: ClassVar[Json] = {"request_id": "17", "order_id": "order-17", "details": "noodles"}

    def test_a_request_is_stored_once_however_often_lambda_hands_it_over(self, variant: Handlers) -> None:
        for result in ("committed", variant.second):
            assert variant.invoke("invoked", self.ORDER) == {}
            (record,) = variant.line["records"]
            assert (record["id"], record["result"]) == ("17", result)
            assert "receive_count" not in record, "which Lambda does not say"
        assert variant.table.commits("order-17", "17") == variant.commits

    @pytest.mark.parametrize(
        ("order", "refusal", "error"),
        [(ORDER, "ProvisionedThroughputExceededException", "Throughput"), ({**ORDER, "details": 7}, None, "Invalid")],
        ids=["table", "invalid"],
    )
    def test_one_that_fails_raises_so_that_lambda_tries_again(
        self, handlers: Handlers, order: Json, refusal: str | None, error: str
    ) -> None:
        handlers.table.refusals = [refusal]
        with pytest.raises(handlers.module.NotCarriedOut, match=error):
            handlers.invoke("invoked", order)
        handlers.printed += handlers.capture.readouterr().out.splitlines()
        (record,) = handlers.line["records"]
        assert (record["id"], record["result"]) == ("17", "failed")


class TestLine:
    @pytest.mark.parametrize(("clock", "now_ns"), [("monotonic", time.monotonic_ns), ("wall", time.time_ns)])
    def test_has_stamps_of_the_clock_in_the_environment_whose_time_an_event_returns(
        self, clock: str, now_ns: Callable[[], int], make: Make
    ) -> None:
        handlers = make(CLOCK=clock)
        before_ns = now_ns()
        told_ns = handlers.invoke("query", {"clock": True})["now_ns"]
        handlers.invoke("query", event("api_gateway_get"))
        after_ns = now_ns()
        clock_line, logged = (json.loads(line) for line in handlers.printed)
        assert (clock_line["lab"], "archduel" in clock_line) == (1, False), "no observation of a request"
        assert before_ns <= told_ns <= logged["started_ns"] <= logged["records"][0]["ns"] <= after_ns

    @pytest.mark.parametrize("first", [event("api_gateway_get"), {"warm_up": {"hold_ms": 0}}])
    def test_is_of_a_cold_start_once(self, handlers: Handlers, first: Json) -> None:
        handlers.invoke("query", first)
        handlers.invoke("query", event("api_gateway_get"))
        one, other = (json.loads(line) for line in handlers.printed)
        assert (one.get("cold", True), other["cold"]) == (True, False)

    def test_covers_the_work_time_before_the_table_is_touched(self, make: Make) -> None:
        handlers = make(WORK_US="40000")
        handlers.invoke("query", event("api_gateway_get"))
        line = handlers.line
        assert line["ended_ns"] - line["started_ns"] >= 40_000_000


class TestPackaging:
    def test_does_not_depend_on_the_files_date_or_on_the_order_they_are_named_in(self, tmp_path: Path) -> None:
        copies = [tmp_path / path.name for path in HANDLERS]
        for copy, path in zip(copies, HANDLERS, strict=True):
            copy.write_bytes(path.read_bytes())
        assert package(*copies) == package(*reversed(copies)) == package()

    def test_depends_on_the_code(self, tmp_path: Path) -> None:
        changed = tmp_path / "orders.py"
        changed.write_bytes(SOURCE.read_bytes() + b"\n# changed\n")
        assert package(changed) != package(SOURCE)

    def test_of_one_module_holds_that_one(self) -> None:
        with zipfile.ZipFile(io.BytesIO(package(SOURCE))) as archive:
            assert archive.namelist() == ["orders.py"]

    def test_holds_the_handlers_and_nothing_else(self) -> None:
        with zipfile.ZipFile(io.BytesIO(package())) as archive:
            assert archive.namelist() == ["delivery.py", "orders.py"]
            assert archive.read("orders.py") == SOURCE.read_bytes()
            for entry in archive.infolist():
                assert entry.external_attr >> 16 == 0o644
                assert entry.date_time == (1980, 1, 1, 0, 0, 0), "not the time of packaging"

    def test_holds_code_that_imports_nothing_of_the_projects_but_each_other(self) -> None:
        own = {"workloads", "resources", "assets", "orchestration"}
        lines = [line for path in HANDLERS for line in path.read_text().splitlines()]
        imported = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
        assert not imported & own
        assert imported <= {*sys.stdlib_module_names, "boto3", "botocore", *(path.stem for path in HANDLERS)}


class TestLogVolume:
    """What an invocation leaves in the log, as the price model has it."""

    INVOCATION = "1f507cfc-1234-4697-b07a-ac58fc914c95"
    # Lambda's own lines (lambda/latest/dg/python-logging.html).
    AROUND = (
        f"START RequestId: {INVOCATION} Version: $LATEST\n"
        f"END RequestId: {INVOCATION}\n"
        f"REPORT RequestId: {INVOCATION}\tDuration: 13.37 ms\tBilled Duration: 14 ms\tMemory Size: 512 MB"
        "\tMax Memory Used: 75 MB\t\n"
    )

    @pytest.mark.parametrize(
        ("entry", "payload", "handled", "modelled"),
        [
            ("command", "api_gateway_post", 1, 486),
            ("consumer", "sqs_batch", 1, 486),
            ("consumer", "sqs_batch", 10, 1152),
        ],
    )
    def test_is_what_the_price_model_assumes(
        self,
        load: Callable[..., ModuleType],
        capsys: pytest.CaptureFixture[str],
        entry: str,
        payload: str,
        handled: int,
        modelled: int,
    ) -> None:
        module = load(CLOCK="wall")  # as on AWS
        Table(module._dynamodb)
        body = event(payload)
        if "Records" in body:
            body["Records"] = body["Records"][:handled]
        getattr(module, entry)(body, Context(self.INVOCATION))
        printed = capsys.readouterr().out
        assumed = assumptions(Places(Path("no home")))
        assert modelled == assumed.log_invocation_bytes.value + handled * assumed.log_record_bytes.value
        assert len((self.AROUND + printed).encode()) == pytest.approx(modelled, rel=0.1)
