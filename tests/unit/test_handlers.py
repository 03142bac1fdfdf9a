"""The Lambda functions with the payloads that API Gateway and SQS really send, against a stubbed DynamoDB.

botocore's stub checks every call against the service's own model; where it matters what a table makes of the calls, one
in memory answers them. What an emulator does with the code is tested with the emulator.
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
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY, Stubber
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.architectures.packaging import package
from resources.machine.leash import free_port
from resources.prices.book import assumptions
from workloads.places import REPOSITORY, Places

EVENTS = Path(__file__).parent.parent / "events"
SOURCE = REPOSITORY / "resources" / "architectures" / "handlers" / "orders.py"
HANDLERS = [SOURCE.with_name("delivery.py"), SOURCE]
TABLE = "archduel-orders"

Json = dict[str, Any]


@dataclass
class Context:
    """What Lambda passes beside the event."""

    aws_request_id: str = "9d1e6a2c-invocation"


def event(name: str) -> Json:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


def load_orders(patch: pytest.MonkeyPatch, **environment: str) -> ModuleType:
    """Imports the handlers afresh, as a cold start does: their settings are read from the environment."""
    settings = {
        "TABLE_NAME": TABLE,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        **environment,
    }
    for name, value in settings.items():
        patch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("orders", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
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
        self.loses_its_answers = False
        on_the_wire(client, self._answer)

    def commits(self, key: str, request_id: str) -> int:
        return int(self.items[key][f"commits#{request_id}"]["N"])

    def _answer(self, operation: str, request: Json) -> tuple[int, Json]:
        assert request["TableName"] == TABLE
        key = request["Key"]["id"]["S"]
        answer = self._get(key) if operation == "GetItem" else self._update(key, request)
        if self.loses_its_answers:
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1:9")
        return answer

    def _get(self, key: str) -> tuple[int, Json]:
        return 200, {"Item": self.items[key]} if key in self.items else {}

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


@dataclass
class Backend:
    """The handlers and the table behind them; ``lines`` are what the invocations so far printed."""

    module: ModuleType
    table: Stubber
    capture: pytest.CaptureFixture[str]
    printed: list[str] = field(default_factory=list)
    expected: int = 0
    calls: list[Json] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module._dynamodb.meta.events.register(
            "provide-client-params.dynamodb.*", lambda params, **_: self.calls.append(params)
        )

    def invoke(self, entry: str, payload: Json) -> Json:
        answer: Json = getattr(self.module, entry)(payload, Context())
        self.printed += self.capture.readouterr().out.splitlines()
        self.table.assert_no_pending_responses()
        # The stub's own complaint about a surplus call looks like an unavailable table to the handlers.
        assert len(self.calls) == self.expected, "calls of the table"
        return answer

    @property
    def line(self) -> Json:
        """The one line of the only invocation."""
        assert len(self.printed) == 1, self.printed
        return dict(json.loads(self.printed[0]))

    def expect_write(self, key: str, request_id: str, **attributes: Json) -> None:
        self.expected += 1
        names = {"#commits": f"commits#{request_id}", "#stamp": f"stamp#{request_id}"}
        values: Json = {":one": {"N": "1"}, ":stamp": ANY}
        sets = ["#stamp = if_not_exists(#stamp, :stamp)"]
        for number, (name, value) in enumerate(attributes.items()):
            names[f"#a{number}"], values[f":a{number}"] = name, value
            sets.append(f"#a{number} = :a{number}")
        self.table.add_response(
            "update_item",
            {},
            {
                "TableName": TABLE,
                "Key": {"id": {"S": key}},
                "UpdateExpression": f"SET {', '.join(sets)} ADD #commits :one",
                "ConditionExpression": "attribute_not_exists(#commits)",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            },
        )

    def expect_order(self, request_id: str, order_id: str, details: str) -> None:
        self.expect_write(order_id, request_id, status={"S": "placed"}, details={"S": details})

    def expect_read(self, order_id: str, *, found: bool) -> None:
        self.expected += 1
        item = {"id": {"S": order_id}, "status": {"S": "placed"}, "details": {"S": ""}}
        self.table.add_response(
            "get_item",
            {"Item": item} if found else {},
            {"TableName": TABLE, "Key": {"id": {"S": order_id}}, "ConsistentRead": True},
        )

    def expect_refusal(self, operation: str, code: str = "ProvisionedThroughputExceededException") -> None:
        self.expected += 1
        self.table.add_client_error(operation, code, "slow down", 400)


@pytest.fixture
def backend(load: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]) -> Iterator[Backend]:
    module = load()
    with Stubber(module._dynamodb) as table:
        yield Backend(module, table, capsys)


def body_of(answer: Json) -> Json:
    assert answer["headers"] == {"Content-Type": "application/json"}
    return dict(json.loads(answer["body"]))


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
]


class TestCommand:
    def test_is_created_once_it_is_stored(self, backend: Backend) -> None:
        backend.expect_order("17", "order-17", "two dosas, no onion")
        answer = backend.invoke("command", event("api_gateway_post"))
        assert answer["statusCode"] == 201
        assert body_of(answer) == {"request_id": "17", "order_id": "order-17", "status": "placed"}

    def test_tells_in_its_line_when_the_write_had_returned(self, backend: Backend) -> None:
        backend.expect_order("17", "order-17", "two dosas, no onion")
        before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        backend.invoke("command", event("api_gateway_post"))
        after_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        line = backend.line
        assert set(line) == {"archduel", "invocation", "started_ns", "ended_ns", "cold", "environment", "records"}
        assert (line["archduel"], line["invocation"], line["cold"]) == (1, Context().aws_request_id, True)
        (record,) = line["records"]
        assert (record["id"], record["result"]) == ("17", "committed")
        assert before_ns <= line["started_ns"] <= record["ns"] <= line["ended_ns"] <= after_ns

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_refuses_a_body_that_names_no_request(self, backend: Backend, body: str | None) -> None:
        answer = backend.invoke("command", {**event("api_gateway_post"), "body": body})
        assert answer["statusCode"] == 400
        assert "request_id and order_id" in body_of(answer)["error"]
        assert backend.line["records"] == []

    @pytest.mark.parametrize("fault", INVALID)
    def test_refuses_an_invalid_order_and_records_it(self, backend: Backend, fault: Json) -> None:
        body = json.dumps({"request_id": "17", **fault})
        answer = backend.invoke("command", {**event("api_gateway_post"), "body": body})
        assert answer["statusCode"] == 400
        assert body_of(answer)["error"]
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["error"]) == ("17", "failed", "InvalidOrder")

    def test_takes_an_order_without_details(self, backend: Backend) -> None:
        backend.expect_order("17", "order-17", "")
        body = '{"request_id": "17", "order_id": "order-17"}'
        assert backend.invoke("command", {**event("api_gateway_post"), "body": body})["statusCode"] == 201


@pytest.mark.parametrize(
    ("entry", "payload", "call", "request_id"),
    [("command", "api_gateway_post", "update_item", "17"), ("query", "api_gateway_get", "get_item", "18")],
)
class TestRefusedByTheTable:
    @pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
    def test_is_unavailable(
        self, backend: Backend, entry: str, payload: str, call: str, request_id: str, code: str
    ) -> None:
        backend.expect_refusal(call, code)
        answer = backend.invoke(entry, event(payload))
        assert (answer["statusCode"], body_of(answer)["request_id"]) == (503, request_id)
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["error"]) == (request_id, "failed", code)

    def test_is_at_fault_itself_where_the_table_could_never_hold_it(
        self, backend: Backend, entry: str, payload: str, call: str, request_id: str
    ) -> None:
        backend.expect_refusal(call, "ValidationException")
        assert backend.invoke(entry, event(payload))["statusCode"] == 400
        (record,) = backend.line["records"]
        assert (record["id"], record["error"]) == (request_id, "InvalidOrder")


class TestQuery:
    @pytest.mark.parametrize(
        ("found", "status", "words"), [(True, 200, {"status": "placed"}), (False, 404, {"error": "no such order"})]
    )
    def test_answers_whether_the_order_is_there(
        self, backend: Backend, found: bool, status: int, words: dict[str, str]
    ) -> None:
        backend.expect_read("order-17", found=found)
        answer = backend.invoke("query", event("api_gateway_get"))
        assert answer["statusCode"] == status
        assert body_of(answer) == {"request_id": "18", "order_id": "order-17", **words}
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["found"]) == ("18", "answered", found)

    def test_serves_a_request_without_a_query_string(self, backend: Backend) -> None:
        backend.expect_read("order-17", found=True)
        bare = {**event("api_gateway_get"), "queryStringParameters": None}
        assert backend.invoke("query", bare)["statusCode"] == 200
        assert backend.line["records"][0]["id"] == ""


def expect(backend: Backend, message: Json) -> None:
    """The calls one message of the batch makes."""
    body = json.loads(message["body"])
    if body.get("operation") == "query":
        backend.expect_read(body["order_id"], found=True)
        answer: dict[str, Json] = {"status": {"S": "placed"}, "found": {"BOOL": True}}
        backend.expect_write(f"answer/{body['request_id']}", body["request_id"], **answer)
    else:
        backend.expect_order(body["request_id"], body["order_id"], body["details"])


class TestConsumer:
    def test_does_a_whole_batch_of_commands_and_queries(self, backend: Backend) -> None:
        batch = event("sqs_batch")
        for message in batch["Records"]:
            expect(backend, message)
        assert backend.invoke("consumer", batch) == {"batchItemFailures": []}
        records = backend.line["records"]
        assert [record["id"] for record in records] == [str(number) for number in range(100, 110)]
        assert {record["result"] for record in records} == {"committed"}
        assert [record["receive_count"] for record in records] == [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
        assert [record["id"] for record in records if record.get("found")] == ["102", "105", "109"]
        assert sorted(record["ns"] for record in records) == [record["ns"] for record in records]

    @pytest.mark.parametrize(("found", "status"), [(True, "placed"), (False, "unknown")])
    def test_stores_the_answer_to_a_query_where_its_asker_can_look(
        self, backend: Backend, found: bool, status: str
    ) -> None:
        backend.expect_read("order-101", found=found)
        backend.expect_write("answer/102", "102", status={"S": status}, found={"BOOL": found})
        assert backend.invoke("consumer", {"Records": event("sqs_batch")["Records"][2:3]}) == {"batchItemFailures": []}
        assert backend.line["records"][0]["found"] is found

    @pytest.mark.parametrize("first", [0, 2, 4, 9])
    def test_stops_at_the_first_refusal_and_reports_it_and_the_rest(self, backend: Backend, first: int) -> None:
        batch = event("sqs_batch")
        for message in batch["Records"][:first]:
            expect(backend, message)
        is_query = "operation" in json.loads(batch["Records"][first]["body"])
        backend.expect_refusal("get_item" if is_query else "update_item")  # and not one call after it
        answer = backend.invoke("consumer", batch)
        reported = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert reported == [message["messageId"] for message in batch["Records"][first:]]
        results = [record["result"] for record in backend.line["records"]]
        assert results == ["committed"] * first + ["failed"] * (10 - first)

    def test_a_query_whose_answer_cannot_be_stored_has_failed(self, backend: Backend) -> None:
        messages = event("sqs_batch")["Records"][2:3]
        backend.expect_read("order-101", found=True)
        backend.expect_refusal("update_item")
        answer = backend.invoke("consumer", {"Records": messages})
        assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["messageId"]}]}

    def test_tries_the_table_again_in_the_next_batch(self, backend: Backend) -> None:
        batch = {"Records": event("sqs_batch")["Records"][:1]}
        backend.expect_refusal("update_item")
        assert len(backend.invoke("consumer", batch)["batchItemFailures"]) == 1
        expect(backend, batch["Records"][0])
        assert backend.invoke("consumer", batch) == {"batchItemFailures": []}

    @pytest.mark.parametrize("body", UNREADABLE[1:])
    def test_reports_an_unreadable_message_alone(self, backend: Backend, body: str) -> None:
        assert self.record_of_the_odd_one(backend, body)["id"] == "unreadable"

    @pytest.mark.parametrize("fault", INVALID)
    def test_reports_an_invalid_order_alone_and_names_it(self, backend: Backend, fault: Json) -> None:
        assert self.record_of_the_odd_one(backend, json.dumps({"request_id": "17", **fault}))["id"] == "17"

    def record_of_the_odd_one(self, backend: Backend, body: str) -> Json:
        """Puts ``body`` between two good orders; both must be done and it alone be reported."""
        messages = event("sqs_batch")["Records"][:3]
        messages[1]["body"] = body
        expect(backend, messages[0])
        expect(backend, messages[2])
        answer = backend.invoke("consumer", {"Records": messages})
        assert answer == {"batchItemFailures": [{"itemIdentifier": messages[1]["messageId"]}]}
        assert [record["result"] for record in backend.line["records"]] == ["committed", "failed", "committed"]
        record: Json = backend.line["records"][1]
        assert record["error"] == "InvalidOrder"
        return record

    def test_goes_on_after_an_order_the_table_could_never_hold(self, backend: Backend) -> None:
        messages = event("sqs_batch")["Records"][:2]
        backend.expect_refusal("update_item", "ValidationException")
        expect(backend, messages[1])
        answer = backend.invoke("consumer", {"Records": messages})
        assert answer == {"batchItemFailures": [{"itemIdentifier": messages[0]["messageId"]}]}

    def test_an_invalid_order_is_at_fault_itself_even_while_the_table_is_unavailable(self, backend: Backend) -> None:
        messages = event("sqs_batch")["Records"][:3]
        messages[1]["body"] = '{"request_id": "101", "order_id": "order-101", "details": 0}'
        backend.expect_refusal("update_item")
        backend.invoke("consumer", {"Records": messages})
        unavailable = "ProvisionedThroughputExceededException"
        assert [one["error"] for one in backend.line["records"]] == [unavailable, "InvalidOrder", unavailable]


@dataclass
class Variant:
    """The handlers of one variant and a table in memory behind them."""

    module: ModuleType
    table: Table
    capture: pytest.CaptureFixture[str]

    def deliver(self, *bodies: Json) -> tuple[list[str], list[Json]]:
        """One batch: the ids of the messages it reported, and its records."""
        messages = event("sqs_batch")["Records"]
        for message, body in zip(messages, bodies, strict=False):
            message["body"] = json.dumps(body)
        answer = self.module.consumer({"Records": messages[: len(bodies)]}, Context())
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]], self.records()

    def post(self, order: Json) -> tuple[int, list[Json]]:
        """One command behind the API: its status, and its records."""
        answer = self.module.command({**event("api_gateway_post"), "body": json.dumps(order)}, Context())
        return answer["statusCode"], self.records()

    def records(self) -> list[Json]:
        return list(json.loads(self.capture.readouterr().out)["records"])


ORDER = {"request_id": "17", "order_id": "order-17", "details": "two dosas"}
CHANGE = {"request_id": "18", "order_id": "order-17", "details": "three dosas"}
QUESTION = {"operation": "query", "request_id": "19", "order_id": "order-17"}


@pytest.fixture
def make(load: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]) -> Callable[[str], Variant]:
    def variant(name: str) -> Variant:
        module = load(VARIANT=name)
        return Variant(module, Table(module._dynamodb), capsys)

    return variant


@pytest.mark.parametrize(("name", "second", "commits"), [("idempotent", "duplicate", 1), ("naive", "committed", 2)])
class TestARequestThatComesAgain:
    @pytest.mark.parametrize(("body", "key"), [(ORDER, "order-17"), (QUESTION, "answer/19")])
    def test_succeeds_in_the_queue(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int, body: Json, key: str
    ) -> None:
        variant = make(name)
        (_, (first,)), (reported, (again,)) = variant.deliver(body), variant.deliver(body)
        assert reported == []
        assert (first["result"], again["result"]) == ("committed", second)
        assert variant.table.commits(key, body["request_id"]) == commits
        assert set(first) == set(again), "the result is all that differs"

    def test_is_answered_as_the_first_time_behind_the_api(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int
    ) -> None:
        variant = make(name)
        first, again = variant.post(ORDER), variant.post(ORDER)
        assert (first[0], again[0]) == (201, 201)
        assert again[1][0]["result"] == second
        assert variant.table.commits("order-17", "17") == commits

    def test_succeeds_when_only_the_first_answer_was_lost(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int
    ) -> None:
        variant = make(name)
        variant.table.loses_its_answers = True
        reported, (failed,) = variant.deliver(ORDER)
        assert (len(reported), failed["result"], failed["error"]) == (1, "failed", "ReadTimeoutError")
        variant.table.loses_its_answers = False
        reported, (again,) = variant.deliver(ORDER)
        assert (reported, again["result"]) == ([], second)
        assert variant.table.commits("order-17", "17") == commits

    def test_says_nothing_about_the_table_to_the_rest_of_its_batch(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int
    ) -> None:
        variant = make(name)
        reported, records = variant.deliver(ORDER, ORDER, CHANGE)
        assert reported == []
        assert [record["result"] for record in records] == ["committed", second, "committed"]
        assert variant.table.commits("order-17", "17") == commits

    def test_is_not_mistaken_for_another_request_of_its_order(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int
    ) -> None:
        variant = make(name)
        for body in (ORDER, CHANGE):
            assert variant.post(body)[1][0]["result"] == "committed"
        assert variant.table.items["order-17"]["details"] == {"S": "three dosas"}
        variant.post(ORDER)
        overwritten = variant.table.items["order-17"]["details"] == {"S": "two dosas"}
        assert overwritten is (name == "naive"), "an old request coming again undoes the newer one only if naive"

    def test_keeps_the_stamp_of_its_first_write(
        self, make: Callable[[str], Variant], name: str, second: str, commits: int
    ) -> None:
        variant = make(name)
        variant.post(ORDER)
        stamp = variant.table.items["order-17"]["stamp#17"]
        variant.post(ORDER)
        assert variant.table.items["order-17"]["stamp#17"] == stamp


class TestSettings:
    def test_the_variant_is_idempotent_by_default(
        self, load: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("VARIANT", raising=False)
        module = load()
        table = Table(module._dynamodb)
        for _ in range(2):
            module.command(event("api_gateway_post"), Context())
        assert table.commits("order-17", "17") == 1

    def test_an_unknown_variant_does_not_pass_for_one_of_the_two(self, load: Callable[..., ModuleType]) -> None:
        with pytest.raises(KeyError, match="Naive"):
            load(VARIANT="Naive")

    @pytest.mark.parametrize(("setting", "seconds"), [({}, 1), ({"TABLE_TIMEOUT_MS": "250"}, 0.25)])
    def test_the_table_may_take_as_long_as_the_environment_says(
        self, load: Callable[..., ModuleType], setting: dict[str, str], seconds: float
    ) -> None:
        config = load(**setting)._dynamodb.meta.config
        assert (config.connect_timeout, config.read_timeout) == (seconds, seconds)


class TestWork:
    def test_of_one_order_is_done_before_its_write(self, make: Callable[[str], Variant]) -> None:
        variant = make("idempotent")
        before_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert variant.post({**ORDER, "work_ms": 30})[0] == 201
        assert int(variant.table.items["order-17"]["stamp#17"]["N"]) - before_ns >= 30_000_000

    @pytest.mark.parametrize(
        ("work_ms", "seconds"), [(0, 0), (250, 0.25), (60_000, 60), (60_001, 60), (10**400, 60), (None, 0)]
    )
    def test_is_the_same_behind_the_queue_and_never_over_a_minute(
        self, make: Callable[[str], Variant], monkeypatch: pytest.MonkeyPatch, work_ms: int | None, seconds: float
    ) -> None:
        variant = make("idempotent")
        slept: list[float] = []
        monkeypatch.setattr(variant.module.time, "sleep", slept.append)
        order = ORDER if work_ms is None else {**ORDER, "work_ms": work_ms}
        variant.post(order)
        variant.deliver({**order, "request_id": "20"})
        assert slept == [seconds, seconds]

    def test_of_every_request_is_done_once_however_often_the_table_is_called(
        self, make: Callable[[str], Variant], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        variant = make("idempotent")
        slept: list[float] = []
        monkeypatch.setattr(variant.module, "_WORK_S", 0.1)
        monkeypatch.setattr(variant.module.time, "sleep", slept.append)
        variant.post(ORDER)
        variant.deliver({**ORDER, "request_id": "20"}, QUESTION)  # an answer is read and written
        assert slept == [0.1, 0.1, 0.1]

    def test_of_an_order_that_the_table_would_not_get_is_left(
        self, make: Callable[[str], Variant], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        variant = make("idempotent")
        slept: list[float] = []
        monkeypatch.setattr(variant.module.time, "sleep", slept.append)
        variant.table.loses_its_answers = True
        variant.deliver({**ORDER, "work_ms": 10}, {**CHANGE, "work_ms": 20})
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


class TestEveryEntry:
    @pytest.mark.parametrize("entry", ["command", "query", "consumer"])
    def test_answers_without_a_table_and_soon(
        self, load: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str], entry: str
    ) -> None:
        module = load(AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{free_port()}")
        payload = event({"command": "api_gateway_post", "query": "api_gateway_get", "consumer": "sqs_batch"}[entry])
        started = time.monotonic()
        answer = getattr(module, entry)(payload, Context())
        assert time.monotonic() - started < 2, "longer than the function's timeout"
        assert answer.get("statusCode") == 503 or len(answer["batchItemFailures"]) == 10
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 1
        assert {record["error"] for record in json.loads(lines[0])["records"]} == {"EndpointConnectionError"}

    @pytest.mark.parametrize("entry", ["command", "query", "consumer"])
    def test_is_held_by_a_warm_up_event_and_touches_no_table(self, backend: Backend, entry: str) -> None:
        started = time.monotonic()
        assert backend.invoke(entry, {"warm_up": {"hold_ms": 30}}) == {}
        assert time.monotonic() - started >= 0.03
        assert backend.printed == ["{}"], "a line that is no observation"

    @pytest.mark.parametrize(("clock", "now_ns"), [("monotonic", time.monotonic_ns), ("wall", time.time_ns)])
    def test_stamps_by_the_clock_in_its_environment_and_returns_its_time(
        self,
        clock: str,
        now_ns: Callable[[], int],
        load: Callable[..., ModuleType],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        module = load(CLOCK=clock)
        with Stubber(module._dynamodb) as table:
            working = Backend(module, table, capsys)
            before_ns = now_ns()
            told_ns = working.invoke("query", {"clock": True})["now_ns"]
            working.expect_read("order-17", found=True)
            working.invoke("query", event("api_gateway_get"))
            after_ns = now_ns()
        clock_line, logged = (json.loads(line) for line in working.printed)
        assert (clock_line["lab"], "archduel" in clock_line) == (1, False), "no observation of a request"
        assert before_ns <= told_ns <= logged["started_ns"] <= logged["records"][0]["ns"] <= after_ns

    def test_is_cold_once(self, backend: Backend) -> None:
        for _ in range(2):
            backend.expect_read("order-17", found=False)
            backend.invoke("query", event("api_gateway_get"))
        assert [json.loads(line)["cold"] for line in backend.printed] == [True, False]

    def test_is_not_cold_after_a_warm_up(self, backend: Backend) -> None:
        backend.invoke("query", {"warm_up": {"hold_ms": 0}})
        backend.expect_read("order-17", found=False)
        backend.invoke("query", event("api_gateway_get"))
        assert json.loads(backend.printed[-1])["cold"] is False

    def test_works_for_its_work_time_before_it_touches_the_table(
        self, load: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]
    ) -> None:
        module = load(WORK_US="40000")
        with Stubber(module._dynamodb) as table:
            working = Backend(module, table, capsys)
            working.expect_read("order-17", found=True)
            working.invoke("query", event("api_gateway_get"))
        assert working.line["ended_ns"] - working.line["started_ns"] >= 40_000_000

    def test_needs_the_name_of_its_table(
        self, load: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load()
        monkeypatch.delenv("TABLE_NAME")
        spec = importlib.util.spec_from_file_location("orders", SOURCE)
        assert spec is not None
        assert spec.loader is not None
        with pytest.raises(KeyError, match="TABLE_NAME"):
            spec.loader.exec_module(importlib.util.module_from_spec(spec))


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
