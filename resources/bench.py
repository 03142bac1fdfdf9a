"""A test bench: one architecture on an emulator of its own, behind its fault proxy, ready to be replayed against.

Belongs here: starting, warming up, emptying and ending it. What is replayed is `resources.experiment`.
"""

import json
import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from resources import observation
from resources.architectures import Architecture
from resources.clients import Clients
from resources.faults.control import FaultProxy
from resources.stack import Stack, StackSettings
from resources.targets.ministack import MiniStack
from workloads.errors import ArchduelError
from workloads.replay.client import Client, Gauge, KeepAliveClient
from workloads.replay.schedule import split_url, warm_up
from workloads.scenarios import Scenario

# Warm ones of each function: a replay under half of the capacity rarely needs more at once. The pollers of an event
# source mapping never take more than five.
_ENVIRONMENTS = {"consumer": 5}
_OTHER_ENVIRONMENTS = 8
_HOLD_MS = 500
_QUIET_S = 10.0


def settings_for(scenario: Scenario, architecture: Architecture, duration_s: float) -> StackSettings:
    """The resources' settings under a scenario, for a replay of ``duration_s`` seconds."""
    defaults = StackSettings()
    # A message must outlive every fault, or the dead-letter queue would be the scenario's doing and not a finding.
    outage_s = max((float(fault.length) * duration_s for fault in scenario.faults), default=0.0)
    receives = math.ceil(1.5 * outage_s / defaults.visibility_timeout_s) + 2
    limit = scenario.reserved_concurrency
    return StackSettings(
        max_receive_count=max(defaults.max_receive_count, receives),
        reserved_concurrency=None if limit is None else max(1, limit // len(architecture.functions)),
        work_us=scenario.work_us,
    )


class Bench:
    """Started by the constructor, which does not wait, so that several start at once; `ready` waits."""

    def __init__(self, architecture: Architecture, settings: StackSettings, log_folder: Path) -> None:
        self.architecture = architecture
        self.emulator = MiniStack(architecture.name, log_folder)
        try:
            _, port, _ = split_url(self.emulator.endpoint_url)
            self.proxy = FaultProxy(architecture.name, port, log_folder)
        except BaseException:
            self.emulator.close()
            raise
        self.stack = Stack(Clients(self.emulator.endpoint_url), architecture.nodes, self.proxy.url, settings)
        self._warm = False

    def ready(self) -> "Bench":
        self.emulator.wait_until_ready()
        self.proxy.wait_until_ready()
        return self

    def check_alive(self) -> None:
        """Raise `ArchduelError` with the last words of a process that died."""
        for name, process in (("emulator", self.emulator.process), ("fault proxy", self.proxy.process)):
            if not process.alive:
                words = " | ".join(process.last_log_lines()) or "it logged nothing"
                raise ArchduelError(
                    f"the {name} of {self.architecture.name} died in the middle; nothing of this run was kept."
                    f" Its last words ({process.log}): {words}"
                )

    def warm_up(self, client: Client | None = None) -> None:
        """Make execution environments, and send orders and readings through the whole path, once."""
        if self._warm:
            return
        self.stack.ensure_all()
        limit = self.stack.settings.reserved_concurrency
        wanted = [
            function
            for node, function in self.stack.function_names.items()
            for _ in range(min(limit or 1000, _ENVIRONMENTS.get(node, _OTHER_ENVIRONMENTS)))
        ]
        # All at once and each held, or one environment would serve them one after another.
        with ThreadPoolExecutor(len(wanted)) as pool:
            list(pool.map(self._make_environment, wanted))
        gauge = Gauge()
        (client or KeepAliveClient()).send(warm_up(20, 0.5), self.stack.api_url, time.monotonic_ns(), gauge)
        self._wait_until_quiet()
        self._warm = True

    def _make_environment(self, function: str) -> None:
        payload = json.dumps({"warm_up": {"hold_ms": _HOLD_MS}})
        self.stack.clients.lambda_.invoke(FunctionName=function, Payload=payload)

    def _wait_until_quiet(self) -> None:
        deadline = time.monotonic() + _QUIET_S
        while observation.backlog(self.stack).waiting and time.monotonic() < deadline:
            time.sleep(0.05)

    def fresh(self, seeded_order_ids: Iterable[str]) -> None:
        """Empty everything and put the orders in that exist before the replay."""
        self.stack.empty()
        table = self.stack.facts["table"]["name"]
        batch: list[dict[str, object]] = []
        for order in seeded_order_ids:
            item = {"id": {"S": order}, "status": {"S": "placed"}, "details": {"S": ""}}
            batch.append({"PutRequest": {"Item": item}})
            if len(batch) == 25:
                self._put(table, batch)
                batch = []
        if batch:
            self._put(table, batch)

    def _put(self, table: str, batch: list[dict[str, object]]) -> None:
        request = {table: batch}
        while request:
            request = self.stack.clients.dynamodb.batch_write_item(RequestItems=request).get("UnprocessedItems", {})

    def close(self) -> None:
        self.proxy.close()
        self.emulator.close()
