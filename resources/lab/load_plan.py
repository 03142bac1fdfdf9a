"""What a replay offers: a recording at a speed this machine can play it, shaped by a scenario.

Belongs here: from recording, scenario and settings to a schedule. Nothing is started but, once per machine, the
measurement of what its emulator takes.
"""

from dataclasses import dataclass

from resources.architectures.stack import StackSettings
from resources.lab.capacity import capacity, default_peak_per_s
from resources.progress import Reporter
from resources.targets import Platform
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.recording import Recording, excess
from workloads.replay.schedule import Schedule, schedule
from workloads.replay.shaping import shaped
from workloads.scenarios.model import Scenario

_SHORTEST_REPLAY_S = 10.0
_MOST_SLOWED = 20.0
_NEAR_ENOUGH = 1.05


@dataclass(frozen=True)
class Offer:
    """What is sent when, and how many times as fast as it was recorded."""

    schedule: Schedule
    speed: float


def offer(
    recording: Recording,
    scenario: Scenario,
    *,
    speed: float,
    seed: int,
    longest_pause_s: float | None,
    most_per_s: float | None = None,
    most_busy: float = float("inf"),
) -> Offer:
    """``recording`` under ``scenario`` at ``speed``, or slower: as slow as ``most_per_s`` asks, in its busiest second,
    and ``most_busy`` environments busy at once, on average.

    A scenario that makes more of the traffic, or holds environments for long, would otherwise show the emulator's
    limit for an architecture's. None plays at ``speed`` whatever comes of it. Raises `UsageError` where it would be
    far too slow.
    """
    if most_per_s is not None and scenario.reserved_concurrency is None:
        holds_s = scenario.holds_us(StackSettings().table_timeout_ms * 1000) / 1e6
        most_per_s = min(most_per_s, most_busy / max(holds_s, 1e-3))
    asked = speed
    while True:
        # A pause as long as it would be at the speed asked for: else all that is left of a slowed replay are pauses.
        pause_s = None if longest_pause_s is None else longest_pause_s * asked / speed
        offered = shaped(schedule(recording, speed=speed, seed=seed, longest_pause_s=pause_s), scenario)
        too_many = 0.0 if most_per_s is None else excess(offered.due_us, most_per_s, recording.clump)
        if too_many <= _NEAR_ENOUGH:
            return Offer(offered, speed)
        speed = float(f"{speed / min(too_many, 4.0):.4g}")
        if asked / speed > _MOST_SLOWED:
            raise UsageError(
                f"{scenario.name} asks for more than this machine's emulator can take at a twentieth of the default"
                " speed: lower what it multiplies or holds, or say --speed"
            )


def default_speed(places: Places, recording: Recording, platform: Platform, reporter: Reporter) -> tuple[float, float]:
    """The speed at which the recording's busiest second stays under half of what the target takes on this machine, and
    that half, in requests per second.

    Never so fast that a replay is over before a fault in it could be told from a hiccup.
    """
    most_per_s = default_peak_per_s(capacity(places, platform, reporter))
    fastest = recording.fastest_speed(most_per_s)
    return float(f"{min(fastest, max(1.0, recording.duration_s / _SHORTEST_REPLAY_S)):.4g}"), most_per_s
