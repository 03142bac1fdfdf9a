"""What a scenario does to the traffic itself: more of it, at other times, or with special commands.

Put here faults that change a schedule, by its seed. Keep out faults of components and hops (`resources.faults`).
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from workloads.replay.schedule import Schedule, order_id
from workloads.scenarios.faults import Burst, Fault, Hot, Late, Poison, Ramp, Twice, Work
from workloads.scenarios.model import Scenario

_Special = Poison | Work | Twice | Late
HOT = "hot"  # the entity that a share of the requests is about, under such a fault
_CLONES_SPREAD_US = 250_000  # in the same microsecond as their originals, clones would come in pairs only


def shaped(schedule: Schedule, scenario: Scenario) -> Schedule:
    """Apply a scenario's faults in the traffic to a schedule.

    The same arguments give the same requests, byte for byte; the length stays as it is.

    Args:
        schedule: The schedule of the recording.
        scenario: The scenario; one without such faults changes nothing.

    Raises:
        UsageError: The window of a fault does not fit into the schedule's length.
    """
    windows = scenario.windows(schedule.duration_us)
    # Bursts and ramps first: special commands are drawn among all requests there are then.
    for number, (fault, start_us, end_us) in enumerate(windows):
        if isinstance(fault, Burst):
            schedule = _burst(schedule, fault, start_us, end_us, number)
        elif isinstance(fault, Ramp):
            schedule = _ramp(schedule, fault, start_us, end_us)
        elif isinstance(fault, Hot):
            schedule = _hot(schedule, fault, start_us, end_us, number)
    for number, (fault, start_us, end_us) in enumerate(windows):
        if isinstance(fault, _Special):
            extra = _extra(fault)
            indices = _hit(schedule, fault.share, start_us, end_us, number)
            extras = {index: {**schedule.extras.get(index, {}), **extra} for index in indices.tolist()}
            schedule = replace(schedule, extras={**schedule.extras, **extras})
    return schedule


def hits(schedule: Schedule, fault: Fault, start_us: int, end_us: int) -> int | None:
    """Count the requests of a shaped schedule that a fault in the traffic concerns.

    Args:
        schedule: A result of `shaped`.
        fault: The fault.
        start_us: The beginning of its window, in microseconds since the replay's start.
        end_us: The window's end.

    Returns:
        The count; None for a fault that is not in the traffic.
    """
    if isinstance(fault, Hot):
        due = _due_between(schedule, start_us, end_us)
        return sum(bool(due[index]) and entity == HOT for index, entity in enumerate(schedule.entities))
    if isinstance(fault, Burst | Ramp):
        return int(_due_between(schedule, start_us, end_us).sum())
    if not isinstance(fault, _Special):
        return None
    due, extra = _due_between(schedule, start_us, end_us), _extra(fault)
    return sum(bool(due[index]) and extra.items() <= fields.items() for index, fields in schedule.extras.items())


def _extra(fault: _Special) -> dict[str, Any]:
    """The fields of a command's body that tell the handlers about the fault."""
    match fault:
        case Poison():
            return {"details": 0}  # must be text
        case Work():
            return {"work_ms": fault.work_ms}
        case Twice() | Late():
            return {"delivery": {"kind": fault.kind, "delay_s": fault.delay_s}}


def _due_between(schedule: Schedule, start_us: int, end_us: int) -> npt.NDArray[np.bool_]:
    """Which requests are due in a window; one that lasts to the end holds the last request too."""
    before_end = schedule.due_us < end_us if end_us < schedule.duration_us else schedule.due_us <= end_us
    return before_end & (schedule.due_us >= start_us)


def _hit(schedule: Schedule, share: float, start_us: int, end_us: int, number: int) -> npt.NDArray[np.intp]:
    """The indices of the commands that a fault concerns, drawn by the schedule's seed and the fault's number."""
    drawn = np.random.default_rng([schedule.seed, number]).random(len(schedule)) < share
    commands = np.array([operation == "command" for operation in schedule.operations], dtype=bool)
    return np.flatnonzero(drawn & commands & _due_between(schedule, start_us, end_us))


def _burst(schedule: Schedule, fault: Burst, start_us: int, end_us: int, number: int) -> Schedule:
    """Every request of the window comes ``factor`` times: clone 1 of request 17 about order x is 17~1 about x~1."""
    inside = np.flatnonzero(_due_between(schedule, start_us, end_us))
    _, entity = np.unique(np.array(schedule.entities, dtype=object)[inside].astype(str), return_inverse=True)
    sources = [np.arange(len(schedule))]
    dues = [schedule.due_us]
    clones = np.zeros(len(schedule), dtype=np.int64)
    for clone in range(1, fault.factor):
        # One shift for all requests about an entity, or a clone could be queried before the command that makes it.
        shifts = np.random.default_rng([schedule.seed, number, clone]).integers(0, _CLONES_SPREAD_US, len(inside))
        due_us = schedule.due_us[inside]
        room = np.clip((end_us - due_us) / _CLONES_SPREAD_US, 0, 1)  # less towards the end, in the same order
        sources.append(inside)
        dues.append(due_us + (shifts[entity] * room).astype(np.int64))
        clones = np.concatenate([clones, np.full(len(inside), clone)])
    source, due_us = np.concatenate(sources), np.concatenate(dues)
    order = np.argsort(due_us, kind="stable")
    source, due_us, clones = source[order], due_us[order], clones[order]

    def named(names: list[str]) -> list[str]:
        return [
            f"{names[index]}~{clone}" if clone else names[index]
            for index, clone in zip(source.tolist(), clones.tolist(), strict=True)
        ]

    entities = named(schedule.entities)
    return replace(
        schedule,
        request_ids=named(schedule.request_ids),
        operations=_taken(schedule.operations, source),
        entities=entities,
        order_ids=[order_id(entity) for entity in entities],
        payload_bytes=_taken(schedule.payload_bytes, source),
        due_us=due_us,
        routes=_taken(schedule.routes, source) if schedule.routes else [],
        recorded_us=schedule.recorded_us[source] if len(schedule.recorded_us) else schedule.recorded_us,
        methods=_taken(schedule.methods, source) if schedule.methods else [],
        paths=_taken(schedule.paths, source) if schedule.paths else [],
        work_us=schedule.work_us[source] if len(schedule.work_us) else schedule.work_us,
    )


def _hot(schedule: Schedule, fault: Hot, start_us: int, end_us: int, number: int) -> Schedule:
    """A share of the window's requests, drawn by the schedule's seed and the fault's number, about the entity `HOT`."""
    drawn = np.random.default_rng([schedule.seed, number]).random(len(schedule)) < fault.share
    hit = drawn & _due_between(schedule, start_us, end_us)
    entities = [HOT if one else entity for one, entity in zip(hit.tolist(), schedule.entities, strict=True)]
    return replace(schedule, entities=entities, order_ids=[order_id(entity) for entity in entities])


def _taken(values: list[Any], indices: npt.NDArray[np.int64]) -> list[Any]:
    return [values[index] for index in indices.tolist()]


def _ramp(schedule: Schedule, fault: Ramp, start_us: int, end_us: int) -> Schedule:
    """The window's requests, in their order, evenly in each step, with rates as 1 : 2 : ... : steps."""
    inside = np.flatnonzero(_due_between(schedule, start_us, end_us))
    steps = np.arange(fault.steps + 1)
    # Share of the requests that is due by the end of each step: 1, 1 + 2, 1 + 2 + 3, ...
    by_then = steps * (steps + 1) / (fault.steps * (fault.steps + 1))
    position = np.arange(len(inside)) / max(len(inside), 1)
    due_us = schedule.due_us.copy()
    due_us[inside] = start_us + np.interp(position, by_then, steps / fault.steps) * (end_us - start_us)
    return replace(schedule, due_us=due_us)
