"""How many requests may be sent where they are paid for, and how many were.

Put here the ceiling for every replay and warm-up of a process. Keep out the estimate of what they will cost
(`resources.lab.budget`).
"""

import math
import threading
from dataclasses import dataclass, field

from workloads.errors import ArchduelError
from workloads.replay.client import Client, Gauge, Responses
from workloads.replay.schedule import Schedule


@dataclass
class Spending:
    """How many ``requests`` were sent so far, of ``max_requests`` for ``max_usd``; each costs ``usd_per_request``."""

    max_requests: int
    max_usd: float
    usd_per_request: float
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def left(self) -> int:
        """How many requests more are under both ceilings."""
        by_usd = math.floor(self.max_usd / self.usd_per_request) if self.usd_per_request else self.max_requests
        return max(0, min(self.max_requests, by_usd) - self.requests)

    def take(self, requests: int) -> None:
        """Count requests that are about to be sent.

        Raises `ArchduelError`, and counts nothing, where they would be over a ceiling.
        """
        with self._lock:
            after = self.requests + requests
            if after > self.max_requests:
                raise ArchduelError(
                    f"{requests:,} requests more than the {self.requests:,} sent would be over the ceiling of"
                    f" {self.max_requests:,}: raise it with --most-requests, or lower --limit or --repetitions"
                )
            if after * self.usd_per_request > self.max_usd:
                raise ArchduelError(
                    f"{after:,} requests may cost {after * self.usd_per_request:.2f} USD, over the ceiling of"
                    f" {self.max_usd:.2f} USD: raise it with --most-usd, or lower --limit or --repetitions"
                )
            self.requests = after


@dataclass(frozen=True)
class MeteredClient:
    """A load generator whose requests are counted before they are sent."""

    client: Client
    spending: Spending

    def prepare(self, schedule: Schedule, url: str) -> None:
        """As `Client.prepare`."""
        self.client.prepare(schedule, url)

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """As `Client.send`.

        Raises:
            ArchduelError: All requests would be over a ceiling, and none was sent; or what the client sends besides,
                retries and fetches, came to the ceiling, and was ended there.
        """
        self.spending.take(len(schedule))
        allowed = self.spending.left
        gauge.extra_left = allowed
        try:
            responses = self.client.send(schedule, url, start_ns, gauge)
        finally:
            self.spending.take(round(allowed - gauge.extra_left))
        if gauge.held_back:
            raise ArchduelError(
                f"retries and fetches came to the ceiling after {self.spending.requests:,} requests: raise it with"
                " --most-requests or --most-usd, or lower --limit, --repetitions or --client-retries"
            )
        return responses
