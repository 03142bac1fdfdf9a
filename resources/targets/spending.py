"""How many requests may be sent where they are paid for, and how many were.

Belongs here: the ceiling that every replay and warm-up of a process meets. What they will come to is
`resources.lab.budget`.
"""

import threading
from dataclasses import dataclass, field

from workloads.errors import ArchduelError
from workloads.replay.client import Client, Gauge, Responses
from workloads.replay.schedule import Schedule


@dataclass
class Spending:
    """What was sent so far, of at most ``most_requests`` for at most ``most_usd``; each costs ``usd_per_request``."""

    most_requests: int
    most_usd: float
    usd_per_request: float
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, requests: int) -> None:
        """Count what is about to be sent; `ArchduelError`, and nothing counted, where that would be too much."""
        with self._lock:
            after = self.requests + requests
            if after > self.most_requests:
                raise ArchduelError(
                    f"{requests:,} requests more than the {self.requests:,} sent would be over the ceiling of"
                    f" {self.most_requests:,}: raise it with --most-requests, or lower --limit or --repetitions"
                )
            if after * self.usd_per_request > self.most_usd:
                raise ArchduelError(
                    f"{after:,} requests may cost {after * self.usd_per_request:.2f} USD, over the ceiling of"
                    f" {self.most_usd:.2f} USD: raise it with --most-usd, or lower --limit or --repetitions"
                )
            self.requests = after


@dataclass(frozen=True)
class MeteredClient:
    """A load generator whose every request is counted before it is sent."""

    client: Client
    spending: Spending

    def send(self, schedule: Schedule, url: str, start_ns: int, gauge: Gauge) -> Responses:
        """As ``client`` does; `ArchduelError` before the first request where all of them would be too many."""
        self.spending.take(len(schedule))
        return self.client.send(schedule, url, start_ns, gauge)
