"""A service of the user's own in every architecture: its handlers are unmodified, its books are in order."""

import shutil
from pathlib import Path

import duckdb
import pytest

from resources.architectures import architectures
from resources.services.kept import keep
from tests.recordings import recording_of
from tests.replaying import replay, warm_bench
from workloads.places import Places
from workloads.recordings.recording import Recording
from workloads.recordings.routes import Template
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.schedule import schedule
from workloads.replay.shaping import shaped
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

SHORTENER = Path("tests/services/shortener/service.toml")
SEVERAL = Path("tests/services/several/service.toml")
TEMPLATES = {"PUT /links/{link}": Template('{"url": "https://example.com/{{ text(20) }}"}')}
OTHERS = [
    pytest.param(name, marks=pytest.mark.long)
    for name, one in architectures().items()
    if name != "event_driven" and one.takes_any_routes
]


def traffic() -> Recording:
    """Forty links, each made and then followed half a second later, within four seconds; one that nobody made."""
    requests = []
    for number in range(40):
        about = {"path": f"/links/a{number:03}", "entity": f"link-{number}"}
        requests.append({**about, "method": "PUT", "operation": "command", "arrival_us": number * 100_000})
        requests.append({**about, "method": "GET", "operation": "query", "arrival_us": number * 100_000 + 500_000})
    requests.append({"path": "/links/a999", "entity": "link-999", "method": "GET", "arrival_us": 4_600_000})
    made = recording_of(sorted(requests, key=lambda one: int(str(one["arrival_us"]))))
    return Recording(made.name, made.table, TEMPLATES)


@pytest.mark.parametrize("architecture", ["event_driven", *OTHERS])  # each takes ten seconds
def test_a_service_is_replayed_unmodified_and_its_executions_are_counted(
    architecture: str, emulator_home: Path
) -> None:
    scenario = scenarios()["duplicate_delivery"]
    service = keep(Places(emulator_home), SHORTENER)
    offered = shaped(schedule(traffic(), speed=1.0, seed=1, recorded_routes=True), scenario)
    with warm_bench(architecture, scenario, offered, emulator_home, service=service) as bench:
        outcomes = replay(bench, offered, scenario, KeepAliveClient(ask_after_s=0.25))
        table = bench.stack.facts["table"]["of_service"]["links"]
        stored = bench.stack.clients.dynamodb.scan(TableName=table)["Items"]
    assert {item["slug"]["S"] for item in stored} == {f"a{number:03}" for number in range(40)}
    assert all(item["url"]["S"].startswith("https://example.com/") for item in stored)
    with duckdb.connect() as connection:
        for name in ("requests", "effects"):
            connection.register(name, outcomes[name])
        books = connection.execute(
            "SELECT operation, count(*) FILTER (state = 'committed') AS done,"
            " sum(greatest(commits - 1, 0)) AS again, count(*) FILTER (found) AS found FROM effects GROUP BY operation"
        ).fetchall()
        statuses = connection.execute("SELECT DISTINCT operation, status FROM requests").fetchall()
    booked = {operation: {"done": done, "again": again, "found": found} for operation, done, again, found in books}
    command, query = booked["command"], booked["query"]
    queued = architectures()[architecture].queued
    assert (command["done"], query["done"]) == (40, 41)
    assert (command["again"] > 0) == ("command" in queued), "executed twice where it is delivered twice"
    assert 30 <= query["found"] <= 40, "nobody made the last one, and some commands are late behind a queue"
    expected = {"command": {202 if "command" in queued else 201}, "query": {202} if "query" in queued else {302, 404}}
    assert set(statuses) == {(operation, status) for operation, each in expected.items() for status in each}


def several_traffic() -> Recording:
    """Links of one function, in Python, and previews of the other, in Node; its handler fails at two of ten queries."""
    requests = []
    for number in range(10):
        at_us = number * 200_000
        slug = "gone" if number % 5 == 4 else f"a{number:03}"
        requests += [
            {"method": "PUT", "path": f"/links/a{number:03}", "operation": "command", "arrival_us": at_us},
            {"method": "POST", "path": "/previews", "operation": "command", "arrival_us": at_us + 50_000},
            {"method": "GET", "path": f"/previews/{slug}", "operation": "query", "arrival_us": at_us + 100_000},
        ]
    made = recording_of([{**one, "entity": f"link-{number}"} for number, one in enumerate(requests)])
    preview = '{"slug": "{{ entity }}", "text": "{{ text(20) }}"}'
    return Recording(made.name, made.table, {**TEMPLATES, "POST /previews": Template(preview)})


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
@pytest.mark.parametrize("architecture", ["hybrid", pytest.param("synchronous", marks=pytest.mark.long)])
def test_each_of_several_functions_gets_its_own_routes_in_python_or_node(
    architecture: str, emulator_home: Path
) -> None:
    scenario = scenarios()["duplicate_delivery" if architecture == "hybrid" else "steady"]
    service = keep(Places(emulator_home), SEVERAL)
    offered = shaped(schedule(several_traffic(), speed=1.0, seed=1, recorded_routes=True), scenario)
    with warm_bench(architecture, scenario, offered, emulator_home, service=service) as bench:
        outcomes = replay(bench, offered, scenario, KeepAliveClient())
        table = bench.stack.facts["table"]["of_service"]["links"]
        stored = bench.stack.clients.dynamodb.scan(TableName=table)["Items"]
    assert {item["slug"]["S"] for item in stored} == {f"a{number:03}" for number in range(10)}
    with duckdb.connect() as connection:
        for name in ("requests", "effects"):
            connection.register(name, outcomes[name])
        seen = connection.execute(
            "SELECT split_part(requests.route, '/', 2) AS first, operation, status, count(*), sum(commits)"
            " FROM requests JOIN effects USING (request_id, operation) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    counted = {(first, operation, status): count for first, operation, status, count, _ in seen}
    made = 202 if architecture == "hybrid" else 201
    assert counted == {
        ("links", "command", made): 10,
        ("previews", "command", made): 10,
        ("previews", "query", 200): 8,
        ("previews", "query", 502): 2,
    }
    again = sum(int(commits) - count for _, operation, _, count, commits in seen if operation == "command")
    assert (again > 0) == (architecture == "hybrid"), "executed twice where it is delivered twice"
