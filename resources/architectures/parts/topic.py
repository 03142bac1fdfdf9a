"""The topic in SNS, which passes what is published on to several queues.

Put here the topic and its subscriptions. Keep out the queues (`resources.architectures.parts.queue`) and who publishes
(`resources.architectures.parts.function`).
"""

import json

from resources.architectures.parts.making import tag_list
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles

TOPIC = "topic"  # the node's name


def topic(*queues: str) -> Node:
    """A topic to which these queues, by their nodes, are subscribed: each gets every message, and the body as it was
    published.
    """
    return Node(queues, lambda stack: _make(stack, queues), "sns", f"Passes every command on to {len(queues)} queues.")


def _make(stack: Stack, queues: tuple[str, ...]) -> Facts:
    sns, name = stack.clients.sns, stack.resource_name("orders")
    arn = sns.create_topic(Name=name, **tag_list(stack))["TopicArn"]
    for queue in (stack.facts[queue] for queue in queues):
        policy = json.dumps(roles.receiving(queue["arn"], arn))
        stack.clients.sqs.set_queue_attributes(QueueUrl=queue["url"], Attributes={"Policy": policy})
        # As it was published, without SNS's envelope: its consumer takes a message as it takes one of the API's.
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["arn"], Attributes=raw, ReturnSubscriptionArn=True)
    return {"name": name, "arn": arn, "subscribed": list(queues)}
