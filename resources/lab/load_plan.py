"""What a replay sends and when: a recording at a speed the target can take, shaped by a scenario.

Put here how recording, scenario and settings become a schedule. Keep out what the target can take
(`resources.lab.capacity`) and what a scenario does to the traffic (`workloads.replay.shaping`).
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from resources.architectures.stack import DEFAULT_VARIANT
from resources.lab.bench import held_us
from resources.lab.capacity import capacity, default_peak_per_s
from resources.lab.measured import measured
from resources.lab.settings import LabSettings
from resources.progress import Reporter
from resources.services.kept import find
from resources.services.model import Service
from resources.targets import Feature, Platform, Target
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.recording import Recording, busiest_part, excess, operation_of, peak_rate
from workloads.replay.asking import asked_us
from workloads.replay.client import DEADLINE_S
from workloads.replay.schedule import SENT_METHODS, Schedule, schedule, sent_as
from workloads.replay.shaping import shaped
from workloads.replay.work import Work, no_work, peak_busy, work_of
from workloads.scenarios.model import Scenario

_SHORTEST_REPLAY_S = 10.0
# Of a recording that would take longer at its default speed the busiest part is played: on a slow target, or with work
# in it, which cannot be played as much faster. Nine replays of it, the default, then take less than ten minutes.
_LONGEST_REPLAY_S = 45.0
_MADE_UP_SLOWDOWN = 1.5  # of a repetition that makes up for one that was too fast for the target
_MAX_SLOWDOWN = 20.0
_NEAR_ENOUGH = 1.05
_BESIDES_US = 5_000  # a request holds an environment besides its work, on an emulator
_QUEUE_SHARE = 0.8  # of a consumer's environments busy in the busiest second: else the emulator's limit is its backlog
# To take a request into a queue and carry it out in a batch costs less than half of what answering one costs, by which
# the capacity is measured; its answer's fetch costs as much as that.
_QUEUED = 2
# Beside a fault that withholds answers clients ask again and again, until after it. What has waited is carried out
# meanwhile, as fast as the target can: with fetches up to all of the capacity it answered after seconds.
_ASKING = 1.3
_CPU_SHARE = 0.3  # of this machine's cores that work may use in the busiest second: the emulator needs them as well

Microseconds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Busy:
    """How many execution environments may be busy at once on average, in the busiest second.

    Attributes:
        environments: Of the functions that the API calls; what a fault holds counts as well.
        consumers: Of the function behind a queue, with the recording's work alone: what a fault delays may wait.
    """

    environments: float = math.inf
    consumers: float = math.inf

    def exceeded(self, due_us: Microseconds, work: Work, holds_s: float = 0.0) -> float:
        """How many times too many are busy with work as recorded; up to 1 the limits are kept.

        What a single request, or all of one moment, keep busy counts for nothing: no speed parts it.

        Args:
            due_us: When requests are due, in order.
            work: What they are worked on.
            holds_s: How much longer than usual a fault holds each of them.
        """
        if not len(work.us):
            return 0.0
        held_us = work.us + _BESIDES_US
        busy, alone = peak_busy(due_us, held_us), peak_busy(due_us * 1000, held_us)
        limits = (
            (busy + peak_rate(due_us) * holds_s, max(self.environments, alone)),
            (busy, max(self.consumers, alone)),
        )
        return max(found / limit for found, limit in limits)


@dataclass(frozen=True)
class LoadPlan:
    """The schedule of a replay, and how many times as fast as it was recorded it is played.

    Attributes:
        recording: What is played, already cut.
        work: How long handlers work on it; on none of it where the scenario says how long they do.
        busiest_s: Where only the busiest part is played: from which recorded second to which.
        rounds: How often it is played in a row without anybody having said so, for a p99.
    """

    schedule: Schedule
    speed: float
    recording: Recording
    work: Work
    busiest_s: tuple[float, float] | None = None
    rounds: int = 1


def plan_load(
    settings: LabSettings,
    recording: Recording,
    scenario: Scenario,
    platform: Platform,
    *,
    places: Places,
    reporter: Reporter,
) -> LoadPlan:
    """Plan the load of a recording under a scenario, by ``settings``.

    Speed and part are the same under every scenario, unless one asks for more than the target takes. Measures the
    platform's capacity where a default speed needs it and this machine has no measurement yet.

    Raises:
        UsageError: The scenario is not available on the target, or would have to be replayed far too slowly.
    """
    target = platform.target
    if missing := why_unavailable(scenario, target):
        raise UsageError(f"{scenario.name} is not available on {platform.title}: {missing}")
    if settings.service and (own := _of_the_lab(scenario)):
        raise UsageError(f"{scenario.name} needs the lab's own backend, for {own}: leave it out, or --service")
    service = find(places, settings.service).service if settings.service else None
    if service is not None:
        _check_service(service, platform)
    looped = settings.looped_on(target, recording)
    cut = looped.cut(recording)
    if settings.recorded_routes:
        _check_routes(cut)
    work = work_of(recording, cut, kind=settings.work, overhead_ms=settings.overhead_ms)
    if settings.service and target.virtual and settings.work is None:
        work = _work_of_service(settings, cut, work, platform, places)
    busy = _limits(target, settings.cpu_share)
    longest_pause_s = settings.longest_pause_on(target) or None
    speed, max_per_s, busiest_s = settings.speed, None, None
    if speed is None and target.virtual:
        speed = 1.0  # recorded time is its time
    elif speed is None:
        # Behind a queue each query makes another request, which fetches its answer.
        load_factor = max(1.0, 1 / _QUEUED + 1 - cut.command_share) if settings.asks else 1.0
        max_per_s = default_peak_per_s(capacity(places, platform, reporter))
        speed = _default_speed(cut, work, max_per_s / load_factor, busy)
        if settings.busiest_s is not None:
            speed = min(1.0, speed)
        if not settings.chooses_part:
            due_us = cut.replayed_us(speed=speed, longest_pause_s=longest_pause_s)
            if (part := _busiest(due_us)) is not None:
                since_s = (cut.arrival_us[[part.start, part.stop - 1]] - recording.arrival_us[0]) / 1e6
                busiest_s = (float(since_s[0]), float(since_s[1]))
                cut, work = cut.part(part), replace(work, us=work.us[part])
    plan = plan_at(
        cut,
        scenario,
        speed=speed,
        seed=settings.seed,
        longest_pause_s=longest_pause_s,
        max_per_s=max_per_s,
        busy=busy,
        variants=settings.variants,
        timeout_s=None if service is None else service.longest_timeout_s,
        work=no_work() if settings.service and not target.virtual else work,  # it takes as long as it takes
        recorded_routes=settings.recorded_routes,
        ask_after_s=settings.ask_after_s if settings.asks else None,
    )
    return replace(plan, busiest_s=busiest_s, rounds=looped.loop or 1 if settings.loop is None else 1)


def slower(plan: LoadPlan, settings: LabSettings, scenario: Scenario, target: Target) -> LoadPlan | None:
    """The same load at a lower speed, after a replay that was too fast for its target.

    Args:
        plan: What was too fast.
        settings: By which it was planned.
        scenario: What shapes the traffic.
        target: What it is replayed on.

    Returns:
        The plan; None where the speed was given, or time is virtual.
    """
    if settings.speed is not None or target.virtual:
        return None
    speed = float(f"{plan.speed / _MADE_UP_SLOWDOWN:.4g}")
    found = plan_at(
        plan.recording,
        scenario,
        speed=speed,
        seed=settings.seed,
        longest_pause_s=settings.longest_pause_on(target) * plan.speed / speed or None,
        variants=settings.variants,
        work=no_work() if settings.service else plan.work,
        recorded_routes=settings.recorded_routes,
    )
    return replace(found, busiest_s=plan.busiest_s)


def plan_at(
    recording: Recording,
    scenario: Scenario,
    *,
    speed: float,
    seed: int,
    longest_pause_s: float | None,
    max_per_s: float | None = None,
    busy: Busy = Busy(),
    variants: Sequence[str] = (DEFAULT_VARIANT,),
    timeout_s: int | None = None,
    work: Work | None = None,
    recorded_routes: bool = False,
    ask_after_s: float | None = None,
) -> LoadPlan:
    """Plan the load at ``speed``, or at a slower one that keeps within the limits.

    A scenario that makes more of the traffic, or holds environments for long, would otherwise show the emulator's
    limit for an architecture's.

    Args:
        recording: What is replayed, already cut.
        scenario: What shapes the traffic. Where it says how long handlers work, they do that and nothing else.
        speed: How many times as fast as recorded.
        seed: Of everything the recording leaves open.
        longest_pause_s: Longer pauses between requests are cut to these seconds; None keeps them.
        max_per_s: Requests per second in the busiest second; None for no limit, nor on how many are busy.
        busy: How many environments may be busy at once.
        variants: How the functions write; the one that holds its environments longest counts.
        timeout_s: The function's time-out of the user's own service; None without one.
        work: How long handlers work on each request; None for not at all.
        recorded_routes: Whether requests go where they went when they were recorded.
        ask_after_s: How long after its ticket a client first asks for the answer to a query; None: it never does. What
            it asks counts as requests.

    Raises:
        UsageError: It would have to be far slower than ``speed``.
    """
    if work is None or scenario.work_us:
        work = no_work()
    rate_per_s = max_per_s
    holds_s = max(held_us(scenario, variant, timeout_s) for variant in variants) / 1e6
    if max_per_s is not None and scenario.reserved_concurrency is None:
        max_per_s = min(max_per_s, busy.environments / max(holds_s, 1e-3))
    slowed = speed
    while True:
        # Pauses stay as long as at full speed: otherwise a slowed replay would consist of little else.
        pause_s = None if longest_pause_s is None else longest_pause_s * speed / slowed
        scheduled = schedule(
            recording,
            speed=slowed,
            seed=seed,
            longest_pause_s=pause_s,
            work_us=work.us,
            recorded_routes=recorded_routes,
        )
        plan = LoadPlan(shaped(scheduled, scenario), slowed, recording, work)
        too_many = 0.0
        if max_per_s is not None:
            offered = replace(work, us=plan.schedule.work_us)
            too_many = max(
                excess(plan.schedule.due_us, max_per_s, recording.clump),
                busy.exceeded(plan.schedule.due_us, offered, holds_s),
            )
            if ask_after_s is not None and rate_per_s is not None:
                asked = _asked(plan.schedule, scenario, ask_after_s, rate_per_s, recording.clump)
                too_many = max(too_many, asked)
        if too_many <= _NEAR_ENOUGH:
            return plan
        slowed = float(f"{slowed / min(too_many, 4.0):.4g}")
        if speed / slowed > _MAX_SLOWDOWN:
            if timeout_s is not None:  # that its handlers try until then is a guess, and no reason to replay nothing
                return plan
            raise UsageError(
                f"{scenario.name} asks for more than this machine's emulator can take at a twentieth of the default"
                " speed: lower its factor, its rate or the time it holds requests, or give --speed"
            )


def _asked(offered: Schedule, scenario: Scenario, ask_after_s: float, max_per_s: float, clump: int) -> float:
    """How many times too many requests there are in the busiest second, where they are queued and answers fetched.

    Args:
        offered: What is sent.
        scenario: While a fault of it withholds answers they are asked for again.
        ask_after_s: How long after its ticket an answer is asked for first.
        max_per_s: The limit without such a fault.
        clump: As for `excess`.
    """
    missing = [
        (start_us, end_us)
        for fault, start_us, end_us in scenario.windows(offered.duration_us)
        if fault.withholds_answers
    ]

    def too_many(windows: Sequence[tuple[int, int]], per_s: float) -> float:
        fetches_us = asked_us(
            offered, windows, ask_after_us=round(ask_after_s * 1e6), deadline_us=round(DEADLINE_S * 1e6)
        )
        together = clump * (1 + math.ceil(len(fetches_us) / len(offered)))
        return excess(np.sort(np.concatenate([offered.due_us[::_QUEUED], fetches_us])), per_s, together)

    return max(too_many([], max_per_s), too_many(missing, _ASKING * max_per_s) if missing else 0.0)


def _of_the_lab(scenario: Scenario) -> str:
    """What of a scenario only the lab's own handlers do; empty for nothing."""
    named = [fault.kind for fault in scenario.faults if fault.kind in ("poison", "work")]
    return ", ".join([*named, *(["work_us"] if scenario.work_us else [])])


def _work_of_service(settings: LabSettings, cut: Recording, recorded: Work, platform: Platform, places: Places) -> Work:
    """How long the handlers of a service work where none runs: as measured in replays, or else as recorded."""
    if found := measured(places, str(settings.service)):
        return found.work(cut.routes, settings.seed)
    if len(recorded.us):
        return recorded
    raise UsageError(
        f"{platform.title} runs no handler, and nothing says how long those of {settings.service} take: the"
        " recording has no latencies. Replay it on an emulator first (--scenario steady), or give --work in"
        " milliseconds"
    )


def _check_service(service: Service, platform: Platform) -> None:
    """Raise `UsageError` where a target cannot run a service, with the reason."""
    needs = {
        Feature.NODE: next((part.runtime for part in service.parts if part.node), None),
        Feature.FIXED_NAMES: next((table.fixed_name for table in service.tables if table.fixed_name), None),
    }
    for feature, needed in needs.items():
        if needed and feature in platform.target.lacks:
            raise UsageError(
                f"{service.name} needs {needed}, which is not to be had on {platform.title}:"
                f" {platform.target.lacks[feature]}"
            )


def _check_routes(recording: Recording) -> None:
    """Raise `UsageError` where an API that tells commands and queries apart by their methods would mistake one, or has
    no such method.
    """
    kinds = recording.table.group_by(["method", "operation"]).aggregate([]).sort_by("method").to_pylist()
    for method, operation in ((kind["method"], kind["operation"]) for kind in kinds):
        if sent_as(method) in SENT_METHODS and operation_of(method) == operation:
            continue
        noun = "queries" if operation == "query" else "commands"
        raise UsageError(
            f"{recording.name} has {noun} with method {method}, and recorded routes tell commands and queries apart by"
            f" {', '.join(SENT_METHODS)}: import it with another mapping, or leave out --routes recorded"
        )


def _limits(target: Target, cpu_share: float) -> Busy:
    if target.genuine:  # it starts environments as they are needed
        return Busy(target.limits.busy)
    cores = _CPU_SHARE * (os.cpu_count() or 1) / cpu_share if cpu_share else math.inf
    return Busy(min(target.limits.busy, cores), min(_QUEUE_SHARE * target.limits.consumers, cores))


def _default_speed(recording: Recording, work: Work, max_per_s: float, busy: Busy) -> float:
    """The speed at which the recording's busiest second stays under half of what the target takes on this machine, and
    its work within the environments that the target has: time played faster multiplies how many are worked on at once.

    Never so fast that a replay lasts less than ten seconds: a fault in it would look like a hiccup.
    """
    fastest = recording.fastest_speed(max_per_s, lambda due_us: busy.exceeded(due_us, work) <= 1)
    return float(f"{min(fastest, max(1.0, recording.duration_s / _SHORTEST_REPLAY_S)):.4g}")


def _busiest(due_us: Microseconds) -> slice | None:
    """The requests of the busiest stretch that is replayed in time; None where all are."""
    longest_us = round(_LONGEST_REPLAY_S * 1e6)
    if due_us[-1] <= longest_us:
        return None
    return busiest_part(due_us, longest_us)
