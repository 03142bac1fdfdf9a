"""``archduel record`` as people run it: real traffic through the recorder, stopped, killed, misused. No emulator.

What passes through it, request by request, is tested in `tests/unit/test_recorder_proxy.py`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil
import pytest

from resources.machine.leash import free_port
from tests.functional.conftest import Call
from tests.shell import archduel
from tests.unit.fault_server import Caller, Upstream, serving
from workloads.places import Places
from workloads.recordings.library import Library


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serving() as one:
        yield one


@contextmanager
def recording(
    places: Places, upstream: Upstream, *options: str, files: str = "$(ulimit -n)"
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A recorder that listens, and its port. It may have so many ``files`` open."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("archduel")), "record", "--name", "shop", *options]
    process = subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            f'ulimit -n {files}; exec "$@"',
            "sh",
            *command,
            "--listen",
            f"127.0.0.1:{port}",
            "--upstream",
            f"http://127.0.0.1:{upstream.port}",
        ],
        env={**os.environ, "ARCHDUEL_HOME": str(places.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert f"http://127.0.0.1:{port} -> " in process.stdout.readline()
        yield process, port
    finally:
        process.kill()
        process.communicate()


def ask(caller: Caller, number: int) -> float:
    """Sends an order and waits for its answer; returns when it was sent."""
    sent_s = time.time()
    body = b"x" * (number + 1)
    head = b"POST /orders/%d?token=hush HTTP/1.1\r\nHost: here\r\nCookie: session=hush\r\nContent-Length: %d\r\n\r\n"
    assert caller.ask(head % (number, len(body)) + body).startswith(b"HTTP/1.1 200 ")
    return sent_s


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_is_a_recording_with_the_account_of_every_request(
    places: Places, upstream: Upstream, number: signal.Signals
) -> None:
    with recording(places, upstream) as (process, port):
        with closing(Caller(port)) as caller:
            sent_s = [ask(caller, one) for one in range(20)]
            caller.send(b"nonsense\r\n\r\n")
            assert caller.response().startswith(b"HTTP/1.1 400 ")
        process.send_signal(number)
        output, complaints = process.communicate(timeout=30)
    assert process.returncode == 0, complaints
    assert "shop: 21 requests seen = 20 recorded + 0 dropped + 1 refused" in output
    table = Library(places).load("shop").table
    assert table.column("path").to_pylist() == [f"/orders/{one}" for one in range(20)]
    assert table.column("payload_bytes").to_pylist() == [one + 1 for one in range(20)]
    recorded_s = [one / 1e6 for one in table.column("arrival_us").to_pylist()]
    drift_s = [abs((at - recorded_s[0]) - (sent - sent_s[0])) for at, sent in zip(recorded_s, sent_s, strict=True)]
    assert sorted(drift_s)[10] < 0.02
    stored = b"".join(path.read_bytes() for path in places.home.rglob("*") if path.is_file())
    assert b"hush" not in stored


def test_killed_it_leaves_no_process_and_loses_nothing_older_than_a_second(places: Places, upstream: Upstream) -> None:
    upstream.answers["/slow"] = (60.0, None)
    with (
        recording(places, upstream) as (process, port),
        closing(Caller(port)) as waiting,
        closing(Caller(port)) as caller,
    ):
        waiting.send(b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n")
        upstream.wait_for(1)
        sent_s: list[float] = []
        began_s = time.time()
        while time.time() < began_s + 3:
            sent_s.append(ask(caller, len(sent_s)))
            time.sleep(0.005)
        family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        killed_s = time.time()
        process.kill()
        process.wait()
        assert not [pid for pid in family if psutil.pid_exists(pid)]
        listed = archduel(places, "workloads")
    assert "recovered what a recorder left behind: shop" in listed.stderr
    assert "shop" in listed.stdout
    paths = Library(places).load("shop").table.column("path").to_pylist()
    assert paths[0] == "/slow", "it has no answer yet, and is none the less"
    kept = [int(path.rpartition("/")[2]) for path in paths[1:]]
    assert kept == list(range(len(kept))), "each once, in order"
    assert len(kept) >= sum(at < killed_s - 1 for at in sent_s)


def test_more_connections_than_files_cost_nothing_that_was_recorded(places: Places, upstream: Upstream) -> None:
    with recording(places, upstream, files="100") as (process, port), ExitStack() as held:
        caller = held.enter_context(closing(Caller(port)))
        ask(caller, 0)
        for _ in range(200):
            held.enter_context(closing(Caller(port, "127.0.0.2"))).send(b"GET /x HTTP/1.1\r\nX")
        for number in range(1, 10):
            ask(caller, number)
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        output, complaints = process.communicate(timeout=30)
    assert process.returncode == 0, complaints
    assert "= 10 recorded + " in output
    assert " x a request that was still arriving when others needed its connection" in output


def test_nothing_recorded_is_one_line_and_no_recording(places: Places, upstream: Upstream) -> None:
    with recording(places, upstream, "--minutes", "0.01") as (process, _):
        _, complaints = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complaints == "archduel: no request to record came: nothing is kept\n"
    assert not [path for path in places.recordings.iterdir() if path.name != ".key"]


MISUSES = [
    ((), "--upstream http://127.0.0.1:3000"),
    (("--upstream", "http://a", "--customers", "lunch"), "--customers lunch"),
    (("--upstream", "http://a"), "--name is missing"),
    (("--upstream", "ftp://a", "--name", "x"), "name scheme, host and port"),
    (("--upstream", "http://a", "--name", "X"), "cannot name a recording"),
    (("--upstream", "http://a", "--name", "food_orders"), "bundled"),
    (("--upstream", "http://a", "--name", "x", "--listen", "0.0.0.0:8080"), "give --expose as well"),
    (("--upstream", "http://a", "--name", "x", "--listen", "8080"), "such as 127.0.0.1:8080"),
    (("--upstream", "http://a", "--name", "x", "--peak", "3"), "--peak is for --customers"),
    (("--upstream", "http://127.0.0.1:8080", "--name", "x"), "are the same"),
    (("--upstream", "http://a", "--name", "x", "--mapping", "missing.yaml"), "missing.yaml"),
    (("--customers", "lunch", "--name", "x", "--listen", "127.0.0.1:1"), "--listen is for --upstream"),
    (("--customers", "brunch", "--name", "x"), "did you mean lunch? The others: flash_sale, quiet_night, retry_storm"),
    (("--customers", "lunch", "--name", "x", "--scenario", "poison"), "changes the traffic itself"),
    (("--customers", "lunch", "--name", "x", "--architecture", "none"), "unknown architecture"),
]


@pytest.mark.parametrize(("options", "complaint"), MISUSES)
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    places: Places, call: Call, options: tuple[str, ...], complaint: str
) -> None:
    done = call("record", *options)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(places.recordings.glob("*"))


def test_a_port_that_is_taken_is_one_line(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = call("record", "--upstream", "http://127.0.0.1:1", "--name", "x", "--listen", listen)
    assert done.returncode == 1
    assert "is taken: end what listens there" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_day_of_customers_can_be_read_about(places: Places, call: Call) -> None:
    done = call("record", "--customers", "flash_sale", "--describe")
    assert done.returncode == 0
    assert "fall_width" in done.stdout
    assert not places.home.exists()
