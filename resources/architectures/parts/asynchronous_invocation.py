"""Asynchronous invocation of the consumer: Lambda queues the requests itself, tries again, and hands over what failed.

Put here how often it tries, and where what failed goes. Keep out the function
(`resources.architectures.parts.function`) and the API's way of invoking it (`resources.aws.integrations`).
"""

from resources.architectures.parts.event_source_mapping import CONSUMER
from resources.architectures.parts.function import function
from resources.architectures.parts.making import permit
from resources.architectures.parts.queue import DEAD_LETTER_QUEUE, dead_letter_queue
from resources.architectures.stack import Facts, Node, Stack
from resources.aws import roles
from resources.aws.patience import patiently

ASYNCHRONOUS_INVOCATION = "asynchronous_invocation"  # the node's name
PAUSES_S = (60, 120)  # before the second and the third attempt at what fails, after which Lambda gives it up
MOST_ATTEMPTS = 1 + len(PAUSES_S)
MAX_AGE_S = 21_600  # of a request in its queue, the longest there is
LONGEST_PAUSE_S = max(PAUSES_S)


def attempts(max_receive_count: int) -> int:
    """How often a request is tried where a message would be received so often at most."""
    return min(MOST_ATTEMPTS, max_receive_count)


def asynchronous_invocation() -> Node:
    """What Lambda does with the requests that it queues for the consumer."""
    what = "How often Lambda tries a request that fails, and the queue it then goes to."
    return Node((CONSUMER, DEAD_LETTER_QUEUE), _make, "lambda_retries", what)


def _make(stack: Stack) -> Facts:
    consumer, destination = stack.facts[CONSUMER]["name"], stack.facts[DEAD_LETTER_QUEUE]["arn"]
    permit(stack, consumer, "destination", [roles.sending(destination)])  # the function and its role have the same name
    retries = attempts(stack.settings.max_receive_count) - 1
    patiently(
        lambda: stack.clients.lambda_.put_function_event_invoke_config(
            FunctionName=consumer,
            MaximumRetryAttempts=retries,
            MaximumEventAgeInSeconds=MAX_AGE_S,
            DestinationConfig={"OnFailure": {"Destination": destination}},
        ),
        stack.clients.pace,
    )
    return {"function": consumer, "retries": retries, "destination": destination}


def invoking() -> dict[str, Node]:
    """The parts that asynchronous invocation takes."""
    return {
        DEAD_LETTER_QUEUE: dead_letter_queue(),
        CONSUMER: function("consumer", handler="invoked"),
        ASYNCHRONOUS_INVOCATION: asynchronous_invocation(),
    }
