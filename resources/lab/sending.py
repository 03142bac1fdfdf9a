"""The load generator in processes of its own, which nothing that this one does can delay.

Put here starting and ending them, what each gets of a schedule, and putting their results together. Keep out the
program itself (`workloads.replay.worker`) and how it sends (`workloads.replay.keep_alive`).
"""

import json
import math
import os
import select
import shutil
import socket
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.machine.environment import passed_on
from resources.machine.leash import LeashedProcess
from workloads.errors import ArchduelError
from workloads.replay.client import Gauge, Responses
from workloads.replay.connection import CAUSES, STOPPED
from workloads.replay.files import PART, Progress, Results, write_schedule
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.recorded import Source
from workloads.replay.schedule import Schedule
from workloads.replay.worker import PROGRESS, SCHEDULE, settings_of
from workloads.scratch import scratch

_START_S = 60.0  # a busy machine takes long to import what the program needs
INTERRUPTED = "it was interrupted; what was not sent then is unsent"
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # what this machine trusts, where it says so to OpenSSL
_LOOK_S = 0.02
_LAST_WORDS_S = 2.0
_LEAD_S = 0.5  # from the word to start to the first request, for connections to be opened
_END_S = 10.0  # from the word to stop until a process is ended


@dataclass
class ProcessClient:
    """A `Client` in processes of its own. They start with the first schedule, and end with `close`.

    All requests about an entity go to one process, which sends them in their order.

    Attributes:
        client: How each of them sends; what bounds connections is shared out among them.
        root: Where temporary folders are: ``Places.temporary``.
        log: The file that their errors are appended to.
        shards: How many processes.
        program: The module that each of them runs; tests have another.
    """

    client: KeepAliveClient
    root: Path
    log: Path
    shards: int = 1
    program: str = "workloads.replay.worker"
    _workers: list["_Worker"] = field(default_factory=list, repr=False)
    _kept: ExitStack = field(default_factory=ExitStack, repr=False)
    _folder: Path | None = field(default=None, repr=False)
    _prepared: tuple[Schedule, str, list["_Job"]] | None = field(default=None, repr=False)
    _jobs: int = 0

    def prepare(self, schedule: Schedule, url: str) -> None:
        """See `Client.prepare`: has the processes running, each with its part of the schedule at hand.

        Raises:
            ArchduelError: One did not start.
        """
        self._drop()
        self._start()
        if self._folder is None:
            self._folder = self._kept.enter_context(scratch(self.root))
        jobs = []
        for worker, indices in zip(self._workers, _shards(schedule, self.shards), strict=True):
            self._jobs += 1
            folder = self._folder / str(self._jobs)
            folder.mkdir()
            part = schedule if self.shards == 1 else schedule.taken(indices)
            write_schedule(part, folder / SCHEDULE)
            jobs.append(_Job(worker, Results(folder).create(), Progress(folder / PROGRESS), indices=indices))
        self._prepared = (schedule, url, jobs)
        for worker in self._workers:
            worker.wait_until_ready()

    def _start(self) -> None:
        while len(self._workers) < self.shards:
            self._workers.append(_Worker(self.program, self.log))

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """See `Client.send`. Where a process ends in the middle the others go on, and `Gauge.fault` says so."""
        if self._prepared is None or self._prepared[0] is not schedule or self._prepared[1] != url:
            self.prepare(schedule, url)
        jobs = self._prepared[2] if self._prepared else []
        self._carry_out(jobs, url, start_ns, gauge)
        responses = Responses.empty(len(schedule))
        for job in jobs:
            job.put_into(responses)
        self._drop()
        return responses

    def send_recorded(self, source: Source, url: str, folder: Path, gauge: Gauge) -> list[tuple[Source, Results]]:
        """Send recorded requests as they were, from now on, in constant memory.

        Args:
            source: Which requests; they are shared out by their clients.
            url: What their paths are appended to.
            folder: An empty folder for what comes back.
            gauge: As `Client.send`.

        Returns:
            What each process sent, and what came back for it.

        Raises:
            ArchduelError: A process did not start.
        """
        self._start()
        jobs = []
        for number, worker in enumerate(self._workers):
            own = folder / str(number)
            own.mkdir(parents=True)
            part = replace(source, shard=number, shards=self.shards)
            jobs.append(_Job(worker, Results(own).create(), Progress(own / PROGRESS), source=part))
            worker.wait_until_ready()
        self._carry_out(jobs, url, time.monotonic_ns() + round(_LEAD_S * 1e9), gauge)
        return [(job.source, job.results) for job in jobs if job.source is not None]

    def _carry_out(self, jobs: Sequence["_Job"], url: str, start_ns: int, gauge: Gauge) -> None:
        allowed = gauge.extra_left
        for job in jobs:
            job.begin(url, self.client.shared_by(len(jobs)), allowed / len(jobs), start_ns)
        self._watch(jobs, gauge, allowed)
        faults = [job.death or job.fault for job in jobs if job.death or job.fault]
        gauge.fault = gauge.fault or next(iter(faults), None)
        for job in jobs:
            if job.death is not None:
                self._workers.remove(job.worker)
                job.worker.close()

    def _watch(self, jobs: Sequence["_Job"], gauge: Gauge, allowed: float) -> None:
        """Wait until all are over, pass on their progress, and the word to stop; being interrupted is one."""
        stopped_at: float | None = None
        while True:
            over = [job.look() for job in jobs]
            Progress.into(gauge, [job.progress for job in jobs], allowed)
            gauge.tick()
            if all(over):
                return
            if gauge.stop:
                stopped_at = stopped_at or time.monotonic()
                for job in jobs:
                    job.progress.stop()
                    if time.monotonic() > stopped_at + _END_S:
                        job.worker.close()
            try:
                time.sleep(_LOOK_S)
            except KeyboardInterrupt:
                gauge.stop, gauge.fault = True, INTERRUPTED

    def _drop(self) -> None:
        if self._prepared is not None:
            for job in self._prepared[2]:
                shutil.rmtree(job.results.folder, ignore_errors=True)
            self._prepared = None

    def close(self) -> None:
        """End the processes. Closing twice is fine."""
        while self._workers:
            self._workers.pop().close()
        self._kept.close()
        self._folder = self._prepared = None


def _shards(schedule: Schedule, shards: int) -> list[npt.NDArray[np.int64]]:
    """The indices of the requests that each of so many processes gets."""
    if shards == 1:
        return [np.arange(len(schedule))]
    numbers = np.array([zlib.crc32(order.encode()) % shards for order in schedule.order_ids], np.int64)
    return [np.flatnonzero(numbers == number) for number in range(shards)]


class _Worker:
    """One process. The constructor starts it and does not wait."""

    def __init__(self, program: str, log: Path) -> None:
        self._own, theirs = socket.socketpair()
        self._lines = self._own.makefile("rw")
        self._started = time.monotonic()
        with theirs:
            command = [sys.executable, "-m", program, str(theirs.fileno())]
            trusted = {name: os.environ[name] for name in _CERTIFICATES if name in os.environ}
            environment = {**passed_on(), **trusted}
            self._process = LeashedProcess(command, environment=environment, log=log, pass_fds=[theirs.fileno()])
        self._ready = False

    def wait_until_ready(self) -> None:
        """Return once it takes jobs; `ArchduelError` with its last words where it does not."""
        if not self._ready:
            self._own.settimeout(_START_S)
            if self.hear() is None:
                raise ArchduelError(f"the load generator did not start. {self.death()}")
            self._own.settimeout(None)
            self._ready = True

    def tell(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # it ended, as `hear` will say
            self._lines.write(json.dumps(message) + "\n")
            self._lines.flush()

    def hear(self) -> dict[str, Any] | None:
        """Its next word, which is waited for; None where it has ended."""
        line = ""
        with suppress(OSError):
            line = self._lines.readline()
        return json.loads(line) if line else None

    def heard(self, within_s: float) -> bool:
        """Whether it has said something, or has ended."""
        waiting = select.poll()  # select knows no file numbered 1,024 or above
        waiting.register(self._own, select.POLLIN)
        return bool(waiting.poll(within_s * 1000))

    def death(self) -> str:
        """Its last words."""
        deadline = time.monotonic() + _LAST_WORDS_S
        while (words := self._process.death()) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_S)  # its connection ends a moment before it does
        return words or "It does not answer."

    def close(self) -> None:
        self._process.close()
        with suppress(OSError):  # words that it was not there to hear any more
            self._lines.close()
        self._own.close()


@dataclass
class _Job:
    """What one process has to send.

    Attributes:
        worker: The process.
        results: What came back.
        progress: How far it is.
        indices: Where its requests are in the whole schedule.
        source: The recorded requests that it sends in place of a schedule.
        over: Whether it is done, or never will be.
        fault: What it said of itself at the end.
        death: Why it ended in the middle, a sentence; None where it did not.
    """

    worker: _Worker
    results: Results
    progress: Progress
    indices: npt.NDArray[np.int64] | None = None
    source: Source | None = None
    over: bool = False
    fault: str | None = None
    death: str | None = None

    def begin(self, url: str, client: KeepAliveClient, extra_left: float, start_ns: int) -> None:
        self.worker.tell(
            {
                "folder": str(self.results.folder),
                "source": None if self.source is None else self.source.settings,
                "url": url,
                "client": settings_of(client),
                "extra_left": math.floor(extra_left) if math.isfinite(extra_left) else None,
                "start_ns": start_ns,
            }
        )

    def look(self) -> bool:
        """Whether it is over."""
        if not self.over and self.worker.heard(0):
            self.over = True
            if (answer := self.worker.hear()) is None:
                self.death = f"a process of the load generator ended in the middle: run it again. {self.worker.death()}"
            else:
                self.fault = answer["fault"]
        return self.over

    def put_into(self, responses: Responses) -> None:
        """Put its results where they belong. What was under way when the process ended was cut off."""
        indices = np.zeros(0, np.int64) if self.indices is None else self.indices
        lengths = [min(PART, len(indices) - start) for start in range(0, len(indices), PART)]
        for number, own in enumerate(self.results.read(lengths)):
            own.end_cut_off(CAUSES.index(STOPPED))
            where = indices[number * PART : (number + 1) * PART]
            for name, values in vars(own).items():
                if name == "others":
                    responses.others += values
                else:
                    getattr(responses, name)[where] = values
