"""A test bench: one architecture on an instance of a target, behind its fault proxy, ready to be replayed against.

Put here starting, warming up, emptying and ending it. Keep out what is replayed on it (`resources.lab.experiment`) and
how long it is kept (`resources.lab.replaying`).
"""

import json
import math
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from botocore.exceptions import ClientError, ReadTimeoutError

from resources.architectures import Architecture
from resources.architectures.stack import DEFAULT_VARIANT, SDK_DEFAULTS, SDK_TIMEOUT_MS, Stack, StackSettings
from resources.faults.control import FaultProxy
from resources.faults.policies import mend
from resources.lab import observation
from resources.machine.leash import LOOPBACK
from resources.services.model import Deployable
from resources.targets import Feature, Limits, Platform
from workloads.errors import ArchduelError
from workloads.recordings.recording import peak_rate
from workloads.replay.client import Client, Gauge
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule, split_url, warm_up
from workloads.replay.work import peak_busy
from workloads.scenarios import Scenario

_LONG_ENOUGH_TO_STALL_US = 10_000_000  # no default replay is shorter
HOLD_MS = 500  # of each execution environment that is made
_WARM_UP_PER_S, _WARM_UP_S = 20.0, 0.5
WARM_UP = warm_up(_WARM_UP_PER_S, _WARM_UP_S)
_PATIENCE_S = 10.0
_BUSY_S = 60.0  # for an environment
_AGAIN_S = 0.5
_LONGEST_HELD_S = 3  # the time-out of a function on AWS that sets none
_BATCH = 25  # items that DynamoDB takes at once


def held_us(scenario: Scenario, variant: str, timeout_s: int | None = None) -> float:
    """How long a request holds its execution environment longer than usual, on average, under the worst fault.

    With the SDK's defaults a handler tries again until the function's time-out, whatever is wrong with the table. So,
    as far as is known, does one of the user's own, of which three seconds are counted at most: with more, hardly a load
    would be left.

    Args:
        scenario: What it is replayed under.
        variant: How the functions write.
        timeout_s: The function's time-out of the user's own service, where the scenario sets none; None without one.

    Returns:
        Microseconds.
    """
    if variant != SDK_DEFAULTS and timeout_s is None:
        return scenario.holds_us(StackSettings().table_timeout_ms * 1000)
    own_s = None if timeout_s is None else min(timeout_s, _LONGEST_HELD_S)
    timeout_us = (scenario.function_timeout_s or own_s or StackSettings().function_timeout_s) * 1_000_000
    broken = any(fault.target == "table" for fault in scenario.faults)
    return max(scenario.holds_us(timeout_us), scenario.work_us + timeout_us * broken)


def settings_for(
    scenario: Scenario,
    architecture: Architecture,
    schedule: Schedule,
    limits: Limits,
    variant: str = DEFAULT_VARIANT,
    *,
    cpu_share: float = 0.0,
    timeout_s: int | None = None,
) -> StackSettings:
    """The settings of an architecture's resources.

    Time-outs have room for the longest work, and batches are so small that their work fits into the time-out.

    Args:
        scenario: What it is replayed under; its own settings count.
        architecture: The architecture.
        schedule: What is replayed.
        limits: The target's.
        variant: How the functions write.
        cpu_share: The share of work that uses the CPU.
        timeout_s: The function's time-out of the user's own service, where the scenario sets none.
    """
    settable = ("function_timeout_s", "visibility_timeout_s", "batch_size", "table_timeout_ms", "environments")
    # Half as many again as are busy on average in the busiest second (Little's law), and those that come in while the
    # emulator stands still: else it starts more, which takes the CPU that it lacks already.
    busy = peak_rate(schedule.due_us) * held_us(scenario, variant, timeout_s) / 1e6
    # A service of the user's own is expected to take as long as it did when its answers were recorded.
    known = len(schedule.work_us) or timeout_s is None
    expected_us = schedule.work_us if known else np.maximum(schedule.recorded_us, 0)
    if len(expected_us):
        busy += peak_busy(schedule.due_us, expected_us)
    commands = np.array(schedule.operations, dtype=object) == "command"
    stalled = limits.stall_s * max(peak_rate(schedule.due_us[commands]), peak_rate(schedule.due_us[~commands]))
    if schedule.duration_us < _LONG_ENOUGH_TO_STALL_US:  # over before an emulator falls behind: not worth the start
        stalled = 0.0
    usual = StackSettings()
    settings = replace(
        usual,
        work_us=scenario.work_us,
        work_cpu_share=cpu_share,
        recorded_routes=bool(schedule.paths),
        variant=variant,
        delivery_faults=architecture.delivers_anyhow and any(fault.target == "deliveries" for fault in scenario.faults),
        **{
            "environments": min(limits.warm, max(usual.environments, math.ceil(1.5 * busy + stalled))),
            **_room_for_work(schedule, scenario.function_timeout_s),
            **({} if timeout_s is None else {"function_timeout_s": timeout_s}),
            **{name: value for name in settable if (value := getattr(scenario, name)) is not None},
        },
    )
    if variant == SDK_DEFAULTS:
        settings = replace(settings, table_timeout_ms=SDK_TIMEOUT_MS)
    # Where a scenario gives one of the two time-outs only, the other follows: AWS advises a factor of six, and refuses
    # a queue whose messages come back before the function may have ended.
    if scenario.visibility_timeout_s is None:
        visible_s = max(settings.visibility_timeout_s, 6 * settings.function_timeout_s)
        settings = replace(settings, visibility_timeout_s=visible_s)
    elif scenario.function_timeout_s is None:
        timeout_s = min(settings.function_timeout_s, settings.visibility_timeout_s)
        settings = replace(settings, function_timeout_s=timeout_s)
    # Unless the scenario sets it a message outlives every fault of the table, or the dead-letter queue
    # would be the scenario's doing and not a finding.
    outages_us = (
        end_us - start_us
        for fault, start_us, end_us in scenario.windows(schedule.duration_us)
        if fault.target == "table"
    )
    receives = math.ceil(1.5 * max(outages_us, default=0) / 1e6 / settings.visibility_timeout_s) + 2
    limit = scenario.reserved_concurrency
    return replace(
        settings,
        max_receive_count=scenario.max_receive_count or max(settings.max_receive_count, receives),
        reserved_concurrency=None if limit is None else max(1, limit // len(architecture.functions)),
    )


def _room_for_work(schedule: Schedule, timeout_s: int | None) -> dict[str, int]:
    """The function's time-out and the size of batches with which the work that requests ask for is done in time.

    A batch has room for its mean work and three standard deviations, and for one time-out of the table.

    Args:
        schedule: What is replayed.
        timeout_s: The time-out that a scenario sets.
    """
    commands = np.array(schedule.operations, dtype=object) == "command"
    if not len(schedule.work_us) or not commands.any():
        return {}
    usual = StackSettings()
    table_s = usual.table_timeout_ms / 1000
    longest_s, work_s = float(schedule.work_us.max()) / 1e6, schedule.work_us[commands] / 1e6
    timeout_s = timeout_s or max(usual.function_timeout_s, math.ceil(longest_s + table_s))
    fits = [
        size
        for size in range(2, usual.batch_size + 1)
        if size * work_s.mean() + 3 * math.sqrt(size) * work_s.std() + table_s <= timeout_s
    ]
    return {"function_timeout_s": timeout_s, "batch_size": max(fits, default=1)}


def make_environment(
    functions: Any,
    function: str,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make an execution environment of a function, and hold it for a moment so that the next call makes another.

    A target that is busy starting environments, as on a machine that others use, may refuse more or be slow to answer.

    Args:
        functions: The client of Lambda.
        function: The function's name.
        now: A clock in seconds.
        sleep: Waits for a number of seconds.

    Raises:
        ArchduelError: It did so for a minute.
    """
    payload = json.dumps({"warm_up": {"hold_ms": HOLD_MS}})
    deadline = now() + _BUSY_S
    while True:
        try:
            functions.invoke(FunctionName=function, Payload=payload)
        except (ClientError, ReadTimeoutError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            if now() > deadline:
                raise ArchduelError(
                    f"{function} could not be warmed up within {_BUSY_S:.0f} s: the target starts its environments too"
                    " slowly, as when other programs keep this machine busy; run it again when they do less"
                ) from None
            sleep(_AGAIN_S)
        else:
            return


class Bench:
    """One architecture on an instance of a target. The constructor starts it and does not wait; `ready` does.

    Args:
        architecture: What it runs.
        settings: The settings of its resources.
        platform: The target, ready to start instances.
        log_folder: Where proxies write their logs.
        hops: The hops that need a fault proxy besides the table's.
        service: The user's own service; None for the lab's own backend.

    Attributes:
        architecture: What it runs.
        target: What it runs on.
        metered: Makes a client send what the target allows, and no more.
        instance: The started target.
        proxies: The fault proxies by hop: to the ``table`` always, as what is not broken must cost the same as what is;
            to the ``api`` where a scenario needs one. There are none where the target has no room for them.
        stack: The architecture's resources.
    """

    def __init__(
        self,
        architecture: Architecture,
        settings: StackSettings,
        platform: Platform,
        log_folder: Path,
        hops: frozenset[str] = frozenset(),
        *,
        service: Deployable | None = None,
    ) -> None:
        self.architecture = architecture
        self.target, self.metered = platform.target, platform.metered
        # Room for the warm ones, and for what a burst may need besides.
        limits = self.target.limits
        environments = max(limits.environments, len(architecture.functions) * settings.environments + limits.spare)
        self.instance = platform.start(architecture.name, environments)
        self.proxies: dict[str, FaultProxy] = {}
        try:
            _, port, _ = split_url(self.instance.endpoint_url)
            for hop in sorted(hops | {"table"}) if Feature.HOPS not in self.target.lacks else ():
                host = self.instance.functions_call if hop == "table" else LOOPBACK  # the load generator runs here
                self.proxies[hop] = FaultProxy(f"{architecture.name}-{hop}", port, log_folder, host)
        except BaseException:
            self.close()
            raise
        table_url = self.proxies["table"].url if "table" in self.proxies else ""
        clients = platform.connect(self.instance, 2)
        self.stack = Stack(
            clients, architecture.nodes, table_url, settings, self.instance.prefix, platform.tags, service
        )
        self._warm = self._used = False

    def ready(self) -> "Bench":
        """Wait until the target and the proxies take connections.

        Returns:
            The bench itself.
        """
        self.instance.wait_until_ready()
        for proxy in self.proxies.values():
            proxy.wait_until_ready()
        return self

    @property
    def api_url(self) -> str:
        """Where callers send to: through the hop's proxy, where there is one."""
        url = self.stack.api_url
        return url.replace(self.instance.endpoint_url, self.proxies["api"].url, 1) if "api" in self.proxies else url

    def check_alive(self) -> None:
        """Raise `ArchduelError`, with what it logged last, if the emulator or a proxy has died."""
        proxies = ((f"fault proxy ({hop})", proxy.death()) for hop, proxy in self.proxies.items())
        for name, log in (("emulator", self.instance.death()), *proxies):
            if log is not None:
                raise ArchduelError(
                    f"the {name} of {self.architecture.name} died in the middle; nothing of this run was kept. {log}"
                )

    def warm_up(self, client: Client | None = None) -> None:
        """Make execution environments, and send commands and queries through the whole path, once."""
        if not self._warm:
            with self.stack.clients.explained():
                self._warm_up(client)

    def _warm_up(self, client: Client | None) -> None:
        self.stack.ensure_all()
        self._warm = True
        settings = self.stack.settings
        if not settings.environments:
            return
        # Of a queue's consumer as many as its mapping may have at work at once.
        polled = {need for node in self.stack.nodes.values() if node.kind == "lambda_mapping" for need in node.needs}
        functions = [
            function
            for node, named in self.stack.function_names.items()
            for function in named
            for _ in range(
                min(
                    settings.reserved_concurrency or 1000,
                    # Of a service with several functions each has its part, or the machine would be full of them.
                    math.ceil((self.target.limits.consumers if node in polled else settings.environments) / len(named)),
                )
            )
        ]
        # All at once and each held, or one environment would serve them one after another.
        pool = ThreadPoolExecutor(len(functions))
        try:
            list(pool.map(self._make_environment, functions))
        finally:  # without waiting for those under way: whoever presses Ctrl-C would wait for a minute of patience
            pool.shutdown(wait=False, cancel_futures=True)
        self._send_through(self.metered(client or KeepAliveClient()))
        if not observation.stored_items(self.stack):
            raise ArchduelError(
                f"no order of {self.architecture.name}'s warm-up was stored: its functions do not reach"
                f" {self.stack.table_endpoint_url or 'the table'}, as when they run in containers with a network of"
                " their own, or behind a firewall"
            )

    def _make_environment(self, function: str) -> None:
        make_environment(self.stack.clients.lambda_, function)

    def _send_through(self, client: Client) -> None:
        """Send a little until the queue is empty and something is stored.

        Sends again where nothing comes through, as when new roles, routes and mappings are not known everywhere yet.
        """
        warm = warm_up(_WARM_UP_PER_S, _WARM_UP_S, recorded_routes=self.stack.settings.recorded_routes)
        deadline = time.monotonic() + self.stack.clients.pace.warm_s
        while True:
            client.send(warm, self.stack.api_url, time.monotonic_ns(), Gauge())
            again = time.monotonic() + _PATIENCE_S
            while observation.backlog(self.stack).waiting and time.monotonic() < again:
                time.sleep(0.05)
            if observation.stored_items(self.stack) or time.monotonic() > deadline:
                return
            time.sleep(self.stack.clients.pace.poll_s)

    def fresh(self, seeded_order_ids: Iterable[str]) -> None:
        """End every fault, empty everything and put in the orders that exist before the replay, but for a service of
        the user's own, which alone knows what its items hold.

        Where nothing is emptied at once a bench serves one replay: names and times separate its warm-up from it.

        Raises:
            ArchduelError: A second replay on resources that cannot be emptied.
        """
        if self.target.empties:
            for proxy in self.proxies.values():
                proxy.switch(None)
            mend(self.stack)
            self.stack.empty()
        elif self._used:
            raise ArchduelError(f"{self.architecture.name}: a second replay on resources that cannot be emptied")
        self._used = True
        if self.stack.service is not None:  # only it knows what its items hold
            return
        table = self.stack.facts["table"]["name"]
        items = [{"id": {"S": order}, "status": {"S": "placed"}, "details": {"S": ""}} for order in seeded_order_ids]
        for start in range(0, len(items), _BATCH):
            self._put(table, [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]])

    def _put(self, table: str, batch: list[dict[str, object]]) -> None:
        request = {table: batch}
        while request:
            request = self.stack.clients.dynamodb.batch_write_item(RequestItems=request).get("UnprocessedItems", {})

    def close(self) -> None:
        """End the proxies and the target's instance."""
        for proxy in self.proxies.values():
            proxy.close()
        self.instance.close()
