"""The target AWS on an emulator that checks permissions, with the credentials of a user who may do what the README asks
for and no more.

Nothing on the command line or in the environment puts an emulator in AWS's place: the tests do, by a parameter.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resources.architectures import architectures
from resources.aws.clients import Clients
from resources.aws.roles import operating
from resources.lab.bench import Bench, settings_for
from resources.progress import Silent
from resources.targets.aws import OWNER, Aws
from resources.targets.sweeping import found
from resources.warehouse.reading import query
from tests.aws_profiles import OPTIONS, profiles, standing_in
from tests.platforms import checking_permissions
from tests.replaying import lunch, replay
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY, Places
from workloads.scenarios import scenarios

pytestmark = pytest.mark.emulator

STEADY = scenarios()["steady"]

# Where AWS looks at a resource, and the emulator at none: it takes these for actions that cannot be narrowed down.
_NARROWER_ON_AWS = {
    "Effect": "Allow",
    "Action": ["lambda:CreateFunction", "dynamodb:ListTagsOfResource"],
    "Resource": "*",
}

# A run that is killed once it has made half of an architecture.
HALF = """
import sys, time
from pathlib import Path
from resources.architectures import architectures
from resources.progress import Silent
from resources.architectures.stack import Stack
from tests.aws_profiles import OPTIONS, standing_in
from workloads.places import Places

opened = standing_in(sys.argv[1]).open(Places(Path(sys.argv[2])), OPTIONS, Silent())
opened.charge.agree()
instance = opened.start("killed", 10)
instance.wait_until_ready()
nodes = architectures()["hybrid"].nodes
stack = Stack(opened.connect(instance, 2), nodes, "", prefix=instance.prefix, tags=opened.tags)
stack.ensure_all()
print(instance.prefix, flush=True)
time.sleep(600)
"""


@dataclass
class Strict:
    """MiniStack with its permission checks on, and the clients of its owner."""

    url: str
    root: Clients

    def may(self, policy: dict[str, Any]) -> None:
        """What the user of the profile may do from now on."""
        self.root.iam.put_user_policy(UserName="op", PolicyName="lab", PolicyDocument=json.dumps(policy))

    def everything(self) -> list[str]:
        """The names of all there is in the region of the tests."""
        there = standing_in(self.url)._connect("root", OPTIONS["region"], 2)
        return sorted(str(one) for one in found(there, lambda _name: True))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    with checking_permissions(tmp_path_factory.mktemp("aws")) as url:
        root = Clients(url)
        root.iam.create_user(UserName="op")
        yield Strict(url, root)


@pytest.fixture
def strict(running: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Strict:
    """With the profile of a user who may do what the lab needs."""
    keys = running.root.iam.create_access_key(UserName="op")["AccessKey"]
    text = "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
    profiles(
        tmp_path,
        monkeypatch,
        text.format("lab", keys["AccessKeyId"], keys["SecretAccessKey"]) + text.format("root", "test", "test"),
    )
    allowed = operating()
    running.may({**allowed, "Statement": [*allowed["Statement"], _NARROWER_ON_AWS]})
    return running


def test_an_architecture_is_made_replayed_and_taken_away_with_the_rights_the_lab_asks_for(
    strict: Strict, tmp_path: Path
) -> None:
    before = strict.everything()
    on = standing_in(strict.url).open(Places(tmp_path), OPTIONS, Silent())
    assert on.charge is not None
    on.charge.agree()
    offered = lunch(tmp_path, 24, 3.0, STEADY)
    architecture = architectures()["hybrid"]
    bench = Bench(architecture, settings_for(STEADY, architecture, offered, on.target.limits), on, tmp_path)
    try:
        bench.ready().warm_up()
        assert bench.proxies == {}
        outcomes = replay(bench, offered, STEADY)
        assert sum(row["committed"] for row in outcomes["ledger"].to_pylist()) == len(offered)
        # By a wall clock somewhere else: when something was done is known as well as the round trip allows.
        uncertainty_us = outcomes["experiments"].column("clock_uncertainty_us")[0].as_py()
        assert 0 < uncertainty_us < 2_000_000
        # The load generator's machine is measured all the same.
        assert 0 <= outcomes["experiments"].column("others_cpu_share")[0].as_py() <= 1
        for row in outcomes["effects"].to_pylist():
            assert -uncertainty_us < row["completion_us"] < 20_000_000
        assert {row["outcome"] for row in outcomes["invocations"].to_pylist()} == {"succeeded"}
        with pytest.raises(ArchduelError, match="a second replay on resources that cannot be emptied"):
            bench.fresh([])
        assert on.charge.spending.requests >= len(offered)
        functions, made = bench.stack.clients.lambda_, bench.stack.facts["query"]
        assert functions.list_tags(Resource=made["arn"])["Tags"] == dict(on.tags)
        variables = functions.get_function_configuration(FunctionName=made["name"])["Environment"]["Variables"]
        assert "AWS_ENDPOINT_URL_DYNAMODB" not in variables
    finally:
        bench.close()
    assert strict.everything() == before


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        ("iam:CreateRole", "profile 'lab' may not do this: CreateRole: .*iam:CreateRole"),
        ("dynamodb:CreateTable", "profile 'lab' may not do this: CreateTable: .*dynamodb:CreateTable"),
    ],
)
def test_a_missing_permission_is_named_and_leaves_nothing_behind(
    denied: str, words: str, strict: Strict, tmp_path: Path
) -> None:
    before = strict.everything()
    allowed = operating()
    deny = {"Effect": "Deny", "Action": [denied], "Resource": "*"}
    strict.may({**allowed, "Statement": [*allowed["Statement"], _NARROWER_ON_AWS, deny]})
    on = standing_in(strict.url).open(Places(tmp_path), OPTIONS, Silent())
    assert on.charge is not None
    on.charge.agree()
    offered = lunch(tmp_path, 5, 1.0, STEADY)
    architecture = architectures()["event_driven"]
    bench = Bench(architecture, settings_for(STEADY, architecture, offered, on.target.limits), on, tmp_path)
    try:
        with pytest.raises(ArchduelError, match=words):
            bench.ready().warm_up()
    finally:
        bench.close()
    assert strict.everything() == before


def test_what_a_killed_run_made_is_swept_and_nothing_of_anybody_elses(strict: Strict, tmp_path: Path) -> None:
    before = strict.everything()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", HALF, strict.url, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        prefix = run.stdout.readline().strip()
        assert prefix
        leftovers = standing_in(strict.url).leftovers(Places(tmp_path), OPTIONS)
        assert not leftovers.find(everything=False).own, "it is alive"
        run.send_signal(signal.SIGKILL)
    # As another user might call it: the name alone gives no right to delete it.
    theirs = standing_in(strict.url)._connect("root", OPTIONS["region"], 2)
    queue = theirs.sqs.create_queue(QueueName=f"{prefix}-theirs", tags={OWNER: "feedbeef"})["QueueUrl"]

    of_another_home = standing_in(strict.url).leftovers(Places(tmp_path / "other"), OPTIONS)
    assert not of_another_home.find(everything=True).own
    found = leftovers.find(everything=False)
    assert found.foreign == [f"queue {prefix}-theirs"]
    assert {one.rpartition(" ")[0] for one in found.own} == {
        *("event source mapping", "REST API", "function", "role", "queue", "table", "log group"),
    }
    assert leftovers.sweep(everything=False) == len(found.own)
    assert strict.everything() == sorted([*before, f"queue {prefix}-theirs"])
    assert leftovers.sweep(everything=False) == 0
    theirs.sqs.delete_queue(QueueUrl=queue)


# The command line with an emulator in AWS's place: no option does that.
COMMAND = """
import sys
from resources.targets import targets
from tests.aws_profiles import standing_in

targets()["aws"] = standing_in(sys.argv.pop(1))
from orchestration.commands.main import main

main()
"""


@pytest.mark.long
def test_a_comparison_is_made_once_its_user_agrees_and_leaves_nothing(
    strict: Strict, places: Places, tmp_path: Path
) -> None:
    def compare(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", COMMAND, strict.url, "compare", "--target", "aws", "--profile", "lab"]
        command += ["--region", OPTIONS["region"], "--architecture", "hybrid", "--baseline", "hybrid"]
        command += ["--scenario", "steady", "--limit", "30", "--speed", "4", "--observed-only"]
        environment = {**os.environ, "ARCHDUEL_HOME": str(places.home), "PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(
            [*command, *more],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )

    before = strict.everything()
    unasked = compare()
    assert unasked.returncode == 1
    assert "On AWS account 000000000000 in eu-west-1 (profile lab), this" in unasked.stdout
    assert unasked.stderr == "archduel: nothing was made: without a terminal to ask on, --yes agrees to this\n"
    too_many = compare("--yes", "--most-requests", "20")
    assert too_many.returncode == 1
    assert "are over the ceiling of 20: raise it with --most-requests" in too_many.stderr
    assert strict.everything() == before

    done = compare("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All figures observed on AWS eu-west-1, recorded time played 4 times as fast." in done.stdout
    [row] = query(
        places, "SELECT DISTINCT target, evidence, clock_uncertainty_us > 0 AS by_the_wall FROM experiments"
    ).to_pylist()
    assert row == {"target": "AWS eu-west-1", "evidence": "observed", "by_the_wall": True}
    assert strict.everything() == before


def test_it_is_never_put_in_place_of_aws_but_by_a_test() -> None:
    assert Aws()._connect.__module__ == "resources.targets.aws"
