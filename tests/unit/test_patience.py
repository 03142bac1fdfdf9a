"""What is tried again until a role or a mapping is known everywhere, and what is not."""

import pytest
from botocore.exceptions import ClientError

from resources.aws.clients import Pace
from resources.aws.patience import once, passes, patiently
from workloads.errors import ArchduelError

PACE = Pace(poll_s=2.0, patience_s=10.0)


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "SomeOperation")


NOT_YET = refusal("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
PASSING = [
    NOT_YET,
    refusal(
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    ),
    refusal("BadRequestException", "API Gateway does not have permission to assume the provided role"),
    refusal(
        "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for x"
    ),
    refusal("ResourceInUseException", "Cannot update the event source mapping because it is in use."),
]
LASTING = [
    refusal("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes"),
    refusal("AccessDeniedException", "User is not authorized to perform: lambda:CreateFunction"),
    refusal("ExpiredTokenException", "The security token included in the request is expired"),
    refusal("ResourceConflictException", "Function already exist: x"),
    refusal("LimitExceededException", "too many"),
]


class Refusing:
    """Refuses with ``errors``, one after the other, and then answers."""

    def __init__(self, *errors: ClientError) -> None:
        self.errors, self.slept = list(errors), 0.0

    def call(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "made"

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_is_tried_again(error: ClientError) -> None:
    assert passes(error)
    role = Refusing(error, error, error)
    assert patiently(role.call, PACE, role.sleep) == "made"
    assert role.slept == 6.0


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_any_other_refusal_is_raised_at_once(error: ClientError) -> None:
    role = Refusing(error, error)
    with pytest.raises(ClientError) as caught:
        patiently(role.call, PACE, role.sleep)
    assert caught.value is error
    assert role.slept == 0.0


def test_what_does_not_pass_in_time_is_raised() -> None:
    role = Refusing(*[NOT_YET] * 100)
    with pytest.raises(ClientError, match="cannot be assumed"):
        patiently(role.call, PACE, role.sleep)
    assert role.slept == 10.0


def test_something_that_comes_about_is_waited_for() -> None:
    looks = iter(["CREATING", "CREATING", "ACTIVE"])
    slept: list[float] = []
    assert once(lambda: next(looks), "ACTIVE".__eq__, "no table", PACE, slept.append) == "ACTIVE"
    assert slept == [2.0, 2.0]


def test_something_that_never_comes_about_is_named() -> None:
    with pytest.raises(ArchduelError, match="table x did not become active within 0 s"):
        once(lambda: "CREATING", "ACTIVE".__eq__, "table x did not become active", Pace(patience_s=0.0))
