"""The simulated comparison beside one on an emulator or on AWS: the same cells, as AWS is predicted to take them.

Put here what of a request is simulated, and how often. Keep out the runs (`orchestration.commands.running`) and the
simulation (`resources.simulation`).
"""

import math
from dataclasses import replace

from assets.analysis.requirements.figures import MAX_REPETITIONS
from assets.analysis.statistics.verdicts import MIN_PAIRS
from orchestration.commands.request import CompareRequest
from resources.architectures import architectures
from resources.lab.settings import FOR_A_P99, NIGHTLY_REPETITIONS, SIMULATED
from resources.targets import targets
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.recording import Recording

_MAX_REQUESTS = 50_000  # of a replay: more would take longer than seconds


def simulated_beside(
    places: Places, request: CompareRequest, busiest_s: tuple[float, float] | None
) -> CompareRequest | str | None:
    """What is simulated beside a comparison.

    Args:
        places: The home with the recording.
        request: The comparison.
        busiest_s: Where only the busiest part of the recording is replayed: from which recorded second to which.

    Returns:
        The request; a clause that says why nothing is simulated; None where nothing is asked for.
    """
    settings = request.settings
    if not request.simulated or targets()[settings.target].virtual:
        return None
    if settings.service:
        return "the simulation runs no handler of yours"
    for name in request.architectures:
        if (part := architectures()[name].unmodelled) is not None:
            return f"the simulation has no model of {part} in {name}"
    changed = settings.simulated(busiest_s)
    cut = changed.cut(Library(places).load(request.workload))
    if cut.requests > _MAX_REQUESTS:
        return (
            f"a replay has {cut.requests:,} requests, over {_MAX_REQUESTS:,}, which takes longer:"
            f" `archduel compare --target {SIMULATED}` does it"
        )
    asked = settings.repetitions if settings.budget_s is None else 1
    repetitions = max(asked, NIGHTLY_REPETITIONS, *repetitions_for_p99(cut))
    own = changed.model_copy(update={"repetitions": repetitions})
    return replace(request, settings=own, simulated=False, as_a_night=False, fewer_where_broken=True)


def in_virtual_time(places: Places, request: CompareRequest) -> CompareRequest:
    """A comparison on a target where time costs nothing, of which nobody said how often each cell is replayed: as often
    as a p99 takes, of the recording as it is. Where no reasonable number of repetitions tells one, the recording is
    repeated in a row besides. Unchanged where a replay takes longer than seconds.
    """
    settings = request.settings
    once = settings.model_copy(update={"loop": settings.loop or 1})
    cut = once.cut(Library(places).load(request.workload))
    if cut.requests > _MAX_REQUESTS:
        return request
    enough = repetitions_for_p99(cut)
    is_told = len(enough) == (1 if cut.command_share in {0.0, 1.0} else 2)
    update = {"repetitions": max(enough, default=NIGHTLY_REPETITIONS), "loop": once.loop if is_told else settings.loop}
    return replace(request, settings=settings.model_copy(update=update), fewer_where_broken=True)


def repetitions_for_p99(recording: Recording) -> list[int]:
    """How many repetitions tell the 99th percentile of commands, and of queries: of each that a reasonable number does,
    eight at least.
    """
    commands = round(recording.requests * recording.command_share)
    together = (math.ceil(FOR_A_P99 / n) for n in (commands, recording.requests - commands) if n)
    return [max(NIGHTLY_REPETITIONS, MIN_PAIRS * one) for one in together if MIN_PAIRS * one <= MAX_REPETITIONS]
