"""The requests of a recording for other load generators: methods, URLs, bodies, due times.

Put here what is sent. Keep out files (`workloads.exporters.k6`, `workloads.exporters.vegeta`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from workloads.errors import UsageError
from workloads.recordings.recording import Recording
from workloads.replay.recorded import request_target
from workloads.replay.schedule import filled


@dataclass(frozen=True)
class Target:
    """One request.

    Attributes:
        at_ms: When it is due, in milliseconds after the start.
        method: Its HTTP method.
        url: Its URL.
        body: Its body; None for queries.
    """

    at_ms: float
    method: str
    url: str
    body: str | None


def check_base(base_url: str) -> str:
    """Return ``base_url`` without a slash at its end; `UsageError` if paths cannot be appended to it."""
    try:
        parts = urlsplit(base_url)
        usable = parts.port is None or parts.port > 0
    except ValueError:  # of an address or a port
        parts, usable = urlsplit(""), False
    if not usable or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{base_url} is no base URL: give one such as http://127.0.0.1:8080")
    return base_url.rstrip("/")


def targets(recording: Recording, base_url: str, *, speed: float, seed: int) -> Iterator[Target]:
    """Yield the recorded requests in order.

    Args:
        recording: The recording.
        base_url: What their paths are appended to.
        speed: A factor on recorded time.
        seed: What fills the bodies, which have the recorded size.
    """
    due_us = recording.replayed_us(speed=speed, longest_pause_s=None).tolist()
    names = ("request_id", "operation", "method", "path", "payload_bytes")
    columns = [recording.table.column(name).to_pylist() for name in names]
    for due, request_id, operation, method, path, size in zip(due_us, *columns, strict=True):
        body = None
        if operation == "command" and method != "DELETE":
            body = filled({"request_id": str(request_id), "details": ""}, size, f"{seed}/{request_id}")
        yield Target(due / 1000, method, base_url + request_target(path), body)
