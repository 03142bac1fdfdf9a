"""How long a service's handlers took in replays of this home, which is what a simulation of it has them take.

Put here reading that from stored observations. Keep out simulating (`resources.lab.simulating`), and work as it was
recorded (`workloads.replay.work`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resources.warehouse.observations import ObservationStore, Tables
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.replay.work import LONGEST_US, MEASURED, Work

_STEADY = "steady"

Microseconds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """The handlers' times in one comparison.

    Attributes:
        comparison: Where they were measured.
        by_route: By route, in microseconds.
    """

    comparison: str
    by_route: dict[str, Microseconds]

    def work(self, routes: list[str], seed: int) -> Work:
        """How long handlers work on requests: as long as one of the same route did, drawn by the seed; of a route that
        was never measured, as long as any did.
        """
        draws = np.random.default_rng(seed)
        everything = np.concatenate(list(self.by_route.values()))
        us = np.zeros(len(routes), np.int64)
        named = np.array(routes, dtype=object)
        for route in sorted(set(routes)):
            which = named == route
            us[which] = draws.choice(self.by_route.get(route, everything), int(which.sum()))
        return Work(f"{MEASURED} in {self.comparison}", np.minimum(us, LONGEST_US))


def measured(places: Places, service: str) -> Measured | None:
    """The handlers' times in the newest comparison of a service that has any, without faults; None where none has.

    Args:
        places: The home.
        service: The name with which the service is kept: of another digest nothing counts.
    """
    store = ObservationStore(places)
    for folder in sorted(places.observations.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True):
        found: dict[str, list[Microseconds]] = {}
        for tables in _observed(store, folder.name, service):
            routes = dict(
                zip(*(tables["sent"].column(name).to_pylist() for name in ("request_id", "route")), strict=True)
            )
            for record in tables["records"].select(["request_id", "worked_us"]).to_pylist():
                if record["worked_us"] is not None and (route := routes.get(record["request_id"])):
                    found.setdefault(route, []).append(record["worked_us"])
        if found:
            return Measured(folder.name, {route: np.array(times, np.int64) for route, times in found.items()})
    return None


def _observed(store: ObservationStore, comparison: str, service: str) -> Iterator[Tables]:
    """The observations of a comparison's replays of a service that ran without faults."""
    for partition in (store.places.observations / comparison).glob("*/*"):
        try:
            tables = store.read(comparison, partition.parent.name, partition.name)
        except (ArchduelError, OSError):
            continue  # being written, or of an older version
        for row in tables["experiments"].to_pylist():
            is_own = json.loads(row["config"]).get("service") == service and row["evidence"] == "observed"
            if is_own and row["scenario"] == _STEADY and not row["invalid_reason"]:
                yield tables
                break
