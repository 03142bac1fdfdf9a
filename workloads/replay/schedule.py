"""What a replay sends and when: a recording turned into requests of the lab's API.

Belongs here: due times, request lines, bodies, ids. Sending is `workloads.replay.client`.
"""

import hashlib
import json
import random
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import numpy.typing as npt

from workloads.recordings.recording import Operation, Recording

WARM_UP_PREFIX = "warm-"
_PLAIN_KEY = re.compile(r"(?!e-)[A-Za-z0-9_-]{1,64}")  # what looks like a digest gets one of its own


def order_id(entity: str) -> str:
    """The key under which the lab stores an entity: itself where it is plain, else a digest of it.

    Recorded entities may be paths of any length and alphabet; a digest travels through every gateway unharmed.
    """
    if _PLAIN_KEY.fullmatch(entity):
        return entity
    return "e-" + hashlib.blake2b(entity.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True)
class Schedule:
    """Requests in the order they are due. All sequences have the same length.

    ``due_us`` counts from the replay's start; ``order_ids`` are the lab's keys of ``entities``. ``extras`` are fields
    that some commands' bodies carry besides, by the command's index: what a scenario does to the traffic.
    """

    request_ids: list[str]
    operations: list[Operation]
    entities: list[str]
    order_ids: list[str]
    payload_bytes: list[int]
    due_us: npt.NDArray[np.int64]
    seed: int
    extras: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.request_ids)

    @property
    def duration_us(self) -> int:
        """Until the last request is due."""
        return int(self.due_us[-1]) if len(self) else 0

    def message(self, index: int, base: str, host: str) -> bytes:
        """Request ``index`` as HTTP/1.1, for an API whose path starts with ``base``."""
        request_id, order = self.request_ids[index], self.order_ids[index]
        if self.operations[index] == "query":
            return _get(base, host, order, request_id)
        body = _body(order, request_id, self.payload_bytes[index], self.seed, self.extras.get(index, {}))
        return _post(base, host, body)

    def seeded_order_ids(self) -> list[str]:
        """The orders that exist before the replay starts: those read before, or without, a command that makes them."""
        made: set[str] = set()
        seeded: dict[str, None] = {}
        for operation, order in zip(self.operations, self.order_ids, strict=True):
            if operation == "command":
                made.add(order)
            elif order not in made:
                seeded[order] = None
        return list(seeded)


def schedule(recording: Recording, *, speed: float, seed: int, longest_pause_s: float | None = None) -> Schedule:
    """``recording`` played ``speed`` times as fast. The same arguments give the same requests, byte for byte."""
    table = recording.table
    ids = [str(request_id) for request_id in table.column("request_id").to_pylist()]
    entities = [
        entity if entity is not None else f"new-{request_id}"  # a command without an entity makes a new one
        for entity, request_id in zip(table.column("entity").to_pylist(), ids, strict=True)
    ]
    return Schedule(
        request_ids=ids,
        operations=table.column("operation").to_pylist(),
        entities=entities,
        order_ids=[order_id(entity) for entity in entities],
        payload_bytes=table.column("payload_bytes").to_pylist(),
        due_us=recording.replayed_us(speed=speed, longest_pause_s=longest_pause_s),
        seed=seed,
    )


def warm_up(rate_per_s: float, duration_s: float) -> Schedule:
    """Orders and readings of them at an even rate; their ids carry a prefix that keeps them out of every table."""
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
    )


def _get(base: str, host: str, order: str, request_id: str) -> bytes:
    target = f"{base}/orders/{quote(order, safe='')}?request_id={quote(request_id, safe='')}"
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()


def _post(base: str, host: str, body: bytes) -> bytes:
    head = (
        f"POST {base}/orders HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


def _body(order: str, request_id: str, size: int, seed: int, extra: Mapping[str, Any]) -> bytes:
    """A command's body of ``size`` bytes where its ids fit into that: access logs hold no bodies."""
    fields: dict[str, Any] = {"request_id": request_id, "order_id": order, "details": "", **extra}
    if fields["details"] == "":
        short = json.dumps(fields, separators=(",", ":"))
        filler = random.Random(f"{seed}/{request_id}")  # noqa: S311 - filler, and it must be the same every time
        fields["details"] = "".join(filler.choices(string.ascii_letters, k=max(0, size - len(short))))
    return json.dumps(fields, separators=(",", ":")).encode()


def split_url(url: str) -> tuple[str, int, str]:
    """Host, port and path of an API's URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/")
