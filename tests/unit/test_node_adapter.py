"""The adapter of Node handlers, imported by Node from the very zip that is deployed."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resources.architectures.packaging import package_with
from resources.services.importing import check_import
from resources.services.kept import keep
from resources.services.model import read_service
from tests.unit.test_handlers import Json, event
from tests.web_server import Answering, serving_with
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.replay.schedule import sealed

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node on this machine")

HANDLER = """
let seen = 0;
exports.handler = async (event, context) => {
  seen += 1;
  console.log(`hello ${process.env.MINE} ${seen}`);
  const { cart } = event.pathParameters ?? {};
  if (cart === "raises") throw new TypeError("no cart");
  if (cart === "garbage") return ["no", "response"];
  if (cart === "late") return { statusCode: 503, body: "busy" };
  if (cart === "none") return { statusCode: 404, body: "no cart" };
  if (cart === "loud") console.log("x".repeat(1e6));
  return { statusCode: 201, headers: { X: "y" }, body: JSON.stringify(event), more: 1 };
};
exports.callback = (event, context, done) => setTimeout(() => done(null, { statusCode: 204 }), 1);
"""
# Calls entry points with payloads, and says what came of each and what was logged meanwhile.
DRIVER = """
const [calls] = process.argv.slice(1);
const adapter = await import(`${process.cwd()}/archduel_adapter.mjs`);
const results = [];
for (const [entry, payload] of JSON.parse(calls)) {
  results.push(await adapter[entry](payload, { awsRequestId: "invocation" }));
}
process.stderr.write(JSON.stringify(results));
process.exit(0);
"""
Call = Callable[..., tuple[list[Json], list[str]]]


class Table(Answering):
    """Takes what is written to it."""

    asked: list[tuple[str, Json]] = []  # noqa: RUF012 - shared by all requests

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers["X-Amz-Target"], body))
        self.answer(200, json.dumps({"QueueUrl": "http://queue"}).encode())


@pytest.fixture
def call(tmp_path: Path) -> Call:
    def called(*calls: tuple[str, Json], code: str = HANDLER, name: str = "app.js", **variables: str) -> Any:
        archive = package_with({name: code.encode()}, node=True)
        zipfile.ZipFile(io.BytesIO(archive)).extractall(tmp_path)
        Table.asked = []
        with serving_with(Table) as url:
            settings = {
                "PATH": "/usr/bin",
                "TABLE_NAME": "orders",
                "MINE": "me",
                "AWS_ENDPOINT_URL": url,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "ARCHDUEL_HANDLER": "app.handler",
                "ARCHDUEL_ROUTES": json.dumps(["ANY /carts/{cart}"]),
                **variables,
            }
            done = subprocess.run(
                [str(NODE), "--input-type=module", "-e", DRIVER, json.dumps(calls)],
                cwd=tmp_path,
                env=settings,
                capture_output=True,
                text=True,
                check=True,
                timeout=20,
            )
        return json.loads(done.stderr), done.stdout.splitlines()

    return called


def ask(method: str = "POST", cart: str = "7", body: str | None = '{"size": "L"}', **known: Any) -> tuple[str, Json]:
    path = f"/carts/{cart}"
    about = {"request_id": "17", "order_id": "o", "operation": "command", "method": method, "path": path, **known}
    asked = {
        **event("api_gateway_post"),
        "queryStringParameters": {"archduel": sealed(about), "q": "1"},
        "body": body,
    }
    return ("query" if method == "GET" else "command"), asked


def deliver(*carts: str, operation: str = "command", **more: Any) -> tuple[str, Json]:
    messages = []
    for number, (cart, message) in enumerate(zip(carts, event("sqs_batch")["Records"], strict=False)):
        known = {"request_id": str(number), "order_id": "o", "operation": operation, "method": "POST", **more}
        messages.append({**message, "body": f"{sealed({**known, 'path': f'/carts/{cart}'})}\nbody"})
    return "consumer", {"Records": messages}


def records(line: str) -> list[Json]:
    found: list[Json] = json.loads(line)["records"]
    return found


def test_a_handler_gets_the_event_of_its_own_api_and_says_one_line_of_evidence(call: Call) -> None:
    [answer], lines = call(ask())
    assert (answer["statusCode"], answer["headers"], "more" in answer) == (201, {"X": "y"}, False)
    seen = json.loads(answer["body"])
    assert (seen["resource"], seen["path"], seen["pathParameters"]) == ("/carts/{cart}", "/carts/7", {"cart": "7"})
    assert (seen["body"], seen["queryStringParameters"]) == ('{"size": "L"}', {"q": "1"})
    assert lines[0] == "> hello me 1", "what it prints is kept apart"
    evidence = json.loads(lines[1])
    assert (evidence["archduel"], evidence["invocation"], evidence["cold"]) == (1, "invocation", True)
    [record] = evidence["records"]
    assert (record["id"], record["result"]) == ("17", "committed")
    assert evidence["started_ns"] <= record["ns"] <= evidence["ended_ns"]


def test_what_fails_is_answered_as_api_gateway_does_and_comes_again_from_a_queue(call: Call) -> None:
    carts = ("raises", "garbage", "late")
    answers, lines = call(*(ask(cart=cart) for cart in carts), deliver("fine", "raises"), ask("GET", "none"))
    assert [one["statusCode"] for one in answers[:3]] == [502, 502, 503]
    said = [records(line) for line in lines if line.startswith("{")]
    assert [one[0]["error"] for one in said[:3]] == [
        "TypeError",
        "no proxy response: an object with statusCode",
        "status 503",
    ]
    assert any("TypeError: no cart" in line for line in lines)
    assert [one["result"] for one in said[3]] == ["committed", "failed"]
    assert answers[3] == {"batchItemFailures": [{"itemIdentifier": event("sqs_batch")["Records"][1]["messageId"]}]}
    assert (said[4][0]["result"], said[4][0]["found"]) == ("answered", False)


def test_globals_stay_and_what_it_prints_is_bounded(call: Call) -> None:
    _, lines = call(ask(), ask(cart="loud"))
    assert "> hello me 2" in lines
    assert sum(map(len, lines)) < 25_000


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (HANDLER, "app.cjs"),
        ("export const handler = (event) => ({ statusCode: 201 });", "app.mjs"),
    ],
)
def test_a_handler_may_be_a_module_of_either_kind(call: Call, code: str, name: str) -> None:
    [answer], _ = call(ask(), code=code, name=name)
    assert answer["statusCode"] == 201


def test_a_handler_may_answer_by_its_callback(call: Call) -> None:
    [answer], _ = call(ask(), ARCHDUEL_HANDLER="app.callback")
    assert answer == {"statusCode": 204}


def test_version_2_events_are_those_of_an_http_api(call: Call) -> None:
    [answer], _ = call(ask(), ARCHDUEL_PAYLOAD="2.0")
    seen = json.loads(answer["body"])
    assert (seen["version"], seen["rawPath"], seen["routeKey"]) == ("2.0", "/carts/7", "POST /carts/{cart}")
    assert (seen["rawQueryString"], seen["requestContext"]["http"]["method"]) == ("q=1", "POST")


def test_what_the_lab_needs_is_stored_in_its_table(call: Call) -> None:
    calls = [ask(request_id="warm-1"), deliver("7", operation="query")]
    answers, lines = call(*calls, ("command", {"clock": True}), ("query", {"warm_up": {"hold_ms": 0}}))
    assert answers[0]["statusCode"] == 201
    assert [target for target, _ in Table.asked] == ["DynamoDB_20120810.UpdateItem"] * 2
    (_, warm), (_, kept) = Table.asked
    assert (warm["TableName"], warm["Key"]) == ("orders", {"id": {"S": "o"}})
    assert warm["ExpressionAttributeNames"]["#commits"] == "commits#warm-1"
    assert kept["Key"] == {"id": {"S": "answer/0"}}
    assert {"S": "201"} in kept["ExpressionAttributeValues"].values()
    assert answers[2]["now_ns"] > 0
    assert json.loads(lines[-2]) == {"lab": 1, "invocation": "invocation"}
    assert "> hello me 1" in lines, "the lab's own requests do not reach it"
    assert "> hello me 2" not in lines


def test_a_marked_message_is_delivered_again(call: Call) -> None:
    mark = {"kind": "twice", "delay_s": 3}
    answers, _ = call(deliver("7", delivery=mark), deliver("7", delivery={**mark, "kind": "late"}))
    assert answers == [{"batchItemFailures": []}] * 2
    assert [target for target, _ in Table.asked] == ["AmazonSQS.GetQueueUrl", "AmazonSQS.SendMessage"] * 2
    sent = json.loads(Table.asked[1][1]["MessageBody"])
    assert (sent["path"], sent["details"], "delivery" in sent) == ("/carts/7", "body", False)


def test_one_that_cannot_be_imported_fails_every_time_with_its_traceback(call: Call) -> None:
    [answer], lines = call(ask(), code="require('nothing-of-that-name')")
    assert answer["statusCode"] == 502
    assert any("Cannot find module 'nothing-of-that-name'" in line for line in lines)


SERVICE = 'name = "mine"\ncode = "code"\nhandler = "app.handler"\nruntime = "nodejs20.x"\n'


@pytest.fixture
def node_service(tmp_path: Path) -> Callable[[str], Path]:
    def written(code: str) -> Path:
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / "app.js").write_text(code)
        (tmp_path / "service.toml").write_text(SERVICE)
        return tmp_path / "service.toml"

    return written


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("require('./gone')", "Cannot find module './gone'"),
        ("throw new Error('no setting')", "no setting"),
        ("process.exit(3)", "failed with exit code 3"),
        ("exports.handler = 3", "handler is no function"),
        ("require('@aws-sdk/client-dynamodb')", "Lambda brings this SDK and this machine does not"),
    ],
)
def test_an_import_that_fails_is_explained(
    node_service: Callable[[str], Path], places: Places, code: str, message: str
) -> None:
    with pytest.raises(ArchduelError, match=f"mine: importing app.handler .*{message}"):
        check_import(keep(places, node_service(code)), places.temporary)


def test_an_import_that_works_is_quiet_whatever_it_started(node_service: Callable[[str], Path], places: Places) -> None:
    code = "console.log('x'.repeat(1e6)); setInterval(() => 0, 1000); exports.handler = () => 0"
    check_import(keep(places, node_service(code)), places.temporary)


def test_a_handler_that_is_not_there_is_named(node_service: Callable[[str], Path]) -> None:
    file = node_service(HANDLER)
    file.write_text(SERVICE.replace("app.handler", "lib/app.handler"))
    with pytest.raises(UsageError, match=r"which has no lib/app\.js: build the code"):
        read_service(file)
