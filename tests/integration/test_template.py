"""The template and the provisioning held together: both made on one emulator, and looked at."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from resources.architectures import Architecture, architectures
from resources.architectures.packaging import package
from resources.architectures.stack import Stack
from resources.architectures.template import CODE, template, template_of_service
from resources.aws.clients import Clients
from resources.aws.integrations import STAGE
from resources.services.kept import keep
from tests.platforms import checking_permissions, platform
from workloads.places import Places
from workloads.replay.schedule import split_url

pytestmark = pytest.mark.emulator

_LAB_ALONE = {"AWS_ENDPOINT_URL_DYNAMODB"}


def with_code(clients: Clients) -> Clients:
    """The handlers' code in a bucket, as `aws cloudformation package` would put it."""
    s3 = clients.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="handlers.zip", Body=package())
    return clients


def deploy(clients: Clients, name: str, written: dict[str, Any], code: Mapping[str, bytes] = {}) -> str:
    """A CloudFormation stack of a template, with these folders of code; its name."""
    for folder, archive in code.items():
        clients.client("s3").put_object(Bucket="code", Key=f"{name}/{folder}.zip", Body=archive)
    for one in written["Resources"].values():
        if one["Properties"].get("Code") in code:
            one["Properties"]["Code"] = {"S3Bucket": "code", "S3Key": f"{name}/{one['Properties']['Code']}.zip"}
        if one["Properties"].get("Code") == CODE:
            one["Properties"]["Code"] = {"S3Bucket": "code", "S3Key": "handlers.zip"}
    formation = clients.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=json.dumps(written), Capabilities=["CAPABILITY_IAM"])
    deadline = time.monotonic() + 60
    while (stack := formation.describe_stacks(StackName=name)["Stacks"][0])[
        "StackStatus"
    ] == "CREATE_IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack.get("StackStatusReason")
    return name


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    running = platform(tmp_path_factory.mktemp("emulators")).start("template", 40)
    try:
        running.wait_until_ready()
        yield with_code(Clients(running.endpoint_url, key=running.key))
    finally:
        running.close()


@pytest.fixture(scope="module", params=list(architectures()))
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return architectures()[request.param]


@pytest.fixture(scope="module")
def deployed(clients: Clients, architecture: Architecture) -> str:
    """The name of a CloudFormation stack of the template."""
    return deploy(clients, f"adopted-{architecture.name.replace('_', '-')}", template(architecture))


@pytest.fixture(scope="module")
def provisioned(clients: Clients, architecture: Architecture) -> str:
    """The prefix of what the lab itself made."""
    prefix = f"lab-{architecture.name.replace('_', '-')}"
    Stack(clients, architecture.nodes, clients.endpoint_url, prefix=prefix).ensure_all()
    return prefix


def seen(clients: Clients, prefix: str) -> dict[str, Any]:
    """Everything the services say of what begins with ``prefix``, as far as it was decided and not drawn."""

    def plain(value: Any) -> Any:
        return json.loads(json.dumps(value, sort_keys=True, default=str).replace(prefix, "PREFIX"))

    functions = {
        one["FunctionName"]: {
            **{name: one[name] for name in ("Runtime", "Handler", "Timeout", "MemorySize")},
            "Variables": {
                name: value for name, value in one["Environment"]["Variables"].items() if name not in _LAB_ALONE
            },
        }
        for one in clients.lambda_.list_functions()["Functions"]
        if one["FunctionName"].startswith(f"{prefix}-")
    }
    queues = {}
    for url in clients.sqs.list_queues(QueueNamePrefix=f"{prefix}-").get("QueueUrls", []):
        attributes = clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        names = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "QueueArn")
        redrive = json.loads(attributes.get("RedrivePolicy", "null"))
        if redrive:
            redrive["maxReceiveCount"] = int(redrive["maxReceiveCount"])
        queues[url.rpartition("/")[2]] = {**{name: attributes[name] for name in names}, "RedrivePolicy": redrive}
    mappings = [
        {name: one[name] for name in ("EventSourceArn", "FunctionArn", "BatchSize", "FunctionResponseTypes")}
        for one in clients.lambda_.list_event_source_mappings()["EventSourceMappings"]
        if f":{prefix}-" in one["EventSourceArn"]
    ]
    table = clients.dynamodb.describe_table(TableName=f"{prefix}-orders")["Table"]
    return dict(
        plain(
            {
                "functions": functions,
                "queues": queues,
                "mappings": mappings,
                "table": [
                    table["KeySchema"],
                    table["AttributeDefinitions"],
                    table["BillingModeSummary"]["BillingMode"],
                ],
                "routes": routes(clients, api_of(clients, prefix)),
            }
        )
    )


def api_of(clients: Clients, prefix: str) -> str:
    apis = clients.apigateway.get_rest_apis(limit=500)["items"]
    return str(next(one["id"] for one in apis if one["name"] == f"{prefix}-api"))


def routes(clients: Clients, api: str) -> dict[str, Any]:
    """Path and verb to the integration, but for the role: the lab's does not exist."""
    gateway, found = clients.apigateway, {}
    for resource in gateway.get_resources(restApiId=api, limit=500)["items"]:
        for verb in resource.get("resourceMethods", {}):
            route = {"restApiId": api, "resourceId": resource["id"], "httpMethod": verb}
            integration = gateway.get_integration(**route)
            found[f"{verb} {resource['path']}"] = {
                **{
                    name: integration.get(name)
                    for name in ("type", "httpMethod", "uri", "requestTemplates", "requestParameters")
                },
                "responses": {
                    status: one.get("selectionPattern")
                    for status, one in integration.get("integrationResponses", {}).items()
                },
                "statuses": sorted(gateway.get_method(**route).get("methodResponses", {})),
                "credentials": "credentials" in integration,
            }
    return found


def test_what_the_template_makes_is_what_is_provisioned(clients: Clients, deployed: str, provisioned: str) -> None:
    assert seen(clients, deployed) == seen(clients, provisioned)


def ask(url: str, method: str, path: str, body: str | None = None) -> tuple[int, Message]:
    """The status and headers of an answer."""
    host, port, base = split_url(url)
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request(method, f"{base}{path}", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers


def order(clients: Clients, prefix: str) -> int:
    """Place an order; its status."""
    host, port, base = split_url(clients.api_url(api_of(clients, prefix), STAGE))
    assert base.endswith(STAGE)
    connection = http.client.HTTPConnection(host, port, timeout=20)
    body = json.dumps({"request_id": "1", "order_id": "o-1", "details": "noodles"})
    connection.request("POST", f"{base}/orders", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def stored(clients: Clients, prefix: str, within_s: float) -> dict[str, Any] | None:
    """The order, once it is there."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found: dict[str, Any] | None = clients.dynamodb.get_item(
            TableName=f"{prefix}-orders", Key={"id": {"S": "o-1"}}
        ).get("Item")
        if found:
            return found
        time.sleep(0.1)
    return None


def test_what_the_template_makes_serves(clients: Clients, architecture: Architecture, deployed: str) -> None:
    assert order(clients, deployed) == (202 if "command" in architecture.queued else 201)
    found = stored(clients, deployed, within_s=15)
    assert found is not None
    assert found["status"] == {"S": "placed"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """MiniStack with its permission checks on."""
    with checking_permissions(tmp_path_factory.mktemp("strict")) as url:
        yield with_code(Clients(url))


class TestWherePermissionsAreChecked:
    """The roles of the template are enough, and are needed."""

    @pytest.mark.parametrize("name", list(architectures()))
    def test_the_least_rights_are_enough(self, strict: Clients, name: str) -> None:
        architecture = architectures()[name]
        prefix = deploy(strict, f"strict-{name.replace('_', '-')}", template(architecture))
        assert order(strict, prefix) == (202 if "command" in architecture.queued else 201)
        assert stored(strict, prefix, within_s=15) is not None

    @pytest.mark.parametrize("name", [name for name, one in architectures().items() if one.takes_any_routes])
    def test_a_service_of_the_users_own_answers_its_users(self, strict: Clients, name: str, tmp_path: Path) -> None:
        architecture = architectures()[name]
        service = keep(Places(tmp_path), Path("tests/services/shortener/service.toml"))
        written, code = template_of_service(architecture, service)
        prefix = deploy(strict, f"own-{name.replace('_', '-')}", written, code)
        url = strict.api_url(api_of(strict, prefix), STAGE)
        body = '{"url": "https://example.com/lunch"}'
        assert ask(url, "PUT", "/links/lunch%20today", body)[0] == (202 if "command" in architecture.queued else 201)
        deadline, item = time.monotonic() + 15, None
        while item is None and time.monotonic() < deadline:
            key = {"slug": {"S": "lunch today"}}
            item = strict.dynamodb.get_item(TableName=f"{prefix}-service-links", Key=key).get("Item")
        assert item is not None
        assert item["url"] == {"S": "https://example.com/lunch"}
        status, headers = ask(url, "GET", "/links/lunch%20today")
        if "query" in architecture.queued:
            assert status == 202
        else:
            assert (status, headers["Location"]) == (302, "https://example.com/lunch")

    def test_with_less_nothing_is_stored(self, strict: Clients) -> None:
        written = template(architectures()["synchronous"])
        statements = written["Resources"]["CommandRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        statements[0]["Action"] = ["dynamodb:GetItem"]
        prefix = deploy(strict, "less", written)
        assert order(strict, prefix) >= 500
        assert stored(strict, prefix, within_s=0.5) is None
