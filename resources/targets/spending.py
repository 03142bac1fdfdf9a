"""How many requests may be sent where they are paid for, and how many were.

Put here the ceiling for every replay and warm-up of a process. Keep out the estimate of what they will cost
(`resources.lab.budget`).
"""

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

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """As `Client.send`; `ArchduelError` before the first request where all of them would be over a ceiling."""
        self.spending.take(len(schedule))
        return self.client.send(schedule, url, start_ns, gauge)
