"""How many execution environments MiniStack starts at once, for what callers and queues ask of its functions.

Put here waiting for one that is free, or for a turn to start one. Keep out who is let pass
(`resources.emulators.admission`) and how many environments are warm before a replay (`resources.lab.bench`).

MiniStack starts a process for every invocation that finds no free environment, at a third of a CPU second each. When
dozens of callers come at once, as those who ask for their answers do after an outage, it starts dozens: for so long it
answers nobody, invocations run into their time-out, which ends their environments, and the next callers start more. AWS
starts them on other machines, and gives a waiting invocation the environment that is free first.
"""

import threading
from collections import Counter
from contextvars import ContextVar
from types import ModuleType
from typing import Any

_MOST_WAITING = 24  # for the same function: the account's concurrency, 40 at least, leaves some to the others
# Whoever invokes a function by its name, as the warm-up does, gets an environment of its own at once.
invoked_by_name: ContextVar[bool] = ContextVar("invoked_by_name", default=False)


class Starts:
    """Stands before MiniStack's pool of environments: an invocation takes a free one, or starts one where fewer than
    ``most`` are being started, or waits until either is so. Where too many wait it is throttled.

    Args:
        runtime: MiniStack's module ``lambda_runtime``.
        most: How many environments may start at once.
    """

    def __init__(self, runtime: ModuleType, most: int) -> None:
        self._runtime, self._most = runtime, most
        self._changed = threading.Condition()
        self._starting: set[int] = set()  # by identity: a worker has no other name
        self._waiting: Counter[str] = Counter()
        self._acquire, self._release = runtime.acquire_worker, runtime.release_worker
        self._spawn = runtime.Worker._spawn

    def acquire(self, name: str, config: dict[str, Any], code: bytes, **options: Any) -> tuple[Any, str]:
        """As ``acquire_worker``, in its turn."""
        runtime = self._runtime
        if runtime._worker_class_for(config) is not runtime.Worker or invoked_by_name.get():
            acquired: tuple[Any, str] = self._acquire(name, config, code, **options)
            return acquired
        key = runtime._worker_key(name, config, options.get("qualifier", "$LATEST"))
        with self._changed:
            while not self._has_free(key) and len(self._starting) >= self._most:
                if self._waiting[key] >= _MOST_WAITING:
                    return None, "func_cap"
                self._waiting[key] += 1
                self._changed.wait()
                self._waiting[key] -= 1
            worker, reason = self._acquire(name, config, code, **options)
            if worker is not None and not _runs(worker):
                self._starting.add(id(worker))
        return worker, reason

    def release(self, worker: Any) -> None:
        """As ``release_worker``."""
        self._release(worker)
        self._over(worker)

    def spawn(self, worker: Any) -> None:
        """As ``Worker._spawn``."""
        try:
            self._spawn(worker)
        finally:
            self._over(worker)

    def _over(self, worker: Any) -> None:
        with self._changed:
            self._starting.discard(id(worker))
            self._changed.notify_all()

    def _has_free(self, key: str) -> bool:
        """Whether a function has a free environment that runs; those come first in its pool from then on."""
        with self._runtime._lock:
            workers = self._runtime._workers.get(key, [])
            workers.sort(key=lambda worker: not _runs(worker))
            return any(not worker.in_use and _runs(worker) for worker in workers)


def _runs(worker: Any) -> bool:
    return worker._proc is not None and worker._proc.poll() is None


def few_at_once(runtime: ModuleType, service: ModuleType, most: int) -> None:
    """Put `Starts` before the pool of MiniStack's ``lambda_runtime``, whose functions its ``service`` has imported."""
    starts = Starts(runtime, most)
    service.acquire_worker, service.release_worker = starts.acquire, starts.release  # type: ignore[attr-defined]

    def spawn(worker: Any) -> None:
        starts.spawn(worker)

    runtime.Worker._spawn = spawn
