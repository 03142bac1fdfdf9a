"""How long a comparison takes, and what it costs where it is paid for, before it starts.

Put the estimate and its sentence here. Keep out what an account is charged (`resources.lab.budget`).
"""

from dataclasses import dataclass

from orchestration.commands.request import CompareRequest
from resources.architectures import architectures
from resources.conformance.running import digest
from resources.conformance.storage import stored
from resources.lab.budget import Budget, Part, budget
from resources.lab.load_plan import plan_load
from resources.progress import Reporter
from resources.targets import Charge, open_target
from workloads.places import Places
from workloads.recordings.library import Library

# Seconds measured on two shared cores, of the bundled recording on the default target.
_LOOK_S = 4  # of a contender in each cell: its resources are made once, to be looked at
_START_S = 6  # of a replay's instance: emulator, provisioning, environments, and reading what was observed
_SETTLE_S = 1  # of a replay under which nothing breaks
_RECOVER_S = 6  # of one under which something does: from none to 25, by what is in the queue
JUDGE_S = 15  # of a comparison, with its report
_PROBE_S = 25  # of how faithful the target is, once on a machine
_SIMULATED_S = 0.5  # of a simulated replay, its accounting included
_SIMULATED_REQUEST_S = 50e-6  # and of each of its requests, which show where there are millions
_OWN_RESOURCES_S = 240  # of a replay that makes and deletes resources of its own: assumed, not measured


@dataclass(frozen=True)
class Estimate:
    """About how long a comparison takes, and why.

    Attributes:
        cells_s: The seconds of each cell.
        machine_s: The seconds that a machine takes before its first cell.
        replays: How many replays it has.
        requests: How many requests a replay has.
        speeds: The speeds of the slowest and the fastest cell, as multiples of the recorded one.
        replay_s: The seconds of the shortest and the longest replay.
        longest_pause_s: To how many seconds longer pauses are cut.
        paused_s: The seconds of pauses cut from each replay.
        work: What handlers do, in a sentence; empty for nothing.
        busiest_s: Where only the busiest part is replayed: from which recorded second to which.
        virtual: Whether replays are simulated.
        rounds: How often the recording is played in a row without anybody having said so.
        charge: Whose account pays; None where nothing is paid for.
        budget: What it costs there.
    """

    cells_s: tuple[float, ...]
    machine_s: float
    replays: int
    requests: int
    speeds: tuple[float, float]
    replay_s: tuple[float, float]
    longest_pause_s: float
    paused_s: float
    work: str = ""
    busiest_s: tuple[float, float] | None = None
    virtual: bool = False
    rounds: int = 1
    charge: Charge | None = None
    budget: Budget | None = None

    @property
    def seconds(self) -> float:
        """The whole comparison on one machine, with its report."""
        return self.machine_s + sum(self.cells_s) + JUDGE_S

    def sentence(self, request: CompareRequest) -> str:
        """Return the estimate in words."""

        def between(values: tuple[float, float], form: str) -> str:
            return " to ".join(dict.fromkeys(format(value, form) for value in values))

        part = ""
        if self.busiest_s is not None:
            start_s, end_s = self.busiest_s
            why = "" if self.work else ", which is what fits into ten minutes here"
            part = f" of its busiest part, recorded seconds {start_s:,.0f} to {end_s:,.0f}{why} (--from 0 takes all),"
        lasting = f"{between(self.replay_s, '.0f')} s a replay"
        if self.virtual:
            lasting += " of virtual time"
        text = (
            f"{request.workload}: {self.requests:,} requests{part} at {between(self.speeds, 'g')} times the recorded"
            f" speed, {lasting}, {'at most ' if request.settings.budget_s else ''}"
            f"{self.replays} replays: about {self.seconds / 60:.1f} minutes."
        )
        if self.paused_s >= 1:
            text += (
                f" Pauses over {self.longest_pause_s:g} s are cut, {self.paused_s:,.0f} s of each replay"
                " (--longest-pause 0 keeps them)."
            )
        if self.rounds > 1:
            text += f" The recording is repeated {self.rounds} times in a row, as a p99 takes (--loop 1 plays it once)."
        return f"{text} {self.work}".rstrip()


def estimate(places: Places, request: CompareRequest, reporter: Reporter) -> Estimate:
    """Estimate a comparison; measures the target's capacity on this machine where that was never done.

    Args:
        places: The home with the recording and the measured capacities.
        request: What to compare.
        reporter: Reports the measurement.

    Raises:
        UsageError: for a scenario whose windows do not fit into its replay, or that the target lacks.
        ArchduelError: for a target that cannot be used.
    """
    settings = request.settings
    recording = Library(places).load(request.workload)
    platform = open_target(settings.target, places, settings.target_options, reporter)
    plans = [
        plan_load(settings, recording, scenario, platform, places=places, reporter=reporter)
        for scenario in request.scenarios.values()
    ]
    lengths = [plan.schedule.duration_us / 1e6 for plan in plans]
    contenders = [request.settings_of(cell).contenders(request.architectures) for cell in request.cells]
    replays = [
        len(of_cell) * request.settings_of(cell).repetitions
        for of_cell, cell in zip(contenders, request.cells, strict=True)
    ]
    own_s = 0 if platform.target.empties else _OWN_RESOURCES_S
    machine_s = 0.0
    if platform.target.virtual:
        cells_s = tuple(
            count * (_SIMULATED_S + _SIMULATED_REQUEST_S * len(plan.schedule))
            for count, plan in zip(replays, plans, strict=True)
        )
    else:
        cells_s = tuple(
            len(of_cell) * _LOOK_S
            + min(
                count * (length + _START_S + own_s + (_RECOVER_S if scenario.faults else _SETTLE_S)),
                settings.budget_s or float("inf"),
            )
            for scenario, of_cell, count, length in zip(
                request.scenarios.values(), contenders, replays, lengths, strict=True
            )
        )
        if stored(places, platform.title, digest()) is None:
            machine_s = _PROBE_S
    cut = plans[0].recording
    speeds = [plan.speed for plan in plans]
    paused_s = max(cut.duration_s / speed - length for speed, length in zip(speeds, lengths, strict=True))
    repetitions = settings.repetitions + settings.max_extra_repetitions
    parts = (
        Part(architectures()[one.architecture], scenario, plan.schedule, repetitions)
        for scenario, of_cell, plan in zip(request.scenarios.values(), contenders, plans, strict=True)
        for one in of_cell
    )
    charge = platform.charge
    return Estimate(
        cells_s,
        machine_s,
        sum(replays),
        cut.requests,
        (min(speeds), max(speeds)),
        (min(lengths), max(lengths)),
        settings.longest_pause_on(platform.target),
        paused_s,
        next((plan.work.sentence() for plan in plans if len(plan.work.us)), ""),
        plans[0].busiest_s,
        platform.target.virtual,
        plans[0].rounds,
        charge,
        budget(parts, platform, charge.pace, places) if charge else None,
    )
