"""The simulation once more, in SimPy, written from `docs/simulation.md` and sharing no code with the other engines.

It takes the same systems and loads, draws with a generator of its own, and so agrees with them in distribution only.
What it leaves out: retries, fetched answers, faults on the way to the API, delivery marks, growth of the table.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from resources.simulation import system as codes
from resources.simulation.system import NEVER, Load, System

Steps = Generator[simpy.Event, Any, Any]


class Tokens:
    """A token bucket in floating point."""

    def __init__(self, environment: simpy.Environment, per_us: float, size: float) -> None:
        self._environment, self._per_us, self._size = environment, per_us, size
        self._level, self._since = size, 0.0

    def take(self, tokens: float = 1) -> bool:
        now = self._environment.now
        self._level = min(self._size, self._level + (now - self._since) * self._per_us)
        self._since = now
        if self._level < tokens - 1e-9:
            return False
        self._level -= tokens
        return True


class SimpyModel:
    """One run; afterwards ``status``, ``responded_us``, ``committed_us``, ``receives`` and ``dead`` say what happened.

    Args:
        system: What gets the load.
        load: The load.
        seed: Of this model's draws.
    """

    def __init__(self, system: System, load: Load, seed: int) -> None:
        self.s, self.load = system, load
        self.random = np.random.default_rng(seed)
        self.env = simpy.Environment()
        count = len(load.due_us)
        self.status = np.zeros(count, np.int64)
        self.responded_us = np.full(count, np.nan)
        self.committed_us = np.full(count, np.nan)
        self.started_us: list[float] = []
        self.receives = np.zeros(count, np.int64)
        self.dead = np.zeros(count, bool)
        self.cold = 0
        self.most_waiting = 0
        self.gateway = Tokens(self.env, system.gateway_rate / 1e9, system.gateway_burst)
        functions = range(len(system.reserved))
        self.busy = [0 for _ in functions]
        self.growth = [Tokens(self.env, system.scaling_rate / 1e9, system.scaling_burst) for _ in functions]
        # Idle environments by the moment at which they are gone; the one that was used last is at the end.
        self.idle = [[self._draw(codes.IDLE) for _ in range(int(system.warm[function]))] for function in functions]
        self.messages: simpy.Store = simpy.Store(self.env)
        self.pollers = self.waiting_pollers = 0

    def run(self) -> "SimpyModel":
        self.env.process(self._arrive())
        if self.s.consumer != NEVER:
            for _ in range(self.s.pollers):
                self.env.process(self._poll())
            self.env.process(self._add_pollers())
        last_us = float(self.load.due_us[-1]) + 600e6
        self.env.run(until=last_us)
        return self

    def _draw(self, stream: int) -> float:
        return float(self.random.choice(self.s.draws[stream]))

    def _down(self, place: int) -> bool:
        kinds = zip(self.s.fault_at, self.s.fault_kind, self.s.fault_start_us, self.s.fault_end_us, strict=True)
        return any(at == place and kind == codes.DOWN and start <= self.env.now < end for at, kind, start, end in kinds)

    def _arrive(self) -> Steps:
        for i, due_us in enumerate(self.load.due_us):
            yield self.env.timeout(due_us - self.env.now)
            self.env.process(self._request(i))

    def _request(self, i: int) -> Steps:
        let_through = self.gateway.take()
        yield self.env.timeout(self._draw(codes.GATEWAY))
        if not let_through:
            return self._answer(i, 429)
        if self.load.queued[i]:
            yield self.env.timeout(self._draw(codes.SEND))
            self.messages.put(i)
            self.most_waiting = max(self.most_waiting, len(self.messages.items))
            return self._answer(i, 202)
        yield self.env.timeout(self._draw(codes.INVOKE))
        done = yield self.env.process(self._invoke(int(self.load.function[i]), [i]))
        if done is None:
            return self._answer(i, self.s.throttled_status)
        if done == "timed out":
            return self._answer(i, 502)
        return self._answer(i, 503 if done else (200 if self.load.query[i] else 201))

    def _answer(self, i: int, status: int) -> None:
        self.status[i], self.responded_us[i] = status, self.env.now

    def _invoke(self, function: int, batch: list[int]) -> Steps:
        """The messages that failed; None where Lambda refuses it, and "timed out"."""
        reserved = self.s.reserved[function]
        others = sum(busy for busy, limit in zip(self.busy, self.s.reserved, strict=True) if limit < 0)
        left = self.s.account_concurrency - sum(limit for limit in self.s.reserved if limit > 0)
        if (self.busy[function] >= reserved) if reserved >= 0 else (others >= left):
            return None
        idle = self.idle[function] = [gone for gone in self.idle[function] if gone > self.env.now]
        if idle:
            idle.pop()
        elif not self.growth[function].take():
            return None
        else:
            self.cold += 1
            self.busy[function] += 1
            yield self.env.timeout(self._draw(codes.PLACEMENT) + self._draw(codes.INIT))
            self.busy[function] -= 1
        self.busy[function] += 1
        self.started_us.append(self.env.now)
        handler = self.env.process(self._handle(function, batch))
        yield handler | self.env.timeout(int(self.s.timeout_us[function]))
        self.busy[function] -= 1
        if handler.is_alive:
            handler.interrupt()
            return "timed out"
        self.idle[function].append(self.env.now + self._draw(codes.IDLE))
        return handler.value

    def _handle(self, function: int, batch: list[int]) -> Steps:
        failed: list[int] = []
        unavailable = False
        try:
            for i in batch:
                if self.load.poison[i] or unavailable:
                    failed.append(i)
                    continue
                yield self.env.timeout(int(self.load.work_us[i]))
                reads = bool(self.load.query[i])
                steps = ["read", "write"] if reads and self.load.queued[i] else ["read" if reads else "write"]
                for step in steps:
                    if self._down(codes.AT_TABLE):
                        yield self.env.timeout(self.s.refused_us)
                        unavailable = True
                        failed.append(i)
                        break
                    began_us = self.env.now
                    yield self.env.timeout(self._draw(codes.READ if step == "read" else codes.WRITE))
                    if np.isnan(self.committed_us[i]) and step == steps[-1]:
                        self.committed_us[i] = began_us
        except simpy.Interrupt:
            pass
        return failed

    def _poll(self) -> Steps:
        self.pollers += 1
        while True:
            self.waiting_pollers += 1
            first = yield self.messages.get()
            self.waiting_pollers -= 1
            batch = [first]
            while self.messages.items and len(batch) < self.s.batch_size:
                batch.append((yield self.messages.get()))
            received_us = self.env.now
            for i in list(batch):
                if self.receives[i] >= self.s.max_receives:
                    self.dead[i] = True
                    batch.remove(i)
                else:
                    self.receives[i] += 1
            if not batch:
                continue
            yield self.env.timeout(self._draw(codes.DELIVERY))
            while True:
                failed = yield self.env.process(self._invoke(self.s.consumer, batch))
                if failed is not None:
                    break
                yield self.env.timeout(self.s.throttle_backoff_us)
                if self.env.now >= received_us + self.s.visibility_us:
                    break
            for i in batch if failed in (None, "timed out") else failed:
                self.env.process(self._show_again(i, received_us + self.s.visibility_us))

    def _show_again(self, i: int, at_us: float) -> Steps:
        yield self.env.timeout(max(0, at_us - self.env.now))
        self.messages.put(i)

    def _add_pollers(self) -> Steps:
        while self.pollers < self.s.max_pollers and self.s.poller_every_us != NEVER:
            yield self.env.timeout(self.s.poller_every_us)
            if self.messages.items and not self.waiting_pollers:
                self.env.process(self._poll())
