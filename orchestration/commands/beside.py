"""The simulated comparison beside one on an emulator or on AWS: the same cells, as AWS is predicted to take them.

Put here what of a request is simulated, and how often. Keep out the runs (`orchestration.commands.running`) and the
simulation (`resources.simulation`).
"""

import math
from dataclasses import replace

from assets.analysis.requirements.figures import MAX_REPETITIONS
from assets.analysis.statistics.verdicts import MIN_PAIRS
from orchestration.commands.request import CompareRequest
from resources.lab.cell import Cell
from resources.lab.settings import FOR_A_P99, NIGHTLY_REPETITIONS, SIMULATED, LabSettings
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
    if not request.simulated or request.as_a_night or targets()[settings.target].virtual:
        return None
    if settings.service:
        return "the simulation runs no handler of yours"
    changed = settings.simulated(busiest_s)
    cut = changed.cut(Library(places).load(request.workload))
    if cut.requests > _MAX_REQUESTS:
        return (
            f"a replay has {cut.requests:,} requests, over {_MAX_REQUESTS:,}, which takes longer:"
            f" `archduel compare --target {SIMULATED}` does it"
        )
    repetitions = max(settings.repetitions if settings.budget_s is None else 1, repetitions_for(cut))
    return replace(request, settings=changed.model_copy(update={"repetitions": repetitions}), simulated=False)


def settings_beside(beside: CompareRequest, cell: Cell) -> LabSettings:
    """The settings of one simulated cell: where something is broken a p99 is not asked for, and fewer do."""
    if "steady" in beside.scenarios[cell.scenario].situations:
        return beside.settings
    fewer = min(beside.settings.repetitions, MIN_PAIRS)
    return beside.settings.model_copy(update={"repetitions": fewer})


def repetitions_for(recording: Recording) -> int:
    """How many repetitions tell the 99th percentile of commands and of queries, as far as a reasonable number does."""
    commands = round(recording.requests * recording.command_share)
    together = (math.ceil(FOR_A_P99 / n) for n in (commands, recording.requests - commands) if n)
    enough = [MIN_PAIRS * one for one in together if MIN_PAIRS * one <= MAX_REPETITIONS]
    return max(NIGHTLY_REPETITIONS, *enough, 0)
