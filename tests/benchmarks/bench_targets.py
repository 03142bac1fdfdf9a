"""How long targets take: to be installed, to start, to have every architecture provisioned, to be ended; and what they
carry and weigh.

Run ``python -m tests.benchmarks.bench_targets [TARGET...]``: a minute or two, on a machine with nothing else to do.
"Installed" is measured in a home of its own, with whatever packages this machine has cached.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from resources.architectures import architectures
from resources.architectures.stack import Stack
from resources.aws.clients import Clients
from resources.lab.capacity import measure
from resources.targets import Instance, Platform
from tests.platforms import STARTABLE, platform


class Watch:
    """Takes times, in the order they are asked for."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[what] = time.perf_counter() - began


def _started(on: Platform) -> Instance:
    instance = on.start("benchmark", on.target.limits.environments)
    instance.wait_until_ready()
    return instance


def _provision(instance: Instance) -> None:
    for name, architecture in architectures().items():
        prefix = f"{instance.prefix}-{name.replace('_', '-')}"
        Stack(
            Clients(instance.endpoint_url, key=instance.key), architecture.nodes, "http://127.0.0.1:1", prefix=prefix
        ).ensure_all()


def _rss_mb(instance: Instance) -> float:
    return sum(process.memory_info().rss for one in instance.processes for process in one.processes()) / 1e6


def _measured(target: str, folder: Path) -> list[str]:
    watch = Watch()
    with watch("installed and ready the first time"):
        on = platform(folder, target)
        first = _started(on)
    first.close()
    with watch("ready later"):
        instance = _started(platform(folder, target))
    try:
        with watch("three architectures provisioned"):
            _provision(instance)
        with watch("provisioned again, warm"):
            _provision(instance)
        memory = _rss_mb(instance)
    finally:
        with watch("ended"):
            instance.close()
    carries = measure(on, folder)
    return [on.title, *(f"{seconds:.1f} s" for seconds in watch.seconds.values()), f"{memory:.0f} MB", f"{carries:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=STARTABLE, metavar="TARGET")
    table = Table(
        *("target", "first", "later", "provisioned", "again", "ended", "memory", "requests a second"),
        title="Targets: until ready, three architectures provisioned, ended; memory without functions",
    )
    for target in parser.parse_args().targets:
        with tempfile.TemporaryDirectory() as folder:
            table.add_row(*_measured(target, Path(folder)))
    Console().print(table)


if __name__ == "__main__":
    main()
