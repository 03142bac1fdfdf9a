"""Messages as the recorder passes them on: as they came, except for what concerns one connection only.

Put here heads, rewritten, and which requests are refused by their head alone. Keep out passing messages on
(`resources.recorder.connection`).

A head is put together anew from what the parser read, so that a server behind the recorder cannot read it differently.
Nothing is added to a request: the server gets what it would have got.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from resources.wire import message

_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"http2-settings"))
_NEVER_LISTED = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"expect")
)  # as concerning one connection only
_HTTP2_PREFACE = b"PRI * HTTP/2"
# A request line with a method the parser does not know: of those it knows it has reported the target.
_STRANGE_METHOD = re.compile(rb"[A-Za-z][A-Za-z0-9_.-]* [!-~]+ HTTP/1\.[01]\r\n")
_TLS_HANDSHAKE = b"\x16\x03"
_REQUEST_LINE = re.compile(rb"[A-Z-]+ [!-~]+ HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE | re.DOTALL)
_STREAMED = b"SOURCE"  # Icecast's, which the parser knows
# Gateways that make variables of fields (CGI, WSGI) take these for the fields that end a body.
_LOOKALIKES = frozenset((b"content_length", b"transfer_encoding"))
_USUALLY_BODILESS = frozenset(("GET", "HEAD", "OPTIONS"))
_MALFORMED = "a malformed request"
_UNKNOWN_METHOD = "a method the recorder does not know: it passes on those of HTTP and WebDAV"

# An empty SETTINGS frame and a GOAWAY with HTTP_1_1_REQUIRED, which a client of HTTP/2 understands.
_HTTP2_GOODBYE = b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\7\0\0\0\0\0" + b"\0\0\0\0" + b"\0\0\0\x0d"


class Refused(Exception):  # noqa: N818 - it names what becomes of the request
    """The recorder answers the request itself and passes nothing on.

    Args:
        status: What its client gets.
        reason: Why, in fixed words that are counted and shown.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    def answer(self, *, body: bool = True) -> bytes:
        """The answer, with which the connection ends; without its ``body`` for HEAD."""
        return own_answer(self.status, self.reason, keep_alive=False, body=body)


class _Http2(Refused):
    def answer(self, *, body: bool = True) -> bytes:  # noqa: ARG002 - frames have none
        return _HTTP2_GOODBYE


def own_answer(status: int, reason: str, *, keep_alive: bool, body: bool = True) -> bytes:
    """An answer of the recorder itself."""
    text = f"archduel record: {reason}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text)}",
        *([] if keep_alive else ["Connection: close"]),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (text if body else b"")


def refusal_of(request: "Request") -> Refused:
    """Why bytes that are not HTTP/1.1 are refused."""
    if request.head.startswith(_HTTP2_PREFACE):
        return _Http2(505, "HTTP/2 without TLS: speak HTTP/1.1 here")
    if request.head.startswith(_TLS_HANDSHAKE):
        return Refused(400, "TLS: speak plain HTTP here")
    if len(request.head) > message.MAX_HEAD_BYTES:
        return Refused(431, f"a request's head of more than {message.MAX_HEAD_BYTES} bytes")
    if _STRANGE_METHOD.match(request.head) and not request.target:
        return Refused(501, _UNKNOWN_METHOD)
    return Refused(400, _MALFORMED)


class _Fields:
    """The header fields of a head, as they were, in their order."""

    def __init__(self) -> None:
        self.all: list[tuple[bytes, bytes]] = []
        self.special = False  # some of them are for this connection only

    def add(self, name: bytes, value: bytes) -> None:
        self.all.append((name, value))
        if name.lower() in _HOP_BY_HOP:
            self.special = True

    def first(self, key: bytes) -> bytes | None:
        """The first value of the field ``key``, in lower case."""
        return next((value for name, value in self.all if name.lower() == key), None)

    def every(self, key: bytes) -> list[bytes]:
        """All values of the field ``key``, in lower case."""
        return [value for name, value in self.all if name.lower() == key]

    def passed_on(self) -> Iterator[tuple[bytes, bytes]]:
        """The fields that do not concern one connection only."""
        if not self.special:
            yield from self.all
            return
        listed = {part.strip().lower() for value in self.every(b"connection") for part in value.split(b",")}
        dropped = _HOP_BY_HOP | (listed - _NEVER_LISTED)
        yield from (field for field in self.all if field[0].lower() not in dropped)


class Request(message.Request):
    """A client's request."""

    version: str

    def __init__(self) -> None:
        super().__init__()
        self.target = b""
        self.fields = _Fields()
        self._upgrade: bytes | None = None
        self._has_body = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.fields.add(name, value)

    def _body_after_head(self, parser: Any) -> Any:
        self.version = parser.get_http_version()
        self._check_line(parser.get_method())
        self._check_server()
        self._check_framing()
        body = super()._body_after_head(parser)
        self._has_body = bool(body.content_bytes) or not body.complete
        if self._has_body and self.method == "TRACE":
            raise Refused(400, "TRACE with a body")
        if self.fields.special and parser.should_upgrade():
            upgrade = self.fields.first(b"upgrade")
            # HTTP/2 would bypass the recording; without the request for it the server answers in HTTP/1.1.
            if upgrade and upgrade.strip().lower() != b"h2c":
                self.upgrades, self._upgrade = True, upgrade
        return body

    # What two servers could read differently would let one request hide within another, or reach another server.

    def _check_line(self, method: bytes) -> None:
        line = self.head[: self.head.index(b"\r\n") + 2]
        if line.rstrip().rpartition(b" ")[2].startswith((b"RTSP/", b"ICE/")):  # the parser knows these, too
            raise Refused(505, "a request of another protocol than HTTP")
        if self.version not in {"1.1", "1.0"}:
            raise Refused(505, "a version of HTTP other than 1.0 and 1.1")
        if not _REQUEST_LINE.fullmatch(line):
            raise Refused(400, _MALFORMED)
        if method == b"CONNECT":
            self.method = "CONNECT"
            raise Refused(501, "CONNECT: this is no forward proxy")
        if method == _STREAMED:
            raise Refused(501, _UNKNOWN_METHOD)

    def _check_server(self) -> None:
        hosts = self.fields.every(b"host")
        if len(hosts) > 1:
            raise Refused(400, "more than one Host")
        if not hosts and self.version == "1.1":
            raise Refused(400, "no Host, which HTTP/1.1 requires")
        if hosts and not _HOST.fullmatch(hosts[0]):
            raise Refused(400, "a Host that is no name or address with at most a port")
        if absolute := _ABSOLUTE.fullmatch(self.target):
            if [absolute[1].lower()] != [host.lower() for host in hosts]:
                raise Refused(400, "a target that names another server than Host")
            self.target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
        whole_server = self.target == b"*" and self.head.startswith(b"OPTIONS ")
        if b"#" in self.target or not (self.target.startswith(b"/") or whole_server):
            raise Refused(400, "a target that is no path")

    def _check_framing(self) -> None:
        codings = self.fields.every(b"transfer-encoding")
        if codings and self.version == "1.0":
            raise Refused(400, "Transfer-Encoding in HTTP/1.0, which has none")
        if codings and [coding.lower() for coding in codings] != [b"chunked"]:
            raise Refused(501, "a transfer coding other than chunked")
        if any(name.lower() in _LOOKALIKES for name, _ in self.fields.all):
            raise Refused(400, "Content_Length or Transfer_Encoding, with an underscore")
        if any(value.lower() != b"100-continue" for value in self.fields.every(b"expect")):
            raise Refused(417, "an expectation other than 100-continue")

    @property
    def unusual_body(self) -> bool:
        """Whether it has a body that a server may overlook, and then take for the next request."""
        return self._has_body and self.method in _USUALLY_BODILESS

    @property
    def replayable(self) -> bool:
        """Whether it may be sent again where an idle connection broke: it is complete, bodiless and changes nothing."""
        return self.complete and not self._has_body and self.method in {"GET", "HEAD", "OPTIONS", "TRACE"}

    def forwarded(self, host: bytes | None) -> bytes:
        """Its head for the server, with ``host`` in place of what the client called the server, where given."""
        lines = [b"%s %s HTTP/%s" % (self.method.encode(), self.target, self.version.encode())]
        for name, value in self.fields.passed_on():
            lines.append(b"%s: %s" % (name, host if host is not None and name.lower() == b"host" else value))
        if self._upgrade:
            lines += [b"Connection: Upgrade", b"Upgrade: %s" % self._upgrade]
        return b"\r\n".join(lines) + b"\r\n\r\n"


class Response(message.Response):
    """The server's response to ``request``."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._fields = _Fields()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._fields.add(name, value)

    def forwarded(self, connection: bytes | None) -> bytes:
        """Its head for the client, with ``connection`` as the value of that field, where given."""
        # The version is the recorder's own, so that a server of HTTP/1.0 does not end its client's connection.
        lines = [b"HTTP/1.1" + self.head[: self.head.index(b"\r\n")][8:]]
        lines += [b"%s: %s" % field for field in self._fields.passed_on()]
        if connection:
            lines.append(b"Connection: " + connection)
        return b"\r\n".join(lines) + b"\r\n\r\n"
