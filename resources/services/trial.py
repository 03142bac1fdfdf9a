"""A trial: one request to each of a service's routes, before anything is replayed.

Put here what a trial sends and what it finds. Keep out starting the bench it runs on (`resources.lab.bench`).
"""

import http.client
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resources.services.model import Service
from workloads.recordings.recording import Recording
from workloads.replay.schedule import Schedule, schedule, split_url

MAX_ROUTES = 10
_TIMEOUT_S = 29.0
_MAX_CHARACTERS = 300


@dataclass(frozen=True)
class Tried:
    """One request of a trial.

    Attributes:
        route: Its route, as the recording has it.
        status: What was answered; None for no answer.
        body: The beginning of the answer.
    """

    route: str
    status: int | None
    body: str

    @property
    def works(self) -> bool:
        """Whether the service answered, whatever it meant."""
        return self.status is not None and self.status < 500

    def sentence(self) -> str:
        """What came of it, in a line."""
        came = "no answer" if self.status is None else str(self.status)
        return f"{self.route}: {came}{f' {self.body}' if self.body and not self.works else ''}"


def requests_of(recording: Recording, seed: int) -> tuple[list[str], Schedule]:
    """The first request of each of a recording's busiest routes, and these routes. Commands come first."""
    counts: dict[str, list[int]] = {}
    operations = recording.table.column("operation").to_pylist()
    for at, route in enumerate(recording.routes):
        counts.setdefault(route, []).append(at)
    busiest = sorted(counts, key=lambda route: -len(counts[route]))[:MAX_ROUTES]
    first = sorted((counts[route][0] for route in busiest), key=lambda at: (operations[at] != "command", at))
    routes = [recording.routes[at] for at in first]
    chosen = Recording(recording.name, recording.table.take(first), recording.bodies)
    return routes, schedule(chosen, speed=1.0, seed=seed, recorded_routes=True)


def unused(service: Service, recording: Recording) -> list[str]:
    """The service's routes that no request of a recording has, as far as both name them alike; greedy ones aside."""
    recorded = {_shape(route) for route in set(recording.routes)}
    methods = {method for method, _ in recorded}
    return [
        route
        for route in (route for part in service.parts for route in part.routes)
        if "+}" not in route
        and not {(method, _shape(route)[1]) for method in (methods if route.startswith("ANY ") else {_shape(route)[0]})}
        & recorded
    ]


def _shape(route: str) -> tuple[str, str]:
    """A route's method, and its path with every placeholder alike."""
    method, _, path = route.partition(" ")
    return "GET" if method == "HEAD" else method, re.sub(r"\{[^/]*\}|\*", "{}", path)


def trial(url: str, routes: Sequence[str], offered: Schedule) -> Iterator[Tried]:
    """Send these requests to an API, one after another.

    Args:
        url: The API's URL.
        routes: What each is to the recording.
        offered: The requests.

    Yields:
        What came of each.
    """
    host, port, base = split_url(url)
    for index, route in enumerate(routes):
        head, _, body = offered.message(index, base, host).partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, target, body or None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            yield Tried(route, answer.status, _shortened(answer.read()))
        except (OSError, http.client.HTTPException) as error:
            yield Tried(route, None, str(error))
        finally:
            connection.close()


def _shortened(body: bytes) -> str:
    return re.sub(r"\s+", " ", body.decode("utf-8", "replace"))[:_MAX_CHARACTERS]
