"""The replayer of a target in virtual time: simulates what `resources.lab.replaying` has happen.

Put here how a replay of the lab becomes a run of the simulation. Keep out the model and its engines
(`resources.simulation`). Importing this takes a second, for numba: import it where something is simulated.
"""

import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resources.architectures import Architecture, architectures
from resources.architectures.stack import Facts
from resources.faults.conductor import Window, concurrency_limit, described
from resources.lab.bench import settings_for
from resources.lab.cell import Contender
from resources.lab.experiment import Progress, Replayed
from resources.lab.load_plan import LoadPlan
from resources.lab.replaying import Setup
from resources.progress import Reporter
from resources.simulation import kernel
from resources.simulation import system as codes
from resources.simulation.building import build_load, build_system, caller_of, replay_seed
from resources.simulation.figures import parts
from resources.simulation.observing import observations, observations_on_disk
from resources.simulation.parameters import Parameters
from resources.simulation.sensitivity import sensitivity
from resources.simulation.system import Result, System
from resources.warehouse.large import MOST_HELD
from resources.warehouse.observations import rows
from workloads.errors import UsageError, choose
from workloads.replay.shaping import hits
from workloads.scenarios.faults import Disabled, Down, Truncate
from workloads.scratch import scratch

_MAX_REQUESTS = 10_000_000  # whose recording and schedule are in memory: about 700 bytes each
_PART = 65_536  # requests
_UNRESERVED = (codes.BY_ACCOUNT, codes.BY_SCALING)


class SimulatingReplayer:
    """Replays in virtual time. The same arguments give the same observations, whatever else was replayed before.

    Raises:
        UsageError: The replay has more requests than there is room for.
    """

    def __init__(
        self,
        setup: Setup,
        reporter: Reporter,
        temporary: Path,
        *,
        max_requests: int = _MAX_REQUESTS,
        held: int = MOST_HELD,
    ) -> None:
        """``temporary``: where folders for what does not fit into memory are made; ``held``: how many requests do."""
        if setup.platform.parameters is None:
            raise ValueError(f"{setup.platform.title} is not in virtual time")
        if len(setup.plan.schedule) > max_requests:
            raise UsageError(
                f"a simulated replay has room for {max_requests:,} requests, this one has"
                f" {len(setup.plan.schedule):,}: take a part (--from, --duration, --limit) or a sample (--sample)"
            )
        self._setup = setup
        self._parameters: Parameters = setup.platform.parameters
        self._replayed: Counter[Contender] = Counter()
        self._is_large = len(setup.plan.schedule) > held
        if self._is_large and _has_several_messages(setup):
            raise UsageError(
                f"under {setup.scenario.name} a request may have several messages, and then a simulated replay has room"
                f" for {held:,} requests, this one has {len(setup.plan.schedule):,}: take a part (--from, --duration,"
                " --limit) or a sample (--sample)"
            )
        self._temporary, self._exit = temporary, ExitStack()
        kernel.make_ready(reporter.stage)  # no replay's time

    def ensure(self, contender: Contender, node: str) -> Facts:  # noqa: ARG002 - all are the same
        return {"name": node, "simulated": "in virtual time: nothing is made", "provision_seconds": 0.0}

    def forget(self) -> None: ...

    def change_plan(self, plan: LoadPlan) -> None:
        self._setup = replace(self._setup, plan=plan)

    def close(self) -> None:
        self._exit.close()

    def replay(self, contender: Contender, repetition: int, progress: Progress) -> Replayed:  # noqa: ARG002 - none here
        setup, schedule, scenario = self._setup, self._setup.plan.schedule, self._setup.scenario
        architecture = choose(architectures(), contender.architecture, "architecture")
        limits = setup.platform.target.limits
        settings = settings_for(
            scenario,
            architecture,
            schedule,
            limits,
            contender.variant,
            cpu_share=setup.cpu_share,
            timeout_s=None if setup.service is None else setup.service.service.longest_timeout_s,
        )
        started_at = datetime.now(UTC)
        caller = caller_of(setup.client)
        load = build_load(architecture, settings, schedule)

        def system_with(parameters: Parameters) -> System:
            return build_system(
                architecture,
                settings,
                scenario,
                schedule.duration_us,
                parameters,
                caller=caller,
                consumers=limits.consumers,
                seed=replay_seed(schedule.seed, contender.architecture, contender.variant, contender.arm, repetition),
            )

        def simulate(parameters: Parameters) -> Result:
            return kernel.simulate(system_with(parameters), load)

        if self._is_large:
            tables, result, cold_starts = observations_on_disk(
                architecture,
                schedule,
                load,
                kernel.simulated_parts(system_with(self._parameters), parts(load, _PART), load.seeded),
                deadline_us=caller.deadline_us,
                repetition=repetition,
                folder=self._exit.enter_context(scratch(self._temporary)),
            )
        else:
            result = simulate(self._parameters)
            tables = observations(
                architecture, schedule, load, result, deadline_us=caller.deadline_us, repetition=repetition
            )
            cold_starts = int(result.invocations[:, 4].sum())
        self._replayed[contender] += 1
        if repetition == 1 and contender.arm == "main" and not self._is_large:
            moved = sensitivity(self._parameters, load, result, simulate)
            tables["sensitivity"] = rows("sensitivity", [{"repetition": 1, **row} for row in moved])
        facts: dict[str, Any] = {
            "instance": self._replayed[contender],
            "started_at": started_at,
            "finished_at": datetime.now(UTC),
            "requests": len(schedule),
            "duration_us": schedule.duration_us,
            "settled_us": result.settled_us,
            "invalid_reason": None if len(schedule) else "nothing was sent",
            **dict.fromkeys(_LAGS, 0 if len(schedule) else None),
            "displaced_share": 0.0 if len(schedule) else None,
            "gaps_distance_us": 0.0 if len(schedule) > 1 else None,
            "cold_starts": cold_starts,
            "clock_uncertainty_us": 0,
            "queued": sorted(architecture.queued),
            "queued_by_api": sorted(architecture.queued_by_api),
            "effects": list(architecture.effects),
            "fault_windows": json.dumps(self._windows(architecture, result)),
        }
        return Replayed(tables, facts, settings)

    def _windows(self, architecture: Architecture, result: Result) -> list[Window]:
        """The scenario's faults, which are switched to the microsecond, and limits that were met."""
        schedule, scenario = self._setup.plan.schedule, self._setup.scenario
        windows = []
        for fault, start_us, end_us in scenario.windows(schedule.duration_us):
            window = {**described(fault, start_us), "start_us": start_us, "end_us": end_us}
            if (requests := hits(schedule, fault, start_us, end_us)) is not None:
                window["requests"] = requests
                if fault.target == "deliveries" and not architecture.delivers_anyhow:
                    window["present"] = False
            elif isinstance(fault, Down | Disabled) and not _is_present(architecture, fault.target):
                window["present"] = False
            windows.append(window)
        # Without it a request that AWS's own limits refused would pass for one that failed.
        if scenario.reserved_concurrency is not None or result.bound[list(_UNRESERVED)].any():
            windows.append(concurrency_limit(schedule.duration_us))
        return windows


_LAGS = (
    "send_lag_p50_us",
    "send_lag_p99_us",
    "send_lag_max_us",
    "client_lag_p50_us",
    "client_lag_p99_us",
    "client_lag_max_us",
)


def _has_several_messages(setup: Setup) -> bool:
    """Whether a queue may get, or hand out, several messages about one request."""
    cut_off = any(isinstance(fault, Truncate) and fault.target == "api" for fault in setup.scenario.faults)
    return cut_off or any("delivery" in extra for extra in setup.plan.schedule.extras.values())


def _is_present(architecture: Architecture, target: str) -> bool:
    return target in ("api", "table", "functions") or target in architecture.nodes
