"""Every behaviour provoked on the embedded emulator: each probe comes to a finding, and the known ones are found."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.clients import Clients
from resources.conformance.behaviours import gateway
from resources.conformance.bench import ProbeBench
from resources.conformance.probes import Status
from resources.machine import emulator_processes
from resources.warehouse.reading import query
from tests.platforms import platform
from tests.shell import archduel
from workloads.places import Places

pytestmark = pytest.mark.emulator

Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def places_of_doctor(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def told(places_of_doctor: Places) -> dict[str, Any]:
    """What `archduel doctor` says of this machine and the emulator."""
    done = archduel(places_of_doctor, "doctor", "--format", "json", timeout_s=240)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def conformance(told: dict[str, Any]) -> Rows:
    return {row["behaviour"]: row for row in told["conformance"]}


def test_every_behaviour_could_be_provoked(conformance: Rows) -> None:
    assert [row for row in conformance.values() if row["observed"].startswith("could not be provoked")] == []


@pytest.mark.parametrize(
    ("behaviour", "status", "seen", "aws"),
    [
        ("a throttled function behind a REST API", Status.DIFFERENT, 429, 500),
        ("a function at its reserved concurrency, invoked directly", Status.REPRODUCED, 429, 429),
        ("a REST API's integration time-out", Status.ABSENT, 200, 504),
        ("a function's time-out behind a REST API", Status.REPRODUCED, 502, 502),
        ("a malformed answer of a function behind a REST API", Status.ABSENT, 200, 502),
        ("a REST API's stage throttle", Status.REPRODUCED, 429, 429),
        ("an API key is required and not sent", Status.REPRODUCED, 403, 403),
        ("a handler raises", Status.DIFFERENT, None, None),
        ("MaximumBatchingWindowInSeconds", Status.ABSENT, None, None),
        ("MaximumConcurrency of a mapping", Status.REPRODUCED, None, None),
        ("redrive to the dead-letter queue", Status.REPRODUCED, None, None),
        ("partial batch response", Status.REPRODUCED, None, None),
        ("a message delivered more than once by a standard queue", Status.ABSENT, None, None),
        ("provisioned write capacity", Status.ABSENT, None, None),
        ("$context.requestId in a mapping template", Status.ABSENT, None, None),
    ],
)
def test_known_behaviours_are_found(
    conformance: Rows, behaviour: str, status: Status, seen: int | None, aws: int | None
) -> None:
    row = conformance[behaviour]
    assert (row["status"], row["seen_status"], row["aws_status"]) == (status.value, seen, aws), row["observed"]


def test_what_was_found_is_in_the_warehouse(told: dict[str, Any], places_of_doctor: Places) -> None:
    rows = query(places_of_doctor, "SELECT target, behaviour, status FROM conformance").to_pylist()
    assert {row["target"] for row in rows} == {platform(places_of_doctor.home).title}
    assert {(row["behaviour"], row["status"]) for row in rows} == {
        (row["behaviour"], row["status"]) for row in told["conformance"]
    }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ProbeBench]:
    emulator = platform(tmp_path).start("doctor", 40)
    try:
        emulator.wait_until_ready()
        yield ProbeBench(Clients(emulator.endpoint_url, attempts=1))
    finally:
        emulator.close()


def test_a_wrong_expectation_is_noticed(bench: ProbeBench) -> None:
    right = gateway.missing_api_key
    wrong = dataclasses.replace(right, aws_status=401)
    assert right.observe(bench).status is Status.REPRODUCED
    assert wrong.observe(bench).status is Status.DIFFERENT


def test_a_running_emulator_is_no_stray(bench: ProbeBench) -> None:
    running = [process for process in emulator_processes() if process.folder]
    assert running
    assert all(process.leashed for process in running)
