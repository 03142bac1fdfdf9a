"""From an engine's result to observations: the tables that a replay on an emulator leaves.

Put here how codes and numbers become their columns. Keep out the columns themselves (`resources.warehouse`) and what
became of requests, which is reconciled from these tables as from any others (`assets.analysis.outcomes`).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from resources.architectures import Architecture
from resources.architectures.parts.event_source_mapping import CONSUMER
from resources.architectures.parts.function import work_parts
from resources.architectures.stack import effect_of
from resources.simulation import system as codes
from resources.simulation.system import NEVER, Load, Result
from resources.warehouse import large
from resources.warehouse.observations import SCHEMAS, Tables
from workloads.replay.schedule import Schedule

_RESULTS = ("committed", "duplicate", "answered", "failed")  # by their codes
_OUTCOMES = ("succeeded", "partly_failed", "failed", "timed_out")
_FATES = {codes.TIMED_OUT: "timed_out", codes.UNSENT: "unsent"}  # "responded" with a status, else "broken"
_CAUSES = {codes.REFUSED: "refused", codes.CUT_SHORT: "cut_off", codes.RESET_BY: "reset"}


def observations(
    architecture: Architecture,
    schedule: Schedule,
    load: Load,
    result: Result,
    *,
    deadline_us: int,
    repetition: int,
) -> Tables:
    """The observations of one simulated replay, but for the table `experiments`.

    Args:
        architecture: What was simulated.
        schedule: The requests.
        load: The same, as the engine got them.
        result: What happened.
        deadline_us: How long the caller waited for an answer, in microseconds.
        repetition: The replay's number, from 1.
    """
    observer = _Observer(architecture, schedule, load, repetition)
    return {**observer.part(0, result), "samples": observer.samples(result.samples, _ends_us(result, deadline_us))}


def observations_on_disk(
    architecture: Architecture,
    schedule: Schedule,
    load: Load,
    parts: Iterable[tuple[int, Result]],
    *,
    deadline_us: int,
    repetition: int,
    folder: Path,
) -> tuple[Tables, Result, int]:
    """The observations of a replay that is simulated meanwhile, part by part, in files. Other arguments as above.

    Args:
        parts: What `resources.simulation.kernel.simulated_parts` yields.
        folder: Where the files are written; empty.

    Returns:
        The observations, the last part's result, and how many invocations had to wait for a new environment.
    """
    observer = _Observer(architecture, schedule, load, repetition)
    ends_us = np.zeros((2, len(schedule)), np.int64)
    samples, cold = [], 0
    with large.Writer(folder, {name: SCHEMAS[name] for name in _OBSERVED}) as writer:
        for first, result in parts:
            writer.add(observer.part(first, result))
            ends_us[:, first : first + len(result.sent_us)] = _ends_us(result, deadline_us)
            samples.append(result.samples)
            cold += int(result.invocations[:, 4].sum())
        writer.add({"samples": observer.samples(np.concatenate(samples), ends_us)})
    return dict(writer.tables()), result, cold


_OBSERVED = ("sent", "items", "messages", "records", "invocations", "samples")


class _Observer:
    """Writes down what happened in a replay, all at once or part by part."""

    def __init__(self, architecture: Architecture, schedule: Schedule, load: Load, repetition: int) -> None:
        self._schedule, self._load, self._repetition = schedule, load, repetition
        self._request_ids = pa.array(schedule.request_ids, pa.string())
        self._functions = pa.array(architecture.functions, pa.string())
        self._effects = pa.array([effect_of(architecture.nodes[name]) for name in architecture.functions], pa.string())
        self._further = pa.array(architecture.effects[1:], pa.string())
        self._parts = np.array([work_parts(architecture.nodes, name) for name in architecture.functions], np.int64)
        self._has_queue = CONSUMER in architecture.nodes
        self._fifo = architecture.queueing == "fifo"

    def _named(self, numbers: npt.NDArray[np.int64]) -> pa.Array:
        return self._request_ids.take(pa.array(numbers))

    def _table(self, name: str, count: int, **columns: Any) -> pa.Table:
        columns["repetition"] = np.full(count, self._repetition, np.int32)
        schema = SCHEMAS[name]
        arrays = [_column(columns.get(field.name), field.type, count) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)

    def part(self, first: int, result: Result) -> Tables:
        """All tables but the samples, of the requests from number ``first`` on that the result is of."""
        count = len(result.sent_us)
        of, load, schedule = slice(first, first + count), self._load, self._schedule
        records, invocations, functions = result.records, result.invocations, codes.functions_of(result)
        commits = np.column_stack([result.commits, result.further_commits])
        stamps_us = np.column_stack([result.stamp_us, result.further_stamp_us])
        stored, effect = np.nonzero(commits)
        effect = effect - 1  # of the further ones
        dead = np.flatnonzero(result.dead)
        return {
            "sent": self._table(
                "sent",
                count,
                request_id=self._request_ids[of],
                operation=pa.array(schedule.operations[of], pa.string()),
                entity=pa.array(schedule.entities[of], pa.string()),
                route=pa.array(schedule.routes[of], pa.string()) if schedule.routes else None,
                payload_bytes=load.payload_bytes[of],
                scheduled_us=load.due_us[of],
                sent_us=result.sent_us,
                client_queue_us=np.zeros(count, np.int64),
                connect_us=np.zeros(count, np.int64),
                responded_us=_known(result.responded_us),
                status=pa.array(result.status, mask=result.status <= 0),
                fate=_coded(result.status, {**_FATES, **dict.fromkeys(_CAUSES, "broken")}, "responded"),
                broken_cause=_coded(result.status, _CAUSES, None),
                attempts=result.attempts,
                fetches=_known(result.fetches),
                fetched_us=_known(result.fetched_us),
                recorded_us=_known(schedule.recorded_us[of]) if len(schedule.recorded_us) else None,
                work_us=_known(schedule.work_us[of]) if len(schedule.work_us) else None,
            ),
            "items": self._table(
                "items",
                len(stored),
                request_id=self._named(first + stored),
                effect=self._further.take(pa.array(effect, pa.int64(), mask=effect == NEVER)),
                commits=commits[stored, effect + 1],
                stamp_us=stamps_us[stored, effect + 1],
                found=_flag(np.where(effect == NEVER, result.found[stored], NEVER)),
            ),
            "messages": self._table(
                "messages",
                len(dead),
                request_id=self._named(first + dead % max(count, 1)),
                queue=pa.array(["dead_letter_queue"] * len(dead), pa.string()),
                receive_count=result.receives[dead],
            ),
            "records": self._table(
                "records",
                len(records),
                function=self._functions.take(pa.array(functions)),
                effect=self._effects.take(pa.array(functions)),
                invocation_id=_labels("i", records[:, 0]),
                request_id=self._named(records[:, 1]),
                result=_words(_RESULTS, records[:, 2]),
                at_us=records[:, 3],
                receive_count=_known(records[:, 4]),
                found=_flag(records[:, 5]),
                worked_us=_worked_us(load, records, self._parts[functions], fifo=self._fifo),
            ),
            "invocations": self._table(
                "invocations",
                len(invocations),
                function=self._functions.take(pa.array(invocations[:, 1])),
                invocation_id=_labels("i", invocations[:, 0]),
                started_us=invocations[:, 2],
                duration_us=invocations[:, 3],
                cold=pa.array(invocations[:, 4].astype(bool)),
                batch_size=invocations[:, 5],
                outcome=_words(_OUTCOMES, invocations[:, 6]),
                environment=_labels("e", invocations[:, 7]),
            ),
        }

    def samples(self, samples: npt.NDArray[np.int64], ends_us: npt.NDArray[np.int64]) -> pa.Table:
        """The samples of a whole replay, with how many requests the caller waited for, by `_ends_us` of all of them."""
        moments_us, has_queue = samples[:, 0], self._has_queue
        begun, ended = (np.searchsorted(np.sort(each), moments_us, side="right") for each in ends_us)
        return self._table(
            "samples",
            len(samples),
            t_us=moments_us,
            queue_visible=samples[:, 1] * has_queue,
            queue_in_flight=samples[:, 2] * has_queue,
            queue_delayed=samples[:, 3] * has_queue,
            dead_letters=samples[:, 4] * has_queue,
            in_flight=np.asarray(begun - ended, np.int64),
        )


def _ends_us(result: Result, deadline_us: int) -> npt.NDArray[np.int64]:
    """From when to when the caller waited for each request: its first sending, and the last answer."""
    ended_us = np.where(result.responded_us == NEVER, result.sent_us + deadline_us, result.responded_us)
    return np.array([result.sent_us, np.maximum(ended_us, result.fetched_us)])


def _column(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, kind)
    return (values if isinstance(values, pa.Array) else pa.array(values)).cast(kind)


def _known(values: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(values, mask=values == NEVER)


def _flag(values: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(values == 1, mask=values == NEVER)


def _labels(prefix: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def _words(words: Sequence[str], numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(numbers))


def _coded(codes_of: npt.NDArray[np.int64], words: Mapping[int, str], otherwise: str | None) -> pa.Array:
    """The word for each code, or another one for all codes without a word."""
    numbers = np.zeros(len(codes_of), np.int64)
    for number, code in enumerate(words, start=1):
        numbers[codes_of == code] = number
    return pa.array([otherwise, *words.values()], pa.string()).take(pa.array(numbers))


def _worked_us(load: Load, records: npt.NDArray[np.int64], parts: npt.NDArray[np.int64], *, fifo: bool) -> pa.Array:
    """How long each handling worked: not at all on what is invalid, nor after the table failed earlier in its batch,
    nor behind one of a FIFO queue's group that failed.
    """
    invocations, requests = records[:, 0], records[:, 1]
    valid = load.poison[requests] == 0
    failed = records[:, 2] == codes.FAILED
    if fifo and len(records):
        orders = load.order[requests]
        same = (np.diff(invocations, prepend=-1) == 0) & (np.diff(orders, prepend=-1) == 0)
        valid &= ~(same & np.roll(failed, 1))
    failed &= valid
    before = np.cumsum(failed) - failed
    # Records of an invocation follow one another: what failed before its first one is not its own.
    first = np.flatnonzero(np.diff(invocations, prepend=-1))
    of_others = np.repeat(before[first], np.diff(first, append=len(records))) if len(records) else before
    worked_us = load.work_us[requests] // parts
    return pa.array(worked_us, mask=~valid | (before > of_others) | (worked_us == 0))
