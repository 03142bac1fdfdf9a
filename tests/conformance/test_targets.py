"""What every target that can be started promises, whatever runs on it: it ends with the process that started it, and
nothing of the user's AWS reaches a function on it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from resources.architectures.packaging import package
from resources.aws.clients import Clients
from resources.aws.integrations import ROLE
from resources.conformance.bench import ProbeBench, wait_until
from resources.targets import Instance
from tests.platforms import on_every_target, platform
from tests.waiting import until
from workloads.places import REPOSITORY

pytestmark = pytest.mark.emulator

# A lab of its own: an emulator with a function that was invoked, so that there is a worker too.
LAB = """
import sys, time
from pathlib import Path
from resources.aws.clients import Clients
from resources.conformance.bench import ProbeBench
from tests.platforms import platform

instance = platform(Path(sys.argv[1]), sys.argv[2]).start("killed", 10)
instance.wait_until_ready()
ProbeBench(Clients(instance.endpoint_url, key=instance.key)).function().invoke()
print(*(process.pid for one in instance.processes for process in one.processes()), flush=True)
time.sleep(600)
"""

TELLTALE = """
import os

def handle(event, context):
    return dict(os.environ)
"""


@pytest.fixture(scope="module", params=on_every_target())
def target(request: pytest.FixtureRequest) -> str:
    name, _ = request.param
    return str(name)


def test_a_killed_lab_leaves_no_process_of_its_emulator(target: str, emulator_home: Path) -> None:
    platform(emulator_home, target)  # installed already where it has to be
    with subprocess.Popen(
        [sys.executable, "-c", LAB, str(emulator_home), target], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as lab:
        assert lab.stdout is not None
        started = [psutil.Process(int(pid)) for pid in lab.stdout.readline().split()]
        assert len(started) >= 2, "the emulator and a function"
        lab.send_signal(signal.SIGKILL)
    assert until(lambda: not [process for process in started if process.is_running()])


@pytest.fixture(scope="module")
def instance(target: str, emulator_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Started by a user with credentials, a profile, endpoints and a proxy."""
    credentials = tmp_path_factory.mktemp("planted") / "credentials"
    credentials.write_text("[planted]\naws_access_key_id = AKIAPLANTEDPROFILE00\naws_secret_access_key = planted\n")
    on = platform(emulator_home, target)
    variables = {
        "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
        "AWS_SECRET_ACCESS_KEY": "planted-secret",
        "AWS_SESSION_TOKEN": "planted-token",
        "AWS_PROFILE": "planted",
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_ENDPOINT_URL": "https://planted.example.com",
        "AWS_ENDPOINT_URL_DYNAMODB": "https://planted.example.com",
        "LOCALSTACK_AUTH_TOKEN": "planted-token",
        "HTTPS_PROXY": "http://planted.example.com:3128",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        running = on.start("planted", 10)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()


def environment_of_a_function(instance: Instance, folder: Path) -> dict[str, Any]:
    """What a function finds in its environment."""
    (folder / "telltale.py").write_text(TELLTALE)
    functions = Clients(instance.endpoint_url, key=instance.key).lambda_
    functions.create_function(
        FunctionName="telltale",
        Runtime="python3.12",
        Role=ROLE,
        Handler="telltale.handle",
        Code={"ZipFile": package(folder / "telltale.py")},
    )
    assert wait_until(
        lambda: functions.get_function_configuration(FunctionName="telltale")["State"] == "Active", seconds=30
    )
    environment: dict[str, Any] = json.loads(functions.invoke(FunctionName="telltale")["Payload"].read())
    return environment


def test_nothing_of_the_users_aws_reaches_a_function_or_what_runs_it(instance: Instance, tmp_path: Path) -> None:
    environment = environment_of_a_function(instance, tmp_path)
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "telltale"
    assert {name: value for name, value in environment.items() if "planted" in f"{value}".lower()} == {}
    assert environment.get("AWS_CONFIG_FILE") == environment.get("AWS_SHARED_CREDENTIALS_FILE") == os.devnull
    for one in instance.processes:
        for process in one.processes():
            assert "planted" not in json.dumps(process.environ()).lower()


def test_nothing_is_connected_to_but_this_machine(instance: Instance) -> None:
    ProbeBench(Clients(instance.endpoint_url, key=instance.key)).function(warm=2)
    addresses = {
        connection.raddr.ip
        for one in instance.processes
        for process in one.processes()
        for connection in process.net_connections(kind="inet")
        if connection.raddr
    }
    assert addresses <= {"127.0.0.1"}
