"""One HTTP/2 connection of the load generator, with one request at a time, as `workloads.replay.pool` has it.

Put here how messages are told as HTTP/2 and its answers are read. Keep out sockets and TLS
(`workloads.replay.connection`).

A request never shares its connection with another: what it waits for is the service, not another answer on the same
socket. It costs a multiple of the CPU of HTTP/1.1 (2.5 times at 100 requests a second), since h2 is written in Python.
"""

import asyncio
import errno
import zlib
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from workloads.replay.connection import CLOSED, CUT_OFF, NOT_HTTP, RESET, Connection, NotSpokenError, Owner

PROTOCOL = "h2"  # as ALPN has it
_CONFIG = h2.config.H2Configuration(
    client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
)
_OF_ONE_HOP = frozenset({b"host", b"connection", b"content-length"})


class Http2Connection(Connection):
    """A connection that speaks HTTP/2: by ALPN over TLS, and by prior knowledge without."""

    __slots__ = ("_body", "_broken", "_ending", "_http2", "_over", "_scheme", "_stream", "_told")

    keeps_digests = False

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, began_us: int, buffer: memoryview) -> None:
        super().__init__(owner, loop, began_us, buffer)
        self._http2 = h2.connection.H2Connection(_CONFIG)
        self._stream = 0
        self._told = False  # whether the answer's head is there
        self._over = False  # and all of it
        self._broken = False  # whether the request will have none
        self._ending = False  # whether the service takes no more requests on it
        self._body: memoryview = memoryview(b"")
        self._scheme = b"http"

    def _ready(self) -> None:
        if self._tls:
            self._scheme = b"https"
            if self._socket.selected_alpn_protocol() != PROTOCOL:  # type: ignore[attr-defined]  # it is TLS
                self._fail(NotSpokenError("HTTP/2 is not among its protocols"))
                return
        self._http2.initiate_connection()
        if self._flush() is not None:
            self._fail(ConnectionResetError(errno.ECONNRESET, "it was closed as soon as it was open"))
            return
        super()._ready()

    def close(self) -> None:
        """See `Connection.close`."""
        super().close()
        self._body = memoryview(b"")

    def send(self, call: Any, message: bytes) -> str | None:
        """See `Connection.send`; the message is one of HTTP/1.1."""
        head, _, body = message.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.split(b" ", 2)
        named = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        headers = [
            (b":method", method),
            (b":scheme", self._scheme),
            (b":authority", next((value for name, value in named if name == b"host"), b"")),
            (b":path", target),
            *((name, value) for name, value in named if name not in _OF_ONE_HOP),
        ]
        if body:
            headers.append((b"content-length", b"%d" % len(body)))
        self._told = self._over = self._broken = False
        self.digest = 0 if self.keeps_digests else -1
        try:
            self._stream = self._http2.get_next_available_stream_id()
            self._http2.send_headers(self._stream, headers, end_stream=not body)
        except h2.exceptions.ProtocolError:
            self.close()
            return CLOSED
        self.call, self._body = call, memoryview(body)
        self._send_body()
        return self._flush()

    def _send_body(self) -> None:
        """Hand over as much of the body as the service takes now."""
        while self._body:
            room = min(self._http2.local_flow_control_window(self._stream), self._http2.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._body = self._body[:room], self._body[room:]
            self._http2.send_data(self._stream, bytes(piece), end_stream=not self._body)

    def _flush(self) -> str | None:
        """Write what there is to be written; the rest follows by itself."""
        data = self._http2.data_to_send()
        if not data:
            return None
        if self._rest is not None:
            self._rest = memoryview(bytes(self._rest) + data)
            return None
        return self._write(data)

    def _feed(self, data: memoryview) -> None:
        try:
            events = self._http2.receive_data(bytes(data))
        except h2.exceptions.ProtocolError:
            self._end(NOT_HTTP)
            return
        for event in events:
            self._heard(event)
        if self.call is not None and self._over and self._told:
            written = self._flush() is None
            self._done(self.call, reusable=written and not (self._ending or self._rest or self._body))
        elif self._broken or (self._ending and self.call is None):
            self._end(RESET if self._broken else CLOSED)
        elif self._flush() is not None:
            self._end(RESET)

    def _heard(self, event: h2.events.Event) -> None:
        ours = getattr(event, "stream_id", None) == self._stream
        if isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self.keeps_digests and ours:
                self.digest = zlib.crc32(event.data, self.digest)
        elif isinstance(event, h2.events.ResponseReceived):
            self._told = True
            self._status = int(dict(event.headers)[b":status"])
        elif isinstance(event, h2.events.StreamEnded):
            self._over = self._over or ours
        elif isinstance(event, h2.events.StreamReset):
            # After its answer a service may say so that it needs no more of the body.
            self._broken = self._broken or (ours and not self._over)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self._ending = True
            refused = self.call is not None and (event.last_stream_id or 0) < self._stream
            self._broken = self._broken or (refused and not self._over)
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._send_body()

    def _ended(self, cause: str | None) -> None:
        self._end(cause or (CUT_OFF if self._told and self.call is not None else CLOSED))


class DigestingHttp2Connection(Http2Connection):
    """One that keeps a checksum of each answer's body."""

    __slots__ = ()

    keeps_digests = True
