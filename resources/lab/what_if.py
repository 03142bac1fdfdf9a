"""What would happen with other values: a recording simulated again and again, with a parameter changed each time.

Put here how a combination of values becomes a run of the simulation. Keep out which combinations are tried, and what
their figures mean (`assets.analysis.sizing`), and what may be varied (`resources.simulation.varying`).
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from resources.architectures import Architecture, architectures
from resources.architectures.stack import StackSettings
from resources.lab.bench import settings_for
from resources.lab.load_plan import LoadPlan, plan_load
from resources.lab.settings import LabSettings
from resources.prices.book import assumptions
from resources.prices.model import Sizes
from resources.progress import Reporter
from resources.simulation import varying
from resources.simulation.building import Caller, build_load, build_system, caller_of, replay_seed
from resources.simulation.figures import Figures, simulate_figures
from resources.simulation.multiplying import copies, multiplied
from resources.simulation.parameters import Parameters
from resources.simulation.system import Load
from resources.simulation.varying import MEMORY, RATE, TRAFFIC, Values
from resources.targets import Platform, open_target
from resources.targets.simulated import TARGET
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.schedule import Schedule
from workloads.scenarios import scenario
from workloads.scenarios.model import Scenario

MOST_REQUESTS = 2_000_000  # of one run; each takes about 400 bytes while it is simulated
_KEPT_REQUESTS = 2_000_000  # of loads that are kept for the next cell


@dataclass(frozen=True)
class Run:
    """One simulated replay: what ran, and what it came to.

    Attributes:
        architecture: Its name.
        values: What was varied.
        traffic: How many times the recorded traffic.
        settings: Of the resources.
        parameters: Of the model.
        figures: What it came to.
        since_us: The end of the last fault, or, without one, when the last request was due.
    """

    architecture: str
    values: Values
    traffic: float
    settings: StackSettings
    parameters: Parameters
    figures: Figures
    since_us: int


class WhatIf:
    """A recording under a scenario that is simulated with many values. Threads may share one.

    A run is a function of the recording, the scenario, the settings, the parameters and the values alone.
    """

    def __init__(
        self, places: Places, settings: LabSettings, workload: str, scenario_name: str, reporter: Reporter
    ) -> None:
        """Read the recording and plan its load.

        Args:
            places: The home.
            settings: How it is replayed.
            workload: The recording's name.
            scenario_name: The scenario's.
            reporter: Told what is done meanwhile.

        Raises:
            UsageError: One of the names is unknown, or the scenario cannot be simulated.
        """
        self.settings, self.scenario_name = settings, scenario_name
        self.platform: Platform = open_target(TARGET.name, places, settings.target_options, reporter)
        self.scenario: Scenario = scenario(places, scenario_name)
        choose(Library(places).paths(), workload, "workload")
        recording = Library(places).load(workload)
        self.workload = workload
        self.plan: LoadPlan = plan_load(
            settings, recording, self.scenario, self.platform, places=places, reporter=reporter
        )
        if not len(self.plan.schedule):
            raise UsageError(f"nothing of {workload} is left to simulate: take more of it")
        self._assumptions = assumptions(places)
        self._loads: dict[tuple[str, float], tuple[Load, StackSettings]] = {}
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """The requests of a run with the recorded traffic."""
        return len(self.plan.schedule)

    @property
    def rate(self) -> float:
        """Mean requests per second as recorded."""
        return self.requests / self.seconds

    @property
    def seconds(self) -> float:
        """The recorded time in which they come; one second where that is none."""
        return self.plan.recording.duration_s or 1.0

    @property
    def parameters(self) -> Parameters:
        """The model's parameters, before anything is varied."""
        assert self.platform.parameters is not None  # noqa: S101 - the target is virtual
        return self.platform.parameters

    def traffic(self, values: Values) -> float:
        """How many times the recorded traffic these values are."""
        return float(values[RATE]) / self.rate if RATE in values else float(values.get(TRAFFIC, 1.0))

    def check(self, values: Values) -> None:
        """Raise `UsageError` where values cannot be simulated: AWS refuses them, or there are too many requests."""
        wanted = self.requests * self.traffic(values)
        if wanted > MOST_REQUESTS:
            raise UsageError(
                f"{varying.key(values)} has {wanted:,.0f} requests, and {MOST_REQUESTS:,} are the most of one run:"
                f" {MOST_REQUESTS / self.requests:,.0f} times the traffic of this part of {self.workload}; take less of"
                " it with --limit, --from, --duration or --sample"
            )
        if wanted < 1:
            raise UsageError(f"{varying.key(values)} leaves none of the {self.requests:,} requests: take more traffic")
        for usual in self._usual.values():
            varying.apply(values, usual, self.parameters, self._caller)

    def run(
        self,
        name: str,
        values: Values,
        reserved: Sequence[int] | None = None,
        parameters: Parameters | None = None,
        *,
        repetition: int = 1,
    ) -> Run:
        """Simulate an architecture with these values.

        Args:
            name: The architecture's.
            values: What is varied.
            reserved: The reserved concurrency of each of its functions; -1 for none. None: what the values say.
            parameters: Of the model, before the values are applied; None: the usual ones.
            repetition: Its seed is that of this repetition of a comparison.
        """
        architecture, traffic = architectures()[name], self.traffic(values)
        load, usual = self._load(architecture, traffic)
        duration_us = int(load.due_us[-1])
        settings, parameters, caller = varying.apply(values, usual, parameters or self.parameters, self._caller)
        system = build_system(
            architecture,
            settings,
            self.scenario,
            duration_us,
            parameters,
            caller=caller,
            consumers=self.platform.target.limits.consumers,
            seed=replay_seed(self.plan.schedule.seed, name, self.variant, "main", repetition),
        )
        if reserved is not None:
            limits = np.array(reserved, np.int64)
            warm = np.where(limits < 0, system.warm, np.minimum(system.warm, limits))
            system = system._replace(reserved=limits, warm=warm)
        work_us = (load.work_us + (settings.work_us - usual.work_us)) * self._slower(values)
        load = load._replace(work_us=np.rint(work_us).astype(np.int64))
        windows = self.scenario.windows(duration_us)
        return Run(
            name,
            values,
            traffic,
            settings,
            parameters,
            simulate_figures(system, load, self._sizes),
            max((end_us for _, _, end_us in windows), default=duration_us),
        )

    @property
    def variant(self) -> str:
        """How the functions write."""
        return self.settings.variants[0]

    @cached_property
    def _caller(self) -> Caller:
        return caller_of(self.settings.client(self.scenario))

    @cached_property
    def _sizes(self) -> Sizes:
        """How large its requests are, by the bodies of commands."""
        commands = np.array([operation == "command" for operation in self.plan.schedule.operations])
        return Sizes.of(np.array(self.plan.schedule.payload_bytes, np.int64)[commands], self._assumptions)

    def _slower(self, values: Values) -> float:
        """How many times as long work takes with the memory there is: what of it waits, waits as long as before."""
        cpu = self.settings.cpu_share
        return 1 - cpu + cpu * varying.slower_by(values.get(MEMORY))

    @cached_property
    def _usual(self) -> dict[str, StackSettings]:
        """The settings of each architecture under the recorded traffic, before anything is varied."""
        return {name: self._settings(one, self.plan.schedule) for name, one in architectures().items()}

    def _settings(self, architecture: Architecture, schedule: Schedule) -> StackSettings:
        limits, cpu_share = self.platform.target.limits, self.settings.cpu_share
        return settings_for(self.scenario, architecture, schedule, limits, self.variant, cpu_share=cpu_share)

    def _load(self, architecture: Architecture, traffic: float) -> tuple[Load, StackSettings]:
        """The load of so much traffic and the usual settings under it, kept for the cells that follow."""
        with self._lock:
            if (found := self._loads.get((architecture.name, traffic))) is not None:
                return found
        schedule = self.plan.schedule
        settings = self._usual[architecture.name]
        load = build_load(architecture, settings, schedule)
        if traffic != 1:
            made = copies(load, traffic, schedule.seed)
            if not len(made.rows):
                raise UsageError(f"{traffic:g} times the traffic leaves no request: take more")
            load = multiplied(load, made)
            # What settings follow from: how busy it gets.
            operations = np.array(schedule.operations, dtype=object)[made.rows].tolist()
            work_us = schedule.work_us[made.rows] if len(schedule.work_us) else schedule.work_us
            more = replace(schedule, due_us=made.due_us, operations=operations, work_us=work_us)
            settings = self._settings(architecture, more)
        with self._lock:
            if sum(len(one.due_us) for one, _ in self._loads.values()) + len(load.due_us) > _KEPT_REQUESTS:
                self._loads.clear()
            self._loads[architecture.name, traffic] = load, settings
        return load, settings
