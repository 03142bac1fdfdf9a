"""One end of a proxied connection: writing, closing and holding back without minding whether it is open still.

Belongs here: the transport's moods. What is read from it or written to it does not.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends a reset


class End(asyncio.Protocol):
    """An end. Writing to it or closing it is fine when it is closed."""

    def __init__(
        self,
        *,
        made: Callable[[], None],
        received: Callable[[bytes], None],
        lost: Callable[[], None],
        congested: Callable[[], None],
        relieved: Callable[[], None],
    ) -> None:
        self._made, self._received, self._lost = made, received, lost
        self._congested, self._relieved = congested, relieved
        self._transport: asyncio.Transport | None = None
        self._reading = True
        self.congested = False  # more was written than its peer reads

    @property
    def open(self) -> bool:
        return self._transport is not None

    @property
    def unsent(self) -> int:
        """Bytes that were written and its peer has no room for yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def peer(self) -> str:
        """The address at its other end, without the port."""
        name = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(name[0]) if name else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but inheritance
        self._made()

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self.congested = False
        self._lost()

    def pause_writing(self) -> None:
        self.congested = True
        self._congested()

    def resume_writing(self) -> None:
        self.congested = False
        self._relieved()

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def read_on(self, reading: bool) -> None:
        """Read, or leave what its peer sends to the kernel until its peer must wait."""
        if self._transport is None or reading == self._reading or self._transport.is_closing():
            return
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def write_last(self, data: bytes) -> None:
        """Write and say that nothing follows; what its peer still sends is received."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def close(self) -> None:
        """Close once what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was written and is not sent is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close at once, so that the peer is told of a reset."""
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
