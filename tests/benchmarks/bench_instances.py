"""How instances of one target differ, though all are the same program doing the same work: why each replay has its own.

Run ``python -m tests.benchmarks.bench_instances [INSTANCES]``: two or three minutes. Instances are started one after
another; then all serve the same requests in turn, one at a time, in an order that favours none.
"""

import argparse
import http.client
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.lab.bench import Bench
from resources.lab.interleaving import turns
from tests.platforms import platform
from workloads.replay.schedule import split_url

_INSTANCES = 6
_LOOKS = 12
_REQUESTS = 25  # of a look at an instance


def _serve(bench: Bench, numbers: Iterator[int]) -> tuple[float, float]:
    """CPU milliseconds of the target per request, and the median answer's milliseconds."""
    bench.fresh([])
    host, port, base = split_url(bench.stack.api_url)
    connection = http.client.HTTPConnection(host, port, timeout=30)
    [process] = bench.instance.processes
    before_s, took_s = process.cpu_seconds(), []
    for number in itertools.islice(numbers, _REQUESTS):
        began = time.perf_counter()
        body = json.dumps({"request_id": str(number), "order_id": f"c{number}", "details": "x" * 250})
        connection.request("POST", f"{base}/orders", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        took_s.append(time.perf_counter() - began)
    connection.close()
    return (process.cpu_seconds() - before_s) / _REQUESTS * 1e3, float(np.median(took_s)) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", nargs="?", type=int, default=_INSTANCES)
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        on, benches, started_s = platform(Path(folder)), [], []
        for _ in range(parser.parse_args().instances):
            began = time.perf_counter()
            bench = Bench(architectures()["synchronous"], StackSettings(environments=1), on, Path(folder))
            ending.callback(bench.close)
            bench.ready().warm_up()
            benches.append(bench)
            started_s.append(time.perf_counter() - began)
        looks: dict[Bench, list[tuple[float, float]]] = {bench: [] for bench in benches}
        for look in range(1, _LOOKS + 1):
            for bench in turns(benches, look):
                looks[bench].append(_serve(bench, numbers))
    table = Table("started as number", "start, s", "CPU ms a request", "give or take", "median answer, ms")
    for number, (bench, start_s) in enumerate(zip(benches, started_s, strict=True), 1):
        cpu_ms, answer_ms = np.array(looks[bench]).T
        error_ms = np.std(cpu_ms, ddof=1) / np.sqrt(len(cpu_ms))
        table.add_row(
            str(number), f"{start_s:.1f}", f"{np.mean(cpu_ms):.2f}", f"{error_ms:.2f}", f"{np.median(answer_ms):.2f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
