"""`archduel dev` with a run under way, ended in every way: nothing of it goes on unseen."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import dagster as dg
import psutil
import pytest

from orchestration.instance import end_dead_runs
from resources.machine.leash import free_port
from resources.targets.local import DIRECT
from tests.integration.test_kill import processes_of, wait_until_gone
from tests.waiting import until
from workloads.places import REPOSITORY, Places

pytestmark = [pytest.mark.emulator, pytest.mark.long]  # Dagster takes ten seconds to start

NIGHT = "2026-05-17"
CELL = "food_orders__steady"
LAUNCH = "mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p) { __typename } }"
CODE = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"


def asked(port: int, query: str, variables: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": variables or {}}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with DIRECT.open(request, timeout=20) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def launch(port: int) -> None:
    code = until_answered(port)
    selector = {
        "pipelineName": "one_architecture_synchronous",
        "repositoryName": code["name"],
        "repositoryLocationName": code["location"]["name"],
    }
    tags = {"dagster/partition": f"{CELL}|{NIGHT}", "dagster/partition/cell": CELL, "dagster/partition/night": NIGHT}
    params = {
        "selector": selector,
        "runConfigData": {"resources": {"lab": {"config": {"limit": 2000, "others_at_most": 1.0}}}},
        "mode": "default",
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }
    launched = asked(port, LAUNCH, {"p": params})
    assert launched["launchPipelineExecution"]["__typename"] == "LaunchRunSuccess"


def until_answered(port: int) -> Any:
    nodes: list[Any] = []

    def loaded() -> bool:
        nodes[:] = ((asked(port, CODE) or {}).get("repositoriesOrError") or {}).get("nodes") or []
        return bool(nodes)

    assert until(loaded, 90)
    return nodes[0]


def emulators(places: Places) -> list[psutil.Process]:
    """Its emulators: of the home they know nothing but their own folder in it."""
    found = []
    for process in psutil.process_iter():
        try:
            folder = process.environ().get("HOME", "")
        except psutil.Error:
            continue
        if folder.startswith(str(places.temporary)):
            found.append(process)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_it_takes_its_runs_and_their_emulators_along(places: Places, number: signal.Signals) -> None:
    port = free_port()
    dev = subprocess.Popen(
        [sys.executable, "-m", "orchestration.commands.main", "dev", "--port", str(port)],
        env={**os.environ, "ARCHDUEL_HOME": str(places.home)},
        cwd=REPOSITORY,
        start_new_session=True,
    )
    try:
        launch(port)
        assert until(lambda: emulators(places), 90)
        dev.send_signal(number)
        dev.wait(60)
    finally:
        dev.kill()
    assert wait_until_gone(places) == []
    assert until(lambda: not emulators(places))
    assert processes_of(places) == []
    with dg.DagsterInstance.from_config(str(places.dagster)) as instance:
        end_dead_runs(instance)  # as the next command does
        [run] = instance.get_runs(dg.RunsFilter(job_name="one_architecture_synchronous"))
    ended = dg.DagsterRunStatus.FAILURE if number is signal.SIGKILL else dg.DagsterRunStatus.CANCELED
    assert run.status is ended
