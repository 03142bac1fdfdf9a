"""What a target on this machine can take, measured once: the yardstick of the default speed.

Put the measurement here, and what is kept of it. Keep out the speed that follows (`resources.lab.load_plan`).
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
from typing import Any

import psutil

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.lab.bench import Bench
from resources.machine.cpu_time import Moment, moment, others
from resources.progress import Reporter
from resources.targets import Platform, Target
from workloads.atomic import replacing
from workloads.places import Places
from workloads.replay.schedule import split_url

_CALLERS = 8
_SECONDS = 4.0
_SHARE = 0.49  # of the capacity, in the busiest second of a default replay
_BUSY_SHARE = 0.25  # of all cores, in use by others: what is measured beside that is less than the target takes
_INTERVAL_S = 1.0

Figures = dict[tuple[Path, str], float]  # requests per second, by home and target

_this_process: Figures = {}  # measured beside others: kept for this process, or its default speed would change


def _used_by_others() -> float:
    """The share of all cores in use before anything of archduel runs."""
    return psutil.cpu_percent(interval=_INTERVAL_S) / 100


def _machine() -> str:
    return f"{platform.machine()} x{psutil.cpu_count()}"


def measure(platform: Platform, log_folder: Path) -> float:
    """Requests per second that the synchronous architecture answers on a target.

    Measured in a closed loop of eight callers, half commands and half queries: its path is the dearest per request.
    """
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
                connection.getresponse().read()
                answered += 1
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
    look: Callable[[], Moment | None] = moment,
    this_process: Figures = _this_process,
) -> float:
    """Requests per second that a target takes on this machine.

    That is what it is known to take; else what ``capacity.json`` in the home says, or what is measured now, in about
    ten seconds, and kept there. What is measured while others use the machine is kept in this process only: every later
    default replay would be that slow.

    Args:
        places: The home.
        platform: The target.
        reporter: Reports the measurement.
        measuring: Measures requests per second.
        used_by_others: Returns the share of all cores in use by others before the measurement.
        look: Returns the moment from which on, and up to which, their use during it is counted.
        this_process: What this process keeps for itself.
    """
    if (known_per_s := platform.target.limits.per_s) is not None:
        return known_per_s
    file = places.home / "capacity.json"
    known = _known(places)
    key = f"{platform.title} on {_machine()}"
    if isinstance(known.get(key), int | float):
        return float(known[key])
    if (here := (places.home, key)) in this_process:
        return this_process[here]
    reporter.stage(f"measuring once what {platform.title} takes on this machine")
    used_share = used_by_others()
    began = look()
    measured_per_s = round(measuring(platform, places.emulator_logs), 1)
    if (meanwhile := others(began, look())) is not None:
        used_share = max(used_share, meanwhile.share)
    if used_share > _BUSY_SHARE:
        reporter.stage(
            f"{used_share:.0%} of the machine is in use by others: {measured_per_s:g} requests/s is not kept"
        )
        this_process[here] = measured_per_s
        return measured_per_s
    with replacing(file) as hidden:
        hidden.write_text(json.dumps({**known, key: measured_per_s}, indent=2) + "\n")
    return measured_per_s


def is_known(places: Places, target: Target) -> bool:
    """Whether what a target takes is known, so that `capacity` measures nothing."""
    if target.virtual or target.limits.per_s is not None:
        return True
    return any(key.startswith(f"{target.product} ") and key.endswith(f" on {_machine()}") for key in _known(places))


def _known(places: Places) -> dict[str, Any]:
    try:
        return dict(json.loads((places.home / "capacity.json").read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def default_peak_per_s(capacity_per_s: float) -> float:
    """The rate of the busiest second that leaves the emulator's own limits out of the picture."""
    return capacity_per_s * _SHARE
