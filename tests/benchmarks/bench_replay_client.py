"""What a request costs the load generator, and how late it leaves, beside a client in C, an older archduel and peers.

Run ``python -m tests.benchmarks.bench_replay_client``: some minutes. It needs a C compiler. Peers that are not on the
PATH are left out and named: Debian has hey, wrk and nghttp2-client; ``--locust`` names locust's program, wherever it is
installed. Everything is measured in one run, in turns, against one server in C that stamps each arrival in nanoseconds:
compare within a run, never across runs.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from resources.machine.leash import free_port
from workloads.places import REPOSITORY

_HERE = Path(__file__).parent / "replay"
_CONNECTIONS = 64

_OURS = """
import json, resource, sys, time
import numpy as np
from workloads.replay.client import Gauge
try:
    from workloads.replay.keep_alive import KeepAliveClient
except ImportError:  # an older archduel
    from workloads.replay.client import KeepAliveClient
from workloads.replay.schedule import Schedule
port, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
count = int(rate * seconds)
names = [str(index) for index in range(count)]
due_us = (np.arange(count) / rate * 1e6).astype(np.int64)
schedule = Schedule(names, ["command"] * count, names, names, [300] * count, due_us, 1)
def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
before, start_ns = cpu_s(), time.monotonic_ns() + 300_000_000
responses = KeepAliveClient().send(schedule, f"http://127.0.0.1:{port}/lab", start_ns, Gauge())
told_us = responses.sent_us - schedule.due_us
print(json.dumps({"start_ns": start_ns, "cpu_s": cpu_s() - before, "answered": int((responses.status == 200).sum()),
    "told_lag_us": np.quantile(told_us, [0.5, 0.99]).tolist(),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

_LOCUST = """
import json, resource, os
from locust import FastHttpUser, constant_throughput, events, task
class One(FastHttpUser):
    wait_time = constant_throughput({rate} / {users})
    @task
    def ask(self):
        self.client.post("/lab/orders", data=b"x" * 300)
def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
@events.test_start.add_listener
def begin(**_): One.before = cpu_s()
@events.quitting.add_listener
def end(environment, **_):
    open({told!r}, "w").write(json.dumps({{"cpu_s": cpu_s() - One.before}}))
"""


@dataclass
class Client:
    """A load generator: its command for a port, a rate and seconds, and what was measured of it.

    It may print a JSON object: ``start_ns``, when its first request was due, if the others were due evenly from then
    on, and ``cpu_s``, the CPU it used without its own start.
    """

    name: str
    command: Callable[[int, int, float], Sequence[str | Path]]
    environment: dict[str, str] = field(default_factory=dict)
    told: Path | None = None  # the file where it writes that object, if it does not print it
    runs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


def _program(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise SystemExit(f"{name} is needed, and not on the PATH")
    return found


def _compiled(name: str, folder: Path) -> Path:
    program = folder / name
    subprocess.run([_program("cc"), "-O2", "-o", str(program), str(_HERE / f"{name}.c")], check=True)
    return program


@contextmanager
def _serving(program: Path, most: int, file: Path) -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([str(program), str(port), str(file), str(most)]) as process:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.02)
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _measure(client: Client, server: Path, rate: int, seconds: float, folder: Path) -> None:
    file = folder / "moments"
    with _serving(server, int(rate * seconds * 1.5) + 1000, file) as port:
        command = [str(part) for part in client.command(port, rate, seconds)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **client.environment}
        ) as process:
            output = process.stdout.read() if process.stdout else b""
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
    arrived_ns = np.sort(np.fromfile(file, np.int64))
    run: dict[str, Any] = {"arrived": len(arrived_ns), "cpu_s": used.ru_utime + used.ru_stime}
    if client.told is not None:
        run |= json.loads(client.told.read_text())
    elif output.startswith(b"{"):
        run |= json.loads(output)
    offered = int(rate * seconds)
    if "start_ns" in run and len(arrived_ns) == offered:
        due_ns = run["start_ns"] + (np.arange(offered) / rate * 1e9).astype(np.int64)
        run["lag_us"] = (np.quantile(arrived_ns - due_ns, [0.5, 0.99, 1.0]) / 1000).round(1).tolist()
    run["offered"] = offered
    client.runs.setdefault(rate, []).append(run)


def _clients(folder: Path, options: argparse.Namespace, console: Console) -> Iterator[Client]:
    even_rate = _compiled("even_rate", folder)
    yield Client("C", lambda port, rate, seconds: [even_rate, *map(str, (port, rate, seconds, _CONNECTIONS))])

    def ours(port: int, rate: int, seconds: float) -> Sequence[str]:
        return [sys.executable, "-P", "-c", _OURS, *map(str, (port, rate, seconds))]

    yield Client("archduel", ours, {"PYTHONPATH": str(REPOSITORY)})
    if options.before:
        before = folder / "before"
        before.mkdir()
        archive = subprocess.run(
            [_program("git"), "-C", str(REPOSITORY), "archive", options.before, "workloads"],
            check=True,
            capture_output=True,
        )
        subprocess.run([_program("tar"), "-x", "-C", str(before)], input=archive.stdout, check=True)
        yield Client(f"archduel {options.before[:8]}", ours, {"PYTHONPATH": str(before)})
    url = "http://127.0.0.1:{}/lab/orders"
    body = folder / "body"
    body.write_bytes(b"x" * 300)
    peers: dict[str, Callable[[int, int, float], Sequence[str]]] = {
        "hey": lambda port, rate, seconds: [
            *("hey", "-m", "POST", "-D", str(body), "-c", str(_CONNECTIONS), "-q", str(rate / _CONNECTIONS)),
            *("-z", f"{seconds:g}s", url.format(port)),
        ],
        "h2load": lambda port, rate, seconds: [
            *("h2load", "--h1", "-d", str(body), "-c", str(_CONNECTIONS), "-D", f"{seconds:g}"),
            *("--rps", str(rate / _CONNECTIONS), url.format(port)),
        ],
        "wrk": lambda port, _rate, seconds: [
            *("wrk", "-t1", "-c", str(_CONNECTIONS), "-d", f"{seconds:g}s", url.format(port)),
        ],
    }
    for name, command in peers.items():
        if shutil.which(name):
            yield Client(name, command)
        else:
            console.print(f"{name} is left out: there is no {name} on the PATH.")
    if options.locust:
        file, told = folder / "locustfile.py", folder / "locust.json"

        def locust(port: int, rate: int, seconds: float) -> Sequence[str]:
            users = 50
            file.write_text(_LOCUST.format(rate=rate, users=users, told=str(told)))
            arguments = ["--headless", "-u", str(users), "-r", str(users), "-t", f"{seconds:g}s", "--only-summary"]
            return [options.locust, "-f", str(file), "-H", f"http://127.0.0.1:{port}", *arguments]

        yield Client("locust", locust, told=told)
    else:
        console.print("locust is left out: --locust names it.")


def _table(clients: list[Client]) -> tuple[Table, list[dict[str, Any]]]:
    table = Table(title="300-byte POSTs on kept connections. wrk has no rate: it sends GETs as fast as it can")
    for heading in ("rate /s", "client", "CPU s / 100k", "to C", "sent", "lag p50 us", "p99 us", "most us", "told p99"):
        table.add_column(heading, justify="left" if heading == "client" else "right")
    rows = []
    for rate in clients[0].runs:
        least = _cost(clients[0], rate)
        for client in clients:
            runs = client.runs[rate]
            lags = np.median([run["lag_us"] for run in runs if "lag_us" in run] or [[np.nan] * 3], axis=0)
            told = np.median([run["told_lag_us"][1] for run in runs if "told_lag_us" in run] or [np.nan])
            sent = sum(run["arrived"] for run in runs) / sum(run["offered"] for run in runs)
            cost = _cost(client, rate)
            rows.append(
                {
                    "rate_per_s": rate,
                    "client": client.name,
                    "cpu_s_per_100k": cost,
                    "to_c": cost / least,
                    "sent_share": sent,
                    "lag_us": [None if np.isnan(lag) else float(lag) for lag in lags],
                    "told_lag_p99_us": None if np.isnan(told) else float(told),
                    "runs": runs,
                }
            )
            figures = ("" if np.isnan(one) else f"{one:,.0f}" for one in (*lags, told))
            table.add_row(str(rate), client.name, f"{cost:.2f}", f"{cost / least:.2f}", f"{sent:.1%}", *figures)
        table.add_section()
    return table, rows


def _cost(client: Client, rate: int) -> float:
    runs = client.runs[rate]
    return float(np.median([run["cpu_s"] / max(1, run["arrived"]) for run in runs]) * 100_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[1000, 5000, 20_000], help="requests per second")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=3, help="of all clients")
    parser.add_argument("--before", help="a commit whose archduel is measured beside this one")
    parser.add_argument("--locust", help="locust's program")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = _compiled("arrivals", folder)
        clients = list(_clients(folder, options, console))
        for number in range(options.rounds):
            for rate in options.rates:
                for client in clients[number % len(clients) :] + clients[: number % len(clients)]:
                    _measure(client, server, rate, options.seconds, folder)
    table, rows = _table(clients)
    console.print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
