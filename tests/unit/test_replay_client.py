"""The load generator against servers on this machine that answer, stall, close, reset or say nothing.

Bounds are generous: they tell open loop from closed loop, not a quick machine from a slow one. What is sent is
`test_schedule`.
"""

import asyncio
import gc
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from resources.machine.leash import free_port
from workloads.replay.client import BROKEN, NO_STATUS, TIMED_OUT, UNSENT, Gauge, Responses, tidy_heap
from workloads.replay.connection import Connection
from workloads.replay.keep_alive import KeepAliveClient, back_off_s
from workloads.replay.schedule import Schedule

Behaviour = Callable[["Peer", int], None]  # of one request, by its number


class Peer(asyncio.Protocol):
    """The server's end of one connection."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.transport: asyncio.Transport
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.server.connections += 1
        self.server.peers.add(self)
        if self.server.reset_at_once:
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.peers.discard(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, rest = self._received.split(b"\r\n\r\n", 1)
            length = int(found[1]) if (found := re.search(rb"Content-Length: (\d+)", head)) else 0
            if len(rest) < length:
                return
            body, self._received = rest[:length], rest[length:]
            self.server.requests.append(head + b"\r\n\r\n" + body)
            self.server.behaviour(self, len(self.server.requests) - 1)

    def answer(self, status: int = 200, *, close: bool = False) -> None:
        head = f"HTTP/1.1 {status} Because\r\nContent-Length: 2\r\n" + ("Connection: close\r\n" if close else "")
        self.transport.write(head.encode() + b"\r\n{}")

    def later(self, seconds: float, status: int = 200) -> None:
        asyncio.get_running_loop().call_later(seconds, self.answer, status)

    def reset(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server:
    """An HTTP server in a thread of its own; ``behaviour`` is called for every request, in its loop."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        reset_at_once: bool = False,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        peer: type[Peer] = Peer,
    ) -> None:
        self.behaviour, self.reset_at_once, self.tls, self.host, self.peer = behaviour, reset_at_once, tls, host, peer
        self.connections = 0
        self.requests: list[bytes] = []
        self.peers: set[Peer] = set()
        self.url = ""

    @property
    def ids(self) -> list[str]:
        """The requests' ids, from bodies and query strings."""
        pattern = re.compile(rb'"request_id":"([^"]+)"|[?]request_id=([^ ]+)')
        return [(match[1] or match[2]).decode() for request in self.requests if (match := pattern.search(request))]

    def reached(self, requests: int) -> bool:
        """Waits until so many requests came, but not forever."""
        deadline = time.monotonic() + 20
        while len(self.requests) < requests and time.monotonic() < deadline:
            time.sleep(0.005)
        return len(self.requests) >= requests

    async def _serve(self, port: "Future[int]", over: asyncio.Event) -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: self.peer(self), self.host, 0, backlog=1000, ssl=self.tls
        )
        port.set_result(server.sockets[0].getsockname()[1])
        await over.wait()
        await asyncio.sleep(0.01)  # to accept what has just connected: closing meanwhile would leave it open
        server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        await asyncio.sleep(0.01)

    @contextmanager
    def running(self) -> Iterator["Server"]:
        port: Future[int] = Future()
        with asyncio.Runner() as runner:
            loop, over = runner.get_loop(), asyncio.Event()
            thread = threading.Thread(target=lambda: runner.run(self._serve(port, over)))
            thread.start()
            host = f"[{self.host}]" if ":" in self.host else self.host
            self.url = f"http{'s' if self.tls else ''}://{host}:{port.result(10)}/lab"
            try:
                yield self
            finally:
                loop.call_soon_threadsafe(over.set)
                thread.join(10)


def evenly(count: int, per_s: float, *, first_us: int = 0) -> Schedule:
    """Commands and queries in turn, at an even rate."""
    ids = [f"r{number}" for number in range(count)]
    return Schedule(
        request_ids=ids,
        operations=["query" if number % 2 else "command" for number in range(count)],
        entities=ids,
        order_ids=ids,
        payload_bytes=[200] * count,
        due_us=(first_us + np.arange(count) / per_s * 1e6).astype(np.int64),
        seed=1,
    )


def send(client: KeepAliveClient, schedule: Schedule, url: str, gauge: Gauge | None = None) -> Responses:
    """Sends from now on; whatever came back is checked for what must hold for any server."""
    gauge = gauge or Gauge()
    tidy_heap()
    responses = client.send(schedule, url, time.monotonic_ns(), gauge)
    assert (responses.status != NO_STATUS).all(), "a request without an end"
    assert gauge.in_flight == 0
    assert gauge.finished == len(schedule)
    sent = responses.sent_us >= 0
    assert gauge.sent == sent.sum()
    assert ((responses.attempts > 0) == sent).all()
    assert (responses.attempts <= client.retries + 1).all()
    fetched = responses.fetched_us >= 0
    assert (responses.fetched_us >= responses.responded_us)[fetched].all()
    assert (responses.fetches > 0)[fetched].all()
    # Every message the client sent is in one book or the other.
    calls = responses.attempts.sum() + responses.fetches.clip(0).sum()
    assert len(responses.others) == calls - sent.sum()
    assert (responses.sent_us >= schedule.due_us)[sent].all(), "sent early"
    assert (responses.client_queue_us[sent] >= 0).all()
    assert not sent[responses.status == UNSENT].any()
    answered = responses.responded_us >= 0
    assert (responses.responded_us >= responses.sent_us)[answered].all()
    assert (answered == ~np.isin(responses.status, [TIMED_OUT, UNSENT])).all()
    return responses


def answer(peer: Peer, number: int) -> None:
    peer.answer()


def ignore(peer: Peer, number: int) -> None:
    pass


def test_closed_connections_take_no_memory_while_a_replay_is_sent() -> None:
    gc.collect()
    gc.disable()  # as the client has it, so that what it left is still there to be counted
    try:
        with Server(lambda peer, number: peer.answer(close=True)).running() as server:
            responses = send(KeepAliveClient(), evenly(50, 500), server.url)
        left = sum(type(one) is Connection for one in gc.get_objects())
    finally:
        gc.enable()
    assert (responses.status == 200).all()
    assert server.connections >= 50
    assert left == 0


class TestSteadyServer:
    def test_every_request_is_answered_over_few_connections(self) -> None:
        schedule = evenly(400, 1000)
        with Server(answer).running() as server:
            responses = send(KeepAliveClient(), schedule, server.url)
        assert (responses.status == 200).all()
        assert sorted(server.ids) == sorted(schedule.request_ids), "each once"
        assert server.connections < 100, "connections are kept alive"

    def test_connection_is_used_again(self) -> None:
        with Server(answer).running() as server:
            responses = send(KeepAliveClient(connections=1), evenly(20, 100), server.url)
        assert (responses.status == 200).all()
        assert server.connections == 1

    def test_status_is_written_down_as_it_came(self) -> None:
        statuses = [201, 202, 204, 302, 400, 404, 429, 500, 503]

        def refuse(peer: Peer, number: int) -> None:
            status = statuses[number % len(statuses)]
            body = b"" if status == 204 else b"Content-Length: 2\r\n\r\n{}"
            peer.transport.write(b"HTTP/1.1 %d Because\r\n" % status + (body or b"\r\n"))

        with Server(refuse).running() as server:
            client = KeepAliveClient(deadline_s=5, ask_after_s=None)
            responses = send(client, evenly(2 * len(statuses), 200), server.url)
        assert sorted(responses.status.tolist()) == sorted(2 * statuses)

    @pytest.mark.parametrize(
        "pieces",
        [
            pytest.param([b"HTTP/1.1 201 Cre", b"ated\r\nContent-Le", b"ngth: 4\r\n\r\n{", b"}  "], id="in pieces"),
            pytest.param(
                [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"0\r\n\r\n"], id="chunked"
            ),
            pytest.param(
                [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"],
                id="after an interim answer",
            ),
        ],
    )
    def test_answer_is_whole_when_its_last_byte_is_there(self, pieces: list[bytes]) -> None:
        def dribble(peer: Peer, number: int) -> None:
            for index, piece in enumerate(pieces):
                asyncio.get_running_loop().call_later(0.03 * index, peer.transport.write, piece)

        with Server(dribble).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), evenly(3, 10), server.url)
        assert set(responses.status) == {201}
        assert (responses.responded_us - responses.taken_up_us > 30_000 * (len(pieces) - 1)).all()

    def test_nothing_is_sent_before_the_start(self) -> None:
        with Server(answer).running() as server:
            start_ns = time.monotonic_ns() + 200_000_000
            responses = KeepAliveClient().send(evenly(3, 100), server.url, start_ns, Gauge())
        assert (responses.sent_us >= 0).all()

    def test_a_request_that_cannot_be_made_ends_the_run_and_hangs_nothing(self) -> None:
        schedule = evenly(5, 100)
        broken = replace(schedule, order_ids=schedule.order_ids[:3])
        with Server(answer).running() as server, pytest.raises(IndexError):
            KeepAliveClient().send(broken, server.url, time.monotonic_ns(), Gauge())

    def test_garbage_collection_is_as_it_was(self) -> None:
        before = gc.isenabled(), gc.get_freeze_count()
        with Server(answer).running() as server:
            send(KeepAliveClient(), evenly(1, 1), server.url)
        assert (gc.isenabled(), gc.get_freeze_count()) == before


class TestOpenLoop:
    def test_a_stall_of_the_server_delays_no_sending(self) -> None:
        def stall(peer: Peer, number: int) -> None:
            if number == 60:
                time.sleep(0.3)
            peer.answer()

        schedule = evenly(240, 400)
        with Server(stall).running() as server:
            responses = send(KeepAliveClient(), schedule, server.url)
        assert (responses.status == 200).all()
        during = slice(65, 150)  # due while nothing was answered
        waited_us = (responses.responded_us - schedule.due_us)[during]
        lag_us = (responses.sent_us - schedule.due_us)[during]
        assert np.median(waited_us) > 100_000, "the server stalled"
        assert np.median(lag_us) < 50_000, "a closed loop would have waited 150 ms"

    def test_at_most_as_many_are_in_flight_as_there_are_connections(self) -> None:
        under_way, most = 0, 0

        def slowly(peer: Peer, number: int) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)

            def done() -> None:
                nonlocal under_way
                under_way -= 1
                peer.answer()

            asyncio.get_running_loop().call_later(0.04, done)

        with Server(slowly).running() as server:
            responses = send(KeepAliveClient(connections=2), evenly(20, 400), server.url)
        assert (responses.status == 200).all()
        assert most == 2
        assert server.connections == 2
        assert responses.client_queue_us[-1] > 100_000, "it waited in the client, and says so"

    def test_a_server_that_keeps_all_connections_busy_makes_requests_late_and_not_the_client(self) -> None:
        def stands_still(peer: Peer, number: int) -> None:
            peer.later(0.5 if number == 0 else 0)

        offered = evenly(20, 200)
        with Server(stands_still).running() as server:
            responses = send(KeepAliveClient(connections=1), offered, server.url)
        assert np.quantile(responses.sent_us - offered.due_us, 0.9) > 300_000
        assert np.quantile(responses.client_lag_us(offered.due_us), 0.9) < 100_000

    def test_what_the_server_never_gave_a_connection_was_taken_up_in_time(self) -> None:
        offered = evenly(10, 1000)
        with Server(ignore).running() as server:
            responses = send(KeepAliveClient(connections=1, deadline_s=0.2), offered, server.url)
        assert (responses.status == UNSENT).sum() >= 8
        assert len(responses.client_lag_us(offered.due_us)) == 10

    def test_requests_due_at_once_leave_at_once(self) -> None:
        clump = replace(evenly(100, 1), due_us=np.full(100, 300_000, np.int64))
        with Server(lambda peer, number: peer.later(0.1)).running() as server:
            responses = send(KeepAliveClient(), clump, server.url)
        assert (responses.status == 200).all()
        assert server.connections == 100
        assert (responses.connect_us == 0).all(), "all connections were there"
        assert np.median(responses.sent_us - clump.due_us) < 50_000, "pacing of 500/s would take 200 ms"

    def test_what_the_target_takes_to_accept_is_its_own_time_and_none_of_the_queue(self) -> None:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            port = listening.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)):  # its queue is full: the next one is kept waiting
                connecting = threading.Event()
                gauge = Gauge(tick=connecting.set)

                def accept() -> None:
                    connecting.wait(10)
                    time.sleep(0.3)
                    listening.accept()[0].close()
                    connection = listening.accept()[0]
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    connection.close()

                accepting = threading.Thread(target=accept)
                accepting.start()
                responses = send(KeepAliveClient(deadline_s=10), evenly(1, 1), f"http://127.0.0.1:{port}", gauge)
                accepting.join()
        assert responses.status.tolist() == [200]
        assert responses.connect_us[0] > 200_000, "the kernel asks again after a second"
        assert responses.client_queue_us[0] < 100_000

    def test_answers_that_come_all_at_once_delay_no_sending(self) -> None:
        """After a stall: what the client has to read must not make late what is due meanwhile."""
        held: list[Peer] = []

        def release(peer: Peer, number: int) -> None:
            held.append(peer)
            if len(held) == 400:
                for one in held:
                    one.answer()
            elif len(held) > 400:
                peer.answer()

        offered = replace(
            evenly(600, 1), due_us=np.r_[np.linspace(0, 2e5, 400), np.linspace(2e5, 3e5, 200)].astype(int)
        )
        with Server(release).running() as server:
            responses = send(KeepAliveClient(), offered, server.url)
        assert (responses.status == 200).all()
        assert np.quantile(responses.client_lag_us(offered.due_us), 0.5) < 20_000


class TestBrokenServer:
    def test_a_connection_closed_after_each_answer_is_opened_anew(self) -> None:
        def close(peer: Peer, number: int) -> None:
            peer.answer(close=True)
            peer.transport.close()

        with Server(close).running() as server:
            responses = send(KeepAliveClient(), evenly(40, 200), server.url)
        assert (responses.status == 200).all()
        assert server.connections >= 40

    def test_a_connection_closed_without_saying_so_is_opened_anew(self) -> None:
        def close(peer: Peer, number: int) -> None:
            peer.answer()
            peer.transport.close()

        with Server(close).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), evenly(20, 50), server.url)
        assert (responses.status == 200).sum() >= 10, "only one sent into the closing is lost"

    @pytest.mark.parametrize(
        "behaviour",
        [
            pytest.param(lambda peer, number: peer.reset(), id="resets"),
            pytest.param(lambda peer, number: peer.transport.close(), id="closes"),
            pytest.param(lambda peer, number: peer.transport.write(b"SSH-2.0-OpenSSH\r\n"), id="talks no HTTP"),
        ],
    )
    def test_a_request_that_gets_no_answer_is_broken(self, behaviour: Behaviour) -> None:
        with Server(behaviour).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), evenly(20, 200), server.url)
        assert (responses.status == BROKEN).all()
        assert len(server.requests) == 20, "it was sent, once"

    def test_a_cut_off_answer_is_broken(self) -> None:
        def cut(peer: Peer, number: int) -> None:
            peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
            peer.transport.close()

        with Server(cut).running() as server:
            assert set(send(KeepAliveClient(deadline_s=5), evenly(5, 100), server.url).status) == {BROKEN}

    def test_a_server_that_hangs_up_on_connecting_breaks_requests_and_hangs_none(self) -> None:
        with Server(answer, reset_at_once=True).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), evenly(40, 200), server.url)
        assert (responses.status == BROKEN).all()

    @pytest.mark.parametrize("connections", [1024, 1])
    def test_a_refused_connection_breaks_the_request(self, connections: int) -> None:
        started = time.monotonic()
        url = f"http://127.0.0.1:{free_port()}"
        responses = send(KeepAliveClient(connections=connections, deadline_s=8), evenly(30, 1000), url)
        assert (responses.status == BROKEN).all()
        assert time.monotonic() - started < 4, "none waits for its deadline"

    def test_the_others_are_answered_when_one_breaks(self) -> None:
        def sometimes(peer: Peer, number: int) -> None:
            if number % 10 == 5:
                peer.reset()
            else:
                peer.answer()

        with Server(sometimes).running() as server:
            responses = send(KeepAliveClient(), evenly(100, 500), server.url)
        assert (responses.status == BROKEN).sum() == 10
        assert (responses.status == 200).sum() == 90

    def test_those_who_wait_are_served_anew_when_the_only_connection_breaks(self) -> None:
        def reset_first(peer: Peer, number: int) -> None:
            if number == 0:
                asyncio.get_running_loop().call_later(0.1, peer.reset)
            else:
                peer.answer()

        with Server(reset_first).running() as server:
            responses = send(KeepAliveClient(connections=1, deadline_s=5), evenly(10, 1000), server.url)
        assert responses.status.tolist() == [BROKEN] + [200] * 9
        assert server.connections == 2


class TestDeadline:
    def test_no_answer_by_the_deadline_is_a_time_out(self) -> None:
        with Server(ignore).running() as server:
            responses = send(KeepAliveClient(deadline_s=0.3), evenly(20, 200), server.url)
        assert (responses.status == TIMED_OUT).all()

    def test_a_late_answer_counts_for_no_request(self) -> None:
        def late_once(peer: Peer, number: int) -> None:
            if number == 0:
                peer.later(0.6, 500)
            else:
                peer.answer()

        with Server(late_once).running() as server:
            responses = send(KeepAliveClient(connections=1, deadline_s=0.3), evenly(2, 2), server.url)
        assert responses.status.tolist() == [TIMED_OUT, 200]

    def test_what_finds_no_connection_by_the_deadline_is_unsent(self) -> None:
        with Server(ignore).running() as server:
            responses = send(KeepAliveClient(connections=1, deadline_s=0.4), evenly(10, 1000), server.url)
        assert responses.status[0] == TIMED_OUT
        assert (responses.status == UNSENT).sum() >= 8
        assert (responses.client_queue_us[responses.status == UNSENT] == -1).all()


Answer = Callable[[int], int | None]  # of the n-th message about a request, from 0: a status, or None to hang up


def answering(status: Answer) -> Behaviour:
    """What a server does that tells messages about one request from each other by their number."""
    seen: dict[str, int] = {}

    def behave(peer: Peer, number: int) -> None:
        (name,) = re.findall(rb"r[0-9]+", peer.server.requests[number])[:1]
        count = seen.get(name, 0)
        seen[name] = count + 1
        answered = status(count)
        peer.reset() if answered is None else peer.answer(answered)

    return behave


def commands(count: int, per_s: float = 100) -> Schedule:
    return replace(evenly(count, per_s), operations=["command"] * count)


def queries(count: int, per_s: float = 100) -> Schedule:
    return replace(evenly(count, per_s), operations=["query"] * count)


class TestTryingAgain:
    @pytest.mark.parametrize("first", [429, 500, 502, 503, 504, None])
    def test_what_may_pass_is_tried_again(self, first: int | None) -> None:
        with Server(answering(lambda count: 201 if count else first)).running() as server:
            responses = send(KeepAliveClient(retries=3, longest_back_off_s=0.05), commands(5), server.url)
        assert (responses.status == 201).all()
        assert (responses.attempts == 2).all()
        assert {status for *_, status in responses.others} == {BROKEN if first is None else first}
        assert sorted(server.ids) == sorted(2 * [f"r{number}" for number in range(5)]), "under the same ids"

    @pytest.mark.parametrize("status", [200, 202, 302, 400, 403, 404, 501])
    def test_what_would_not_pass_is_not(self, status: int) -> None:
        with Server(answering(lambda count: status)).running() as server:
            responses = send(KeepAliveClient(retries=3), commands(3), server.url)
        assert (responses.status == status).all()
        assert (responses.attempts == 1).all()

    def test_nothing_is_without_being_told_to(self) -> None:
        with Server(answering(lambda count: 503)).running() as server:
            assert (send(KeepAliveClient(), commands(5), server.url).attempts == 1).all()

    def test_the_last_attempt_decides(self) -> None:
        with Server(answering(lambda count: [503, None, 500][count])).running() as server:
            responses = send(KeepAliveClient(retries=2, longest_back_off_s=0.1), commands(3), server.url)
        assert (responses.attempts == 3).all()
        assert (responses.status == 500).all()
        others = sorted(status for *_, status in responses.others)
        assert others == sorted(3 * [503, BROKEN])
        last_us = max(over_us for _, over_us, _ in responses.others)
        assert responses.responded_us.max() > last_us, "response counts to the last answer"
        assert responses.sent_us.max() < last_us, "and from the first sending"

    def test_back_off_has_full_jitter_under_a_bound_that_doubles(self) -> None:
        for attempts, bound_s in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (90, 20)]:
            drawn = [back_off_s(f"1/r{number}", attempts) for number in range(500)]
            assert 0 <= min(drawn) < 0.02 * bound_s
            assert 0.98 * bound_s < max(drawn) <= bound_s
            assert np.mean(drawn) == pytest.approx(bound_s / 2, rel=0.1)

    def test_back_off_is_the_same_in_every_replay(self) -> None:
        assert back_off_s("1/r7", 2) == back_off_s("1/r7", 2) != back_off_s("2/r7", 2)

    def test_the_deadline_holds_for_all_attempts_together(self) -> None:
        started = time.monotonic()
        with Server(answering(lambda count: 503)).running() as server:
            client = KeepAliveClient(retries=100, deadline_s=0.3, longest_back_off_s=0.1)
            responses = send(client, commands(5), server.url)
        assert time.monotonic() - started < 5
        assert (responses.status == 503).all(), "the last answer stands"
        assert (responses.responded_us - responses.sent_us < 700_000).all()

    def test_a_retry_without_an_answer_times_out(self) -> None:
        def silent_afterwards(peer: Peer, number: int) -> None:
            if number == 0:
                peer.answer(503)

        with Server(silent_afterwards).running() as server:
            client = KeepAliveClient(retries=5, deadline_s=0.4, longest_back_off_s=0.1)
            responses = send(client, commands(1), server.url)
        assert responses.status.tolist() == [TIMED_OUT]
        assert responses.attempts.tolist() == [2]
        assert responses.responded_us.tolist() == [-1]

    def test_a_refused_connection_is_tried_again(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        responses = send(KeepAliveClient(retries=1, longest_back_off_s=0.1), commands(3), url)
        assert (responses.status == BROKEN).all()
        assert (responses.attempts == 2).all()

    def test_stopping_ends_what_waits_to_be_tried_again(self) -> None:
        gauge = Gauge()
        started = time.monotonic()
        server = Server(answering(lambda count: 503))
        with server.running(), stopped_once(gauge, lambda: len(server.requests) > 20):
            client = KeepAliveClient(retries=100, longest_back_off_s=0.1)
            responses = send(client, commands(10, 1000), server.url, gauge)
        assert time.monotonic() - started < 15, "long before the deadline"
        assert set(responses.status) <= {503, BROKEN}


class TestAsking:
    """A query gets a ticket (202); its answer is there when a fetch says 200."""

    def test_an_answer_is_asked_for_until_it_is_there(self) -> None:
        with Server(answering(lambda count: 202 if count == 0 else 200 if count == 3 else 404)).running() as server:
            responses = send(KeepAliveClient(ask_after_s=0.05), queries(10), server.url)
        assert (responses.status == 202).all(), "the acknowledgement stays what was answered"
        assert (responses.attempts == 1).all()
        assert (responses.fetches == 3).all()
        after_us = responses.fetched_us - responses.responded_us
        assert (after_us > 195_000).all(), "after 50, 100 and 200 ms, by timers of a millisecond"
        fetches = [request for request in server.requests if b"GET /lab/results/r" in request]
        assert len(fetches) == 30

    def test_what_fails_is_asked_for_again(self) -> None:
        sequence = [202, 503, None, 429, 200]
        with Server(answering(lambda count: sequence[count])).running() as server:
            responses = send(KeepAliveClient(ask_after_s=0.02), queries(4), server.url)
        assert (responses.fetches == 4).all()
        assert (responses.fetched_us > 0).all()

    @pytest.mark.parametrize("operation", ["command", "query"])
    @pytest.mark.parametrize("status", [200, 202, 404])
    def test_only_a_querys_ticket_is_asked_for(self, status: int, operation: str) -> None:
        with Server(answering(lambda count: 200 if count else status)).running() as server:
            schedule = commands(2) if operation == "command" else queries(2)
            responses = send(KeepAliveClient(ask_after_s=0.02), schedule, server.url)
        asked = status == 202 and operation == "query"
        assert responses.fetches.tolist() == 2 * [1 if asked else -1]

    def test_nobody_asks_where_nobody_waits(self) -> None:
        with Server(answering(lambda count: 202)).running() as server:
            responses = send(KeepAliveClient(ask_after_s=None), queries(4), server.url)
        assert responses.fetches.tolist() == 4 * [-1]
        assert responses.fetched_us.tolist() == 4 * [-1]

    def test_an_answer_that_never_comes_is_given_up_at_the_deadline(self) -> None:
        started = time.monotonic()
        with Server(answering(lambda count: 404 if count else 202)).running() as server:
            responses = send(KeepAliveClient(ask_after_s=0.03, deadline_s=0.3), queries(3), server.url)
        assert time.monotonic() - started < 5
        assert (responses.fetched_us == -1).all()
        assert (responses.fetches == 4).all(), "after 0.03, 0.06, 0.12 and 0.24 s"
        assert (responses.status == 202).all()

    def test_a_fetch_without_an_answer_ends_at_the_deadline_too(self) -> None:
        started = time.monotonic()

        def silent_afterwards(peer: Peer, number: int) -> None:
            if b"/results/" not in peer.server.requests[number]:
                peer.answer(202)

        with Server(silent_afterwards).running() as server:
            responses = send(KeepAliveClient(ask_after_s=0.05, deadline_s=0.3), queries(3), server.url)
        assert time.monotonic() - started < 6
        assert (responses.fetches == 1).all()
        assert {status for *_, status in responses.others} == {TIMED_OUT}

    def test_fetches_that_hang_keep_no_request_waiting(self) -> None:
        def silent_to_fetches(peer: Peer, number: int) -> None:
            if b"/results/" not in peer.server.requests[number]:
                peer.answer(202)

        with Server(silent_to_fetches).running() as server:
            client = KeepAliveClient(connections=8, ask_after_s=0.02, deadline_s=0.5)
            responses = send(client, queries(100, 250), server.url)
        assert (responses.status == 202).all()
        assert np.quantile(responses.client_queue_us, 0.9) < 100_000, "half of the connections stay free of them"

    def test_a_ticket_got_at_the_second_attempt_is_asked_for(self) -> None:
        sequence = [503, 202, 200]
        with Server(answering(lambda count: sequence[count])).running() as server:
            client = KeepAliveClient(retries=1, ask_after_s=0.05, longest_back_off_s=0.05)
            responses = send(client, queries(3), server.url)
        assert (responses.attempts == 2).all()
        assert (responses.fetches == 1).all()
        assert (responses.fetched_us > responses.responded_us).all()

    def test_no_more_is_sent_besides_than_is_allowed(self) -> None:
        gauge = Gauge(extra_left=7)
        with Server(answering(lambda count: 404 if count else 202)).running() as server:
            responses = send(KeepAliveClient(ask_after_s=0.02, deadline_s=5), queries(5), server.url, gauge)
        assert responses.fetches.sum() == 7
        assert (gauge.extra_left, gauge.held_back) == (0, 5)

    def test_stopping_ends_what_waits_for_its_answer(self) -> None:
        gauge = Gauge()
        started = time.monotonic()
        server = Server(answering(lambda count: 404 if count else 202))
        with server.running(), stopped_once(gauge, lambda: len(server.requests) > 20):
            responses = send(KeepAliveClient(ask_after_s=0.05), queries(10, 1000), server.url, gauge)
        assert time.monotonic() - started < 15, "long before the deadline"
        assert (responses.fetched_us == -1).all()


@contextmanager
def stopped_once(gauge: Gauge, reached: Callable[[], bool]) -> Iterator[None]:
    """The client is stopped from outside when it has got so far, however long a busy machine takes for that."""
    over = threading.Event()

    def watch() -> None:
        while not reached() and not over.wait(0.001):
            pass
        gauge.stop = True

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


class TestStopping:
    @pytest.mark.parametrize(
        ("schedule", "answered"),
        [
            pytest.param(evenly(4000, 200), 20, id="under way"),
            pytest.param(evenly(2, 1 / 60), 1, id="in a long pause"),
            pytest.param(evenly(10, 200, first_us=60_000_000), 0, id="before the first"),
        ],
    )
    def test_the_rest_is_unsent_and_it_returns_soon(self, schedule: Schedule, answered: int) -> None:
        gauge = Gauge()
        started = time.monotonic()
        with Server(answer).running() as server, stopped_once(gauge, lambda: gauge.finished >= answered):
            responses = send(KeepAliveClient(), schedule, server.url, gauge)
        assert time.monotonic() - started < 15, "long before the last was due"
        assert (responses.status == 200).sum() >= answered
        unsent = responses.status == UNSENT
        assert unsent[unsent.argmax() :].all(), "once stopped, nothing more"
        assert unsent[-1]
        # What was sent and had no answer yet when it was stopped is cut off.
        assert set(responses.status[~unsent]) <= {200, BROKEN}

    def test_what_waits_for_an_answer_is_given_up(self) -> None:
        gauge = Gauge()
        started = time.monotonic()
        with Server(ignore).running() as server, stopped_once(gauge, lambda: gauge.in_flight == 2):
            responses = send(KeepAliveClient(connections=2), evenly(1000, 200), server.url, gauge)
        assert time.monotonic() - started < 15, "long before the deadline"
        assert (responses.status == BROKEN).sum() == 2
        assert (responses.status == UNSENT).sum() == 998


@dataclass(frozen=True)
class Certified:
    """A server's certificate, which vouches for itself, and its key."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, name: str, folder: Path) -> "Certified":
        """One for ``name``: ``IP:`` or ``DNS:`` and what it is called."""
        if (openssl := shutil.which("openssl")) is None:
            pytest.skip("openssl is not installed: no certificate can be made")
        made = cls(folder / "certificate.pem", folder / "key.pem")
        command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=archduel"]
        command += ["-addext", f"subjectAltName={name}", "-out", str(made.certificate), "-keyout", str(made.key)]
        subprocess.run(command, check=True, capture_output=True)
        return made

    @property
    def context(self) -> ssl.SSLContext:
        """The server's."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


class TestOverTls:
    def test_every_request_is_answered_over_kept_connections(self, tmp_path: Path) -> None:
        ours = Certified.of("IP:127.0.0.1", tmp_path)
        with Server(answer, tls=ours.context).running() as server:
            client = KeepAliveClient(authorities=ours.certificate, deadline_s=5)
            responses = send(client, evenly(100, 200), server.url)
        assert (responses.status == 200).all()
        assert server.connections < 50, "connections are kept alive"

    def test_nothing_is_sent_to_a_server_without_a_trusted_certificate(self, tmp_path: Path) -> None:
        with Server(answer, tls=Certified.of("IP:127.0.0.1", tmp_path).context).running() as server:
            responses = send(KeepAliveClient(deadline_s=5), evenly(3, 200), server.url)
        assert set(responses.status) == {BROKEN}
        assert not server.requests

    def test_nothing_is_sent_to_one_with_another_name(self, tmp_path: Path) -> None:
        theirs = Certified.of("DNS:other.example.com", tmp_path)
        with Server(answer, tls=theirs.context).running() as server:
            client = KeepAliveClient(authorities=theirs.certificate, deadline_s=5)
            responses = send(client, evenly(3, 200), server.url)
        assert set(responses.status) == {BROKEN}
        assert not server.requests
