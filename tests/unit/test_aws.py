"""AWS as a target, without AWS: which credentials go where, what is refused in which words, and the exact requests.

botocore validates the requests against its own model of each service.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from orchestration.commands.compare import chosen_scenarios
from resources.architectures import Architecture, architectures
from resources.architectures.stack import Stack, StackSettings
from resources.aws.clients import AwsClients, Pace
from resources.conformance.probes import Status
from resources.conformance.running import probe_target, probes
from resources.lab import observation
from resources.lab.bench import Bench
from resources.lab.load_plan import plan_load
from resources.lab.settings import LabSettings
from resources.machine.leash import free_port
from resources.progress import Silent
from resources.targets import Instance, Platform, open_target, sweeping, targets
from resources.targets.availability import why_unavailable
from resources.targets.aws import OWNER, TARGET, AwsInstance, regions
from resources.targets.endpoint import Owner
from resources.targets.leftovers import OwnLeftovers
from tests.aws_profiles import OPTIONS, QuickClients, answering, profiles, refusing, standing_in
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/op</Arn><UserId>A</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.fixture(autouse=True)
def _own_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles(tmp_path, monkeypatch)


def refused(folder: Path, url: str = "http://127.0.0.1:9", **options: str) -> str:
    """The message in place of opening the target: one sentence, and exit code 1."""
    with pytest.raises(ArchduelError) as caught:
        standing_in(url).open(Places(folder), {**OPTIONS, **options}, Silent())
    assert caught.value.exit_code == 1
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


class TestBadInput:
    @pytest.mark.parametrize("region", ["eu-west-99", "mars-north-1", "http://127.0.0.1", "eu-west-1.example.com"])
    def test_a_region_that_does_not_exist(self, region: str, tmp_path: Path) -> None:
        assert f"there is no AWS region {region!r}" in refused(tmp_path, region=region)

    @pytest.mark.parametrize(
        ("credentials", "words"),
        [
            pytest.param("[other]\n", "there is no profile 'lab'", id="no profile"),
            pytest.param("[lab]\nregion = eu-west-1\n", "profile 'lab' has no credentials", id="no credentials"),
            pytest.param(
                "[lab]\naws_access_key_id = AKIALABLABLABLABLAB0\n",
                "profile 'lab' has no credentials, or not all of them",
                id="half a credential",
            ),
        ],
    )
    def test_a_profile_that_cannot_be_used(
        self, credentials: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles(tmp_path, monkeypatch, credentials)
        assert refused(tmp_path).startswith(words)

    def test_a_sign_in_that_is_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        config = (
            "[profile lab]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
            "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n"
        )
        profiles(tmp_path, monkeypatch, "")
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("HOME", str(tmp_path))
        assert refused(tmp_path) == "profile 'lab' is not signed in: aws sso login --profile lab"

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("ExpiredToken", "the credentials of profile 'lab' have expired: sign in again"),
            ("ExpiredTokenException", "the credentials of profile 'lab' have expired: sign in again"),
            ("InvalidClientTokenId", "AWS does not accept the credentials of profile 'lab' in eu-west-1"),
            ("SignatureDoesNotMatch", "AWS does not accept the credentials of profile 'lab' in eu-west-1"),
            ("AccessDenied", "profile 'lab' may not do this: GetCallerIdentity: no"),
            ("SomethingElse", "AWS eu-west-1 refused GetCallerIdentity: SomethingElse: no"),
        ],
    )
    def test_credentials_that_aws_does_not_take(self, code: str, words: str, tmp_path: Path) -> None:
        with answering(403, refusing(code)) as url:
            assert refused(tmp_path, url).startswith(words)

    def test_no_network(self, tmp_path: Path) -> None:
        sentence = refused(tmp_path, f"http://127.0.0.1:{free_port()}")
        assert sentence.startswith("AWS eu-west-1 cannot be reached: is there a network?")

    @pytest.mark.parametrize(("option", "value"), [("most_requests", "0"), ("most_requests", "x"), ("most_usd", "-1")])
    def test_a_ceiling_that_is_none(self, option: str, value: str, tmp_path: Path) -> None:
        with answering(200, IDENTITY) as url:
            clients = standing_in(url)
            with pytest.raises(ArchduelError, match=f"--{option.replace('_', '-')} must be a number greater than 0"):
                clients._account(Places(tmp_path), clients._clients(OPTIONS), {**OPTIONS, option: value})

    @pytest.mark.parametrize("missing", ["profile", "region"])
    def test_nothing_is_taken_from_the_environment_instead(
        self, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "lab")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        options = {name: value for name, value in OPTIONS.items() if name != missing}
        with pytest.raises(UsageError, match=f"--target aws needs --{missing}"):
            open_target("aws", Places(tmp_path), options, Silent())


class TestScenarios:
    @pytest.mark.parametrize(
        "name", ["backend_outage", "backend_slow", "network_jitter", "gateway_down", "flapping", "answers_cut"]
    )
    def test_what_a_proxy_on_this_machine_would_break_is_lacking(self, name: str) -> None:
        why = why_unavailable(scenarios()[name], TARGET)
        assert why is not None
        assert "do not reach the fault proxy on this machine" in why

    @pytest.mark.parametrize(
        "name",
        [
            *("steady", "burst", "concurrency_limit", "gateway_throttle", "function_timeout", "handler_delay"),
            *("function_down", "queue_down", "consumer_down", "duplicate_delivery", "reordering", "poison"),
        ],
    )
    def test_what_the_services_own_switches_break_is_not(self, name: str) -> None:
        assert why_unavailable(scenarios()[name], TARGET) is None

    @staticmethod
    def chosen(folder: Path, *named: str) -> list[str]:
        """Of a comparison on AWS for which these scenarios were named."""
        return list(chosen_scenarios(Places(folder), TARGET, named)[0])

    def test_that_the_target_lacks_are_left_out_of_the_default_ones_with_a_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.chosen(tmp_path) == [name for name in DEFAULT_SCENARIOS if name != "backend_outage"]
        assert capsys.readouterr().out.startswith("backend_outage is left out: functions on AWS do not reach")

    def test_that_the_target_lacks_are_refused_where_they_are_named(self, tmp_path: Path) -> None:
        assert self.chosen(tmp_path, "backend_outage") == ["backend_outage"]

        def start(_label: str, _environments: int) -> Instance:
            raise AssertionError("nothing is started")

        platform = Platform(TARGET, "AWS eu-west-1", start)
        recording = Library(Places(tmp_path)).load("food_orders")
        lab: Any = {"places": Places(tmp_path), "reporter": Silent()}
        with pytest.raises(UsageError, match="backend_outage is not available on AWS eu-west-1: functions on AWS do"):
            plan_load(LabSettings(), recording, scenarios()["backend_outage"], platform, **lab)
        # And the default speed rests on no measurement, which would have to be paid for.
        plan = plan_load(LabSettings(), recording, scenarios()["steady"], platform, **lab)
        assert plan.speed > 1


class TestAgreement:
    @pytest.fixture
    def platform(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
        monkeypatch.setattr("resources.targets.aws._within", lambda _clients, limits: limits)
        with answering(200, IDENTITY) as url:
            yield standing_in(url).open(Places(tmp_path), OPTIONS, Silent())

    def test_figures_say_where_they_are_from(self, platform: Platform) -> None:
        assert platform.title == "AWS eu-west-1"
        assert platform.charge is not None
        assert platform.charge.title == "AWS account 123456789012 in eu-west-1 (profile lab)"
        assert set(platform.tags) == {"archduel", OWNER, "archduel:created"}

    def test_nothing_is_started_before_it(self, platform: Platform, tmp_path: Path) -> None:
        with pytest.raises(
            ArchduelError, match=r"nothing is made in AWS account 123456789012 .* before its user agreed"
        ):
            Bench(architectures()["hybrid"], StackSettings(), platform, tmp_path)

    def test_each_instance_has_a_prefix_of_its_own(self, platform: Platform) -> None:
        assert platform.charge is not None
        platform.charge.agree()
        one, other = platform.start("a", 1), platform.start("b", 1)
        assert one.prefix != other.prefix

    def test_it_is_not_probed(self, platform: Platform) -> None:
        table = probe_target(platform)
        assert table.num_rows == len(probes())
        assert set(table.column("status").to_pylist()) == {Status.REPRODUCED.value}
        assert set(table.column("observed").to_pylist()) == {"not probed: this is AWS itself"}


def test_it_is_in_the_registry_once_and_asks_for_a_profile_and_a_region() -> None:
    assert targets()["aws"] is TARGET
    assert set(TARGET.options) - set(TARGET.defaults) == {"profile", "region"}
    assert {"eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"} <= regions()


def clients(region: str = "eu-west-1", account: str = "123456789012") -> QuickClients:
    """Of AWS, that know who they are."""
    made = QuickClients("lab", region)
    made.__dict__["identity"] = {"Account": account, "Arn": f"arn:aws:iam::{account}:user/op"}
    return made


class TestPlaces:
    @pytest.mark.parametrize(
        ("region", "partition", "url"),
        [
            ("eu-west-1", "aws", "https://a1b2.execute-api.eu-west-1.amazonaws.com/lab"),
            ("cn-north-1", "aws-cn", "https://a1b2.execute-api.cn-north-1.amazonaws.com.cn/lab"),
            ("us-gov-west-1", "aws-us-gov", "https://a1b2.execute-api.us-gov-west-1.amazonaws.com/lab"),
        ],
    )
    def test_apis_answer_under_names_of_the_region(self, region: str, partition: str, url: str) -> None:
        there = clients(region)
        assert there.partition == partition
        assert there.api_url("a1b2", "lab") == url

    @pytest.mark.parametrize("url", ["https://example.com", "http://10.0.0.1", "http://127.0.0.1.example.com"])
    def test_nothing_but_an_emulator_here_stands_in(self, url: str) -> None:
        with pytest.raises(ArchduelError, match="only an emulator on this machine can stand in"):
            AwsClients("lab", "eu-west-1", endpoint_url=url)


TAGS = {"archduel": "1", OWNER: "0badf00d"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAGS.items()]
ACCOUNT = "123456789012"
NAME = "archduel-0badf00d-1-1-1"
UUID = "00000000-0000-0000-0000-000000000001"


class Provisioning:
    """A stack on AWS whose every request botocore validates and the test answers, in the order of each service's."""

    def __init__(self, architecture: Architecture) -> None:
        self.clients = clients()
        type(self.clients).pace = Pace(poll_s=0.0, patience_s=5.0)
        self.stack = Stack(self.clients, architecture.nodes, "", StackSettings(), NAME, TAGS)
        self.asked: dict[str, list[dict[str, Any]]] = defaultdict(list)  # the parameters of each call, by operation
        self.stubs = {
            name: Stubber(getattr(self.clients, name)) for name in ("iam", "lambda_", "logs", "dynamodb", "sqs")
        }
        for name, stub in self.stubs.items():
            getattr(self.clients, name).meta.events.register("provide-client-params.*.*", self._note)
            stub.activate()

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked[model.name].append(params)

    def answer(self, service: str, operation: str, **answer: Any) -> None:
        self.stubs[service].add_response(operation, answer)

    def refuse(self, service: str, operation: str, code: str, message: str) -> None:
        self.stubs[service].add_client_error(operation, code, message)

    def table(self) -> None:
        arn = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/t"
        self.answer("dynamodb", "create_table", TableDescription={"TableStatus": "CREATING", "TableArn": arn})
        for status in ("CREATING", "ACTIVE"):
            self.answer("dynamodb", "describe_table", Table={"TableStatus": status})

    def function(self, entry: str, *, refusals: int = 0) -> None:
        name = f"{NAME}-{entry}"
        self.answer("logs", "create_log_group")
        role = {"Path": "/", "RoleName": name, "RoleId": "A" * 16, "Arn": self.role, "CreateDate": "2026-11-24"}
        self.answer("iam", "create_role", Role=role)
        self.answer("iam", "put_role_policy")
        for _ in range(refusals):
            words = "The role defined for the function cannot be assumed by Lambda."
            self.refuse("lambda_", "create_function", "InvalidParameterValueException", words)
        self.answer("lambda_", "create_function")
        arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}"
        for state in ("Pending", "Active"):
            self.answer("lambda_", "get_function_configuration", State=state, FunctionArn=arn)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:role/r"

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def _pace() -> Iterator[None]:
    before = QuickClients.pace
    yield
    QuickClients.pace = before


@pytest.mark.usefixtures("_pace")
class TestWhatIsAskedFor:
    @pytest.mark.parametrize("refusals", [0, 3])
    def test_a_function_has_a_role_and_a_log_of_its_own_and_gets_no_endpoint_however_late_the_role_is_known(
        self, refusals: int
    ) -> None:
        on = Provisioning(architectures()["synchronous"])
        on.table()
        on.function("command", refusals=refusals)
        on.stack.ensure("command")
        on.done()
        [table], [log], [role] = (on.asked[name] for name in ("CreateTable", "CreateLogGroup", "CreateRole"))
        function = on.asked["CreateFunction"][-1]
        assert function["Role"] == on.role
        assert set(function["Environment"]["Variables"]) == {
            *("TABLE_NAME", "VARIANT", "WORK_US", "CPU_SHARE", "TABLE_TIMEOUT_MS", "CLOCK")
        }
        assert function["Environment"]["Variables"]["CLOCK"] == "wall"
        assert log["logGroupName"] == f"/aws/lambda/{function['FunctionName']}"
        assert role["RoleName"] == on.asked["PutRolePolicy"][0]["RoleName"] == function["FunctionName"]
        assert [log["tags"], role["Tags"], table["Tags"], function["Tags"]] == [TAGS, PAIRS, PAIRS, TAGS]
        assert table["BillingMode"] == "PAY_PER_REQUEST"

    def test_a_mapping_waits_for_its_role_and_until_it_is_enabled(self) -> None:
        on = Provisioning(architectures()["event_driven"])
        queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{NAME}-orders"
        on.stack.facts |= {"queue": {"arn": queue}, "consumer": {"name": f"{NAME}-consumer"}}
        on.answer("iam", "put_role_policy")
        on.answer("lambda_", "list_event_source_mappings", EventSourceMappings=[])
        words = "The provided execution role does not have permissions to call ReceiveMessage on SQS"
        on.refuse("lambda_", "create_event_source_mapping", "InvalidParameterValueException", words)
        on.answer("lambda_", "create_event_source_mapping", UUID=UUID, State="Creating")
        for state in ("Creating", "Enabled"):
            on.answer("lambda_", "get_event_source_mapping", UUID=UUID, State=state)
        made = on.stack.nodes["event_source_mapping"].make(on.stack)
        on.done()
        assert made["uuid"] == on.asked["GetEventSourceMapping"][0]["UUID"] == UUID
        mapping = on.asked["CreateEventSourceMapping"][-1]
        assert (mapping["EventSourceArn"], mapping["FunctionName"]) == (queue, f"{NAME}-consumer")
        assert (mapping["FunctionResponseTypes"], mapping["Tags"]) == (["ReportBatchItemFailures"], TAGS)

    def test_queues_are_made_with_tags(self) -> None:
        on = Provisioning(architectures()["event_driven"])
        on.answer("sqs", "create_queue", QueueUrl=f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/dead")
        on.answer("sqs", "get_queue_attributes", Attributes={"QueueArn": "arn"})
        on.stack.ensure("dead_letter_queue")
        on.done()
        [queue] = on.asked["CreateQueue"]
        assert (queue["QueueName"], queue["tags"]) == (f"{NAME}-orders-dead-letters", TAGS)
        assert queue["Attributes"]["MessageRetentionPeriod"] == "1209600"

    @pytest.mark.parametrize(
        ("code", "message", "words"),
        [
            ("AccessDeniedException", "not authorized: dynamodb:CreateTable", "profile 'lab' may not do this"),
            ("ExpiredTokenException", "expired", "the credentials of profile 'lab' have expired"),
        ],
    )
    def test_a_refusal_is_one_sentence_and_not_tried_again(self, code: str, message: str, words: str) -> None:
        on = Provisioning(architectures()["synchronous"])
        on.refuse("dynamodb", "create_table", code, message)
        with pytest.raises(ArchduelError, match=words), on.clients.explained():
            on.stack.ensure("table")
        on.done()


class Owned:
    """The owner of names with one prefix."""

    def owns(self, name: str) -> bool:
        return name.startswith("archduel-0badf00d-")

    left_behind = owns


class TestWhatIsSomebodyElses:
    """Only roles here: every kind of resource is recognised in one place."""

    @pytest.fixture
    def roles(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, str]]]:
        """Name to tags, of all there are; what was deleted is gone."""
        there = {
            f"{NAME}-mine": PAIRS,
            f"{NAME}-theirs": [{"Key": OWNER, "Value": "feedbeef"}],
            f"{NAME}-untagged": [],
            "archduel-feedbeef-1-1-1-api": PAIRS,
            "production": PAIRS,
        }

        class Iam:
            def get_paginator(self, _operation: str) -> Any:
                return self

            def paginate(self) -> list[dict[str, Any]]:
                return [{"Roles": [{"RoleName": name} for name in list(there)]}]

            def list_role_tags(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
                return {"Tags": there[RoleName]}

            def list_role_policies(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
                return {"PolicyNames": [] if RoleName not in there else ["least"]}

            def delete_role_policy(self, **_: str) -> None:
                pass

            def delete_role(self, *, RoleName: str) -> None:  # noqa: N803 - boto3's name
                del there[RoleName]

        monkeypatch.setattr(sweeping, "_KINDS", [kind for kind in sweeping._KINDS if kind.name == "role"])
        self.clients = clients()
        self.clients.__dict__["iam"] = Iam()
        return there

    def test_stays_and_is_listed_under_any_name(self, roles: dict[str, list[dict[str, str]]]) -> None:
        leftovers = OwnLeftovers(self.clients, Owned(), {OWNER: "0badf00d"})
        found = leftovers.find(everything=True)
        assert found.own == [f"role {NAME}-mine"]
        assert found.foreign == [f"role {NAME}-theirs", f"role {NAME}-untagged"]
        assert leftovers.sweep(everything=True) == 1
        assert leftovers.sweep(everything=True) == 0
        assert set(roles) == {
            *(f"{NAME}-theirs", f"{NAME}-untagged", "archduel-feedbeef-1-1-1-api", "production"),
        }

    def test_is_no_place_to_build_in(self, roles: dict[str, list[dict[str, str]]]) -> None:
        instance = AwsInstance(self.clients, NAME, {OWNER: "0badf00d"})
        with pytest.raises(
            ArchduelError, match=f"AWS eu-west-1 has a role {NAME}-mine already, .* nothing was touched"
        ):
            instance.wait_until_ready()
        instance.close()
        assert len(roles) == 5

    def test_nothing_that_will_not_go_is_passed_over(
        self, roles: dict[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def deny(**_: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteRole")

        monkeypatch.setattr(self.clients.iam, "delete_role", deny)
        monkeypatch.setattr(type(self.clients), "pace", Pace(sweep_s=0.0, sweep_poll_s=0.0))
        leftovers = OwnLeftovers(self.clients, Owned(), {OWNER: "0badf00d"})
        with pytest.raises(ArchduelError, match=f"AWS eu-west-1 keeps what was made on it: role {NAME}-mine"):
            leftovers.sweep(everything=True)


def test_names_of_resources_differ_by_home(tmp_path: Path) -> None:
    mine, other = Owner.here(Places(tmp_path / "a")), Owner.here(Places(tmp_path / "b"))
    assert mine.owns(f"{mine.prefix(1)}-orders")
    assert not mine.owns(f"{other.prefix(1)}-orders")
    assert not mine.owns(f"x{mine.prefix(1)}-orders")


class Logs:
    """CloudWatch's logs, which hold more each time they are read until all of ``events`` is there."""

    def __init__(self, events: list[dict[str, Any]], late: int) -> None:
        self.events, self.late, self.reads = events, late, 0

    def describe_log_groups(self, *, logGroupNamePrefix: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"logGroups": [{"logGroupName": logGroupNamePrefix}]}

    def get_paginator(self, _operation: str) -> "Logs":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        self.reads += 1
        return [{"events": self.events[: len(self.events) - max(0, self.late - self.reads)]}]


def line(invocation: str, at_ns: int, *requests: str) -> dict[str, Any]:
    records = [{"id": request, "result": "committed", "ns": at_ns} for request in requests]
    facts = {
        "archduel": 1,
        "invocation": invocation,
        "started_ns": at_ns,
        "ended_ns": at_ns,
        "cold": False,
        "environment": "e1",
    }
    return {
        "message": json.dumps({**facts, "records": records}, separators=(",", ":")),
        "logStreamName": "s",
        "timestamp": 0,
    }


class TestLogs:
    def read(self, logs: Logs, logs_s: float, *committed: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        there = clients()
        there.__dict__["logs"] = logs
        type(there).pace = Pace(logs_s=logs_s, settle_poll_s=0.01, patience_s=1.0)
        stack = Stack(there, architectures()["synchronous"].nodes, "")
        stack.facts["command"] = {"name": "f"}
        return observation.invocations(stack, 1000, 0.0, committed)

    @pytest.mark.usefixtures("_pace")
    def test_that_come_late_are_waited_for(self) -> None:
        logs = Logs([line(f"i{number}", 2000, f"r{number}") for number in range(5)], late=5)
        invocations, records = self.read(logs, 0.05)
        assert [row["invocation_id"] for row in invocations] == [f"i{number}" for number in range(5)]
        assert len(records) == 5

    @pytest.mark.usefixtures("_pace")
    def test_are_waited_for_until_they_tell_of_everything_committed(self) -> None:
        logs = Logs([line("i0", 2000, "r0"), line("i1", 2000, "r1")], late=20)
        _, records = self.read(logs, 0.03, "r0", "r1")
        assert {row["request_id"] for row in records} == {"r0", "r1"}

    @pytest.mark.usefixtures("_pace")
    def test_are_not_waited_for_without_end(self) -> None:
        _, records = self.read(Logs([line("i0", 2000, "r0")], late=0), 0.03, "r0", "cut off")
        assert {row["request_id"] for row in records} == {"r0"}

    @pytest.mark.usefixtures("_pace")
    @pytest.mark.parametrize("in_a_millisecond", [1, 7, 25_000])
    def test_are_read_whole_where_an_emulator_names_no_next_page(self, in_a_millisecond: int) -> None:
        class InPages(Logs):
            def paginate(self, **options: Any) -> list[dict[str, Any]]:
                self.reads += 1
                start = bisect_left(self.events, options.get("startTime", 0), key=lambda event: event["timestamp"])
                return [{"events": self.events[start : start + 10_000]}]

        events = [
            {"message": f"START RequestId: i{number}", "logStreamName": "s", "timestamp": number // in_a_millisecond}
            for number in range(21_000)
        ]
        logs = InPages(events, late=0)
        stack = Stack(clients(), architectures()["synchronous"].nodes, "")
        stack.clients.__dict__["logs"] = logs
        read = [event["message"] for event in observation._log_events(stack, "f")]
        in_one = in_a_millisecond > 10_000  # no program reads more of a single millisecond
        assert read == [event["message"] for event in events[: 10_000 if in_one else None]]

    @pytest.mark.usefixtures("_pace")
    def test_are_read_once_where_they_are_there_at_once(self) -> None:
        logs = Logs([line("i", 2000, "r")], late=0)
        self.read(logs, 0.0)
        assert logs.reads == 1

    @pytest.mark.usefixtures("_pace")
    def test_say_nothing_about_a_warm_up_or_a_reading_of_the_clock(self) -> None:
        clock = {"message": '{"lab": 1, "invocation": "t"}\n', "logStreamName": "s", "timestamp": 9}
        report = {"message": "REPORT RequestId: t\tDuration: 1.00 ms", "logStreamName": "s", "timestamp": 9}
        events = [line("w", 500, "warm-1"), line("i", 2000, "warm-2", "r"), clock, report]
        invocations, records = self.read(Logs(events, late=0), 0.0)
        assert [row["invocation_id"] for row in invocations] == ["i"]
        assert [row["request_id"] for row in records] == ["r"]
