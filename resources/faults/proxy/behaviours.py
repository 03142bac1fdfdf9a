"""The kinds of fault: what each does to a request it hits.

Put here one small class per kind, registered in `KINDS`; its fields are its settings, checked when it is made. Keep out
which requests are hit (`resources.faults.proxy.fault`) and how a treatment is carried out
(`resources.faults.proxy.connection`).
"""
# ruff: noqa: ARG002 - kinds share a signature, and few need all of it

import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from resources.faults.proxy import settings
from resources.faults.proxy.latency import Draw, distribution
from resources.faults.proxy.message import Request


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to one request; by default nothing.

    Attributes:
        reset: Its connection is reset at once.
        forwarded: Upstream gets the request.
        answer: What is sent in place of upstream's answer.
        silent: Nothing is ever sent.
        hold_s: How many seconds upstream's answer is held back.
        truncated: Half of upstream's answer is sent, then the connection is closed.
    """

    reset: bool = False
    forwarded: bool = True
    answer: bytes | None = None
    silent: bool = False
    hold_s: float = 0.0
    truncated: bool = False


PASS = Treatment()


@dataclass
class Behaviour(ABC):
    """A kind of fault; its fields are its settings. Making one raises `ValueError` where they make no sense."""

    listens: ClassVar[bool] = True  # whether connections are accepted at all while it is on

    @abstractmethod
    def treat(self, request: Request, draw: Draw) -> Treatment:
        """What happens to a request that is hit; ``draw(n)`` is the n-th random number of this request."""


KINDS: dict[str, type[Behaviour]] = {}


def _kind(name: str) -> Callable[[type[Behaviour]], type[Behaviour]]:
    def register(kind: type[Behaviour]) -> type[Behaviour]:
        KINDS[name] = kind
        return kind

    return register


@_kind("down")
@dataclass
class Down(Behaviour):
    """Connecting is refused, and open connections are reset."""

    listens: ClassVar[bool] = False

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(reset=True, forwarded=False)


@_kind("reset")
@dataclass
class Reset(Behaviour):
    """The connection the request arrives on is reset."""

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(reset=True, forwarded=False)


@_kind("hang")
@dataclass
class Hang(Behaviour):
    """Never answered, not even once the fault is over. If ``forwarded``, the write still happens upstream."""

    forwarded: bool = False

    def __post_init__(self) -> None:
        settings.flag("forwarded", self.forwarded)

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(forwarded=self.forwarded, silent=True)


@_kind("latency")
@dataclass
class Latency(Behaviour):
    """The answer comes later: milliseconds drawn from the distribution are added to what upstream takes.

    The answer is held back, not the request: a slow store does the work, so callers who gave up find it done. The event
    loop's timers round to whole milliseconds.
    """

    median_ms: float | None = None
    p99_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None

    def __post_init__(self) -> None:
        self._distribution = distribution(self.median_ms, self.p99_ms, self.min_ms, self.max_ms)

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(hold_s=self._distribution.ms(draw) / 1000)


@_kind("error")
@dataclass
class Error(Behaviour):
    """Answered with an error in place of being forwarded: shaped as DynamoDB's own, or to others as a gateway's."""

    error: str
    status: int

    def __post_init__(self) -> None:
        settings.text("error", self.error)
        settings.whole("status", self.status, minimum=400, maximum=599)

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(forwarded=False, answer=self._answer(request))

    def _answer(self, request: Request) -> bytes:
        error: dict[str, str] = {"message": f"{self.error}, by archduel's fault proxy"}
        if request.to_dynamodb:
            error = {"__type": f"com.amazonaws.dynamodb.v20120810#{self.error}", **error}
        body = json.dumps(error, separators=(",", ":")).encode()
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}", f"content-length: {len(body)}"]
        if request.to_dynamodb:
            lines += [
                "content-type: application/x-amz-json-1.0",
                "x-amzn-RequestId: ARCHDUELFAULT",
                f"x-amz-crc32: {zlib.crc32(body)}",
            ]
        else:
            lines.append("content-type: application/json")
        if not request.keep_alive:
            lines.append("connection: close")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        return head if request.method == "HEAD" else head + body


@_kind("truncate")
@dataclass
class Truncate(Behaviour):
    """Half of the answer comes, then the connection closes. Upstream has done the work."""

    def treat(self, request: Request, draw: Draw) -> Treatment:
        return Treatment(truncated=True)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
