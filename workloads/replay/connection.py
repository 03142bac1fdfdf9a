"""One HTTP/1.1 connection of the load generator: a socket, its TLS, and the answers that come over it.

Put here how a message is written, an answer is read, and why a connection failed. Keep out when connections are opened
(`workloads.replay.pool`) and what follows from an answer (`workloads.replay.keep_alive`).

The socket is written to directly, not by a transport of the event loop: uvloop's write at the end of the loop's round,
and the moment of sending that the client writes down would be too early by all else in that round.
"""

import asyncio
import errno
import socket
import ssl
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import httptools

_LONGEST_HEAD_BYTES = 65_536
_SWITCHING_PROTOCOLS = 101
_MOST_READS = 64  # in one round of the loop, of one connection: others wait meanwhile

# Why a connection failed, as `Responses.cause` and the published tables have it.
REFUSED, UNREACHABLE, UNKNOWN_HOST, CONNECT_TIMED_OUT, TLS_FAILED = (
    "refused",
    "unreachable",
    "unknown_host",
    "connect_timed_out",
    "tls_failed",
)
RESET, CLOSED, CUT_OFF, NOT_HTTP, STOPPED = "reset", "closed", "cut_off", "not_http", "stopped"
CAUSES = (
    "",
    REFUSED,
    UNREACHABLE,
    UNKNOWN_HOST,
    CONNECT_TIMED_OUT,
    TLS_FAILED,
    RESET,
    CLOSED,
    CUT_OFF,
    NOT_HTTP,
    STOPPED,
)

# This machine has no more to give: the target knows nothing of it.
_OWN_LIMITS = {
    errno.EMFILE: "the limit of open files of this process",
    errno.ENFILE: "the limit of open files of this machine",
    errno.EADDRNOTAVAIL: "the ports of this machine",
    errno.ENOBUFS: "the memory for sockets of this machine",
    errno.ENOMEM: "the memory of this machine",
}
_CAUSES = {
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: CONNECT_TIMED_OUT,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ECONNABORTED: RESET,
}

Address = tuple[int, int, int, str, Any]  # as `socket.getaddrinfo` has it


class NotSpokenError(OSError):
    """The service does not speak the protocol it was asked for."""


def own_limit(error: OSError) -> str | None:
    """What of this machine ran out, in words; None where an error is the target's or the network's."""
    return _OWN_LIMITS.get(error.errno or 0)


def cause_of(error: OSError) -> str:
    """The cause that an error of a connection is written down as."""
    if isinstance(error, ssl.SSLError | NotSpokenError):
        return TLS_FAILED
    if isinstance(error, socket.gaierror):
        return UNKNOWN_HOST
    return _CAUSES.get(error.errno or 0, UNREACHABLE)


class Owner(Protocol):
    """Whom a connection tells what becomes of it."""

    def opened(self, connection: "Connection") -> None:
        """It can be sent over."""

    def failed(self, connection: "Connection", error: OSError) -> None:
        """It could not be opened, and is closed."""

    def answered(self, connection: "Connection", call: Any, status: int, *, reusable: bool) -> None:
        """A call has its answer; a connection that is not ``reusable`` is closed already."""

    def lost(self, connection: "Connection", call: Any, cause: str) -> None:
        """It ended, and is closed; ``call`` is what was under way on it, or None."""


class Connection:
    """One connection with at most one call under way.

    Attributes:
        call: What is under way on it.
        began_us: When it began to be opened, by its owner's clock.
        opened_us: When that was done; -1 before.
        idle_since_us: When its last answer had come.
        served: How many answers came over it.
        digest: A checksum of the body that comes, where it keeps one; -1 where it does not.
    """

    __slots__ = (
        "_answers",
        "_closed",
        "_keep_alive",
        "_loop",
        "_messages",
        "_owner",
        "_parser",
        "_partial",
        "_read",
        "_rest",
        "_socket",
        "_status",
        "_tls",
        "_view",
        "_writing",
        "began_us",
        "call",
        "digest",
        "idle_since_us",
        "opened_us",
        "served",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, began_us: int, buffer: memoryview) -> None:
        self._owner, self._loop, self._view = owner, loop, buffer
        self.began_us, self.opened_us, self.idle_since_us = began_us, -1, -1
        self.call: Any = None
        self.served = 0
        self.digest = -1
        self._parser = httptools.HttpResponseParser(self)
        self._messages = 0  # begun and not complete
        self._answers = 0  # complete
        self._status = 0
        self._keep_alive = False
        self._partial = b""
        self._rest: memoryview | None = None
        self._writing = False
        self._closed = False
        self._tls = False
        self._socket: socket.socket
        self._read: Callable[[Any], int]

    def open(self, address: Address, tls: ssl.SSLContext | None, host: str) -> None:
        """Begin to connect; what came of it is told to the owner, later.

        Raises:
            OSError: It could not even begin.
        """
        family, kind, protocol, _, where = address
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(BlockingIOError):  # it is under way
                self._socket.connect(where)
        except OSError:
            self._socket.close()
            self._closed = True
            raise
        self._loop.add_writer(self._socket.fileno(), self._connected, tls, host)

    def _connected(self, tls: ssl.SSLContext | None, host: str) -> None:
        self._loop.remove_writer(self._socket.fileno())
        if refused := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._fail(OSError(refused, "connecting failed"))
            return
        if tls is None:
            self._ready()
            return
        try:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        except OSError as error:
            self._fail(error)
            return
        self._tls = True
        self._shake_hands()

    def _shake_hands(self) -> None:
        fd = self._socket.fileno()
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        try:
            self._socket.do_handshake()  # type: ignore[attr-defined]  # it is TLS by now
        except ssl.SSLWantReadError:
            self._loop.add_reader(fd, self._shake_hands)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(fd, self._shake_hands)
        except OSError as error:
            self._fail(error)
        else:
            self._ready()

    def _ready(self) -> None:
        self._read = self._socket.recv_into
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._owner.opened(self)

    def _fail(self, error: OSError) -> None:
        self.close()
        self._owner.failed(self, error)

    def close(self) -> None:
        """End it; the owner is not told. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            fd = self._socket.fileno()
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
            self._socket.close()
            del self._parser  # which knows this connection: nothing collects such circles while a replay is sent

    def send(self, call: Any, message: bytes) -> str | None:
        """Write a message, as much of it as the kernel takes now; the rest follows by itself.

        Returns:
            Why the connection failed, and is closed; None where it did not.
        """
        if failure := self._write(message):
            return failure
        self.call = call
        return None

    def _write(self, message: bytes) -> str | None:
        try:
            written = self._socket.send(message)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            written = 0
        except OSError as error:
            self.close()
            return cause_of(error)
        if written < len(message):
            self._rest = memoryview(message)[written:]
            self._loop.add_writer(self._socket.fileno(), self._writable)
        return None

    def _writable(self) -> None:
        if self._rest is None:
            return
        try:
            self._rest = self._rest[self._socket.send(self._rest) :]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError:
            # What the server had to say before it closed may still be there to be read.
            self._rest = None
        if not self._rest:
            self._rest = None
            self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        if self._closed:  # before this round
            return
        # Read on while an answer is not whole: libuv tells of a reset once, and drops the handle with it, so that a
        # reset in the same wake as half an answer was never heard of, and its request timed out (1 of 300).
        for _ in range(_MOST_READS):
            try:
                count = self._read(self._view)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._ended(TLS_FAILED if isinstance(error, ssl.SSLError) else RESET)
                return
            if not count:
                self._ended(None)
                return
            self._feed(self._view[:count])
            if self._closed or not (self.call or (self._tls and self._socket.pending())):  # type: ignore[attr-defined]
                return
        self._loop.call_soon(self._readable)

    def _feed(self, data: memoryview) -> None:
        call = self.call
        if call is None:  # nobody asked, so that no later answer could be trusted to be to what was asked
            self.close()
            self._owner.lost(self, None, NOT_HTTP)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keep_alive = False  # its answer is there; what follows is no HTTP
        except httptools.HttpParserError:
            if not self._answers:
                self._end(NOT_HTTP)
                return
            self._keep_alive = False
        if not self._answers:
            if not self._messages:  # what there was only announced the answer
                self._partial = b""
            elif len(self._partial) < _LONGEST_HEAD_BYTES:
                self._partial += data
            if not (call.bodiless and b"\r\n\r\n" in self._partial):
                return
            self._status, self._keep_alive = self._parser.get_status_code(), self._parser.should_keep_alive()
            self._parser, self._messages, self._answers = httptools.HttpResponseParser(self), 0, 1
        # A second answer to one request would pass for the next one's.
        reusable = self._keep_alive and self._answers == 1 and not self._messages and self._rest is None
        self._done(call, reusable=reusable)

    def _done(self, call: Any, *, reusable: bool) -> None:
        self.call, self._answers, self._partial = None, 0, b""
        self.served += 1
        call.digest = self.digest
        if not reusable:
            self.close()
        self._owner.answered(self, call, self._status, reusable=reusable)

    def on_message_begin(self) -> None:
        """httptools' word for the first byte of a message."""
        self._messages += 1

    def on_message_complete(self) -> None:
        """httptools' word for a whole message."""
        self._messages -= 1
        status = self._parser.get_status_code()
        if status < 200 and status != _SWITCHING_PROTOCOLS:  # it only announces the answer
            return
        self._answers += 1
        if self._answers == 1:
            self._status = status
            self._keep_alive = self._parser.should_keep_alive()

    def _ended(self, cause: str | None) -> None:
        """The other side ended it: in order, where there is no ``cause``."""
        if cause is None and self.call is not None and (status := _status_until_the_end(self._partial)) is not None:
            self._status = status
            self._done(self.call, reusable=False)
        else:
            self._end(cause or (CUT_OFF if self._partial else CLOSED))

    def _end(self, cause: str) -> None:
        call, self.call = self.call, None
        self.close()
        self._owner.lost(self, call, cause)


class DigestingConnection(Connection):
    """A connection that keeps a checksum of each answer's body."""

    __slots__ = ()

    def send(self, call: Any, message: bytes) -> str | None:
        """See `Connection.send`."""
        self.digest = 0
        return super().send(call, message)

    def on_body(self, body: bytes) -> None:
        """httptools' word for a piece of a body."""
        self.digest = zlib.crc32(body, self.digest)


class _Head:
    """What the head of an answer says of where it ends."""

    def __init__(self) -> None:
        self.complete = self.has_length = False

    def on_message_begin(self) -> None:
        self.complete = self.has_length = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        self.has_length = self.has_length or name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        self.complete = True


def _status_until_the_end(partial: bytes) -> int | None:
    """The status of an answer that ends with its connection, as HTTP/1.0 has it; None where it was cut off."""
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    with suppress(httptools.HttpParserError):
        parser.feed_data(partial)
    return int(parser.get_status_code()) if head.complete and not head.has_length else None
