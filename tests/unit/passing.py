"""What every proxy of ours must pass on unchanged, for the tests of each. No test runs from here.

Put here what they have in common. Keep out what only one does (in `test_fault_proxy`, `test_recorder_proxy`).
"""

import os
import time
from collections.abc import Callable

import pytest

from tests.unit.fault_server import CONTINUE, Caller, Upstream, chunked, dynamodb, post, response

Connect = Callable[[], Caller]
GET = b"GET /x HTTP/1.1\r\nHost: here\r\n\r\n"


class Passing:
    """Bytes both ways, between a client that ``connect`` makes and the server ``upstream``."""

    @pytest.mark.parametrize(
        "request_",
        [
            GET,
            post(b""),
            post(b"x" * 300, "X-Odd-CASE: value", "X-Twice: 1", "X-Twice: 2", "Cookie: a=b"),
            dynamodb("UpdateItem", b'{"Key": 1}'),
            b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(os.urandom(9000)),
            b"DELETE /a HTTP/1.1\r\nHost: h\r\n\r\n",
            pytest.param(post(os.urandom(5_000_000)), id="megabytes"),
        ],
    )
    def test_the_server_sees_what_was_sent_and_the_client_what_was_answered(
        self, connect: Connect, upstream: Upstream, request_: bytes
    ) -> None:
        assert connect().ask(request_) == response(request_)
        assert upstream.requests == [request_]

    def test_a_request_may_dribble_in(self, connect: Connect) -> None:
        caller, request = connect(), post(b"abc", "X-Header: value")
        for position in range(len(request)):
            caller.send(request[position : position + 1])
            time.sleep(0.0005)
        assert caller.response() == response(request)

    def test_pipelined_requests_are_answered_in_order(self, connect: Connect, upstream: Upstream) -> None:
        requests = [post(b"%d" % number * 700) for number in range(60)]
        expected = b"".join(map(response, requests))
        caller = connect()
        caller.send(b"".join(requests))
        assert caller.all_of(len(expected)) == expected
        assert upstream.requests == requests

    def test_a_client_may_wait_for_100_continue(self, connect: Connect) -> None:
        caller, request = connect(), post(b"x" * 1000, "Expect: 100-continue")
        caller.send(request[:-1000])
        assert caller.all_of(len(CONTINUE)) == CONTINUE
        caller.send(request[-1000:])
        assert caller.response() == response(request)
        assert caller.ask(GET) == response(GET)
