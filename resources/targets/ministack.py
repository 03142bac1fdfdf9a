"""MiniStack, the embedded emulator: a Python process on a random loopback port.

Put here how it is started, found healthy and named, and what it can run. Keep out what all such emulators have in
common (`resources.targets.local`).
"""

import sys
from collections.abc import Mapping
from importlib.metadata import version

from resources.progress import Reporter
from resources.targets import Limits, Platform, Target
from resources.targets.local import LocalEmulator
from workloads.places import Places

_HEALTH = "/_ministack/health"


def start(label: str, places: Places, environments: int, *, isolate: bool = False) -> LocalEmulator:
    """Start an instance with room for a number of execution ``environments``; ``isolate`` is as of `LocalEmulator`."""
    return LocalEmulator(
        label,
        places,
        arguments=[sys.executable, "-m", "resources.emulators.ministack"],
        settings=lambda port, _folder: _settings(port, environments),
        health=_HEALTH,
        isolate=isolate,
    )


def _settings(port: int, environments: int) -> dict[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",  # listens on every interface, wherever the package cryptography is installed
        "LOG_LEVEL": "WARNING",
        # It starts a process for every concurrent invocation, at a third of a CPU second each. Beyond some number,
        # starting them makes more invocations concurrent, and the machine never recovers. A replay that meets this
        # bound is invalid, and says so.
        "LAMBDA_ACCOUNT_CONCURRENCY": str(environments),
    }


class MiniStack(Target):
    """The registry's entry."""

    name = "ministack"
    product = "MiniStack"
    health = _HEALTH
    description = "MiniStack, the embedded emulator: needs nothing, starts in a second."
    position = 1
    # An environment costs 45 MB, and a third of a CPU second to start. One process is gateway, queue, table and Lambda:
    # it was seen to stand still for 0.3 s after an outage at 90 queries a second, then to start 21 environments, to
    # stand still for 5 s over that, and to refuse 169 requests.
    limits = Limits(warm=28, consumers=5, spare=20, environments=40, busy=18.0, stall_s=0.2)
    throttled_status = 429
    isolates = True

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        return Platform(
            self,
            f"{self.product} {version('ministack')}",
            lambda label, environments: start(label, places, environments),
            isolated=lambda label, environments: start(label, places, environments, isolate=True),
        )


TARGET = MiniStack()
