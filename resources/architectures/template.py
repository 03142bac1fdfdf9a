"""An architecture as a CloudFormation template, made by provisioning it against services that write calls down.

Put here the services' stand-ins. Keep out descriptions of resources: the template is made from the architecture's
module and `resources.architectures.parts`, and a call without a counterpart here is refused by name.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NoReturn, cast

import yaml

from resources.architectures import Architecture
from resources.architectures.stack import Facts, Node, Stack, StackSettings
from resources.aws.clients import ACCOUNT, REGION, Pace, Services
from resources.services.model import Deployable
from workloads.errors import ArchduelError

CODE = "resources/architectures/handlers"
_ROUTES = ["POST /orders", "GET /orders/{id}"]  # of the lab's own backend


def template(architecture: Architecture, settings: StackSettings | None = None) -> dict[str, Any]:
    """The template of the resources that `Stack.ensure_all` makes, named after its CloudFormation stack.

    Raises `ArchduelError` where a part makes a call that has no counterpart in a template.
    """
    return _written(architecture, settings or StackSettings(), _Pad())


def template_of_service(architecture: Architecture, service: Deployable) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The template of a service of the user's own, as its users are to have it: nothing measures it.

    Its API calls its handlers, with nothing of the lab's before them; behind a queue, the adapter does.

    Raises:
        UsageError: The architecture takes the lab's own routes alone.

    Returns:
        The template, and by the folder that it names as code the zip of what has to be in it.
    """
    architecture.check_takes_any_routes()
    timeout_s = service.service.longest_timeout_s
    settings = StackSettings(
        recorded_routes=True, adopted=True, function_timeout_s=timeout_s, visibility_timeout_s=6 * timeout_s
    )
    pad = _Pad(code={})
    whole = _written(architecture, settings, pad, service)
    if not any("TABLE_NAME" in _variables(one) for one in whole["Resources"].values()):
        del whole["Resources"]["Table"]  # the lab's own, where no answer is stored in it
    return whole, {folder: archive for archive, folder in (pad.code or {}).items()}


def _written(
    architecture: Architecture, settings: StackSettings, pad: "_Pad", service: Deployable | None = None
) -> dict[str, Any]:
    nodes = {name: replace(node, make=pad.noting(name, node)) for name, node in architecture.nodes.items()}
    stack = Stack(cast("Services", pad), nodes, "", settings, prefix="${AWS::StackName}", service=service)
    stack.beginning = pad.begin
    stack.ensure_all()
    routes = [route for part in service.service.parts for route in part.routes] if service else _ROUTES
    described = ", ".join(routes)[:1000] or "Every path"
    whole = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{architecture.title}: {architecture.description}",
        "Resources": pad.resources,
        "Outputs": {
            "ApiUrl": {
                "Description": described,
                "Value": stack.api_url,
            }
        },
    }
    return cast("dict[str, Any]", _resolved(whole))


def _variables(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = resource["Properties"].get("Environment", {}).get("Variables", {})
    return variables


def as_yaml(document: Mapping[str, Any]) -> str:
    """A template as YAML, in its own order, for people and for the AWS command line."""
    return yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)


@dataclass
class _Pad:
    """Takes the place of `Services`: every service writes into ``resources``, by logical name. Identities are returned
    as ``${...}``, which `_resolved` turns into references.
    """

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)  # name to properties
    region: str = REGION
    account: str = ACCOUNT
    partition: str = "aws"
    code: dict[bytes, str] | None = None  # a service's archives, to the folders with their content
    pace: ClassVar[Pace] = Services.pace
    shares_clock: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.node = self.part = ""
        self.dynamodb = _Tables(self)
        self.sqs = _Queues(self)
        self.sns = _Topics(self)
        self.lambda_ = _Functions(self)
        self.iam = _Roles(self)
        self.logs = _Logs(self)
        self.apigateway = _Gateway(self)

    def api_url(self, api_id: str, stage: str) -> str:
        return f"https://{api_id}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{stage}"

    def shown(self, url: str) -> str:
        return url

    def noting(self, name: str, node: Node) -> Callable[[Stack], Facts]:
        """``node.make``, with its calls written down under the node's name."""

        def make(stack: Stack) -> Facts:
            self.node = _logical(name)
            return node.make(stack)

        return make

    def begin(self, part: str) -> None:
        """What comes is of this function of a service; of the first where there is no name."""
        self.part = _logical(part.replace("-", "_"))

    @property
    def here(self) -> str:
        """The logical name of what is being made."""
        return self.node + self.part

    def write(self, kind: str, properties: Mapping[str, Any], *, name: str = "") -> str:
        """Add a resource; returns its logical name."""
        logical = self.here + name
        if logical in self.resources:
            raise ArchduelError(f"two resources of a template would be called {logical}")
        self.resources[logical] = {"Type": f"AWS::{kind}", "Properties": dict(properties)}
        return logical


@dataclass(frozen=True)
class _Service:
    pad: _Pad

    def __getattr__(self, operation: str) -> NoReturn:
        service = type(self).__name__.strip("_").lower()
        raise ArchduelError(f"a template cannot express what {self.pad.node} calls: {operation} of {service}")


class _Tables(_Service):
    def create_table(self, **arguments: Any) -> Facts:
        given = arguments["TableName"].removeprefix("${AWS::StackName}-")
        own = "" if given == "orders" else re.sub("[^A-Za-z0-9]+", "_", given.removeprefix("service-"))
        name = self.pad.write("DynamoDB::Table", arguments, name=_logical(own))
        return {"TableDescription": {"TableArn": f"${{{name}.Arn}}"}}


class _Queues(_Service):
    def create_queue(self, *, QueueName: str, Attributes: Mapping[str, str]) -> Facts:  # noqa: N803 - boto3's names
        # As text all of them; a template has numbers, maps and booleans, and leaves words as they are.
        attributes = {
            name: value if re.fullmatch("[A-Za-z]+", value) and value != "true" else json.loads(value)
            for name, value in Attributes.items()
        }
        return {"QueueUrl": f"${{{self.pad.write('SQS::Queue', {'QueueName': QueueName, **attributes})}}}"}

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Facts:  # noqa: N803 - boto3's names
        return {"Attributes": {"QueueArn": f"{QueueUrl.removesuffix('}')}.Arn}}"}}

    def set_queue_attributes(self, *, QueueUrl: str, Attributes: Mapping[str, str]) -> None:  # noqa: N803 - boto3's
        properties = {"Queues": [QueueUrl], "PolicyDocument": json.loads(Attributes["Policy"])}
        self.pad.write("SQS::QueuePolicy", properties, name=f"To{QueueUrl.strip('${}')}")


class _Topics(_Service):
    def create_topic(self, *, Name: str, **_: Any) -> Facts:  # noqa: N803 - boto3's names
        return {"TopicArn": f"${{{self.pad.write('SNS::Topic', {'TopicName': Name})}}}"}

    def subscribe(
        self,
        *,
        TopicArn: str,  # noqa: N803 - boto3's names, here and below
        Protocol: str,  # noqa: N803
        Endpoint: str,  # noqa: N803
        Attributes: Mapping[str, str],  # noqa: N803
        **_: Any,
    ) -> None:
        properties = {"TopicArn": TopicArn, "Protocol": Protocol, "Endpoint": Endpoint}
        given = {name: json.loads(value) for name, value in Attributes.items()}
        self.pad.write("SNS::Subscription", {**properties, **given}, name=f"Of{Endpoint[2:].partition('.')[0]}")


class _Roles(_Service):
    def create_role(self, *, RoleName: str, AssumeRolePolicyDocument: str, **_: Any) -> Facts:  # noqa: N803 - boto3's
        # CloudFormation names it itself: to name a role is a right that few are given.
        properties = {"AssumeRolePolicyDocument": json.loads(AssumeRolePolicyDocument), "Policies": []}
        logical = self.pad.write("IAM::Role", properties, name="Role")
        self.pad.roles[RoleName] = properties
        return {"Role": {"Arn": f"${{{logical}.Arn}}"}}

    def put_role_policy(self, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:  # noqa: N803 - boto3's
        policy = {"PolicyName": PolicyName, "PolicyDocument": json.loads(PolicyDocument)}
        self.pad.roles[RoleName]["Policies"].append(policy)


class _Logs(_Service):
    def create_log_group(self, *, logGroupName: str) -> None:  # noqa: N803 - boto3's names
        self.pad.write("Logs::LogGroup", {"LogGroupName": logGroupName}, name="Log")


class _Functions(_Service):
    def create_function(self, **arguments: Any) -> None:
        code = CODE
        if self.pad.code is not None:
            code = self.pad.code.setdefault(arguments["Code"]["ZipFile"], f"code/{self.pad.here}")
        self.pad.write("Lambda::Function", {**arguments, "Code": code})

    def get_function_configuration(self, **_: Any) -> Facts:
        return {"State": "Active", "FunctionArn": f"${{{self.pad.here}.Arn}}"}

    def put_function_concurrency(self, *, ReservedConcurrentExecutions: int, **_: Any) -> None:  # noqa: N803
        properties = self.pad.resources[self.pad.here]["Properties"]
        properties["ReservedConcurrentExecutions"] = ReservedConcurrentExecutions

    def list_event_source_mappings(self, **_: Any) -> Facts:
        return {"EventSourceMappings": []}

    def create_event_source_mapping(self, **arguments: Any) -> Facts:
        properties = {**arguments, "FunctionName": self._reference_to(arguments["FunctionName"])}
        return {"UUID": f"${{{self.pad.write('Lambda::EventSourceMapping', properties)}}}"}

    def put_function_event_invoke_config(self, **arguments: Any) -> None:
        properties = {
            **arguments,
            "FunctionName": self._reference_to(arguments["FunctionName"]),
            "Qualifier": "$LATEST",
        }
        self.pad.write("Lambda::EventInvokeConfig", properties)

    def _reference_to(self, name: str) -> str:
        """A reference to the function of a name, which is made first: what only has its name may be made before it."""
        return next(
            f"${{{logical}}}"
            for logical, one in self.pad.resources.items()
            if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["FunctionName"] == name
        )

    def add_permission(self, *, FunctionName: str, StatementId: str, **arguments: Any) -> None:  # noqa: N803, ARG002 - as boto3 has them
        name = f"Invokes{FunctionName[2:].partition('.')[0]}"
        self.pad.write("Lambda::Permission", {**arguments, "FunctionName": FunctionName}, name=name)


class _Gateway(_Service):
    def get_rest_apis(self, **_: Any) -> Facts:
        return {"items": []}

    def create_rest_api(self, *, endpointConfiguration: Facts, **arguments: Any) -> Facts:  # noqa: N803 - boto3's names
        properties = {**_capitalised(arguments), "EndpointConfiguration": _capitalised(endpointConfiguration)}
        return {"id": f"${{{self.pad.write('ApiGateway::RestApi', properties)}}}"}

    def get_resources(self, *, restApiId: str) -> Facts:  # noqa: N803 - boto3's names
        return {"items": [{"id": f"{restApiId.removesuffix('}')}.RootResourceId}}"}]}

    def create_resource(self, *, pathPart: str, **arguments: str) -> Facts:  # noqa: N803 - boto3's names
        properties = {**_capitalised(arguments), "PathPart": pathPart}
        name = "Path" + _logical(pathPart.strip("{}"))
        return {"id": f"${{{self.pad.write('ApiGateway::Resource', properties, name=name)}}}"}

    def put_method(self, **arguments: Any) -> None:
        self.pad.write("ApiGateway::Method", _capitalised(arguments), name=_method_name(arguments))

    def put_integration(self, **arguments: Any) -> None:
        self._method(arguments)["Integration"] = _capitalised(_without_route(arguments))

    def put_method_response(self, **arguments: str) -> None:
        self._method(arguments).setdefault("MethodResponses", []).append(_capitalised(_without_route(arguments)))

    def put_integration_response(self, **arguments: str) -> None:
        responses = self._method(arguments)["Integration"].setdefault("IntegrationResponses", [])
        responses.append(_capitalised(_without_route(arguments)))

    def create_deployment(self, *, restApiId: str, stageName: str) -> None:  # noqa: N803 - boto3's names
        methods = [name for name, one in self.pad.resources.items() if one["Type"] == "AWS::ApiGateway::Method"]
        deployment = self.pad.write("ApiGateway::Deployment", {"RestApiId": restApiId}, name="Deployment")
        self.pad.resources[deployment]["DependsOn"] = methods
        properties = {"RestApiId": restApiId, "DeploymentId": f"${{{deployment}}}", "StageName": stageName}
        self.pad.write("ApiGateway::Stage", properties, name="Stage")

    def _method(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = self.pad.resources[self.pad.node + _method_name(arguments)]["Properties"]
        return properties


def _without_route(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in ("restApiId", "resourceId", "httpMethod")}


def _method_name(arguments: Mapping[str, str]) -> str:
    """The end of a method's logical name: ``GET`` of the path whose resource is ``${ApiPathId}`` is ``GetId``."""
    return _logical(arguments["httpMethod"]) + arguments["resourceId"].strip("${}").rpartition("Path")[2]


def _logical(name: str) -> str:
    """A CloudFormation name: ``dead_letter_queue`` is ``DeadLetterQueue``, ``POST`` is ``Post``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _capitalised(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """boto3's names of API Gateway as CloudFormation has them."""
    return {name[:1].upper() + name[1:]: value for name, value in arguments.items()}


# What the lab knows of where it is, as a template has to leave it open.
_ANYWHERE = {REGION: "${AWS::Region}", ACCOUNT: "${AWS::AccountId}", "arn:aws:": "arn:${AWS::Partition}:"}


def _resolved(value: Any) -> Any:
    """``value`` with references in place of what names another resource, and of account, region and partition."""
    match value:
        case str():
            for known, anywhere in _ANYWHERE.items():
                value = value.replace(known, anywhere)
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
