"""A recording session: the proxy, the journal it fills, and a recording in the library when it ends.

Put here when requests are written down, signals, and how a session ends. Keep out printing: a `Watcher` does that.

Everything runs in one process, and nothing is started that could be left behind.
"""

import asyncio
import dataclasses
import gc
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import uvloop

from resources.recorder.proxy import Proxy, Settings
from workloads.errors import ArchduelError
from workloads.importers.rules.classify import EVERYTHING, Rules
from workloads.importers.rules.privacy import library_key
from workloads.live.journal import Journal, journal
from workloads.live.recovery import recover
from workloads.live.whole import Account
from workloads.places import Places
from workloads.recordings.library import Library

_WRITE_S = 0.3  # between two writes: together with one, within the second that a kill may cost
_SWEEP_S = 1.0
_GRACE_S = 5.0
_MAX_FILES = 200_000
_THREAD_SWITCH_S = 0.0005  # how long writing keeps a request waiting for the interpreter; 5 ms by default


@dataclass(frozen=True)
class Figures:
    """The state of a recording: counts of requests after ``seconds``; ``down`` is why the upstream does not answer."""

    seconds: float
    seen: int
    recorded: int
    dropped: int
    refused: int
    upstream_errors: int
    down: str | None


class Watcher(Protocol):
    """Is called with the progress of a recording."""

    def listening(self, host: str, port: int) -> None:
        """Clients can connect to ``host`` and ``port``."""

    def goes_on(self, figures: Figures) -> None:
        """Called a few times a second."""


def record_traffic(
    places: Places,
    name: str,
    settings: Settings,
    watcher: Watcher,
    *,
    rules: Rules = EVERYTHING,
    replace: bool = False,
    minutes: float | None = None,
) -> Account:
    """Record what passes until SIGINT or SIGTERM arrives or ``minutes`` are over. Requests under way get five more
    seconds, or until a second signal. If the process is killed or fails, all but the last second is on the disk and
    becomes a recording when the next command recovers the library. To be called in a process's main thread.

    Args:
        places: The home.
        name: The recording's name.
        settings: Of the proxy.
        watcher: Called with its progress.
        rules: Which requests are recorded, and as what.
        replace: Whether a recording of that name is replaced.
        minutes: After how long it ends by itself.

    Returns:
        The account of what was recorded.

    Raises:
        ArchduelError: The port is taken, the recording cannot be written, or no request came.
    """
    library = Library(places)
    with _many_files() as files, library.keeping(name, replace=replace) as folder:
        settings = dataclasses.replace(settings, max_connections=_connections_within(files))
        try:
            with journal(folder, library_key(places.recordings), rules) as written:
                uvloop.run(_serve(settings, written, watcher, minutes))
        except (OSError, duckdb.Error) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise ArchduelError(
                f"recording {name!r} could not be written: {reason}; what was recorded is kept, and becomes a recording"
                " at the next archduel command"
            ) from error
    return _made_whole(library, folder)


def _made_whole(library: Library, folder: Path) -> Account:
    recovery = recover(library)
    if failure := recovery.failures.get(folder):
        raise failure
    account = recovery.accounts.get(folder)
    if account is None:
        raise ArchduelError("no request to record came: nothing is kept")
    return account


async def _serve(settings: Settings, written: Journal, watcher: Watcher, minutes: float | None) -> None:
    loop = asyncio.get_running_loop()
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    proxy = Proxy(settings)
    with _undisturbed():
        await proxy.listen()
        watcher.listening(settings.listen_host, proxy.port)
        began_s = swept_s = time.monotonic()
        ends_s = began_s + 60 * minutes if minutes is not None else float("inf")
        try:
            while not stop.is_set() and (now_s := time.monotonic()) < ends_s:
                await asyncio.to_thread(written.write, proxy.take())
                watcher.goes_on(_figures(proxy, written, now_s - began_s))
                if now_s - swept_s >= _SWEEP_S:
                    swept_s = now_s
                    proxy.sweep(now_s)
                wait_s = min(now_s + _WRITE_S, ends_s) - time.monotonic()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), max(0.0, wait_s))
        finally:
            stop.set()
            await proxy.stop(_GRACE_S, hurry)
        await asyncio.to_thread(written.write, proxy.take())
        written.close(proxy.seen)
        watcher.goes_on(_figures(proxy, written, time.monotonic() - began_s))


def _figures(proxy: Proxy, written: Journal, seconds: float) -> Figures:
    refused = proxy.refused.total()
    return Figures(seconds, proxy.seen, written.recorded, written.dropped, refused, proxy.upstream_errors, proxy.down)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A context in which requests do not wait for garbage collection of what is imported, nor for long for writing."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_THREAD_SWITCH_S)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before_s)


@contextmanager
def _many_files() -> Iterator[int]:
    """A context in which as many files may be open as the machine allows, and how many that are."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems report more than they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        yield _MAX_FILES if files == resource.RLIM_INFINITY else min(files, _MAX_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def _connections_within(files: int) -> int:
    """How many clients may be connected so that the journal can always be written.

    Each needs a file of its own and one towards the server, and may leave behind an idle one. A quarter of the files is
    for connections that are being turned away, and for the journal.
    """
    return max(1, (files - files // 4) // 3)
