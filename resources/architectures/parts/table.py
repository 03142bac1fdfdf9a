"""The table of orders in DynamoDB, and those of the user's own service.

Put here the tables. Keep out what an item holds (`resources.architectures.handlers.orders`).
"""

from botocore.exceptions import ClientError

from resources.architectures.parts.making import has_code, tag_list
from resources.architectures.stack import Facts, Node, Stack
from resources.aws.patience import once
from resources.services.model import Index, Table

_BILLING = "PAY_PER_REQUEST"


def table() -> Node:
    """The table of orders, on demand, keyed by the order's id."""
    return Node((), _make, "dynamodb", "The orders: one item each, keyed by the order's id.")


def _make(stack: Stack) -> Facts:
    facts = _made(stack, stack.resource_name("orders"), Table(name="orders", key="id"))
    if stack.service is None:
        return facts
    tables = stack.service.service.tables
    names = {table.name: table.fixed_name or stack.resource_name(f"service-{table.name}") for table in tables}
    made = [_made(stack, names[table.name], table) for table in tables]
    return {
        **facts,
        "of_service": names,
        "arns_of_service": {one.name: facts["arn"] for one, facts in zip(tables, made, strict=True)},
    }


def _keys(of: Table | Index) -> list[dict[str, str]]:
    keys = ((of.key, "HASH"), (of.sort_key, "RANGE"))
    return [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in keys if attribute]


def _made(stack: Stack, name: str, table: Table) -> Facts:
    dynamodb = stack.clients.dynamodb
    indexes = [
        {"IndexName": one.name, "KeySchema": _keys(one), "Projection": {"ProjectionType": "ALL"}}
        for one in table.indexes
    ]
    try:
        created = dynamodb.create_table(
            TableName=name,
            KeySchema=_keys(table),
            AttributeDefinitions=[
                {"AttributeName": attribute, "AttributeType": kind} for attribute, kind in table.attributes.items()
            ],
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
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
