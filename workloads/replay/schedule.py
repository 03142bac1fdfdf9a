"""The schedule of a replay: a recording turned into requests of the lab's API.

Put here due times, request lines, bodies and ids. Keep out sending them (`workloads.replay.client`).
"""

import base64
import hashlib
import json
import random
import re
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import numpy.typing as npt

from workloads.recordings.recording import Operation, Recording, listed
from workloads.recordings.routes import NO_TEMPLATE, Template
from workloads.replay.bodies import rendered, rendered_headers

WARM_UP_PREFIX = "warm-"
LAB_FIELD = "archduel"  # of the query: what the lab has to know of a request with a recorded route
RECORDED_RESULTS = "archduel-results"  # where answers are fetched by their ticket, beside recorded routes
SENT_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # as `sent_as` has them
_SAFE_IN_A_PATH = "/:@!$&'()*+,;=~%-._"
_NOTHING: npt.NDArray[np.int64] = np.zeros(0, np.int64)
_TEXT_SEED, _TEXT_LETTERS = 1, 65_521  # a prime, so that few bodies of one size begin alike
_compact = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` would make an encoder for each body
_NO_DETAILS = '"details":""'
_PLAIN_KEY = re.compile(r"(?!e-)[A-Za-z0-9_-]{1,64}")  # what looks like a digest is hashed, too


def order_id(entity: str) -> str:
    """Return the key under which the lab stores an entity: itself where it is plain, else a digest of it.

    Recorded entities may be paths of any length and alphabet; every gateway passes on a digest unchanged.
    """
    if _PLAIN_KEY.fullmatch(entity):
        return entity
    return "e-" + hashlib.blake2b(entity.encode(), digest_size=12).hexdigest()


def sealed(known: Mapping[str, Any]) -> str:
    """What the lab has to know of a request, in letters that need no escape in a URL, a template or a message."""
    plain = json.dumps(known, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def opened(message: str) -> dict[str, Any]:
    """What the lab knows of a queued request: its message is JSON, or has that sealed in its first line.

    Returns:
        Its fields; none where it cannot be read.
    """
    first, behind, _ = message.partition("\n")
    try:
        plain = base64.urlsafe_b64decode(f"{first}==") if behind and re.fullmatch(r"[\w-]+", first) else message
        fields = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def sent_as(method: str) -> str:
    """The method with which a recorded request is sent: the answer to a HEAD has no body to be told from its length."""
    return "GET" if method == "HEAD" else method


@dataclass(frozen=True)
class Schedule:
    """Requests in the order in which they are due. All sequences have the same length, but ``routes`` may be empty.

    Attributes:
        request_ids: Unique.
        operations: "command" or "query".
        entities: What each is about, as recorded.
        order_ids: The lab's keys of ``entities``, see `order_id`.
        payload_bytes: The size of a command's body; 0 for queries.
        due_us: When each is due, in microseconds since the replay's start.
        seed: What fills the bodies.
        extras: By index, additional fields of a command's body: what a scenario does to the traffic.
        routes: What each is to the recording, such as ``GET /orders/{order}``; empty where they are in no table.
        recorded_us: How long each answer took when it was recorded, in microseconds; -1 where that is not known, and
            empty where nothing is.
        work_us: How long the handler is asked to work on each, in microseconds; empty where it is not asked to.
        methods: How each is sent; empty where all go to the routes of the lab's own API.
        paths: And where to, as recorded. What the lab has to know of a request then travels in the query, under
            `LAB_FIELD`, and the body is the service's own.
        templates: By route, what is sent besides method and path; other bodies are made up.
        numbers: The place of each in the whole replay, where this is a part of its schedule; empty where it is all.
    """

    request_ids: list[str]
    operations: list[Operation]
    entities: list[str]
    order_ids: list[str]
    payload_bytes: list[int]
    due_us: npt.NDArray[np.int64]
    seed: int
    extras: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    recorded_us: npt.NDArray[np.int64] = field(default_factory=lambda: _NOTHING)
    work_us: npt.NDArray[np.int64] = field(default_factory=lambda: _NOTHING)
    methods: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    templates: Mapping[str, Template] = field(default_factory=dict)
    numbers: npt.NDArray[np.int64] = field(default_factory=lambda: _NOTHING)

    def __len__(self) -> int:
        return len(self.request_ids)

    @property
    def duration_us(self) -> int:
        """When the last request is due, in microseconds since the start; 0 for none."""
        return int(self.due_us[-1]) if len(self) else 0

    def message(self, index: int, base: str, host: str) -> bytes:
        """Return a request as HTTP/1.1.

        Args:
            index: Its index in the schedule.
            base: The path of the API's URL, without a slash at its end.
            host: The value of the Host header.
        """
        request_id, order = self.request_ids[index], self.order_ids[index]
        work = {"work_us": int(self.work_us[index])} if len(self.work_us) else {}
        if self.paths:
            return self._as_recorded(index, base, host, {**work, **self.extras.get(index, {})})
        if self.operations[index] == "query":
            asked = "".join(f"&{name}={value}" for name, value in work.items())
            return _get(f"{base}/orders/{quote(order, safe='')}?request_id={quote(request_id, safe='')}{asked}", host)
        extra = {**work, **self.extras.get(index, {})}
        body = _body(order, request_id, self.payload_bytes[index], self.seed, extra)
        return _send("POST", f"{base}/orders", host, body)

    def _as_recorded(self, index: int, base: str, host: str, more: Mapping[str, Any]) -> bytes:
        request_id, operation = self.request_ids[index], self.operations[index]
        method, path = self.methods[index], self.paths[index]
        template = self.templates.get(self.routes[index], NO_TEMPLATE) if self.routes else NO_TEMPLATE
        seed = f"{self.seed}/{request_id}"
        filling: dict[str, Any] = {
            "entity": self.entities[index],
            "request_id": request_id,
            "number": int(self.numbers[index]) if len(self.numbers) else index,
            "seed": seed,
        }
        headers = rendered_headers(template.headers, **filling) if template.headers else {}
        known = {
            "request_id": request_id,
            "order_id": self.order_ids[index],
            "operation": operation,
            "method": method,
            "path": path,
            # A message has no headers: those of the mapping are among what is known of the request.
            **({"headers": headers} if headers else {}),
            **({"success": template.success} if template.success else {}),
            **more,
        }
        target = f"{base}{path}?{LAB_FIELD}={sealed(known)}"
        if method == "GET":
            return _get(target, host, headers)
        if template.body is None:
            body = filled({"details": ""}, self.payload_bytes[index], seed)
        else:
            body = rendered(template.body, **filling)
        return _send(method, target, host, body.encode(), headers)

    def fetch(self, index: int, base: str, host: str) -> bytes:
        """Return the request for a queued query's answer, for which the query's id is the ticket. As `message`."""
        results = RECORDED_RESULTS if self.paths else "results"
        return _get(f"{base}/{results}/{quote(self.request_ids[index], safe='')}", host)

    def taken(self, indices: npt.NDArray[np.int64]) -> "Schedule":
        """The requests with these indices, which are in ascending order."""
        chosen = indices.tolist()

        def of(values: list[Any]) -> list[Any]:
            return [values[index] for index in chosen] if values else []

        return Schedule(
            request_ids=of(self.request_ids),
            operations=of(self.operations),
            entities=of(self.entities),
            order_ids=of(self.order_ids),
            payload_bytes=of(self.payload_bytes),
            due_us=self.due_us[indices],
            seed=self.seed,
            extras={at: self.extras[index] for at, index in enumerate(chosen) if index in self.extras},
            routes=of(self.routes),
            recorded_us=self.recorded_us[indices] if len(self.recorded_us) else self.recorded_us,
            work_us=self.work_us[indices] if len(self.work_us) else self.work_us,
            methods=of(self.methods),
            paths=of(self.paths),
            templates=self.templates,
            numbers=self.numbers[indices] if len(self.numbers) else indices,
        )

    def seeded_order_ids(self) -> list[str]:
        """The orders that must exist before the replay: those queried before, or without, a command that makes them."""
        made: set[str] = set()
        seeded: dict[str, None] = {}
        for operation, order in zip(self.operations, self.order_ids, strict=True):
            if operation == "command":
                made.add(order)
            elif order not in made:
                seeded[order] = None
        return list(seeded)


def schedule(
    recording: Recording,
    *,
    speed: float,
    seed: int,
    longest_pause_s: float | None = None,
    work_us: npt.NDArray[np.int64] = _NOTHING,
    recorded_routes: bool = False,
) -> Schedule:
    """Make the schedule of a replay. The same arguments give the same requests, byte for byte.

    Args:
        recording: What is replayed.
        speed: A factor on recorded time: at 5.0 five recorded seconds take one.
        seed: What fills the bodies.
        longest_pause_s: Longer pauses, in seconds of the replay, are cut to it; None keeps them.
        work_us: How long handlers are asked to work on each request (`workloads.replay.work`); empty for not at all.
        recorded_routes: Whether requests go to their recorded paths, with their recorded methods.
    """
    table = recording.table
    ids = [str(request_id) for request_id in table.column("request_id").to_pylist()]
    entities = [
        entity if entity is not None else f"new-{request_id}"  # a command without an entity makes a new one
        for entity, request_id in zip(listed(table.column("entity")), ids, strict=True)
    ]
    orders = {entity: order_id(entity) for entity in dict.fromkeys(entities)}
    return Schedule(
        request_ids=ids,
        operations=listed(table.column("operation")),
        entities=entities,
        order_ids=[orders[entity] for entity in entities],
        payload_bytes=table.column("payload_bytes").to_pylist(),
        due_us=recording.replayed_us(speed=speed, longest_pause_s=longest_pause_s),
        seed=seed,
        routes=recording.routes,
        recorded_us=recording.latency_us,
        work_us=work_us,
        methods=[sent_as(method) for method in table.column("method").to_pylist()] if recorded_routes else [],
        paths=[quote(path, safe=_SAFE_IN_A_PATH) for path in table.column("path").to_pylist()]
        if recorded_routes
        else [],
        templates=recording.templates if recorded_routes else {},
    )


def warm_up(rate_per_s: float, duration_s: float, *, recorded_routes: bool = False) -> Schedule:
    """Make a schedule of commands and queries at an even rate, to warm up a target.

    The prefix of their ids keeps them out of every table. With ``recorded_routes`` they go to a path that an API of any
    route takes.
    """
    count = max(2, round(rate_per_s * duration_s))
    orders = [f"{WARM_UP_PREFIX}{index // 2}" for index in range(count)]
    return Schedule(
        request_ids=[f"{WARM_UP_PREFIX}{index}" for index in range(count)],
        operations=["command" if index % 2 == 0 else "query" for index in range(count)],
        entities=orders,
        order_ids=orders,
        payload_bytes=[300] * count,
        due_us=(np.arange(count) / rate_per_s * 1e6).astype(np.int64),
        seed=0,
        methods=["POST" if index % 2 == 0 else "GET" for index in range(count)] if recorded_routes else [],
        paths=["/warm-up"] * count if recorded_routes else [],
    )


def _get(target: str, host: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{_headers('Accept', headers)}\r\n".encode()


def _send(method: str, target: str, host: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{_headers('Content-Type', headers)}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _headers(usual: str, given: Mapping[str, str]) -> str:
    """The lines of headers: those given, and that JSON is sent or taken where they do not say."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return lines if any(name.lower() == usual.lower() for name in given) else f"{usual}: application/json\r\n{lines}"


def _body(order: str, request_id: str, size: int, seed: int, extra: Mapping[str, Any]) -> bytes:
    """A made-up body, since access logs hold none: of ``size`` bytes, or more if its ids need them."""
    fields = {"request_id": request_id, "order_id": order, "details": "", **extra}
    return filled(fields, size, f"{seed}/{request_id}").encode()


def filled(fields: Mapping[str, Any], size: int, seed: str) -> str:
    """Write a made-up body as JSON.

    Args:
        fields: Its fields. If "details" is an empty text, it is filled with letters.
        size: The size of the body in bytes; it is longer if the other fields need more.
        seed: What draws the letters.
    """
    short = _compact(fields)
    missing = size - len(short)
    if fields["details"] != "" or missing <= 0:
        return short
    return short.replace(_NO_DETAILS, f'"details":"{_letters(missing, seed)}"', 1)


@cache
def _text() -> str:
    """The letters that all bodies are slices of: to draw them one by one takes 30 times as long as all the rest."""
    return "".join(random.Random(_TEXT_SEED).choices(string.ascii_letters, k=_TEXT_LETTERS))  # noqa: S311 - filler


def _letters(count: int, seed: str) -> str:
    text = _text()
    start = zlib.crc32(seed.encode()) % _TEXT_LETTERS
    if start + count > _TEXT_LETTERS:
        text *= (start + count) // _TEXT_LETTERS + 1
    return text[start : start + count]


def split_url(url: str) -> tuple[str, int, str]:
    """Split an API's URL into host, port and path; the path has no slash at its end."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/")
