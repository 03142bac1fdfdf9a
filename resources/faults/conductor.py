"""Carrying out a scenario's faults at their time: in a thread, by absolute deadlines, with every switch recorded.

Put here the times at which faults are switched. Keep out how that is done: a proxy does it for a hop
(`resources.faults.control`), a service's own switch for a component (`resources.faults.policies`).
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resources.architectures.stack import Stack
from resources.faults.control import FaultProxy
from resources.faults.policies import Effect, by_proxy, policy
from workloads.errors import ArchduelError
from workloads.replay.schedule import Schedule
from workloads.replay.shaping import hits
from workloads.scenarios.faults import FUNCTION_THROTTLED, Error, Fault
from workloads.scenarios.model import Scenario

_END_S = 60.0
_METHODS = {"command": "POST", "query": "GET"}

Window = dict[str, Any]


def described(fault: Fault, due_us: int) -> Window:
    """What a window says of its fault, before that was switched."""
    window: Window = {"target": fault.target, "kind": fault.kind, "due_us": due_us, **fault.parameters}
    if fault.throttled_status is not None:
        window["throttled_status"] = fault.throttled_status
    return window


def concurrency_limit(duration_us: int) -> Window:
    """The window of a limit on functions that is on for the whole replay, which lasts ``duration_us``."""
    limit = {"target": "functions", "kind": "concurrency_limit", "throttled_status": FUNCTION_THROTTLED}
    return {**limit, "due_us": 0, "start_us": 0, "end_us": duration_us}


def proxied_hops(scenario: Scenario) -> frozenset[str]:
    """The targets whose faults in ``scenario`` are carried out by a proxy in front of them, such as ``table``."""
    return frozenset(fault.target for fault in scenario.faults if by_proxy(fault))


@dataclass(frozen=True)
class _Hop:
    """A fault of a hop, in the words of its proxy."""

    proxy: FaultProxy
    fault: Fault
    seed: int

    def on(self) -> int:
        settings = {"kind": self.fault.kind, **self.fault.parameters}
        if self.fault.kind != "down":
            settings["seed"] = self.seed
        if isinstance(self.fault, Error):
            settings["status"] = self.fault.status
        if self.fault.target == "api" and settings.get("operations"):
            settings["operations"] = [_METHODS[operation] for operation in settings["operations"]]
        return self.proxy.switch(settings)

    def off(self) -> int:
        return self.proxy.switch(None)


@dataclass(frozen=True)
class _Switch:
    due_us: int
    on: bool
    effect: Effect
    window: Window


class FaultConductor:
    """Switches the faults of one replay.

    Args:
        scenario: Which faults, and when.
        schedule: The requests that are replayed.
        stack: The resources of the architecture, deployed.
        proxies: The proxy of each hop in `proxied_hops`.
        start_ns: When the replay starts, CLOCK_MONOTONIC in nanoseconds.

    Attributes:
        windows: What was on when, in microseconds since the replay's start. A window of a component that the
            architecture does not have has ``"present": false``; one in the traffic itself counts the ``requests`` it
            is about.
    """

    def __init__(
        self,
        scenario: Scenario,
        schedule: Schedule,
        stack: Stack,
        proxies: Mapping[str, FaultProxy],
        start_ns: int,
    ) -> None:
        self._start_ns = start_ns
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._switches: list[_Switch] = []
        self.windows: list[Window] = []
        self._withholding: list[Window] = []
        for number, (fault, start_us, end_us) in enumerate(scenario.windows(schedule.duration_us)):
            window = described(fault, start_us)
            self.windows.append(window)
            if fault.withholds_answers:
                self._withholding.append(window)
            if (requests := hits(schedule, fault, start_us, end_us)) is not None:
                window |= {"start_us": start_us, "end_us": end_us, "requests": requests}
                if fault.target == "deliveries" and not stack.settings.delivery_faults:
                    window["present"] = False  # its queue delivers once, and in turn
                continue
            effect = (
                _Hop(proxies[fault.target], fault, schedule.seed + number) if by_proxy(fault) else policy(stack, fault)
            )
            if effect is None:
                window |= {"start_us": start_us, "end_us": end_us, "present": False}
            else:
                self._switches += [_Switch(start_us, True, effect, window), _Switch(end_us, False, effect, window)]
        self._switches.sort(key=lambda switch: switch.due_us)
        if scenario.reserved_concurrency is not None:  # on from the first request to the last
            self.windows.append(concurrency_limit(schedule.duration_us))
        self._thread = threading.Thread(target=self._run, name="fault-conductor", daemon=True)

    def withheld(self) -> list[tuple[int, float]]:
        """From which microsecond to which a fault withheld the answers to queued queries, to when it ended."""
        return [
            (window["start_us"], window.get("end_us") or math.inf)
            for window in self._withholding
            if window.get("present") is not False and "start_us" in window
        ]

    def start(self) -> None:
        """Begin to switch. What is due with the first request is switched at once."""
        self._thread.start()

    def check(self) -> None:
        """Raise what a switch failed with, if one did."""
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """End every fault now, whether its time is over or not. It raises nothing; `check` does."""
        self._stop.set()
        self._thread.join(_END_S)
        if self._thread.is_alive() and self._failure is None:
            self._failure = ArchduelError(
                f"a fault could not be ended within {_END_S:.0f} s; nothing of this run was kept"
            )

    def _run(self) -> None:
        try:
            for switch in self._switches:
                if not switch.on and "start_us" not in switch.window:
                    continue  # the replay was over before it began
                remaining_s = (self._start_ns + switch.due_us * 1000 - time.monotonic_ns()) / 1e9
                # What is due with the first request is switched before it, in the replay's lead.
                if switch.due_us > 0 and self._stop.wait(max(0.0, remaining_s)) and switch.on:
                    continue
                at_ns = switch.effect.on() if switch.on else switch.effect.off()
                switch.window["start_us" if switch.on else "end_us"] = max(0, (at_ns - self._start_ns) // 1000)
        except BaseException as error:  # handed over to the thread that waits, which raises it
            self._failure = error
