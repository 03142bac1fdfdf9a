"""An architecture as a CloudFormation template: what provisioning asks AWS for, written down instead of asked.

Belongs here: the services' stand-ins that write down, and what AWS wants besides: roles with the least they need, and
the permission to invoke. There is no second description of an architecture: what is provisioned is its module and
`resources.architectures.parts`, and what they call that has no counterpart here is refused by name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, cast

import yaml

from resources.architectures import Architecture
from resources.clients import ACCOUNT, REGION, Clients
from resources.integrations import ROLE
from resources.stack import Facts, Node, Stack, StackSettings
from workloads.errors import ArchduelError

CODE = "resources/handlers"
_BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
_TABLE_NEEDS = {
    "command": ["dynamodb:UpdateItem"],
    "query": ["dynamodb:GetItem"],
    "consumer": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
}
_POLLER_NEEDS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
# Of the lab alone: on AWS a function finds its table without being told where.
_LAB_VARIABLES = {"AWS_ENDPOINT_URL_DYNAMODB"}


def template(architecture: Architecture, settings: StackSettings | None = None) -> dict[str, Any]:
    """The template that makes what `Stack.ensure_all` makes, under the names of its CloudFormation stack."""
    pad = _Pad()
    nodes = {name: replace(node, make=pad.noting(name, node)) for name, node in architecture.nodes.items()}
    stack = Stack(cast("Clients", pad), nodes, "", settings or StackSettings(), prefix="${AWS::StackName}")
    stack.ensure_all()
    api = next(name for name, one in pad.resources.items() if one["Type"] == "AWS::ApiGateway::RestApi")
    url = f"https://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{stack.facts['api']['stage']}"
    whole = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{architecture.title}: {architecture.description}",
        "Resources": pad.resources,
        "Outputs": {"ApiUrl": {"Description": "POST /orders, GET /orders/{id}", "Value": url}},
    }
    return cast("dict[str, Any]", _resolved(whole))


def as_yaml(document: Mapping[str, Any]) -> str:
    """For people and for the AWS command line, in the order it was written."""
    return yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)


@dataclass
class _Pad:
    """Takes the place of `Clients`: every service writes into ``resources``, by logical name. Identities are answered
    as ``${...}``, which `_resolved` makes references of.
    """

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoint_url: str = ""

    def __post_init__(self) -> None:
        self.node = ""
        self.dynamodb = _Tables(self)
        self.sqs = _Queues(self)
        self.lambda_ = _Functions(self)
        self.apigateway = _Gateway(self)

    def noting(self, name: str, node: Node) -> Callable[[Stack], Facts]:
        """``node.make``, with what it calls for written down under its name."""

        def make(stack: Stack) -> Facts:
            self.node = _logical(name)
            return node.make(stack)

        return make

    def write(self, kind: str, properties: Mapping[str, Any], *, name: str = "") -> str:
        """One resource more; returns its logical name."""
        logical = self.node + name
        if logical in self.resources:
            raise ArchduelError(f"two resources of a template would be called {logical}")
        self.resources[logical] = {"Type": f"AWS::{kind}", "Properties": dict(properties)}
        return logical

    def role(self, principal: str, statements: Sequence[dict[str, Any]], managed: Sequence[str] = ()) -> str:
        """A role for ``principal`` that may do no more than ``statements``; returns its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        policy = {"PolicyName": "least", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
        properties: dict[str, Any] = {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            **({"ManagedPolicyArns": list(managed)} if managed else {}),
            "Policies": [policy],
        }
        return f"${{{self.write('IAM::Role', properties, name='Role')}.Arn}}"


@dataclass(frozen=True)
class _Service:
    pad: _Pad

    def __getattr__(self, operation: str) -> NoReturn:
        service = type(self).__name__.strip("_").lower()
        raise ArchduelError(f"no template can say what {self.pad.node} asks for: {operation} of {service}")


class _Tables(_Service):
    def create_table(self, **asked: Any) -> Facts:
        return {"TableDescription": {"TableArn": f"${{{self.pad.write('DynamoDB::Table', asked)}.Arn}}"}}


class _Queues(_Service):
    def create_queue(self, *, QueueName: str, Attributes: Mapping[str, str]) -> Facts:  # noqa: N803 - boto3's names
        attributes = {name: json.loads(value) for name, value in Attributes.items()}
        return {"QueueUrl": f"${{{self.pad.write('SQS::Queue', {'QueueName': QueueName, **attributes})}}}"}

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Facts:  # noqa: N803 - boto3's names
        return {"Attributes": {"QueueArn": f"{QueueUrl.removesuffix('}')}.Arn}}"}}


class _Functions(_Service):
    def create_function(self, *, Handler: str, Environment: Facts, **asked: Any) -> None:  # noqa: N803 - boto3's names
        entry = Handler.rpartition(".")[2]
        variables = {name: value for name, value in Environment["Variables"].items() if name not in _LAB_VARIABLES}
        statement = {"Effect": "Allow", "Action": _TABLE_NEEDS[entry], "Resource": "${Table.Arn}"}
        told = {
            **asked,
            "Handler": Handler,
            "Environment": {"Variables": variables},
            "Code": CODE,
            "Role": self.pad.role("lambda.amazonaws.com", [statement], [_BASIC]),
        }
        self.pad.write("Lambda::Function", told)

    def get_function_configuration(self, **_: Any) -> Facts:
        return {"State": "Active", "FunctionArn": f"${{{self.pad.node}.Arn}}"}

    def put_function_concurrency(self, *, ReservedConcurrentExecutions: int, **_: Any) -> None:  # noqa: N803
        properties = self.pad.resources[self.pad.node]["Properties"]
        properties["ReservedConcurrentExecutions"] = ReservedConcurrentExecutions

    def list_event_source_mappings(self, **_: Any) -> Facts:
        return {"EventSourceMappings": []}

    def create_event_source_mapping(self, **asked: Any) -> Facts:
        resources = self.pad.resources
        consumer = next(
            name for name, one in resources.items() if one["Properties"].get("FunctionName") == asked["FunctionName"]
        )
        statements = resources[f"{consumer}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        statements.append({"Effect": "Allow", "Action": _POLLER_NEEDS, "Resource": asked["EventSourceArn"]})
        told = {**asked, "FunctionName": f"${{{consumer}}}"}
        return {"UUID": f"${{{self.pad.write('Lambda::EventSourceMapping', told)}}}"}


class _Gateway(_Service):
    def get_rest_apis(self, **_: Any) -> Facts:
        return {"items": []}

    def create_rest_api(self, *, name: str) -> Facts:
        return {"id": f"${{{self.pad.write('ApiGateway::RestApi', {'Name': name})}}}"}

    def get_resources(self, *, restApiId: str) -> Facts:  # noqa: N803 - boto3's names
        return {"items": [{"id": f"{restApiId.removesuffix('}')}.RootResourceId}}"}]}

    def create_resource(self, *, pathPart: str, **asked: str) -> Facts:  # noqa: N803 - boto3's names
        told = {**_capitalised(asked), "PathPart": pathPart}
        name = "Path" + _logical(pathPart.strip("{}"))
        return {"id": f"${{{self.pad.write('ApiGateway::Resource', told, name=name)}}}"}

    def put_method(self, **asked: Any) -> None:
        self.pad.write("ApiGateway::Method", _capitalised(asked), name=_logical(asked["httpMethod"]))

    def put_integration(self, **asked: Any) -> None:
        told = _capitalised(_without_route(asked))
        function = asked["uri"].partition("/functions/")[2].partition("/")[0]
        if told.get("Credentials") == ROLE:
            told["Credentials"] = self._role(asked["uri"])
        if function:
            self._allow(asked["restApiId"], function)
        self._method(asked)["Integration"] = told

    def put_method_response(self, **asked: str) -> None:
        self._method(asked).setdefault("MethodResponses", []).append(_capitalised(_without_route(asked)))

    def put_integration_response(self, **asked: str) -> None:
        responses = self._method(asked)["Integration"].setdefault("IntegrationResponses", [])
        responses.append(_capitalised(_without_route(asked)))

    def create_deployment(self, *, restApiId: str, stageName: str) -> None:  # noqa: N803 - boto3's names
        methods = [name for name, one in self.pad.resources.items() if one["Type"] == "AWS::ApiGateway::Method"]
        deployment = self.pad.write("ApiGateway::Deployment", {"RestApiId": restApiId}, name="Deployment")
        self.pad.resources[deployment]["DependsOn"] = methods
        told = {"RestApiId": restApiId, "DeploymentId": f"${{{deployment}}}", "StageName": stageName}
        self.pad.write("ApiGateway::Stage", told, name="Stage")

    def _method(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = self.pad.resources[self.pad.node + _logical(asked["httpMethod"])]["Properties"]
        return properties

    def _role(self, uri: str) -> str:
        """May send to the queue of that integration, as to those of the others."""
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{uri.rpartition('/')[2]}"
        if f"{self.pad.node}Role" not in self.pad.resources:
            statement = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": queue}
            self.pad.role("apigateway.amazonaws.com", [statement])
        return f"${{{self.pad.node}Role.Arn}}"

    def _allow(self, api: str, function: str) -> None:
        told = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": function,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*",
        }
        self.pad.write("Lambda::Permission", told, name=f"Invokes{function[2:].partition('.')[0]}")


def _without_route(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in ("restApiId", "resourceId", "httpMethod")}


def _logical(name: str) -> str:
    """A CloudFormation name: ``dead_letter_queue`` is ``DeadLetterQueue``, ``POST`` is ``Post``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _capitalised(asked: Mapping[str, Any]) -> dict[str, Any]:
    """boto3's names of API Gateway as CloudFormation has them."""
    return {name[:1].upper() + name[1:]: value for name, value in asked.items()}


# What the lab knows of where it is, as a template has to leave it open.
_ANYWHERE = {REGION: "${AWS::Region}", ACCOUNT: "${AWS::AccountId}", "arn:aws:": "arn:${AWS::Partition}:"}


def _resolved(value: Any) -> Any:
    """``value`` with references in place of what names another resource, and of account, region and partition."""
    match value:
        case str():
            for told, anywhere in _ANYWHERE.items():
                value = value.replace(told, anywhere)
            return _reference(value) if "${" in value else value
        case Mapping():
            return {name: _resolved(one) for name, one in value.items()}
        case list():
            return [_resolved(one) for one in value]
    return value


def _reference(text: str) -> dict[str, Any]:
    name = text.removeprefix("${").removesuffix("}")
    if text != f"${{{name}}}" or "${" in name:
        return {"Fn::Sub": text}
    logical, dot, attribute = name.partition(".")
    return {"Fn::GetAtt": [logical, attribute]} if dot else {"Ref": logical}
