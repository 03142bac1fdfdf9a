"""One suite for every registered architecture on every target that can be started: what all of them promise.

What an architecture or a target does differently follows from its registry entry (``queued``, ``lacks``), never from
its name.
"""

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pyarrow.compute as pc
import pytest

from resources.architectures import Architecture, architectures
from resources.architectures.stack import Stack
from resources.faults.policies import policy
from resources.lab import observation
from resources.lab.bench import Bench
from resources.targets.availability import why_unavailable
from tests.platforms import on_every_target, slowed
from tests.replaying import lunch, replay, warm_bench
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.routes import Template
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import Schedule, schedule, split_url
from workloads.replay.shaping import shaped
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

STEADY = scenarios()["steady"]


@pytest.fixture(scope="module", params=on_every_target(architectures(), quick="hybrid"))
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A target and an architecture on it."""
    target, architecture = request.param
    return target, architecture


@pytest.fixture(scope="module")
def offered(case: tuple[str, str], emulator_home: Path) -> Schedule:
    """A few seconds of the bundled lunch rush."""
    return lunch(emulator_home, 100, 4.0 * slowed(case[0]), STEADY)


@pytest.fixture(scope="module")
def bench(case: tuple[str, str], offered: Schedule, emulator_home: Path) -> Iterator[Bench]:
    target, architecture = case
    with warm_bench(architecture, STEADY, offered, emulator_home, target=target) as running:
        yield running


def call(bench: Bench, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, dict[str, object]]:
    host, port, base = split_url(bench.stack.api_url)
    connection = http.client.HTTPConnection(host, port, timeout=15)
    connection.request(method, base + path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answered = response.read()  # what Lambda queues itself is acknowledged without a body
    answer = json.loads(answered) if answered else {}
    connection.close()
    return response.status, answer


def commits_of(bench: Bench, request_id: str) -> dict[str, object]:
    """The commit of a request, once it is there; empty when it is not within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for row in observation.commits(bench.stack, 0):
            if row["request_id"] == request_id:
                return row
        time.sleep(0.05)
    return {}


def acknowledgement(architecture: Architecture, operation: str) -> int:
    return 202 if operation in architecture.queued else {"command": 201, "query": 200}[operation]


def test_a_command_is_acknowledged_and_stored_exactly_once(bench: Bench) -> None:
    bench.fresh([])
    status, _ = call(bench, "POST", "/orders", {"request_id": "7", "order_id": "order-7", "details": "noodles"})
    assert status == acknowledgement(bench.architecture, "command")
    assert commits_of(bench, "7")["commits"] == 1


def test_a_query_finds_an_order_that_was_there(bench: Bench) -> None:
    bench.fresh(["menu-1"])
    status, answer = call(bench, "GET", "/orders/menu-1?request_id=8")
    assert status == acknowledgement(bench.architecture, "query")
    if "query" in bench.architecture.queued:
        assert commits_of(bench, "8")["found"] is True
    else:
        assert answer["status"] == "placed"


def test_the_answer_to_a_queued_query_is_handed_out_by_its_ticket(bench: Bench) -> None:
    bench.fresh(["menu-1"])
    if "query" not in bench.architecture.queued:
        assert "GET /results/{ticket}" not in bench.stack.facts["api"], "no ticket, no way to fetch"
        return
    assert call(bench, "GET", "/results/10")[0] == 404, "nothing was asked"
    for order, ticket, status, found in (("menu-1", "10", "placed", True), ("nowhere", "11", "unknown", False)):
        call(bench, "GET", f"/orders/{order}?request_id={ticket}")
        assert commits_of(bench, ticket)["found"] is found
        answer = call(bench, "GET", f"/results/{ticket}")
        assert answer == (200, {"request_id": ticket, "status": status, "found": found})


def test_a_query_for_an_order_that_is_not_there_is_answered_so(bench: Bench) -> None:
    bench.fresh([])
    status, _ = call(bench, "GET", "/orders/nowhere?request_id=9")
    if "query" in bench.architecture.queued:
        assert status == 202
        assert commits_of(bench, "9")["found"] is False
    else:
        assert status == 404


def test_fresh_state_forgets_everything_and_keeps_the_environments_warm(bench: Bench) -> None:
    call(bench, "POST", "/orders", {"request_id": "1", "order_id": "o"})
    commits_of(bench, "1")
    bench.fresh(["menu-1", "menu-2"])
    assert list(observation.commits(bench.stack, 0)) == []
    assert observation.stored_items(bench.stack) == 2
    assert observation.invocations(bench.stack, 0, 0.0) == ([], [])


@pytest.mark.whole_replay
def test_no_fault_of_before_outlives_its_replay(bench: Bench, offered: Schedule) -> None:
    broken = [fault for fault in scenarios()["component_down"].faults if policy(bench.stack, fault)]
    if not why_unavailable(scenarios()["gateway_throttle"], bench.target):
        broken.append(scenarios()["gateway_throttle"].faults[0].model_copy(update={"rate_per_s": 1, "burst": 1}))
    for fault in broken:
        effect = policy(bench.stack, fault)
        assert effect is not None
        effect.on()
    bench.proxies["table"].switch({"kind": "down"})
    ledger = replay(bench, offered, STEADY)["ledger"].to_pylist()
    assert sum(row["committed"] for row in ledger) == len(offered), ledger


@pytest.mark.whole_replay
def test_a_steady_replay_does_everything_once(bench: Bench, offered: Schedule) -> None:
    # With ids of its own: a FIFO queue drops what it took from the replay before in the last five minutes.
    offered = replace(offered, request_ids=[f"{one}-once" for one in offered.request_ids])
    outcomes = replay(bench, offered, STEADY)
    ledger = outcomes["ledger"].to_pylist()
    assert sum(row["offered"] for row in ledger) == len(offered)
    assert sum(row["committed"] for row in ledger) == len(offered)
    assert sum(row["duplicates"] + row["redeliveries"] + row["unknown_effects"] for row in ledger) == 0
    assert outcomes["requests"].num_rows == outcomes["effects"].num_rows == len(offered)
    for row in ledger:
        assert row["attempts"] == row["offered"], "nobody tries again"
        asked = row["operation"] in bench.architecture.queued - {"command"}
        assert row["fetches"] >= row["offered"] if asked else row["fetches"] == 0
    for row in outcomes["effects"].to_pylist():
        assert (row["fetched_us"] is not None) == (row["fetches"] is not None), "whoever asked got the answer"
    clocks = set(outcomes["effects"].column("commit_clock").to_pylist())
    assert clocks <= {"handler", "client"}


def test_everything_listens_on_loopback_only(bench: Bench) -> None:
    for leashed in (*bench.instance.processes, *(proxy.process for proxy in bench.proxies.values())):
        addresses = {
            connection.laddr.ip
            for process in leashed.processes()
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}


def test_provisioning_again_finds_what_is_there(bench: Bench) -> None:
    # The last one: functions whose code is put anew lose their warm environments, and a replay then meets none.
    made = bench.stack
    again = Stack(made.clients, bench.architecture.nodes, made.table_endpoint_url, made.settings, made.prefix)
    again.ensure_all()
    identities = {name: facts.get("arn", facts.get("uuid")) for name, facts in bench.stack.facts.items()}
    assert {name: facts.get("arn", facts.get("uuid")) for name, facts in again.facts.items()} == identities
    bench.stack.facts["api"] = again.facts["api"]  # made anew under its name: the old one is gone


@pytest.mark.parametrize("architecture", ["event_driven"])
def test_requests_reach_their_entities_by_recorded_routes(architecture: str, emulator_home: Path) -> None:
    """Commands and queries go through the queue to their recorded paths, bodies made by a template, some twice."""
    scenario = scenarios()["duplicate_delivery"]
    whole = Library(Places(emulator_home)).load("food_orders").cut(limit=60)
    recording = replace(
        whole, templates={"POST /orders": Template('{"order": "{{ entity }}", "note": "line one\\nline two"}')}
    )
    offered = shaped(schedule(recording, speed=whole.duration_s / 4, seed=1, recorded_routes=True), scenario)
    with warm_bench(architecture, scenario, offered, emulator_home) as bench:
        outcomes = replay(bench, offered, scenario, KeepAliveClient(ask_after_s=0.25))
    books = {row["operation"]: row for row in outcomes["ledger"].to_pylist()}
    assert all(row["committed"] == row["accepted"] == row["offered"] for row in books.values())
    assert books["command"]["redeliveries"] > 0
    assert {"POST /orders", "GET /orders/{order}"} <= set(outcomes["requests"].column("route").to_pylist())
    effects = outcomes["effects"]
    found = effects.filter(pc.equal(effects.column("operation"), "query")).column("found").to_pylist()
    assert found.count(True) >= 0.9 * len(found), "the others overtook their commands"


@pytest.mark.long  # its dead letters take three tries, four seconds apart
def test_nothing_overtakes_in_a_fifo_queue_and_a_dead_letter_blocks_its_group_no_longer(emulator_home: Path) -> None:
    hot, poison = (scenarios()["poison_ordered"]).faults
    faults = (hot.model_copy(update={"share": 0.5}), poison.model_copy(update={"share": 0.2}))
    scenario = scenarios()["poison_ordered"].model_copy(update={"faults": faults})
    offered = lunch(emulator_home, 100, 4.0, scenario)
    with warm_bench("fifo", scenario, offered, emulator_home) as bench:
        outcomes = replay(bench, offered, scenario)
    (books,) = (row for row in outcomes["ledger"].to_pylist() if row["operation"] == "command")
    assert books["dead_lettered"] > 1
    assert books["dead_lettered"] + books["committed"] == books["accepted"] == books["offered"]
    answered_us = {row["request_id"]: row["responded_us"] for row in outcomes["requests"].to_pylist()}
    committed: dict[str, list[tuple[int, int]]] = {}
    for row in outcomes["effects"].to_pylist():
        if row["operation"] == "command" and row["state"] == "committed":
            committed.setdefault(row["entity"], []).append((row["committed_us"], answered_us[row["request_id"]]))
    assert max(map(len, committed.values())) > 5, "one entity has many"
    for stored in committed.values():
        answers_us = [answer_us for _, answer_us in sorted(stored)]
        assert answers_us == sorted(answers_us)
