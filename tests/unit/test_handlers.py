"""The Lambda functions with the payloads that API Gateway and SQS really send, against a stubbed DynamoDB.

botocore's stub checks every call against the service's own model. What an emulator does with the code is tested with
the emulator.
"""

import importlib.util
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from resources.leash import free_port
from resources.packaging import package
from workloads.places import REPOSITORY

EVENTS = Path(__file__).parent.parent / "events"
SOURCE = REPOSITORY / "resources" / "handlers" / "orders.py"
TABLE = "archduel-orders"

Json = dict[str, Any]


@dataclass
class Context:
    """What Lambda passes beside the event."""

    aws_request_id: str = "9d1e6a2c-invocation"


def event(name: str) -> Json:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Imports the handlers afresh, as a cold start does: their settings are read from the environment."""

    def fresh(**environment: str) -> ModuleType:
        settings = {
            "TABLE_NAME": TABLE,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
            **environment,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location("orders", SOURCE)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return fresh


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
        assert set(line) == {"archduel", "invocation", "started_ns", "ended_ns", "cold", "records"}
        assert (line["archduel"], line["invocation"], line["cold"]) == (1, Context().aws_request_id, True)
        (record,) = line["records"]
        assert (record["id"], record["result"]) == ("17", "committed")
        assert before_ns <= line["started_ns"] <= record["ns"] <= line["ended_ns"] <= after_ns

    def test_adds_to_the_count_of_its_commits_and_stamps_only_the_first(self, backend: Backend) -> None:
        for _ in range(2):
            backend.expect_order("17", "order-17", "two dosas, no onion")
            backend.invoke("command", event("api_gateway_post"))
        for call in backend.calls:
            assert "ADD #commits :one" in call["UpdateExpression"]
            assert "if_not_exists(#stamp, :stamp)" in call["UpdateExpression"]
            assert call["ExpressionAttributeNames"]["#commits"] == "commits#17"
            assert call["ExpressionAttributeValues"][":one"] == {"N": "1"}
        assert len(backend.calls) == 2

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(None, id="none"),
            pytest.param("", id="empty"),
            pytest.param("order=17", id="no JSON"),
            pytest.param('{"request_id": "17"', id="cut off"),
            pytest.param('{"request_id": "17"}', id="no order"),
            pytest.param('{"order_id": "order-17"}', id="no request"),
            pytest.param("[]", id="a list"),
            pytest.param("17", id="a number"),
            pytest.param("null", id="null"),
        ],
    )
    def test_refuses_a_body_it_cannot_use(self, backend: Backend, body: str | None) -> None:
        answer = backend.invoke("command", {**event("api_gateway_post"), "body": body})
        assert answer["statusCode"] == 400
        assert "request_id and order_id" in body_of(answer)["error"]
        assert backend.line["records"] == []

    @pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
    def test_is_unavailable_when_the_table_refuses(self, backend: Backend, code: str) -> None:
        backend.expect_refusal("update_item", code)
        answer = backend.invoke("command", event("api_gateway_post"))
        assert answer["statusCode"] == 503
        assert body_of(answer)["request_id"] == "17"
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["error"]) == ("17", "failed", code)


class TestQuery:
    @pytest.mark.parametrize(("found", "status"), [(True, 200), (False, 404)])
    def test_answers_whether_the_order_is_there(self, backend: Backend, found: bool, status: int) -> None:
        backend.expect_read("order-17", found=found)
        answer = backend.invoke("query", event("api_gateway_get"))
        assert answer["statusCode"] == status
        assert body_of(answer)["order_id"] == "order-17"
        assert body_of(answer)["request_id"] == "18"
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["found"]) == ("18", "answered", found)

    def test_tells_the_orders_status(self, backend: Backend) -> None:
        backend.expect_read("order-17", found=True)
        assert body_of(backend.invoke("query", event("api_gateway_get")))["status"] == "placed"

    def test_is_unavailable_when_the_table_refuses(self, backend: Backend) -> None:
        backend.expect_refusal("get_item")
        assert backend.invoke("query", event("api_gateway_get"))["statusCode"] == 503
        (record,) = backend.line["records"]
        assert (record["id"], record["result"], record["error"]) == (
            "18",
            "failed",
            "ProvisionedThroughputExceededException",
        )

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

    @pytest.mark.parametrize("body", ["no JSON", "[]", "null", "{}", '{"request_id": "1"}', '{"order_id": "1"}'])
    def test_reports_an_unreadable_message_alone(self, backend: Backend, body: str) -> None:
        messages = event("sqs_batch")["Records"][:3]
        messages[1]["body"] = body
        expect(backend, messages[0])
        expect(backend, messages[2])
        answer = backend.invoke("consumer", {"Records": messages})
        assert answer == {"batchItemFailures": [{"itemIdentifier": messages[1]["messageId"]}]}
        assert [record["result"] for record in backend.line["records"]] == ["committed", "failed", "committed"]


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
        assert backend.printed == ["{}"], "a line without evidence"

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

    def test_works_as_long_as_it_is_told_before_it_touches_the_table(
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
    def test_gives_the_same_bytes_twice(self) -> None:
        assert package() == package()

    def test_does_not_depend_on_the_files_date(self, tmp_path: Path) -> None:
        copy = tmp_path / "orders.py"
        copy.write_bytes(SOURCE.read_bytes())
        assert package(copy) == package()

    def test_depends_on_the_code(self, tmp_path: Path) -> None:
        changed = tmp_path / "orders.py"
        changed.write_bytes(SOURCE.read_bytes() + b"\n# changed\n")
        assert package(changed) != package()

    def test_holds_the_handlers_and_nothing_else(self) -> None:
        with zipfile.ZipFile(io.BytesIO(package())) as archive:
            assert archive.namelist() == ["orders.py"]
            assert archive.read("orders.py") == SOURCE.read_bytes()
            (entry,) = archive.infolist()
        assert entry.external_attr >> 16 == 0o644
        assert entry.date_time == (1980, 1, 1, 0, 0, 0), "not the time of packaging"

    def test_holds_code_that_imports_nothing_of_ours(self) -> None:
        ours = {"workloads", "resources", "assets", "orchestration"}
        imported = {
            line.split()[1].split(".")[0]
            for line in SOURCE.read_text().splitlines()
            if line.startswith(("import ", "from "))
        }
        assert not imported & ours
        assert imported <= {*sys.stdlib_module_names, "boto3", "botocore"}
