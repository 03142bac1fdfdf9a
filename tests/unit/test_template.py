"""An architecture written as a CloudFormation template: valid, with the least rights, and of what is provisioned."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from cfnlint.api import lint
from click.testing import CliRunner

from orchestration.commands.template import command
from resources.architectures import Architecture, architectures
from resources.architectures.stack import Node, Stack, StackSettings
from resources.architectures.template import as_yaml, template
from workloads.errors import ArchduelError

_NEEDS_PACKAGING = "W3002"  # the code is a folder until `aws cloudformation package` has put it into a bucket


@pytest.fixture(params=list(architectures()))
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return architectures()[request.param]


def of_type(written: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Logical name to properties."""
    return {name: one["Properties"] for name, one in written["Resources"].items() if one["Type"] == f"AWS::{kind}"}


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def test_cloudformation_has_nothing_to_say_against_it(architecture: Architecture) -> None:
    # One region: to read what every region knows takes ten seconds.
    found = lint(as_yaml(template(architecture)), regions=["eu-west-1"])
    assert [str(one) for one in found if one.rule.id != _NEEDS_PACKAGING] == []
    assert len(found) == len(architecture.functions)


def test_every_node_is_in_it_once(architecture: Architecture) -> None:
    counted = {
        "dynamodb": of_type(template(architecture), "DynamoDB::Table"),
        "sqs": of_type(template(architecture), "SQS::Queue"),
        "lambda": of_type(template(architecture), "Lambda::Function"),
        "lambda_mapping": of_type(template(architecture), "Lambda::EventSourceMapping"),
        "lambda_retries": of_type(template(architecture), "Lambda::EventInvokeConfig"),
        "apigateway": of_type(template(architecture), "ApiGateway::RestApi"),
    }
    kinds = [node.kind for node in architecture.nodes.values()]
    assert {kind: len(found) for kind, found in counted.items()} == {kind: kinds.count(kind) for kind in counted}


def test_what_belongs_to_a_function_is_made_after_it(architecture: Architecture) -> None:
    """By a reference: what only names a function is made before it as well as after it."""
    for one in template(architecture)["Resources"].values():
        if one["Type"] != "AWS::Lambda::Function":
            assert one["Properties"].get("FunctionName", {}).keys() <= {"Ref", "Fn::GetAtt"}


def test_nothing_in_it_is_of_this_machine_or_one_account(architecture: Architecture) -> None:
    text = json.dumps(template(architecture))
    for known in ("127.0.0.1", "localhost", "us-east-1", "000000000000", "AWS_ENDPOINT_URL", "arn:aws:"):
        assert known not in text


def test_its_settings_are_the_stacks(architecture: Architecture) -> None:
    settings = replace(StackSettings(), function_timeout_s=3, visibility_timeout_s=21, reserved_concurrency=7)
    written = template(architecture, settings)
    for function in of_type(written, "Lambda::Function").values():
        assert (function["Timeout"], function["ReservedConcurrentExecutions"]) == (3, 7)
    if "queue" in architecture.nodes:
        assert of_type(written, "SQS::Queue")["Queue"]["VisibilityTimeout"] == 21


def test_no_role_may_do_more_than_it_must(architecture: Architecture) -> None:
    roles = of_type(template(architecture), "IAM::Role")
    assert roles
    for role in roles.values():
        assert "ManagedPolicyArns" not in role
        for statement in statements(role):
            assert statement["Resource"] != "*"
            assert not [action for action in statement["Action"] if "*" in action]
    allowed = {name: {action for one in statements(role) for action in one["Action"]} for name, role in roles.items()}
    log = {"logs:CreateLogStream", "logs:PutLogEvents"}
    consuming = {
        *log,
        *("dynamodb:GetItem", "dynamodb:UpdateItem"),
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    }
    allowed_at_most = {
        "CommandRole": {"dynamodb:UpdateItem", *log},
        "QueryRole": {"dynamodb:GetItem", *log},
        "ResultRole": {"dynamodb:GetItem", *log},
        "ApiRole": {"sqs:SendMessage"},
        "PublisherRole": {"sns:Publish", *log},
        **dict.fromkeys(("ConsumerRole", "NotificationConsumerRole"), consuming),
    }
    if architecture.name == "chain":
        calls = {"dynamodb:UpdateItem", "lambda:InvokeFunction", *log}
        allowed_at_most |= {"CommandRole": calls, "PaymentRole": calls}
        allowed_at_most["RestaurantRole"] = {"dynamodb:UpdateItem", *log}
    if architecture.queueing == "lambda":
        allowed_at_most["ConsumerRole"] = {*log, "dynamodb:UpdateItem", "sqs:SendMessage"}
    assert allowed == {name: allowed_at_most[name] for name in allowed}


def test_what_lambda_queues_itself_is_tried_twice_more_at_most_and_then_kept() -> None:
    def rule(max_receive_count: int) -> dict[str, Any]:
        written = template(architectures()["async_invoke"], StackSettings(max_receive_count=max_receive_count))
        (found,) = of_type(written, "Lambda::EventInvokeConfig").values()
        return found

    assert [rule(count)["MaximumRetryAttempts"] for count in (1, 2, 3, 10)] == [0, 1, 2, 2]
    assert rule(3)["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}}


def test_a_queue_behind_a_topic_takes_messages_of_that_topic_alone() -> None:
    written = template(architectures()["fan_out"])
    policies, subscriptions = of_type(written, "SQS::QueuePolicy"), of_type(written, "SNS::Subscription")
    assert [one["Queues"] for one in policies.values()] == [[{"Ref": "Queue"}], [{"Ref": "NotificationQueue"}]]
    for policy in policies.values():
        [statement] = policy["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}
    assert all(one["RawMessageDelivery"] is True and one["Protocol"] == "sqs" for one in subscriptions.values())
    assert {one["Endpoint"]["Fn::GetAtt"][0] for one in subscriptions.values()} == {"Queue", "NotificationQueue"}


def test_an_api_may_invoke_what_it_calls_and_nothing_else(architecture: Architecture) -> None:
    written = template(architecture)
    called = {one["FunctionName"]["Fn::GetAtt"][0] for one in of_type(written, "Lambda::Permission").values()}
    methods = json.dumps(list(of_type(written, "ApiGateway::Method").values()))
    assert called == {name for name in of_type(written, "Lambda::Function") if f"${{{name}.Arn}}" in methods}


def test_what_has_no_counterpart_is_refused_by_name() -> None:
    def topic(stack: Stack) -> dict[str, Any]:
        stack.clients.sqs.create_topic(Name="x")
        return {}

    other = Architecture("other", "Other", "", {"topic": Node((), topic, "sns", "")}, frozenset())
    with pytest.raises(ArchduelError, match="a template cannot express what Topic calls: create_topic of queues"):
        template(other)


def test_the_command_prints_what_can_be_read_again() -> None:
    done = CliRunner().invoke(command, ["hybrid"])
    assert yaml.safe_load(done.stdout) == template(architectures()["hybrid"])
