"""A recording sent straight to services."""

import _thread
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.lab import direct
from resources.lab.direct import Direct, StopIf, begin, busiest_second, check_address, conclude_killed
from resources.lab.sending import INTERRUPTED, ProcessClient
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from tests.unit.test_recorded_source import recorded
from tests.unit.test_replay_client import Peer, Server, answer
from workloads.databases import in_memory
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.replay.client import Gauge
from workloads.replay.files import Results
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.recorded import Source


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessClient]:
    folder = tmp_path_factory.mktemp("direct")
    one = ProcessClient(KeepAliveClient(deadline_s=5), folder / "temporary", folder / "log")
    yield one
    one.close()


def sent(
    client: ProcessClient, home: Path, source: Source, *servers: Server, stop_if: StopIf | None = None
) -> tuple[Direct, list[str | None]]:
    """A replay to services, not concluded, and what each of its sendings said."""
    with ExitStack() as running:
        urls = [running.enter_context(server.running()).url for server in servers]
        with begin(Places(home), "shop", source, urls) as replay:
            return replay, [replay.send(client, number, stop_if=stop_if) for number in range(1, len(urls) + 1)]


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
        replay, said = sent(client, tmp_path, source, Server(by_path))
        assert said == [None]
        (found,) = replay.conclude()["services"]
        rows = pq.read_table(replay.requests(1)).sort_by("scheduled_us").to_pylist()
        assert [row["request_id"] for row in rows] == [str(number) for number in range(20)]
        outcomes = {number: rows[number]["outcome"] for number in (0, 2, 3, 4, 5, 7)}
        assert outcomes == {0: "answered", 2: "answered", 3: "failed", 4: "answered", 5: "throttled", 7: "failed"}
        assert rows[7]["broken_cause"] == "reset"
        assert all(row["sent_us"] >= row["scheduled_us"] for row in rows)
        assert (found["requests"], found["answered"], found["failed"], found["throttled"]) == (20, 17, 2, 1)
        assert found["broken_causes"] == {"reset": 1}
        assert not (replay.of_service(1) / "parts").exists()

    def test_two_services_are_compared_request_by_request(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 40), rate=((400.0, 0.0),))
        slower = Server(lambda peer, number: peer.later(0.05, 500 if b"/3 " in peer.server.requests[number] else 200))
        replay, _ = sent(client, tmp_path, source, Server(answer), slower)
        (found,) = replay.conclude()["compared"]
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
            replay, _ = sent(client, tmp_path, source, Server(answer), Server(otherwise))
        finally:
            client.client = before
        (found,) = replay.conclude()["compared"]
        assert (found["same_body"], found["bodies_compared"], found["same_status"]) == (19, 20, 20)

    def test_it_stops_early_and_the_rest_is_unsent(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 1000), rate=((500.0, 0.0),))
        failing = Server(lambda peer, number: peer.answer(500))
        replay, [why] = sent(client, tmp_path, source, failing, stop_if=StopIf.read("failed > 50 %"))
        assert why is not None
        assert "stopped since failed > 50 %" in why
        (found,) = replay.conclude()["services"]
        assert found["requests"] == 1000
        assert found["unsent"] > 500

    def test_being_interrupted_keeps_what_came_back(self, client: ProcessClient, tmp_path: Path) -> None:
        source = Source(recorded(tmp_path, 2000), rate=((400.0, 0.0),))
        server = Server(answer)

        def interrupt() -> None:
            server.reached(60)
            _thread.interrupt_main()

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        replay, [why] = sent(client, tmp_path, source, server)
        interrupting.join()
        assert why == INTERRUPTED
        (found,) = replay.conclude()["services"]
        assert found["requests"] == 2000
        assert found["answered"] >= 50
        assert found["unsent"] > 0

    def test_the_busiest_second_counts_all_processes(self, tmp_path: Path) -> None:
        assert busiest_second(Source(recorded(tmp_path, 10), rate=((2.0, 2.0), (5.0, 0.0)))) == 5

    def test_a_service_that_is_not_there_is_said_as_refused(self, client: ProcessClient, tmp_path: Path) -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            source = Source(recorded(tmp_path, 10), rate=((100.0, 0.0),))
            url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
            with begin(Places(tmp_path), "shop", source, [url]) as replay:
                replay.send(client, 1)
        (found,) = replay.conclude()["services"]
        assert found["broken_causes"] == {"refused": 10}


def killed(home: Path, source: Source, count: int = 0) -> Direct:
    """What a killed process left that had begun a replay, and sent ``count`` requests of it."""
    with begin(Places(home), "shop", source, ["http://127.0.0.1:1", "http://127.0.0.1:2"]) as replay:
        parts = replay.of_service(1) / "parts" / "0"
        parts.mkdir(parents=True)
        part = next(Results(parts).create().parts(source.parts(1024)))
        part.responses.attempts[:count], part.responses.sent_us[:count] = 1, 7
        part.responses.status[:count], part.responses.responded_us[:count] = 200, 9
        return replay


class TestKilled:
    def test_what_was_sent_until_then_is_kept_and_the_rest_is_unsent(self, tmp_path: Path) -> None:
        replay = killed(tmp_path, Source(recorded(tmp_path, 30)), 12)
        assert conclude_killed(Places(tmp_path)) == [replay.name]
        told = json.loads((replay.folder / "summary.json").read_text())
        (service,) = told["services"]
        assert (service["requests"], service["answered"], service["unsent"]) == (30, 12, 18)
        assert "was killed" in service["invalid_reason"]
        assert told["compared"] == [], "the other service's turn never came"
        assert conclude_killed(Places(tmp_path)) == [], "it is concluded"

    def test_one_that_is_under_way_is_left_alone(self, tmp_path: Path) -> None:
        with begin(Places(tmp_path), "shop", Source(recorded(tmp_path, 3)), ["http://127.0.0.1:1"]):
            assert conclude_killed(Places(tmp_path)) == []

    def test_one_whose_recording_is_gone_does_not_stop_the_others(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        gone = killed(tmp_path, replace(Source(recorded(tmp_path, 3)), path=recorded(tmp_path, 3)))
        Path(gone.source.path).unlink()
        folder = tmp_path / "other"
        folder.mkdir()
        other = killed(tmp_path, Source(recorded(folder, 3)))
        assert conclude_killed(Places(tmp_path)) == [other.name]
        assert f"{gone.name} was killed, and cannot be concluded" in caplog.text

    def test_one_whose_recording_was_replaced_is_not_taken_for_a_replay_of_the_new_one(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        replay = killed(tmp_path, Source(recorded(tmp_path, 3)), 2)
        recorded(tmp_path, 4)
        os.utime(replay.source.path, (time.time() + 1,) * 2)
        assert conclude_killed(Places(tmp_path)) == []
        assert "shop was written again since" in caplog.text


class TestPublished:
    def test_every_request_is_in_a_table_and_the_books_balance(self, tmp_path: Path) -> None:
        places = Places(tmp_path)
        replay = killed(tmp_path, Source(recorded(tmp_path, 30)), 12)
        replay.conclude()
        publish(places)
        books = query(
            places,
            "SELECT r.requests, answered + throttled + failed + timed_out + unsent AS booked, count(*) AS rows,"
            " count(*) FILTER (outcome = 'unsent') AS unsent FROM direct_replays r JOIN direct_requests"
            " USING (replay, service) GROUP BY ALL",
        ).to_pylist()
        assert books == [{"requests": 30, "booked": 30, "rows": 30, "unsent": 18}]

    def test_one_that_is_not_concluded_is_in_none(self, tmp_path: Path) -> None:
        killed(tmp_path, Source(recorded(tmp_path, 3)))
        publish(Places(tmp_path))
        assert query(Places(tmp_path), "SELECT count(*) AS n FROM direct_requests").to_pylist() == [{"n": 0}]

    def test_it_goes_with_its_folder(self, tmp_path: Path) -> None:
        replay = killed(tmp_path, Source(recorded(tmp_path, 3)))
        replay.conclude()
        publish(Places(tmp_path))
        shutil.rmtree(replay.folder)
        publish(Places(tmp_path))
        assert query(Places(tmp_path), "SELECT count(*) AS n FROM direct_replays").to_pylist() == [{"n": 0}]


def test_services_are_compared_only_where_their_rows_are_of_the_same_requests(tmp_path: Path) -> None:
    files = []
    for name, count in (("one", 3), ("other", 2)):
        (tmp_path / name).mkdir()
        replay = killed(tmp_path / name, Source(recorded(tmp_path / name, count)))
        replay.conclude()
        files.append(replay.requests(1))
    with pytest.raises(ArchduelError, match="not of the same requests"):
        direct.compared(*files)


@pytest.mark.parametrize("at", [0.0, 0.5, 0.99, 1.0])
def test_quantiles_are_those_of_the_values_themselves(tmp_path: Path, at: float) -> None:
    values = np.random.default_rng(1).integers(0, 50, 1000)
    file = str(tmp_path / "values.parquet")
    pq.write_table(pa.table({"value": pa.array(values, mask=values == 7)}), file)
    with in_memory() as connection:
        asked = connection.execute(f"SELECT quantile_disc(value, {at}) FROM read_parquet($1)", [file])
        [(expected,)] = asked.fetchall()
    assert direct.quantile("value", "read_parquet($file)", at, file=file) == expected
