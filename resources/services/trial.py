"""A trial: one request to each of a service's routes, before anything is replayed.

Put here what a trial sends and what it finds. Keep out starting the bench it runs on (`resources.lab.bench`).
"""

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from resources.services.model import Service
from workloads.recordings.recording import Operation, Recording
from workloads.recordings.routes import NO_TEMPLATE, Template
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
        operation: What the request is.
        template: How it was sent, by the mapping.
    """

    route: str
    status: int | None
    body: str
    operation: Operation = "command"
    template: Template = NO_TEMPLATE

    @property
    def works(self) -> bool:
        """Whether the service answered, whatever it meant."""
        return self.status is not None and self.status < 500

    @property
    def doubt(self) -> str | None:
        """Why what was answered may not be what is wanted, though it works; None for no doubt.

        A query may find nothing: what it asks for is made in the course of a replay.
        """
        if self.status is None or not self.works:
            return None
        expected = self.template.statuses
        if expected and not any(least <= self.status <= most for least, most in expected):
            return f"which its mapping does not count as success ({self.template.success})"
        if expected or self.status < 400 or (self.status == 404 and self.operation == "query"):
            return None
        return "which counts as done: give it a body or headers that the handler takes, or success, in the mapping"

    def sentence(self) -> str:
        """What came of it, in a line."""
        came = "no answer" if self.status is None else str(self.status)
        said = f" {self.body}" if self.body and (self.doubt or not self.works) else ""
        return f"{self.route}: {came}{said}{f', {self.doubt}' if self.doubt else ''}"


def requests_of(recording: Recording, seed: int) -> Schedule:
    """The first request of each of a recording's busiest routes. Commands come first."""
    counts: dict[str, list[int]] = {}
    operations = recording.table.column("operation").to_pylist()
    routes = recording.routes
    for at, route in enumerate(routes):
        counts.setdefault(route, []).append(at)
    busiest = sorted(counts, key=lambda route: -len(counts[route]))[:MAX_ROUTES]
    first = sorted((counts[route][0] for route in busiest), key=lambda at: (operations[at] != "command", at))
    chosen = Recording(recording.name, recording.table.take(first), recording.templates)
    found = schedule(chosen, speed=1.0, seed=seed, recorded_routes=True)
    return replace(found, routes=[routes[at] for at in first])


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


def trial(url: str, offered: Schedule) -> Iterator[Tried]:
    """Send these requests to an API, one after another.

    Args:
        url: The API's URL.
        offered: The requests.

    Yields:
        What came of each.
    """
    host, port, base = split_url(url)
    for index, route in enumerate(offered.routes):
        head, _, body = offered.message(index, base, host).partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        method, target, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        status: int | None = None
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, target, body or None, headers)
            answer = connection.getresponse()
            status, said = answer.status, _shortened(answer.read())
        except (OSError, http.client.HTTPException) as error:
            said = str(error)
        finally:
            connection.close()
        yield Tried(route, status, said, offered.operations[index], offered.templates.get(route, NO_TEMPLATE))


def _shortened(body: bytes) -> str:
    return re.sub(r"\s+", " ", body.decode("utf-8", "replace"))[:_MAX_CHARACTERS]
