"""What recording costs: time added to requests, and the CPU of one core, beside proxies that record nothing.

Run ``python -m tests.benchmarks.bench_recorder``: about two minutes. Everything is measured in one run, interleaved,
since the machine is shared: compare within a run, never across runs. The recorder is a process of its own, held to one
core, writing and scrubbing included; its peers are those of `bench_fault_proxy`.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from rich.console import Console

from resources.machine.leash import free_port
from tests.benchmarks.bench_fault_proxy import Way, _started, compare_ways, serving_upstream
from workloads.places import Places
from workloads.recordings.library import Library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement of one way at one rate")
    parser.add_argument("--rounds", type=int, default=4, help="in which each way is measured once at each rate")
    options = parser.parse_args()
    console = Console(width=120)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream_port, port = free_port(), free_port()
        stack.enter_context(serving_upstream(upstream_port, folder))
        os.environ["ARCHDUEL_HOME"] = str(folder / "home")
        command = [str(Path(sys.executable).with_name("archduel")), "record", "--name", "bench"]
        ways = [*command, "--listen", f"127.0.0.1:{port}", "--upstream", f"http://127.0.0.1:{upstream_port}"]
        recorder = stack.enter_context(_started(ways, port, folder / "recorder.log"))
        (process,) = [one for one in recorder.processes() if one.cmdline()[2:3] == ["record"]]
        if hasattr(process, "cpu_affinity"):
            process.cpu_affinity([0])
        own = Way("archduel record", port, recorder)
        compare_ways(own, upstream_port, stack, folder, console, options)
        resident = process.memory_info().rss / 2**20
        process.send_signal(signal.SIGINT)
        psutil.wait_procs([process], 60)
        home = Places(folder / "home")
        while not home.recordings.joinpath("bench").exists():
            time.sleep(0.1)
        sent = sum(sum(map(len, values)) for values in own.service_us.values()) + 500
        recorded = Library(home).load("bench").requests
        console.print(f"The recorder had {resident:.0f} MiB resident; {recorded:,} of {sent:,} requests are recorded.")


if __name__ == "__main__":
    main()
