"""Every behaviour provoked on every target that can be started: each has a status, the known ones the expected one."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.aws.clients import Clients
from resources.conformance.behaviours import gateway
from resources.conformance.bench import ProbeBench
from resources.conformance.probes import Status
from resources.machine.checks import emulator_processes
from resources.targets import Feature, Target, targets
from resources.warehouse.reading import query
from tests.platforms import on_every_target, platform
from tests.shell import archduel
from workloads.places import Places

pytestmark = pytest.mark.emulator

Rows = dict[str, dict[str, Any]]


# What is known of each target: the behaviour's status, what its client saw, and what AWS answers.
KNOWN: dict[str, dict[str, tuple[Status, int | None, int | None]]] = {
    "ministack": {
        "a throttled function behind a REST API": (Status.DIFFERENT, 429, 500),
        "a function at its reserved concurrency, invoked directly": (Status.REPRODUCED, 429, 429),
        "a REST API's integration time-out": (Status.ABSENT, 200, 504),
        "a function's time-out behind a REST API": (Status.REPRODUCED, 502, 502),
        "a malformed answer of a function behind a REST API": (Status.ABSENT, 200, 502),
        "a REST API's stage throttle": (Status.REPRODUCED, 429, 429),
        "an API key is required and not sent": (Status.REPRODUCED, 403, 403),
        "a handler raises": (Status.REPRODUCED, None, None),
        "an asynchronous invocation through a REST API": (Status.REPRODUCED, None, None),
        "what fails when invoked asynchronously": (Status.REPRODUCED, None, None),
        "MaximumBatchingWindowInSeconds": (Status.ABSENT, None, None),
        "MaximumConcurrency of a mapping": (Status.REPRODUCED, None, None),
        "redrive to the dead-letter queue": (Status.REPRODUCED, None, None),
        "partial batch response": (Status.REPRODUCED, None, None),
        "a message delivered more than once by a standard queue": (Status.NOT_PROVOCABLE, None, None),
        "provisioned write capacity": (Status.ABSENT, None, None),
        "$context.requestId in a mapping template": (Status.ABSENT, None, None),
        "one pool of environments for all functions": (Status.REPRODUCED, 429, 429),
        "MaximumConcurrency of 1": (Status.REPRODUCED, None, None),
        "a mapping backs off from a failing function, without partial responses": (Status.DIFFERENT, None, None),
        "a request of more than 10 MB to a REST API": (Status.ABSENT, 200, 413),
        "an invocation with more than 6 MB": (Status.ABSENT, 200, 413),
        "an asynchronous invocation with more than 1 MB": (Status.ABSENT, 202, 413),
        "a message of more than 1 MiB": (Status.REPRODUCED, None, None),
        "a message sent twice to a standard queue": (Status.REPRODUCED, None, None),
        "a message sent twice to a FIFO queue": (Status.REPRODUCED, None, None),
        "a redrive from the dead-letter queue": (Status.ABSENT, None, None),
        "a topic that copies to queues": (Status.REPRODUCED, None, None),
        "a subscription's filter policy": (Status.REPRODUCED, None, None),
        "a queue whose policy does not allow the topic": (Status.ABSENT, None, None),
    },
    "localstack": {
        "a throttled function behind a REST API": (Status.DIFFERENT, 502, 500),
        "a function at its reserved concurrency, invoked directly": (Status.REPRODUCED, 429, 429),
        "a REST API's integration time-out": (Status.ABSENT, 200, 504),
        "a function's time-out behind a REST API": (Status.REPRODUCED, 502, 502),
        "a malformed answer of a function behind a REST API": (Status.REPRODUCED, 502, 502),
        "a REST API's stage throttle": (Status.ABSENT, 200, 429),
        "an API key is required and not sent": (Status.REPRODUCED, 403, 403),
        "a handler raises": (Status.REPRODUCED, None, None),
        "MaximumConcurrency of a mapping": (Status.DIFFERENT, None, None),  # one poller: never more than one
        "redrive to the dead-letter queue": (Status.REPRODUCED, None, None),
        "partial batch response": (Status.REPRODUCED, None, None),
        "a message delivered more than once by a standard queue": (Status.NOT_PROVOCABLE, None, None),
        "provisioned write capacity": (Status.ABSENT, None, None),
        "$context.requestId in a mapping template": (Status.REPRODUCED, None, None),
        "a topic that copies to queues": (Status.REPRODUCED, None, None),
        "a subscription's filter policy": (Status.REPRODUCED, None, None),
        "a queue whose policy does not allow the topic": (Status.ABSENT, None, None),
    },
}


@pytest.fixture(scope="module", params=on_every_target())
def target(request: pytest.FixtureRequest) -> Target:
    return targets()[request.param[0]]


@pytest.fixture(scope="module")
def places_of_doctor(emulator_home: Path) -> Places:
    return Places(emulator_home)


@pytest.fixture(scope="module")
def report(places_of_doctor: Places, target: Target) -> dict[str, Any]:
    """What `archduel doctor` says of this machine and the target."""
    done = archduel(places_of_doctor, "doctor", "--target", target.name, "--format", "json", timeout_s=280)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def conformance(report: dict[str, Any]) -> Rows:
    return {row["behaviour"]: row for row in report["conformance"]}


def test_every_behaviour_could_be_provoked_but_of_what_the_target_lacks(conformance: Rows, target: Target) -> None:
    failed = [row for row in conformance.values() if row["observed"].startswith("could not be provoked")]
    assert [row for row in failed if not (Feature.HTTP_API in target.lacks and "HTTP API" in row["behaviour"])] == []


def test_known_behaviours_are_found(conformance: Rows, target: Target) -> None:
    found = {
        behaviour: (Status(row["status"]), row["seen_status"], row["aws_status"])
        for behaviour, row in conformance.items()
        if behaviour in KNOWN[target.name]
    }
    assert found == KNOWN[target.name]


def test_a_throttled_function_is_seen_as_the_target_says(conformance: Rows, target: Target) -> None:
    assert conformance["a throttled function behind a REST API"]["seen_status"] == target.throttled_status


def test_a_stage_throttles_unless_the_target_says_it_does_not(conformance: Rows, target: Target) -> None:
    reproduced = conformance["a REST API's stage throttle"]["status"] == Status.REPRODUCED
    assert reproduced == (Feature.STAGE_THROTTLE not in target.lacks)


def test_what_was_found_is_in_the_warehouse(report: dict[str, Any], places_of_doctor: Places, target: Target) -> None:
    title = platform(places_of_doctor.home, target.name).title
    rows = query(places_of_doctor, "SELECT behaviour, status FROM conformance WHERE target = ?", [title]).to_pylist()
    assert {(row["behaviour"], row["status"]) for row in rows} == {
        (row["behaviour"], row["status"]) for row in report["conformance"]
    }


@pytest.fixture(scope="module")
def bench(emulator_home: Path) -> Iterator[ProbeBench]:
    emulator = platform(emulator_home).start("doctor", 40)
    try:
        emulator.wait_until_ready()
        yield ProbeBench(Clients(emulator.endpoint_url, attempts=1, key=emulator.key))
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
