"""``archduel replay`` as its user sees it."""

import json

import pyarrow.parquet as pq
import pytest

from tests.functional.conftest import Call
from tests.unit.test_replay_client import Server, answer
from workloads.places import Places


def test_every_request_is_sent_and_two_services_are_compared(call: Call, places: Places) -> None:
    slower = Server(lambda peer, number: peer.later(0.02))
    with Server(answer).running() as one, slower.running() as other:
        services = ("--to", one.url, "--to", other.url)
        done = call("replay", "food_orders", *services, "--rate", "400", "--limit", "100", "--map", "/orders=/o")
    assert done.returncode == 0, done.stderr
    assert "100 requests of food_orders in 0.2 s" in done.stdout
    assert "the same status in 100 of 100 requests; of 100 answered by both, longer by" in done.stdout
    assert len(one.requests) == len(other.requests) == 100
    assert any(b" /lab/o/" in request for request in one.requests)
    (folder,) = (places.replays / "food_orders").iterdir()
    told = json.loads((folder / "summary.json").read_text())
    assert [service["answered"] for service in told["services"]] == [100, 100]
    assert told["compared"][0]["longer_p50_us"] > 5_000
    assert pq.read_metadata(folder / "2" / "requests.parquet").num_rows == 100
    asked = call(
        "sql", "SELECT service, count(*) AS n FROM direct_requests GROUP BY ALL ORDER BY ALL", "--format", "csv"
    )
    assert asked.stdout.splitlines() == ['"service","n"', "1,100", "2,100"]
    page = (places.report.parent / "replays.html").read_text()
    assert "the same status in 100 of 100; of 100 answered by both" in page
    reported = call("report")
    assert reported.stdout.endswith("replays.html\n"), "there is no comparison to report on"


def test_a_dry_run_says_what_it_would_send_and_sends_nothing(call: Call, places: Places) -> None:
    with Server(answer).running() as server:
        done = call("replay", "food_orders", "--to", server.url, "--from", "10", "--to-time", "20", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing was sent" in done.stdout
    assert not server.connections
    assert not places.replays.exists()


@pytest.mark.parametrize(("rate", "says"), [("15000", "busiest second, to"), ("30000", "by 2 processes, to")])
def test_as_many_processes_share_it_as_the_rate_needs_and_the_cores_allow(
    call: Call, monkeypatch: pytest.MonkeyPatch, rate: str, says: str
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    done = call("replay", "food_orders", "--to", "http://127.0.0.1:1", "--rate", rate, "--loop", "30", "--dry-run")
    assert says in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nope", "--to", "http://127.0.0.1:1"), "unknown workload 'nope'"),
        (("food_orders", "--to", "http://10.0.0.1"), "add --allow-host 10.0.0.1"),
        (("food_orders", "--to", "http://127.0.0.1:1", "--rate", "fast"), "write it like 100"),
        (("food_orders", "--to", "http://127.0.0.1:1", "--rate", "10,20"), "all but the last rate need their seconds"),
        (("food_orders", "--to", "http://127.0.0.1:1", "--map", "a=b"), "write it like /v1=/v2"),
        (("food_orders", "--to", "http://127.0.0.1:1", "--to", "http://127.0.0.1:1/"), "names a service twice"),
        (("food_orders", "--to", "http://127.0.0.1:1", "--stop-if", "bad"), "write it like 'failed > 5 %'"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(call: Call, arguments: tuple[str, ...], says: str) -> None:
    done = call("replay", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
