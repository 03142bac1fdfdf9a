"""A comparison on the container target, with an engine of the test's own whose containers are MiniStack processes.

The engine, the image and containers' networks are not Docker's: what is tested is all of archduel, to the proxy that
functions reach on an address that is not the loopback one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resources.targets.localstack_docker import TAG, TOKEN
from resources.warehouse.reading import query
from tests.docker_engine import GATEWAY, Container, FakeEngine, running
from tests.shell import archduel
from workloads.places import Places

pytestmark = [pytest.mark.emulator, pytest.mark.long]

SECRET = "ls-planted-token-4711"


def ministack(container: Container) -> None:
    """Run an emulator where the container would have been published."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTACK_"))}
    environment = container.environment()
    container.process = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env={
            **environment,
            "GATEWAY_PORT": str(container.host_port()),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
            "LAMBDA_ACCOUNT_CONCURRENCY": environment["LAMBDA_LIMITS_CONCURRENT_EXECUTIONS"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    container.logs = f"Ready with {environment[TOKEN]}.\n"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with running() as one:
        one.run = ministack
        yield one


def listening(places: Places) -> set[str]:
    """The addresses that processes of this home listen at."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("ARCHDUEL_HOME") == str(places.home):
                found |= {one.laddr.ip for one in process.net_connections(kind="inet") if one.status == "LISTEN"}
        except psutil.Error:
            continue
    return found


def test_an_outage_is_seen_by_functions_in_containers_and_nothing_of_it_stays(
    engine: FakeEngine, places: Places
) -> None:
    seen: set[str] = set()

    def run(container: Container) -> None:
        ministack(container)
        seen.update(listening(places))

    engine.run = run
    done = archduel(
        places,
        *("compare", "--target", "localstack-docker", "--scenario", "backend_outage"),
        *(
            "--architecture",
            "synchronous",
            "--architecture",
            "event_driven",
            "--limit",
            "200",
            "--speed",
            "8",
            "--observed-only",
        ),
        timeout_s=250,
        environment={"DOCKER_HOST": engine.url, TOKEN: SECRET},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"observed on LocalStack {TAG} (container 0123456789ab), recorded time" in done.stdout
    rows = query(places, "FROM ledger").to_pylist()
    synchronous, event_driven = (
        [row for row in rows if row["architecture"] == name] for name in ("synchronous", "event_driven")
    )
    assert sum(row["failed"] for row in synchronous) > 0, "the outage reached no function"
    assert all(row["committed"] == row["offered"] for row in event_driven)
    assert query(places, "SELECT DISTINCT target_cpu_share, others_cpu_share FROM experiments").to_pylist() == [
        {"target_cpu_share": None, "others_cpu_share": None}
    ]
    assert list(places.outcomes.rglob("*food_orders__backend_outage__localstack-docker*"))
    assert GATEWAY in seen, "the table's proxy listens where functions reach it"
    assert seen <= {"127.0.0.1", GATEWAY}
    assert not engine.containers
    files = [path for path in places.home.rglob("*") if path.is_file()]
    assert any(b"Ready with ***." in path.read_bytes() for path in Path(places.emulator_logs).iterdir())
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in done.stdout + done.stderr
