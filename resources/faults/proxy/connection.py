"""One client's connection and the upstream connection behind it.

Put here passing messages on as they arrive, in bounded memory, and carrying out a `Treatment`. Keep out which requests
get which treatment (`resources.faults.proxy.fault`).

Requests on a connection are dealt with one after another, pipelined ones too, so that each has its own treatment and
answers stay in order. Bytes pass as they came; an end that closes closes the other. What is not HTTP/1.1 resets both.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from resources.faults.proxy.behaviours import PASS, Treatment
from resources.faults.proxy.message import Request
from resources.wire.end import End
from resources.wire.message import NotHttp, Response

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Owner:
    """What connections need of the proxy they are part of, and report to it.

    Attributes:
        upstream_port: The port of this machine that requests are passed on to.
        treat: Decides what happens to a request.
        began: Called when a connection begins.
        ended: Called when its client is gone.
    """

    upstream_port: int
    treat: Callable[[Request], Treatment]
    began: Callable[["Connection"], None]
    ended: Callable[["Connection"], None]


class _Exchange:
    """A request and its response, as far as they have come."""

    def __init__(self) -> None:
        self.request = Request()
        self.response = Response(self.request)
        self.treatment = PASS
        self.held = False  # whether its response has been held back already
        self.allowance: int | None = None  # how much of a truncated body may still be sent, once that is known

    @property
    def awaits_upstream(self) -> bool:
        return self.request.has_head and self.treatment.forwarded and not self.response.complete


class Connection:
    """Passes on one client's exchanges. It begins when its ``client`` end is connected."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.client = End(
            made=self._begin,
            received=self._request_received,
            lost=self._client_lost,
            congested=self._regulate,
            relieved=self._advance,
        )
        self._upstream = End(
            made=lambda: None,
            received=self._response_received,
            lost=self._upstream_lost,
            congested=self._regulate,
            relieved=self._regulate,
        )
        self._connecting: asyncio.Task[None] | None = None
        self._connected = False
        self._exchange = _Exchange()
        self._inbox = b""  # read and not dealt with yet: the next request waits for the answer to this one
        self._held: bytes | None = None  # the beginning of a response that is held back
        self._over = False

    def reset(self) -> None:
        """End both connections at once, the client's with a reset."""
        self._over = True
        self.client.reset()
        self._upstream.abort()

    def _close(self) -> None:
        """End in order: what was written is still sent."""
        self._over = True
        self.client.close()
        self._upstream.close()

    def _begin(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._connect())
        self._owner.began(self)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self._upstream, "127.0.0.1", self._owner.upstream_port
            )
        except OSError:
            self.reset()
            return
        if self._over:
            self._upstream.close()
            return
        self._connected = True
        self._advance()

    def _regulate(self) -> None:
        """Let each end read only while the other can take it: that bounds what is buffered."""
        self.client.read_on(not self._inbox and not self._upstream.congested)
        self._upstream.read_on(self._held is None and not self.client.congested)

    # From the client to upstream

    def _request_received(self, data: bytes) -> None:
        self._inbox = self._inbox + data if self._inbox else data
        self._advance()

    def _advance(self) -> None:
        """Deal with what was read as far as the exchange under way allows."""
        data, self._inbox = self._inbox, b""
        try:
            while data and self._may_read_request():
                data = data[self._read_request(data) :]
        except NotHttp:
            self.reset()
            return
        silenced = self._exchange.treatment.silent and self._exchange.request.complete
        self._inbox = b"" if silenced or self._over else data
        self._regulate()

    def _may_read_request(self) -> bool:
        request = self._exchange.request
        if self._over or not self._connected or request.complete:
            return False
        # A client that sends requests and reads no answers gets no new ones.
        return request.has_head or not self.client.congested

    def _read_request(self, data: bytes) -> int:
        exchange = self._exchange
        request = exchange.request
        in_body = request.has_head
        taken = request.read(data)
        if in_body:
            if exchange.treatment.forwarded:
                self._upstream.write(data[:taken])
        elif request.has_head:
            self._treat(exchange)
        if request.complete and not self._over:
            self._request_complete(exchange)
        return taken

    def _treat(self, exchange: _Exchange) -> None:
        """The head is there: decide on the request, before anything of it is passed on."""
        exchange.treatment = treatment = self._owner.treat(exchange.request)
        if treatment.reset:
            self.reset()
        elif treatment.forwarded:
            self._upstream.write(exchange.request.head)
        elif treatment.silent:
            self._upstream.close()
        elif exchange.request.expects_continue:
            self.client.write(_CONTINUE)

    def _request_complete(self, exchange: _Exchange) -> None:
        if exchange.treatment.answer is not None:
            self.client.write(exchange.treatment.answer)
            if exchange.request.keep_alive and self._upstream.open:
                self._exchange = _Exchange()
            else:
                self._close()
        elif exchange.response.complete:  # it came before the whole of the request was sent
            self._exchange_complete(exchange)

    # From upstream to the client

    def _response_received(self, data: bytes) -> None:
        exchange = self._exchange
        if self._held is not None:
            self._held += data
        elif not exchange.awaits_upstream:
            self._close()  # to no request
        elif exchange.treatment.hold_s and exchange.request.complete and self.client.open and not exchange.held:
            exchange.held = True
            self._held = data
            self._regulate()
            asyncio.get_running_loop().call_later(exchange.treatment.hold_s, self._release)
        else:
            self._pass_on(exchange, data)

    def _release(self) -> None:
        data, self._held = self._held, None
        if data is not None and not self._over:
            self._pass_on(self._exchange, data)
            self._regulate()

    def _pass_on(self, exchange: _Exchange, data: bytes) -> None:
        try:
            while data and not exchange.response.complete:
                data = data[self._read_response(exchange, data) :]
        except NotHttp:
            self.reset()
            return
        if exchange.response.complete and exchange.request.complete and not self._over:
            self._exchange_complete(exchange)
        if data:
            self._close()

    def _read_response(self, exchange: _Exchange, data: bytes) -> int:
        response = exchange.response
        in_body = response.has_head
        taken = response.read(data)
        if response.has_head:
            piece = data[:taken] if in_body else response.head
            if exchange.treatment.truncated and not response.interim:
                self._truncate(exchange, piece, in_body=in_body)
            elif not exchange.treatment.silent:
                self.client.write(piece)
            if response.complete and response.interim:
                exchange.response = Response(exchange.request)
        return taken

    def _truncate(self, exchange: _Exchange, piece: bytes, *, in_body: bool) -> None:
        """Send up to half of the body, or of the head where there is no body.

        Where the body's length is not announced, half of what comes first has to do: all else would have to be kept.
        """
        if self._over:
            return
        announced = exchange.response.body_bytes
        if not in_body:
            self.client.write(piece if announced != 0 else piece[: len(piece) // 2])
            exchange.allowance = None if announced is None else announced // 2
        else:
            allowance = len(piece) // 2 if exchange.allowance is None else exchange.allowance
            self.client.write(piece[:allowance])
            exchange.allowance = max(0, allowance - len(piece))
        if exchange.allowance == 0:
            self._close()

    def _exchange_complete(self, exchange: _Exchange) -> None:
        if exchange.treatment.silent or not self.client.open:
            self._upstream.close()
            return
        self._exchange = _Exchange()
        if self._inbox:
            self._advance()

    # Ends

    def _client_lost(self) -> None:
        self._owner.ended(self)
        exchange = self._exchange
        # A request that met a fault is finished upstream though its caller gave up, as a slow or silent store would.
        if (
            exchange.treatment is not PASS
            and exchange.awaits_upstream
            and exchange.request.complete
            and self._held is None
        ):
            self._regulate()
            return
        self._over = True
        self._upstream.close()

    def _upstream_lost(self) -> None:
        exchange = self._exchange
        if exchange.treatment.silent or (exchange.request.has_head and not exchange.treatment.forwarded):
            return  # the treatment decides how this one ends
        self._close()
