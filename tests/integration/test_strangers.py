"""Nobody but its run gives an emulator orders: everything it answers is tried as a stranger, who knows all but the key.

A stranger is a page in a browser of this machine, or another user of it. What is let pass and refused in principle is
tested in `tests/unit/test_admission.py`; the control port of the fault proxy in `tests/unit/test_fault_proxy.py`.
"""

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from resources.architectures import architectures
from resources.architectures.stack import Stack
from resources.aws.clients import Clients
from resources.targets import Instance
from tests.platforms import on_every_target, platform
from workloads.replay.schedule import split_url

pytestmark = pytest.mark.emulator

# A REST API's and a function's own addresses, and what emulators answer besides AWS's services.
PATHS = (
    *("/", "/bucket/key", "/health", "/2015-03-31/functions", "/restapis", "/graphql", "/mqtt", "/queue/x"),
    *("/_ministack/health", "/_ministack/ready", "/_ministack/config", "/_ministack/reset", "/_ministack/sqs/messages"),
    *("/_ministack/rds/iam-auth", "/_ministack/eks-auth/x", "/_ministack/cfn-response/x", "/_ministack/lambda-code/x"),
    *("/_localstack/health", "/_localstack/init", "/_localstack/state/reset", "/_localstack_lambda/x/status/y/ready"),
    *("/_aws/sqs/messages", "/_aws/lambda/runtimes", "/000000000000/archduel-queue", "/_user_request_/x", "/%5f"),
)
WEB_SOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


@pytest.fixture(scope="module", params=on_every_target())
def instance(request: pytest.FixtureRequest, emulator_home: Path) -> Iterator[Instance]:
    target, _ = request.param
    running = platform(emulator_home, target).start("strange", 10)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()


def ask(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    """The status of the answer to a request, and its header fields; with no `Host` but one in ``headers``."""
    host, port, _ = split_url(url)
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, str(answer.headers).lower()


def test_a_stranger_does_nothing_on_it(instance: Instance) -> None:
    url, key = instance.endpoint_url, str(instance.key)
    run = Clients(url, key=key)
    stack = Stack(run, architectures()["synchronous"].nodes, url, prefix="theirs")
    stack.ensure_all()
    base, shown = split_url(stack.api_url)[2], split_url(stack.facts["api"]["url"])[2]
    assert key in base
    assert key not in json.dumps(stack.facts), "Dagster shows these"
    order = json.dumps({"request_id": "r", "order_id": "o", "details": ""}).encode()
    assert ask(url, "POST", f"{base}/orders", {}, order)[0] == 201, "the run itself"
    api = f"/_aws/execute-api/{stack.facts['api']['id']}/{stack.facts['api']['stage']}"
    invoking = [f"{api}/orders", f"{shown}/orders", f"/restapis/{api.split('/')[3]}/lab/_user_request_/orders"]

    attempts: list[tuple[str, str, dict[str, str]]] = []
    for path in (*PATHS, *invoking):
        attempts += [(method, path, {}) for method in METHODS]
        attempts += [("OPTIONS", path, {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})]
    for service in run._session.get_available_services():
        signed = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
        attempts += [
            ("POST", "/", {"Authorization": signed}),
            ("GET", "/", {"Host": f"{service}.us-east-1.amazonaws.com"}),
        ]
    known = {"X-Amz-Security-Token": key}  # a page that had learned the key has an Origin, or a Host of its own
    attempts += [
        ("GET", "/", {**known, "Origin": "null"}),
        ("GET", "/", {**known, "Host": "rebound.example"}),
        ("GET", f"{base}/orders/o", {"Host": "rebound.example:80"}),
        ("POST", f"{base}/orders", {"Origin": "https://evil.example"}),
        ("GET", "/", {"Authorization": "AWS4-HMAC-SHA256 Credential=__internal_call__/20260101/us-east-1/sqs/x"}),
        ("GET", "/", {"x-localstack-data": "{}"}),
        ("GET", f"/?X-Amz-Credential=test&X-Amz-Security-Token={key[:-1]}", {}),
        ("GET", api, WEB_SOCKET),
        ("GET", f"{base}/orders", WEB_SOCKET | {"Origin": "https://evil.example"}),
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda attempt: ask(url, attempt[0], attempt[1], attempt[2], order), attempts))
    passed = [(status, one) for one, (status, _) in zip(attempts, answers, strict=True) if status not in (400, 403)]
    assert not passed
    assert not any("access-control" in headers for _, headers in answers)
    with pytest.raises(run.sqs.exceptions.ClientError, match="refused"):
        Clients(url).sqs.create_queue(QueueName="strange")
    assert not run.sqs.list_queues().get("QueueUrls")
    assert run.dynamodb.scan(TableName=stack.facts["table"]["name"])["Count"] == 1, "the run's own"


def test_it_has_no_other_door(instance: Instance) -> None:
    listening = {
        one.laddr[:2]
        for process in instance.processes
        for child in process.processes()
        for one in child.net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN or one.type == socket.SOCK_DGRAM
    }
    host, port, _ = split_url(instance.endpoint_url)
    assert listening == {(host, port)}
