"""What a target on this machine can take, measured once: the yardstick of the default speed.

Closed loop with eight callers through the synchronous path, the dearest one per request, half commands and half
queries.
"""

import http.client
import itertools
import json
import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.lab.bench import Bench
from resources.progress import Reporter
from resources.targets import Platform
from workloads.atomic import replacing
from workloads.places import Places
from workloads.replay.schedule import split_url

_CALLERS = 8
_SECONDS = 4.0
_SHARE = 0.49  # of the capacity at most, in the busiest second of a default replay
_BUSY_SHARE = 0.25  # of all cores, in use by others: what is measured beside that is less than the target takes
_LOOK_S = 1.0

_beside_others: dict[tuple[Path, str], float] = {}  # figures good for this process only, or it would change its speed


def _used_by_others() -> float:
    """The share of all cores that is in use before anything of ours runs."""
    return psutil.cpu_percent(interval=_LOOK_S) / 100


def _machine() -> str:
    return f"{platform.machine()} x{psutil.cpu_count()}"


def measure(platform: Platform, log_folder: Path) -> float:
    """Requests per second the synchronous architecture answers on a target."""
    bench = Bench(architectures()["synchronous"], StackSettings(), platform, log_folder)
    try:
        bench.ready().warm_up()
        host, port, base = split_url(bench.stack.api_url)
        numbers = itertools.count()
        lock = threading.Lock()

        def call_until(deadline: float) -> int:
            connection = http.client.HTTPConnection(host, port, timeout=10)
            answered = 0
            while time.monotonic() < deadline:
                with lock:
                    number = next(numbers)
                if number % 2:
                    connection.request("GET", f"{base}/orders/c{number - 1}?request_id={number}")
                else:
                    body = json.dumps({"request_id": str(number), "order_id": f"c{number}", "details": "x" * 250})
                    connection.request("POST", f"{base}/orders", body, {"Content-Type": "application/json"})
                answered += connection.getresponse().read() is not None
            connection.close()
            return answered

        started = time.monotonic()
        with ThreadPoolExecutor(_CALLERS) as pool:
            answered = sum(pool.map(call_until, [started + _SECONDS] * _CALLERS))
        return answered / (time.monotonic() - started)
    finally:
        bench.close()


def capacity(
    places: Places,
    platform: Platform,
    reporter: Reporter,
    *,
    measuring: Callable[[Platform, Path], float] = measure,
    used_by_others: Callable[[], float] = _used_by_others,
) -> float:
    """Requests per second of a target on this machine: what it is known to take; else from ``capacity.json`` in the
    home, or measured now (about ten seconds) and kept there.

    What is measured while others use the machine is not kept: every later default replay would be that slow.
    """
    if (known_per_s := platform.target.limits.per_s) is not None:
        return known_per_s
    file = places.home / "capacity.json"
    try:
        known = dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        known = {}
    key = f"{platform.title} on {_machine()}"
    if isinstance(known.get(key), int | float):
        return float(known[key])
    if (here := (places.home, key)) in _beside_others:
        return _beside_others[here]
    reporter.stage(f"measuring once what {platform.title} takes on this machine")
    used_share = used_by_others()
    measured_per_s = round(measuring(platform, places.emulator_logs), 1)
    if used_share > _BUSY_SHARE:
        reporter.stage(
            f"{used_share:.0%} of the machine is in use by others: {measured_per_s:g} requests/s is not kept"
        )
        _beside_others[here] = measured_per_s
        return measured_per_s
    with replacing(file) as hidden:
        hidden.write_text(json.dumps({**known, key: measured_per_s}, indent=2) + "\n")
    return measured_per_s


def default_peak_per_s(capacity_per_s: float) -> float:
    """The rate of the busiest second that leaves the emulator's own limits out of the picture."""
    return capacity_per_s * _SHARE
