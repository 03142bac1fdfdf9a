"""What each part of an architecture may do on AWS, and no more: the one source of roles, for provisioning and for the
template.

Belongs here: policy documents. Who makes a role of them is `resources.architectures.parts`.
"""

from collections.abc import Sequence
from typing import Any

Statement = dict[str, Any]

PATH = "/archduel/"  # of every role: one may be allowed to make roles there, and nowhere else
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
