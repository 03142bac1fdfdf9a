"""HTTP/1.1 messages read byte by byte as they arrive, so that each can be passed on unchanged.

Put here where a message's head and body end, and the facts of its head that decide this. Keep out what becomes of a
message, and what else a proxy needs of its head (`resources.faults.proxy.message`, `resources.recorder.messages`).

`httptools` reads the heads. It does not report at which byte a message ends, so bodies are counted here.
"""

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

import httptools

MAX_HEAD_BYTES = 64 * 1024
_CHUNK_LINE_BYTES = 4096  # longest chunk-size or trailer line
_HEAD_END = b"\r\n\r\n"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_EXTENSION = (
    rb"[ \t]*;[ \t]*%(token)s(?:[ \t]*=[ \t]*(?:%(token)s|\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*\"))?"
)
# At most 16 digits; int() alone would take signs, underscores and 0x.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:" + _EXTENSION % {b"token": _TOKEN} + rb")*")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[\t -~\x80-\xff]*")
# A server that adds trailers to the head would take these for facts about the message, and another would not.
_NO_TRAILERS = frozenset(
    (
        *(b"authorization", b"connection", b"content-encoding", b"content-length", b"content-range", b"content-type"),
        *(b"cookie", b"expect", b"host", b"te", b"transfer-encoding", b"upgrade"),
    )
)


class NotHttp(ValueError):  # noqa: N818 - it names the bytes' fault
    """These bytes are not HTTP/1.1, or a use of it that the proxy does not carry: CONNECT, upgrades."""


class _Body(Protocol):
    """Counts how many of the bytes it is given are its own, until it has had all of them."""

    complete: bool
    content_bytes: int  # of what it carries, as far as known: announced at once, or chunk by chunk

    def read(self, data: bytes) -> int: ...


class _Sized:
    """A body of so many bytes."""

    def __init__(self, length: int) -> None:
        self.length = self.content_bytes = self._left = length
        self.complete = not length

    def read(self, data: bytes) -> int:
        taken = min(len(data), self._left)
        self._left -= taken
        self.complete = not self._left
        return taken


class _UntilClose:
    """A response's body that ends with its connection."""

    def __init__(self) -> None:
        self.complete = False
        self.content_bytes = 0

    def read(self, data: bytes) -> int:
        self.content_bytes += len(data)
        return len(data)


class _Chunked:
    """A body in chunks: size line, data, line end; a chunk of size 0, trailer lines and an empty line end it.

    It is strict: what two programs read differently lets one request hide within another.
    """

    def __init__(self) -> None:
        self._line = b""  # what has arrived of a size or trailer line, or of the line end behind a chunk
        self._left = 0  # of the chunk's data
        self._after_data = False
        self._last = False
        self._besides = 0  # bytes of extensions and trailers
        self.content_bytes = 0
        self.complete = False

    def read(self, data: bytes) -> int:
        position = 0
        while position < len(data) and not self.complete:
            if self._left:
                taken = min(len(data) - position, self._left)
                self._left -= taken
                position += taken
                continue
            end = data.find(b"\n", position) + 1
            self._line += data[position : end or len(data)]
            position = end or len(data)
            if len(self._line) > _CHUNK_LINE_BYTES:
                raise NotHttp("a line between chunks is too long")
            if end:
                self._read_line()
        return position

    def _read_line(self) -> None:
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise NotHttp("a line between chunks that does not end as one")
        line = line[:-2]
        if self._after_data:
            if line:
                raise NotHttp("a chunk longer than its size")
            self._after_data = False
            return
        if self._last:
            self.complete = not line
            if line:
                self._read_trailer(line)
            return
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            raise NotHttp(f"no chunk size: {line[:20]!r}")
        self._count(len(line) - found.end(1))
        size = int(found[1], 16)
        self.content_bytes += size
        self._last = not size
        self._left = size
        self._after_data = bool(size)

    def _read_trailer(self, line: bytes) -> None:
        found = _FIELD.fullmatch(line)
        if found is None or found[1].lower() in _NO_TRAILERS:
            raise NotHttp(f"no trailer: {line[:20]!r}")
        self._count(len(line))

    def _count(self, extra: int) -> None:
        self._besides += extra
        if self._besides > MAX_HEAD_BYTES:
            raise NotHttp(f"extensions of chunks and trailers of more than {MAX_HEAD_BYTES} bytes")


class _Message(ABC):
    """One message. `read` takes bytes of the head until it is complete, then bytes of the body, which are not kept.

    Attributes:
        head: The head's bytes as they came, complete once ``has_head`` is true.
        has_head: Whether the head is complete.
        keep_alive: Whether the connection goes on after it; known once ``has_head`` is true.
    """

    kept: ClassVar[frozenset[bytes]] = frozenset((b"content-length", b"transfer-encoding", b"expect"))  # of the headers

    def __init__(self, parser: type["httptools.HttpRequestParser | httptools.HttpResponseParser"]) -> None:
        self.head = b""
        self.has_head = False
        self.keep_alive = True
        self._headers: dict[bytes, bytes] = {}
        self._body: _Body | None = None
        self._parser: httptools.HttpRequestParser | httptools.HttpResponseParser | None = parser(self)

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return self._body is not None and self._body.complete

    @property
    def body_bytes(self) -> int | None:
        """The length of the body that its head announces; None where the end shows only when it comes."""
        return self._body.length if isinstance(self._body, _Sized) else None

    @property
    def delimited(self) -> bool:
        """Whether its end shows without the end of the connection."""
        return not isinstance(self._body, _UntilClose)

    @property
    def content_bytes(self) -> int:
        """How many bytes its body carries, as far as known; the framing of chunks does not count."""
        return 0 if self._body is None else self._body.content_bytes

    def read(self, data: bytes) -> int:
        """Read the part of ``data`` that belongs to the head or the body, whichever is being read.

        Returns:
            How many bytes that is; those behind it are for the next call.

        Raises:
            NotHttp: The bytes are not HTTP/1.1.
        """
        return self._read_head(data) if self._body is None else self._body.read(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if (key := name.lower()) in self.kept:
            self._headers[key] = self._headers[key] + b", " + value if key in self._headers else value

    def on_headers_complete(self) -> None:
        self.has_head = True
        # Read now, since the parser starts afresh at the end of a message.
        self.keep_alive = self._parser is not None and self._parser.should_keep_alive()

    def _read_head(self, data: bytes) -> int:
        """Feed the parser up to each place where the head may end; it then reports whether it did."""
        fed = before = len(self.head)
        self.head += data
        while not self.has_head and fed < len(self.head):
            found = self.head.find(_HEAD_END, max(0, fed - len(_HEAD_END) + 1))
            end = len(self.head) if found < 0 else found + len(_HEAD_END)
            self._feed(self.head[fed:end])
            fed = end
        if fed > MAX_HEAD_BYTES:
            raise NotHttp(f"a head of more than {MAX_HEAD_BYTES} bytes")
        self.head = self.head[:fed]
        if self.has_head:
            self._body = self._body_after_head(self._parser)
            self._parser = None  # it refers back to this message: both are freed without the garbage collector
        return fed - before

    def _feed(self, data: bytes) -> None:
        assert self._parser is not None  # noqa: S101 - it goes when the head is complete
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is an ordinary one until the answer grants the upgrade
        except httptools.HttpParserError as error:
            raise NotHttp(str(error)) from None

    @abstractmethod
    def _body_after_head(self, parser: Any) -> _Body:
        """Where the body ends, known once the head is complete."""

    def _announced(self) -> _Body | None:
        """The body its headers announce. The parser has refused contradictions and malformed lengths."""
        encoding = self._headers.get(b"transfer-encoding")
        if encoding is not None:
            return _Chunked() if encoding.rpartition(b",")[2].strip().lower() == b"chunked" else None
        length = self._headers.get(b"content-length")
        return None if length is None else _Sized(int(length))


class Request(_Message):
    """A request.

    Attributes:
        method: Such as ``GET``; there once the head is.
        expects_continue: Whether its sender waits for an interim answer; there once the head is.
        upgrades: Whether the answer may turn the connection into another protocol.
    """

    method: str
    expects_continue: bool
    upgrades = False

    def __init__(self) -> None:
        super().__init__(httptools.HttpRequestParser)

    def _body_after_head(self, parser: Any) -> _Body:
        self.method = parser.get_method().decode()
        if self.method == "CONNECT":
            raise NotHttp("CONNECT")
        if self._headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise NotHttp("a transfer coding other than chunked")
        self.expects_continue = self._headers.get(b"expect", b"").lower() == b"100-continue"
        return self._announced() or _Sized(0)


class Response(_Message):
    """A response to ``request``. Its ``status`` is known once its head is complete."""

    status: int

    def __init__(self, request: Request) -> None:
        super().__init__(httptools.HttpResponseParser)
        self._request = request

    @property
    def interim(self) -> bool:
        """Whether the actual response is still to come."""
        return self.status < 200

    def _body_after_head(self, parser: Any) -> _Body:
        self.status = parser.get_status_code()
        if self.status == 101 and not self._request.upgrades:
            raise NotHttp("an upgraded connection")
        if self.interim or self.status in {204, 304} or self._request.method == "HEAD":
            return _Sized(0)
        return self._announced() or _UntilClose()
