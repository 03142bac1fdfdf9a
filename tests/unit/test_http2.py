"""HTTP/2: what a server of another make gets, and what the client makes of its answers."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import h2.config
import h2.connection
import h2.events
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config

from resources.machine.leash import free_port
from tests.unit.test_replay_client import Certified, Server, answer, evenly, send
from workloads.replay.client import BROKEN
from workloads.replay.connection import CAUSES, Connection, Owner, cause_of
from workloads.replay.http2 import Http2Connection
from workloads.replay.keep_alive import KeepAliveClient

CLIENT = KeepAliveClient(http2=True, deadline_s=10)


@dataclass
class App:
    """A service: what it was asked, and the statuses it answers in turn."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        self.asked.append({**scope, "body": body})
        status = 503 if len(self.asked) % 10 == 0 else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": b"{}" * 40_000})


@contextmanager
def serving(app: App, certified: Certified | None = None) -> Iterator[str]:
    """Hypercorn with a service; yields its URL."""
    config = Config()
    port = free_port()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = config.accesslog = None
    if certified is not None:
        config.certfile, config.keyfile = str(certified.certificate), str(certified.key)
    over = threading.Event()

    async def until_over() -> None:
        await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve(app, config, shutdown_trigger=until_over)))
    thread.start()
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                pass
        yield f"{'http' if certified is None else 'https'}://127.0.0.1:{port}/lab"
    finally:
        over.set()
        thread.join()


def test_every_request_is_answered_over_tls(tmp_path: Path) -> None:
    ours, app = Certified.of("IP:127.0.0.1", tmp_path), App()
    with serving(app, ours) as url:
        client = KeepAliveClient(http2=True, authorities=ours.certificate, deadline_s=10, digests=True)
        responses = send(client, evenly(40, 200), url)
    assert sorted(responses.status) == [200] * 36 + [503] * 4
    assert {asked["http_version"] for asked in app.asked} == {"2"}
    assert len(set(responses.digest)) == 1, "all bodies are the same"
    assert (responses.digest > 0).all()


def test_a_service_without_tls_gets_it_by_prior_knowledge_with_the_same_path_and_body() -> None:
    app, schedule = App(), evenly(20, 200)
    with serving(app) as url:
        responses = send(CLIENT, schedule, url)
    assert sorted(responses.status) == [200] * 18 + [503] * 2
    messages = [schedule.message(index, "/lab", "x") for index in range(20)]
    sent = {(asked["method"], asked["raw_path"], asked["body"]) for asked in app.asked}
    wanted = set()
    for message in messages:
        head, _, body = message.partition(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        wanted.add((method.decode(), target.partition(b"?")[0], body))
    assert sent == wanted


def test_one_that_speaks_http_1_alone_is_said(tmp_path: Path) -> None:
    ours = Certified.of("IP:127.0.0.1", tmp_path)
    with Server(answer, tls=ours.context).running() as server:
        client = KeepAliveClient(http2=True, authorities=ours.certificate, deadline_s=5)
        responses = send(client, evenly(3, 100), server.url)
    assert {CAUSES[cause] for cause in responses.cause} == {"tls_failed"}


@dataclass
class Odd:
    """A server in a thread that does ``what`` with each stream that is complete."""

    what: str

    @contextmanager
    def running(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            accepting = threading.Thread(target=self._accept, args=(listening,), daemon=True)
            accepting.start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            listening.shutdown(socket.SHUT_RDWR)
        accepting.join()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http2.initiate_connection()
        with peer, suppress(OSError):  # it may be gone by now
            peer.sendall(http2.data_to_send())
            while data := peer.recv(65_536):
                for event in http2.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if isinstance(event, h2.events.StreamEnded) and self._answer(http2, peer, event.stream_id):
                        peer.shutdown(socket.SHUT_WR)
                        while peer.recv(65_536):  # or what is unread makes a reset of the end
                            pass
                        return
                peer.sendall(http2.data_to_send())

    def _answer(self, http2: h2.connection.H2Connection, peer: socket.socket, stream: int) -> bool:
        """Answer one stream; True to hang up."""
        if self.what == "resets":
            http2.reset_stream(stream)
            return False
        if self.what == "garbage":
            peer.sendall(b"\0\0\1\0\0\0\0\0\0x")  # a piece of no stream's body
            return True
        http2.send_headers(stream, [(":status", "200")], end_stream=self.what != "hangs up")
        if self.what == "goes away":
            http2.close_connection(last_stream_id=stream)
        peer.sendall(http2.data_to_send())
        return self.what != "answers"


@pytest.mark.parametrize(
    ("what", "cause"),
    [("answers", ""), ("goes away", ""), ("resets", "reset"), ("hangs up", "cut_off"), ("garbage", "not_http")],
)
def test_what_an_odd_server_does_is_told_by_its_cause(what: str, cause: str) -> None:
    with Odd(what).running() as url:
        responses = send(CLIENT, evenly(10, 100), url)
    assert {CAUSES[one] for one in responses.cause} == {cause}
    assert (responses.status == (BROKEN if cause else 200)).all()


def test_a_body_longer_than_the_service_takes_at_once_arrives_whole() -> None:
    app, schedule = App(), evenly(2, 10)
    schedule.payload_bytes[:] = [300_000, 300_000]
    with serving(app) as url:
        responses = send(CLIENT, schedule, url)
    assert (responses.status == 200).all()
    assert [len(asked["body"]) for asked in app.asked if asked["method"] == "POST"] == [300_000] * len(
        [operation for operation in schedule.operations if operation == "command"]
    )


def test_a_service_that_hangs_up_at_once_fails_a_connection_and_not_the_replay() -> None:
    failed: list[OSError] = []

    class User:
        def failed(self, _connection: Connection, error: OSError) -> None:
            failed.append(error)

    ours, theirs = socket.socketpair()
    theirs.close()
    with asyncio.Runner() as runner:
        connection = Http2Connection(cast("Owner", User()), runner.get_loop(), 0, memoryview(bytearray(16)))
        connection._socket = ours
        connection._ready()
    [error] = failed
    assert cause_of(error) == "reset"
