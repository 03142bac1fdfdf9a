"""One client's connection, its requests one after another, each over a connection to the server borrowed for it.

Put here passing messages on as they arrive, in bounded memory, and what becomes of a request when either side leaves,
hangs or does not speak HTTP. Keep out what is written down about it (`resources.recorder.proxy`).
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

from resources.recorder.messages import Refused, Request, Response, own_answer, refusal_of
from resources.recorder.upstream import Line, Pool
from resources.wire.end import End
from resources.wire.message import NotHttp

_HEAD_S = 30.0  # for a request's head to come in
_BODY_S = 60.0  # between two pieces of a request's body
_IDLE_S = 75.0  # between two requests
_LINGER_S = 5.0  # for a client to read its last answer before the connection is cut under what it still sends

_TOO_SLOW = Refused(408, "a request that was still arriving when others needed its connection")

LEFT = "its client left before the request was whole"
UPGRADED = "upgraded to another protocol, such as WebSocket: passed through"


@dataclass(eq=False)
class Exchange:
    """A request and its response, as far as they have come.

    ``stamp_us`` is when it began, in microseconds since 1970, and unique among exchanges; ``began_ns`` is the same
    moment by CLOCK_MONOTONIC.
    """

    stamp_us: int
    began_ns: int
    client: str
    request: Request = field(default_factory=Request)
    response: Response | None = None
    line: Line | None = None
    status: int | None = None  # what its client got
    keep: bool = False  # its client's connection outlives it
    settled: bool = False
    noted: bool = False  # it was written down as under way


class Owner(Protocol):
    """What connections need of the proxy they are part of, and report to it.

    Attributes:
        pool: Connections to the server.
        host: What the server is called in requests; None leaves what the client called it.
        body_limit: How many bytes a request's body may have.
        stopping: Whether no more requests are accepted.
    """

    pool: Pool
    host: bytes | None
    body_limit: int
    stopping: bool

    def began(self, connection: "Connection") -> None:
        """A client is connected."""

    def ended(self, connection: "Connection") -> None:
        """A client is gone."""

    def waits(self, connection: "Connection") -> None:
        """It is the client's turn, again or still: to begin a request, go on with one, or read its last answer."""

    def serves(self, connection: "Connection") -> None:
        """It is not the client that the connection waits for."""

    def begin(self, client: str) -> Exchange:
        """A request of this client begins to arrive; returns its exchange."""

    def settle(self, exchange: Exchange, status: int | None, reason: str | None = None) -> None:
        """An exchange is over.

        Args:
            exchange: Which one.
            status: What its client got; None without a complete answer.
            reason: Why it is not recorded; None where it is.
        """

    def refuse(self, exchange: Exchange, reason: str) -> None:
        """An exchange was answered by the recorder itself, for this reason."""

    def upstream_failed(self, why: str) -> None:
        """The server did not answer."""

    def upstream_answered(self) -> None:
        """The server answered."""


class Connection:
    """Passes on one client's requests. It begins when its ``client`` end is connected."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.client = End(
            made=self._begin,
            received=self._received,
            lost=self._client_lost,
            congested=self.regulate,
            relieved=self.advance,
        )
        self.peer = ""  # its client's address
        self._inbox = b""  # read and not dealt with yet
        self._exchange: Exchange | None = None
        self._tunnel: Line | None = None
        self._kept = False  # it has carried an exchange and goes on
        self._over = False  # what the client still sends is ignored
        self._touched_s = 0.0
        self._unsent = 0
        self._connecting: set[asyncio.Task[None]] = set()

    def _begin(self) -> None:
        self._touched_s = time.monotonic()
        self.peer = self.client.peer
        self._owner.began(self)

    def regulate(self) -> None:
        """Let each end read only while the other can take it: that bounds what is buffered."""
        line = self._tunnel or (self._exchange.line if self._exchange else None)
        self.client.read_on(self._over or not (self._inbox or (line is not None and line.end.congested)))
        if line is not None:
            line.end.read_on(not self.client.congested)

    # From the client to the server

    def _received(self, data: bytes) -> None:
        if self._over:
            return
        self._touched_s = time.monotonic()
        self._inbox = self._inbox + data if self._inbox else data
        self.advance()

    def advance(self) -> None:
        """Deal with what was read as far as the exchange under way allows."""
        data, self._inbox = self._inbox, b""
        while data and not self._over:
            if self._tunnel is not None:
                self._tunnel.end.write(data)
                data = b""
                break
            exchange = self._exchange
            if exchange is None:
                data = data.lstrip(b"\r\n")  # empty lines may precede a request
                # A client that sends requests and reads no answers gets no new ones.
                if not data or self.client.congested:
                    break
                exchange = self._exchange = self._owner.begin(self.peer)
            request = exchange.request
            if request.complete or (request.has_head and exchange.line is None):
                break
            try:
                data = data[self._read(exchange, data) :]
            except Refused as refusal:
                self._refuse(exchange, refusal)
            except NotHttp:
                self._refuse(exchange, refusal_of(request))
        self._inbox = b"" if self._over else data
        self._turn()
        self.regulate()

    def _turn(self) -> None:
        """Say whose turn it is now."""
        exchange = self._exchange
        theirs = exchange is None or not exchange.request.has_head
        if exchange is not None and not exchange.request.complete and exchange.line is not None:
            theirs = not exchange.line.end.congested
        if theirs and self._tunnel is None and self.client.open:
            self._owner.waits(self)
        else:
            self._owner.serves(self)

    def _read(self, exchange: Exchange, data: bytes) -> int:
        request = exchange.request
        in_body = request.has_head
        taken = request.read(data)
        if request.content_bytes > self._owner.body_limit:
            raise Refused(413, f"a body of more than {self._owner.body_limit:,} bytes (--body-limit)")
        if in_body:
            if exchange.line is not None:
                exchange.line.end.write(data[:taken])
        elif request.has_head:
            self._pass_on(exchange)
        if request.complete and exchange.response is not None and exchange.response.complete:
            self._finish(exchange)  # the answer came before the whole of the request was sent
        return taken

    def _pass_on(self, exchange: Exchange) -> None:
        """The head is there."""
        # A kept connection may be about to end. A request that cannot be sent again takes that risk if its client did.
        replayable = exchange.request.replayable
        line = self._owner.pool.take(replayable=replayable) if replayable or self._kept else None
        if line is not None:
            self._send(exchange, line)
        else:
            self._connect(exchange)

    def _connect(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._connected(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connected(self, exchange: Exchange) -> None:
        pool = self._owner.pool
        try:
            line = await pool.connect()
        except OSError as error:
            if exchange is self._exchange and not exchange.settled:
                why = error.strerror or str(error) or "it does not answer"
                self._fail(exchange, why)
            return
        if exchange is not self._exchange or exchange.settled:
            pool.give_back(line)
            return
        self._send(exchange, line)
        self.advance()

    def _send(self, exchange: Exchange, line: Line) -> None:
        exchange.line = line
        exchange.response = Response(exchange.request)
        line.borrower = self
        line.end.write(exchange.request.forwarded(self._owner.host))

    # From the server to the client

    def response_received(self, data: bytes) -> None:
        """See `resources.recorder.upstream.Borrower`."""
        if self._tunnel is not None:
            self._touched_s = time.monotonic()
            self.client.write(data)
            return
        exchange = self._exchange
        try:
            while data and exchange is not None and exchange is self._exchange and not exchange.settled:
                response = exchange.response
                if response is None or response.complete:
                    break
                data = data[self._read_response(exchange, response, data) :]
        except NotHttp:
            if exchange is not None:
                self._break(exchange, "it does not answer in HTTP/1.1")
            return
        self.regulate()

    def _read_response(self, exchange: Exchange, response: Response, data: bytes) -> int:
        in_body = response.has_head
        taken = response.read(data)
        if not response.has_head:
            return taken
        request = exchange.request
        if in_body:
            self.client.write(data if taken == len(data) else data[:taken])
        elif response.status == 101:
            self._open_tunnel(exchange, response, data[taken:])
            return len(data)
        elif response.interim:
            if request.version == "1.1":
                self.client.write(response.head)
            exchange.response = Response(request)
            return taken
        else:
            self._owner.upstream_answered()
            exchange.status = response.status
            lasting = response.delimited and (request.complete or response.keep_alive)
            exchange.keep = request.keep_alive and lasting and not self._owner.stopping
            kept = b"keep-alive" if request.version == "1.0" else None  # the default of HTTP/1.1
            self.client.write(response.forwarded(kept if exchange.keep else b"close"))
        if response.complete:
            if taken < len(data) and exchange.line is not None:
                exchange.line.spoiled = True
            if request.complete:
                self._finish(exchange)
            elif not response.keep_alive:
                self._end_early(exchange)
        return taken

    def _open_tunnel(self, exchange: Exchange, response: Response, rest: bytes) -> None:
        self._owner.upstream_answered()
        self.client.write(response.head + rest)
        self._tunnel, self._exchange = exchange.line, None
        self._owner.settle(exchange, 101, UPGRADED)
        self.advance()

    def _finish(self, exchange: Exchange) -> None:
        """Request and response are complete."""
        line, exchange.line = exchange.line, None
        response = exchange.response
        if line is not None:
            if response is None or not response.keep_alive or exchange.request.unusual_body:
                line.spoiled = True
            self._owner.pool.give_back(line)
        self._owner.settle(exchange, exchange.status)
        self._exchange = None
        if exchange.keep:
            self._kept = True
            if self._inbox:
                self.advance()
            else:
                self._turn()
        elif self._inbox:
            self._leave(b"")
        else:
            self.close()

    def _end_early(self, exchange: Exchange) -> None:
        """The server answered and reads no more of the request."""
        self._let_go(exchange)
        self._owner.settle(exchange, exchange.status)
        self._leave(b"")

    # When something is wrong

    def turn_away(self, refusal: Refused) -> None:
        """Answer with ``refusal`` without reading a request, and close at once, since its file is needed."""
        self.client.write(refusal.answer())
        self.close()

    def _refuse(self, exchange: Exchange, refusal: Refused) -> None:
        self._let_go(exchange)
        self._owner.refuse(exchange, refusal.reason)
        if exchange.status is not None:  # the server has begun to answer
            self._over = True
            self.client.abort()
        else:
            self._leave(refusal.answer(body=getattr(exchange.request, "method", "") != "HEAD"))

    def _fail(self, exchange: Exchange, why: str) -> None:
        """The server gave no answer."""
        self._owner.upstream_failed(why)
        self._let_go(exchange)
        request = exchange.request
        keep = request.complete and request.keep_alive and request.version == "1.1" and not self._owner.stopping
        answer = own_answer(502, "the upstream does not answer", keep_alive=keep, body=request.method != "HEAD")
        self._owner.settle(exchange, 502)
        self._exchange = None
        if not keep:
            self._leave(answer)
            return
        self.client.write(answer)
        self.advance()

    def _break(self, exchange: Exchange, why: str) -> None:
        """The server's answer cannot be passed on further."""
        if exchange.status is None:
            self._fail(exchange, why)
            return
        self._owner.upstream_failed(why)
        self._let_go(exchange)
        self._owner.settle(exchange, None)
        self._over = True
        self.client.reset()  # in the middle of an answer: a plain end could pass for the answer's own

    def _let_go(self, exchange: Exchange) -> None:
        line, exchange.line = exchange.line, None
        if line is not None:
            line.borrower = None
            line.end.abort()

    def _leave(self, last: bytes) -> None:
        """Write ``last`` and close once the client has read it: closing while it still sends would discard that."""
        self._over = True
        self._exchange = None
        self._inbox = b""
        self._touched_s = time.monotonic()
        self.client.write_last(last)
        self._turn()
        self.regulate()

    # Ends

    def _client_lost(self) -> None:
        self._owner.ended(self)
        self._over = True
        if self._tunnel is not None:
            self._tunnel.borrower = None
            self._tunnel.end.close()
        exchange = self._exchange
        if exchange is None or exchange.settled:
            return
        self._let_go(exchange)
        if exchange.request.complete:
            self._owner.settle(exchange, None)
        else:
            self._owner.settle(exchange, None, LEFT)

    def line_lost(self) -> None:
        """See `resources.recorder.upstream.Borrower`."""
        if self._tunnel is not None:
            self._tunnel = None
            self._over = True
            self.client.close()
            return
        exchange = self._exchange
        if exchange is None or exchange.settled:
            return
        line, exchange.line = exchange.line, None
        response = exchange.response
        if response is not None and response.has_head and exchange.status is not None:
            if response.complete:  # to a request that is not whole yet
                self._end_early(exchange)
            elif response.delimited:
                self._break(exchange, "it ended the connection in the middle of an answer")
            else:
                self._finish(exchange)
        elif line is not None and line.reused and exchange.request.replayable:
            self._connect(exchange)  # the server was just ending it
        else:
            self._break(exchange, "it ended the connection without an answer")

    def sweep(self, now_s: float) -> None:
        """End what has taken too long by ``now_s``, CLOCK_MONOTONIC; called about once a second."""
        quiet_s = now_s - self._touched_s
        exchange = self._exchange
        if self._over:
            if self.client.unsent != self._unsent:  # it still reads its last answer
                self._unsent, self._touched_s = self.client.unsent, now_s
            elif quiet_s > (_BODY_S if self._unsent else _LINGER_S) and exchange is None:
                self.client.abort()
        elif self._tunnel is not None:
            return
        elif exchange is None:
            if quiet_s > _IDLE_S:
                self.close()
        elif not exchange.request.has_head:
            if now_s - exchange.began_ns / 1e9 > _HEAD_S:
                self._refuse(exchange, Refused(408, f"a head that took more than {_HEAD_S:.0f} s"))
        elif not exchange.request.complete and quiet_s > _BODY_S and not self._inbox:
            line = exchange.line
            if line is not None and not line.end.congested:  # otherwise it is the server that is slow
                self._refuse(exchange, Refused(408, f"a body that paused for more than {_BODY_S:.0f} s"))

    def give_way(self) -> None:
        """End while it waits for its client, since others need the room."""
        exchange, self._exchange = self._exchange, None
        cut = self._over or self.client.unsent
        if exchange is not None:
            self._let_go(exchange)
            self._owner.refuse(exchange, _TOO_SLOW.reason)
            cut = cut or exchange.status is not None
            self.client.write(_TOO_SLOW.answer())
        if cut:
            self.abort()
        else:
            self.close()

    @property
    def idle(self) -> bool:
        """Whether no request is under way, and every answer is sent."""
        return self._exchange is None and self._tunnel is None and not self.client.unsent

    def close(self) -> None:
        """End in order: what was written is still sent."""
        self._over = True
        self._touched_s = time.monotonic()
        self.client.close()

    def abort(self) -> None:
        """End at once."""
        self.client.abort()
