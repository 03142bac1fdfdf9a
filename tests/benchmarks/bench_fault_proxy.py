"""What the fault proxy costs while no fault is on, beside other proxies, and how long its switch takes.

Run ``python -m tests.benchmarks.bench_fault_proxy``: about five minutes. Peers that are not on the PATH are left out
and named; Debian's packages are haproxy and nginx-light. Everything is measured in one run, interleaved, since the
machine is shared: compare within a run, never across runs.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httptools
import numpy as np
import uvloop
from rich.console import Console
from rich.table import Table

from resources.faults.control import FaultProxy
from resources.machine.leash import LeashedProcess, free_port
from workloads.places import REPOSITORY
from workloads.replay.client import Gauge
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule

RATES_PER_S = (200, 1000, 2000)
CONNECTIONS = 500
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n" + b"x" * 300
_REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 300\r\n\r\n" + b"x" * 300


@dataclass
class Way:
    """A way to the upstream, and what was measured on it."""

    name: str
    port: int
    process: LeashedProcess | None
    service_us: dict[int, list[np.ndarray[Any, Any]]] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)
    failed: int = 0

    def quantile_ms(self, rate: int, q: float) -> float:
        return float(np.quantile(np.concatenate(self.service_us[rate]), q)) / 1000

    def cpu_s_per_100k(self, rate: int) -> float:
        return self.cpu_s[rate] / sum(map(len, self.service_us[rate])) * 100_000


# The upstream, in a process of its own


class _Answering(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_ANSWER)


async def _answer(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


# Peers


def _haproxy(port: int, upstream_port: int, folder: Path) -> list[str]:
    (folder / "haproxy.cfg").write_text(
        "global\n  nbthread 1\n  maxconn 4000\n"
        "defaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n"
        "  option http-keep-alive\n  http-reuse always\n"
        f"frontend front\n  bind 127.0.0.1:{port}\n  default_backend back\n"
        f"backend back\n  server one 127.0.0.1:{upstream_port}\n"
    )
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


def _nginx(port: int, upstream_port: int, folder: Path) -> list[str]:
    scratch = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 1000000; {scratch}\n"
        f"  upstream back {{ server 127.0.0.1:{upstream_port}; keepalive 512; keepalive_requests 1000000; }}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://back; proxy_http_version 1.1;\n"
        '    proxy_set_header Connection ""; } } }\n'
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _toxiproxy(port: int, upstream_port: int, folder: Path) -> list[str]:
    proxies = [
        {"name": "one", "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream_port}", "enabled": True}
    ]
    (folder / "toxiproxy.json").write_text(json.dumps(proxies))
    return ["toxiproxy-server", "-config", str(folder / "toxiproxy.json"), "-port", str(free_port())]


PEERS: dict[str, Callable[[int, int, Path], list[str]]] = {
    "toxiproxy": _toxiproxy,
    "haproxy": _haproxy,
    "nginx": _nginx,
}


def _wait_for(port: int, process: LeashedProcess) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.alive:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.log} listens on nothing: {process.last_log_lines()}")


@contextmanager
def _started(arguments: list[str], port: int, log: Path) -> Iterator[LeashedProcess]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = LeashedProcess(arguments, environment=environment, log=log)
    try:
        _wait_for(port, process)
        yield process
    finally:
        process.close()


# Open loop: what passing through adds


def _schedule(rate: int, duration_s: float) -> Schedule:
    count = max(1, round(rate * duration_s))
    names = [str(index) for index in range(count)]
    return Schedule(
        request_ids=names,
        operations=["command"] * count,
        entities=names,
        order_ids=names,
        payload_bytes=[300] * count,
        due_us=(np.arange(count) / rate * 1e6).astype(np.int64),
        seed=0,
    )


def _measure(path: Way, rate: int, duration_s: float, *, keep: bool) -> None:
    before_s = path.process.cpu_seconds() if path.process else 0.0
    responses = KeepAliveClient().send(
        _schedule(rate, duration_s), f"http://127.0.0.1:{path.port}", time.monotonic_ns() + 50_000_000, Gauge()
    )
    if not keep:
        return
    answered = responses.status == 200
    path.failed += int((~answered).sum())
    path.service_us.setdefault(rate, []).append((responses.responded_us - responses.sent_us)[answered])
    spent_s = path.process.cpu_seconds() - before_s if path.process else 0.0
    path.cpu_s[rate] = path.cpu_s.get(rate, 0.0) + spent_s


def _table_of_costs(paths: list[Way]) -> Table:
    table = Table(title="Passing 300-byte POSTs, open loop. Added: to the direct way's quantile, same run")
    for heading in (
        "rate /s",
        "way",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "p50 ratio",
        "CPU s / 100k",
        "failed",
    ):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    direct = paths[0]
    for rate in direct.service_us:
        for path in paths:
            p50, p99 = path.quantile_ms(rate, 0.5), path.quantile_ms(rate, 0.99)
            base50, base99 = direct.quantile_ms(rate, 0.5), direct.quantile_ms(rate, 0.99)
            table.add_row(
                *(str(rate), path.name, f"{p50:.3f}", f"{p99:.3f}", f"{p50 - base50:.3f}", f"{p99 - base99:.3f}"),
                *(f"{p50 / base50:.2f}", f"{path.cpu_s_per_100k(rate):.1f}" if path.process else "", str(path.failed)),
            )
        table.add_section()
    return table


def serving_upstream(port: int, folder: Path) -> AbstractContextManager[LeashedProcess]:
    module = [sys.executable, "-m", "tests.benchmarks.bench_fault_proxy", "--upstream", str(port)]
    return _started(module, port, folder / "upstream.log")


def compare_ways(
    own: Way, upstream_port: int, stack: ExitStack, folder: Path, console: Console, options: argparse.Namespace
) -> list[Way]:
    """Measure a way of ours beside the direct one and peers, which ``stack`` ends, and print the costs."""
    ways = [Way("direct", upstream_port, None), own]
    for name, arguments_for in PEERS.items():
        port = free_port()
        arguments = arguments_for(port, upstream_port, folder)
        if shutil.which(arguments[0]) is None:
            console.print(f"{name} is left out: there is no {arguments[0]} on the PATH.")
            continue
        ways.append(Way(name, port, stack.enter_context(_started(arguments, port, folder / f"{name}.log"))))
    for way in ways:
        _measure(way, 500, 1.0, keep=False)
    for number in range(options.rounds):
        for rate in RATES_PER_S:
            for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
                _measure(way, rate, options.seconds, keep=True)
    console.print(_table_of_costs(ways))
    return ways


# The switch, under load from a process of its own


class _Asking(asyncio.Protocol):
    """Asks, reads the answer, waits, asks again."""

    def __init__(self, think_s: Callable[[], float]) -> None:
        self._think_s = think_s
        self._parser = httptools.HttpResponseParser(self)
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        asyncio.get_running_loop().call_later(self._think_s(), self._ask)

    def _ask(self) -> None:
        if not self.lost.done():
            self._transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        think_s = self._think_s()
        if think_s:
            asyncio.get_running_loop().call_later(think_s, self._ask)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)


def _load(port: int, connections: int, rate: int | None) -> None:
    """Keep ``connections`` open and asking ``rate`` times per second together or, with None, whenever answered."""
    think_s = 0.0 if rate is None else connections / rate if rate else 1e6
    chance = np.random.default_rng(0)

    async def keep_asking() -> None:
        while True:
            with suppress(OSError):
                _, protocol = await asyncio.get_running_loop().create_connection(
                    lambda: _Asking(lambda: float(chance.uniform(0.5, 1.5)) * think_s), "127.0.0.1", port
                )
                await protocol.lost
            await asyncio.sleep(0.02)

    async def all_of_them() -> None:
        await asyncio.gather(*(keep_asking() for _ in range(connections)))

    uvloop.run(all_of_them())


def _table_of_switching(proxy: FaultProxy, times: int) -> Table:
    table = Table(title=f"Switching with {CONNECTIONS} connections open; ms from the call until it held")
    for heading in ("load", "switch", "times", "p50 ms", "p99 ms", "most ms", "returned, most ms"):
        table.add_column(heading, justify="left" if heading in {"load", "switch"} else "right")
    error = {"kind": "error", "error": "ThrottlingException", "status": 400}
    context = multiprocessing.get_context("spawn")
    for load, rate in (("none", 0), ("2,000 requests/s", 2000), ("as much as goes through", None)):
        loading = context.Process(target=_load, args=(proxy.port, CONNECTIONS, rate), daemon=True)
        loading.start()
        time.sleep(3)
        for fault in (error, {"kind": "down"}):
            held_ms: dict[str, list[float]] = {f"{fault['kind']} on": [], f"{fault['kind']} off": []}
            returned_ms: dict[str, list[float]] = {name: [] for name in held_ms}
            for _ in range(times):
                for name, switched_to in zip(held_ms, (fault, None), strict=True):
                    called_ns = time.monotonic_ns()
                    took_hold_ns = proxy.switch(switched_to)
                    returned_ms[name].append((time.monotonic_ns() - called_ns) / 1e6)
                    held_ms[name].append((took_hold_ns - called_ns) / 1e6)
                    time.sleep(0.05 if switched_to else 0.4)  # until all have connected again
            for name, values in held_ms.items():
                quantiles = (f"{value:.2f}" for value in (*np.quantile(values, [0.5, 0.99, 1]), max(returned_ms[name])))
                table.add_row(load, name, str(times), *quantiles)
        loading.kill()
        loading.join()
        table.add_section()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement of one way at one rate")
    parser.add_argument("--rounds", type=int, default=5, help="in which each way is measured once at each rate")
    parser.add_argument("--switches", type=int, default=50, help="on and off, per load and fault")
    parser.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.upstream:
        uvloop.run(_answer(options.upstream))
        return
    console = Console(width=120)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream_port = free_port()
        stack.enter_context(serving_upstream(upstream_port, folder))
        began = time.monotonic()
        proxy = FaultProxy("bench", upstream_port, folder)
        stack.callback(proxy.close)
        proxy.wait_until_ready()
        console.print(
            f"The fault proxy accepted commands {(time.monotonic() - began) * 1000:.0f} ms after it was started."
        )
        own = Way("archduel", proxy.port, proxy.process)
        compare_ways(own, upstream_port, stack, folder, console, options)
        console.print(_table_of_switching(proxy, options.switches))
        if lines := proxy.process.last_log_lines():
            console.print("The fault proxy printed, which it should not:", *lines)


if __name__ == "__main__":
    main()
