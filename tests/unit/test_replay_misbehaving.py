"""The load generator against servers that break the rules of HTTP, or of good manners: what each request is booked as.

Every kind is one server and what it comes to. Servers that behave, and the client's own rules, are in
`test_replay_client`.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from resources.machine.leash import free_port
from tests.unit.test_replay_client import Behaviour, Peer, Server, answer, commands, send
from workloads.replay import connection
from workloads.replay.client import BROKEN, Gauge
from workloads.replay.connection import (
    CAUSES,
    CLOSED,
    CUT_OFF,
    NOT_HTTP,
    REFUSED,
    RESET,
    STOPPED,
    TLS_FAILED,
    UNKNOWN_HOST,
)
from workloads.replay.keep_alive import KeepAliveClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BARE = b"HTTP/1.1 200 OK\r\n\r\n"


def says(*pieces: bytes, close: bool = False, pause_s: float = 0.002) -> Behaviour:
    """Writes the pieces one after the other, and then hangs up where it is told to."""

    def behave(peer: Peer, number: int) -> None:
        loop = asyncio.get_running_loop()
        for index, piece in enumerate(pieces):
            loop.call_later(pause_s * index, peer.transport.write, piece)
        if close:
            loop.call_later(pause_s * len(pieces), peer.transport.close)

    return behave


def says_at_once(message: bytes, *, close: bool = False) -> Behaviour:
    """Writes in one piece, within the same round of its loop as it read the request."""

    def behave(peer: Peer, number: int) -> None:
        peer.transport.write(message)
        if close:
            peer.transport.close()

    return behave


def writes_and_resets(message: bytes, after_s: float = 0.002) -> Behaviour:
    def behave(peer: Peer, number: int) -> None:
        if after_s:
            peer.transport.write(message)
            asyncio.get_running_loop().call_later(after_s, peer.reset)
        else:  # in one go, past the loop: the client may hear of both in one wake
            os.write(peer.transport.get_extra_info("socket").fileno(), message)
            peer.reset()

    return behave


ANSWERED: dict[str, tuple[Behaviour, int]] = {
    "answers twice at once": (says_at_once(OK + OK), 200),
    "answers three times at once": (says_at_once(OK * 3), 200),
    "answers twice in pieces": (says(OK, OK), 200),
    "answers once and a half": (says_at_once(OK + OK[:30]), 200),
    "answers, and talks on": (says_at_once(OK + b"by the way"), 200),
    "answers twice and closes": (says_at_once(OK + OK, close=True), 200),
    "HTTP/1.0 without a length": (says(b"HTTP/1.0 200 OK\r\n\r\n{}", close=True), 200),
    "HTTP/1.0 without a length or a body": (says(b"HTTP/1.0 201 Created\r\n\r\n", close=True), 201),
    "HTTP/1.0 in pieces": (says(b"HTTP/1.0 200 O", b"K\r\nServer: x\r\n", b"\r\n{", b"}", close=True), 200),
    "HTTP/1.0 with a length": (says(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", close=True), 200),
    "HTTP/1.0 that stays": (
        says_at_once(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"),
        200,
    ),
    "HTTP/1.1 without a length": (says(BARE + b"{}", close=True), 200),
    "a large body without a length": (says(BARE + b"x" * 70_000, b"x" * 70_000, close=True), 200),
    "an error without a length": (says(b"HTTP/1.0 503 Busy\r\n\r\nbusy", close=True), 503),
    "101 and other words": (
        says_at_once(b"HTTP/1.1 101 Switching\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\nhello"),
        101,
    ),
    "101 without saying to what": (says_at_once(b"HTTP/1.1 101 Switching\r\n\r\n"), 101),
    "offers an upgrade": (
        says_at_once(b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}"),
        200,
    ),
    "100 first": (says_at_once(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), 200),
    "103 first, in pieces": (says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK), 200),
    "102 three times": (says(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 3, OK), 200),
    "204": (says_at_once(b"HTTP/1.1 204 None\r\n\r\n"), 204),
    "304 with a length and no body": (says_at_once(b"HTTP/1.1 304 Same\r\nContent-Length: 10\r\n\r\n"), 304),
    "no reason": (says_at_once(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 200),
    "a status nobody knows": (says_at_once(b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"), 799),
    "blank lines before": (says_at_once(b"\r\n\r\n" + OK), 200),
    "byte by byte": (says(*[bytes([one]) for one in OK], pause_s=0.0001), 200),
    "names in lower case": (says_at_once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), 200),
    "a long head": (
        says_at_once(b"HTTP/1.1 200 OK\r\n" + b"X-Long: yes\r\n" * 3000 + b"Content-Length: 0\r\n\r\n"),
        200,
    ),
    "chunked": (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n\r\n"), 200),
    "chunked with trailers": (
        says_at_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"),
        200,
    ),
    "closes after each answer and says so": (
        says_at_once(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", close=True),
        200,
    ),
    "says it will close, and does not": (
        says_at_once(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
        200,
    ),
}

BROKEN_OFF: dict[str, tuple[Behaviour, str]] = {
    "resets": (lambda peer, number: peer.reset(), RESET),
    "closes": (lambda peer, number: peer.transport.close(), CLOSED),
    "half an answer and closes": (says(OK[:-1], close=True), CUT_OFF),
    "half a head and closes": (says(OK[:20], close=True), CUT_OFF),
    "half an answer and resets": (writes_and_resets(OK[:-1]), RESET),
    "half an answer and resets at once": (writes_and_resets(OK[:-1], after_s=0), RESET),
    "a length that is too long": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", close=True),
        CUT_OFF,
    ),
    "HTTP/1.0 cut off": (says(b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n{}", close=True), CUT_OFF),
    "HTTP/1.0 cut off in its head": (says(b"HTTP/1.0 200 OK\r\nServer: x\r\n", close=True), CUT_OFF),
    "chunks cut off": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", close=True),
        CUT_OFF,
    ),
    "only announces": (says(b"HTTP/1.1 100 Continue\r\n\r\n", close=True), CLOSED),
    "talks another protocol": (says_at_once(b"SSH-2.0-OpenSSH\r\n"), NOT_HTTP),
    "talks TLS": (says_at_once(b"\x15\x03\x01\x00\x02\x02\x28"), NOT_HTTP),
    "talks HTTP/2": (says_at_once(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), NOT_HTTP),
    "a length below zero": (says_at_once(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), NOT_HTTP),
    "a length in words": (says_at_once(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"), NOT_HTTP),
    "two lengths": (
        says_at_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        NOT_HTTP,
    ),
    "a chunk whose size is no number": (
        says_at_once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
        NOT_HTTP,
    ),
    "a status in words": (says_at_once(b"HTTP/1.1 OK\r\n\r\n"), NOT_HTTP),
    "zeros": (says_at_once(b"\0" * 5000), NOT_HTTP),
}


class TestMisbehaving:
    @pytest.mark.parametrize("kind", ANSWERED)
    def test_an_answer_that_came_counts_whatever_else_the_server_says(self, kind: str) -> None:
        behaviour, status = ANSWERED[kind]
        with Server(behaviour).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), commands(12, 400), server.url)
        assert set(responses.status.tolist()) == {status}
        assert set(responses.cause.tolist()) == {0}
        assert len(server.requests) == 12

    @pytest.mark.parametrize("kind", BROKEN_OFF)
    def test_a_connection_that_failed_has_its_cause(self, kind: str) -> None:
        behaviour, cause = BROKEN_OFF[kind]
        with Server(behaviour).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), commands(12, 400), server.url)
        assert set(responses.status.tolist()) == {BROKEN}
        assert {CAUSES[number] for number in responses.cause} == {cause}
        assert len(server.requests) == 12, "each was sent, once"

    def test_a_reset_is_heard_of_however_much_came_before_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "_MOST_READS", 1)
        with Server(writes_and_resets(OK[:-1], after_s=0)).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), commands(12, 400), server.url)
        assert {CAUSES[number] for number in responses.cause} == {RESET}

    def test_what_a_server_says_unasked_is_no_answer_to_what_comes_next(self) -> None:
        """As servers do before they close an idle connection."""

        def answer_and_complain(peer: Peer, number: int) -> None:
            peer.answer()
            late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
            asyncio.get_running_loop().call_later(0.001, peer.transport.write, late)

        with Server(answer_and_complain).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), commands(3, 8), server.url)
        assert responses.status.tolist() == 3 * [200]

    def test_an_answer_before_the_body_is_read_counts_and_ends_the_connection(self) -> None:
        def turn_away(peer: Peer, number: int) -> None:
            peer.transport.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

        class Hasty(Peer):
            def data_received(self, data: bytes) -> None:
                if self.server.requests:
                    return
                self.server.requests.append(data)
                self.transport.pause_reading()
                turn_away(self, 0)

        large = replace(commands(1), payload_bytes=[20_000_000])
        with Server(answer, peer=Hasty).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), large, server.url)
        assert responses.status.tolist() == [413]

    def test_a_large_body_arrives_whole(self) -> None:
        large = replace(commands(2, 50), payload_bytes=[6_000_000, 300])
        with Server(answer).running() as server:
            responses = send(KeepAliveClient(deadline_s=10), large, server.url)
        assert responses.status.tolist() == [200, 200]
        sizes = sorted(len(request.partition(b"\r\n\r\n")[2]) for request in server.requests)
        assert sizes == [300, 6_000_000]

    def test_nobody_listens(self) -> None:
        responses = send(KeepAliveClient(deadline_s=5), commands(20, 1000), f"http://127.0.0.1:{free_port()}")
        assert {CAUSES[number] for number in responses.cause} == {REFUSED}

    def test_a_host_that_nobody_knows(self) -> None:
        responses = send(KeepAliveClient(deadline_s=5), commands(3), "http://nowhere.invalid:80")
        assert {CAUSES[number] for number in responses.cause} == {UNKNOWN_HOST}

    def test_plain_http_where_tls_was_expected(self) -> None:
        class Blunt(Peer):
            def data_received(self, data: bytes) -> None:
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        with Server(answer, peer=Blunt).running() as server:
            garbled = send(KeepAliveClient(deadline_s=1), commands(3), server.url.replace("http:", "https:"))
        assert set(garbled.status.tolist()) == {BROKEN}
        assert {CAUSES[number] for number in garbled.cause} == {TLS_FAILED}

    def test_what_was_cut_off_by_stopping_says_so(self) -> None:
        gauge = Gauge()

        def stop(peer: Peer, number: int) -> None:
            gauge.stop = True

        with Server(stop).running() as server:
            responses = send(KeepAliveClient(), commands(3, 1000), server.url, gauge)
        assert STOPPED in {CAUSES[number] for number in responses.cause}

    def test_every_way_a_server_may_misbehave_leaves_the_others_alone(self) -> None:
        """One server with all kinds, in turn: nothing of one connection reaches a request on another."""
        kinds = [*ANSWERED.values(), *BROKEN_OFF.values()]

        def in_turn(peer: Peer, number: int) -> None:
            name = peer.server.ids[number]
            kinds[int(name.removeprefix("r"))][0](peer, number)

        with Server(in_turn).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), commands(len(kinds), 100), server.url)
        expected = [outcome if isinstance(outcome, int) else BROKEN for _, outcome in kinds]
        assert responses.status.tolist() == expected


class TestIpv6:
    @pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
    def test_host_header_has_brackets(self) -> None:
        try:
            server = Server(answer, host="::1")
            with server.running():
                responses = send(KeepAliveClient(deadline_s=5), commands(2), server.url)
        except OSError as error:
            pytest.skip(f"no IPv6 address here: {error}")
        assert responses.status.tolist() == [200, 200]
        assert b"\r\nHost: [::1]:" in server.requests[0]


_LIMITED = """
import json, resource, sys, time
import numpy as np
from workloads.replay.client import Gauge
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule
resource.setrlimit(resource.RLIMIT_NOFILE, (40, int(sys.argv[2])))
ids = [str(number) for number in range(120)]
schedule = Schedule(ids, ["command"] * 120, ids, ids, [100] * 120, np.arange(120) * 1000, 1)
gauge = Gauge()
responses = KeepAliveClient(deadline_s=10).send(schedule, sys.argv[1], time.monotonic_ns(), gauge)
print(json.dumps([responses.status.tolist(), gauge.fault]))
"""


class TestOwnLimits:
    @pytest.mark.parametrize(
        ("permitted", "fault"),
        [
            pytest.param(2048, None, id="raised as far as needed"),
            pytest.param(
                40,
                "the load generator came to the limit of open files of this process, and requests waited for it:"
                " raise it, or lower --speed",
                id="said where it cannot be raised",
            ),
        ],
    )
    def test_too_few_open_files_are_booked_on_no_request(self, permitted: int, fault: str | None) -> None:
        with Server(lambda peer, number: peer.later(0.1)).running() as server:
            command = [sys.executable, "-c", _LIMITED, server.url, str(permitted)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert ran.stderr == ""
        assert json.loads(ran.stdout) == [120 * [200], fault]


class TestPacing:
    def test_who_hangs_up_on_connecting_is_asked_at_the_given_pace(self) -> None:
        with Server(answer, reset_at_once=True).running() as server:
            client = KeepAliveClient(connects_per_s=50, deadline_s=5)
            responses = send(client, commands(300, 500), server.url)
        assert (responses.status == BROKEN).all()
        assert server.connections < 150, "30 at the pace, and those before the first failure"

    def test_a_server_that_refuses_no_one_is_not_paced(self) -> None:
        with Server(lambda peer, number: peer.later(0.3)).running() as server:
            responses = send(KeepAliveClient(connects_per_s=10), commands(60, 2000), server.url)
        assert (responses.status == 200).all()
        assert responses.sent_us.max() < 1_500_000, "5 s at the pace"
