"""How an API stands before a function or a queue: what the lab deploys, and therefore what the probes provoke.

Belongs here: integrations. Which route has which integration is the business of
`resources.architectures.parts`, what a target makes of one that of `resources.conformance.behaviours`.
"""

from collections.abc import Iterable
from typing import Any

from resources.aws.clients import ACCOUNT, REGION

ROLE = f"arn:aws:iam::{ACCOUNT}:role/archduel"  # emulators accept a role that does not exist
STAGE = "lab"

# The client's status for each of the queue's: without patterns a queue that refuses still answers 202.
QUEUE_RESPONSES = (("202", r"2\d{2}"), ("500", r"4\d{2}"), ("503", r"5\d{2}"))
REQUEST_BODY = "$util.urlEncode($input.body)"


def function_integration(arn: str, *, region: str = REGION, partition: str = "aws") -> dict[str, Any]:
    """A REST API's proxy integration with the function ``arn``."""
    uri = f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"
    return {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri}


def queue_integration(
    queue: str,
    message: str = REQUEST_BODY,
    *,
    role: str = ROLE,
    account: str = ACCOUNT,
    region: str = REGION,
    partition: str = "aws",
) -> dict[str, Any]:
    """A REST API's integration with the queue of this name; ``message`` is the template of what is sent, ``role`` may
    send it."""
    return {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "credentials": role,
        "uri": f"arn:{partition}:apigateway:{region}:sqs:path/{account}/{queue}",
        # SQS rejects a request without this type.
        "requestParameters": {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        "requestTemplates": {"application/json": f"Action=SendMessage&MessageBody={message}"},
        "passthroughBehavior": "NEVER",
    }


def integrate(
    gateway: Any,
    route: dict[str, str],
    integration: dict[str, Any],
    responses: Iterable[tuple[str, str | None]] = (),
) -> None:
    """Give the REST method ``route`` its integration.

    ``responses`` are the method's statuses, each with the pattern of the integration's that select it.
    """
    gateway.put_integration(**route, **integration)
    for status, pattern in responses:
        gateway.put_method_response(**route, statusCode=status)
        selection = {} if pattern is None else {"selectionPattern": pattern}
        gateway.put_integration_response(**route, statusCode=status, **selection)
