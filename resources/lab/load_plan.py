"""What a replay sends and when: a recording at a speed the target can take, shaped by a scenario.

Put here how recording, scenario and settings become a schedule. Keep out what the target can take
(`resources.lab.capacity`) and what a scenario does to the traffic (`workloads.replay.shaping`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from resources.architectures.stack import DEFAULT_VARIANT
from resources.lab.bench import held_us
from resources.lab.capacity import capacity, default_peak_per_s
from resources.lab.settings import LabSettings
from resources.progress import Reporter
from resources.targets import Platform
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.recording import Recording, excess
from workloads.replay.schedule import Schedule, schedule
from workloads.replay.shaping import shaped
from workloads.scenarios.model import Scenario

_SHORTEST_REPLAY_S = 10.0
_MAX_SLOWDOWN = 20.0
_NEAR_ENOUGH = 1.05


@dataclass(frozen=True)
class LoadPlan:
    """The schedule of a replay, and how many times as fast as it was recorded it is played."""

    schedule: Schedule
    speed: float


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

    Measures the platform's capacity where a default speed needs it and this machine has no measurement yet.

    Raises:
        UsageError: The scenario is not available on the target, or would have to be replayed far too slowly.
    """
    if missing := why_unavailable(scenario, platform.target):
        raise UsageError(f"{scenario.name} is not available on {platform.title}: {missing}")
    cut = settings.cut(recording)
    # Behind a queue each query makes another request, which fetches its answer.
    load_factor = 2 - cut.command_share if settings.answers == "poll" else 1.0
    speed, max_per_s = (
        (settings.speed, None) if settings.speed else _default_speed(places, cut, platform, reporter, load_factor)
    )
    return plan_at(
        cut,
        scenario,
        speed=speed,
        seed=settings.seed,
        longest_pause_s=settings.longest_pause_s or None,
        max_per_s=max_per_s,
        max_busy=platform.target.limits.busy,
        variants=settings.variants,
    )


def plan_at(
    recording: Recording,
    scenario: Scenario,
    *,
    speed: float,
    seed: int,
    longest_pause_s: float | None,
    max_per_s: float | None = None,
    max_busy: float = float("inf"),
    variants: Sequence[str] = (DEFAULT_VARIANT,),
) -> LoadPlan:
    """Plan the load at ``speed``, or at a slower one that keeps within the limits.

    A scenario that makes more of the traffic, or holds environments for long, would otherwise show the emulator's
    limit for an architecture's.

    Args:
        recording: What is replayed, already cut.
        scenario: What shapes the traffic.
        speed: How many times as fast as recorded.
        seed: Of everything the recording leaves open.
        longest_pause_s: Longer pauses between requests are cut to these seconds; None keeps them.
        max_per_s: Requests per second in the busiest second; None for no limit.
        max_busy: Execution environments busy at once, on average.
        variants: How the functions write; the one that holds its environments longest counts.

    Raises:
        UsageError: It would have to be far slower than ``speed``.
    """
    if max_per_s is not None and scenario.reserved_concurrency is None:
        holds_s = max(held_us(scenario, variant) for variant in variants) / 1e6
        max_per_s = min(max_per_s, max_busy / max(holds_s, 1e-3))
    slowed = speed
    while True:
        # Pauses stay as long as at full speed: otherwise a slowed replay would consist of little else.
        pause_s = None if longest_pause_s is None else longest_pause_s * speed / slowed
        plan = LoadPlan(shaped(schedule(recording, speed=slowed, seed=seed, longest_pause_s=pause_s), scenario), slowed)
        too_many = 0.0 if max_per_s is None else excess(plan.schedule.due_us, max_per_s, recording.clump)
        if too_many <= _NEAR_ENOUGH:
            return plan
        slowed = float(f"{slowed / min(too_many, 4.0):.4g}")
        if speed / slowed > _MAX_SLOWDOWN:
            raise UsageError(
                f"{scenario.name} asks for more than this machine's emulator can take at a twentieth of the default"
                " speed: lower its factor, its rate or the time it holds requests, or give --speed"
            )


def _default_speed(
    places: Places, recording: Recording, platform: Platform, reporter: Reporter, load_factor: float
) -> tuple[float, float]:
    """The speed at which the recording's busiest second stays under half of what the target takes on this machine, and
    that half, in requests per second. ``load_factor`` is how many requests the target gets for each of the recording.

    Never so fast that a replay lasts less than ten seconds: a fault in it would look like a hiccup.
    """
    max_per_s = default_peak_per_s(capacity(places, platform, reporter)) / load_factor
    fastest = recording.fastest_speed(max_per_s)
    return float(f"{min(fastest, max(1.0, recording.duration_s / _SHORTEST_REPLAY_S)):.4g}"), max_per_s
