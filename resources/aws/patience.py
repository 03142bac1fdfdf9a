"""Trying again what AWS refuses because something just made is not known everywhere yet, and waiting for what it makes.

Belongs here: which refusals pass by themselves, and how long they are waited for. Throttles and lost connections are
botocore's business.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from resources.aws.clients import Pace
from workloads.errors import ArchduelError

Made = TypeVar("Made")

# Code and words of refusals that end once a role is known everywhere, or an update before has ended.
_PASSING = (
    ("InvalidParameterValueException", "cannot be assumed by Lambda"),
    ("InvalidParameterValueException", "does not have permissions to call"),
    ("InvalidParameterValueException", "KMS key is invalid for CreateGrant"),
    ("BadRequestException", "does not have permission to assume the provided role"),
    ("BadRequestException", "Invalid role"),
    ("ResourceConflictException", "update is in progress"),
    ("ResourceInUseException", "because it is in use"),  # a mapping that is still being switched
)


def passes(error: ClientError) -> bool:
    """Whether the refusal ends by itself."""
    told = error.response["Error"]
    return any(told["Code"] == code and words in told.get("Message", "") for code, words in _PASSING)


def patiently(call: Callable[[], Made], pace: Pace, sleep: Callable[[float], None] = time.sleep) -> Made:
    """What ``call`` returns once nothing passing refuses it any more; the refusal itself where that takes too long."""
    waited_s = 0.0
    while True:
        try:
            return call()
        except ClientError as error:
            if not passes(error) or waited_s >= pace.patience_s:
                raise
        sleep(pace.poll_s)
        waited_s += pace.poll_s


def once(
    look: Callable[[], Made],
    ready: Callable[[Made], bool],
    what: str,
    pace: Pace,
    sleep: Callable[[float], None] = time.sleep,
) -> Made:
    """What ``look`` returns once it is ``ready``. Raises `ArchduelError` where ``what`` does not come about in time."""
    deadline = time.monotonic() + pace.patience_s
    while not ready(seen := look()):
        if time.monotonic() > deadline:
            raise ArchduelError(f"{what} within {pace.patience_s:.0f} s")
        sleep(pace.poll_s)
    return seen
