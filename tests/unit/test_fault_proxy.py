"""The fault proxy as a process of its own between raw clients and a small server, and its remote control.

When faults are switched is tested in `test_conductor`; which requests a fault hits, in `test_fault_choice`.
"""

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from resources.faults.control import FaultProxy
from resources.faults.proxy.fault import Fault
from resources.machine.leash import free_port
from tests.unit.fault_server import CONTINUE, Caller, Upstream, calling, chunked, dynamodb, post, response, serving
from tests.unit.passing import GET, Connect, Passing
from tests.unit.test_fault_choice import UPDATE, hits
from tests.unit.test_leash import gone
from tests.waiting import until
from workloads.errors import ArchduelError

ERROR = {"kind": "error", "error": "ThrottlingException", "status": 400}


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with serving() as upstream:
        yield upstream


@contextmanager
def another(upstream_port: int, logs: Path) -> Iterator[FaultProxy]:
    with closing(FaultProxy("test", upstream_port, logs)) as proxy:
        proxy.wait_until_ready()
        yield proxy


@pytest.fixture(scope="module")
def running(server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with another(server.port, tmp_path_factory.mktemp("logs")) as proxy:
        yield proxy
        assert proxy.process.last_log_lines() == [], "nothing of all this is an error of the proxy's own"


@pytest.fixture
def upstream(server: Upstream) -> Upstream:
    server.requests.clear()
    server.arrived_s.clear()
    server.answers.clear()
    server.abandoned = 0
    return server


@pytest.fixture
def proxy(running: FaultProxy, upstream: Upstream) -> FaultProxy:
    running.switch(None)
    return running


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Connect]:
    with calling(proxy.port) as one:
        yield one


def passes(caller: Caller, body: bytes = b"x") -> bool:
    """Whether a request comes back as the server answers."""
    return caller.ask(post(body)) == response(post(body))


def memory_bytes(proxy: FaultProxy) -> int:
    return sum(process.memory_info().rss for process in proxy.process.processes())


def refuses(port: int) -> bool:
    """Whether nothing listens there, within five seconds: a kernel may close a killed process's sockets after it."""

    def refused() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED

    return until(refused, 5)


class TestPassing(Passing):
    def test_spaces_come_and_go_as_they_are(self, connect: Connect) -> None:
        request = post(b"x" * 300, "X-Odd-CASE:  spaced  ")
        assert connect().ask(request) == response(request)

    def test_megabytes_in_chunks_pass_both_ways(self, connect: Connect, upstream: Upstream) -> None:
        content = chunked(os.urandom(2_000_000), 70_000)
        upstream.answers["/many"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + content
        request = b"POST /many HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + content
        caller = connect()
        assert caller.ask(request) == upstream.answers["/many"]
        assert upstream.requests == [request]
        assert passes(caller)

    def test_connections_at_once_are_not_mixed_up(self, connect: Connect) -> None:
        requests = [post(os.urandom(100_000)) for _ in range(20)]
        callers = [connect() for _ in requests]
        with ThreadPoolExecutor(len(requests)) as pool:
            answers = list(pool.map(Caller.ask, callers, requests))
        assert answers == [response(request) for request in requests]

    def test_what_is_sent_at_once_upon_connecting_is_not_lost(self, connect: Connect) -> None:
        assert all(passes(connect()) for _ in range(20))

    def test_a_response_may_end_with_its_connection(self, connect: Connect, upstream: Upstream) -> None:
        upstream.answers["/x"] = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300_000
        caller = connect()
        caller.send(GET)
        assert caller.all_of(400_000) == upstream.answers["/x"]

    def test_a_close_of_one_end_closes_the_other(self, connect: Connect, upstream: Upstream) -> None:
        leaving, left = connect(), connect()
        assert passes(leaving)
        leaving.socket.shutdown(socket.SHUT_WR)
        assert leaving.is_closed()
        upstream.answers["/x"] = None
        left.send(GET)
        assert left.is_closed()

    @pytest.mark.parametrize("data", [b"hello there\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\x00" * 100])
    def test_what_is_not_http_is_reset(self, connect: Connect, upstream: Upstream, data: bytes) -> None:
        caller = connect()
        caller.send(data)
        assert caller.is_reset()
        assert upstream.requests == []

    @pytest.mark.parametrize(
        "answer", [b"SSH-2.0-x\r\n\r\nContent-Length", b"HTTP/1.1 101 X\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n"]
    )
    def test_an_answer_that_is_something_else_is_reset(
        self, connect: Connect, upstream: Upstream, answer: bytes
    ) -> None:
        upstream.answers["/x"] = answer
        caller = connect()
        caller.send(GET)
        assert caller.is_reset()

    def test_without_an_upstream_connections_are_reset(self, tmp_path: Path) -> None:
        with another(free_port(), tmp_path) as alone:
            try:
                with closing(Caller(alone.port)) as caller:
                    assert caller.is_reset()
            except ConnectionResetError:
                pass  # so soon that connecting itself met it

    def test_memory_stays_bounded_when_the_client_reads_slowly(
        self, connect: Connect, upstream: Upstream, proxy: FaultProxy
    ) -> None:
        upstream.answers["/x"] = response(bytes(60_000_000), "Connection: close")
        before = memory_bytes(proxy)
        caller = connect()
        caller.send(GET)
        upstream.wait_for(1)
        for _ in range(30):
            time.sleep(0.01)
            assert memory_bytes(proxy) - before < 15_000_000
        assert caller.all_of(70_000_000) == upstream.answers["/x"]

    def test_memory_stays_bounded_when_upstream_reads_slowly(self, tmp_path: Path) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as deaf,
            another(deaf.getsockname()[1], tmp_path) as proxy,
            closing(Caller(proxy.port)) as caller,
        ):
            before = memory_bytes(proxy)
            caller.send(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
            caller.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                caller.send(bytes(100_000_000))
            assert memory_bytes(proxy) - before < 15_000_000


class TestDown:
    def test_resets_open_connections_and_what_is_under_way(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (5, response(b"late"))
        idle, waiting, sending = connect(), connect(), connect()
        assert passes(idle)
        waiting.send(GET)
        sending.send(post(b"x" * 10)[:-5])
        upstream.wait_for(2)
        proxy.switch({"kind": "down"})
        assert idle.is_reset()
        assert waiting.is_reset()
        assert sending.is_reset()

    def test_gives_way_to_another_fault(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch({"kind": "down"})
        proxy.switch(ERROR)
        assert connect().ask(GET).startswith(b"HTTP/1.1 400 ")

    def test_passes_again_on_the_same_port_and_switching_twice_is_switching_once(
        self, proxy: FaultProxy, connect: Connect
    ) -> None:
        for _ in range(3):
            caller = connect()
            assert passes(caller)
            proxy.switch(None)
            assert passes(caller), "passing on breaks nothing"
            for _ in range(2):
                proxy.switch({"kind": "down"})
            with pytest.raises(ConnectionRefusedError):
                connect()
            proxy.switch(None)


class TestReset:
    def test_resets_the_connection_and_forwards_nothing(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        hit, spared = connect(), connect()
        assert passes(hit)
        proxy.switch({"kind": "reset", "operations": ["GET"]})
        hit.send(GET)
        assert hit.is_reset()
        assert passes(spared)
        assert GET not in upstream.requests


class TestHang:
    @pytest.mark.parametrize("forwarded", [False, True])
    def test_is_silent_for_good_and_spares_others(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream, forwarded: bool
    ) -> None:
        proxy.switch({"kind": "hang", "forwarded": forwarded, "operations": ["GET"]})
        hung, spared = connect(), connect()
        hung.send(GET)
        assert hung.is_silent(0.1)
        assert passes(spared)
        proxy.switch(None)
        hung.send(GET * 100)
        assert hung.is_silent(0.1)
        assert passes(spared)
        assert upstream.requests.count(GET) == forwarded

    def test_swallows_a_body_without_keeping_or_forwarding_it(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        proxy.switch({"kind": "hang"})
        caller = connect()
        caller.send(post(bytes(20_000_000)))  # would block if it were not read
        assert caller.is_silent(0.05)
        assert upstream.requests == []

    def test_lets_go_of_callers_who_gave_up(self, proxy: FaultProxy, connect: Connect) -> None:
        def connections() -> int:
            return sum(
                one.status == psutil.CONN_ESTABLISHED and one.laddr.port == proxy.port
                for process in proxy.process.processes()
                for one in process.net_connections()
            )

        before = connections()
        proxy.switch({"kind": "hang"})
        callers = [connect() for _ in range(10)]
        for caller in callers:
            caller.send(GET)
        assert all(caller.is_silent(0.01) for caller in callers)
        for caller in callers:
            caller.close()
        assert until(lambda: connections() <= before)


class TestLatency:
    def test_holds_the_response_and_not_the_request(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        proxy.switch({"kind": "latency", "median_ms": 200})
        assert connect().ask(GET) == response(GET)
        assert time.monotonic() - upstream.arrived_s[0] > 0.19

    def test_of_one_connection_keeps_no_other_waiting(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch({"kind": "latency", "median_ms": 200})
        callers, started = [connect() for _ in range(20)], time.monotonic()
        for caller in callers:
            caller.send(GET)
        assert all(caller.response() == response(GET) for caller in callers)
        assert time.monotonic() - started < 20 * 0.2

    def test_is_served_though_the_fault_is_over_meanwhile(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch({"kind": "latency", "min_ms": 150, "max_ms": 150})
        caller, large = connect(), post(os.urandom(1_000_000))
        answer: list[bytes] = []
        asking = threading.Thread(target=lambda: answer.append(caller.ask(large)))
        asking.start()
        time.sleep(0.05)
        proxy.switch(None)
        asking.join(10)
        assert answer == [response(large)]
        assert passes(caller)

    @pytest.mark.parametrize(
        ("fault", "abandoned"),
        [
            (None, 1),
            ({"kind": "latency", "median_ms": 60_000}, 0),
            ({"kind": "hang", "forwarded": True}, 0),
            ({"kind": "truncate"}, 0),
        ],
    )
    def test_and_its_like_let_upstream_finish_what_callers_gave_up(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream, fault: dict[str, Any] | None, abandoned: int
    ) -> None:
        """A server may stop working for a connection that closes, as it does when no fault is on."""
        proxy.switch(fault)
        upstream.answers["/x"] = (5 if abandoned else 0.1, response(b""))
        caller = connect()
        caller.send(GET)
        upstream.wait_for(1)
        caller.close()
        until(lambda: upstream.abandoned, 5 if abandoned else 0.2)
        assert upstream.abandoned == abandoned


class TestError:
    def test_answers_and_keeps_the_connection(self, proxy: FaultProxy, connect: Connect, upstream: Upstream) -> None:
        caller = connect()
        assert passes(caller)
        proxy.switch(ERROR)
        for request in (
            dynamodb("PutItem"),
            GET,
            post(bytes(3_000_000)),
            post(b"", "Expect: 100-continue")[:-2] + b"\r\n",
        ):
            answer = caller.ask(request)
            if answer == CONTINUE:
                answer = caller.response()
            assert answer.removeprefix(CONTINUE).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        proxy.switch(None)
        assert passes(caller)
        assert len(upstream.requests) == 2

    def test_answers_pipelined_requests_in_their_turn(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        proxy.switch({**ERROR, "operations": ["GetItem"]})
        upstream.answers["/"] = (0.05, response(b"slow"))
        caller = connect()
        caller.send(dynamodb("PutItem") + dynamodb("GetItem") + dynamodb("PutItem"))
        slow = response(b"slow")
        assert caller.all_of(len(slow)) == slow
        received = b""
        while not received.endswith(slow):
            received += caller.all_of(1)
        assert received.startswith(b"HTTP/1.1 400 ")
        assert len(upstream.requests) == 2

    def test_answers_are_not_piled_up_for_who_reads_none(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch({**ERROR, "error": "X" * 2000})
        caller, count = connect(), 20_000
        one = caller.ask(GET)
        before = memory_bytes(proxy)
        sender = threading.Thread(target=caller.send, args=(GET * count,))
        sender.start()
        time.sleep(0.3)
        assert memory_bytes(proxy) - before < 15_000_000
        assert caller.all_of(len(one) * count) == one * count
        sender.join(10)

    def test_closes_after_its_answer_where_the_client_asks_for_that(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch(ERROR)
        caller = connect()
        assert b"connection: close" in caller.ask(post(b"x", "Connection: close"))
        assert caller.is_closed()


class TestTruncate:
    def test_passes_half_of_the_body_and_closes(self, proxy: FaultProxy, connect: Connect, upstream: Upstream) -> None:
        proxy.switch({"kind": "truncate"})
        whole = response(os.urandom(1_000_000))
        upstream.answers["/x"] = whole
        caller = connect()
        caller.send(GET)
        assert caller.all_of(2_000_000) == whole[:-500_000]
        assert upstream.requests == [GET]

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(os.urandom(300_000)),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"short"),
            response(b"1"),
            response(b""),
        ],
    )
    def test_leaves_no_response_whole(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream, answer: bytes
    ) -> None:
        proxy.switch({"kind": "truncate"})
        upstream.answers["/x"] = answer
        caller = connect()
        caller.send(GET)
        received = caller.all_of(len(answer))
        assert 0 < len(received) < len(answer)
        assert answer.startswith(received)


class TestSwitch:
    def test_lets_a_request_under_way_go_on_as_it_began(
        self, proxy: FaultProxy, connect: Connect, upstream: Upstream
    ) -> None:
        upstream.answers["/x"] = (0.1, response(b"done"))
        caller = connect()
        caller.send(GET)
        upstream.wait_for(1)
        proxy.switch({"kind": "reset"})
        assert caller.response() == response(b"done")
        caller.send(GET)
        assert caller.is_reset()

    def test_hits_the_same_requests_in_every_process(
        self, proxy: FaultProxy, upstream: Upstream, tmp_path: Path
    ) -> None:
        options = {**ERROR, "share": 0.5, "seed": 11}
        patterns = []
        with another(upstream.port, tmp_path) as other:
            for one in (proxy, other):
                one.switch(options)
                with closing(Caller(one.port)) as caller:
                    patterns.append([caller.ask(dynamodb("UpdateItem")).startswith(b"HTTP/1.1 400") for _ in range(60)])
        assert patterns[0] == patterns[1] == hits(Fault(options), 60, UPDATE)

    def test_starts_counting_afresh(self, proxy: FaultProxy, connect: Connect) -> None:
        options = {**ERROR, "share": 0.5, "seed": 11}
        caller, patterns = connect(), []
        for _ in range(2):
            proxy.switch(options)
            patterns.append([caller.ask(GET).startswith(b"HTTP/1.1 400") for _ in range(30)])
        assert patterns[0] == patterns[1]

    def test_tells_when_it_took_hold(self, proxy: FaultProxy) -> None:
        before_ns = time.monotonic_ns()
        took_hold_ns = [proxy.switch({"kind": "down"}), proxy.switch(ERROR), proxy.switch(None)]
        assert before_ns <= took_hold_ns[0] <= took_hold_ns[1] <= took_hold_ns[2] <= time.monotonic_ns()

    def test_may_be_switched_by_other_threads(self, proxy: FaultProxy, connect: Connect) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(proxy.switch, [ERROR, None] * 50))
        proxy.switch(None)
        assert passes(connect())


def table(url: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )


class TestWithBoto3:
    """The client whose requests are to fail, and what it makes of it."""

    @pytest.fixture(autouse=True)
    def _tables(self, upstream: Upstream) -> None:
        body = b'{"TableNames":["orders"]}'
        upstream.answers["/"] = response(body, "Content-Type: application/x-amz-json-1.0")

    @pytest.mark.parametrize(
        ("error", "status"),
        [("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500), ("ThrottlingException", 400)],
    )
    def test_errors_are_dynamodbs(self, proxy: FaultProxy, error: str, status: int) -> None:
        client = table(proxy.url)
        assert client.list_tables()["TableNames"] == ["orders"]
        proxy.switch({"kind": "error", "error": error, "status": status, "operations": ["ListTables"]})
        with pytest.raises(ClientError) as caught:
            client.list_tables()
        assert caught.value.response["Error"]["Code"] == error
        metadata = caught.value.response["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == status
        assert metadata["RequestId"]
        proxy.switch(None)
        assert client.list_tables()["TableNames"] == ["orders"]
        client.close()

    def test_a_reset_is_a_closed_connection(self, proxy: FaultProxy) -> None:
        client = table(proxy.url)
        proxy.switch({"kind": "reset"})
        with pytest.raises(ConnectionClosedError):
            client.list_tables()
        proxy.switch(None)
        assert client.list_tables()["TableNames"] == ["orders"]
        client.close()


class TestControl:
    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            ({"kind": "slow"}, "no such kind of fault: 'slow'"),
            ({"kind": "reset", "shares": 1}, "reset does not know shares"),
            ({"kind": "latency", "median_ms": "5\n"}, "median_ms must be a number"),
            ([], "no such kind of fault: None"),
        ],
    )
    def test_refuses_what_is_no_fault_and_goes_on_as_before(
        self, proxy: FaultProxy, connect: Connect, fault: Any, reason: str
    ) -> None:
        caller = connect()
        assert passes(caller)
        with pytest.raises(ArchduelError, match=f"refused .*{reason}"):
            proxy.switch(fault)
        assert passes(caller)
        proxy.switch(ERROR)
        with pytest.raises(ArchduelError, match="refused"):
            proxy.switch(fault)
        assert caller.ask(GET).startswith(b"HTTP/1.1 400 "), "the fault that was on is on still"

    @pytest.mark.parametrize("line", [b"down\n", b"\n", b"[]\n", b'"down"\n', b"\xff\xfe\n", b"{" * 5000 + b"\n"])
    def test_refuses_lines_that_are_something_else(self, proxy: FaultProxy, line: bytes) -> None:
        with (
            socket.create_connection(proxy._control_address, timeout=5) as connection,
            connection.makefile("rb") as answers,
        ):
            connection.sendall(proxy._key.encode() + b"\n" + line + b"null\n")
            assert answers.readline().startswith(b"error ")
            assert answers.readline().startswith(b"ok ")

    @pytest.mark.parametrize(
        "sent",
        [
            b'{"kind": "down"}\n',
            b'\n{"kind": "down"}\n',
            # What a page in a browser can have it send.
            b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n{"kind": "down"}\n',
            300 * b"x" + b"\n",
        ],
    )
    def test_takes_no_command_of_who_does_not_know_its_key(
        self, proxy: FaultProxy, connect: Connect, sent: bytes
    ) -> None:
        with socket.create_connection(proxy._control_address, timeout=5) as stranger:
            stranger.sendall(sent)
            with suppress(ConnectionResetError):  # for what was not read any more
                assert stranger.recv(100) == b"", "closed without an answer"
        assert passes(connect())

    def test_is_not_running_before_it_is_ready(self, tmp_path: Path) -> None:
        with (
            closing(FaultProxy("early", 1, tmp_path)) as proxy,
            pytest.raises(ArchduelError, match="not running"),
        ):
            proxy.switch({"kind": "down"})

    def test_listens_on_loopback_only(self, proxy: FaultProxy) -> None:
        addresses = {
            one.laddr.ip
            for process in proxy.process.processes()
            for one in process.net_connections()
            if one.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}

    def test_ends_with_all_its_processes_when_it_is_closed(self, server: Upstream, tmp_path: Path) -> None:
        proxy = FaultProxy("short", server.port, tmp_path)
        proxy.wait_until_ready()
        pids = [process.pid for process in proxy.process.processes()]
        assert pids
        proxy.close()
        assert gone(pids)
        assert refuses(proxy.port)
        with pytest.raises(ArchduelError, match="not running"):
            proxy.switch(None)
        proxy.close()

    def test_that_dies_is_reported_as_gone(self, server: Upstream, tmp_path: Path) -> None:
        proxy = FaultProxy("dying", server.port, tmp_path)
        try:
            proxy.wait_until_ready()
            processes = proxy.process.processes()
            for process in processes:
                process.kill()
            assert gone([process.pid for process in processes])
            for _ in range(2):
                with pytest.raises(ArchduelError, match="gone"):
                    proxy.switch(None)
        finally:
            proxy.close()

    def test_that_cannot_start_is_named_with_its_log(self, tmp_path: Path) -> None:
        proxy = FaultProxy("unlucky", 1, tmp_path)
        proxy.close()  # as if it had died before it took orders
        with pytest.raises(ArchduelError, match=r"the fault proxy did not start\. .*unlucky-faults-.*\.log"):
            proxy.wait_until_ready()
