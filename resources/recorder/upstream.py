"""The server behind the recorder: its address, and connections to it that are kept and lent to one exchange at a time.

Put here connecting, TLS included, and which idle connections may be trusted. Keep out what is sent over them
(`resources.recorder.connection`).
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from resources.wire.end import End
from workloads.errors import UsageError

_CONNECT_S = 5.0
# Servers end idle connections after two seconds or more. A request that can be sent again may meet one just ending.
_TRUSTED_S = 1.0
_WORTH_TRYING_S = 4.0
_MAX_IDLE = 256


@dataclass(frozen=True)
class Address:
    """Where a server is, as in ``--upstream``."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Address":
        """The address of a URL. Raises `UsageError` unless it is scheme, host and at most a port."""
        usage = f"--upstream {url}: name scheme, host and port, such as http://127.0.0.1:3000"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UsageError(usage) from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(usage)
        if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
            raise UsageError(f"{usage}, and nothing else")
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls)

    @property
    def name(self) -> str:
        """Its name in a request's ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.name}"


class Borrower(Protocol):
    """The client's connection that has borrowed a `Line`."""

    def response_received(self, data: bytes) -> None:
        """The server sent ``data``."""

    def line_lost(self) -> None:
        """The line is closed."""

    def regulate(self) -> None:
        """The server does not read as fast as is written."""

    def advance(self) -> None:
        """The server has caught up."""


class Line:
    """A connection to the server, lent to a ``borrower``. One that is ``reused`` may be about to end."""

    def __init__(self) -> None:
        self.borrower: Borrower | None = None
        self.reused = False
        self.spoiled = False  # the server sent something without a request
        self.idle_since_s = 0.0
        self.end = End(
            made=lambda: None,
            received=self._received,
            lost=self._lost,
            congested=lambda: self.borrower.regulate() if self.borrower else None,
            relieved=lambda: self.borrower.advance() if self.borrower else None,
        )

    def _received(self, data: bytes) -> None:
        if self.borrower is None:
            self.spoiled = True
            self.end.close()
        else:
            self.borrower.response_received(data)

    def _lost(self) -> None:
        borrower, self.borrower = self.borrower, None
        if borrower is not None:
            borrower.line_lost()


class Pool:
    """Connections to one server, of which at most ``max_idle`` are kept idle."""

    def __init__(self, address: Address, max_idle: int = _MAX_IDLE) -> None:
        self._address = address
        self._max_idle = min(max_idle, _MAX_IDLE)
        # Verifies, by what the machine trusts; SSL_CERT_FILE names an authority of one's own.
        self._tls = ssl.create_default_context() if address.tls else None
        self._idle: list[Line] = []

    def take(self, *, replayable: bool) -> Line | None:
        """An idle connection that the server surely keeps; probably is enough for a ``replayable`` request."""
        oldest_s = asyncio.get_running_loop().time() - (_WORTH_TRYING_S if replayable else _TRUSTED_S)
        while self._idle:
            line = self._idle.pop()
            if line.end.open and not line.spoiled and line.idle_since_s >= oldest_s:
                return line
            line.end.close()
        return None

    async def connect(self) -> Line:
        """A new connection. Raises `OSError`."""
        line = Line()
        address = self._address
        async with asyncio.timeout(_CONNECT_S):  # a time-out is an OSError
            await asyncio.get_running_loop().create_connection(
                lambda: line.end,
                address.host,
                address.port,
                ssl=self._tls,
                server_hostname=address.host if self._tls else None,
            )
        return line

    def give_back(self, line: Line) -> None:
        """The exchange is over; the connection can carry another."""
        line.borrower = None
        if line.spoiled or not line.end.open or len(self._idle) >= self._max_idle:
            line.end.close()
            return
        line.reused = True
        line.idle_since_s = asyncio.get_running_loop().time()
        line.end.read_on(True)
        self._idle.append(line)

    def sweep(self) -> None:
        """End connections that were idle for too long to be trusted."""
        oldest_s = asyncio.get_running_loop().time() - _WORTH_TRYING_S
        kept = []
        for line in self._idle:
            if line.end.open and line.idle_since_s >= oldest_s:
                kept.append(line)
            else:
                line.end.close()
        self._idle = kept

    def close(self) -> None:
        """End all idle connections."""
        for line in self._idle:
            line.end.close()
        self._idle = []
