"""An emulator that somebody else started, with things of theirs on it: used beside them, and left as it was."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.architectures import architectures
from resources.aws.clients import Clients
from resources.conformance.bench import ProbeBench
from resources.lab.bench import Bench, settings_for
from resources.progress import Silent
from resources.targets import Platform, open_target
from resources.targets.endpoint import OPTION
from resources.targets.sweeping import sweep
from tests.platforms import somebodys
from tests.replaying import lunch, replay
from tests.shell import archduel
from tests.watching import OF_THIS_MACHINE, watched, with_planted_credentials
from workloads.places import REPOSITORY, Places
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

STEADY = scenarios()["steady"]
THEIRS = "archduel-orders"  # as another user's lab might have called it

# A run that is killed once it has made half of an architecture.
HALF = """
import sys, time
from pathlib import Path
from resources.architectures import architectures
from resources.aws.clients import Clients
from resources.progress import Silent
from resources.architectures.stack import Stack
from resources.targets import open_target
from workloads.places import Places

url = sys.argv[1]
opened = open_target("endpoint", Places(Path(sys.argv[2])), {"endpoint_url": url}, Silent())
instance = opened.start("killed", 10)
nodes = architectures()["event_driven"].nodes
stack = Stack(Clients(url), nodes, "http://127.0.0.1:1", prefix=instance.prefix)
for node in ("table", "queue", "consumer", "event_source_mapping"):
    stack.ensure(node)
print(instance.prefix, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Somebody's emulator, with a table, a queue and a function of theirs."""
    with somebodys(tmp_path_factory.mktemp("theirs")) as url:
        clients = Clients(url)
        bench = ProbeBench(clients, "theirs")
        bench.function()
        bench.rest_api(bench.canned_integration(), [("200", None)])
        clients.sqs.create_queue(QueueName=THEIRS)
        clients.dynamodb.create_table(
            TableName=THEIRS,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield clients


def opened(clients: Clients, home: Path) -> Platform:
    return open_target("endpoint", Places(home), {OPTION: clients.endpoint_url}, Silent())


def everything(clients: Clients) -> dict[str, list[str]]:
    """The names of all there is."""
    return {
        "functions": sorted(one["FunctionName"] for one in clients.lambda_.list_functions()["Functions"]),
        "mappings": sorted(one["UUID"] for one in clients.lambda_.list_event_source_mappings()["EventSourceMappings"]),
        "queues": sorted(clients.sqs.list_queues().get("QueueUrls", [])),
        "tables": sorted(clients.dynamodb.list_tables()["TableNames"]),
        "apis": sorted(one["name"] for one in clients.apigateway.get_rest_apis()["items"]),
        "plans": sorted(one["name"] for one in clients.apigateway.get_usage_plans()["items"]),
        "keys": sorted(one["name"] for one in clients.apigateway.get_api_keys()["items"]),
        "roles": sorted(one["RoleName"] for one in clients.iam.list_roles()["Roles"]),
        "logs": sorted(one["logGroupName"] for one in clients.logs.describe_log_groups()["logGroups"]),
    }


def test_architectures_run_beside_each_other_and_beside_what_is_there_and_leave_it_as_it_was(
    theirs: Clients, tmp_path: Path
) -> None:
    before = everything(theirs)
    on = opened(theirs, tmp_path)
    offered = lunch(tmp_path, 40, 4.0, STEADY)
    benches = []
    try:
        for name in ("synchronous", "hybrid"):
            architecture = architectures()[name]
            settings = settings_for(STEADY, architecture, offered, on.target.limits)
            benches.append(Bench(architecture, settings, on, tmp_path))
        for bench in benches:
            bench.ready().warm_up()
        for bench in benches:
            outcomes = replay(bench, offered, STEADY)
            assert sum(row["committed"] for row in outcomes["ledger"].to_pylist()) == len(offered)
            for share in ("target_cpu_share", "others_cpu_share"):  # they cannot be distinguished
                assert outcomes["experiments"].column(share).to_pylist() == [None]
    finally:
        for bench in benches:
            bench.close()
            bench.close()
    assert everything(theirs) == before


def test_what_a_killed_run_had_made_goes_when_the_next_one_starts_and_nothing_else(
    theirs: Clients, tmp_path: Path
) -> None:
    before = everything(theirs)
    command = [sys.executable, "-c", HALF, theirs.endpoint_url, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        prefix = run.stdout.readline().strip()
        opened(theirs, tmp_path)
        assert f"{prefix}-consumer" in everything(theirs)["functions"], "it is alive, and keeps what it made"
        run.send_signal(signal.SIGKILL)
    opened(theirs, tmp_path / "of another home")
    assert f"{prefix}-consumer" in everything(theirs)["functions"], "it is not that home's to take away"
    opened(theirs, tmp_path)
    assert everything(theirs) == before


@pytest.mark.long  # the sweep at the next start, above, goes the same way
def test_a_killed_run_is_swept_by_command_once_its_user_agrees_and_again_harmlessly(
    theirs: Clients, places: Places
) -> None:
    before = everything(theirs)
    command = [sys.executable, "-c", HALF, theirs.endpoint_url, str(places.home)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        prefix = run.stdout.readline().strip()
        sweeping = ("sweep", "--target", "endpoint", "--endpoint-url", theirs.endpoint_url)
        alive = archduel(places, *sweeping, "--yes")
        assert (alive.returncode, alive.stdout) == (0, f"nothing of dead runs is left on {theirs.endpoint_url}\n")
        run.send_signal(signal.SIGKILL)
    listed = archduel(places, *sweeping)
    assert listed.returncode == 1
    assert f"left on {theirs.endpoint_url}: function {prefix}-consumer" in listed.stdout
    assert f"left on {theirs.endpoint_url}: role {prefix}-consumer" in listed.stdout
    assert "archduel: nothing was deleted: without a terminal to ask on, give --yes" in listed.stderr
    assert f"{prefix}-consumer" in everything(theirs)["functions"]
    swept = archduel(places, *sweeping, "--yes")
    assert swept.returncode == 0
    assert f"deleted {listed.stdout.count('left on')} from" in swept.stdout
    assert everything(theirs) == before
    again = archduel(places, *sweeping)
    assert (again.returncode, again.stdout) == (0, f"nothing of dead runs is left on {theirs.endpoint_url}\n")


def test_probes_leave_nothing(theirs: Clients, tmp_path: Path) -> None:
    before = everything(theirs)
    instance = opened(theirs, tmp_path).start("probes", 10)
    bench = ProbeBench(Clients(theirs.endpoint_url), instance.prefix)
    queue, function = bench.queue(dead_letters_after=2), bench.function()
    bench.mapping(queue, function).enable()
    bench.table()
    function.invoke()
    api = bench.rest_api(bench.canned_integration(), [("200", None)], api_key=True)
    plan = theirs.apigateway.create_usage_plan(
        name=bench.name("plan"), apiStages=[{"apiId": api.api_id, "stage": api.stage}]
    )
    key = theirs.apigateway.create_api_key(name=bench.name("key"), enabled=True)
    theirs.apigateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    assert everything(theirs) != before
    instance.close()
    assert everything(theirs) == before


def test_sweeping_again_finds_nothing(theirs: Clients) -> None:
    ProbeBench(theirs, "swept").queue()
    assert sweep(theirs, lambda name: name.startswith("swept-")) == 1
    assert sweep(theirs, lambda name: name.startswith("swept-")) == 0


@pytest.mark.long
def test_a_comparison_on_it_is_one_of_its_own_target_and_reaches_nothing_else(
    theirs: Clients, places: Places, tmp_path: Path
) -> None:
    planted = with_planted_credentials(tmp_path, "http://planted.example.com:3128")
    before = everything(theirs)
    done = archduel(
        places,
        *("compare", "--target", "endpoint", "--endpoint-url", theirs.endpoint_url, "--scenario", "steady"),
        *("--architecture", "synchronous", "--limit", "60", "--speed", "4", "--observed-only"),
        timeout_s=200,
        environment=planted,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"observed on {opened(theirs, tmp_path).title}, recorded time" in done.stdout
    assert "--target endpoint --endpoint-url" in done.stdout, "the next steps are for this target"
    assert "127.0.0.1" in watched(planted), "the network was watched"
    assert watched(planted) <= OF_THIS_MACHINE
    assert list(places.outcomes.rglob("*food_orders__steady__endpoint*"))
    assert everything(theirs) == before
