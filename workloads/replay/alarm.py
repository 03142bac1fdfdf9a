"""A timer that rings at an absolute moment of CLOCK_MONOTONIC, to some microseconds.

Put here how a moment is waited for. Keep out what is done then (`workloads.replay.keep_alive`).

uvloop's own timers tick in milliseconds, and a relative sleep drifts. Linux's timerfd does neither: it becomes readable
when its moment has come, and an event loop reads it like a socket.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

_NS_PER_S = 1_000_000_000
_CLOCK_MONOTONIC, _ABSOLUTE = 1, 1  # the kernel's numbers, for Pythons without `os.timerfd_create`
_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class Alarm(Protocol):
    """Rings once for each time it was set; setting it again replaces the moment."""

    def set(self, at_ns: int) -> None:
        """Ring at a moment of CLOCK_MONOTONIC, in nanoseconds; at once where it is over."""

    def close(self) -> None:
        """Ring no more."""


def alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """The best alarm that this machine has for ``loop``. ``ring`` must set it anew, or `Alarm.close` it."""
    with suppress(OSError, AttributeError):  # no timerfd here, as on macOS
        return TimerAlarm(loop, ring)
    return LoopAlarm(loop, ring)


class _Span(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Span), ("value", _Span))


class TimerAlarm:
    """An alarm by timerfd. Raises `OSError` or `AttributeError` on a machine without."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._set: Callable[[int], object]
        if sys.version_info >= (3, 13):
            self._fd = os.timerfd_create(os.CLOCK_MONOTONIC, flags=_FLAGS)
            self._set = lambda at_ns: os.timerfd_settime_ns(self._fd, flags=os.TFD_TIMER_ABSTIME, initial=at_ns)
        else:
            self._fd, self._set = _timerfd()
        loop.add_reader(self._fd, ring)

    def set(self, at_ns: int) -> None:
        # 0 would switch it off. Setting it takes back what it has to say, so that it need not be read.
        self._set(max(at_ns, 1))

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


def _timerfd() -> tuple[int, Callable[[int], object]]:
    """A timerfd by the C library, and what sets it to a moment in nanoseconds."""
    library = ctypes.PyDLL(None, use_errno=True)  # these calls never block, so that giving up the GIL is in vain
    fd = library.timerfd_create(_CLOCK_MONOTONIC, _FLAGS)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create failed")
    setting = _Setting()
    value, address, settime = setting.value, ctypes.byref(setting), library.timerfd_settime

    def set_to(at_ns: int) -> None:
        value.seconds, value.nanoseconds = divmod(at_ns, _NS_PER_S)
        settime(fd, _ABSOLUTE, address, None)

    return fd, set_to


class LoopAlarm:
    """An alarm by the loop's own timers, which uvloop has tick in milliseconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int) -> None:
        self.close()
        self._handle = self._loop.call_at(at_ns / _NS_PER_S, self._ring)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
