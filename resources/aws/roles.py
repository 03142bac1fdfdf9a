"""What each part of an architecture may do on AWS, and who runs the lab, and no more: the one source of roles, for
provisioning and for the template.

Belongs here: policy documents. Who makes a role of them is `resources.architectures.parts`.
"""

from collections.abc import Sequence
from typing import Any

Statement = dict[str, Any]

FUNCTIONS, APIS = "lambda.amazonaws.com", "apigateway.amazonaws.com"

_TABLE_NEEDS = {
    "command": ["dynamodb:UpdateItem"],
    "query": ["dynamodb:GetItem"],
    "consumer": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
}


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trusting(service: str) -> dict[str, Any]:
    """A service may take the role on."""
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _allowing(actions: Sequence[str], resource: str) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def running(entry: str, table: str, log_group: str) -> list[Statement]:
    """A function asks its table, and writes its own log; ARNs, the log group's without a star."""
    return [
        _allowing(_TABLE_NEEDS[entry], table),
        _allowing(["logs:CreateLogStream", "logs:PutLogEvents"], f"{log_group}:*"),
    ]


def copying(queue: str) -> Statement:
    """The consumer behind the injector of a queue's irregularities puts copies into it."""
    return _allowing(["sqs:GetQueueUrl", "sqs:SendMessage"], queue)


def polling(queue: str) -> Statement:
    """Lambda's pollers take messages in the consumer's name."""
    return _allowing(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue)


def sending(queue: str) -> Statement:
    """An API puts requests into the queue."""
    return _allowing(["sqs:SendMessage"], queue)


def operating() -> dict[str, Any]:
    """What a person needs to run the lab on AWS: the policy of a user or role, for every account and region.

    Actions that AWS lets nobody narrow down to a resource are listings, and those of event source mappings.
    """
    return document(
        _allowing(
            [
                *(f"dynamodb:{verb}" for verb in ("CreateTable", "DescribeTable", "DeleteTable", "TagResource")),
                *(f"dynamodb:{verb}" for verb in ("ListTagsOfResource", "Scan", "BatchWriteItem")),
            ],
            "arn:aws:dynamodb:*:*:table/archduel-*",
        ),
        _allowing(
            [
                *(f"sqs:{verb}" for verb in ("CreateQueue", "DeleteQueue", "TagQueue", "ListQueueTags")),
                *(f"sqs:{verb}" for verb in ("GetQueueAttributes", "ReceiveMessage")),
            ],
            "arn:aws:sqs:*:*:archduel-*",
        ),
        _allowing(
            [
                *(f"lambda:{verb}Function" for verb in ("Create", "Delete", "Invoke")),
                *(
                    f"lambda:{verb}"
                    for verb in ("GetFunctionConfiguration", "AddPermission", "TagResource", "ListTags")
                ),
                *(f"lambda:{verb}FunctionConcurrency" for verb in ("Put", "Delete")),
            ],
            "arn:aws:lambda:*:*:function:archduel-*",
        ),
        _allowing(
            [
                *(f"logs:{verb}" for verb in ("CreateLogGroup", "DeleteLogGroup", "TagResource")),
                *(f"logs:{verb}" for verb in ("ListTagsForResource", "FilterLogEvents")),
            ],
            "arn:aws:logs:*:*:log-group:/aws/lambda/archduel-*",
        ),
        _allowing(
            [
                *(f"iam:{verb}Role" for verb in ("Create", "Delete", "Tag")),
                *(f"iam:{verb}" for verb in ("PutRolePolicy", "DeleteRolePolicy", "ListRolePolicies", "ListRoleTags")),
            ],
            "arn:aws:iam::*:role/archduel-*",
        ),
        {
            **_allowing(["iam:PassRole"], "arn:aws:iam::*:role/archduel-*"),
            "Condition": {"StringEquals": {"iam:PassedToService": [FUNCTIONS, APIS]}},
        },
        _allowing(
            [f"apigateway:{verb}" for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")],
            "arn:aws:apigateway:*::/restapis*",
        ),
        _allowing(["apigateway:POST", "apigateway:PUT"], "arn:aws:apigateway:*::/tags/*"),
        *(
            _allowing(["apigateway:GET"], f"arn:aws:apigateway:*::/{what}")
            for what in ("usageplans", "apikeys", "apis")
        ),
        _allowing(
            [
                *("dynamodb:ListTables", "iam:ListRoles", "logs:DescribeLogGroups", "sqs:ListQueues"),
                *("lambda:GetAccountSettings", "lambda:ListFunctions"),
                *(f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Delete", "Get", "Update")),
                "lambda:ListEventSourceMappings",
            ],
            "*",
        ),
    )
