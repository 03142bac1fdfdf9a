"""The recording proxy between raw clients and a small server: what passes, what is refused, and what it saw of it.

What is written down about it is tested in `test_live`, a whole session in `tests/functional/test_recorder.py`.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from resources.machine.leash import free_port
from resources.recorder.connection import LEFT, UPGRADED
from resources.recorder.proxy import Proxy, Settings
from resources.recorder.upstream import Address
from tests.unit.fault_server import Caller, Upstream, calling, chunked, post, response, serving
from tests.unit.passing import GET, Connect, Passing
from tests.waiting import until
from workloads.errors import ArchduelError, UsageError
from workloads.live.journal import Seen

NEXT = b"GET /next HTTP/1.1\r\nHost: here\r\n\r\n"
LIMIT = 6_000_000
WEBSOCKET = b"GET /chat HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


class Running:
    """A proxy in an event loop of its own, and everything it has seen."""

    def __init__(self, settings: Settings) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.proxy: Proxy = self.call(lambda: Proxy(settings))
        try:
            asyncio.run_coroutine_threadsafe(self.proxy.listen(), self._loop).result(5)
        except BaseException:
            self._end()
            raise
        self.settled: list[Seen] = []
        self.under_way: list[Seen] = []

    @property
    def port(self) -> int:
        return self.proxy.port

    def call(self, function: Callable[[], Any]) -> Any:
        """What ``function`` returns in the loop's thread."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(5)

    def look(self) -> int:
        """Take in what was seen since; how many requests are over."""
        batch = self.call(self.proxy.take)
        self.settled += batch.settled + batch.settled_later
        self.under_way += batch.under_way
        return len(self.settled)

    def saw(self, count: int) -> list[Seen]:
        """The requests that are over, once there are so many, within five seconds."""
        until(lambda: self.look() >= count, 5)
        assert len(self.settled) == count
        return self.settled

    def saw_one(self) -> Seen:
        return self.saw(1)[0]

    def refused(self) -> dict[str, int]:
        until(lambda: self.proxy.refused, 5)
        return dict(self.proxy.refused)

    def close(self) -> None:
        if not self._loop.is_running():
            return
        stop = self.proxy.stop(0.0, self.call(asyncio.Event))
        asyncio.run_coroutine_threadsafe(stop, self._loop).result(5)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with serving() as upstream:
        yield upstream


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    server.requests.clear()
    server.answers.clear()
    server.connections = 0
    return server


def settings_for(port: int) -> Settings:
    return Settings("127.0.0.1", 0, Address("127.0.0.1", port, False), body_limit=LIMIT)


@contextmanager
def through(settings: Settings) -> Iterator[tuple[Running, Caller]]:
    """A proxy of its own, and a connection to it."""
    with closing(Running(settings)) as one, closing(Caller(one.port)) as caller:
        yield one, caller


@pytest.fixture
def running(upstream: Upstream) -> Iterator[Running]:
    one = Running(settings_for(upstream.port))
    yield one
    balanced = len(one.settled) + one.proxy.refused.total()
    one.look()
    assert balanced <= one.proxy.seen
    one.close()


@pytest.fixture
def connect(running: Running) -> Iterator[Connect]:
    with calling(running.port) as one:
        yield one


class TestPassing(Passing):
    @pytest.mark.parametrize(
        ("request_", "method", "payload_bytes"),
        [
            (GET, "GET", 0),
            (post(b"x" * 5_000_000), "POST", 5_000_000),
            (
                b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(os.urandom(9000)),
                "PUT",
                9000,
            ),
        ],
    )
    def test_what_passes_is_seen(
        self, running: Running, connect: Connect, request_: bytes, method: str, payload_bytes: int
    ) -> None:
        connect().ask(request_)
        seen = running.saw_one()
        assert (seen.method, seen.payload_bytes, seen.status, seen.reason) == (method, payload_bytes, 200, None)
        assert seen.latency_us is not None
        assert abs(seen.stamp_us / 1e6 - time.time()) < 5

    def test_pipelined_requests_are_seen_in_order(self, running: Running, connect: Connect) -> None:
        requests = [post(b"x", path=f"/{number}") for number in range(60)]
        caller = connect()
        caller.send(b"".join(requests))
        caller.all_of(sum(len(response(request)) for request in requests))
        seen = running.saw(60)
        assert [one.target for one in seen] == [f"/{number}" for number in range(60)]
        assert sorted({one.stamp_us for one in seen}) == [one.stamp_us for one in seen]

    def test_connections_to_the_server_outlive_those_of_clients(self, connect: Connect, upstream: Upstream) -> None:
        for _ in range(5):
            caller = connect()
            assert caller.ask(GET.replace(b"Host", b"Connection: close\r\nHost"))
            assert caller.is_closed()
        assert upstream.connections == 1
        caller = connect()
        assert all(caller.ask(GET) for _ in range(5))

    def test_an_order_on_a_new_connection_gets_a_new_one_to_the_server(
        self, connect: Connect, upstream: Upstream
    ) -> None:
        connect().ask(GET)
        caller = connect()
        assert all(caller.ask(post(b"x")) for _ in range(3))
        assert upstream.connections == 2, "a kept one may be about to end, and an order must not be sent twice"

    def test_what_is_for_one_connection_only_is_not_passed_on(self, connect: Connect, upstream: Upstream) -> None:
        headers = (
            "Connection: keep-alive, X-Hop, Host",
            "Keep-Alive: timeout=5",
            "X-Hop: 1",
            "HTTP2-Settings: AA",
            "X: 1",
        )
        connect().ask(post(b"x", *headers, "Upgrade: h2c"))
        assert upstream.requests == [post(b"x", "X: 1")]

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", 204),
            (b"HTTP/1.1 304 Not Modified\r\nETag: 1\r\n\r\n", 304),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"y" * 5000), 200),
            (response(b"no", status="404 Not Found"), 404),
        ],
    )
    def test_answers_pass_as_they_are(
        self, running: Running, connect: Connect, upstream: Upstream, answer: bytes, status: int
    ) -> None:
        upstream.answers["/x"] = answer
        caller = connect()
        caller.send(GET)
        assert caller.all_of(len(answer)) == answer
        assert caller.ask(NEXT) == response(NEXT)
        assert running.saw(2)[0].status == status

    def test_an_answer_to_head_has_no_body(self, connect: Connect, upstream: Upstream) -> None:
        upstream.answers["/x"] = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
        caller = connect()
        caller.send(b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert caller.all_of(len(upstream.answers["/x"])) == upstream.answers["/x"]
        assert caller.ask(NEXT) == response(NEXT)

    def test_an_answer_that_ends_with_its_connection_does_so_for_the_client(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = b"HTTP/1.0 200 OK\r\n\r\n" + b"y" * 70_000
        caller = connect()
        caller.send(GET)
        got = caller.all_of(1_000_000)
        assert got == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"y" * 70_000
        assert running.saw_one().status == 200

    def test_a_client_of_http_1_0_may_keep_its_connection(self, connect: Connect) -> None:
        caller = connect()
        request = b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        for _ in range(2):
            assert b"Connection: keep-alive" in caller.ask(request)

    def test_an_answer_may_come_before_the_request_is_whole(self) -> None:
        early = response(b"enough", "Connection: close", status="401 Unauthorized")
        with one_answer(early) as port, through(settings_for(port)) as (other, caller):
            caller.send(post(b"x" * 100_000)[:5000])
            got = caller.response()
            assert got.startswith(b"HTTP/1.1 401")
            assert got.endswith(b"enough")
            caller.send(b"y")  # is read, and of no interest
            assert other.saw_one().status == 401

    def test_clients_behind_another_proxy_are_distinguished(self, running: Running, connect: Connect) -> None:
        connect().ask(post(b"x", "X-Forwarded-For: 203.0.113.7, 10.0.0.1"))
        connect().ask(post(b"x"))
        assert [one.client for one in running.saw(2)] == ["203.0.113.7", "127.0.0.1"]

    def test_the_server_is_called_by_its_own_name_where_that_is_asked_for(self, upstream: Upstream) -> None:
        with through(replace(settings_for(upstream.port), rewrite_host=True)) as (_, caller):
            caller.ask(GET)
        assert upstream.requests == [GET.replace(b"here", b"127.0.0.1:%d" % upstream.port)]


class one_answer:  # noqa: N801 - a context, read as one
    """A server that gives each connection these bytes once something came, and closes; or, to ``echo``, goes on."""

    def __init__(self, answer: bytes, *, echo: bool = False) -> None:
        self._answer, self._echo = answer, echo
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(self._answer)
                while self._echo and (data := connection.recv(65_536)):
                    connection.sendall(data)
                if not self._echo:
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listening.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


def chunks(coding: bytes) -> bytes:
    """A request in chunks, by this name of them."""
    return b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n3\r\nabc\r\n0\r\n\r\n" % coding


_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
# What is wrong shows behind the head: the server may have begun to read, and its connection is cut.
WRONG_FRAMES = [
    *(b"0\r\n%s\r\n\r\n" % trailer for trailer in (b"foo", b"X : 1", b"X: 1\r\n y", b": 1", b"X: \0", b"X: \x7f")),
    b"0\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n",
    *(b"0\r\n%s: 1\r\n\r\n" % name for name in (b"Content-Length", b"transfer-encoding", b"Host", b"Cookie")),
    b"0\r\n" + b"X: 1\r\n" * 20_000,
    *(
        b"3%s\r\nabc\r\n0\r\n\r\n" % extension
        for extension in (b";a\x01", b";\0", b";", b" ", b"\x0b;a", b" a", b';a="', b';a="\x7f"', b";a=b c", b";a;;b")
    ),
    b" 3\r\nabc\r\n0\r\n\r\n",
    (b"1;" + b"a" * 4000 + b"\r\nx\r\n") * 20,
    b"1;" + b"a" * 5000,
]
WRONG_HOSTS = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nX: 1\r\nhost: a\r\n\r\n",
    *(
        b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host
        for host in (b"", b"u@a", b"u:p@a", b"a, b", b"a b", b"a/b", b"a?b", b"a#b", b"a:x", b"a:1:2", b":80", b"a%00")
    ),
    b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
]
WRONG_TARGETS = [b"*", b"/x#y", b"http://b/x", b"http://a:81/x", b"http://u@a/x", b"ftp://a/x", b"https://"]
MALFORMED = [
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    *(
        _CHUNKED + b"\r\n" + body
        for body in (b"+3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n")
    ),
    b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"\x00\x01\x02\x03 garbage\r\n\r\n",
    b"FROB /x HTTP/1.1\nHost: a\n\n",
    b"GET /x HTTP/1.1\r\nHost : a\r\n\r\n",
]
REFUSALS = [
    *((raw, 400, "malformed") for raw in MALFORMED),
    (b"GET /x HTTP/2.0\r\nHost: a\r\n\r\n", 505, "version"),
    (b"GET /x\r\n\r\n", 505, "version"),
    (b"OPTIONS rtsp://a/x RTSP/1.0\r\nHost: a\r\n\r\n", 505, "another protocol"),
    (b"SETUP /x RTSP/1.0\r\nHost: a\r\n\r\n", 505, "another protocol"),
    (b"SOURCE /x ICE/1.0\r\nHost: a\r\n\r\n", 505, "another protocol"),
    (b"SOURCE /x HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method the recorder does not know"),
    *((raw, 400, "Host") for raw in WRONG_HOSTS),
    *((b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target, 400, "a target") for target in WRONG_TARGETS),
    *((chunks(coding), 501, "a transfer coding") for coding in (b"gzip, chunked", b"x, chunked", b", chunked")),
    (chunks(b"gzip\r\nTransfer-Encoding: chunked"), 501, "a transfer coding"),
    (chunks(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400, "Transfer-Encoding in HTTP/1.0"),
    (chunks(b"chunked").replace(b"POST", b"TRACE"), 400, "TRACE"),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400, "TRACE"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 3\r\n\r\n", 400, "underscore"),
    (b"POST / HTTP/1.1\r\nHost: a\r\ntransfer_encoding: chunked\r\n\r\n", 400, "underscore"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417, "expectation"),
    (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", 501, "CONNECT"),
    (b"FROB /x HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method the recorder does not know"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431, "head of more"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1), 413, "body of more"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, 400, "TLS"),
]


class TestRefusing:
    @pytest.mark.parametrize(("raw", "status", "reason"), REFUSALS)
    def test_what_cannot_be_passed_on_is_refused_clearly_and_counted(
        self, running: Running, connect: Connect, upstream: Upstream, raw: bytes, status: int, reason: str
    ) -> None:
        caller = connect()
        caller.send(raw)
        got = caller.all_of(10_000)
        assert got.startswith(b"HTTP/1.1 %d " % status)
        assert b"Connection: close" in got
        assert [reason in refusal for refusal in running.refused()] == [True]
        assert not upstream.requests
        assert connect().ask(GET) == response(GET), "others are not concerned"

    @pytest.mark.parametrize("body", WRONG_FRAMES, ids=lambda body: repr(body[:30]))
    def test_chunks_that_two_servers_could_read_differently_never_get_to_one_whole(
        self, running: Running, connect: Connect, upstream: Upstream, body: bytes
    ) -> None:
        caller = connect()
        caller.send(_CHUNKED + b"\r\n" + body)
        assert caller.all_of(1000).startswith(b"HTTP/1.1 400 ")
        assert list(running.refused()) == ["a malformed request"]
        assert not upstream.requests

    @pytest.mark.parametrize(
        ("target", "passed"), [(b"http://HERE/a?b", b"/a?b"), (b"HTTP://here?b", b"/?b"), (b"//here/a", b"//here/a")]
    )
    def test_the_server_gets_a_path_where_the_target_names_it_as_host_does(
        self, running: Running, connect: Connect, upstream: Upstream, target: bytes, passed: bytes
    ) -> None:
        assert connect().ask(GET.replace(b"/x", target))
        assert upstream.requests == [GET.replace(b"/x", passed)]
        assert running.saw_one().target == passed.decode()

    @pytest.mark.parametrize("framed", ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
    def test_a_body_that_the_server_may_overlook_ends_the_connection_to_it(
        self, connect: Connect, upstream: Upstream, framed: str
    ) -> None:
        caller = connect()
        for _ in range(2):
            assert caller.ask(b"GET / HTTP/1.1\r\nHost: a\r\n" + framed.encode())
        assert upstream.connections == 2

    def test_http_2_is_answered_with_a_request_for_http_1(self, running: Running, connect: Connect) -> None:
        caller = connect()
        caller.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        got = caller.all_of(1000)
        assert got[:9] == b"\0\0\0\4\0\0\0\0\0"
        assert got[12] == 7, "GOAWAY"
        assert got[-4:] == b"\0\0\0\x0d", "HTTP_1_1_REQUIRED"
        assert list(running.refused()) == ["HTTP/2 without TLS: speak HTTP/1.1 here"]

    def test_a_body_of_chunks_over_the_limit_is_refused_when_it_gets_there(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        caller = connect()
        caller.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n%x\r\n" % LIMIT)
        assert caller.response().startswith(b"HTTP/1.1 413 ")
        assert running.refused()
        assert not upstream.requests

    def test_refusing_does_not_take_back_the_answer_from_a_client_that_still_sends(self, connect: Connect) -> None:
        caller = connect()
        caller.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1) + b"x" * 300_000)
        assert caller.response().startswith(b"HTTP/1.1 413 ")

    @pytest.mark.parametrize(
        ("sent", "after_s", "status"),
        [(b"GET / HTT", 40, b"408"), (post(b"x" * 100)[:-50], 70, b"408"), (b"", 80, b"")],
    )
    def test_who_takes_too_long_is_let_go(
        self, running: Running, connect: Connect, sent: bytes, after_s: float, status: bytes
    ) -> None:
        caller = connect()
        caller.send(sent)
        time.sleep(0.1)
        running.call(lambda: running.proxy.sweep(time.monotonic() + after_s))
        got = caller.all_of(1000)
        assert got.startswith(b"HTTP/1.1 " + status) if status else got == b""


class TestUpgrades:
    def test_a_websocket_is_passed_through_and_counted(self) -> None:
        with one_answer(SWITCHING, echo=True) as port, through(settings_for(port)) as (one, caller):
            caller.send(WEBSOCKET)
            assert caller.all_of(len(SWITCHING)) == SWITCHING
            for frame in (b"\x81\x05hello", os.urandom(500_000)):
                sender = threading.Thread(target=caller.send, args=(frame,))
                sender.start()
                assert caller.all_of(len(frame)) == frame
                sender.join()
            assert one.saw_one().reason == UPGRADED

    def test_one_that_the_server_declines_is_a_request_like_others(self) -> None:
        declined = response(b"no", status="426 Upgrade Required")
        with one_answer(declined) as port, through(settings_for(port)) as (one, caller):
            assert caller.ask(WEBSOCKET) == declined
            seen = one.saw_one()
            assert (seen.status, seen.reason) == (426, None)


class TestTrouble:
    def test_an_upstream_that_is_down_is_a_502_until_it_answers(self) -> None:
        with through(settings_for(free_port())) as (one, caller):
            for _ in range(2):
                assert caller.ask(GET).startswith(b"HTTP/1.1 502 ")
            assert caller.ask(post(b"x" * 1000)).startswith(b"HTTP/1.1 502 ")
            assert [seen.status for seen in one.saw(3)] == [502] * 3
            assert one.proxy.upstream_errors == 3
            assert one.proxy.down

    def test_no_answer_is_a_502(self, running: Running, connect: Connect, upstream: Upstream) -> None:
        upstream.answers["/x"] = None
        caller = connect()
        assert caller.ask(GET).startswith(b"HTTP/1.1 502 ")
        assert caller.ask(post(b"next")) == response(post(b"next"))
        assert [seen.status for seen in running.saw(2)] == [502, 200]
        assert running.proxy.upstream_errors == 1
        assert running.proxy.down is None

    def test_an_answer_that_is_none_of_http_is_a_502(self) -> None:
        with one_answer(b"SSH-2.0-OpenSSH_9.9\r\n") as port, through(settings_for(port)) as (_, caller):
            assert caller.ask(GET).startswith(b"HTTP/1.1 502 ")

    def test_an_answer_cut_off_is_cut_off_for_the_client_and_has_no_status(self) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
        with one_answer(half) as port, through(settings_for(port)) as (one, caller):
            caller.send(GET)
            with pytest.raises(ConnectionResetError):
                caller.all_of(10_000)
            seen = one.saw_one()
            assert (seen.status, seen.latency_us, seen.reason) == (None, None, None)

    def test_a_connection_that_the_server_was_just_ending_costs_no_reading(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/close"] = response(b"last")
        caller = connect()
        assert caller.ask(GET)
        line = running.proxy.pool._idle[-1]
        # As if the end of the connection were under way: the server closes on the next request, unanswered.
        upstream.answers["/x"] = None
        threading.Timer(0.05, lambda: upstream.answers.pop("/x")).start()
        upstream.answers["/x"] = (0.1, None)
        assert line.reused
        got = caller.ask(GET)
        assert got == response(GET)
        assert upstream.connections == 2
        assert [seen.status for seen in running.saw(2)] == [200, 200]

    def test_a_client_that_leaves_within_its_request_is_counted(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        caller = connect()
        caller.send(post(b"x" * 100)[:-50])
        time.sleep(0.05)
        caller.close()
        assert running.saw_one().reason == LEFT

    def test_a_client_that_does_not_wait_for_its_answer_is_recorded_without_one(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (1.0, response(b"late"))
        caller = connect()
        caller.send(GET)
        upstream.wait_for(1)
        caller.close()
        seen = running.saw_one()
        assert (seen.status, seen.reason) == (None, None)

    def test_a_request_without_an_answer_yet_is_reported_once(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (0.3, response(b"late"))
        caller = connect()
        caller.send(GET)
        upstream.wait_for(1)
        running.look()
        running.look()
        assert len(running.under_way) == 1
        assert not running.settled
        caller.response()
        settled = running.saw_one()
        assert settled.stamp_us == running.under_way[0].stamp_us
        assert (running.under_way[0].status, settled.status) == (None, 200)

    def test_requests_under_way_are_waited_for_when_it_stops(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (0.3, response(b"late"))
        caller, idle = connect(), connect()
        idle.ask(post(b"x"))
        caller.send(GET)
        upstream.wait_for(2)
        stop = running.proxy.stop(5.0, running.call(asyncio.Event))
        asyncio.run_coroutine_threadsafe(stop, running._loop)
        got = caller.response()
        assert got.endswith(b"late")
        assert b"Connection: close" in got
        assert idle.is_closed()
        assert running.saw(2)[1].status == 200

    def test_a_client_that_reads_slowly_gets_its_last_answer_whole(
        self, running: Running, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = response(b"y" * 8_000_000)
        caller = connect()
        caller.send(GET.replace(b"Host", b"Connection: close\r\nHost"))
        read = 0
        for _ in range(4):
            read += len(caller.all_of(500_000))
            running.call(lambda: running.proxy.sweep(time.monotonic() + 30))
        while data := caller.socket.recv(1_000_000):
            read += len(data)
        assert read > 8_000_000
        assert running.saw_one().status == 200

    def test_more_clients_than_there_are_files_for_are_turned_away_while_all_are_served(
        self, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (0.3, response(b"late"))
        with closing(Running(replace(settings_for(upstream.port), max_connections=2))) as one:
            with closing(Caller(one.port)) as first, closing(Caller(one.port)) as second:
                first.send(GET)
                second.send(GET)
                upstream.wait_for(2)
                for _ in range(3):
                    with closing(Caller(one.port)) as surplus:
                        assert surplus.response().startswith(b"HTTP/1.1 503 ")
                        assert surplus.is_closed()
                assert first.response().endswith(b"late")
                assert second.response().endswith(b"late")
            assert list(one.refused().values()) == [3]
            assert one.proxy.seen == 5

    @pytest.mark.parametrize(
        "sent", [b"", b"GET /x HTTP/1.1\r\nX", post(b"x" * 100)[:-50], b"nonsense\r\n\r\n", NEXT], ids=repr
    )
    def test_who_was_waited_for_the_longest_gives_way_to_others(self, upstream: Upstream, sent: bytes) -> None:
        with closing(Running(replace(settings_for(upstream.port), max_connections=20))) as one:
            with ExitStack() as stack:
                # Addresses of their own: the bound for one client is another.
                hoard = [stack.enter_context(closing(Caller(one.port, f"127.0.0.{n}"))) for n in range(2, 22)]
                for caller in hoard:
                    caller.send(sent)
                    if sent == NEXT:  # it is the client's turn from the answer on, which another may get earlier
                        assert caller.response() == response(sent)
                until(lambda: one.proxy.seen == (20 if sent else 0) and len(one.proxy._connections) == 20, 5)
                with closing(Caller(one.port)) as other:
                    assert other.ask(post(b"y")) == response(post(b"y"))
                    hoard[0].all_of(100_000)  # returns once it is closed
                    assert other.ask(post(b"y")) == response(post(b"y"))
                    assert len(one.proxy._connections) == 20, "one gave way, and no more"
            assert one.proxy.seen == (22 if sent else 2)

    def test_a_client_has_at_most_a_quarter_of_the_connections_waiting_for_it(self, upstream: Upstream) -> None:
        with closing(Running(replace(settings_for(upstream.port), max_connections=40))) as one, ExitStack() as stack:
            hoard = [stack.enter_context(closing(Caller(one.port))) for _ in range(25)]
            until(lambda: len(one.proxy._connections) == 10, 5)
            assert all(caller.is_closed() for caller in hoard[:15]), "those that waited longest are ended"
            assert hoard[-1].ask(GET) == response(GET)
            other = stack.enter_context(closing(Caller(one.port, "127.0.0.2")))
            assert other.ask(GET) == response(GET)

    def test_a_port_that_is_taken_is_one_sentence(self, running: Running) -> None:
        with pytest.raises(ArchduelError, match=rf"port {running.port} of 127.0.0.1 is taken"):
            Running(replace(settings_for(1), listen_port=running.port))


class TestAddresses:
    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("https://api.example.com/", "api.example.com"),
            ("http://[::1]:81", "[::1]:81"),
        ],
    )
    def test_are_scheme_host_and_port(self, url: str, name: str) -> None:
        assert Address.of(url).name == name

    @pytest.mark.parametrize(
        "url", ["", "127.0.0.1:3000", "ftp://a", "http://", "http://a/b", "http://u:p@a", "http://a:x", "http://a?q=1"]
    )
    def test_of_anything_else_are_refused(self, url: str) -> None:
        with pytest.raises(UsageError, match="name scheme, host and port"):
            Address.of(url)
