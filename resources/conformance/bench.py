"""What probes build with: functions, queues, mappings and APIs on a running target, each under a name of its own.

Put here making things and looking at them, with boto3 and plain HTTP. Keep out judging what was seen
(`resources.conformance.probes`).
"""

import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from resources.architectures.packaging import package
from resources.aws.clients import Services
from resources.aws.integrations import ROLE, STAGE, integrate
from resources.aws.roles import receiving
from workloads.errors import ArchduelError
from workloads.replay.schedule import split_url

Facts = dict[str, Any]
Result = TypeVar("Result")

_HANDLER = Path(__file__).with_name("handler.py")


def wait_until(look: Callable[[], Result], *, seconds: float, pause_s: float = 0.05) -> Result:
    """Call ``look`` until its result is true or ``seconds`` are over, and return the last result."""
    deadline = time.monotonic() + seconds
    while True:
        result = look()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(pause_s)


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Call all of ``calls`` at the same time, and return their results in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def largest_overlap(invocations: Sequence[Facts]) -> int:
    """The largest number of the handler's invocations that ran at the same moment."""
    edges = [(fact["began_ns"], 1) for fact in invocations] + [(fact["ended_ns"], -1) for fact in invocations]
    return max(itertools.accumulate(step for _, step in sorted(edges)), default=0)


def _ask_for_one_at_once(params: Facts, **_: Any) -> None:
    """Change the body of a request, after boto3 has checked it."""
    params["body"] = json.dumps({**json.loads(params["body"]), "ScalingConfig": {"MaximumConcurrency": 1}}).encode()


@dataclass(frozen=True)
class Reply:
    """The result of a direct invocation. ``error`` is Lambda's word for a function that failed, or its refusal."""

    status: int
    error: str | None
    payload: Any

    @classmethod
    def of(cls, answer: Facts) -> "Reply":
        """The reply of what boto3 returns."""
        raw = answer["Payload"].read()
        return cls(answer["StatusCode"], answer.get("FunctionError"), json.loads(raw) if raw else None)

    @property
    def facts(self) -> Facts:
        """What the handler returned. Raises `ArchduelError` where it did not return."""
        if self.status != 200 or self.error:
            raise ArchduelError(f"an invocation that should have run ended in {self.status} {self.error or ''}".strip())
        facts: Facts = self.payload
        return facts


@dataclass(frozen=True)
class HttpAnswer:
    """What a client of an API got, and after how many ``seconds``."""

    status: int
    body: str
    seconds: float


@dataclass(frozen=True)
class Function:
    """A function that runs `resources.conformance.handler`."""

    clients: Services
    name: str
    arn: str

    def invoke(self, **event: Any) -> Reply:
        """Invoke it and wait. A refusal is a reply as well."""
        try:
            answer = self.clients.lambda_.invoke(FunctionName=self.name, Payload=json.dumps(event))
        except ClientError as error:
            return Reply(error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"], None)
        return Reply.of(answer)

    def invoke_at_once(self, times: int, **event: Any) -> list[Reply]:
        """Invoke it a number of times at the same moment."""
        return at_once([lambda: self.invoke(**event)] * times)

    def reserve(self, concurrency: int) -> None:
        """Set its reserved concurrency."""
        self.clients.lambda_.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=concurrency)

    def invocations(self) -> list[Facts]:
        """The facts of every invocation that ended, in the order of their beginnings, from the function's log."""
        try:
            pages = self.clients.logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{self.name}"
            )
            messages = [event["message"] for page in pages for event in page["events"]]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []  # it was never invoked
        lines = (line for message in messages for line in message.splitlines())
        facts = [json.loads(line) for line in lines if line.startswith('{"probe":1')]
        return sorted(facts, key=lambda fact: fact["began_ns"])

    def batches(self) -> list[Facts]:
        """Those of its invocations that a mapping made, with at least one message each."""
        return [fact for fact in self.invocations() if fact["records"]]

    def records(self) -> list[Facts]:
        """Every message that reached it through a mapping, in order."""
        return [record for fact in self.batches() for record in fact["records"]]


@dataclass(frozen=True)
class Queue:
    """An SQS queue."""

    clients: Services
    name: str
    url: str
    arn: str

    def send(self, count: int, **event: Any) -> None:
        """Send messages for the handler, with the ids 0 to ``count`` - 1, in this order."""
        for start in range(0, count, 10):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps({"id": number, **event})}
                for number in range(start, min(start + 10, count))
            ]
            self.clients.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, at_most: int = 10, **options: Any) -> list[Facts]:
        """The messages of one receive, with ``options`` of boto3's."""
        messages: list[Facts] = self.clients.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=at_most,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            **options,
        ).get("Messages", [])
        return messages

    def take_all(self) -> Iterator[Facts]:
        """Receive and delete messages until there are no more."""
        while messages := self.receive():
            yield from messages
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)
            ]
            self.clients.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def attributes(self) -> dict[str, str]:
        """All of SQS's attributes of it."""
        answer = self.clients.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def counts(self) -> tuple[int, int, int]:
        """How many messages it reports as visible, in flight and delayed."""
        attributes = self.attributes()
        visible, in_flight, delayed = (
            int(attributes[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed")
        )
        return visible, in_flight, delayed

    def delete(self) -> None:
        """Delete it."""
        self.clients.sqs.delete_queue(QueueUrl=self.url)


@dataclass(frozen=True)
class Mapping:
    """An event source mapping, disabled until `enable`, so that messages can wait for it."""

    clients: Services
    uuid: str

    def enable(self, enabled: bool = True) -> None:
        """Enable or disable it."""
        self.clients.lambda_.update_event_source_mapping(UUID=self.uuid, Enabled=enabled)


@dataclass(frozen=True)
class Api:
    """A deployed API. ``url`` answers POST."""

    api_id: str
    stage: str
    url: str

    def post(self, headers: dict[str, str] | None = None, **event: Any) -> HttpAnswer:
        """Call it once, without a retry."""
        host, port, path = split_url(self.url)
        connection = http.client.HTTPConnection(host, port, timeout=20)
        started = time.monotonic()
        try:
            all_headers = {"Content-Type": "application/json", **(headers or {})}
            connection.request("POST", path, json.dumps(event), all_headers)
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
            return HttpAnswer(response.status, body, time.monotonic() - started)
        finally:
            connection.close()


class ProbeBench:
    """Makes what probes need on one target. Safe to use from several threads."""

    def __init__(self, clients: Services, prefix: str = "archduel") -> None:
        self.clients = clients
        self._prefix = prefix
        self._numbers = itertools.count(1)
        for service in ("apigateway", "apigatewayv2", "cloudwatch", "dynamodb", "lambda_", "logs", "sns", "sqs"):
            getattr(clients, service)  # made now, since several threads must not make clients at once
        self._unchecked_lambda = clients.client("lambda")
        self._unchecked_lambda.meta.events.register("before-call.lambda.CreateEventSourceMapping", _ask_for_one_at_once)

    def name(self, what: str) -> str:
        """A name that nothing else on the target has."""
        return f"{self._prefix}-probe-{what}-{next(self._numbers)}"

    def function(self, *, timeout_s: int = 10, reserved: int | None = None, warm: int = 0) -> Function:
        """An active function, of which ``warm`` environments were started.

        Args:
            timeout_s: Its time-out.
            reserved: Its reserved concurrency, if any.
            warm: How many environments are started.

        Raises:
            ArchduelError: It did not become active within 30 s.
        """
        name = self.name("function")
        made = self.clients.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=ROLE,
            Handler="handler.handle",
            Timeout=timeout_s,
            Code={"ZipFile": package(_HANDLER)},
        )
        function = Function(self.clients, name, made["FunctionArn"])
        if not wait_until(lambda: self._state(name) == "Active", seconds=30):
            raise ArchduelError(f"function {name} did not become active within 30 s")
        if reserved is not None:
            function.reserve(reserved)
        if warm:
            function.invoke_at_once(warm, sleep_ms=300)
        return function

    def _state(self, name: str) -> str:
        return str(self.clients.lambda_.get_function_configuration(FunctionName=name)["State"])

    def queue(self, *, fifo: bool = False, dead_letters_after: int | None = None, **attributes: int | str) -> Queue:
        """A queue with these attributes. After ``dead_letters_after`` receives, a message moves to another queue."""
        if dead_letters_after is not None:
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": self.queue().arn, "maxReceiveCount": dead_letters_after}
            )
        if fifo:
            attributes["FifoQueue"] = "true"
        name = self.name("queue") + (".fifo" if fifo else "")
        texts = {key: str(value) for key, value in attributes.items()}
        url = self.clients.sqs.create_queue(QueueName=name, Attributes=texts)["QueueUrl"]
        answer = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return Queue(self.clients, name, url, answer["Attributes"]["QueueArn"])

    def dead_letter_queue(self, queue: Queue) -> Queue:
        """The queue to which ``queue`` moves messages that were received too often."""
        arn = json.loads(queue.attributes()["RedrivePolicy"])["deadLetterTargetArn"]
        name = arn.rpartition(":")[2]
        url = self.clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return Queue(self.clients, name, url, arn)

    def topic(self, *queues: Queue, allowed: bool = True, attributes: dict[str, str] | None = None) -> str:
        """The ARN of a topic to which these queues are subscribed, with ``attributes`` of each subscription. They take
        its messages only where ``allowed``.
        """
        arn = str(self.clients.sns.create_topic(Name=self.name("topic"))["TopicArn"])
        for queue in queues:
            if allowed:
                policy = json.dumps(receiving(queue.arn, arn))
                self.clients.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
            self.clients.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes or {})
        return arn

    def mapping(self, queue: Queue, function: Function, **options: Any) -> Mapping:
        """A disabled mapping of ``queue`` to ``function``, with ``options`` of boto3's."""
        made = self.clients.lambda_.create_event_source_mapping(
            EventSourceArn=queue.arn, FunctionName=function.name, Enabled=False, **options
        )
        return Mapping(self.clients, made["UUID"])

    def mapping_of_one_at_once(self, queue: Queue, function: Function) -> Mapping:
        """A disabled mapping with a maximum concurrency of 1, which boto3 does not let a caller ask for."""
        made = self._unchecked_lambda.create_event_source_mapping(
            EventSourceArn=queue.arn, FunctionName=function.name, Enabled=False
        )
        return Mapping(self.clients, made["UUID"])

    def table(self, **options: Any) -> str:
        """The name of a new table keyed by the string ``id``, on demand unless boto3's ``options`` say otherwise."""
        name = self.name("table")
        self.clients.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            **(options or {"BillingMode": "PAY_PER_REQUEST"}),
        )
        return name

    @staticmethod
    def canned_integration() -> Facts:
        """A REST API's integration that answers 200 by itself."""
        return {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}

    def rest_api(
        self, integration: Facts, responses: Sequence[tuple[str, str | None]] = (), *, api_key: bool = False
    ) -> Api:
        """A deployed REST API with one method.

        Args:
            integration: The method's.
            responses: The method's statuses, each with the pattern of the integration's statuses that selects it.
            api_key: Whether a key is required.
        """
        gateway = self.clients.apigateway
        api_id = gateway.create_rest_api(name=self.name("api"))["id"]
        root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
        resource = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="probe")["id"]
        route = {"restApiId": api_id, "resourceId": resource, "httpMethod": "POST"}
        gateway.put_method(**route, authorizationType="NONE", apiKeyRequired=api_key)
        integrate(gateway, route, integration, responses)
        gateway.create_deployment(restApiId=api_id, stageName=STAGE)
        return self._api(api_id)

    def http_api(self, integration: Facts, stage: Facts | None = None) -> Api:
        """A deployed HTTP API (v2) with one route, with ``stage`` options of boto3's."""
        gateway = self.clients.apigatewayv2
        api_id = gateway.create_api(Name=self.name("http-api"), ProtocolType="HTTP")["ApiId"]
        integration_id = gateway.create_integration(ApiId=api_id, **integration)["IntegrationId"]
        gateway.create_route(ApiId=api_id, RouteKey="POST /probe", Target=f"integrations/{integration_id}")
        gateway.create_stage(ApiId=api_id, StageName=STAGE, AutoDeploy=True, **(stage or {}))
        return self._api(api_id)

    def _api(self, api_id: str) -> Api:
        return Api(api_id, STAGE, f"{self.clients.api_url(api_id, STAGE)}/probe")

    @staticmethod
    def http_function_integration(function: Function, **options: Any) -> Facts:
        """An HTTP API's proxy integration with a function."""
        return {
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": function.arn,
            "PayloadFormatVersion": "2.0",
            **options,
        }
