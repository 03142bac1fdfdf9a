"""Making execution environments on a target that is busy: asked again for a minute, and then explained."""

from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from resources.lab.bench import make_environment
from workloads.errors import ArchduelError

THROTTLED = ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}}, "Invoke")
SLOW = ReadTimeoutError(endpoint_url="http://127.0.0.1:1")
MISSING = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}, "Invoke")


@dataclass
class Functions:
    """Fails so often, and then answers; its clock goes on by what is slept."""

    failure: Exception
    times: int
    calls: int = 0
    at_s: float = 0.0

    def invoke(self, **_arguments: object) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise self.failure

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds

    def make(self) -> None:
        make_environment(self, "command", now=lambda: self.at_s, sleep=self.sleep)


@pytest.mark.parametrize("failure", [THROTTLED, SLOW])
def test_a_busy_target_is_asked_again(failure: Exception) -> None:
    functions = Functions(failure, 3)
    functions.make()
    assert functions.calls == 4


@pytest.mark.parametrize("failure", [THROTTLED, SLOW])
def test_a_target_that_stays_busy_is_given_up_in_one_sentence(failure: Exception) -> None:
    functions = Functions(failure, 10_000)
    with pytest.raises(ArchduelError, match=r"^command could not be warmed up within 60 s: [^\n]*$"):
        functions.make()
    assert 60 < functions.at_s < 62


def test_any_other_refusal_is_raised_as_it_is() -> None:
    functions = Functions(MISSING, 1)
    with pytest.raises(ClientError, match="not found"):
        functions.make()
    assert functions.calls == 1
