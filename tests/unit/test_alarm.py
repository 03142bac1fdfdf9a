"""Alarms ring at their moment, not before."""

import asyncio
import sys
import time
from collections.abc import Callable

import pytest
import uvloop

from workloads.replay.alarm import Alarm, LoopAlarm, TimerAlarm, alarm

Make = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Alarm]


def rung(make: Make, moments_ms: list[float]) -> list[float]:
    """How late it rang at each of the moments, one after the other, in milliseconds."""
    late: list[float] = []

    async def run() -> None:
        start, over = time.monotonic_ns(), asyncio.Event()
        due_ns = [start + round(one * 1e6) for one in moments_ms]

        def ring() -> None:
            if (now := time.monotonic_ns()) >= due_ns[len(late)]:  # a loop's timer may be early by its tick
                late.append((now - due_ns[len(late)]) / 1e6)
            if len(late) < len(due_ns):
                one.set(due_ns[len(late)])
            else:
                one.close()
                over.set()

        one = make(asyncio.get_running_loop(), ring)
        one.set(due_ns[0])
        await asyncio.wait_for(over.wait(), 10)

    uvloop.run(run())
    return late


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(LoopAlarm, id="the loop's timers"),
        pytest.param(
            TimerAlarm, id="timerfd", marks=pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")
        ),
    ],
)
def test_rings_once_for_each_moment_also_for_one_that_is_over(make: Make) -> None:
    late_ms = rung(make, [5, 5.2, 20, 20, -3, 30])
    assert len(late_ms) == 6
    assert min(late_ms) >= 0


def test_a_later_setting_replaces_the_one_before() -> None:
    rings: list[float] = []

    async def run() -> None:
        start = time.monotonic()

        def ring() -> None:
            rings.append(time.monotonic() - start)
            one.set(time.monotonic_ns() + 60_000_000_000)

        one = alarm(asyncio.get_running_loop(), ring)
        one.set(time.monotonic_ns() + 10_000_000)
        one.set(time.monotonic_ns() + 40_000_000)
        await asyncio.sleep(0.08)
        one.close()

    uvloop.run(run())
    assert len(rings) == 1
    assert rings[0] >= 0.04


@pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")
def test_linux_has_the_exact_one() -> None:
    async def kind() -> type[Alarm]:
        one = alarm(asyncio.get_running_loop(), lambda: None)
        one.close()
        return type(one)

    assert uvloop.run(kind()) is TimerAlarm
