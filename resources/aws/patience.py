"""Repeating what AWS refuses only because something just made is not known everywhere, and waiting for what it makes.

Put here which refusals pass by themselves, and how long they are waited for. Keep out throttles and lost connections:
botocore retries those (`resources.aws.clients`).
"""

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

from resources.aws.clients import Pace
from workloads.errors import ArchduelError

Made = TypeVar("Made")

# Code and words of refusals that end once a role is known everywhere, or an earlier update has ended.
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
    refusal = error.response["Error"]
    return any(refusal["Code"] == code and words in refusal.get("Message", "") for code, words in _PASSING)


def patiently(call: Callable[[], Made], pace: Pace, sleep: Callable[[float], None] = time.sleep) -> Made:
    """Repeat ``call`` while it is refused for a reason that passes, and return what it returns.

    Raises `ClientError` for any other refusal, and for a passing one that lasts longer than ``pace.patience_s``.
    """
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
    """Call ``look`` until what it returns is ``ready``, and return that.

    Args:
        look: Returns the state of something.
        ready: Whether that state is the awaited one.
        what: The error's words where it never is, such as ``table orders did not become active``.
        pace: How often it is looked at, and for how long.
        sleep: Waits for a number of seconds.

    Raises:
        ArchduelError: It was not ready within ``pace.patience_s``.
    """
    deadline = time.monotonic() + pace.patience_s
    while not ready(seen := look()):
        if time.monotonic() > deadline:
            raise ArchduelError(f"{what} within {pace.patience_s:.0f} s")
        sleep(pace.poll_s)
    return seen
