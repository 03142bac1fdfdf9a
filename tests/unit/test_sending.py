"""The load generator in processes of its own. Starting one takes about a second, so that the tests share two."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from resources.lab.sending import ProcessClient
from tests.unit.test_replay_client import Server, answer, answering, commands, queries, stopped_once
from workloads.errors import ArchduelError
from workloads.recordings.routes import Template
from workloads.replay.client import BROKEN, UNSENT, Gauge, Responses
from workloads.replay.connection import CAUSES, STOPPED
from workloads.replay.files import PART, Progress, Results, read_schedule, write_schedule
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessClient]:
    folder = tmp_path_factory.mktemp("sending")
    client = ProcessClient(KeepAliveClient(deadline_s=10), folder / "temporary", folder / "log", shards=2)
    yield client
    client.close()


def sent_by(client: ProcessClient, schedule: Schedule, server: Server, gauge: Gauge | None = None) -> Responses:
    client.prepare(schedule, server.url)
    responses = client.send(schedule, server.url, time.monotonic_ns() + 50_000_000, gauge or Gauge())
    assert (responses.status != 0).all()
    return responses


def about(entities: list[str], per_s: float) -> Schedule:
    return replace(commands(len(entities), per_s), entities=entities, order_ids=entities)


class TestProcesses:
    def test_every_request_is_answered_once_and_none_is_sent_early(self, two: ProcessClient) -> None:
        gauge = Gauge()
        schedule = about([f"e{number % 7}" for number in range(300)], 1000)
        with Server(answer).running() as server:
            responses = sent_by(two, schedule, server, gauge)
        assert (responses.status == 200).all()
        assert sorted(server.ids) == sorted(schedule.request_ids)
        assert (responses.sent_us >= schedule.due_us).all()
        assert (gauge.sent, gauge.finished, gauge.in_flight, gauge.fault) == (300, 300, 0, None)

    def test_requests_of_one_entity_go_to_one_process_which_keeps_their_order(self, two: ProcessClient) -> None:
        schedule = about([f"e{number % 5}" for number in range(200)], 2000)
        with Server(answer).running() as server:
            responses = sent_by(two, schedule, server)
        for entity in set(schedule.order_ids):
            own = [index for index, order in enumerate(schedule.order_ids) if order == entity]
            assert (np.diff(responses.sent_us[own]) >= 0).all()

    def test_what_was_sent_besides_is_kept(self, two: ProcessClient) -> None:
        asking = replace(two.client, ask_after_s=0.02)
        two.client, before = asking, two.client
        try:
            with Server(answering(lambda count: 202 if count == 0 else 200 if count == 2 else 404)).running() as server:
                responses = sent_by(two, queries(20, 500), server)
        finally:
            two.client = before
        assert responses.fetches.tolist() == 20 * [2]
        assert sorted(status for *_, status in responses.others) == 20 * [200] + 20 * [404]
        assert (responses.fetched_us > responses.responded_us).all()

    def test_stopping_ends_all_of_them(self, two: ProcessClient) -> None:
        gauge = Gauge()
        with Server(answer).running() as server, stopped_once(gauge, lambda: gauge.finished >= 20):
            responses = sent_by(two, commands(4000, 200), server, gauge)
        assert (responses.status == 200).sum() >= 20
        assert responses.status[-1] == UNSENT

    def test_a_process_that_dies_is_said_and_what_it_had_sent_is_kept(self, two: ProcessClient) -> None:
        gauge = Gauge()
        schedule = about([f"e{number}" for number in range(400)], 400)

        def kill() -> None:
            while gauge.finished < 100:
                time.sleep(0.005)
            workers = [
                process
                for process in psutil.Process().children(recursive=True)
                if "workloads.replay.worker" in process.cmdline() and process.name().startswith("python")
            ]
            os.kill(min(process.pid for process in workers), signal.SIGKILL)

        with Server(answer).running() as server:
            killing = threading.Thread(target=kill)
            killing.start()
            responses = sent_by(two, schedule, server, gauge)
            killing.join()
            assert "ended in the middle" in (gauge.fault or "")
            answered, unsent = responses.status == 200, responses.status == UNSENT
            assert answered[:50].all(), "rows until then"
            assert unsent.sum() > 50, "its own of the rest"
            assert answered[-100:].sum() > 20, "the other goes on"
            assert {CAUSES[cause] for cause in responses.cause[responses.status == BROKEN]} <= {STOPPED}

            again = sent_by(two, commands(10), server)
        assert (again.status == 200).all(), "another takes its place"

    def test_bounds_are_shared_out(self, two: ProcessClient) -> None:
        two.client, before = replace(two.client, connections=4), two.client
        try:
            with Server(lambda peer, _: peer.later(0.05)).running() as server:
                sent_by(two, commands(40, 1000), server)
        finally:
            two.client = before
        assert server.connections <= 4

    def test_one_that_does_not_start_is_explained(self, tmp_path: Path) -> None:
        broken = ProcessClient(KeepAliveClient(), tmp_path / "temporary", tmp_path / "log", program="no.such.module")
        try:
            with pytest.raises(ArchduelError, match=r"the load generator did not start.*no\.such"):
                broken.prepare(commands(1), "http://127.0.0.1:1")
        finally:
            broken.close()


class TestFiles:
    def test_a_schedule_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        count = 2 * PART + 10
        schedule = replace(
            commands(count, 1000),
            extras={5: {"details": 0}, PART + 1: {"work_ms": 3}},
            work_us=np.arange(count),
            seed=7,
        )
        write_schedule(schedule, tmp_path / "schedule")
        parts = list(read_schedule(tmp_path / "schedule"))
        assert [len(part) for part in parts] == [PART, PART, 10]
        messages = [part.message(index, "/lab", "h") for part in parts for index in range(len(part))]
        assert messages == [schedule.message(index, "/lab", "h") for index in range(count)]
        assert np.concatenate([part.due_us for part in parts]).tolist() == schedule.due_us.tolist()

    @pytest.mark.parametrize("shards", [1, 3])
    def test_recorded_routes_are_read_as_they_were_written(self, tmp_path: Path, shards: int) -> None:
        count = PART + 10
        template = '{"n": {{ n }}, "about": "{{ entity }}", "text": "{{ text(5) }}"}'
        schedule = replace(
            commands(count, 1000),
            methods=["PUT", "GET"] * (count // 2),
            paths=[f"/carts/{index}" for index in range(count)],
            routes=["PUT /carts/{cart}", "GET /carts/{cart}"] * (count // 2),
            templates={"PUT /carts/{cart}": Template(template, (("X-N", "{{ n }}"),), "201")},
        )
        found: dict[int, bytes] = {}
        for shard in range(shards):
            indices = np.arange(shard, count, shards)
            write_schedule(schedule if shards == 1 else schedule.taken(indices), tmp_path / "schedule")
            parts = read_schedule(tmp_path / "schedule")
            sent = [part.message(index, "/lab", "h") for part in parts for index in range(len(part))]
            found |= dict(zip(indices.tolist(), sent, strict=True))
        assert found == {index: schedule.message(index, "/lab", "h") for index in range(count)}
        assert f'"n": {count - 2},'.encode() in found[count - 2]
        fetch = next(read_schedule(tmp_path / "schedule")).fetch(0, "", "h")
        assert fetch.startswith(b"GET /archduel-results/")

    def test_results_are_there_though_nobody_closed_them(self, tmp_path: Path) -> None:
        schedule = commands(PART + 5, 1000)
        write_schedule(schedule, tmp_path / "schedule")
        results = Results(tmp_path).create()
        parts = results.parts(read_schedule(tmp_path / "schedule"))
        first = next(parts)
        first.taken_up_us[3], first.sent_us[3], first.attempts[3], first.status[3] = 7, 8, 1, 200
        read, never_begun = results.read([PART, 5])
        assert (read.sent_us[3], read.status[3], read.attempts[3]) == (8, 200, 1)
        others = np.delete(np.arange(PART), 3)
        assert (read.status[others] == UNSENT).all()
        assert (read.sent_us[others] == -1).all()
        assert len(read.client_lag_us(schedule.due_us[:PART])) == 1
        assert never_begun.status.tolist() == 5 * [UNSENT]

    def test_progress_goes_one_way_and_the_word_to_stop_the_other(self, tmp_path: Path) -> None:
        here, there = Progress(tmp_path / "progress"), Progress(tmp_path / "progress")
        gauge = Gauge(sent=5, in_flight=2, finished=3, extra_left=6, held_back=1, failed=2, p99_us=90)
        here.share(gauge, allowed=10)
        shown = Gauge()
        Progress.into(shown, [there, there], allowed=20)
        assert (shown.sent, shown.in_flight, shown.finished, shown.failed) == (10, 4, 6, 4)
        assert (shown.extra_left, shown.held_back, shown.p99_us) == (12, 2, 90)
        assert not gauge.stop
        there.stop()
        here.share(gauge, allowed=10)
        assert gauge.stop
