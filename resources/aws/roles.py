"""What each part of an architecture may do on AWS, and what a person needs to run the lab there, and no more.

Put here policy documents: they are the one source for provisioning, for templates and for ``archduel permissions``.
Keep out making the roles (`resources.architectures.parts`).
"""

from collections.abc import Sequence
from typing import Any

Statement = dict[str, Any]

FUNCTIONS, APIS, TOPICS = "lambda.amazonaws.com", "apigateway.amazonaws.com", "sns.amazonaws.com"

_TABLE_NEEDS = {
    "command": ["dynamodb:UpdateItem"],
    "query": ["dynamodb:GetItem"],
    "result": ["dynamodb:GetItem"],
    "consumer": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
    "invoked": ["dynamodb:UpdateItem"],
    "service": ["dynamodb:UpdateItem"],
}

_ON_ITEMS = [
    f"dynamodb:{verb}"
    for verb in (
        *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
        *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DescribeTable"),
    )
]


def document(*statements: Statement) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trusting(service: str) -> dict[str, Any]:
    """The trust policy that lets a service assume a role."""
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _allowing(actions: Sequence[str], resource: str) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def running(entry: str, table: str, log_group: str, own_tables: Sequence[str] = ()) -> list[Statement]:
    """What a function needs: to call its table as its entry point does, and to write its log.

    Args:
        entry: Its entry point: ``command``, ``query``, ``result``, ``consumer``, ``invoked`` or ``service``; another
            one calls no table.
        table: The table's ARN; empty for none.
        log_group: Its log group's ARN, without a star.
        own_tables: The ARNs of tables of the user's own service, whose items it may do anything with.
    """
    return [
        *(_allowing(_ON_ITEMS, one) for arn in own_tables for one in (arn, f"{arn}/index/*")),
        *([_allowing(_TABLE_NEEDS[entry], table)] if table and entry in _TABLE_NEEDS else []),
        _allowing(["logs:CreateLogStream", "logs:PutLogEvents"], f"{log_group}:*"),
    ]


def copying(queue: str) -> Statement:
    """What the consumer needs that delivers marked messages twice or late: to put copies into the queue of this ARN."""
    return _allowing(["sqs:GetQueueUrl", "sqs:SendMessage"], queue)


def polling(queue: str) -> Statement:
    """What Lambda's pollers need, which act as the consumer: to take messages from the queue of this ARN."""
    return _allowing(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue)


def publishing(topic: str) -> Statement:
    """What a function needs to publish to the topic of this ARN."""
    return _allowing(["sns:Publish"], topic)


def receiving(queue: str, topic: str) -> dict[str, Any]:
    """The policy of the queue of this ARN that lets the topic of that one put messages into it, and nobody else."""
    return document(
        {
            **_allowing(["sqs:SendMessage"], queue),
            "Principal": {"Service": TOPICS},
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
    )


def calling(function: str) -> Statement:
    """What a function needs to invoke the function of this ARN."""
    return _allowing(["lambda:InvokeFunction"], function)


def sending(queue: str) -> Statement:
    """What an API needs to put requests into the queue of this ARN."""
    return _allowing(["sqs:SendMessage"], queue)


def operating() -> dict[str, Any]:
    """The policy of a user or role that runs the lab on AWS, for every account and region.

    The actions on all resources, listings and those of event source mappings, cannot be restricted to some.
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
                *(f"sqs:{verb}" for verb in ("GetQueueAttributes", "SetQueueAttributes", "ReceiveMessage")),
            ],
            "arn:aws:sqs:*:*:archduel-*",
        ),
        _allowing(
            [
                f"sns:{verb}"
                for verb in ("CreateTopic", "DeleteTopic", "Subscribe", "TagResource", "ListTagsForResource")
            ],
            "arn:aws:sns:*:*:archduel-*",
        ),
        _allowing(
            [
                *(f"lambda:{verb}Function" for verb in ("Create", "Delete", "Invoke")),
                *(
                    f"lambda:{verb}"
                    for verb in ("GetFunctionConfiguration", "AddPermission", "TagResource", "ListTags")
                ),
                *(f"lambda:{verb}FunctionConcurrency" for verb in ("Put", "Delete")),
                "lambda:PutFunctionEventInvokeConfig",
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
                *("dynamodb:ListTables", "iam:ListRoles", "logs:DescribeLogGroups", "sqs:ListQueues", "sns:ListTopics"),
                *("lambda:GetAccountSettings", "lambda:ListFunctions"),
                *(f"lambda:{verb}EventSourceMapping" for verb in ("Create", "Delete", "Get", "Update")),
                "lambda:ListEventSourceMappings",
            ],
            "*",
        ),
    )
