"""The table of orders in DynamoDB.

Put here the table. Keep out what an item holds (`resources.architectures.handlers.orders`).
"""

from botocore.exceptions import ClientError

from resources.architectures.parts.making import has_code, tag_list
from resources.architectures.stack import Facts, Node, Stack
from resources.aws.patience import once

_BILLING = "PAY_PER_REQUEST"


def table() -> Node:
    """The table of orders, on demand, keyed by the order's id."""
    return Node((), _make, "dynamodb", "The orders: one item each, keyed by the order's id.")


def _make(stack: Stack) -> Facts:
    name, dynamodb = stack.resource_name("orders"), stack.clients.dynamodb
    try:
        created = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode=_BILLING,
            **tag_list(stack),
        )["TableDescription"]
    except ClientError as error:
        if not has_code(error, "ResourceInUseException"):
            raise
        created = dynamodb.describe_table(TableName=name)["Table"]
    if created.get("TableStatus") == "CREATING":
        once(
            lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"],
            lambda status: bool(status == "ACTIVE"),
            f"table {name} did not become active",
            stack.clients.pace,
        )
    return {"name": name, "arn": created["TableArn"], "billing": _BILLING}
