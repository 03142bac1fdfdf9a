"""The fault proxy, as a process of its own in front of a small server: it passes everything, or it is down.

When it is told what is tested with an experiment.
"""

import os
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.faults.control import FaultProxy
from resources.leash import free_port
from tests.unit.test_leash import gone
from workloads.errors import ArchduelError

Connect = Callable[[], socket.socket]


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what it reads."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(65_536):
                self.request.sendall(data)
        except OSError:
            pass  # the proxy went down


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def running(upstream: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    proxy = FaultProxy("test", upstream, tmp_path_factory.mktemp("logs"))
    try:
        proxy.wait_until_ready()
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def proxy(running: FaultProxy) -> FaultProxy:
    running.switch("pass")
    return running


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Connect]:
    """Connects to the proxy; whatever was opened is closed."""
    opened: list[socket.socket] = []

    def one() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        opened.append(connection)
        return connection

    yield one
    for connection in opened:
        connection.close()


def echoed(connection: socket.socket, data: bytes) -> bytes:
    """What comes back for ``data``, as many bytes as were sent."""
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    received = bytearray()
    while len(received) < len(data) and (some := connection.recv(65_536)):
        received += some
    sender.join(10)
    return bytes(received)


def is_reset(connection: socket.socket) -> bool:
    try:
        connection.recv(1)
    except ConnectionResetError:
        return True
    return False


def refuses(port: int) -> bool:
    """Whether nobody listens there, within five seconds: a kernel may close a killed process's sockets after it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.02)
    return False


class TestPassing:
    @pytest.mark.parametrize("size", [1, 1000, 3_000_000])
    def test_bytes_come_and_go_as_they_are(self, connect: Connect, size: int) -> None:
        data = os.urandom(size)
        assert echoed(connect(), data) == data

    def test_a_connection_carries_many_exchanges(self, connect: Connect) -> None:
        connection = connect()
        for number in range(50):
            assert echoed(connection, b"%d" % number) == b"%d" % number

    def test_connections_at_once_are_not_mixed_up(self, connect: Connect) -> None:
        contents = [os.urandom(100_000) for _ in range(20)]
        connections = [connect() for _ in contents]
        with ThreadPoolExecutor(len(contents)) as pool:
            assert list(pool.map(echoed, connections, contents)) == contents

    def test_what_is_sent_at_once_upon_connecting_is_not_lost(self, connect: Connect) -> None:
        for _ in range(20):
            assert echoed(connect(), b"early") == b"early"

    def test_a_close_of_one_end_closes_the_other(self, upstream: int, connect: Connect) -> None:
        connection = connect()
        assert echoed(connection, b"x") == b"x"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""

    def test_without_an_upstream_connections_are_reset(self, tmp_path: Path) -> None:
        alone = FaultProxy("alone", free_port(), tmp_path)
        try:
            alone.wait_until_ready()
            try:
                connection = socket.create_connection(("127.0.0.1", alone.port), timeout=10)
            except ConnectionResetError:
                return  # so soon that connecting itself met it
            with connection:
                assert is_reset(connection)
        finally:
            alone.close()


class TestDown:
    def test_refuses_new_connections(self, proxy: FaultProxy, connect: Connect) -> None:
        proxy.switch("down")
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connect()

    def test_resets_open_connections(self, proxy: FaultProxy, connect: Connect) -> None:
        idle, used = connect(), connect()
        assert echoed(used, b"x") == b"x"
        assert echoed(idle, b"x") == b"x"
        proxy.switch("down")
        assert is_reset(used)
        assert is_reset(idle)

    def test_passes_again_on_the_same_port(self, proxy: FaultProxy, connect: Connect) -> None:
        for number in range(5):
            proxy.switch("down")
            with pytest.raises(ConnectionRefusedError):
                connect()
            proxy.switch("pass")
            assert echoed(connect(), b"%d" % number) == b"%d" % number

    def test_switching_twice_is_switching_once(self, proxy: FaultProxy, connect: Connect) -> None:
        connection = connect()
        assert echoed(connection, b"x") == b"x"
        proxy.switch("pass")
        assert echoed(connection, b"y") == b"y", "passing on breaks nothing"
        proxy.switch("down")
        proxy.switch("down")
        with pytest.raises(ConnectionRefusedError):
            connect()
        proxy.switch("pass")
        assert echoed(connect(), b"z") == b"z"

    def test_tells_when_it_took_hold(self, proxy: FaultProxy) -> None:
        before_ns = time.monotonic_ns()
        took_hold_ns = [proxy.switch("down"), proxy.switch("pass")]
        assert before_ns <= took_hold_ns[0] <= took_hold_ns[1] <= time.monotonic_ns()


class TestControl:
    @pytest.mark.parametrize("mode", ["slow", "", "DOWN", "passing"])
    def test_refuses_a_mode_there_is_not_and_goes_on(self, proxy: FaultProxy, connect: Connect, mode: str) -> None:
        with pytest.raises(ArchduelError, match="refused"):
            proxy.switch(mode)
        assert echoed(connect(), b"x") == b"x"

    def test_is_not_running_before_it_is_ready(self, tmp_path: Path) -> None:
        proxy = FaultProxy("early", 1, tmp_path)
        try:
            with pytest.raises(ArchduelError, match="not running"):
                proxy.switch("down")
        finally:
            proxy.close()

    def test_ends_with_all_its_processes_when_it_is_closed(self, upstream: int, tmp_path: Path) -> None:
        proxy = FaultProxy("short", upstream, tmp_path)
        proxy.wait_until_ready()
        pids = [process.pid for process in proxy.process.processes()]
        assert pids
        proxy.close()
        assert gone(pids)
        assert refuses(proxy.port)
        with pytest.raises(ArchduelError, match="not running"):
            proxy.switch("pass")
        proxy.close()

    def test_that_dies_is_said_to_be_gone(self, upstream: int, tmp_path: Path) -> None:
        proxy = FaultProxy("dying", upstream, tmp_path)
        try:
            proxy.wait_until_ready()
            processes = proxy.process.processes()
            for process in processes:
                process.kill()
            assert gone([process.pid for process in processes])
            with pytest.raises(ArchduelError, match=r"gone|refused"):
                proxy.switch("pass")
        finally:
            proxy.close()

    def test_that_cannot_start_is_named_with_its_log(self, tmp_path: Path) -> None:
        proxy = FaultProxy("unlucky", 1, tmp_path)
        proxy.close()  # as if it had died before it took orders
        with pytest.raises(ArchduelError, match=r"the fault proxy did not start .*unlucky-faults-.*\.log"):
            proxy.wait_until_ready()
