"""A recording sent straight to services."""

import _thread
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from resources.lab.direct import StopIf, busiest_second, check_address, compared, send, summary
from resources.lab.sending import INTERRUPTED, ProcessClient
from tests.unit.test_recorded_source import recorded
from tests.unit.test_replay_client import Peer, Server, answer
from workloads.errors import UsageError
from workloads.replay.client import Gauge
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.recorded import Source


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessClient]:
    folder = tmp_path_factory.mktemp("direct")
    one = ProcessClient(KeepAliveClient(deadline_s=5), folder / "temporary", folder / "log")
    yield one
    one.close()


class TestAddresses:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost/base", "https://127.0.0.1"])
    def test_this_machine_may_be_sent_to(self, url: str) -> None:
        assert check_address(f"{url}/", ()) == url

    @pytest.mark.parametrize(
        ("url", "allowed", "says"),
        [
            ("http://10.1.2.3:80", (), "add --allow-host 10.1.2.3"),
            ("http://8.8.8.8", ("8.8.8.8",), "is on the internet"),
            ("http://nowhere.invalid", ("nowhere.invalid",), "has no address"),
            ("127.0.0.1:8080", (), "is no base URL"),
            ("ftp://127.0.0.1", (), "is no base URL"),
            ("http://127.0.0.1/?q=1", (), "is no base URL"),
        ],
    )
    def test_others_only_if_they_are_private_and_named(self, url: str, allowed: tuple[str, ...], says: str) -> None:
        with pytest.raises(UsageError, match=says):
            check_address(url, allowed)

    def test_a_private_one_that_is_named_may(self) -> None:
        assert check_address("http://10.1.2.3:80", ("10.1.2.3",)) == "http://10.1.2.3:80"


class TestStopping:
    @pytest.mark.parametrize(
        ("text", "gauge", "holds"),
        [
            ("failed > 5 %", Gauge(finished=200, failed=11), True),
            ("failed>5%", Gauge(finished=200, failed=10), False),
            ("failed > 5 %", Gauge(finished=99, failed=99), False),
            ("p99 > 200 ms", Gauge(p99_us=200_001), True),
            ("lag > 1.5 ms", Gauge(lag_us=1500), False),
        ],
    )
    def test_is_by_a_share_of_many_or_a_time(self, text: str, gauge: Gauge, holds: bool) -> None:
        assert StopIf.read(text).holds(gauge) == holds

    @pytest.mark.parametrize("text", ["failed > 5 ms", "p99 > 5 %", "errors > 5 %", "failed < 5 %", ""])
    def test_what_cannot_be_read_is_shown_how(self, text: str) -> None:
        with pytest.raises(UsageError, match="write it like"):
            StopIf.read(text)


class TestSending:
    def test_every_request_has_its_row_with_what_the_service_made_of_it(
        self, client: ProcessClient, tmp_path: Path
    ) -> None:
        def by_path(peer: Peer, number: int) -> None:
            item = int(peer.server.requests[number].split(b" ")[1].rpartition(b"/")[2])
            peer.reset() if item == 7 else peer.answer({3: 503, 4: 404, 5: 429}.get(item, 200))

        methods: list[Any] = ["GET"] * 2 + ["HEAD"] + ["GET"] * 17
        source = Source(recorded(tmp_path, 20, method=methods), rate=((200.0, 0.0),))
        with Server(by_path).running() as server:
            assert send(client, source, server.url, tmp_path / "one") is None
        rows = pq.read_table(tmp_path / "one" / "requests.parquet").sort_by("scheduled_us").to_pylist()
        assert [row["request_id"] for row in rows] == [str(number) for number in range(20)]
        outcomes = {number: rows[number]["outcome"] for number in (0, 2, 3, 4, 5, 7)}
        assert outcomes == {0: "answered", 2: "answered", 3: "failed", 4: "answered", 5: "throttled", 7: "failed"}
        assert rows[7]["broken_cause"] == "reset"
        assert all(row["sent_us"] >= row["scheduled_us"] for row in rows)
        found = summary(tmp_path / "one" / "requests.parquet")
        assert (found["requests"], found["answered"], found["failed"], found["throttled"]) == (20, 17, 2, 1)
        assert found["broken_causes"] == {"reset": 1}
        assert not (tmp_path / "one" / "parts").exists()

    def test_two_services_are_compared_request_by_request(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 40), rate=((400.0, 0.0),))
        slower = Server(lambda peer, number: peer.later(0.05, 500 if b"/3 " in peer.server.requests[number] else 200))
        for name, server in (("one", Server(answer)), ("other", slower)):
            with server.running():
                send(client, source, server.url, tmp_path / name)
        found = compared(*(tmp_path / name / "requests.parquet" for name in ("one", "other")))
        assert (found["requests"], found["same_status"], found["answered_by_both"]) == (40, 39, 39)
        assert found["bodies_compared"] == 0, "nobody asked for that"
        assert found["statuses"] == [{"one": 200, "other": 500, "requests": 1}]
        assert 30_000 < found["longer_p50_us"] < 200_000

    def test_bodies_are_compared_by_their_checksums(self, client: ProcessClient, tmp_path: Path) -> None:
        def otherwise(peer: Peer, number: int) -> None:
            odd = b"/3 " in peer.server.requests[number]
            peer.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"[]" if odd else b"{}"))

        client.client, before = replace(client.client, digests=True), client.client
        try:
            source = Source(recorded(tmp_path, 20), rate=((400.0, 0.0),))
            for name, server in (("one", Server(answer)), ("other", Server(otherwise))):
                with server.running():
                    send(client, source, server.url, tmp_path / name)
        finally:
            client.client = before
        found = compared(*(tmp_path / name / "requests.parquet" for name in ("one", "other")))
        assert (found["same_body"], found["bodies_compared"], found["same_status"]) == (19, 20, 20)

    def test_it_stops_early_and_the_rest_is_unsent(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 1000), rate=((500.0, 0.0),))
        with Server(lambda peer, number: peer.answer(500)).running() as server:
            why = send(client, source, server.url, tmp_path / "one", stop_if=StopIf.read("failed > 50 %"))
        assert why is not None
        assert "stopped since failed > 50 %" in why
        found = summary(tmp_path / "one" / "requests.parquet")
        assert found["requests"] == 1000
        assert found["unsent"] > 500

    def test_being_interrupted_keeps_what_came_back(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 2000), rate=((400.0, 0.0),))
        with Server(answer).running() as server:

            def interrupt() -> None:
                server.reached(60)
                _thread.interrupt_main()

            interrupting = threading.Thread(target=interrupt)
            interrupting.start()
            why = send(client, source, server.url, tmp_path / "one")
            interrupting.join()
        assert why == INTERRUPTED
        found = summary(tmp_path / "one" / "requests.parquet")
        assert found["requests"] == 2000
        assert found["answered"] >= 50
        assert found["unsent"] > 0

    def test_the_busiest_second_counts_all_processes(self, tmp_path: Path) -> None:
        assert busiest_second(Source(recorded(tmp_path, 10), rate=((2.0, 2.0), (5.0, 0.0)))) == 5

    def test_a_service_that_is_not_there_is_said_as_refused(self, client: ProcessClient, tmp_path: Path) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            source = Source(recorded(tmp_path, 10), rate=((100.0, 0.0),))
            send(client, source, f"http://127.0.0.1:{reserved.getsockname()[1]}", tmp_path / "one")
        assert summary(tmp_path / "one" / "requests.parquet")["broken_causes"] == {"refused": 10}
