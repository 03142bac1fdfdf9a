"""One end of a proxied connection: writing, closing and pausing, whether it is still open or not.

Put here the states of a transport. Keep out what is read from it or written to it (`resources.faults.proxy.connection`,
`resources.recorder.connection`).
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close sends a reset


class End(asyncio.Protocol):
    """One end. Once it is closed, writing to it or closing it does nothing.

    Args:
        made: Called once it is connected.
        received: Called with the bytes that arrive.
        lost: Called once it is closed.
        congested: Called when more was written than its peer reads.
        relieved: Called when its peer has caught up.
    """

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
        """Whether it is connected."""
        return self._transport is not None

    @property
    def unsent(self) -> int:
        """How many bytes were written that its peer has no room for yet."""
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
        """Send it, as soon as its peer has room."""
        if self._transport is not None:
            self._transport.write(data)

    def read_on(self, reading: bool) -> None:
        """Resume or pause reading. While it is paused, the kernel's buffers fill up until the peer has to wait."""
        if self._transport is None or reading == self._reading or self._transport.is_closing():
            return
        self._reading = reading
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def write_last(self, data: bytes) -> None:
        """Write and signal that nothing follows; what its peer still sends is received."""
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
        """Close at once with a reset."""
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
