"""HTTP messages in the fault proxy: read from whatever segments they arrive in, byte for byte."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.faults.proxy.message import Request
from resources.wire.message import MAX_HEAD_BYTES, NotHttp, Response
from tests.unit.fault_server import Seen, chunked, dynamodb, post, response

GET = b"GET /orders/1 HTTP/1.1\r\nHost: here\r\n\r\n"


def in_chunks(body: bytes, size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, size)


def head_of(raw: bytes) -> Request:
    request = Request()
    request.read(raw)
    assert request.has_head
    return request


def divided(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


def messages_in(segments: list[bytes]) -> list[bytes]:
    """What a stream of requests is taken apart into."""
    found: list[bytes] = []
    request, raw = Request(), b""
    for segment in segments:
        data = segment
        while data:
            had_head = request.has_head
            taken = request.read(data)
            raw += data[:taken] if had_head else (request.head if request.has_head else b"")
            data = data[taken:]
            if request.complete:
                found.append(raw)
                request, raw = Request(), b""
    assert not raw
    return found


requests = st.one_of(
    st.just(GET),
    st.binary(max_size=3000).map(post),
    st.binary(max_size=300).map(lambda body: dynamodb("UpdateItem", body)),
    st.builds(in_chunks, st.binary(max_size=3000), st.integers(1, 700)),
)


class TestRequests:
    @pytest.mark.fuzz
    @given(st.lists(requests, min_size=1, max_size=5), st.lists(st.integers(0, 20_000), max_size=20))
    def test_come_apart_the_same_in_any_segments(self, sent: list[bytes], cuts: list[int]) -> None:
        assert messages_in(divided(b"".join(sent), cuts)) == sent

    @pytest.mark.fuzz
    @given(requests)
    def test_end_where_httptools_says(self, raw: bytes) -> None:
        request, seen = Request(), Seen(is_request=True)
        for position in range(len(raw)):
            assert not request.complete
            assert not seen.complete
            request.read(raw[position : position + 1])
            seen.parser.feed_data(raw[position : position + 1])
        assert request.complete
        assert seen.complete

    @pytest.mark.parametrize(
        ("raw", "operation"),
        [
            (GET, "GET"),
            (post(b""), "POST"),
            (dynamodb("UpdateItem"), "UpdateItem"),
            (post(b"", "x-AMZ-target: DynamoDBStreams_20120810.GetRecords"), "POST"),
            (post(b"", "x-amz-TARGET: DynamoDB_20120810.Query"), "Query"),
            (post(b"", "X-Amz-Target: AmazonSQS.SendMessage"), "POST"),
        ],
    )
    def test_are_distinguished_by_operation(self, raw: bytes, operation: str) -> None:
        assert head_of(raw).operation == operation

    @pytest.mark.parametrize(
        ("raw", "keep_alive"),
        [(GET, True), (post(b"", "Connection: close"), False), (b"GET / HTTP/1.0\r\n\r\n", False)],
    )
    def test_say_whether_their_connection_stays(self, raw: bytes, keep_alive: bool) -> None:
        assert head_of(raw).keep_alive is keep_alive

    def test_that_ask_for_an_upgrade_are_ordinary_ones(self) -> None:
        raw = post(b"body", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        assert messages_in([raw + GET]) == [raw, GET]

    @pytest.mark.parametrize(
        "raw",
        [
            b"hello\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01",  # a TLS handshake
            b"GET / HTTP/1.1\nHost: here\n\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"CONNECT here:443 HTTP/1.1\r\nHost: here\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES,
        ],
    )
    def test_that_are_not_http_are_refused(self, raw: bytes) -> None:
        with pytest.raises(NotHttp):
            Request().read(raw)

    @pytest.mark.parametrize("line", [b"", b"xyz", b"-5", b"0x10", b"1_0", b"+3", b"1" + b"0" * 5000])
    def test_with_chunks_of_no_size_are_refused(self, line: bytes) -> None:
        request = head_of(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(NotHttp):
            request.read(line + b"\r\n")


class TestResponses:
    def read(self, raw: bytes, request: bytes = GET) -> tuple[Response, int]:
        """The response and how many bytes of ``raw`` it had when it was complete or ``raw`` at its end."""
        message, position = Response(head_of(request)), 0
        while position < len(raw) and not message.complete:
            position += message.read(raw[position:])
        return message, position

    @pytest.mark.parametrize(
        "raw",
        [
            response(b"body"),
            response(b""),
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunked(b"x" * 5000),
        ],
    )
    def test_end_where_they_do(self, raw: bytes) -> None:
        message, length = self.read(raw + b"HTTP/1.1 200 OK\r\n")
        assert message.complete
        assert length == len(raw)

    def test_to_head_have_no_body_even_if_they_announce_one(self) -> None:
        message, _ = self.read(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", GET.replace(b"GET", b"HEAD"))
        assert message.complete

    def test_that_announce_nothing_last_until_the_connection_closes(self) -> None:
        raw = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000
        message, length = self.read(raw)
        assert not message.complete
        assert length == len(raw)
        assert message.body_bytes is None

    @pytest.mark.parametrize("raw", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"SSH-2.0\r\n\r\n"])
    def test_that_are_something_else_are_refused(self, raw: bytes) -> None:
        with pytest.raises(NotHttp):
            self.read(raw)

    @pytest.mark.parametrize(("status", "interim"), [(100, True), (103, True), (200, False), (503, False)])
    def test_may_be_interim(self, status: int, interim: bool) -> None:
        message, _ = self.read(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
        facts: tuple[Any, ...] = (message.status, message.interim)
        assert facts == (status, interim)
