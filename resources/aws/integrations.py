"""Integrations of an API with a function or a queue: the lab deploys them, and therefore the probes use them, too.

Put here integrations of API Gateway. Keep out which route has which one (`resources.architectures.parts.api`) and how a
target behaves with it (`resources.conformance.behaviours`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from resources.aws.clients import ACCOUNT, REGION

ROLE = f"arn:aws:iam::{ACCOUNT}:role/archduel"  # emulators accept a role that does not exist
STAGE = "lab"

# The status a client gets for each status of the queue. Without patterns, a queue that refuses still means 202.
QUEUE_RESPONSES = (("202", r"2\d{2}"), ("500", r"4\d{2}"), ("503", r"5\d{2}"))
ASYNCHRONOUS_RESPONSES = (("202", None),)  # Lambda answers that it has the event; what it refuses is a 500
REQUEST_BODY = "$util.urlEncode($input.body)"


class QueueIdentity(NamedTuple):
    """The mapping templates of what a message to a FIFO queue has besides its body, percent-encoded."""

    group: str = ""
    deduplication: str = ""


def function_integration(arn: str, *, region: str = REGION, partition: str = "aws") -> dict[str, Any]:
    """A REST API's proxy integration with the function ``arn``, as arguments of boto3's ``put_integration``."""
    uri = f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri}


def asynchronous_integration(arn: str, *, region: str = REGION, partition: str = "aws") -> dict[str, Any]:
    """A REST API's integration that has Lambda queue the request's body for the function ``arn``, as arguments of
    boto3's ``put_integration``.

    docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html
    """
    return {
        **function_integration(arn, region=region, partition=partition),
        "type": "AWS",
        "requestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        "passthroughBehavior": "WHEN_NO_MATCH",  # there is no template: the body is the event
    }


def queue_integration(
    queue: str,
    message: str = REQUEST_BODY,
    identity: QueueIdentity | None = None,
    *,
    role: str = ROLE,
    account: str = ACCOUNT,
    region: str = REGION,
    partition: str = "aws",
) -> dict[str, Any]:
    """A REST API's integration with a queue, as arguments of boto3's ``put_integration``.

    Args:
        queue: The queue's name.
        message: The mapping template of the message's body, percent-encoded.
        identity: Its group and its deduplication id, where the queue is a FIFO one.
        role: The ARN of the role that sends the message.
        account: The queue's account.
        region: The queue's region.
        partition: The queue's partition.
    """
    more = f"&MessageGroupId={identity.group}&MessageDeduplicationId={identity.deduplication}" if identity else ""
    return {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "credentials": role,
        "uri": f"arn:{partition}:apigateway:{region}:sqs:path/{account}/{queue}",
        # SQS rejects a request without this type.
        "requestParameters": {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        "requestTemplates": {"application/json": f"Action=SendMessage&MessageBody={message}{more}"},
        "passthroughBehavior": "NEVER",
    }


def integrate(
    gateway: Any,
    route: dict[str, str],
    integration: dict[str, Any],
    responses: Iterable[tuple[str, str | None]] = (),
) -> None:
    """Give a method of a REST API its integration.

    Args:
        gateway: boto3's client of API Gateway.
        route: ``restApiId``, ``resourceId`` and ``httpMethod`` of the method.
        integration: As `function_integration` or `queue_integration` returns it.
        responses: The method's statuses, each with the pattern of the integration's statuses that selects it.
    """
    gateway.put_integration(**route, **integration)
    for status, pattern in responses:
        gateway.put_method_response(**route, statusCode=status)
        selection = {} if pattern is None else {"selectionPattern": pattern}
        gateway.put_integration_response(**route, statusCode=status, **selection)
