"""Whose requests an emulator takes: a stranger has everything but the key, a page in a browser may even have that."""

import asyncio
import time
from typing import Any

import pytest

from resources.emulators.admission import Admission
from resources.emulators.ministack import guarded

KEY = "00112233445566778899aabbccddeeff"
HERE = (b"host", b"127.0.0.1:4566")
TOKEN = (b"x-amz-security-token", KEY.encode())
INVOKED = f"/{KEY}/_aws/execute-api/a1/prod/orders".encode()


@pytest.fixture
def admission() -> Admission:
    return Admission(KEY)


@pytest.mark.parametrize(
    ("path", "headers", "passed_on"),
    [
        (b"/", [HERE, TOKEN], b"/"),
        (b"/", [(b"X-Amz-Security-Token", KEY.encode()), (b"Host", b"localhost:4566")], b"/"),
        (INVOKED, [HERE], b"/_aws/execute-api/a1/prod/orders"),
        (INVOKED, [(b"host", b"[::1]:20123")], b"/_aws/execute-api/a1/prod/orders"),
        (INVOKED, [(b"host", b"LOCALHOST")], b"/_aws/execute-api/a1/prod/orders"),
        (f"/{KEY}/".encode(), [HERE], b"/"),
        (f"/{KEY}/%2F/{KEY}/".encode(), [HERE], f"/%2F/{KEY}/".encode()),
    ],
)
def test_the_run_itself_passes_and_its_key_goes_no_further(
    admission: Admission, path: bytes, headers: list[tuple[bytes, bytes]], passed_on: bytes
) -> None:
    assert admission.path(path, headers) == passed_on


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (b"/", [HERE]),
        (b"/", [HERE, (b"authorization", b"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request")]),
        (b"/", [HERE, (b"x-amz-security-token", b"")]),
        (b"/", [HERE, (b"x-amz-security-token", KEY[:-1].encode())]),
        (b"/", [HERE, (b"x-amz-security-token", KEY.upper().encode())]),
        (b"/_aws/execute-api/a1/prod/orders", [HERE]),
        (f"/{KEY}".encode(), [HERE]),
        (f"/{KEY[:-1]}0/".encode(), [HERE]),
        (f"//{KEY}/".encode(), [HERE]),
        (f"/x/{KEY}/".encode(), [HERE]),
        # A page that had learned the key, from a screen that was shared, say.
        (INVOKED, [HERE, (b"origin", b"https://evil.example")]),
        (INVOKED, [HERE, (b"Origin", b"null")]),
        (INVOKED, [HERE, (b"origin", b"http://127.0.0.1:4566")]),
        (b"/", [HERE, TOKEN, (b"origin", b"")]),
        *((INVOKED, [(b"host", host)]) for host in (b"evil.example:4566", b"127.0.0.1.evil.example", b"0.0.0.0:4566")),
        *((INVOKED, [(b"host", host)]) for host in (b"", b"127.0.0.1:x", b"a@127.0.0.1", b"127.0.0.1:4566 ", b"[::1")),
        (INVOKED, []),
        (INVOKED, [HERE, HERE]),
        (INVOKED, [HERE, (b"host", b"evil.example")]),
    ],
)
def test_a_stranger_does_not(admission: Admission, path: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert admission.path(path, headers) is None


def test_no_key_is_no_key_that_all_know() -> None:
    with pytest.raises(ValueError, match="is empty"):
        Admission("")


def test_costs_a_request_nothing_that_a_replay_would_show(admission: Admission) -> None:
    headers = [(b"x-field-%d" % index, b"value") for index in range(10)] + [HERE]
    began = time.perf_counter()
    for _ in range(1000):
        admission.path(INVOKED, headers)
    assert (time.perf_counter() - began) / 1000 < 100e-6


class TestBeforeMiniStack:
    """The ASGI application in front of its own; MiniStack itself is not started."""

    @staticmethod
    def ask(scope: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """What the application behind was given, and what was sent."""
        reached, sent = [], []

        async def application(scope: Any, _receive: Any, _send: Any) -> None:
            reached.append(scope)

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("nothing of a stranger's is read")

        asyncio.run(guarded(application, Admission(KEY))(scope, receive, send))
        return reached, sent

    def test_the_path_is_without_the_key(self) -> None:
        scope = {
            "type": "http",
            "path": f"/{KEY}/caf\u00e9",
            "raw_path": f"/{KEY}/caf%C3%A9".encode(),
            "headers": [HERE],
        }
        [reached], sent = self.ask(scope)
        assert (reached["path"], reached["raw_path"], sent) == ("/caf\u00e9", b"/caf%C3%A9", [])

    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_a_stranger_is_refused_and_allowed_no_origin(self, method: str) -> None:
        scope = {"type": "http", "method": method, "path": "/", "raw_path": b"/", "headers": [HERE]}
        reached, sent = self.ask(scope)
        assert (reached, sent[0]["status"]) == ([], 403)
        assert "access-control" not in str(sent).lower()

    def test_a_strangers_web_socket_is_refused(self) -> None:
        reached, sent = self.ask({"type": "websocket", "path": "/", "raw_path": b"/", "headers": [HERE]})
        assert (reached, sent) == ([], [{"type": "websocket.close", "code": 1008}])

    def test_the_servers_own_start_passes(self) -> None:
        reached, _ = self.ask({"type": "lifespan"})
        assert reached == [{"type": "lifespan"}]
