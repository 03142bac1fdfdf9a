"""A small HTTP server behind the fault proxy, and raw clients in front of it, for the tests of both.

Put here exact bytes both ways. Keep out assertions.
"""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httptools

from tests.waiting import until

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def post(body: bytes, *headers: str, path: str = "/") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 1000) -> bytes:
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%X;odd=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nTrailer: 1\r\n\r\n"


def dynamodb(operation: str, body: bytes = b"{}") -> bytes:
    return post(body, f"X-Amz-Target: DynamoDB_20120810.{operation}", "Content-Type: application/x-amz-json-1.0")


class Seen:
    """Reads one message with httptools and as few callbacks as possible, and remembers whether it ended."""

    def __init__(self, *, is_request: bool) -> None:
        self.complete = self.has_head = False
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        kind = httptools.HttpRequestParser if is_request else httptools.HttpResponseParser
        self.parser = kind(self)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_message_complete(self) -> None:
        self.complete = True


@dataclass
class Upstream:
    """Answers with the very bytes of the request, or with what ``answers`` has for its path; remembers requests.

    An answer of None closes the connection; a tuple starts with the seconds before it is given.
    """

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)  # when each had, on the monotonic clock
    answers: dict[str, Any] = field(default_factory=dict)
    connections: int = 0
    abandoned: int = 0  # answers whose client had gone

    def wait_for(self, count: int) -> list[bytes]:
        """The requests seen once there are so many, within five seconds."""
        until(lambda: len(self.requests) >= count, 5)
        return self.requests


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 600


@contextmanager
def serving() -> Iterator[Upstream]:
    upstream = Upstream()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            upstream.connections += 1
            try:
                while _serve_one(self.request, upstream):
                    pass
            except OSError:
                pass  # the proxy reset it

    with _Server(("127.0.0.1", 0), Handler) as server:
        upstream.port = int(server.server_address[1])
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        try:
            yield upstream
        finally:
            server.shutdown()
            thread.join(10)


def _serve_one(connection: socket.socket, upstream: Upstream) -> bool:
    seen, raw, continued = Seen(is_request=True), bytearray(), False
    while not seen.complete:
        data = connection.recv(65_536)
        if not data:
            return False
        raw += data
        seen.parser.feed_data(data)
        if seen.has_head and not continued and seen.headers.get(b"expect"):
            continued = True
            connection.sendall(CONTINUE)
    upstream.arrived_s.append(time.monotonic())
    upstream.requests.append(bytes(raw))
    answer = upstream.answers.get(seen.url.decode(), response(bytes(raw)))
    if isinstance(answer, tuple):
        wait_s, answer = answer
        upstream.abandoned += _leaves_within(connection, wait_s)
    if answer is None:
        return False
    connection.sendall(answer)
    head = answer.partition(b"\r\n\r\n")[0]
    return b"Connection: close" not in head and (b"Content-Length" in head or b"chunked" in head)


def _leaves_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other end closes while this one takes its time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)


class Caller:
    """A connection that sends bytes as they are and reads one response at a time.

    ``host`` is the address of this machine that it comes from.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(host, 0))

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def response(self) -> bytes:
        """The next response's bytes, or those that came before the connection closed."""
        seen, raw = Seen(is_request=False), bytearray()
        while not seen.complete and (data := self.socket.recv(65_536)):
            raw += data
            seen.parser.feed_data(data)
        return bytes(raw)

    def ask(self, request: bytes) -> bytes:
        """Send while reading, so that neither side waits for the other."""
        sender = threading.Thread(target=self.send, args=(request,))
        sender.start()
        try:
            return self.response()
        finally:
            sender.join(10)

    def all_of(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer when the connection closes."""
        received = bytearray()
        while len(received) < count and (data := self.socket.recv(count - len(received))):
            received += data
        return bytes(received)

    def is_reset(self) -> bool:
        try:
            self.socket.recv(1)
        except ConnectionResetError:
            return True
        return False

    def is_closed(self) -> bool:
        return self.socket.recv(1) == b""

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing comes, no end either, for that long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)
        return False

    def close(self) -> None:
        self.socket.close()


@contextmanager
def calling(port: int) -> Iterator[Callable[[], Caller]]:
    """Connects to ``port`` whenever it is called; whatever was opened is closed."""
    opened: list[Caller] = []

    def one() -> Caller:
        opened.append(Caller(port))
        return opened[-1]

    try:
        yield one
    finally:
        for caller in opened:
            caller.close()
