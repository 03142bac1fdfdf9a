"""How many environments start at once: dozens of callers at once do not make the emulator start dozens."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from resources.emulators.starts import Starts, invoked_by_name
from tests.waiting import until


class Runtime:
    """MiniStack's pool, as far as it counts here; environments start when the test says so."""

    class Worker:
        started = threading.Event()

        def __init__(self) -> None:
            self.in_use = False
            self._proc: Any = None

        def _spawn(self) -> None:
            self.started.wait(10)
            self._proc = SimpleNamespace(poll=lambda: None)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, list[Runtime.Worker]] = {"f": []}
        self.Worker.started = threading.Event()

    def _worker_class_for(self, config: dict[str, Any]) -> type:
        return self.Worker if config["Runtime"] == "python3.12" else object

    def _worker_key(self, name: str, _config: dict[str, Any], _qualifier: str) -> str:
        return name

    def acquire_worker(self, name: str, _config: dict[str, Any], _code: bytes, qualifier: str = "") -> tuple[Any, str]:
        with self._lock:
            for worker in self._workers[name]:
                if not worker.in_use:
                    worker.in_use = True
                    return worker, "reused"
            worker = self.Worker()
            worker.in_use = True
            self._workers[name].append(worker)
            return worker, "spawn"

    def release_worker(self, worker: Any) -> None:
        worker.in_use = False


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


@pytest.fixture
def invoke(runtime: Runtime) -> Callable[[threading.Event], None]:
    """Invokes a function whose invocations end when they are let go."""
    starts = Starts(runtime, 2)  # type: ignore[arg-type]

    def invoked(let_go: threading.Event) -> None:
        worker, _ = starts.acquire("f", {"Runtime": "python3.12"}, b"", qualifier="$LATEST")
        if worker._proc is None:
            starts.spawn(worker)
        let_go.wait(10)
        starts.release(worker)

    return invoked


def test_callers_at_once_start_few_and_then_use_what_is_free(
    runtime: Runtime, invoke: Callable[[threading.Event], None]
) -> None:
    let_go = threading.Event()
    let_go.set()
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(invoke, let_go) for _ in range(20)]
        assert until(lambda: len(runtime._workers["f"]) == 2, 5)
        runtime.Worker.started.set()
        for call in calls:
            call.result(10)
    assert 2 <= len(runtime._workers["f"]) <= 20
    assert all(not worker.in_use for worker in runtime._workers["f"])


def test_as_many_start_in_the_end_as_are_needed_at_once(
    runtime: Runtime, invoke: Callable[[threading.Event], None]
) -> None:
    let_go = threading.Event()
    runtime.Worker.started.set()
    with ThreadPoolExecutor(9) as pool:
        calls = [pool.submit(invoke, let_go) for _ in range(9)]
        assert until(lambda: len(runtime._workers["f"]) == 9, 5)
        let_go.set()
        for call in calls:
            call.result(10)


def test_where_too_many_wait_the_next_one_is_throttled(runtime: Runtime) -> None:
    python = {"Runtime": "python3.12"}
    starts = Starts(runtime, 1)  # type: ignore[arg-type]
    first, _ = starts.acquire("f", python, b"")
    with ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(starts.acquire, "f", python, b"") for _ in range(24)]
        assert until(lambda: sum(starts._waiting.values()) == 24, 5)
        assert starts.acquire("f", python, b"") == (None, "func_cap")
        starts._most = 100
        starts.release(first)
        for call in calls:
            assert call.result(10)[0] is not None


def test_an_environment_that_ended_is_started_again_in_its_turn_and_used_last(
    runtime: Runtime, invoke: Callable[[threading.Event], None]
) -> None:
    dead, alive = runtime.Worker(), runtime.Worker()
    alive._proc = SimpleNamespace(poll=lambda: None)
    runtime._workers["f"] += [dead, alive]
    let_go = threading.Event()
    let_go.set()
    invoke(let_go)
    assert dead._proc is None


def test_one_that_cannot_start_leaves_its_turn_to_the_next(runtime: Runtime) -> None:
    def fails(_worker: Any) -> None:
        raise RuntimeError("no process")

    starts = Starts(runtime, 1)  # type: ignore[arg-type]
    starts._spawn = fails
    for _ in range(3):
        worker, _ = starts.acquire("f", {"Runtime": "python3.12"}, b"")
        with pytest.raises(RuntimeError, match="no process"):
            starts.spawn(worker)
        starts.release(worker)
    assert len(runtime._workers["f"]) == 1


@pytest.mark.parametrize(("by_name", "of"), [(True, "python3.12"), (False, "provided.al2023")])
def test_who_invokes_by_name_and_other_runtimes_do_not_wait(runtime: Runtime, by_name: bool, of: str) -> None:
    starts = Starts(runtime, 1)  # type: ignore[arg-type]
    token = invoked_by_name.set(by_name)
    try:
        for _ in range(5):
            starts.acquire("f", {"Runtime": of}, b"")
    finally:
        invoked_by_name.reset(token)
    assert len(runtime._workers["f"]) == 5
