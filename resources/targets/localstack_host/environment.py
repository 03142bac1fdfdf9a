"""One execution environment from the outside: a process for a function's code, its invocations, deadlines and logs.

Put here the process and the pipes to it, with the standard library only, so that it is tested without LocalStack. Keep
out what runs in the process (`worker`) and LocalStack's types (`executor`).
"""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .worker import INIT, MARK

_WORKER = str(Path(__file__).with_name("worker.py"))
_INIT_S = 10.0  # as long as AWS gives an environment to get ready
_AFTERMATH_S = 0.2  # for the last words of a process that ended: its children may hold its log open


class InitError(Exception):
    """The function's code could not be loaded. ``payload`` is what its caller sees."""

    def __init__(self, payload: bytes) -> None:
        super().__init__("the environment did not start")
        self.payload = payload


class _TimedOutError(Exception):
    """No answer within the time."""


class _EndedError(Exception):
    """The process ended without an answer."""


@dataclass(frozen=True)
class Invocation:
    """What an environment is asked to do, and for how many seconds at most."""

    request_id: str
    function_arn: str
    payload: str
    trace_id: str
    timeout_s: float


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation: what its caller gets, and its log with Lambda's own lines around the handler's."""

    payload: bytes
    is_error: bool
    logs: str


class Environment:
    """An execution environment, invoked by one caller at a time. A handler that raises keeps its process; one that
    exits, or does not end in time, has a new one at the next invocation, which is cold again.

    Args:
        python: The interpreter.
        code: The folder of the function's code.
        variables: All environment variables of the process.
        version: The function's version, for the log.
        memory_mb: The function's memory, for the log.
    """

    def __init__(self, python: str, code: Path, variables: Mapping[str, str], *, version: str, memory_mb: int) -> None:
        # -P: a function must not import modules from this file's folder.
        self._command, self._code = [python, "-P", _WORKER], code
        self._variables = {**variables, "LAMBDA_TASK_ROOT": str(code)}
        self._version, self._memory_mb = version, memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._log = b""  # logged, and not part of an invocation yet
        self._init_ms: float | None = None  # of a process that was not invoked yet

    def start(self) -> None:
        """Start the process and load the code. Raises `InitError` where that fails."""
        began = time.perf_counter()
        # In this process' group, without a session of its own: what kills the group leaves no orphan.
        self._process = subprocess.Popen(
            self._command,
            cwd=self._code,
            env=self._variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        try:
            answer, log = self._answer(INIT, _INIT_S)
        except _TimedOutError:
            self.stop()
            raise InitError(_error("Sandbox.Timedout", f"Init did not end within {_INIT_S:.0f} seconds")) from None
        except _EndedError:
            raise InitError(_error("Runtime.ExitError", f"Runtime exited during init: {self._ended()}")) from None
        if "error" in answer:
            self.stop()
            raise InitError(answer["error"].encode())
        self._log = log + self._log  # what loading printed is in the first invocation's log
        self._init_ms = 1000 * (time.perf_counter() - began)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Invoke the handler; how that ends is in the outcome."""
        try:
            if self._process is None or self._process.poll() is not None:
                self.stop()
                self.start()
        except InitError as error:
            return self._outcome(invocation, error.payload, is_error=True, log=self._take_log(), took_ms=0, peak_mb=0)
        began, request = time.perf_counter(), invocation.request_id

        def ended(payload: bytes, log: bytes, *, is_error: bool, peak_mb: int = 0) -> Outcome:
            took_ms = 1000 * (time.perf_counter() - began)
            return self._outcome(invocation, payload, is_error=is_error, log=log, took_ms=took_ms, peak_mb=peak_mb)

        try:
            self._ask(invocation)
            answer, log = self._answer(request, invocation.timeout_s)
        except _TimedOutError:
            words = f"Task timed out after {invocation.timeout_s:.2f} seconds"
            self.stop()
            log = self._take_log() + f"{_now()} {request} {words}\n".encode()
            return ended(_error("Sandbox.Timedout", f"RequestId: {request} Error: {words}"), log, is_error=True)
        except _EndedError:
            words = f"RequestId: {request} Error: Runtime exited with error: {self._ended()}"
            log = self._take_log() + f"{words}\nRuntime.ExitError\n".encode()
            return ended(_error("Runtime.ExitError", words), log, is_error=True)
        raised = "error" in answer
        payload = answer["error" if raised else "result"].encode()
        if raised:
            log += b"[ERROR] " + payload + b"\n"
        return ended(payload, log, is_error=raised, peak_mb=answer["peak_mb"])

    def stop(self) -> None:
        """End the process. Stopping twice is fine; its log is kept for the next invocation."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        self._log += _rest(process)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def pending_logs(self) -> str:
        """What was logged and is not part of an invocation yet."""
        return self._log.decode(errors="replace")

    def _ask(self, invocation: Invocation) -> None:
        request = {
            "invoke-id": invocation.request_id,
            "invoked-function-arn": invocation.function_arn,
            "payload": invocation.payload,
            "trace-id": invocation.trace_id,
            "timeout_s": invocation.timeout_s,
        }
        assert self._process is not None  # noqa: S101 - started by `invoke`
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        rest = memoryview(json.dumps(request).encode() + b"\n")
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) :]
        except BrokenPipeError:
            raise _EndedError from None

    def _answer(self, name: str, within_s: float) -> tuple[dict[str, Any], bytes]:
        """The next answer, and the log up to the mark ``name``. Both pipes are read by this thread alone, so that no
        line of a log is late and found in the next invocation's.
        """
        process = self._process
        assert process is not None  # noqa: S101 - started before an answer is waited for
        mark = f"{MARK}{name}{MARK}".encode()
        line = b""
        deadline = time.monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None  # noqa: S101 - a pipe
                selector.register(pipe, selectors.EVENT_READ)
            while not (line.endswith(b"\n") and mark in self._log):
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise _TimedOutError
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        # A process that ends right after its answer may close one pipe before the other is read.
                        selector.unregister(key.fileobj)
                        if not selector.get_map() or (key.fileobj is process.stdout and not line.endswith(b"\n")):
                            raise _EndedError
                    elif key.fileobj is process.stdout:
                        line += data
                    else:
                        self._log += data
        log, _, self._log = self._log.partition(mark)
        return json.loads(line), log

    def _ended(self) -> str:
        """How the process that ended by itself did."""
        process = self._process
        assert process is not None  # noqa: S101 - it has just ended
        status = process.wait()
        self.stop()
        return f"exit status {status}" if status >= 0 else f"signal {-status}"

    def _take_log(self) -> bytes:
        log, self._log = self._log, b""
        return log if not log or log.endswith(b"\n") else log + b"\n"

    def _outcome(
        self, invocation: Invocation, payload: bytes, *, is_error: bool, log: bytes, took_ms: float, peak_mb: int
    ) -> Outcome:
        report = (
            f"REPORT RequestId: {invocation.request_id}\tDuration: {took_ms:.2f} ms"
            f"\tBilled Duration: {-(-took_ms // 1):.0f} ms\tMemory Size: {self._memory_mb} MB"
            f"\tMax Memory Used: {peak_mb} MB"
        )
        if self._init_ms is not None:
            report += f"\tInit Duration: {self._init_ms:.2f} ms"
            self._init_ms = None
        text = log.decode(errors="replace")
        logs = (
            f"START RequestId: {invocation.request_id} Version: {self._version}\n"
            f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}"
            f"END RequestId: {invocation.request_id}\n{report}\n"
        )
        return Outcome(payload, is_error, logs)


def _rest(process: "subprocess.Popen[bytes]") -> bytes:
    """What is left in the log of a process that is ending."""
    pipe, rest = process.stderr, b""
    if pipe is None or pipe.closed:
        return rest
    deadline = time.monotonic() + _AFTERMATH_S
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            data = os.read(pipe.fileno(), 1 << 16)
            if not data:
                break
            rest += data
    return rest


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
