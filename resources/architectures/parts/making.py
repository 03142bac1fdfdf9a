"""What making any part takes: tags, roles, and recognising what exists already.

Put here what several parts need. Keep out what a role may do (`resources.aws.roles`).
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from resources.architectures.stack import Facts, Stack
from resources.aws import roles
from resources.services.model import Function


def has_code(error: ClientError, code: str) -> bool:
    """Whether AWS refused with ``code``, such as the one of a resource that exists already."""
    return bool(error.response["Error"]["Code"] == code)


def tags(stack: Stack, parameter: str = "Tags") -> dict[str, Any]:
    """The stack's tags as a keyword argument of a boto3 call that takes a map of them; none where there are no tags."""
    return {parameter: dict(stack.tags)} if stack.tags else {}


def tag_list(stack: Stack) -> dict[str, Any]:
    """The stack's tags as a keyword argument in the form DynamoDB and IAM take, a list of pairs; none where there are
    no tags.
    """
    return {"Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()]} if stack.tags else {}


def make_role(stack: Stack, name: str, service: str, statements: Sequence[roles.Statement]) -> str:
    """Make a role that ``service`` assumes and that permits ``statements`` and nothing else.

    Args:
        stack: Whose role it is.
        name: Its name, without the stack's prefix.
        service: The service's principal, such as ``lambda.amazonaws.com``.
        statements: What it permits.

    Returns:
        Its ARN.
    """
    iam, name = stack.clients.iam, stack.resource_name(name)
    try:
        trust = json.dumps(roles.trusting(service))
        created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **tag_list(stack))
    except ClientError as error:
        if not has_code(error, "EntityAlreadyExists"):
            raise
        created = iam.get_role(RoleName=name)
    permit(stack, name, "least", statements)
    return str(created["Role"]["Arn"])


def permit(stack: Stack, role: str, policy: str, statements: Sequence[roles.Statement]) -> None:
    """Replace the inline ``policy`` of ``role``, both by their names in IAM, by one that permits ``statements``."""
    document = json.dumps(roles.document(*statements))
    stack.clients.iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)


def each_part(stack: Stack, node: str, make: Callable[[Function | None], Facts]) -> Facts:
    """What a node makes for each function of the service, or once.

    Returns:
        The facts of the first, and under ``others`` those of the others by the function's name.
    """
    made: dict[str, Facts] = {}
    for part in stack.parts(node):
        stack.beginning(part.name if made and part else "")
        made[part.name if part else ""] = make(part)
    stack.beginning("")
    first, *others = made
    return {**made[first], **({"others": {name: made[name] for name in others}} if others else {})}


def of_part(facts: Facts, part: Function | None) -> Facts:
    """What `each_part` made for one of the functions."""
    found: Facts = facts.get("others", {}).get(part.name, facts) if part else facts
    return found
